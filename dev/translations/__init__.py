"""The French catalogue: extraction, completeness, compilation. See `__main__.py` for the commands."""
