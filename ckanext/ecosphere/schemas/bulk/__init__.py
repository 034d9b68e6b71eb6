"""Bulk edits: one change to many datasets, previewed, carried out in the background, and undone as a whole."""
