"""Source type `ecosphere_dcat`: RDF feeds (DCAT, DCAT-AP, GeoDCAT-AP) as Turtle,
RDF/XML or JSON-LD, paged by Hydra.
"""

from __future__ import annotations

import logging
from typing import Any

import ckan.plugins.toolkit as tk
from lxml import etree
from rdflib import DCTERMS, FOAF, Graph, Literal, URIRef
from rdflib.namespace import Namespace
from rdflib.term import Node

from ckanext.dcat.exceptions import RDFProfileException
from ckanext.dcat.processors import RDFParser
from ckanext.ecosphere.harvest.config import Settings
from ckanext.ecosphere.harvest.dcat import graph as rdf
from ckanext.ecosphere.harvest.dcat.reader import read_dataset
from ckanext.ecosphere.harvest.iso.xml import MAX_BYTES
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.record import UUID, Record
from ckanext.ecosphere.harvest.sources.base import (
    LinkedReader,
    PageError,
    RawRecord,
    SourceType,
    count_of,
    digest_of,
    xml_record,
)
from ckanext.ecosphere.shared.http_guard import GuardedSession, joined
from ckanext.ecosphere.shared.language import N_
from ckanext.ecosphere.shared.parsing import Element
from ckanext.ecosphere.shared.rdf import PROFILE_NAME, TERM, is_exact

HYDRA = Namespace("http://www.w3.org/ns/hydra/core#")
_ACCEPT = {"Accept": "text/turtle, application/rdf+xml;q=0.9, application/ld+json;q=0.8, */*;q=0.1"}


class DcatReader(LinkedReader):
    """Reads a feed once, page by page."""

    def _read_page(self, url: str) -> tuple[list[RawRecord], str | None]:
        response = self._fetch(url, _ACCEPT)
        limit = self._session.settings.max_bytes
        unreadable: list[str] = []
        graph = rdf.parse(response.body, response.content_type, limit, response.url, unreadable)
        subjects = rdf.datasets(graph)
        totals = _totals(graph)
        # A feed may state that it has no dataset; otherwise, one without a dataset is unreadable.
        if not subjects and url == self._url and 0 not in totals:
            raise PageError("no-dataset")
        if totals and self.reading.announced is None:
            self.reading.announced = max(totals)
        for detail in unreadable:
            self.reading.fail("not-rdf", detail=detail)
        records = [self._record(graph, subject) for subject in subjects]
        return [record for record in records if record], next_page(graph, url)

    def _record(self, graph: Graph, subject: Node) -> RawRecord | None:
        self._position += 1
        try:
            part = rdf.around(graph, subject)
        except RecordError as error:
            code = f"xml-{error.code}"
            self.reading.fail(code, self._position, self._position, **error.params)
            return None
        identifier = identifier_of(part, subject)
        key = str(subject) if isinstance(subject, URIRef) else identifier
        if not key:
            self.reading.received += 1
        elif not self._is_new(key, self._position, identifier):
            return None
        return raw_dataset(part, subject, self._position, identifier)


def _totals(graph: Graph) -> list[int]:
    values = [count_of(str(value)) for value in graph.objects(None, HYDRA.totalItems)]
    return [value for value in values if value is not None]


def raw_dataset(part: Graph, subject: Node, position: int, identifier: str) -> RawRecord:
    """Return a dataset as a record to store.

    Without an identifier, it gets one from its content.
    """
    digest = digest_of(rdf.tree_text(part, subject))
    return RawRecord(position, rdf.as_text(part, subject), digest, identifier or digest[:24])


def rdf_record(element: Element, position: int) -> RawRecord:
    """Extract the dataset of an RDF element of a CSW page, in which it is the topic of the
    catalogue record.

    An element that cannot be read is stored as it is, and refused when it is imported.
    """
    try:
        text = etree.tostring(element, with_tail=False)
        graph = rdf.parse(text, "application/rdf+xml", MAX_BYTES)
        topics = set(graph.objects(None, FOAF.primaryTopic))
        subject = min(rdf.datasets(graph), key=lambda dataset: dataset not in topics)
        part = rdf.around(graph, subject)
    except (PageError, RecordError, ValueError):
        return xml_record(element, position)
    return raw_dataset(part, subject, position, identifier_of(part, subject))


def read_stored(content: str) -> Record:
    """Read a stored dataset with our reader, and with the portal's profiles for further fields.

    Raises:
        RecordError: it cannot be read.
    """
    graph, subject = rdf.from_text(content)
    record = read_dataset(graph, subject)
    record.fields |= fields(graph)
    record.published = bool(record.fields) and reads_exactly(graph, subject)
    if record.published:
        for field in ("name", "uri"):
            record.fields[field] = str(graph.value(subject, TERM[field]) or "")
    return record


def next_page(graph: Graph, url: str) -> str | None:
    """Return the URL of the next page (Hydra 2013 and later)."""
    for predicate in (HYDRA.next, HYDRA.nextPage):
        for value in graph.objects(None, predicate):
            target = joined(url, str(value)) or ""
            return target if target.startswith(("http://", "https://")) else None
    return None


def identifier_of(part: Graph, subject: Node) -> str:
    """Return the identifier of a dataset: its dct:identifier, else the UUID in its URI,
    else its URI.
    """
    for value in sorted(part.objects(subject, DCTERMS.identifier), key=str):
        if isinstance(value, Literal) and str(value).strip():
            return str(value).strip()
    if not isinstance(subject, URIRef):
        return ""
    uuids = UUID.findall(str(subject))
    return uuids[-1] if len(uuids) == 1 else str(subject)


class DcatSource(SourceType):
    """Source type for RDF feeds."""

    type_name = "ecosphere_dcat"
    title = N_("RDF feed (DCAT, DCAT-AP, GeoDCAT-AP)")
    description = N_(
        "A feed of datasets in RDF, as GeoNetwork, ArcGIS Hub, Opendatasoft, CKAN and udata give "
        "it."
    )

    def make_reader(self, url: str, settings: Settings, session: GuardedSession) -> DcatReader:
        """Create a reader for one reading of a feed."""
        return DcatReader(url, session)

    def read(self, content: str) -> Record:
        """Read a stored dataset."""
        return read_stored(content)


log = logging.getLogger(__name__)


# --- with the profiles of the portal ---
#
# Read an RDF dataset with the ckanext-dcat profiles of the portal (option
# `ckanext.dcat.rdf.profiles`).


def fields(graph: Graph) -> dict[str, Any]:
    """Read the only dataset of a graph.

    Args:
        graph: the triples of the dataset, already parsed and bounded: the profiles fetch nothing.

    Returns:
        fields of the dataset; empty when the profiles cannot read it, since that must not lose the
        record.
    """
    try:
        parser: Any = RDFParser(dataset_type="dataset")
        parser.g = graph
        return next(iter(parser.datasets()), {})
    except RDFProfileException:
        log.warning("No profile of ckanext-dcat is enabled", exc_info=True)
    except Exception:  # a profile of any plugin, on an untrusted graph
        log.warning("A profile of ckanext-dcat failed", exc_info=True)
    return {}


def reads_exactly(graph: Graph, dataset: URIRef) -> bool:
    """Return whether a portal of the suite published a dataset,
    and this one has the profile that reads it exactly.
    """
    profiles = tk.aslist(tk.config.get("ckanext.dcat.rdf.profiles"))
    return PROFILE_NAME in profiles and is_exact(graph, dataset)
