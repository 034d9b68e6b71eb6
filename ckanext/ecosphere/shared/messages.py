"""Gettext markers for messages that are defined in one place and translated in another. Pure, no CKAN."""

from __future__ import annotations


def N_(message: str) -> str:
    """Mark a message for extraction; the code that shows it translates it."""
    return message
