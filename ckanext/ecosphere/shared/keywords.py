"""Keywords as people write them in records: several in one text. Pure, no CKAN."""

from __future__ import annotations

import re

_SEPARATORS = re.compile(r"[;|\n\t]+")
_COMMAS = re.compile(r",\s*")
_PACKED = 60
"""A keyword with commas is a list when it is longer than this, or has two commas."""


def unpack(keyword: str) -> list[str]:
    """Split a keyword that holds several: ``eau; rivière; crue`` or a long list with commas."""
    pieces = [piece.strip() for piece in _SEPARATORS.split(keyword)]
    found: list[str] = []
    for piece in pieces:
        if piece.count(",") > 1 or ("," in piece and len(piece) > _PACKED):
            found += [part.strip() for part in _COMMAS.split(piece)]
        else:
            found.append(piece)
    return [piece for piece in found if piece]
