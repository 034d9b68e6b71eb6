"""Source type `ecosphere_dcat`: RDF feeds (DCAT, DCAT-AP, GeoDCAT-AP) as Turtle, RDF/XML or JSON-LD, paged by Hydra."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree
from rdflib import DCTERMS, FOAF, Graph, Literal, URIRef
from rdflib.namespace import Namespace
from rdflib.term import Node

from ckanext.ecosphere.harvest.dcat import graph as rdf
from ckanext.ecosphere.harvest.dcat import profiles
from ckanext.ecosphere.harvest.dcat.reader import read_dataset
from ckanext.ecosphere.harvest.iso.xml import MAX_BYTES
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.harvest.sources.base import Page, RawRecord, Reading, SourceReader, count_of
from ckanext.ecosphere.harvest.sources.csw_answer import PageError
from ckanext.ecosphere.harvest.sources.csw_answer import raw_record as as_it_is
from ckanext.ecosphere.harvest.sources.fetching import add_up, digest, fetch
from ckanext.ecosphere.harvest.sources.source_type import COMMON_OPTIONS, SourceType
from ckanext.ecosphere.shared.http_guard import GuardedSession, joined
from ckanext.ecosphere.shared.messages import N_
from ckanext.ecosphere.shared.rdf import TERM

HYDRA = Namespace("http://www.w3.org/ns/hydra/core#")
MAX_PAGES = 10_000
MAX_IDLE_PAGES = 3
"""Number of pages in a row without a new dataset after which the reading stops."""
_ACCEPT = {"Accept": "text/turtle, application/rdf+xml;q=0.9, application/ld+json;q=0.8, */*;q=0.1"}
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


class DcatReader:
    """Reads a feed once, page by page; see `SourceReader`.

    A page that fails ends the reading as incomplete, since only that page links to the next one.

    Args:
        url: URL of the first page.
        session: the guarded HTTP session.
    """

    def __init__(self, url: str, session: GuardedSession):
        self.reading = Reading()
        self._url = url
        self._session = session
        self._seen: set[str] = set()
        self._position = 0

    def pages(self) -> Iterator[Page]:
        """Yield the datasets of each page."""
        url: str | None = self._url
        visited: set[str] = set()
        idle = 0
        while url:
            visited.add(url)
            try:
                response = fetch(self._session, url, _ACCEPT)
                limit = self._session.settings.max_bytes
                lost: list[str] = []
                graph = rdf.parse(response.body, response.content_type, limit, response.url, lost)
                found = rdf.datasets(graph)
                if not found and len(visited) == 1 and not _says_that_it_is_empty(graph):
                    raise PageError("no-dataset")
            except PageError as error:
                self.reading.fail(error.code, self._position + 1 if self._position else 0, **error.params)
                break
            self._note_total(graph)
            for detail in lost:
                self.reading.fail("not-rdf", detail=detail)
            known = len(self._seen)
            if records := [raw for subject in found for raw in self._raw(graph, subject)]:
                yield Page(records)
            idle = 0 if len(self._seen) > known else idle + 1
            url = next_page(graph, url)
            if url and idle >= MAX_IDLE_PAGES:
                self.reading.fail("repeated", self._position + 1)
                break
            if url in visited or len(visited) >= MAX_PAGES:
                self.reading.fail("page-loop", self._position + 1, url=url)
                break
        add_up(self.reading, self._session)

    def _note_total(self, graph: Graph) -> None:
        values = (count_of(str(value)) for value in graph.objects(None, HYDRA.totalItems))
        totals = [total for total in values if total is not None]
        if totals and self.reading.announced is None:
            self.reading.announced = max(totals)

    def _raw(self, graph: Graph, subject: Node) -> Iterator[RawRecord]:
        self._position += 1
        try:
            part = rdf.around(graph, subject)
        except RecordError as error:
            self.reading.fail(f"xml-{error.code}", self._position, self._position, **error.params)
            return
        identifier = identifier_of(part, subject)
        key = str(subject) if isinstance(subject, URIRef) else identifier
        if key and key in self._seen:
            self.reading.repeat(self._position, identifier)
            return
        self._seen.add(key)
        self.reading.received += 1
        yield raw_dataset(part, subject, self._position, identifier)


def raw_dataset(part: Graph, subject: Node, position: int, identifier: str) -> RawRecord:
    """Return a dataset as a record to store; without an identifier, it gets one from its content."""
    text = rdf.tree_text(part, subject)
    return RawRecord(position, rdf.as_text(part, subject), digest(text), identifier or digest(text)[:24])


def raw_record(element: etree._Element, position: int) -> RawRecord:
    """Extract the dataset of an RDF element of a CSW page, in which it is the topic of the catalogue record.

    An element that cannot be read is stored as it is, and refused when it is imported.
    """
    try:
        graph = rdf.parse(etree.tostring(element, with_tail=False), "application/rdf+xml", MAX_BYTES)
        topics = set(graph.objects(None, FOAF.primaryTopic))
        subject = min(rdf.datasets(graph), key=lambda found: found not in topics)
        part = rdf.around(graph, subject)
    except (PageError, RecordError, ValueError):
        return as_it_is(element, position)
    return raw_dataset(part, subject, position, identifier_of(part, subject))


def read_stored(content: str) -> Record:
    """Read a stored dataset with our reader, and with the portal's profiles for further fields.

    Raises:
        RecordError: it cannot be read.
    """
    graph, subject = rdf.from_text(content)
    record = read_dataset(graph, subject)
    record.fields |= profiles.fields(graph)
    record.published = bool(record.fields) and profiles.reads_exactly(graph, subject)
    if record.published:
        record.fields |= {field: str(graph.value(subject, TERM[field]) or "") for field in ("name", "uri")}
    return record


def _says_that_it_is_empty(graph: Graph) -> bool:
    """Tell whether a feed states that it has no dataset; otherwise, one without a dataset is unreadable."""
    return any(count_of(str(value)) == 0 for value in graph.objects(None, HYDRA.totalItems))


def next_page(graph: Graph, url: str) -> str | None:
    """Return the URL of the next page (Hydra 2013 and later)."""
    for predicate in (HYDRA.next, HYDRA.nextPage):
        for value in graph.objects(None, predicate):
            target = joined(url, str(value))
            return target if target and target.startswith(("http://", "https://")) else None
    return None


def identifier_of(part: Graph, subject: Node) -> str:
    """Return the identifier of a dataset: its dct:identifier, else the UUID in its URI, else its URI."""
    for value in sorted(part.objects(subject, DCTERMS.identifier), key=str):
        if isinstance(value, Literal) and str(value).strip():
            return str(value).strip()
    if not isinstance(subject, URIRef):
        return ""
    uuids = _UUID.findall(str(subject))
    return uuids[-1] if len(uuids) == 1 else str(subject)


class DcatSource(SourceType):
    """Source type for RDF feeds."""

    type_name = "ecosphere_dcat"
    title = N_("RDF feed (DCAT, DCAT-AP, GeoDCAT-AP)")
    description = N_("A feed of datasets in RDF, as GeoNetwork, ArcGIS Hub, Opendatasoft, CKAN and udata give it.")
    options = COMMON_OPTIONS

    def make_reader(self, url: str, settings: dict[str, Any], session: GuardedSession) -> SourceReader:
        """Create a reader for one reading of a feed."""
        return DcatReader(url, session)

    def read(self, content: str) -> Record:
        """Read a stored dataset."""
        return read_stored(content)
