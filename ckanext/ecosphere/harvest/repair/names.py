"""Names that corrections may contain: elements of ISO 19139 and attributes, with the prefixes of GeoNetwork.

Corrections are executed: as a stylesheet, or as edits of a catalogue. Records are written by others, so no name,
namespace or markup of a record gets into a correction, only names of these tables.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from lxml import etree

from ckanext.ecosphere.vocabularies import tables

PREFIXES = {
    "gmd": "http://www.isotc211.org/2005/gmd",
    "gco": "http://www.isotc211.org/2005/gco",
    "gmx": "http://www.isotc211.org/2005/gmx",
    "gmi": "http://www.isotc211.org/2005/gmi",
    "srv": "http://www.isotc211.org/2005/srv",
    "gts": "http://www.isotc211.org/2005/gts",
    "gml": "http://www.opengis.net/gml/3.2",
    "xlink": "http://www.w3.org/1999/xlink",
}
"""Namespace prefixes of XPaths and contents, as in GeoNetwork's schema plugin iso19139."""
KEPT = ("codeList", "xlink:href")
"""Attributes that a corrected element keeps, as texts."""
_FILE = Path(__file__).parent / "data" / "elements.csv"


def expanded(name: str) -> str:
    """Return a name with a prefix as lxml writes it; one without a prefix is in no namespace."""
    prefix, _colon, local = name.rpartition(":")
    return f"{{{PREFIXES[prefix]}}}{local}" if prefix else local


@cache
def _elements() -> dict[str, str]:
    return {expanded(row["element"]): row["element"] for row in tables.rows(_FILE)}


def known(element: etree._Element) -> str | None:
    """Return the name of an element with its prefix; None if it is not in the table."""
    return _elements().get(str(element.tag))
