"""Requests, answers, sessions and cookies: what must hold for every page,
whichever extension serves it.
"""
