"""Read the EPSG code or name of a coordinate reference system in well-known text (OGC 01-009, ISO 19162).

The text also names the parts of the system, each with a code of its own: ellipsoid, datum, units, the geographic base
system. Only the outermost code is that of the system; for a compound system without a code, those of its component
systems are taken.
"""

from __future__ import annotations

import re

MAX_LENGTH = 20_000
"""Maximum number of characters read."""
_START = re.compile(
    r"\s*(?:(?:PROJ|GEOG|GEOC|GEOD|COMPD|COMPOUND|VERT|BASEGEOD)_?CR?S|(?:PROJECTED|GEOGRAPHIC|GEODETIC|VERTICAL)CRS)"
    r"\s{0,5}[\[(]",
    re.IGNORECASE,
)
_COMPOUND = re.compile(r"\s*COMP", re.IGNORECASE)
_TOKEN = re.compile(
    r"\b(?:AUTHORITY|ID)\s{0,5}[\[(]\s{0,5}\"EPSG\"\s{0,5},\s{0,5}\"?(?P<code>\d{4,6})\"?[^\[\]()]{0,200}[\])]"
    r"|\"(?P<text>[^\"]{0,500})\"|(?P<open>[\[(])|(?P<close>[\])])",
    re.IGNORECASE,
)


def is_wkt(text: str) -> bool:
    """Tell whether a text is a reference system in well-known text."""
    return bool(_START.match(text))


def read(text: str) -> tuple[list[str], str]:
    """Return the EPSG codes of the whole system, and its name."""
    whole: list[str] = []
    parts: list[str] = []
    name, depth = "", 0
    for found in _TOKEN.finditer(text[:MAX_LENGTH]):
        if code := found.group("code"):
            if depth == 1:
                whole.append(code)
            elif depth == 2:  # noqa: PLR2004 - components of a compound system
                parts.append(code)
        elif found.group("text") is not None:
            name = name or found.group("text")
        else:
            depth += 1 if found.group("open") else -1
    if not whole and _COMPOUND.match(text):
        return parts, name
    return whole, name
