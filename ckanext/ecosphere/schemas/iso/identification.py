"""Identification of the resource: ``MD_DataIdentification`` and ``SV_ServiceIdentification``. No CKAN imports."""

from __future__ import annotations

from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas.iso import xml
from ckanext.ecosphere.schemas.iso.extent import extents
from ckanext.ecosphere.schemas.iso.people import parties
from ckanext.ecosphere.schemas.iso.reading import Reader
from ckanext.ecosphere.schemas.iso.xml import el
from ckanext.ecosphere.vocabularies import information

#: Keywords from vocabularies: (field, vocabulary, title of the thesaurus, its date).
THESAURI = (
    ("inspire_theme", "inspire-theme", "GEMET - INSPIRE themes, version 1.0", "2008-06-01"),
    ("theme", "themes", "Thématiques Ecosphères", "2022-01-01"),
    ("eu_theme", "eu-theme", "Data theme (EU)", "2015-10-01"),
    ("priority_dataset", "priority-dataset", "INSPIRE priority data set", "2018-04-04"),
    ("hvd_category", "hvd-category", "High-value dataset categories", "2023-01-20"),
    ("regulatory_use", "regulatory-use", "Usages réglementaires", "2026-11-01"),
    ("development_status", "development-status", "État du développement (publiccode.yml)", "2019-01-01"),
)
DATES = (("created", "creation"), ("issued", "publication"), ("modified", "revision"))
CATEGORIES = "http://inspire.ec.europa.eu/metadata-codelist/SpatialDataServiceCategory"
NO_LIMIT = "http://inspire.ec.europa.eu/metadata-codelist/LimitationsOnPublicAccess/noLimitations"


def data(dataset: Reader) -> Any:
    """Return the ``MD_DataIdentification`` of a dataset, series or source code."""
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
        xml.text("gmd:supplementalInformation", information.joined(dataset.rows("other_information"))),
    )


def service(dataset: Reader) -> Any:
    """Return the ``SV_ServiceIdentification`` of a service."""
    kind = dataset.text("service_type").rsplit("/", 1)[-1] or "other"
    return el(
        "srv:SV_ServiceIdentification",
        _common(dataset),
        el("srv:serviceType", el("gco:LocalName", text=kind)),
        extents(dataset, "srv:extent"),
        xml.code("srv:couplingType", "SV_CouplingType", "tight" if dataset.texts("serves_dataset") else "loose"),
        _operation(dataset),
        [_served(name, dataset.records.get(name, "")) for name in dataset.texts("serves_dataset")],
    )


def _operation(dataset: Reader) -> Any:
    """Return the GetCapabilities operation with all URLs of the service as connect points."""
    addresses = [*dataset.texts("endpoint_description"), *dataset.texts("endpoint_url")]
    points = [el("gmd:CI_OnlineResource", xml.url("gmd:linkage", address)) for address in addresses]
    inside = el(
        "srv:SV_OperationMetadata",
        xml.text("srv:operationName", "GetCapabilities" if points else "unknown"),
        xml.code("srv:DCP", "DCPList", "WebServices"),
        [el("srv:connectPoint", point) for point in points] or xml.missing("srv:connectPoint"),
    )
    return el("srv:containsOperations", inside)


def _served(name: str, record: str) -> Any:
    """Return ``srv:operatesOn`` with the identifier of a dataset and the URL of its record, as INSPIRE requires."""
    href = record or (name if name.startswith(("http://", "https://")) else "")
    return el("srv:operatesOn", uuidref=name, xlink_href=href)


def _common(dataset: Reader) -> list[Any]:
    """Return the elements common to data and services, in the order of the schema."""
    return [
        _citation(dataset),
        _abstract(dataset),
        _status(dataset),
        parties(dataset),
        _maintenance(dataset),
        _overview(dataset),
        _keywords(dataset),
        _constraints(dataset),
        [_aggregation(name, "largerWorkCitation") for name in dataset.texts("in_series")[1:]],
        [_aggregation(name, "partOfSeamlessDatabase") for name in dataset.members],
        [_aggregation(name, "revisionOf") for name in dataset.texts("replaces")],
        [_aggregation(address, "crossReference") for address in dataset.texts("is_referenced_by")],
    ]


def _abstract(dataset: Reader) -> Any:
    made = xml.in_languages("gmd:abstract", dataset.text("notes"), dataset.translations("notes"))
    return xml.missing("gmd:abstract") if made is None else made


def _citation(dataset: Reader) -> Any:
    dates = [xml.dated(dataset.text(name), kind) for name, kind in DATES if dataset.text(name)]
    names = [*dataset.texts("identifier"), *dataset.texts("alternate_identifier")] or dataset.texts("uri")
    identifiers = [el("gmd:MD_Identifier", xml.label("gmd:code", name, name)) for name in names]
    inside = el(
        "gmd:CI_Citation",
        xml.in_languages("gmd:title", dataset.text("title") or dataset.text("name"), dataset.translations("title")),
        xml.texts("gmd:alternateTitle", dataset.texts("alternate_title")),
        dates or [xml.missing("gmd:date")],
        xml.text("gmd:edition", dataset.text("version")),
        [el("gmd:identifier", identifier) for identifier in identifiers],
    )
    return el("gmd:citation", inside)


def _status(dataset: Reader) -> Any:
    wanted = dataset.text("status").rsplit("/", 1)[-1]
    code = next((c.id for c in voc.get("progress-code") if wanted and c.data["eu_status"] == wanted), None)
    return xml.code("gmd:status", "MD_ProgressCode", code) if code else None


def _maintenance(dataset: Reader) -> Any:
    """Return frequency and date of next update; a frequency without ISO code is written in a maintenance note."""
    known, due = voc.get("frequency").get(dataset.text("frequency")), dataset.text("next_update")
    if not known and not due:
        return None
    code = next((label for label in known.alt_labels if label in voc.get("maintenance-frequency")), "") if known else ""
    inside = el(
        "gmd:MD_MaintenanceInformation",
        xml.code("gmd:maintenanceAndUpdateFrequency", "MD_MaintenanceFrequencyCode", code or "unknown")
        if known
        else xml.missing("gmd:maintenanceAndUpdateFrequency"),
        xml.date("gmd:dateOfNextUpdate", due) if due else None,
        xml.anchor("gmd:maintenanceNote", known.label_fr, known.uri) if known and not code else None,
    )
    return el("gmd:resourceMaintenance", inside)


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
    laws = [xml.anchor("gmd:keyword", uri, uri) for uri in dataset.texts("applicable_legislation")]
    languages = xml.texts("gmd:keyword", dataset.texts("programming_language"))
    tags = [str(tag.get("display_name") or tag["name"]) for tag in dataset.rows("tags") if tag.get("name")]
    groups += [_group(words) for words in (laws, languages, xml.texts("gmd:keyword", tags)) if words]
    if dataset.kind == "service":
        groups.append(_group([_category(dataset.text("service_type"))]))
    return groups


def _category(service_type: str) -> Any:
    """Return the category keyword of a service, required by INSPIRE (TG 2.0.1; Regulation 1205/2008, D.4)."""
    known = voc.get("service-type").get(service_type) or voc.get("service-type")["other"]
    category = known.data["category"]
    return xml.anchor("gmd:keyword", category, f"{CATEGORIES}/{category}")


def _word(vocabulary: str, value: str) -> Any:
    known = voc.get(vocabulary).get(value)
    if known is None:
        return xml.label("gmd:keyword", value, value)
    return xml.anchor("gmd:keyword", known.label_fr, known.uri)


def _group(words: list[Any], thesaurus: Any = None) -> Any:
    kind = xml.code("gmd:type", "MD_KeywordTypeCode", "theme")
    return el("gmd:descriptiveKeywords", el("gmd:MD_Keywords", words, kind, thesaurus))


def _constraints(dataset: Reader) -> list[Any]:
    """Return limitations on public access and conditions of use, in separate blocks (TG 2.0.1, C.17, C.18)."""
    return [block for block in (_access(dataset), _use(dataset)) if block is not None]


def _access(dataset: Reader) -> Any:
    """Return the access limitations; public data without any get INSPIRE's "no limitations"."""
    right = dataset.text("access_rights")
    limits = [_ground(uri) for uri in dataset.texts("access_limitation")]
    limits += xml.texts("gmd:otherConstraints", [dataset.text("access_conditions")])
    if not limits and right.endswith("/PUBLIC"):
        limits = [_ground(NO_LIMIT)]
    if not limits and not right:
        return None
    codes = [xml.code("gmd:accessConstraints", "MD_RestrictionCode", "otherRestrictions")]
    if right and not right.endswith("/PUBLIC"):
        codes.insert(0, xml.code("gmd:accessConstraints", "MD_RestrictionCode", "restricted"))
    return el("gmd:resourceConstraints", el("gmd:MD_LegalConstraints", codes, limits))


def _use(dataset: Reader) -> Any:
    licence = voc.get("licences").get(dataset.text("license_id"))
    use = xml.texts("gmd:useLimitation", [dataset.text("use_conditions")])
    if licence is None:
        return el("gmd:resourceConstraints", el("gmd:MD_LegalConstraints", use)) if use else None
    address = licence.uri if licence.uri.startswith("http") else str(licence.data.get("url") or "")
    code = xml.code("gmd:useConstraints", "MD_RestrictionCode", "otherRestrictions")
    inside = el("gmd:MD_LegalConstraints", use, code, xml.label("gmd:otherConstraints", licence.label_fr, address))
    return el("gmd:resourceConstraints", inside)


def _ground(uri: str) -> Any:
    known = voc.get("access-limitation").get(uri)
    return xml.label("gmd:otherConstraints", known.label_fr if known else uri, uri)


def _aggregation(name: str, association: str) -> Any:
    code = el("gmd:MD_Identifier", xml.text("gmd:code", name))
    kind = xml.code("gmd:associationType", "DS_AssociationTypeCode", association)
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
    return el("gmd:language", el("gmd:LanguageCode", text=code, codeList=xml.LANGUAGES, codeListValue=code))


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
