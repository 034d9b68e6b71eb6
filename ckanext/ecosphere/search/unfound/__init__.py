"""Searches that found nothing, counted without a trace of who searched."""
