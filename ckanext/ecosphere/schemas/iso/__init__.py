"""Datasets as ISO 19139 records."""
