"""Facts of a dataset, criteria and scores: pure."""
