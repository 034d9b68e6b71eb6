"""Messages that are written where they are defined and translated where they are shown. Pure, no CKAN."""

from __future__ import annotations


def N_(message: str) -> str:
    """Mark a message for extraction; whoever shows it translates it."""
    return message
