"""Facts about a dataset, criteria and scores, mostly as pure functions."""
