"""One dataset for records of several catalogues that describe the same data."""
