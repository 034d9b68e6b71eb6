"""Anonymous counts of uses of resources."""
