"""The page of a dataset: summary, resources by use, related datasets, citation."""
