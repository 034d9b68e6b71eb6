"""Closing of accounts."""
