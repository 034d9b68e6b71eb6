"""Scores kept: computed on save, again when due, in the table and in the index."""
