"""French message catalogue: extraction, completeness check, compilation.

See `__main__.py` for the commands.
"""
