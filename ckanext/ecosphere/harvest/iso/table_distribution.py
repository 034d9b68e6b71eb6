"""Mapping tables for distribution and data quality (``MD_Distribution``, ``DQ_DataQuality``)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from ckanext.ecosphere.harvest import record as r
from ckanext.ecosphere.harvest.iso.handlers import (
    bare,
    code,
    long_text,
    long_texts,
    new,
    note,
    skip,
    text,
    text_and_href,
    within,
)
from ckanext.ecosphere.harvest.iso.table_parts import CONTACT, DATE, party_identifier
from ckanext.ecosphere.harvest.iso.walk import XLINK_HREF, Table, Walk, one_line
from ckanext.ecosphere.shared.hardened_xml import local_name

# --- distribution ------------------------------------------------------------------------------

LINK: Table = {
    "linkage": text("url"),
    "protocol": text("protocol"),
    "applicationProfile": text("media_type"),
    "name": text("name"),
    "description": long_text("description"),
    "function": code("function"),
}


def _mime_type(walk: Walk, element: etree._Element, link: r.Link) -> None:
    """Read the media type of a ``gmx:MimeFileType`` that replaces a protocol or a name."""
    for mime in element.iter("{*}MimeFileType"):
        link.media_type = mime.get("type") or link.media_type


FORMAT: Table = {
    "name": text_and_href("name", "href"),
    "version": text("version"),
    "amendmentNumber": note,
    "specification": note,
    "fileDecompressionTechnique": text_and_href("compression", "compression_href"),
    "formatDistributor": within(
        {"distributorContact": note, "distributorTransferOptions": skip, "distributorFormat": note}
    ),
    "formatSpecificationCitation": within(
        {"title": text_and_href("name", "href"), "edition": text("version"), "date": note}
    ),
}


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
    "CI_OnlineResource": bare(r.Link, "links", LINK),
    "distributionFormat": skip,
}


def _transfer(walk: Walk, element: etree._Element, record: r.Record) -> None:
    for child in element:
        options = _Transfer()
        walk.children(child, _TRANSFER, options)
        for link in options.links:
            link.units_of_distribution = options.units
            # The size applies to a link only if it is the only one of the block.
            link.size_megabytes = options.size if len(options.links) == 1 else None
        record.links += options.links
        if not options.links and (options.units or options.size):
            walk.unread(child)
        elif options.size and len(options.links) > 1:
            walk.note(child, f"{options.size} Mo")


_FORMATS = new(r.Format, "formats", FORMAT)
DISTRIBUTION: Table = {
    "distributionFormat": _FORMATS,
    "MD_Format": bare(r.Format, "formats", FORMAT),
    "distributor": within(
        {
            "distributorContact": new(r.Contact, "distributors", CONTACT, finish=party_identifier),
            "distributorFormat": _FORMATS,
            "distributorTransferOptions": _transfer,
        }
    ),
    "transferOptions": _transfer,
}


# --- quality ---------------------------------------------------------------------------------------


def _pass(walk: Walk, element: etree._Element, conformity: r.Conformity) -> None:
    value = one_line(walk.text(element).text).lower()
    conformity.degree = {"true": True, "1": True, "false": False, "0": False}.get(value)


_SPECIFICATION: Table = {
    "title": text_and_href("title", "href"),
    "date": new(r.Dated, "dates", DATE),
    "alternateTitle": note,
    "identifier": note,
    "citedResponsibleParty": note,
    "edition": note,
}


def _specification(walk: Walk, element: etree._Element, conformity: r.Conformity) -> None:
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
    "pass": _pass,
}


def _measure(walk: Walk, result: etree._Element, report: etree._Element | None, record: r.Record) -> None:
    """Read a quantitative result, with the type and name of its measure from the report that contains it."""
    value = " ".join(one_line(" ".join(part.itertext())) for part in result.iterfind("{*}value")).strip()
    if report is None or not value:
        walk.unread(result)
        return
    name = next((one_line(walk.text(each).text) for each in _names_of_measure(report)), "")
    unit = next((one_line(" ".join(each.itertext())) for each in result.iterfind("{*}valueUnit//{*}identifier")), "")
    if not unit:
        unit = next((one_line(" ".join(each.itertext())) for each in result.iterfind("{*}valueUnit")), "")
    if not unit:
        unit = next((each.get(XLINK_HREF) or "" for each in result.iterfind("{*}valueUnit")), "")
    record.measures.append(r.QualityMeasure(local_name(report), name, value, unit))


def _result(walk: Walk, element: etree._Element, record: r.Record) -> None:
    for child in element:
        if local_name(child) == "DQ_QuantitativeResult":
            _measure(walk, child, element.getparent(), record)
            continue
        if local_name(child) != "DQ_ConformanceResult":
            walk.unread(child)
            continue
        conformity = r.Conformity()
        walk.children(child, _RESULT, conformity)
        if conformity.title or conformity.href:
            record.conformity.append(conformity)
        else:
            walk.unread(child)


def _names_of_measure(report: etree._Element) -> Iterator[etree._Element]:
    """Yield the names of the measure of a report: its own, or those of a measure reference (ISO 19157)."""
    yield from report.iterfind("{*}nameOfMeasure")
    yield from report.iterfind("{*}measure/{*}DQ_MeasureReference/{*}nameOfMeasure")


def _name_of_measure(walk: Walk, element: etree._Element, target: r.Record) -> None:
    """Note the name of a measure, unless it is read with its value."""
    report = element.getparent()
    if report is not None and local_name(report) == "DQ_MeasureReference":
        report = report.getparent()
        report = None if report is None else report.getparent()
    if report is None or report.find("{*}result/{*}DQ_QuantitativeResult/{*}value") is None:
        walk.unread(element)


def _scope(walk: Walk, element: etree._Element, target: r.Record) -> None:
    """Note the scope of a report, unless it is the dataset, as in nearly all records."""
    levels = {code.get("codeListValue") for code in element.iter("{*}MD_ScopeCode")}
    more = next(element.iter("{*}extent", "{*}levelDescription"), None)
    if levels - {"dataset", "series", "service", "", None} or more is not None:
        walk.unread(element)


_MEASURE: Table = {"measureIdentification": note, "nameOfMeasure": _name_of_measure, "measureDescription": note}
_REPORT: Table = {
    **_MEASURE,
    "result": _result,
    "measure": within(_MEASURE),
    "dateTime": note,
    "evaluationMethodType": note,
}
LINEAGE: Table = {
    "statement": long_texts("lineage"),
    "scope": note,
    "processStep": within({"description": long_texts("steps")}),
    "source": within(
        {
            "description": long_texts("sources"),
            "sourceCitation": within({"title": long_texts("sources"), "date": note}),
        }
    ),
}
QUALITY: Table = {
    "scope": _scope,
    "report": within(_REPORT),
    "lineage": within(LINEAGE),
}
