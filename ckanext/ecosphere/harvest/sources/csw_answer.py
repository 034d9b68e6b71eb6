"""Parse CSW responses: a page of records, or the error that it is instead."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lxml import etree

from ckanext.ecosphere.harvest.iso import feature_catalogue
from ckanext.ecosphere.harvest.iso.walk import one_line
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.sources.base import RawRecord, count_of
from ckanext.ecosphere.shared.hardened_xml import local_name
from ckanext.ecosphere.shared.http_guard import Response

OK = 200
_REFUSING = {400, 404, 405, 406, 410, 415, 501}
"""Statuses of servers that do not support the form of a request."""
_RDF = "RDF"
_METADATA = {"MD_Metadata", "MI_Metadata", feature_catalogue.ROOT, _RDF}


class PageError(Exception):
    """A page could not be read; `code` and `params` as in `Reading.fail`.

    Attributes:
        misunderstood: the server may understand another form of request.
        too_big: smaller pages may work; retrying the same size will not.
    """

    def __init__(self, code: str, misunderstood: bool = False, too_big: bool = False, **params: Any):
        super().__init__(code)
        self.code = code
        self.params = params
        self.misunderstood = misunderstood
        self.too_big = too_big


@dataclass(frozen=True, slots=True)
class Answer:
    """A page as received.

    Attributes:
        records: the records, in order.
        matched: total number that the server announces, None if it does not.
        next_record: position of the next record according to the server; 0 for none, None if not stated.
    """

    records: list[RawRecord]
    matched: int | None
    next_record: int | None


def read_answer(
    response: Response, start: int, max_bytes: int, read_rdf: Callable[[etree._Element, int], RawRecord]
) -> Answer:
    """Read a page of records.

    Args:
        response: the HTTP response.
        start: position of the first record requested.
        max_bytes: maximum size that the parser accepts.
        read_rdf: extracts a record that is in RDF, from its element and position.

    Raises:
        PageError: it is no such page.
    """
    root = _parsed(response, max_bytes)
    name = local_name(root)
    if name in {"ExceptionReport", "ServiceExceptionReport"}:
        raise PageError("exception", misunderstood=True, text=_exception_text(root))
    if response.status != OK:
        raise PageError("status", misunderstood=response.status in _REFUSING, status=response.status)
    results = next((child for child in root if local_name(child) == "SearchResults"), None)
    if name != "GetRecordsResponse" or results is None:
        raise PageError("not-csw", misunderstood=True, root=name[:80])
    children = [child for child in results if isinstance(child.tag, str)]
    if children and not any(local_name(child) in _METADATA for child in children):
        raise PageError("not-iso", misunderstood=True, root=local_name(children[0])[:80])
    records = []
    for position, child in enumerate(children, start):
        read = read_rdf if local_name(child) == _RDF else raw_record
        records.append(read(child, position))
    return Answer(records, _count(results, "numberOfRecordsMatched"), _count(results, "nextRecord"))


def raw_record(element: etree._Element, position: int) -> RawRecord:
    """Extract one record from a page: text, digest, identifier.

    The digest is that of the exclusive canonical form (W3C xml-exc-c14n), so that namespace declarations which the
    server moves between page and record, or the order of attributes, make no difference.
    """
    element.tail = None
    canonical = etree.tostring(element, method="c14n", exclusive=True, with_comments=False)
    identifier = one_line(element.get("uuid")) if local_name(element) == feature_catalogue.ROOT else ""
    for child in element:
        if local_name(child) in {"fileIdentifier", "metadataIdentifier"}:
            identifier = one_line(" ".join(str(text) for text in child.itertext()))
            break
    content = etree.tostring(element, encoding="unicode")
    return RawRecord(position, content, hashlib.sha256(canonical).hexdigest(), identifier)


def _parsed(response: Response, max_bytes: int) -> etree._Element:
    try:
        return parse_xml(response.body, max_bytes)
    except RecordError as error:
        if response.status != OK:
            misunderstood = response.status in _REFUSING
            raise PageError("status", misunderstood=misunderstood, status=response.status) from error
        too_big = error.code in {"too-large", "too-many-elements"}
        website = error.code == "html"
        raise PageError(f"xml-{error.code}", website, too_big, **error.params) from error


def _exception_text(root: etree._Element) -> str:
    texts = [one_line(str(text)) for text in root.itertext() if str(text).strip()]
    codes = [code for each in root.iter() if (code := each.get("exceptionCode") or each.get("code"))]
    return (" ".join(texts) or " ".join(codes) or "?")[:300]


def _count(element: etree._Element, attribute: str) -> int | None:
    return count_of(element.get(attribute) or "")
