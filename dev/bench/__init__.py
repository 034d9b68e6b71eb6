"""Measures of speed, run by hand: `make bench-…`."""
