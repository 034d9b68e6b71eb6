"""Write a dataset as an ISO 19139 record, following the INSPIRE technical guidance 2.0. No CKAN imports.

Most fields are written as the table of fields says (`dataset.fields`, `values`); what several fields
state together is in `parts` and here; `xml.Tree` puts all of it in order. Harvested records keep
their file identifier.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lxml import etree

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import fields
from ckanext.ecosphere.schemas.iso import values, xml
from ckanext.ecosphere.schemas.iso.parts import extents, formats, parties, party, transfers
from ckanext.ecosphere.schemas.iso.reading import Reader, Row
from ckanext.ecosphere.schemas.iso.xml import DATA, SERVICE, Element, Tree, el

LEVELS = {
    "dataset": "dataset",
    "series": "series",
    "service": "service",
    "SoftwareSourceCode": "software",
}
CATEGORIES = "http://inspire.ec.europa.eu/metadata-codelist/SpatialDataServiceCategory"
NO_LIMIT = "http://inspire.ec.europa.eu/metadata-codelist/LimitationsOnPublicAccess/noLimitations"
IDENTIFICATION = "identificationInfo"
CITATION = f"{IDENTIFICATION}/citation"
MAINTENANCE = f"{IDENTIFICATION}/resourceMaintenance"


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
        elsewhere: records of the same dataset in other catalogues: ``title`` of the catalogue and ``record``, the URL;
            written as information links, since no element of ISO 19139 is more specific without saying too much.
        around: ``members`` and ``records``, see `Reader`.
    """
    tree = etree.ElementTree(metadata(Reader(dataset, organisation, **around), elsewhere))
    return etree.tostring(tree, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def metadata(dataset: Reader, elsewhere: Iterable[Mapping[str, str]] = ()) -> Element:
    """Return the ``gmd:MD_Metadata`` element."""
    is_service = dataset.kind == "service"
    tree = Tree(SERVICE if is_service else DATA)
    for scope in fields.SCOPES:
        for field in fields.fields(scope):
            parent, _slash, _name = field.iso.get("path", "").rpartition("/")
            tree.put(parent, *values.elements(dataset, field))
    _about_the_record(tree, dataset)
    tree.put(IDENTIFICATION, *parties(dataset), *_constraints(dataset), *_relations(dataset))
    if is_service:
        _service(tree, dataset)
        tree.put(IDENTIFICATION, *extents(dataset, "srv:extent"))
    else:
        tree.put(IDENTIFICATION, *extents(dataset, "gmd:extent"))
    tree.put("distributionInfo", *transfers(dataset, elsewhere))
    if tree.has("distributionInfo"):
        tree.put("distributionInfo", *formats(dataset))
    _quality(tree, dataset)
    _what_is_required(tree, dataset)
    root = tree.root()
    root.set(xml.qualified("xsi:schemaLocation"), xml.LOCATIONS)
    return root


def _about_the_record(tree: Tree, dataset: Reader) -> None:
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


def _what_is_required(tree: Tree, dataset: Reader) -> None:
    """Put what the schema requires and the dataset lacks."""
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


def _relations(dataset: Reader) -> list[Element]:
    """Return the series beside the first, which is the parent, and the members of a series."""
    wholes = dataset.texts("in_series")[1:]
    return [
        *[values.related_resource(name, "largerWorkCitation") for name in wholes],
        *[values.related_resource(name, "partOfSeamlessDatabase") for name in dataset.members],
    ]


# --- services -----------------------------------------------------------------------------------


def _service(tree: Tree, dataset: Reader) -> None:
    """Put what a service has: its kind, its category, its addresses, and the datasets that it serves."""
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
    """Return the category keyword of a service, required by INSPIRE (TG 2.0.1; Regulation 1205/2008, D.4)."""
    service_types = voc.get("service-type")
    category = (service_types.get(service_type) or service_types["other"]).data["category"]
    return xml.anchor("gmd:keyword", category, f"{CATEGORIES}/{category}")


def _operation(dataset: Reader) -> Element:
    """Return the GetCapabilities operation with all URLs of the service as connect points."""
    addresses = [*dataset.texts("endpoint_description"), *dataset.texts("endpoint_url")]
    points = []
    for address in addresses:
        resource = el("gmd:CI_OnlineResource", xml.url("gmd:linkage", address))
        points.append(el("srv:connectPoint", resource))
    operation = el(
        "srv:SV_OperationMetadata",
        xml.text("srv:operationName", "GetCapabilities" if points else "unknown"),
        xml.code("srv:DCP", "DCPList", "WebServices"),
        points or xml.missing("srv:connectPoint"),
    )
    return el("srv:containsOperations", operation)


def _served(name: str, address: str) -> Element:
    """Return ``srv:operatesOn`` with the identifier of a dataset and the URL of its record, as INSPIRE requires."""
    if not address and name.startswith(("http://", "https://")):
        address = name
    return el("srv:operatesOn", uuidref=name, xlink_href=address)


# --- constraints --------------------------------------------------------------------------------


def _constraints(dataset: Reader) -> list[Element | None]:
    """Return limitations on public access and conditions of use, in separate blocks (TG 2.0.1, C.17, C.18)."""
    return [_access(dataset), _use(dataset)]


def _access(dataset: Reader) -> Element | None:
    """Return the access limitations; public data without any get INSPIRE's "no limitations"."""
    right = dataset.text("access_rights")
    is_public = right.endswith("/PUBLIC")
    limits = [_ground(uri) for uri in dataset.texts("access_limitation")]
    limits += xml.texts("gmd:otherConstraints", [dataset.text("access_conditions")])
    if not limits and is_public:
        limits = [_ground(NO_LIMIT)]
    if not limits and not right:
        return None
    codes = ["otherRestrictions"]
    if right and not is_public:
        codes = ["restricted", "otherRestrictions"]
    restrictions = [xml.code("gmd:accessConstraints", "MD_RestrictionCode", code) for code in codes]
    return el("gmd:resourceConstraints", el("gmd:MD_LegalConstraints", restrictions, limits))


def _ground(uri: str) -> Element:
    concept = voc.get("access-limitation").get(uri)
    return xml.label("gmd:otherConstraints", concept.label_fr if concept else uri, uri)


def _use(dataset: Reader) -> Element | None:
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


def _quality(tree: Tree, dataset: Reader) -> None:
    """Put the reports, and the scope of reports and lineage."""
    reports = [_conformity(row) for row in dataset.rows("conformity") if any(row.values())]
    reports += [_followed(uri) for uri in dataset.texts("conforms_to")]
    for number, row in enumerate(dataset.rows("quality_measure"), 1):
        reports.append(_measure(row, number))
    tree.put("dataQualityInfo", *reports)
    if tree.has("dataQualityInfo"):
        level = LEVELS.get(dataset.kind, "dataset")
        code = xml.code("gmd:level", "MD_ScopeCode", level)
        scope = el("gmd:DQ_Scope", code, _scope_details(level))
        tree.put("dataQualityInfo", el("gmd:scope", scope))


def _scope_details(level: str) -> Element | None:
    """Return the level description of a scope other than dataset and series (INSPIRE TG 2.0, C.23)."""
    if level in ("dataset", "series"):
        return None
    description = el("gmd:MD_ScopeDescription", xml.text("gmd:other", level))
    return el("gmd:levelDescription", description)


def _measure(row: Row, number: int) -> Element:
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


def _followed(uri: str) -> Element:
    """Return a specification in ``conforms_to``, as a report whose degree of conformity is unknown."""
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
