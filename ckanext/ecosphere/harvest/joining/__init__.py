"""The same dataset in several catalogues: recognised, published once, from the source that has priority."""
