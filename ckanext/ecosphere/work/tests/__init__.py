"""Tests of the common table of work."""
