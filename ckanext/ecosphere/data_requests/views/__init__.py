"""Flask views of data requests."""
