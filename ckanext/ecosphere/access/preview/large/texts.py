"""Take the beginning of a large text: rows of a table, features of GeoJSON, KML or GML, or text. No CKAN imports."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ckanext.ecosphere.access.preview.large import markup
from ckanext.ecosphere.access.preview.large.members import Read, beginning
from ckanext.ecosphere.access.preview.large.pieces import PartError

#: Bytes searched backwards for the end of a row, and size of the beginning of a document shown as text.
LOOKED_BACK, DOCUMENT = 8 * 1024 * 1024, 256 * 1024
MOST_DIGITS = 12
#: Strings, the last of which may be truncated, and brackets; without backtracking.
_SIGN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
_ARRAY = re.compile(rb"\s{0,99}:\s{0,99}\[")
_COUNT = re.compile(rb'"(?:numberMatched|totalFeatures)"\s{0,9}:\s{0,9}(\d{1,12})')
_COLLECTION = b'"FeatureCollection"'
#: Marks of GeoJSON and TopoJSON, whose beginning is useless without complete features.
_GEOGRAPHIC = (_COLLECTION, b'"Feature"', b'"Topology"')
_HEAD = 200_000


def take(kind: str, read: Read, folder: Path, rows: int, most: int) -> tuple[Path, dict[str, Any]]:
    """Write the beginning of a text to a small file; return the file and facts about it.

    Args:
        kind: text, json, kml, gml or xml.
        read: read function of the text.
        folder: folder to write to.
        rows: number of features to keep. (All available rows of tables are kept, to determine column types.)
        most: maximum number of bytes to read.

    Raises:
        PreviewError: it is not a valid document of this kind.
        PartError: not even one row or feature is available.
    """
    if kind in ("kml", "gml"):
        return _marked_up(kind, read, folder, rows, most)
    body, is_whole = beginning(read, most if kind != "xml" else DOCUMENT)
    target = folder / {"json": "data.json", "xml": "data.xml"}.get(kind, "data.csv")
    if is_whole:
        target.write_bytes(body)
        return target, {}
    if kind == "json":
        return _json(body, target, rows)
    target.write_bytes(body if kind == "xml" else _whole_rows(body))
    return target, {"part": True}


def _whole_rows(body: bytes) -> bytes:
    end = body.rfind(b"\n", max(0, len(body) - LOOKED_BACK))
    if end <= 0:
        raise PartError
    return body[: end + 1]


def _json(body: bytes, target: Path, rows: int) -> tuple[Path, dict[str, Any]]:
    found = _features(body, rows)
    if found is None:
        if any(mark in body[:_HEAD] for mark in _GEOGRAPHIC):
            raise PartError
        target.write_bytes(body[:DOCUMENT])
        return target, {"part": True}
    begin, end, number = found
    head = body[:begin]
    if _COLLECTION not in head:
        head = head.replace(b"{", b'{"type": "FeatureCollection", ', 1)
    target = target.with_suffix(".geojson")
    target.write_bytes(head + body[begin:end] + b"]}")
    told = _COUNT.search(head)
    total = int(told[1]) if told else 0
    return target, {"part": True, "known_total": total} if total > number else {"part": True}


def _features(body: bytes, most: int) -> tuple[int, int, int] | None:
    """Return the positions of the key "features" and of the end of the last wanted feature, and the number of features.

    None if it is not a collection, or has no complete feature.
    """
    depth = begin = end = number = 0
    for match in _SIGN.finditer(body):
        sign = match[0]
        if sign in (b"{", b"["):
            depth += 1
        elif sign in (b"}", b"]"):
            depth -= 1
            if begin and depth == 1:
                break
            if begin and depth == 2:  # noqa: PLR2004 - within the collection and its list
                end, number = match.end(), number + 1
                if number == most:
                    break
        elif sign == b'"features"' and depth == 1 and not begin and _ARRAY.match(body, match.end()):
            begin = match.start()
    if not number or not any(mark in body[: min(end, begin + _HEAD)] for mark in _GEOGRAPHIC):
        return None
    return begin, end, number


def _is_placemark(path: list[str]) -> bool:
    return path[-1] == "Placemark"


def _is_member(path: list[str]) -> bool:
    """Return whether a path is that of a feature, in GML 2 and 3.1 (`featureMember(s)`) or WFS 2 (`member`)."""
    return (len(path) == 2 and path[1] in ("featureMember", "member")) or (  # noqa: PLR2004
        len(path) == 3 and path[1] in ("featureMembers", "members")  # noqa: PLR2004
    )


def _marked_up(kind: str, read: Read, folder: Path, rows: int, most: int) -> tuple[Path, dict[str, Any]]:
    target = folder / f"data.{kind}"
    found = markup.cut(read, target, _is_placemark if kind == "kml" else _is_member, rows, most)
    if found.is_whole:
        return target, {}
    total = _total(found.root)
    return target, {"part": True, "known_total": total} if total > found.items else {"part": True}


def _total(root: dict[str, str]) -> int:
    """Return the total number of features declared by a WFS (`numberMatched`), 0 if not declared."""
    told = root.get("numberMatched", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) <= MOST_DIGITS else 0
