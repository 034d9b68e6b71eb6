"""Queries over requests: full text, lists with facets, similar requests and datasets, statistics."""
