"""Tests of the repairs, over HTTP."""
