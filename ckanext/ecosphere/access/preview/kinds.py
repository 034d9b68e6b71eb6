"""What a file of others is, by its first bytes; the beginning of a large text.

Names matter for dBASE only. GDAL reads neither JSON nor XML that ends in the middle: the first
features are copied, and what is open behind them is closed. No CKAN imports; confined.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from lxml import etree

from ckanext.ecosphere.dataset.view import Values
from ckanext.ecosphere.shared import parsing
from ckanext.ecosphere.shared.confinement.archives import MOST_TEXT
from ckanext.ecosphere.shared.confinement.confine import FileError
from ckanext.ecosphere.shared.parsing import local_name

#: There is no preview or extract; its code is a key of `preview.messages.MESSAGES`.
PreviewError = FileError

# --- the kind of a file ---

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
_DBF = (b"\x03", b"\x30", b"\x83", b"\x8b", b"\xf5")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")

#: Kinds of texts, of which the beginning is shown if they are large (`beginnings`), and all kinds
#: whose beginning can be read: GDAL takes the first features of FlatGeobuf and rows of dBASE.
TEXTS = frozenset({"text", "json", "kml", "gml", "xml"})
BEGINNINGS = TEXTS | {"fgb", "dbf"}


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
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image"
    if name.lower().endswith(".dbf") and head.startswith(_DBF):
        return "dbf"
    return _kind_of_text(head)


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


# --- beginnings of large texts ---

#: Bytes of XML that are parsed (its tree needs many times as much), and of other documents that are
#: shown as text.
MOST_MARKUP, DOCUMENT = 16 * 1024 * 1024, 256 * 1024
#: Marks of GeoJSON and TopoJSON, which are no text to be shown.
_GEOGRAPHIC = (b'"FeatureCollection"', b'"Feature"', b'"Topology"')
_HEAD = 200_000
#: What is between two values; how often does not matter.
_GAP = re.compile(r"[\s,:]*")
#: Elements around the features of GML 2 and 3.1, and of WFS 2.
_MEMBERS = frozenset({"featureMember", "featureMembers", "member", "members"})
_TOTALS = ("numberMatched", "totalFeatures")
_NUMBER = re.compile(r"[0-9]{1,12}")

Facts = Values
"""`part`, and `known_total` if the text states how many features there are."""


def cut(kind: str, path: Path, rows: int) -> tuple[Path, Facts]:
    """Write the beginning of a text to a small file.

    Args:
        kind: one of `kinds.TEXTS`.
        path: the text, or its beginning.
        rows: number of features to keep; of tables, all rows are kept, to determine the types.

    Returns:
        the small file, and facts about it.

    Raises:
        PreviewError: it is no text of this kind, or its beginning has not one row or feature.
    """
    target = path.with_name(f"beginning.{kind}")
    if kind in ("kml", "gml"):
        return target, _cut_markup(path, target, rows)
    with path.open("rb") as file:
        body = file.read(MOST_TEXT)
    if kind == "json":
        return target, _cut_json(body, target, rows)
    end = body.rfind(b"\n") + 1
    if kind == "xml":
        end = DOCUMENT
    body = body[:end]
    if not body:
        raise PreviewError("too-large")
    target.write_bytes(body)
    return target, {"part": True}


def _cut_json(body: bytes, target: Path, rows: int) -> Facts:
    members, features = _first_features(body.decode("utf-8-sig", "replace"), rows)
    if features:
        collection = {**members, "type": "FeatureCollection", "features": features}
        target.write_text(json.dumps(collection))
        return _facts(members, len(features))
    if any(mark in body[:_HEAD] for mark in _GEOGRAPHIC):
        raise PreviewError("too-large")
    target.write_bytes(body[:DOCUMENT])
    return {"part": True}


def _first_features(text: str, most: int) -> tuple[Facts, list[Any]]:
    """Return the members before the features of a collection, and its first features."""
    decoder = json.JSONDecoder()
    members: Facts = {}
    features: list[Any] = []

    def value_at(place: int) -> tuple[Any, int]:
        return decoder.raw_decode(text, _after_gap(text, place))

    try:
        place = text.index("{") + 1
        name, place = value_at(place)
        while name != "features":
            members[str(name)], place = value_at(place)
            name, place = value_at(place)
        place = _after_gap(text, place)
        if not text.startswith("[", place):
            return members, []
        place += 1
        while len(features) < most:
            feature, place = value_at(place)
            features.append(feature)
    except (ValueError, RecursionError):
        pass  # where the text, or what is read of it, ends
    return members, features


def _after_gap(text: str, place: int) -> int:
    match: Any = _GAP.match(text, place)  # which may be empty
    return match.end()


def _cut_markup(path: Path, target: Path, rows: int) -> Facts:
    with path.open("rb") as file:
        body = file.read(MOST_MARKUP)
    try:
        root = etree.fromstring(body, parsing.xml_parser(recover=True))
    except (etree.XMLSyntaxError, LookupError, ValueError) as error:
        raise PreviewError("unreadable") from error
    if root is None:
        raise PreviewError("unreadable")
    if root.getroottree().docinfo.doctype:
        raise PreviewError("entities")
    features = list(filter(_is_feature, root.iter()))
    number = min(len(features) - 1, rows)  # the text ends within the last one
    if number < 1:
        raise PreviewError("too-large")
    for element in features[number:]:
        parent = element.getparent()
        if parent is not None:
            parent.remove(element)
    target.write_bytes(etree.tostring(root, encoding="utf-8", xml_declaration=True))
    return _facts(dict(root.attrib), number)


def _is_feature(element: etree._Element) -> bool:
    if local_name(element) == "Placemark":
        return True
    parent = element.getparent()
    if parent is None or local_name(parent) not in _MEMBERS:
        return False
    above = parent.getparent()
    return above is not None and above.getparent() is None


def _facts(members: Facts, number: int) -> Facts:
    totals = [_NUMBER.fullmatch(str(members.get(name))) for name in _TOTALS]
    total = max((int(match[0]) for match in totals if match), default=0)
    if total > number:
        return {"part": True, "known_total": total}
    return {"part": True}
