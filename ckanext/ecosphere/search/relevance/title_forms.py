"""Titles that are only the name of a table ("N_DFCI_PISTE_L_040"). Pure."""

from __future__ import annotations

import re

FIELD = "vocab_ecosphere_title_form"
"""Index field of the form of a title."""
TECHNICAL = "titretechnique"
"""Its value for the name of a table: a single word that nobody would search for."""
_TABLE = re.compile(r"[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+")


def is_table(title: str) -> bool:
    """Return whether a title is only the name of a table."""
    return bool(_TABLE.fullmatch(title.strip()))
