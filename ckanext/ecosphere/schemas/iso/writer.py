"""From a dataset to its ISO 19139 record, as the INSPIRE technical guidance 2.0 wants it. Pure, no CKAN.

The order of the elements is that of the schema; ``mapping.csv`` says which field stands where, and the guide
``docs/exchange.md`` what the format cannot hold. A record that was harvested keeps the identifier that it came with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lxml import etree

from ckanext.ecosphere import vocabularies as voc

from . import identification, xml
from .people import party
from .reading import Reader
from .xml import el

LEVELS = {"dataset": "dataset", "series": "series", "service": "service", "SoftwareSourceCode": "software"}
FUNCTIONS = {"documentation": "information", "metadata": "information", "data": "download", "sample": "download"}
MEGABYTE = 1_000_000


def record(dataset: Mapping[str, Any], organisation: str = "", elsewhere: Iterable[Mapping[str, str]] = ()) -> bytes:
    """Return the record of a dataset, in UTF-8.

    Args:
        dataset: as ``package_show`` gives it.
        organisation: name of the service, used where no party is named.
        elsewhere: records that other catalogues have of the same dataset: ``title`` of the catalogue and ``record``,
            the address; they become links of information, the only element of ISO 19139 that does not say more.
    """
    tree = etree.ElementTree(metadata(Reader(dataset, organisation), elsewhere))
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
        [_reference_system(uri) for uri in dataset.texts("reference_system")],
        el("gmd:identificationInfo", identify(dataset)),
        _distribution(dataset, elsewhere),
        _quality(dataset, level),
    )  # fmt: skip
    root.set(xml.qualified("xsi:schemaLocation"), xml.LOCATIONS)
    return root


def _language(name: str, code: str) -> Any:
    lists = "http://www.loc.gov/standards/iso639-2/"
    return el(name, el("gmd:LanguageCode", text=code, codeList=lists, codeListValue=code))


def _reference_system(uri: str) -> Any:
    known = voc.get("epsg").get(uri)
    code = xml.label("gmd:code", known.label_fr if known else uri, uri)
    identifier = el("gmd:referenceSystemIdentifier", el("gmd:RS_Identifier", code))
    return el("gmd:referenceSystemInfo", el("gmd:MD_ReferenceSystem", identifier))


# --- distribution ------------------------------------------------------------------------------------


def _distribution(dataset: Reader, elsewhere: Iterable[Mapping[str, str]]) -> Any:
    resources = [row for row in dataset.rows("resources") if row.get("url")]
    formats = list(dict.fromkeys(str(row["format"]) for row in resources if row.get("format")))
    links = [_transfer(row) for row in resources]
    for address in dataset.texts("documentation"):
        links.append(_transfer({"url": address, "resource_role": "documentation"}))
    if dataset.text("url"):
        page = {"url": dataset.text("url"), "resource_role": "documentation", "protocol": "WWW:LINK-1.0-http--landing"}
        links.append(_transfer(page))
    if dataset.text("code_repository"):
        links.append(_transfer({"url": dataset.text("code_repository"), "name": "Dépôt du code source"}))
    for other in elsewhere:
        name = f"Fiche du même jeu de données : {other['title']}"
        links.append(_transfer({"url": other["record"], "name": name, "resource_role": "metadata"}))
    if not formats and not links:
        return None
    return el("gmd:distributionInfo", el("gmd:MD_Distribution", [_format(name) for name in formats], links))


def _format(name: str) -> Any:
    inside = el("gmd:MD_Format", xml.text("gmd:name", name), xml.missing("gmd:version", "unknown"))
    return el("gmd:distributionFormat", inside)


def _transfer(row: Mapping[str, Any]) -> Any:
    """Return a resource with a transfer of its own, so that its size stays with it."""
    size = float(row["size"]) / MEGABYTE if str(row.get("size") or "").isdigit() else 0
    role = str(row.get("resource_role") or "data")
    given: Any = row.get("layer_name") or []
    layers = ",".join([given] if isinstance(given, str) else map(str, given))
    online = el(
        "gmd:CI_OnlineResource",
        xml.url("gmd:linkage", str(row["url"])),
        xml.text("gmd:protocol", row.get("protocol")),
        xml.text("gmd:name", layers or row.get("name")),
        xml.text("gmd:description", (row.get("name") if layers else None) or row.get("description")),
        xml.code("gmd:function", "CI_OnLineFunctionCode", FUNCTIONS[role]) if role in FUNCTIONS else None,
    )
    return el(
        "gmd:transferOptions",
        el(
            "gmd:MD_DigitalTransferOptions",
            xml.number("gmd:transferSize", f"{size:.6f}", "Real") if size else None,
            el("gmd:onLine", online),
        ),
    )


# --- quality -----------------------------------------------------------------------------------------


def _quality(dataset: Reader, level: str) -> Any:
    reports = [_conformity(row) for row in dataset.rows("conformity") if row.get("specification") or row.get("uri")]
    measures = [row for row in dataset.rows("quality_measure") if row.get("value")]
    reports += [_measure(row, number) for number, row in enumerate(measures, 1)]
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
    result = el("gmd:DQ_QuantitativeResult", unit, xml.number("gmd:value", row["value"], "Record"))
    inside = el(f"gmd:{element}", xml.text("gmd:nameOfMeasure", row.get("name")), el("gmd:result", result))
    return el("gmd:report", inside)


def _scope_details(level: str) -> Any:
    """Return what the scope is when it is no dataset nor series (INSPIRE TG 2.0, C.23)."""
    if level in ("dataset", "series"):
        return None
    inside = el("gmd:MD_ScopeDescription", xml.text("gmd:other", level))
    return el("gmd:levelDescription", inside)


def _conformity(row: Mapping[str, Any]) -> Any:
    degree = str(row.get("degree") or "").rsplit("/", 1)[-1]
    passed = {"conformant": "true", "notConformant": "false"}.get(degree)
    when = xml.dated(str(row["date"]), "publication") if row.get("date") else xml.missing("gmd:date", "unknown")
    title = xml.label("gmd:title", str(row.get("specification") or row["uri"]), str(row.get("uri") or ""))
    result = el(
        "gmd:DQ_ConformanceResult",
        el("gmd:specification", el("gmd:CI_Citation", title, when)),
        xml.text("gmd:explanation", "Voir la spécification citée"),
        xml.number("gmd:pass", passed, "Boolean") if passed else xml.missing("gmd:pass", "unknown"),
    )
    return el("gmd:report", el("gmd:DQ_DomainConsistency", el("gmd:result", result)))
