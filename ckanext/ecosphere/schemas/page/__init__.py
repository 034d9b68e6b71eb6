"""The page of a dataset: what is seen first, its resources by use, what is around it, how it is cited."""
