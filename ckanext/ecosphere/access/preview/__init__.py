"""Previews of data: samples made in the background,
and map images fetched through the HTTP guard.
"""
