"""Boxes, coordinates and names of places as territories."""
