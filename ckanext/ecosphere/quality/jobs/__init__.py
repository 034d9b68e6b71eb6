"""Background and nightly jobs of the quality room."""
