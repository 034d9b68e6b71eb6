"""Gather stage: read a source, identify its records, detect changes."""
