"""Goldens: what the product makes of known records,
kept to see what a change of the code changes.
"""
