"""Detect the kind of a file by its first bytes; its name only matters for dBASE."""

from __future__ import annotations

import re
from pathlib import Path

SNIFFED = 4096
_MARKS = {
    b"PK\x03\x04": "zip",
    b"SQLite format 3\x00": "gpkg",
    b"fgb\x03": "fgb",
    b"PAR1": "parquet",
    b"%PDF-": "pdf",
    b"\x89PNG\r\n\x1a\n": "image",
    b"\xff\xd8\xff": "image",
    b"GIF8": "image",
}
#: Kinds by the local name of the root element.
_XML = {
    b"html": "html",
    b"kml": "kml",
    b"featurecollection": "gml",
    b"exceptionreport": "exception",
    b"serviceexceptionreport": "exception",
}
_ROOT = re.compile(rb"<(?:[A-Za-z_][\w.-]{0,60}:)?([A-Za-z_][\w.-]{0,100})[\s>/]")
#: dBASE III, IV and FoxPro, with and without memo.
_DBF = (0x03, 0x30, 0x83, 0x8B, 0xF5)
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")

#: Kinds of texts, of which the beginning is shown if they are large (`beginnings`), and all kinds
#: whose beginning can be read: GDAL takes the first features of FlatGeobuf and rows of dBASE.
TEXTS = frozenset({"text", "json", "kml", "gml", "xml"})
BEGINNINGS = TEXTS | {"fgb", "dbf"}
#: Bytes of a text of which a sample is made.
MOST_TEXT = 40 * 1024 * 1024


def beginning(path: Path) -> bytes:
    """Return the first bytes of a file, as many as `sniff` needs."""
    with path.open("rb") as file:
        return file.read(SNIFFED)


def sniff(head: bytes, name: str = "") -> str:
    """Return the kind of a file, "" for unsupported ones.

    One of zip, gpkg, fgb, parquet, json, kml, gml, xml, exception, html, pdf, image, dbf, text.

    Args:
        head: first bytes.
        name: file name, needed for dBASE, whose first byte is ambiguous.
    """
    for mark, kind in _MARKS.items():
        if head.startswith(mark):
            return kind
    if _is_webp(head):
        return "image"
    if name.lower().endswith(".dbf") and head[:1] and head[0] in _DBF:
        return "dbf"
    return _kind_of_text(head)


def _is_webp(head: bytes) -> bool:
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def _kind_of_text(head: bytes) -> str:
    if b"\x00" in head and not head.startswith(_UTF_16):
        return ""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text.startswith((b"{", b"[")):
        return "json"
    if text.startswith(b"<"):
        return _kind_of_markup(text)
    if head.strip():
        return "text"
    return ""


def _kind_of_markup(text: bytes) -> str:
    if b"<!doctype html" in text[:200].lower():
        return "html"
    root = _ROOT.search(text)
    if root is None:
        return "xml"
    return _XML.get(root.group(1).lower(), "xml")
