"""Samples of large files: read in parts, of their server or of a beginning that was brought here."""
