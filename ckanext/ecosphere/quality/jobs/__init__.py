"""Background and nightly work of quality."""
