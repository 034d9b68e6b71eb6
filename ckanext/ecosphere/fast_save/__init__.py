"""Datasets saved many at a time, as CKAN would save each: validation, rows, documents of the index."""
