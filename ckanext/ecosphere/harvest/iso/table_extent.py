"""Mapping tables for extents (``EX_Extent``): bounding boxes, polygons, geographic identifiers, periods."""

from __future__ import annotations

from typing import Any

from lxml import etree

from ckanext.ecosphere.harvest import record as r
from ckanext.ecosphere.harvest.iso import gml
from ckanext.ecosphere.harvest.iso.handlers import by_type, identifiers, note, text, texts, within
from ckanext.ecosphere.harvest.iso.walk import Table, Walk, one_line
from ckanext.ecosphere.shared.hardened_xml import local_name


def _left_out(walk: Walk, element: etree._Element, target: Any) -> None:
    """Note that the extent is excluded from the data (``extentTypeCode`` false); inclusion is the default."""
    if one_line(walk.text(element).text).lower() in ("false", "0"):
        walk.unread(element)


_BOX: Table = {
    "westBoundLongitude": text("west"),
    "eastBoundLongitude": text("east"),
    "southBoundLatitude": text("south"),
    "northBoundLatitude": text("north"),
    "extentTypeCode": _left_out,
}


def _box(walk: Walk, element: etree._Element, record: r.Record) -> None:
    box = r.Box()
    walk.children(element, _BOX, box)
    if box != r.Box():
        record.boxes.append(box)


def _polygon(walk: Walk, element: etree._Element, record: r.Record) -> None:
    for shape in element.iterfind("{*}polygon/*"):
        found = gml.geometry(shape)
        if found:
            record.shapes.append(r.Shape(found))
        else:
            walk.unread(shape)


def _period(walk: Walk, element: etree._Element, record: r.Record) -> None:
    """Read a ``TimePeriod`` in either GML namespace, and in the older nested form."""
    period = r.Period()
    for child in element:
        name = local_name(child).lower()
        if name in ("duration", "timeinterval") and (duration := _duration(child)) and not period.duration:
            period.duration = duration
            continue
        if not name.startswith(("begin", "end")):
            walk.unread(child)
            continue
        holder = next((e for e in child.iter("{*}timePosition")), child)
        end = "start" if name.startswith("begin") else "end"
        setattr(period, end, one_line(holder.text) or None)
        setattr(period, f"{end}_position", holder.get("indeterminatePosition"))
    if period != r.Period():
        record.periods.append(period)


def _duration(element: etree._Element) -> str:
    """Return ``gml:duration``, or a ``gml:timeInterval`` of a whole number of units, as an ISO 8601 duration."""
    value = one_line(element.text)
    if local_name(element) == "duration":
        return value
    unit = _UNITS.get((element.get("unit") or "").lower(), "")
    return f"P{value}{unit}" if unit and value.isascii() and value.isdigit() and not element.get("radix") else ""


_UNITS = {"year": "Y", "month": "M", "week": "W", "day": "D"}


def _instant(walk: Walk, element: etree._Element, record: r.Record) -> None:
    for holder in element.iter("{*}timePosition"):
        value = one_line(holder.text)
        if value:
            position = holder.get("indeterminatePosition")
            record.periods.append(r.Period(value, value, position, position))


_TIME: Table = {"TimePeriod": _period, "TimeInstant": _instant}
_TEMPORAL: Table = {"extent": by_type(_TIME), "spatialExtent": note, "exTemp": by_type(_TIME)}
EXTENT: Table = {
    "description": texts("extent_descriptions"),
    "geographicElement": by_type(
        {
            "EX_GeographicBoundingBox": _box,
            "EX_BoundingPolygon": _polygon,
            "EX_GeographicDescription": lambda walk, element, record: walk.children(
                element, _GEOGRAPHIC_DESCRIPTION, record
            ),
        }
    ),
    "temporalElement": within(_TEMPORAL),
}
_GEOGRAPHIC_DESCRIPTION: Table = {
    "geographicIdentifier": identifiers("geographic_identifiers"),
    "extentTypeCode": _left_out,
}


def extent(walk: Walk, element: etree._Element, record: r.Record) -> None:
    """Read an extent, and keep its texts and boxes together."""
    first_text, first_box = len(record.extent_descriptions), len(record.boxes)
    within(EXTENT)(walk, element, record)
    record.extents.append(r.Extent(record.extent_descriptions[first_text:], record.boxes[first_box:]))
