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
from xml.sax.saxutils import escape

from ckanext.ecosphere.harvest.repair.proposals import PREFIXES, Correction
from ckanext.ecosphere.shared import csv_table

Found = Iterable[tuple[str, list[Correction]]]
"""(identifier of a record, its corrections)."""
COLUMNS = ("record", "rule", "xpath", "today", "proposed")
ENDPOINT = "srv/api/records/batchediting"
_NAMESPACES = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in PREFIXES.items())
_QUOTE, _DOUBLE = "'", '"'


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

    Records are matched by fileIdentifier; one that contains both kinds of quotes cannot be written in XPath 1.0 and is
    left out.
    """
    templates = []
    for identifier, corrections in found:
        if _QUOTE in identifier and _DOUBLE in identifier:
            continue
        quote = _DOUBLE if _QUOTE in identifier else _QUOTE
        root = f"*[gmd:fileIdentifier/* = {quote}{identifier}{quote}]"
        templates += [_template(f"{root}{each.xpath}", each) for each in corrections]
    return "\n".join(
        (
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" {_NAMESPACES}>',
            '<xsl:template match="@*|node()">'
            '<xsl:copy><xsl:apply-templates select="@*|node()"/></xsl:copy></xsl:template>',
            *templates,
            "</xsl:stylesheet>\n",
        )
    )


def _template(match: str, correction: Correction) -> str:
    # Braces in attributes would be attribute value templates; our contents have none.
    content = correction.content
    return (
        f'<xsl:template match="{escape(match, {_DOUBLE: "&quot;"})}" priority="2"><xsl:copy><xsl:copy-of select="@*"/>'
        f"{content}</xsl:copy></xsl:template>"
    )


FILES: dict[str, tuple[Callable[[Found], str], str]] = {
    "csv": (table, "text/csv"),
    "xsl": (stylesheet, "application/xslt+xml"),
    "json": (batch_edits, "application/json"),
}
"""Kind of file → function that writes it, and media type."""
