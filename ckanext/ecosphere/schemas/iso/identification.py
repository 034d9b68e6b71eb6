"""What a record says of the resource itself: ``MD_DataIdentification``, ``SV_ServiceIdentification``. Pure."""

from __future__ import annotations

from functools import cache
from typing import Any

from ckanext.ecosphere import vocabularies as voc

from .. import places, spatial
from . import xml
from .people import parties
from .reading import Reader
from .xml import el

#: Keywords from a list: (field, vocabulary, title of the thesaurus, its date).
THESAURI = (
    ("inspire_theme", "inspire-theme", "GEMET - INSPIRE themes, version 1.0", "2008-06-01"),
    ("theme", "themes", "Thématiques Ecosphères", "2022-01-01"),
    ("eu_theme", "eu-theme", "Data theme (EU)", "2015-10-01"),
    ("priority_dataset", "priority-dataset", "INSPIRE priority data set", "2018-04-04"),
    ("hvd_category", "hvd-category", "High-value dataset categories", "2023-01-20"),
    ("regulatory_use", "regulatory-use", "Usages réglementaires", "2026-11-01"),
)
DATES = (("created", "creation"), ("issued", "publication"), ("modified", "revision"))
NO_LIMIT = "http://inspire.ec.europa.eu/metadata-codelist/LimitationsOnPublicAccess/noLimitations"
NO_CONDITION = "http://inspire.ec.europa.eu/metadata-codelist/ConditionsApplyingToAccessAndUse/noConditionsApply"


def data(dataset: Reader) -> Any:
    """Return the identification of data, a series, or code."""
    resolution = [
        el("gmd:spatialResolution", el("gmd:MD_Resolution", inside)) for inside in (_scale(dataset), _distance(dataset))
        if inside is not None
    ]  # fmt: skip
    representation = dataset.text("spatial_representation").rsplit("/", 1)[-1]
    return el(
        "gmd:MD_DataIdentification",
        _common(dataset),
        xml.code("gmd:spatialRepresentationType", "MD_SpatialRepresentationTypeCode", representation)
        if representation
        else None,
        resolution,
        [_language(uri) for uri in dataset.texts("language") or ["FRA"]],
        [_character_set(name) for name in _encodings(dataset)],
        [
            el("gmd:topicCategory", el("gmd:MD_TopicCategoryCode", text=uri.rsplit("/", 1)[-1]))
            for uri in dataset.texts("topic_category")
        ],
        extents(dataset, "gmd:extent"),
    )


def service(dataset: Reader) -> Any:
    """Return the identification of a service."""
    kind = dataset.text("service_type").rsplit("/", 1)[-1] or "other"
    addresses = dataset.texts("endpoint_url")
    operations = [
        _operation("GetCapabilities", dataset.text("endpoint_description") or address) for address in addresses
    ]
    return el(
        "srv:SV_ServiceIdentification",
        _common(dataset),
        el("srv:serviceType", el("gco:LocalName", text=kind)),
        extents(dataset, "srv:extent"),
        xml.code("srv:couplingType", "SV_CouplingType", "tight" if dataset.texts("serves_dataset") else "loose"),
        operations or [_operation("unknown", "")],
        [el("srv:operatesOn", uuidref=name) for name in dataset.texts("serves_dataset")],
    )


def _operation(name: str, address: str) -> Any:
    point = xml.missing("srv:connectPoint")
    if address:
        point = el("srv:connectPoint", el("gmd:CI_OnlineResource", xml.url("gmd:linkage", address)))
    inside = el(
        "srv:SV_OperationMetadata",
        xml.text("srv:operationName", name),
        xml.code("srv:DCP", "DCPList", "WebServices"),
        point,
    )
    return el("srv:containsOperations", inside)


def _common(dataset: Reader) -> list[Any]:
    """Return what data and services have in common, in the schema's order."""
    return [
        _citation(dataset),
        xml.label("gmd:abstract", dataset.text("notes")),
        _status(dataset),
        parties(dataset),
        _maintenance(dataset),
        _overview(dataset),
        _keywords(dataset),
        _constraints(dataset),
        [_aggregation(name) for name in dataset.texts("in_series")[1:]],
    ]


def _citation(dataset: Reader) -> Any:
    dates = [xml.dated(dataset.text(name), kind) for name, kind in DATES if dataset.text(name)]
    identifiers = [*dataset.texts("identifier"), *dataset.texts("alternate_identifier")] or [dataset.text("uri")]
    inside = el(
        "gmd:CI_Citation",
        xml.text("gmd:title", dataset.text("title") or dataset.text("name")),
        xml.texts("gmd:alternateTitle", dataset.texts("alternate_title")),
        dates or [xml.missing("gmd:date")],
        xml.text("gmd:edition", dataset.text("version")),
        [
            el("gmd:identifier", el("gmd:MD_Identifier", xml.label("gmd:code", identifier, identifier)))
            for identifier in identifiers
            if identifier
        ],
    )
    return el("gmd:citation", inside)


def _status(dataset: Reader) -> Any:
    wanted = dataset.text("status").rsplit("/", 1)[-1]
    code = next((c.id for c in voc.get("progress-code") if wanted and c.data["eu_status"] == wanted), None)
    return xml.code("gmd:status", "MD_ProgressCode", code) if code else None


def _maintenance(dataset: Reader) -> Any:
    code, due = _frequency(dataset.text("frequency")), dataset.text("next_update")
    if not code and not due:
        return None
    inside = el(
        "gmd:MD_MaintenanceInformation",
        xml.code("gmd:maintenanceAndUpdateFrequency", "MD_MaintenanceFrequencyCode", code or "unknown"),
        xml.date("gmd:dateOfNextUpdate", due) if due else None,
    )
    return el("gmd:resourceMaintenance", inside)


@cache
def _frequency(uri: str) -> str:
    """Return the ISO code of a frequency, which the list keeps among the other spellings."""
    known = voc.get("frequency").get(uri) if uri else None
    codes = {concept.id for concept in voc.get("maintenance-frequency")}
    return next((label for label in known.alt_labels if label in codes), "unknown") if known else ""


def _overview(dataset: Reader) -> Any:
    image = dataset.text("preview_image")
    if not image:
        return None
    return el("gmd:graphicOverview", el("gmd:MD_BrowseGraphic", xml.text("gmd:fileName", image)))


def _keywords(dataset: Reader) -> list[Any]:
    groups = []
    for field, vocabulary, title, when in THESAURI:
        words = [_word(vocabulary, value) for value in dataset.texts(field)]
        if words:
            citation = el("gmd:CI_Citation", xml.text("gmd:title", title), xml.dated(when, "publication"))
            groups.append(_group(words, el("gmd:thesaurusName", citation)))
    laws = dataset.texts("applicable_legislation")
    if laws:
        groups.append(_group([xml.anchor("gmd:keyword", law, law) for law in laws], None))
    free = [str(tag.get("display_name") or tag["name"]) for tag in dataset.rows("tags") if tag.get("name")]
    if free:
        groups.append(_group(xml.texts("gmd:keyword", free), None))
    if dataset.kind == "service":
        groups.append(_group([_word("service-type", dataset.text("service_type"))], None))
    return groups


def _word(vocabulary: str, value: str) -> Any:
    known = voc.get(vocabulary).get(value)
    if known is None:
        return xml.label("gmd:keyword", value, value)
    return xml.anchor("gmd:keyword", known.label_fr, known.uri)


def _group(words: list[Any], thesaurus: Any) -> Any:
    kind = xml.code("gmd:type", "MD_KeywordTypeCode", "theme")
    return el("gmd:descriptiveKeywords", el("gmd:MD_Keywords", words, kind, thesaurus))


def _constraints(dataset: Reader) -> list[Any]:
    """Return limits on public access and conditions of use, each in a block of its own (INSPIRE TG 2.0, C.17, C.18)."""
    limits = [_ground(uri) for uri in dataset.texts("access_limitation")]
    access = dataset.text("access_rights").rsplit("/", 1)[-1]
    if not limits and access in ("", "PUBLIC"):
        limits = [_ground(NO_LIMIT)] if access else []
    limits += xml.texts("gmd:otherConstraints", [dataset.text("access_conditions")])
    blocks = []
    if limits or access:
        codes = [xml.code("gmd:accessConstraints", "MD_RestrictionCode", "otherRestrictions")]
        if access in ("RESTRICTED", "NON_PUBLIC", "SENSITIVE", "CONFIDENTIAL"):
            codes.insert(0, xml.code("gmd:accessConstraints", "MD_RestrictionCode", "restricted"))
        blocks.append(el("gmd:resourceConstraints", el("gmd:MD_LegalConstraints", codes, limits)))
    licence = voc.get("licences").get(dataset.text("license_id"))
    use = xml.texts("gmd:useLimitation", [dataset.text("use_conditions")])
    if licence is None and not use:
        return blocks
    other = []
    if licence is not None:
        address = licence.uri if licence.uri.startswith("http") else str(licence.data.get("url") or "")
        other = [xml.label("gmd:otherConstraints", licence.label_fr, address)]
    codes = [xml.code("gmd:useConstraints", "MD_RestrictionCode", "otherRestrictions")] if other else []
    blocks.append(el("gmd:resourceConstraints", el("gmd:MD_LegalConstraints", use, codes, other)))
    return blocks


def _ground(uri: str) -> Any:
    known = voc.get("access-limitation").get(uri)
    return xml.label("gmd:otherConstraints", known.label_fr if known else uri, uri)


def _aggregation(name: str) -> Any:
    code = el("gmd:MD_Identifier", xml.text("gmd:code", name))
    kind = xml.code("gmd:associationType", "DS_AssociationTypeCode", "largerWorkCitation")
    inside = el("gmd:MD_AggregateInformation", el("gmd:aggregateDataSetIdentifier", code), kind)
    return el("gmd:aggregationInfo", inside)


def _scale(dataset: Reader) -> Any:
    value = dataset.text("scale_denominator")
    if not value.isdigit():
        return None
    fraction = el("gmd:MD_RepresentativeFraction", xml.number("gmd:denominator", value, "Integer"))
    return el("gmd:equivalentScale", fraction)


def _distance(dataset: Reader) -> Any:
    value = dataset.text("spatial_resolution_in_meters")
    return el("gmd:distance", el("gco:Distance", text=value, uom="m")) if value else None


def _language(uri: str) -> Any:
    known = voc.get("language").get(uri)
    codes = [label for label in (known.alt_labels if known else ()) if len(label) == 3]  # noqa: PLR2004 - ISO 639-2
    code = codes[0] if codes else uri.rsplit("/", 1)[-1].lower()
    lists = "http://www.loc.gov/standards/iso639-2/"
    return el("gmd:language", el("gmd:LanguageCode", text=code, codeList=lists, codeListValue=code))


def _encodings(dataset: Reader) -> list[str]:
    named = dict.fromkeys(str(row["encoding"]) for row in dataset.rows("resources") if row.get("encoding"))
    known = [voc.get("encoding").get(name) for name in named]
    return [
        next((label for label in concept.alt_labels if label.islower() and label.isalnum()), "utf8")
        for concept in known
        if concept
    ]


def _character_set(code: str) -> Any:
    return xml.code("gmd:characterSet", "MD_CharacterSetCode", code)


# --- where and when ----------------------------------------------------------------------------------


def extents(dataset: Reader, name: str) -> list[Any]:
    """Return an extent per named box, and one with the places and periods."""
    made = []
    rows = [(str(row.get("text") or ""), _row_boxes(row)) for row in dataset.rows("spatial_coverage")]
    if not any(boxes for _text, boxes in rows):
        rows = [*((text, []) for text, _boxes in rows), ("", _derived_boxes(dataset))]
    for text, boxes in rows:
        if text or boxes:
            inside = el("gmd:EX_Extent", xml.text("gmd:description", text), [_box(box) for box in boxes])
            made.append(el(name, inside))
    uris = [*dataset.texts("territory"), *(str(row.get("uri") or "") for row in dataset.rows("spatial_coverage"))]
    places = [_place(uri) for uri in dict.fromkeys(uris) if uri]
    when = [_period(row, number) for number, row in enumerate(dataset.rows("temporal_coverage"), 1)]
    if places or any(period is not None for period in when):
        made.append(el(name, el("gmd:EX_Extent", places, when)))
    return made


def _row_boxes(row: Any) -> list[spatial.Box]:
    """Return the boxes of an extent, or those around its geometry."""
    for key, parse in (("bbox", spatial.parse_box), ("geom", spatial.parse_geometry)):
        try:
            if row.get(key):
                return _parts(parse(row[key]))
        except spatial.GeometryError:
            continue
    return []


def _derived_boxes(dataset: Reader) -> list[spatial.Box]:
    """Return the boxes of the footprint, else those of the territories."""
    try:
        if dataset.text("spatial"):
            return _parts(spatial.parse_geometry(dataset.text("spatial")))
    except spatial.GeometryError:
        pass
    return list(dict.fromkeys(box for uri in dataset.texts("territory") if (box := spatial.territory_box(uri))))


def _parts(geometry: dict[str, Any]) -> list[spatial.Box]:
    if geometry["type"] == "MultiPolygon":
        polygons = ({"type": "Polygon", "coordinates": part} for part in geometry["coordinates"])
        return [spatial.geometry_to_box(polygon) for polygon in polygons]
    return [spatial.geometry_to_box(geometry)]


def _box(box: spatial.Box) -> Any:
    west, south, east, north = box
    sides = (
        ("gmd:westBoundLongitude", west),
        ("gmd:eastBoundLongitude", east),
        ("gmd:southBoundLatitude", south),
        ("gmd:northBoundLatitude", north),
    )
    inside = [xml.number(name, f"{value:.6f}".rstrip("0").rstrip(".")) for name, value in sides]
    return el("gmd:geographicElement", el("gmd:EX_GeographicBoundingBox", inside))


def _place(uri: str) -> Any:
    code = xml.anchor("gmd:code", places.label(uri, "fr"), uri)
    identifier = el("gmd:geographicIdentifier", el("gmd:MD_Identifier", code))
    return el("gmd:geographicElement", el("gmd:EX_GeographicDescription", identifier))


def _period(row: Any, number: int) -> Any:
    start, end = str(row.get("start") or ""), str(row.get("end") or "")
    if not start and not end:
        return None
    sides = [
        el("gml:beginPosition", text=start) if start else el("gml:beginPosition", indeterminatePosition="unknown"),
        el("gml:endPosition", text=end) if end else el("gml:endPosition", indeterminatePosition="now"),
    ]
    period = el("gml:TimePeriod", sides, gml_id=f"period-{number}")
    return el("gmd:temporalElement", el("gmd:EX_TemporalExtent", el("gmd:extent", period)))
