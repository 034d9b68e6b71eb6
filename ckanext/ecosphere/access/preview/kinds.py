"""Detect the kind of a file by its first bytes; its name only matters for dBASE."""

from __future__ import annotations

import re
from pathlib import Path

SNIFFED = 4096
_IMAGES = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpeg", b"GIF8": "gif"}
#: Formats of geographic data with a magic number.
_TABLES = {b"fgb\x03": "fgb", b"PMTiles\x03": "pmtiles", b"PAR1": "parquet"}
_VECTOR_TILES, _PICTURES = b"\x01", (b"\x02", b"\x03", b"\x04")  # "tile type" of the header of PMTiles 3
#: Kinds by the local name of the root element.
_XML = {
    b"kml": "kml",
    b"featurecollection": "gml",
    b"exceptionreport": "exception",
    b"serviceexceptionreport": "exception",
}
_ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]{0,60}:)?([A-Za-z_][\w.-]{0,100})[\s>/]")
#: dBASE III, IV and FoxPro, with and without memo.
_DBF = (0x03, 0x30, 0x83, 0x8B, 0xF5)


def beginning(path: Path) -> bytes:
    """Return the first bytes of a file, as many as `sniff` needs."""
    with path.open("rb") as file:
        return file.read(SNIFFED)


def sniff(head: bytes, name: str = "") -> str:  # noqa: PLR0911
    """Return the kind of a file, "" for unsupported ones.

    One of zip, gpkg, fgb, pmtiles, pictures (PMTiles with raster tiles), parquet, json, kml, gml, xml, exception, html,
    pdf, image, dbf, text.

    Args:
        head: first bytes.
        name: file name, needed for dBASE, whose first byte is ambiguous.
    """
    if head.startswith(b"PK\x03\x04"):
        return "zip"
    if head.startswith(b"SQLite format 3\x00"):
        return "gpkg"
    for mark, kind in _TABLES.items():
        if head.startswith(mark):
            return kind if kind != "pmtiles" or head[99:100] == _VECTOR_TILES else _tiles(head)
    if head.startswith(b"%PDF-"):
        return "pdf"
    if any(head.startswith(mark) for mark in _IMAGES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return "image"
    if name.lower().endswith(".dbf") and head[:1] and head[0] in _DBF:
        return "dbf"
    if b"\x00" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] in (b"{", b"["):
        return "json"
    if text[:1] == b"<":
        roots = [match.group(1).lower() for match in _ROOT.finditer(text)][:1]
        lower = text[:200].lower()
        if b"<!doctype html" in lower or roots == [b"html"]:
            return "html"
        return _XML.get(roots[0] if roots else b"", "xml")
    return "text" if head.strip() else ""


def _tiles(head: bytes) -> str:
    return "pictures" if head[99:100] in _PICTURES else ""
