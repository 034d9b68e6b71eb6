"""Write a dataset as an ISO 19139 record, following the INSPIRE technical guidance (TG) 2.0.

Most fields are written as the table of fields says (`dataset.fields`, `values`). What several
fields state together is written here. `xml.Tree` puts all of it in the order of the schema.
Harvested records keep their file identifier.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lxml import etree

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import fields
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.schemas import places, relations, stored
from ckanext.ecosphere.schemas.iso import values, xml
from ckanext.ecosphere.schemas.iso.values import Reader
from ckanext.ecosphere.schemas.iso.xml import DATA, SERVICE, Element, Tree, el

#: Kind of a dataset → code of ``MD_ScopeCode``.
LEVELS = {
    "dataset": "dataset",
    "series": "series",
    "service": "service",
    "SoftwareSourceCode": "software",
}
CATEGORIES = "http://inspire.ec.europa.eu/metadata-codelist/SpatialDataServiceCategory"
#: Concept that says that there are no limitations on public access.
NO_LIMIT = "http://inspire.ec.europa.eu/metadata-codelist/LimitationsOnPublicAccess/noLimitations"
# Paths under ``gmd:MD_Metadata``, as in the table of fields.
IDENTIFICATION = "identificationInfo"
CITATION = f"{IDENTIFICATION}/citation"
MAINTENANCE = f"{IDENTIFICATION}/resourceMaintenance"
CONNECT_POINT = f"{IDENTIFICATION}/containsOperations/connectPoint/linkage"
Translations = Mapping[str, Mapping[str, str]]
"""Name of a text → its translations by language."""


def record_of(dataset: Mapping[str, Any]) -> bytes:
    """Return the record of a dataset from ``package_show``; what it lacks is looked up.

    These are the inherited fields, the members of a series, and related records.
    """
    return record(
        stored.completed(dict(dataset)),
        (dataset.get("organization") or {}).get("title") or "",
        relations.other_records(dataset),
        members=relations.members(dataset),
        records=relations.records(dataset.get("serves_dataset") or ()),
    )


def record(
    dataset: Mapping[str, Any],
    organisation: str = "",
    elsewhere: Iterable[Mapping[str, str]] = (),
    **around: Any,
) -> bytes:
    """Return the record of a dataset, in UTF-8.

    Args:
        dataset: the dataset, from ``package_show``.
        organisation: name of the service, used where no party is named.
        elsewhere: records of the same dataset in other catalogues: ``title`` of the catalogue and
            ``record``, the URL. They become information links: elements that are more specific
            would say too much.
        around: ``members`` and ``records``, see `Reader`.
    """
    tree = etree.ElementTree(metadata(Reader(dataset, organisation, **around), elsewhere))
    return etree.tostring(tree, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def metadata(dataset: Reader, elsewhere: Iterable[Mapping[str, str]] = ()) -> Element:
    """Return the ``gmd:MD_Metadata`` element."""
    is_service = dataset.kind == "service"
    tree = Tree(DATA)
    if is_service:
        tree = Tree(SERVICE)
    for scope in fields.SCOPES:
        for field in fields.fields(scope):
            parent, _slash, _name = field.iso.get("path", "").rpartition("/")
            tree.put(parent, *values.elements(dataset, field))
    _put_record(tree, dataset)
    # Limitations on public access and conditions of use are separate blocks (TG 2.0.1, C.17, C.18).
    tree.put(IDENTIFICATION, *parties(dataset), _access(dataset), _use(dataset))
    tree.put(IDENTIFICATION, *_associations(dataset))
    if is_service:
        _put_service(tree, dataset)
        tree.put(IDENTIFICATION, *extents(dataset, "srv:extent"))
    else:
        tree.put(IDENTIFICATION, *extents(dataset, "gmd:extent"))
    tree.put("distributionInfo", *transfers(dataset, elsewhere))
    if tree.has("distributionInfo"):
        tree.put("distributionInfo", *formats(dataset))
    _put_quality(tree, dataset)
    _put_missing(tree, dataset)
    root = tree.root()
    root.set(xml.qualified("xsi:schemaLocation"), xml.LOCATIONS)
    return root


def _put_record(tree: Tree, dataset: Reader) -> None:
    """Put what describes the record itself: language, level, contact, date, standard."""
    level = LEVELS.get(dataset.kind, "dataset")
    contacts = dataset.rows("contact") or dataset.rows("publisher") or dataset.rows("creator")
    contact = contacts[0] if contacts else {}
    tree.put(
        "",
        xml.language("gmd:language", "fre"),
        xml.code("gmd:characterSet", "MD_CharacterSetCode", "utf8"),
        *[xml.text("gmd:parentIdentifier", parent) for parent in dataset.texts("in_series")[:1]],
        xml.code("gmd:hierarchyLevel", "MD_ScopeCode", level),
        party("gmd:contact", contact, "pointOfContact", dataset.organisation),
        xml.date("gmd:dateStamp", dataset.text("metadata_modified")[:10] or "1970-01-01"),
        xml.text("gmd:metadataStandardName", "ISO 19115:2003/19139"),
        xml.text("gmd:metadataStandardVersion", "1.0"),
        *map(xml.locale, dataset.languages()),
    )
    if level != "dataset":
        label = dataset.concept("resource-type", "dcat_type")
        tree.put("", xml.text("gmd:hierarchyLevelName", label))


def _put_missing(tree: Tree, dataset: Reader) -> None:
    """Put what a record must have and the dataset lacks."""
    tree.require("", xml.text("gmd:fileIdentifier", dataset.text("id")))
    tree.require(CITATION, xml.text("gmd:title", dataset.text("name")))
    tree.require(CITATION, xml.missing("gmd:date"))
    for uri in dataset.texts("uri"):
        code = el("gmd:MD_Identifier", xml.label("gmd:code", uri, uri))
        tree.require(CITATION, el("gmd:identifier", code))
    tree.require(IDENTIFICATION, xml.missing("gmd:abstract"))
    tree.require(IDENTIFICATION, xml.language("gmd:language", "fre"))
    if tree.has(MAINTENANCE):
        tree.require(MAINTENANCE, xml.missing("gmd:maintenanceAndUpdateFrequency"))


def _associations(dataset: Reader) -> list[Element]:
    """Return the series except the first, which is the parent, and the members of a series."""
    further_series = dataset.texts("in_series")[1:]
    return [
        *[values.related_resource(name, "largerWorkCitation") for name in further_series],
        *[values.related_resource(name, "partOfSeamlessDatabase") for name in dataset.members],
    ]


# --- services -----------------------------------------------------------------------------------


def _put_service(tree: Tree, dataset: Reader) -> None:
    """Put what only services have: kind, category, addresses, and the datasets that they serve."""
    kind = dataset.text("service_type").rsplit("/", 1)[-1] or "other"
    served = dataset.texts("serves_dataset")
    coupling = "tight" if served else "loose"
    tree.put(
        IDENTIFICATION,
        el("srv:serviceType", el("gco:LocalName", text=kind)),
        values.keyword_group([_category(dataset.text("service_type"))]),
        xml.code("srv:couplingType", "SV_CouplingType", coupling),
        _operation(dataset),
        *[_served(name, dataset.records.get(name, "")) for name in served],
    )


def _category(service_type: str) -> Element:
    """Return the category keyword of a service (TG 2.0.1; Regulation 1205/2008, D.4)."""
    service_types = voc.get("service-type")
    category = (service_types.get(service_type) or service_types["other"]).data["category"]
    return xml.anchor("gmd:keyword", category, f"{CATEGORIES}/{category}")


def _operation(dataset: Reader) -> Element:
    """Return the GetCapabilities operation with all URLs of the service as connect points.

    The description of the interface comes first; its field is the last one of the schema.
    """
    points = []
    for field in reversed(fields.fields()):
        if field.iso.get("path") != CONNECT_POINT:
            continue
        for address in dataset.texts(field.name):
            resource = el("gmd:CI_OnlineResource", xml.url("gmd:linkage", address))
            points.append(el("srv:connectPoint", resource))
    name = "unknown"
    if points:
        name = "GetCapabilities"
    operation = el(
        "srv:SV_OperationMetadata",
        xml.text("srv:operationName", name),
        xml.code("srv:DCP", "DCPList", "WebServices"),
        points or xml.missing("srv:connectPoint"),
    )
    return el("srv:containsOperations", operation)


def _served(name: str, address: str) -> Element:
    """Return ``srv:operatesOn`` with the identifier of a dataset and the URL of its record.

    INSPIRE requires both.
    """
    if not address and name.startswith(("http://", "https://")):
        address = name
    return el("srv:operatesOn", uuidref=name, xlink_href=address)


# --- constraints --------------------------------------------------------------------------------


def _access(dataset: Reader) -> Element | None:
    """Return the limitations on access; public data without any get INSPIRE's "no limitations"."""
    right = dataset.text("access_rights")
    is_public = right.endswith("/PUBLIC")
    limits = list(values.labels(dataset, fields.get("access_limitation")))
    limits += xml.texts("gmd:otherConstraints", [dataset.text("access_conditions")])
    if not limits and is_public:
        limits = [values.label("gmd:otherConstraints", "access-limitation", NO_LIMIT)]
    if not limits and not right:
        return None
    codes = ["otherRestrictions"]
    if right and not is_public:
        codes = ["restricted", "otherRestrictions"]
    restrictions = [xml.code("gmd:accessConstraints", "MD_RestrictionCode", code) for code in codes]
    return el("gmd:resourceConstraints", el("gmd:MD_LegalConstraints", restrictions, limits))


def _use(dataset: Reader) -> Element | None:
    """Return the conditions of use and the licence."""
    licence = voc.get("licences").get(dataset.text("license_id"))
    use = xml.texts("gmd:useLimitation", [dataset.text("use_conditions")])
    if licence is None:
        if not use:
            return None
        return el("gmd:resourceConstraints", el("gmd:MD_LegalConstraints", use))
    address = licence.uri
    if not address.startswith("http"):
        address = str(licence.data.get("url") or "")
    code = xml.code("gmd:useConstraints", "MD_RestrictionCode", "otherRestrictions")
    label = xml.label("gmd:otherConstraints", licence.label_fr, address)
    return el("gmd:resourceConstraints", el("gmd:MD_LegalConstraints", use, code, label))


# --- quality ------------------------------------------------------------------------------------


def _put_quality(tree: Tree, dataset: Reader) -> None:
    """Put the reports, and the scope that reports and lineage have."""
    reports = [_conformity(row) for row in dataset.rows("conformity") if any(row.values())]
    reports += [_specification(uri) for uri in dataset.texts("conforms_to")]
    for number, row in enumerate(dataset.rows("quality_measure"), 1):
        reports.append(_measure(row, number))
    tree.put("dataQualityInfo", *reports)
    if tree.has("dataQualityInfo"):
        level = LEVELS.get(dataset.kind, "dataset")
        code = xml.code("gmd:level", "MD_ScopeCode", level)
        scope = el("gmd:DQ_Scope", code, _scope_details(level))
        tree.put("dataQualityInfo", el("gmd:scope", scope))


def _scope_details(level: str) -> Element | None:
    """Return the description of a level other than dataset and series (TG 2.0, C.23)."""
    if level in ("dataset", "series"):
        return None
    description = el("gmd:MD_ScopeDescription", xml.text("gmd:other", level))
    return el("gmd:levelDescription", description)


def _measure(row: Row, number: int) -> Element:
    """Return a quality measure as a report; `number` makes the id of its unit unique."""
    dimension = voc.get("quality-dimension").get(str(row.get("dimension") or "attribute-accuracy"))
    name = "DQ_QuantitativeAttributeAccuracy"
    if dimension:
        name = dimension.alt_labels[0]
    unit = xml.missing("gmd:valueUnit", "inapplicable")
    if row.get("unit"):
        symbol = el("gml:identifier", text=str(row["unit"]), codeSpace="")
        unit = el("gmd:valueUnit", el("gml:UnitDefinition", symbol, gml_id=f"unit-{number}"))
    value = xml.missing("gmd:value")
    if row.get("value"):
        value = xml.number("gmd:value", row["value"], "Record")
    result = el("gmd:result", el("gmd:DQ_QuantitativeResult", unit, value))
    measure = el(f"gmd:{name}", xml.text("gmd:nameOfMeasure", row.get("name")), result)
    return el("gmd:report", measure)


def _conformity(row: Row) -> Element:
    """Return a row of conformity as a report; ``gmd:pass`` is unknown unless it was evaluated."""
    degree = voc.get("conformity-degree").get(str(row.get("degree") or ""))
    passed = None
    if degree:
        passed = {"conformant": "true", "notConformant": "false"}.get(degree.id)
    date = xml.missing("gmd:date", "unknown")
    if row.get("date"):
        date = xml.dated(str(row["date"]), "publication")
    uri = str(row.get("uri") or "")
    name = str(row.get("specification") or "")
    return _report(xml.label("gmd:title", name or uri, uri), date, passed)


def _specification(uri: str) -> Element:
    """Return a specification in ``conforms_to``, as a report of unknown degree of conformity."""
    return _report(xml.label("gmd:title", uri, uri), xml.missing("gmd:date", "unknown"), None)


def _report(title: Element, date: Element, passed: str | None) -> Element:
    degree = xml.missing("gmd:pass", "unknown")
    if passed:
        degree = xml.number("gmd:pass", passed, "Boolean")
    result = el(
        "gmd:DQ_ConformanceResult",
        el("gmd:specification", el("gmd:CI_Citation", title, date)),
        xml.text("gmd:explanation", "Voir la spécification citée"),
        degree,
    )
    return el("gmd:report", el("gmd:DQ_DomainConsistency", el("gmd:result", result)))


# --- parties (CI_ResponsibleParty) --------------------------------------------------------------


def parties(dataset: Reader) -> list[Element]:
    """Return all parties of a dataset with their roles; the service if there are none."""
    rows_with_role: list[tuple[Row, str]] = []
    for field in fields.fields():
        role = field.iso.get("role")
        if role:
            rows_with_role += [(row, role) for row in dataset.rows(field.name)]
    for field in fields.with_subfield("agent"):
        for row in dataset.rows(field.name):
            role = str(row.get("role") or "").rsplit("/", 1)[-1] or "custodian"
            agents = [agent for agent in row.get("agent") or () if isinstance(agent, Mapping)]
            rows_with_role += [(agent, role) for agent in agents]
    if not rows_with_role:
        rows_with_role = [({}, "pointOfContact")]
    return [
        party("gmd:pointOfContact", row, role, dataset.organisation) for row, role in rows_with_role
    ]


def party(name: str, row: Row, role: str, organisation: str = "") -> Element:
    """Return a party.

    Args:
        name: name of the element: ``gmd:contact``, ``gmd:pointOfContact``…
        row: ``name``, ``email``, ``url``, ``uri``, ``unit``, ``telephone``, ``identifier``, all
            optional. The ``identifier`` becomes the ``uuid`` of the object (ISO 19118).
        role: code of ``CI_RoleCode``.
        organisation: used if the name is missing.
    """
    label = str(row.get("name") or organisation or row.get("email") or "Non renseigné")
    contact_info = None
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
    if info:
        contact_info = el("gmd:contactInfo", el("gmd:CI_Contact", info))
    responsible = el(
        "gmd:CI_ResponsibleParty",
        xml.label("gmd:organisationName", label, str(row.get("uri") or "")),
        xml.text("gmd:positionName", row.get("unit")),
        contact_info,
        xml.code("gmd:role", "CI_RoleCode", role),
    )
    if row.get("identifier"):
        responsible.set("uuid", xml.clean(row["identifier"]))
    return el(name, responsible)


# --- extents (EX_Extent) ------------------------------------------------------------------------

#: Geometries of a row of the spatial coverage.
SHAPES = ("bbox", "geom", "centroid")


def extents(dataset: Reader, name: str) -> list[Element]:
    """Return the extents of a dataset in elements ``name``.

    Each row of ``spatial_coverage`` is an extent. The territories share one, and the periods share
    another. INSPIRE requires a box: if no row has a shape, boxes are derived.
    """
    contents = []
    has_shape = False
    for number, row in enumerate(dataset.rows("spatial_coverage"), 1):
        contents.append(_of_row(row, number))
        has_shape = has_shape or any(places.shape(row, key) for key in SHAPES)
    territories = [_place(uri) for uri in dataset.texts("territory")]
    if not has_shape:
        territories += [_box(box) for box in _derived_boxes(dataset)]
    contents.append(territories)
    rows = enumerate(dataset.rows("temporal_coverage"), 1)
    periods = [_period(row, number) for number, row in rows if row.get("start") or row.get("end")]
    contents.append(periods)
    return [el(name, el("gmd:EX_Extent", content)) for content in contents if content]


def _of_row(row: Row, number: int) -> list[Element]:
    """Return the contents of an extent, in the order of the schema: text, place, boxes, shapes."""
    content = []
    if row.get("text"):
        content.append(xml.text("gmd:description", row["text"]))
    if row.get("uri"):
        content.append(_place(str(row["uri"])))
    box, shape, centre = (places.shape(row, key) for key in SHAPES)
    geometry = box or shape or centre
    if geometry:
        content += map(_box, _boxes(geometry))
    if shape:
        content.append(_shape(shape, f"geometry-{number}"))
    if centre:
        content.append(_shape(centre, f"centroid-{number}"))
    return content


def _derived_boxes(dataset: Reader) -> list[places.Box]:
    """Return the boxes of the footprint, else those of the territories."""
    footprint = places.shape(dataset.dataset, "spatial")
    if footprint:
        return _boxes(footprint)
    boxes = map(places.territory_box, dataset.texts("territory"))
    return list(dict.fromkeys(box for box in boxes if box))


def _boxes(geometry: dict[str, Any]) -> list[places.Box]:
    """Return the box of a geometry, or those of the parts of a multipolygon."""
    if geometry["type"] != "MultiPolygon":
        return [places.geometry_to_box(geometry)]
    polygons = [{"type": "Polygon", "coordinates": part} for part in geometry["coordinates"]]
    return [places.geometry_to_box(polygon) for polygon in polygons]


def _box(box: places.Box) -> Element:
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

#: Role of a resource → ``CI_OnLineFunctionCode``.
FUNCTIONS = {
    "documentation": "information",
    "metadata": "information",
    "data": "download",
    "sample": "download",
}
MEDIA_TYPES = "http://www.iana.org/assignments/media-types/"
#: Bytes of the unit of ``gmd:transferSize``.
MEGABYTE = 1_000_000


def formats(dataset: Reader) -> list[Element]:
    """Return the distinct formats of the resources."""
    distinct: dict[tuple[str, str, str, str], None] = {}  # the keys are in order
    for row in _files(dataset):
        package = str(row.get("package_format") or "")
        if not package.startswith(xml.ADDRESSES):
            package = ""
        properties = (
            str(row.get("format") or ""),
            str(row.get("mimetype") or ""),
            str(row.get("compress_format") or ""),
            package,
        )
        if any(properties):
            distinct[properties] = None
    return [_format(*properties) for properties in distinct]


def _files(dataset: Reader) -> list[Row]:
    return [row for row in dataset.rows("resources") if row.get("url")]


def _format(name: str, media_type: str, compression: str, package: str) -> Element:
    media = ""
    if media_type:
        media = f"{MEDIA_TYPES}{media_type}"
    parts = [xml.label("gmd:name", name or media, media), xml.missing("gmd:version", "unknown")]
    if compression or package:
        parts.append(xml.label("gmd:fileDecompressionTechnique", compression or package, package))
    return el("gmd:distributionFormat", el("gmd:MD_Format", parts))


def transfers(dataset: Reader, elsewhere: Iterable[Mapping[str, str]]) -> list[Element]:
    """Return the transfer options: of each resource, and of each page about the whole dataset.

    Args:
        dataset: the dataset.
        elsewhere: its records in other catalogues, see `record`.
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
    """Return a size in bytes as a number, 0 if it is invalid.

    Large sizes are stored with a decimal point.
    """
    try:
        number = float(value or 0)
    except (TypeError, ValueError, OverflowError):
        return 0
    if 0 < number < float("inf"):
        return number
    return 0


def _resource(dataset: Reader, row: Row) -> Element:
    """Return the main link of a resource.

    Layers take the place of its name, which then becomes the description if there is none.
    """
    name = str(row.get("name") or "")
    description = str(row.get("description") or "")
    names = dataset.translations("name", row)
    descriptions = dataset.translations("description", row)
    layers: Any = row.get("layer_name") or []
    if not isinstance(layers, str):
        layers = ",".join(map(str, layers))
    if not description:
        descriptions = {}
    if layers and not description:
        description, descriptions = name, names
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
    """Yield the URLs of a resource beside the main one."""
    if row.get("access_url"):
        yield str(row["access_url"])
    if row.get("download_url") and row["download_url"] != row["url"]:
        yield str(row["download_url"])
    for address in row.get("documentation") or ():
        yield str(address)


def _pages(dataset: Reader, elsewhere: Iterable[Mapping[str, str]]) -> Iterator[Element]:
    """Yield the links about the dataset as a whole."""
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
