"""What several values state together in ISO 19139: parties, extents, distribution. No CKAN imports.

Formats, boxes and links are placed as INSPIRE requires (TG 2.0.1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ckanext.ecosphere.dataset import fields
from ckanext.ecosphere.schemas.fields import places, spatial
from ckanext.ecosphere.schemas.iso import xml
from ckanext.ecosphere.schemas.iso.reading import Reader, Row
from ckanext.ecosphere.schemas.iso.xml import Element, el

Translations = Mapping[str, Mapping[str, str]]

# --- parties (CI_ResponsibleParty) --------------------------------------------------------------


def parties(dataset: Reader) -> list[Element]:
    """Return all parties of a dataset with their roles; the service if there are none."""
    named: list[tuple[Row, str]] = []
    for field in fields.fields():
        for row in dataset.rows(field.name) if "role" in field.iso else ():
            named.append((row, field.iso["role"]))
    for row in dataset.rows("qualified_attribution"):
        role = str(row.get("role") or "").rsplit("/", 1)[-1] or "custodian"
        agents = [agent for agent in row.get("agent") or () if isinstance(agent, Mapping)]
        named += [(agent, role) for agent in agents]
    if not named:
        named = [({}, "pointOfContact")]
    return [party("gmd:pointOfContact", row, role, dataset.organisation) for row, role in named]


def party(name: str, row: Row, role: str, organisation: str = "") -> Element:
    """Return a party in an element ``name``; its ``identifier`` becomes the object's ``uuid`` (ISO 19118).

    Args:
        name: name of the element: ``gmd:contact``, ``gmd:pointOfContact``…
        row: ``name``, ``email``, ``url``, ``uri``, ``unit``, ``telephone``, ``identifier``, all optional.
        role: code of ``CI_RoleCode``.
        organisation: used if the name is missing.
    """
    label = str(row.get("name") or organisation or row.get("email") or "Non renseigné")
    info = []
    if row.get("telephone"):
        voice = xml.text("gmd:voice", row["telephone"])
        info.append(el("gmd:phone", el("gmd:CI_Telephone", voice)))
    if row.get("email"):
        mail = xml.text("gmd:electronicMailAddress", row["email"])
        info.append(el("gmd:address", el("gmd:CI_Address", mail)))
    if row.get("url"):
        page = el("gmd:CI_OnlineResource", xml.url("gmd:linkage", str(row["url"])))
        info.append(el("gmd:onlineResource", page))
    responsible = el(
        "gmd:CI_ResponsibleParty",
        xml.label("gmd:organisationName", label, str(row.get("uri") or "")),
        xml.text("gmd:positionName", row.get("unit")),
        el("gmd:contactInfo", el("gmd:CI_Contact", info)) if info else None,
        xml.code("gmd:role", "CI_RoleCode", role),
    )
    if row.get("identifier"):
        responsible.set("uuid", xml.clean(row["identifier"]))
    return el(name, responsible)


# --- extents (EX_Extent) ------------------------------------------------------------------------


def extents(dataset: Reader, name: str) -> list[Element]:
    """Return the extents of a dataset in elements ``name``.

    Each row of ``spatial_coverage`` is an extent. The territories share one, with a box if no row
    has a location, since INSPIRE requires one. The periods share another.
    """
    contents = []
    has_place = False
    for number, row in enumerate(dataset.rows("spatial_coverage"), 1):
        contents.append(_of_row(row, number))
        has_place = has_place or any(_parsed(row, key) for key in ("bbox", "geom", "centroid"))
    around = [_place(uri) for uri in dataset.texts("territory")]
    if not has_place:
        around += [_box(box) for box in _derived_boxes(dataset)]
    contents.append(around)
    rows = enumerate(dataset.rows("temporal_coverage"), 1)
    contents.append(
        [_period(row, number) for number, row in rows if row.get("start") or row.get("end")]
    )
    return [el(name, el("gmd:EX_Extent", content)) for content in contents if content]


def _of_row(row: Row, number: int) -> list[Element]:
    """Return the contents of an extent in the order of the XML schema: text, place, boxes, shapes."""
    content = []
    if row.get("text"):
        content.append(xml.text("gmd:description", row["text"]))
    if row.get("uri"):
        content.append(_place(str(row["uri"])))
    shape, centre = _parsed(row, "geom"), _parsed(row, "centroid")
    around = _parsed(row, "bbox") or shape or centre
    if around:
        content += map(_box, _boxes(around))
    if shape:
        content.append(_shape(shape, f"geometry-{number}"))
    if centre:
        content.append(_shape(centre, f"centroid-{number}"))
    return content


def _parsed(row: Row, key: str) -> dict[str, Any] | None:
    if not row.get(key):
        return None
    try:
        if key == "bbox":
            return spatial.parse_box(row[key])
        return spatial.parse_geometry(row[key])
    except spatial.GeometryError:
        return None


def _derived_boxes(dataset: Reader) -> list[spatial.Box]:
    """Return the boxes of the footprint, else those of the territories."""
    footprint = _parsed(dataset.dataset, "spatial")
    if footprint:
        return _boxes(footprint)
    boxes = map(spatial.territory_box, dataset.texts("territory"))
    return list(dict.fromkeys(box for box in boxes if box))


def _boxes(geometry: dict[str, Any]) -> list[spatial.Box]:
    if geometry["type"] != "MultiPolygon":
        return [spatial.geometry_to_box(geometry)]
    polygons = [{"type": "Polygon", "coordinates": part} for part in geometry["coordinates"]]
    return [spatial.geometry_to_box(polygon) for polygon in polygons]


def _box(box: spatial.Box) -> Element:
    west, south, east, north = box
    sides = {
        "gmd:westBoundLongitude": west,
        "gmd:eastBoundLongitude": east,
        "gmd:southBoundLatitude": south,
        "gmd:northBoundLatitude": north,
    }
    numbers = []
    for name, value in sides.items():
        decimal = f"{value:.6f}".rstrip("0").rstrip(".")
        numbers.append(xml.number(name, decimal))
    return el("gmd:geographicElement", el("gmd:EX_GeographicBoundingBox", numbers))


def _shape(geometry: Mapping[str, Any], name: str) -> Element:
    polygon = el("gmd:polygon", gml(geometry, name))
    return el("gmd:geographicElement", el("gmd:EX_BoundingPolygon", polygon))


def _place(uri: str) -> Element:
    code = xml.anchor("gmd:code", places.label(uri, "fr"), uri)
    identifier = el("gmd:geographicIdentifier", el("gmd:MD_Identifier", code))
    return el("gmd:geographicElement", el("gmd:EX_GeographicDescription", identifier))


def _period(row: Row, number: int) -> Element:
    begin = _position("gml:beginPosition", row.get("start"), "unknown")
    end = _position("gml:endPosition", row.get("end"), "now")
    period = el("gml:TimePeriod", begin, end, gml_id=f"period-{number}")
    return el("gmd:temporalElement", el("gmd:EX_TemporalExtent", el("gmd:extent", period)))


def _position(name: str, date: Any, otherwise: str) -> Element:
    if date:
        return el(name, text=str(date))
    return el(name, indeterminatePosition=otherwise)


# --- geometries (GML 3.2, ISO 19136) ------------------------------------------------------------

WGS_84 = "http://www.opengis.net/def/crs/EPSG/0/4326"
_COLLECTIONS = {
    "MultiPoint": ("gml:MultiPoint", "gml:pointMember", "Point"),
    "MultiLineString": ("gml:MultiCurve", "gml:curveMember", "LineString"),
    "MultiPolygon": ("gml:MultiSurface", "gml:surfaceMember", "Polygon"),
}


def gml(geometry: Mapping[str, Any], name: str) -> Element:
    """Return a GeoJSON geometry as GML in EPSG:4326, latitude first; heights are left out.

    Args:
        geometry: a (multi)point, (multi)line or (multi)polygon.
        name: its ``gml:id``, and prefix of the ids of its parts.
    """
    element = _geometry(geometry["type"], geometry["coordinates"], name)
    element.set("srsName", WGS_84)
    return element


def _geometry(kind: str, coordinates: Any, name: str) -> Element:
    if kind in _COLLECTIONS:
        collection, member, single = _COLLECTIONS[kind]
        members = []
        for number, part in enumerate(coordinates, 1):
            members.append(el(member, _geometry(single, part, f"{name}-{number}")))
        return el(collection, members, gml_id=name)
    if kind == "Point":
        return el("gml:Point", el("gml:pos", text=_pair(coordinates)), gml_id=name)
    if kind == "LineString":
        return el("gml:LineString", _pairs(coordinates), gml_id=name)
    exterior, *interiors = [el("gml:LinearRing", _pairs(ring)) for ring in coordinates]
    holes = [el("gml:interior", ring) for ring in interiors]
    return el("gml:Polygon", el("gml:exterior", exterior), holes, gml_id=name)


def _pairs(coordinates: Any) -> Element:
    return el("gml:posList", text=" ".join(map(_pair, coordinates)))


def _pair(coordinates: Any) -> str:
    longitude, latitude = coordinates[:2]
    return f"{latitude!r} {longitude!r}"


# --- distribution (MD_Distribution) -------------------------------------------------------------

FUNCTIONS = {
    "documentation": "information",
    "metadata": "information",
    "data": "download",
    "sample": "download",
}
MEDIA_TYPES = "http://www.iana.org/assignments/media-types/"
MEGABYTE = 1_000_000


def formats(dataset: Reader) -> list[Element]:
    """Return the distinct formats of the resources."""
    different: dict[tuple[str, str, str, str], None] = {}
    for row in _files(dataset):
        package = str(row.get("package_format") or "")
        if not package.startswith(xml.ADDRESSES):
            package = ""
        described = (
            str(row.get("format") or ""),
            str(row.get("mimetype") or ""),
            str(row.get("compress_format") or ""),
            package,
        )
        if any(described):
            different[described] = None
    return [_format(*described) for described in different]


def _files(dataset: Reader) -> list[Row]:
    return [row for row in dataset.rows("resources") if row.get("url")]


def _format(name: str, media_type: str, compression: str, package: str) -> Element:
    media = ""
    if media_type:
        media = f"{MEDIA_TYPES}{media_type}"
    parts = [xml.label("gmd:name", name or media, media), xml.missing("gmd:version", "unknown")]
    if compression or package:
        label = xml.label("gmd:fileDecompressionTechnique", compression or package, package)
        parts.append(label)
    return el("gmd:distributionFormat", el("gmd:MD_Format", parts))


def transfers(dataset: Reader, elsewhere: Iterable[Mapping[str, str]]) -> list[Element]:
    """Return the transfer options of each resource, and of each page of the dataset as a whole.

    Args:
        dataset: the dataset.
        elsewhere: its records in other catalogues, see `writer.record`.
    """
    options = [_transfer(dataset, row) for row in _files(dataset)]
    options += [[link] for link in _pages(dataset, elsewhere)]
    return [
        el("gmd:transferOptions", el("gmd:MD_DigitalTransferOptions", parts)) for parts in options
    ]


def _transfer(dataset: Reader, row: Row) -> list[Element]:
    """Return the size of a resource and its URLs, the main one first."""
    parts = []
    size = _bytes(row.get("size")) / MEGABYTE
    if size:
        parts.append(xml.number("gmd:transferSize", f"{size:.6f}", "Real"))
    parts.append(_resource(dataset, row))
    parts += [_link(address, role="documentation") for address in _further(row)]
    return parts


def _bytes(value: Any) -> float:
    """Return a size in bytes as a number (large ones are stored with a decimal point); 0 when invalid."""
    try:
        number = float(value or 0)
    except (TypeError, ValueError, OverflowError):
        return 0
    if 0 < number < float("inf"):
        return number
    return 0


def _resource(dataset: Reader, row: Row) -> Element:
    """Return the main link of a resource; names of layers take the place of its name."""
    name = str(row.get("name") or "")
    description = str(row.get("description") or "")
    names = dataset.translations("name", row)
    descriptions = dataset.translations("description", row)
    layers: Any = row.get("layer_name") or []
    if not isinstance(layers, str):
        layers = ",".join(map(str, layers))
    if layers and not description:
        description, descriptions = name, names
    elif not description:
        descriptions = {}
    if layers:
        name, names = layers, {}
    return _link(
        str(row["url"]),
        {"name": names, "description": descriptions},
        role=str(row.get("resource_role") or "data"),
        protocol=str(row.get("protocol") or ""),
        name=name,
        description=description,
    )


def _further(row: Row) -> Iterator[str]:
    """Yield the URLs of the further links of a resource."""
    if row.get("access_url"):
        yield str(row["access_url"])
    if row.get("download_url") and row["download_url"] != row["url"]:
        yield str(row["download_url"])
    for address in row.get("documentation") or ():
        yield str(address)


def _pages(dataset: Reader, elsewhere: Iterable[Mapping[str, str]]) -> Iterator[Element]:
    """Yield the links of the dataset as a whole."""
    pages = [(address, "", "") for address in dataset.texts("documentation")]
    pages.append((dataset.text("url"), "WWW:LINK-1.0-http--landing", ""))
    pages.append((dataset.text("code_repository"), "", "Dépôt du code source"))
    for other in elsewhere:
        pages.append((other["record"], "", f"Fiche du même jeu de données : {other['title']}"))
    for address, protocol, name in pages:
        if address:
            yield _link(address, role="documentation", protocol=protocol, name=name)
    if dataset.text("source_record"):
        description = ""
        if dataset.text("metadata_date"):
            description = f"Fiche d'origine, du {dataset.text('metadata_date')}"
        yield _link(
            dataset.text("source_record"),
            role="metadata",
            protocol="WWW:LINK-1.0-http--metadata-URL",
            name=dataset.text("source_catalogue"),
            description=description,
        )


def _link(
    address: str, translations: Translations | None = None, /, *, role: str, **texts: str
) -> Element:
    """Return a ``gmd:onLine`` element.

    Args:
        address: the URL.
        translations: translations of ``name`` and ``description``, each by language.
        role: id in the vocabulary `resource-role`; determines the function code.
        texts: ``protocol``, ``name``, ``description``.
    """
    parts = [xml.url("gmd:linkage", address)]
    for name in ("protocol", "name", "description"):
        if texts.get(name):
            others = (translations or {}).get(name, {})
            parts.append(xml.in_languages(f"gmd:{name}", texts[name], others))
    if role in FUNCTIONS:
        parts.append(xml.code("gmd:function", "CI_OnLineFunctionCode", FUNCTIONS[role]))
    return el("gmd:onLine", el("gmd:CI_OnlineResource", parts))
