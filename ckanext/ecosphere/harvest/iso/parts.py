"""Mapping tables for the parts of a record, from identifiers to geometries.

`reader` has the tables of whole records, and `walk` explains tables and handlers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from lxml import etree

from ckanext.ecosphere.dataset.geometry import (
    LAMBERT_2_EXTENDED,
    LAMBERT_93,
    Geometry,
    Projection,
)
from ckanext.ecosphere.harvest import record as r
from ckanext.ecosphere.harvest.iso.walk import (
    XLINK_HREF,
    Handler,
    Table,
    Walk,
    by_type,
    code,
    code_of,
    identifiers,
    in_place_of_property,
    long_text,
    long_texts,
    new,
    of_fields,
    one_line,
    skip,
    text,
    text_and_href,
    texts,
    within,
)
from ckanext.ecosphere.harvest.record import UUID
from ckanext.ecosphere.shared.parsing import Element, local_name

ON_LINE = "distributionInfo/transferOptions/onLine"
LINEAGE_PATH = "dataQualityInfo/lineage"

# --- dates, identifiers ---------------------------------------------------------------------------

DATE: Table = {"date": text("value"), "dateType": code("type")}


def identifier_code(attribute: str) -> Handler:
    """Set an attribute to the code of an identifier, or to its ``uuidref``.

    Code space and link go to the attributes beside it: for ``parent_identifier``, these are
    ``parent_codespace`` and ``parent_href``. A target without them leaves both unread.
    """
    prefix = attribute.removesuffix("identifier")

    def handler(walk: Walk, element: Element, target: Any) -> None:
        collected = SimpleNamespace(values=[])
        # ISO 19115-3 has a citation where ISO 19139 has the identifier alone.
        in_citation = element.findall("{*}CI_Citation/{*}identifier")
        for holder in in_citation or [element]:
            identifiers("values")(walk, holder, collected)
        if in_citation and (len(collected.values) > 1 or len(element[0]) > len(in_citation)):
            walk.unread(element)  # title and dates of the citation
        if collected.values:
            identifier = collected.values[0]
        else:
            reference_to = element.get("uuidref") or one_line(walk.text(element).text)
            identifier = r.Identifier(code=reference_to)
        has_room = hasattr(target, f"{prefix}codespace")
        if (identifier.codespace or identifier.href) and not has_room:
            walk.unread(element)
        value = identifier.code or identifier.href
        if value and not getattr(target, attribute):
            setattr(target, attribute, value)
            if has_room:
                setattr(target, f"{prefix}codespace", identifier.codespace)
                setattr(target, f"{prefix}href", identifier.href)

    return handler


# --- contacts (CI_ResponsibleParty; CI_Responsibility in 19115-3) ---------------------------------


def _add_email(walk: Walk, element: Element, contact: r.Contact) -> None:
    value = one_line(walk.text(element).text)
    if not value:
        return
    if not contact.email:
        contact.email = value
    elif value not in (contact.email, *contact.other_emails):
        contact.other_emails.append(value)


_TELEPHONE = within({"voice": text("phone"), "number": text("phone"), "numberType": skip})


def _phone(walk: Walk, element: Element, contact: r.Contact) -> None:
    """Read a voice number; ISO 19115-3 states the type of each number (CI_TelephoneTypeCode)."""
    kinds = {code_of(kind).lower() for kind in element.iter("{*}numberType")}
    if kinds - {"", "voice"}:
        walk.unread(element)
    else:
        _TELEPHONE(walk, element, contact)


_CONTACT_INFO: Table = {
    "phone": _phone,
    "address": within(
        {
            "deliveryPoint": texts("address"),
            "city": texts("address"),
            "administrativeArea": texts("address"),
            "postalCode": texts("address"),
            "country": texts("address"),
            "electronicMailAddress": _add_email,
        }
    ),
    "onlineResource": within(
        {
            "linkage": text("url"),
            "protocol": skip,  # a web page, as the URL shows
            "applicationProfile": skip,
            "function": skip,
        }
    ),
}


def _party_identifier(walk: Walk, element: Element, contact: r.Contact) -> None:
    """Read the identifier of a party; a UUID only identifies the entry in a contact directory."""
    identifier = (element.get("uuid") or "").strip()
    if identifier and not UUID.fullmatch(identifier):
        contact.identifier = identifier


_INDIVIDUAL: Table = {
    "name": text("individual"),
    "positionName": text("position"),
    "contactInfo": within(_CONTACT_INFO),
}
_ORGANISATION: Table = {
    "name": text_and_href("organisation", "organisation_href"),
    "contactInfo": within(_CONTACT_INFO),
    "individual": by_type({"CI_Individual": _INDIVIDUAL}),
    "positionName": text("position"),
}
CONTACT: Table = {
    "individualName": text("individual"),
    "organisationName": text_and_href("organisation", "organisation_href"),
    "positionName": text("position"),
    "contactInfo": within(_CONTACT_INFO),
    "role": code("role"),
    "party": by_type({"CI_Organisation": _ORGANISATION, "CI_Individual": _INDIVIDUAL}),
}


def contact(attribute: str) -> Handler:
    """Append a party to a list."""
    return new(r.Contact, attribute, CONTACT, finish=_party_identifier)


# --- extents (EX_Extent): boxes, polygons, geographic identifiers, periods ------------------------


def _note_excluded(walk: Walk, element: Element, target: Any) -> None:
    """Note that the extent is excluded from the data (``extentTypeCode`` false).

    Inclusion is the default.
    """
    if one_line(walk.text(element).text).lower() in ("false", "0"):
        walk.unread(element)


_BOX: Table = {
    "westBoundLongitude": text("west"),
    "eastBoundLongitude": text("east"),
    "southBoundLatitude": text("south"),
    "northBoundLatitude": text("north"),
    "extentTypeCode": _note_excluded,
}


def _box(walk: Walk, element: Element, record: r.Record) -> None:
    box = r.Box()
    walk.children(element, _BOX, box)
    if box != r.Box():
        record.boxes.append(box)


def _polygon(walk: Walk, element: Element, record: r.Record) -> None:
    for shape in element.iterfind("{*}polygon/*"):
        geometry = geojson_of(shape)
        if geometry:
            record.shapes.append(geometry)
        else:
            walk.unread(shape)


_UNITS = {"year": "Y", "month": "M", "week": "W", "day": "D"}


def _period(walk: Walk, element: Element, record: r.Record) -> None:
    """Read a ``TimePeriod`` in either GML namespace, and in the older nested form."""
    period = r.Period()
    for child in element:
        name = local_name(child).lower()
        if name.startswith(("begin", "end")):
            side = "start" if name.startswith("begin") else "end"
            holder = next(child.iter("{*}timePosition"), child)
            setattr(period, side, one_line(holder.text) or None)
            setattr(period, f"{side}_position", holder.get("indeterminatePosition"))
            continue
        duration = ""
        if name in ("duration", "timeinterval"):
            duration = _duration(child)
        if duration and not period.duration:
            period.duration = duration
        else:
            walk.unread(child)
    if period != r.Period():
        record.periods.append(period)


def _duration(element: Element) -> str:
    """Return the ISO 8601 duration of ``gml:duration``, or ``gml:timeInterval`` of whole units."""
    value = one_line(element.text)
    if local_name(element) == "duration":
        return value
    unit = _UNITS.get((element.get("unit") or "").lower())
    if unit and value.isascii() and value.isdigit() and not element.get("radix"):
        return f"P{value}{unit}"
    return ""


def _instant(walk: Walk, element: Element, record: r.Record) -> None:
    for holder in element.iter("{*}timePosition"):
        value = one_line(holder.text)
        if value:
            position = holder.get("indeterminatePosition")
            record.periods.append(r.Period(value, value, position, position))


_TIME = by_type({"TimePeriod": _period, "TimeInstant": _instant})
_GEOGRAPHIC_DESCRIPTION: Table = {
    "geographicIdentifier": identifiers("geographic_identifiers"),
    "extentTypeCode": _note_excluded,
}
EXTENT: Table = {
    "description": texts("extent_descriptions"),
    "geographicElement": by_type(
        {
            "EX_GeographicBoundingBox": _box,
            "EX_BoundingPolygon": _polygon,
            "EX_GeographicDescription": _GEOGRAPHIC_DESCRIPTION,
        }
    ),
    "temporalElement": within({"extent": _TIME, "exTemp": _TIME}),
}


def extent(walk: Walk, element: Element, record: r.Record) -> None:
    """Read an extent, and keep its texts and boxes together."""
    first_text, first_box = len(record.extent_descriptions), len(record.boxes)
    within(EXTENT)(walk, element, record)
    texts_of_extent, boxes = record.extent_descriptions[first_text:], record.boxes[first_box:]
    record.extents.append(r.Extent(texts_of_extent, boxes))


# --- distribution (MD_Distribution) ---------------------------------------------------------------

LINK: Table = {"applicationProfile": text("media_type"), **of_fields(ON_LINE)}


def _mime_type(walk: Walk, element: Element, link: r.Link) -> None:
    """Read the media type of a ``gmx:MimeFileType`` that replaces a protocol or a name."""
    for mime in element.iter("{*}MimeFileType"):
        link.media_type = mime.get("type") or link.media_type


SPECIFICATION_OF_FORMAT = within(
    {"title": text_and_href("name", "href"), "edition": text("version")}
)
FORMAT: Table = {
    "name": text_and_href("name", "href"),
    "version": text("version"),
    "fileDecompressionTechnique": text_and_href("compression", "compression_href"),
    "formatDistributor": within({"distributorTransferOptions": skip}),
    "formatSpecificationCitation": SPECIFICATION_OF_FORMAT,
}
FORMATS = new(r.Format, "formats", FORMAT)


@dataclass(slots=True)
class _Transfer:
    """One block of transfer options, before it is distributed over its links."""

    units: str | None = None
    size: str | None = None
    links: list[r.Link] = field(default_factory=list)


_TRANSFER: Table = {
    "unitsOfDistribution": text("units"),
    "transferSize": text("size"),
    "onLine": new(r.Link, "links", LINK, finish=_mime_type),
    "CI_OnlineResource": in_place_of_property(r.Link, "links", LINK),
    "distributionFormat": skip,
}


def _transfer(walk: Walk, element: Element, record: r.Record) -> None:
    for child in element:
        options = _Transfer()
        walk.children(child, _TRANSFER, options)
        for link in options.links:
            link.units_of_distribution = options.units
        # The size applies to a link only if it is the only one of the block.
        if len(options.links) == 1:
            options.links[0].size_megabytes = options.size
        record.links += options.links
        if not options.links and (options.units or options.size):
            walk.unread(child)
        elif options.size and len(options.links) > 1:
            walk.note(child, f"{options.size} Mo")


DISTRIBUTION: Table = {
    "distributionFormat": FORMATS,
    "MD_Format": in_place_of_property(r.Format, "formats", FORMAT),
    "distributor": within(
        {
            "distributorContact": contact("distributors"),
            "distributorFormat": FORMATS,
            "distributorTransferOptions": _transfer,
        }
    ),
    "transferOptions": _transfer,
}


# --- quality (DQ_DataQuality) ---------------------------------------------------------------------


def _degree(walk: Walk, element: Element, conformity: r.Conformity) -> None:
    value = one_line(walk.text(element).text).lower()
    conformity.degree = {"true": True, "1": True, "false": False, "0": False}.get(value)


_SPECIFICATION: Table = {
    "title": text_and_href("title", "href"),
    "date": new(r.Dated, "dates", DATE),
}


def _specification(walk: Walk, element: Element, conformity: r.Conformity) -> None:
    """Read a specification with its link, which may be on its title or on the element itself."""
    within(_SPECIFICATION)(walk, element, conformity)
    href = (element.get(XLINK_HREF) or "").strip()
    if href and not conformity.href:
        conformity.href = href
    elif href and href != conformity.href:
        walk.note(element, href)


_RESULT: Table = {
    "specification": _specification,
    "explanation": long_text("explanation"),
    "pass": _degree,
}


def _measure(walk: Walk, result: Element, report: Element | None, record: r.Record) -> None:
    """Read a quantitative result; the report around it has the type and name of its measure."""
    value = " ".join(_texts_within(result, "{*}value")).strip()
    if report is None or not value:
        walk.unread(result)
        return
    names = [one_line(walk.text(name).text) for name in _names_of_measure(report)]
    # The unit by its identifier, else as a text, else by its link.
    units = _texts_within(result, "{*}valueUnit//{*}identifier")[:1]
    units += _texts_within(result, "{*}valueUnit")[:1]
    units += [element.get(XLINK_HREF) or "" for element in result.iterfind("{*}valueUnit")][:1]
    measure = r.QualityMeasure(local_name(report), value=value)
    measure.name = next(iter(names), "")
    measure.unit = next(filter(None, units), "")
    record.measures.append(measure)


def _texts_within(element: Element, path: str) -> list[str]:
    """Return the whole text of each element at a path, on one line."""
    return [one_line(" ".join(map(str, part.itertext()))) for part in element.iterfind(path)]


def _result(walk: Walk, element: Element, record: r.Record) -> None:
    for child in element:
        kind = local_name(child)
        if kind == "DQ_QuantitativeResult":
            _measure(walk, child, element.getparent(), record)
            continue
        conformity = r.Conformity()
        if kind == "DQ_ConformanceResult":
            walk.children(child, _RESULT, conformity)
        if conformity.title or conformity.href:
            record.conformity.append(conformity)
        else:
            walk.unread(child)


def _names_of_measure(report: Element) -> Iterator[Element]:
    """Yield the names of the measure of a report: its own, or in a reference to it (ISO 19157)."""
    yield from report.iterfind("{*}nameOfMeasure")
    yield from report.iterfind("{*}measure/{*}DQ_MeasureReference/{*}nameOfMeasure")


def _name_of_measure(walk: Walk, element: Element, target: r.Record) -> None:
    """Note the name of a measure, unless `_measure` reads it with its value."""
    ancestors = list(element.iterancestors())
    if ancestors and local_name(ancestors[0]) == "DQ_MeasureReference":
        ancestors = ancestors[2:]  # from the report on
    value = "{*}result/{*}DQ_QuantitativeResult/{*}value"
    if not ancestors or ancestors[0].find(value) is None:
        walk.unread(element)


def _scope(walk: Walk, element: Element, target: r.Record) -> None:
    """Note the scope of a report, unless it is the dataset, as in nearly all records."""
    levels = {level.get("codeListValue") for level in element.iter("{*}MD_ScopeCode")}
    restriction = next(element.iter("{*}extent", "{*}levelDescription"), None)
    if levels - {"dataset", "series", "service", "", None} or restriction is not None:
        walk.unread(element)


_REPORT: Table = {
    "nameOfMeasure": _name_of_measure,
    "result": _result,
    "measure": within({"nameOfMeasure": _name_of_measure}),
}
LINEAGE: Table = {
    "processStep": within(of_fields(f"{LINEAGE_PATH}/processStep")),
    "source": within(
        {
            "sourceCitation": within({"title": long_texts("sources")}),
            **of_fields(f"{LINEAGE_PATH}/source"),
        }
    ),
    **of_fields(LINEAGE_PATH),
}
QUALITY: Table = {
    "scope": _scope,
    "report": within(_REPORT),
    "lineage": within(LINEAGE),
}


# --- geometries ---
#
# Convert GML geometries (3.2 and older) to GeoJSON in longitudes and latitudes. Pure functions.
#
# Lambert coordinates in metres are converted. Axis order: latitude first when the CRS is a URL or
# URN, as EPSG defines it; longitude first for ``EPSG:4326``, CRS84 or no CRS (OGC 09-048r5;
# GeoServer, GeoNetwork). Producers mix these up: the rules compare the result with the bounding
# boxes of the record and swap the axes if needed.

MAX_NUMBERS = 20_000
"""Maximum numbers of one geometry, including all its parts."""
_CODE = re.compile(r"(?:^|[:/#])([a-z0-9]{4,20})$")
_PROJECTIONS = {
    **dict.fromkeys(("2154", "9794", "lamb93", "rgf93lamb93"), LAMBERT_93),
    **dict.fromkeys(("27572", "27582", "lambe", "ntflambe"), LAMBERT_2_EXTENDED),
}
"""EPSG and IGN codes → projection used on the mainland, in metres, easting first."""
_DECIMALS = 6
_GEOGRAPHIC = re.compile(r"(?:4326|4979|4258|4171|crs84)$", re.IGNORECASE)
_LATITUDE_FIRST = re.compile(r"(?:/crs/epsg/|:crs:epsg:)[\d.]*[/:]\d+$", re.IGNORECASE)
_COLLECTIONS = {
    "MultiPoint": ("Point", "MultiPoint"),
    "MultiCurve": ("LineString", "MultiLineString"),
    "MultiLineString": ("LineString", "MultiLineString"),
    "MultiSurface": ("Polygon", "MultiPolygon"),
    "MultiPolygon": ("Polygon", "MultiPolygon"),
}

_NUMBERS = ("{*}pos", "{*}posList", "{*}coordinates")
"""Elements that hold positions."""

_GEOMETRIES = ("Point", "LineString", "Polygon")
Position = list[float]
Axes = bool | Projection
"""How to read positions: in degrees, whether latitude comes first; in metres, the projection."""


def geojson_of(element: Element) -> Geometry | None:
    """Return a geometry as GeoJSON; None if it is too large, or has another CRS or arcs."""
    names = [(part.get("srsName") or "").strip() for part in element.iter(etree.Element)]
    name = next(filter(None, names), "")
    code = _CODE.search(name.lower())
    projection = _PROJECTIONS.get(code.group(1)) if code else None
    if name and not projection and not _GEOGRAPHIC.search(name):
        return None
    texts = [part.text or "" for part in element.iter(*_NUMBERS)]
    if sum(len(text.split()) for text in texts) > MAX_NUMBERS:
        return None
    try:
        shape = _geometry(element, projection or bool(_LATITUDE_FIRST.search(name)))
    except ValueError:
        return None
    if not shape or not shape["coordinates"]:
        return None
    return shape


def _geometry(element: Element, axes: Axes) -> Geometry | None:
    kind = local_name(element)
    if kind in _COLLECTIONS:
        single, collection = _COLLECTIONS[kind]
        members = [_single(part, single, axes) for part in element.iter(f"{{*}}{single}")]
        return {"type": collection, "coordinates": members}
    if kind == "Envelope":
        return {"type": "Polygon", "coordinates": [_envelope(element, axes)]}
    if kind in _GEOMETRIES:
        return {"type": kind, "coordinates": _single(element, kind, axes)}
    return None


def _single(element: Element, kind: str, axes: Axes) -> Any:
    if kind == "Polygon":
        rings = [_positions(ring, axes) for ring in element.iter("{*}LinearRing")]
        if not rings or not all(map(_is_ring, rings)):
            raise ValueError("ring")
        return rings
    positions = _positions(element, axes)
    if not positions:
        raise ValueError("empty")
    if kind == "Point":
        return positions[0]
    return positions


def _is_ring(positions: list[Position]) -> bool:
    """Return whether positions are a closed ring (RFC 7946, 3.1.6)."""
    return len(positions) >= 4 and positions[0] == positions[-1]  # noqa: PLR2004


def _envelope(element: Element, axes: Axes) -> list[Position]:
    """Return the ring around two opposite corners."""
    corners = []
    for name in ("lower", "upper"):
        for corner in element.iterfind(f"{{*}}{name}Corner"):
            corners.append(_checked(_numbers(corner.text)[:2], axes))
    (west, south), (east, north) = corners
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def _positions(element: Element, axes: Axes) -> list[Position]:
    """Read ``pos``, ``posList`` or the older ``coordinates``."""
    positions: list[Position] = []
    for child in element.iter(*_NUMBERS):
        kind = local_name(child)
        if kind == "coordinates":
            for pair in (child.text or "").split():
                positions.append([float(number) for number in pair.split(",")])
            continue
        numbers = _numbers(child.text)
        size = int(child.get("srsDimension") or element.get("srsDimension") or 2)
        if kind == "pos":
            size = len(numbers)
        if size not in (2, 3) or len(numbers) % size:
            raise ValueError("dimension")
        positions += [numbers[i : i + size] for i in range(0, len(numbers), size)]
    return [_checked(position[:2], axes) for position in positions]


def _numbers(text: str | None) -> list[float]:
    return [float(number) for number in (text or "").split()]


def _checked(position: Position, axes: Axes) -> Position:
    """Return a position as longitude and latitude; refuse one outside of the world."""
    if isinstance(axes, Projection):
        if not axes.holds(*position):
            raise ValueError("world")
        return [round(number, _DECIMALS) for number in axes.to_degrees(*position)]
    x, y = position
    if axes:
        x, y = y, x
    for degrees in (x, y):
        if not math.isfinite(degrees) or abs(degrees) > 180:  # noqa: PLR2004
            raise ValueError("world")
    return [x, y]
