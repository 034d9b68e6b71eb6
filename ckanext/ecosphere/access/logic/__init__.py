"""API actions of `ecosphere_access`, and their authorization functions."""
