"""Write a dataset as an ISO 19139 record, following the INSPIRE technical guidance 2.0. No CKAN imports.

Elements are in the order of the XML schema. ``mapping.csv`` maps fields to elements, ``losses.csv`` lists what the
format cannot express. Harvested records keep their file identifier.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lxml import etree

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas.iso import identification, xml
from ckanext.ecosphere.schemas.iso.distribution import distribution
from ckanext.ecosphere.schemas.iso.people import party
from ckanext.ecosphere.schemas.iso.reading import Reader
from ckanext.ecosphere.schemas.iso.xml import el

LEVELS = {"dataset": "dataset", "series": "series", "service": "service", "SoftwareSourceCode": "software"}


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


def metadata(dataset: Reader, elsewhere: Iterable[Mapping[str, str]] = ()) -> Any:
    """Return the ``gmd:MD_Metadata`` element."""
    kind = dataset.kind
    level = LEVELS.get(kind, "dataset")
    contacts = dataset.rows("contact") or dataset.rows("publisher") or dataset.rows("creator") or [{}]
    identify = identification.service if kind == "service" else identification.data
    root = el(
        "gmd:MD_Metadata",
        xml.text("gmd:fileIdentifier", dataset.text("metadata_identifier") or dataset.text("id")),
        _language("gmd:language", "fre"),
        xml.code("gmd:characterSet", "MD_CharacterSetCode", "utf8"),
        [xml.text("gmd:parentIdentifier", parent) for parent in dataset.texts("in_series")[:1]],
        xml.code("gmd:hierarchyLevel", "MD_ScopeCode", level),
        xml.text("gmd:hierarchyLevelName", "" if level == "dataset" else dataset.concept("resource-type", "dcat_type")),
        [party("gmd:contact", contact, "pointOfContact", dataset.organisation) for contact in contacts[:1]],
        xml.date("gmd:dateStamp", dataset.text("metadata_modified")[:10] or "1970-01-01"),
        xml.text("gmd:metadataStandardName", "ISO 19115:2003/19139"),
        xml.text("gmd:metadataStandardVersion", "1.0"),
        xml.text("gmd:dataSetURI", dataset.text("uri")),
        xml.locales(dataset.languages()),
        [_reference_system(uri) for uri in dataset.texts("reference_system")],
        el("gmd:identificationInfo", identify(dataset)),
        distribution(dataset, elsewhere),
        _quality(dataset, level),
    )  # fmt: skip
    root.set(xml.qualified("xsi:schemaLocation"), xml.LOCATIONS)
    return root


def _language(name: str, code: str) -> Any:
    return el(name, el("gmd:LanguageCode", text=code, codeList=xml.LANGUAGES, codeListValue=code))


def _reference_system(uri: str) -> Any:
    known = voc.get("epsg").get(uri)
    code = xml.label("gmd:code", known.label_fr if known else uri, uri)
    identifier = el("gmd:referenceSystemIdentifier", el("gmd:RS_Identifier", code))
    return el("gmd:referenceSystemInfo", el("gmd:MD_ReferenceSystem", identifier))


# --- quality -----------------------------------------------------------------------------------------


def _quality(dataset: Reader, level: str) -> Any:
    reports = [_conformity(row) for row in dataset.rows("conformity") if any(row.values())]
    reports += [_followed(uri) for uri in dataset.texts("conforms_to")]
    reports += [_measure(row, number) for number, row in enumerate(dataset.rows("quality_measure"), 1)]
    lineage = _lineage(dataset)
    if not reports and lineage is None:
        return None
    scope = el("gmd:scope", el("gmd:DQ_Scope", xml.code("gmd:level", "MD_ScopeCode", level), _scope_details(level)))
    return el("gmd:dataQualityInfo", el("gmd:DQ_DataQuality", scope, reports, lineage))


def _lineage(dataset: Reader) -> Any:
    statement, method = dataset.text("provenance"), dataset.text("method")
    sources = [xml.label("gmd:description", text, text) for text in dataset.texts("source")]
    if not (statement or method or sources):
        return None
    step = el("gmd:processStep", el("gmd:LI_ProcessStep", xml.text("gmd:description", method))) if method else None
    inside = el(
        "gmd:LI_Lineage",
        xml.text("gmd:statement", statement),
        step,
        [el("gmd:source", el("gmd:LI_Source", source)) for source in sources],
    )
    return el("gmd:lineage", inside)


def _measure(row: Mapping[str, Any], number: int) -> Any:
    known = voc.get("quality-dimension").get(str(row.get("dimension") or "attribute-accuracy"))
    element = known.alt_labels[0] if known else "DQ_QuantitativeAttributeAccuracy"
    unit = xml.missing("gmd:valueUnit", "inapplicable")
    if row.get("unit"):
        symbol = el("gml:identifier", text=str(row["unit"]), codeSpace="")
        unit = el("gmd:valueUnit", el("gml:UnitDefinition", symbol, gml_id=f"unit-{number}"))
    value = xml.number("gmd:value", row["value"], "Record") if row.get("value") else xml.missing("gmd:value")
    result = el("gmd:result", el("gmd:DQ_QuantitativeResult", unit, value))
    inside = el(f"gmd:{element}", xml.text("gmd:nameOfMeasure", row.get("name")), result)
    return el("gmd:report", inside)


def _scope_details(level: str) -> Any:
    """Return the level description of a scope other than dataset and series (INSPIRE TG 2.0, C.23)."""
    if level in ("dataset", "series"):
        return None
    inside = el("gmd:MD_ScopeDescription", xml.text("gmd:other", level))
    return el("gmd:levelDescription", inside)


def _conformity(row: Mapping[str, Any]) -> Any:
    known = voc.get("conformity-degree").get(str(row.get("degree") or ""))
    passed = {"conformant": "true", "notConformant": "false"}.get(known.id) if known else None
    when = xml.dated(str(row["date"]), "publication") if row.get("date") else xml.missing("gmd:date", "unknown")
    uri = str(row.get("uri") or "")
    name = str(row.get("specification") or "")
    return _report(xml.label("gmd:title", name or uri, uri), when, passed)


def _followed(uri: str) -> Any:
    """Return a specification in ``conforms_to``, as a report whose degree of conformity is unknown."""
    return _report(xml.label("gmd:title", uri, uri), xml.missing("gmd:date", "unknown"), None)


def _report(title: Any, when: Any, passed: str | None) -> Any:
    result = el(
        "gmd:DQ_ConformanceResult",
        el("gmd:specification", el("gmd:CI_Citation", title, when)),
        xml.text("gmd:explanation", "Voir la spécification citée"),
        xml.number("gmd:pass", passed, "Boolean") if passed else xml.missing("gmd:pass", "unknown"),
    )
    return el("gmd:report", el("gmd:DQ_DomainConsistency", el("gmd:result", result)))
