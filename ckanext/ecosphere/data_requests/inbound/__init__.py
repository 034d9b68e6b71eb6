"""Replies by e-mail: who may send one, what of it counts, and what becomes of it."""
