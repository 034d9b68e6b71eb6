"""Samples of large files, read in parts by range requests or from a downloaded beginning."""
