"""Make a small file of the beginning of a large text, which GDAL or the reader of tables can read.

GDAL reads neither JSON nor XML that ends in the middle. So the first features are copied, and what
is open behind them is closed.
No CKAN imports; confined.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from lxml import etree

from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.kinds import MOST_TEXT
from ckanext.ecosphere.shared import hardened_xml
from ckanext.ecosphere.shared.hardened_xml import local_name

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

Facts = dict[str, Any]
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
    match = _GAP.match(text, place)
    if match is None:
        return place
    return match.end()


def _cut_markup(path: Path, target: Path, rows: int) -> Facts:
    with path.open("rb") as file:
        body = file.read(MOST_MARKUP)
    try:
        root = etree.fromstring(body, hardened_xml.parser(recover=True))
    except (etree.XMLSyntaxError, LookupError, ValueError) as error:
        raise PreviewError("unreadable") from error
    if root is None:
        raise PreviewError("unreadable")
    if root.getroottree().docinfo.doctype:
        raise PreviewError("entities")
    features = [element for element in root.iter() if _is_feature(element)]
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
    totals = [_number(members.get(name)) for name in _TOTALS]
    total = max(totals)
    if total > number:
        return {"part": True, "known_total": total}
    return {"part": True}


def _number(value: Any) -> int:
    text = str(value)
    if text.isascii() and text.isdigit() and len(text) <= 12:  # noqa: PLR2004
        return int(text)
    return 0
