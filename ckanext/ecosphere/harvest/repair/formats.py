"""Write corrections as files: CSV for people, XSLT for any catalogue, batch edits for GeoNetwork 4.

The batch edits are those of ``PUT /srv/api/records/batchediting`` (OpenAPI description of GeoNetwork 4, operation
batchEdit; user guide, "Batch editing"): a list of `{xpath, value}`, where ``<gn_replace>`` holds the new content of the
element at the XPath, relative to the root. Corrections differ from record to record, so each record has its own
request.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlencode

from lxml import etree

from ckanext.ecosphere.harvest.repair import names
from ckanext.ecosphere.harvest.repair.proposals import Correction
from ckanext.ecosphere.shared import csv_table

Found = Iterable[tuple[str, list[Correction]]]
"""(identifier of a record, its corrections)."""
COLUMNS = ("record", "rule", "xpath", "today", "proposed")
ENDPOINT = "srv/api/records/batchediting"
XSL = "http://www.w3.org/1999/XSL/Transform"


def table(found: Found) -> str:
    """Return corrections as CSV with the columns `COLUMNS`."""
    return csv_table.write(
        COLUMNS,
        (
            [identifier, each.rule, each.xpath, each.today, each.proposed]
            for identifier, corrections in found
            for each in corrections
        ),
    )


def batch_edits(found: Found) -> str:
    """Return requests to GeoNetwork's API as JSON: method, path relative to the catalogue's URL, body."""
    requests: list[dict[str, Any]] = []
    for identifier, corrections in found:
        query = urlencode({"uuids": identifier, "updateDateStamp": "true"})
        edits = [{"xpath": each.xpath, "value": f"<gn_replace>{each.content}</gn_replace>"} for each in corrections]
        if edits:
            requests.append({"method": "PUT", "path": f"/{ENDPOINT}?{query}", "body": edits})
    return json.dumps(requests, ensure_ascii=False, indent=1)


def stylesheet(found: Found) -> str:
    """Return an XSLT 1.0 stylesheet that copies a record with corrections applied.

    Records are matched by fileIdentifier. Whoever runs the stylesheet runs what is written here, so texts of records
    occur in two places only, where a processor evaluates nothing: as literals of XPath, and as contents of `xsl:text`.
    """
    root = etree.Element(f"{{{XSL}}}stylesheet", version="1.0", nsmap={"xsl": XSL, **names.PREFIXES})
    copy = _instruction(_instruction(root, "template", match="@*|node()"), "copy")
    _instruction(copy, "apply-templates", select="@*|node()")
    for identifier, corrections in found:
        record = f"*[gmd:fileIdentifier/* = {_literal(identifier)}]"
        for correction in corrections:
            _template(root, f"{record}{correction.xpath}", correction)
    etree.indent(root, level=0)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True).decode()


def _template(root: etree._Element, match: str, correction: Correction) -> None:
    """Add a template that gives a property its new content."""
    copy = _instruction(_instruction(root, "template", match=match, priority="2"), "copy")
    _instruction(copy, "copy-of", select="@*")
    content = etree.SubElement(copy, names.expanded(correction.element))
    for name, value in correction.attributes.items():
        # Not an attribute of the element: its value would be a template, where what is in braces is evaluated.
        _instruction(_instruction(content, "attribute", name=name), "text").text = value
    _instruction(content, "text").text = correction.text


def _instruction(parent: etree._Element, tag: str, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{XSL}}}{tag}", attributes)


def _literal(text: str) -> str:
    """Return a text as an expression of XPath 1.0, which has no escapes: a literal, or several of them joined."""
    if "'" not in text:
        return f"'{text}'"
    pieces = [f"'{piece}'" for piece in text.split("'")]
    return "concat({})".format(""", "'", """.join(pieces))


FILES: dict[str, tuple[Callable[[Found], str], str]] = {
    "csv": (table, "text/csv"),
    "xsl": (stylesheet, "application/xslt+xml"),
    "json": (batch_edits, "application/json"),
}
"""Kind of file → function that writes it, and media type."""
