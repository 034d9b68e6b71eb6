"""De-duplication: one dataset for the records of several catalogues that describe the same data."""
