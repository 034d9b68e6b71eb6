"""Source type `ecosphere_csw`: CSW 2.0.2 catalogues with ISO 19139 records or DCAT (Géo-IDE,
Prodige, GeoNetwork).

A catalogue is read from end to end, however unreliable its paging. What servers state about their
pages is not trusted: the next position follows from the records received, the end from the number
announced, and the two are compared. A page that fails is requested again, then in halves, down to
the single record that cannot be fetched; that one is skipped and reported, and makes the reading
incomplete.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from lxml import etree
from owslib import fes

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.config import Settings
from ckanext.ecosphere.harvest.iso import walk
from ckanext.ecosphere.harvest.iso.reader import read_record
from ckanext.ecosphere.harvest.iso.walk import one_line
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.messages import ConfigError
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.harvest.sources import dcat
from ckanext.ecosphere.harvest.sources.base import (
    COMMON_OPTIONS,
    OK,
    PageError,
    RawRecord,
    SourceReader,
    SourceType,
    count_of,
    default_page_size,
    xml_record,
)
from ckanext.ecosphere.shared.http_guard import FetchError, GuardedSession, Response
from ckanext.ecosphere.shared.language import N_
from ckanext.ecosphere.shared.parsing import Element, local_name

MAX_LOST_IN_A_ROW = 10
"""Maximum number of consecutive lost positions before the reading is given up."""
MAX_TOO_BIG_AT_FIRST = 2
"""Maximum number of oversized records at the beginning: such a server only tries to fill the
memory."""
PAGES_BEFORE_GROWTH = 8
"""Number of good pages in a row before a page size that failed is tried again."""
_REFUSING = {400, 404, 405, 406, 410, 415, 501}
"""Statuses of servers that do not support the form of a request."""
_RDF = "RDF"
_METADATA = {"MD_Metadata", "MI_Metadata", walk.CATALOGUE_ROOT, _RDF}
_XML = {
    "Content-Type": "application/xml; charset=utf-8",
    "Accept": "application/xml, text/xml;q=0.9, */*;q=0.1",
}


# --- a page as received ---


@dataclass(frozen=True, slots=True)
class Answer:
    """A page of records.

    Attributes:
        records: the records, in order.
        matched: total number that the server announces, None if it does not.
        next_record: position of the next record according to the server; 0 for none, None if not
            stated.
    """

    records: list[RawRecord]
    matched: int | None
    next_record: int | None


def read_answer(response: Response, start: int, max_bytes: int) -> Answer:
    """Read a page of records.

    Args:
        response: the HTTP response.
        start: position of the first record requested.
        max_bytes: maximum size that the parser accepts.

    Raises:
        PageError: it is no such page.
    """
    root = _parsed(response, max_bytes)
    name = local_name(root)
    if name in {"ExceptionReport", "ServiceExceptionReport"}:
        raise PageError("exception", misunderstood=True, text=_exception_text(root))
    if response.status != OK:
        raise _wrong_status(response)
    results = next((child for child in root if local_name(child) == "SearchResults"), None)
    if name != "GetRecordsResponse" or results is None:
        raise PageError("not-csw", misunderstood=True, root=name[:80])
    children = [child for child in results if isinstance(child.tag, str)]
    if children and not any(local_name(child) in _METADATA for child in children):
        raise PageError("not-iso", misunderstood=True, root=local_name(children[0])[:80])
    records = []
    for position, child in enumerate(children, start):
        extract = dcat.rdf_record if local_name(child) == _RDF else xml_record
        records.append(extract(child, position))
    matched, next_record = (
        count_of(results.get(name) or "") for name in ("numberOfRecordsMatched", "nextRecord")
    )
    return Answer(records, matched, next_record)


def _parsed(response: Response, max_bytes: int) -> Element:
    try:
        return parse_xml(response.body, max_bytes)
    except RecordError as error:
        if response.status != OK:
            raise _wrong_status(response) from error
        raise PageError(
            f"xml-{error.code}",
            misunderstood=error.code == "html",
            too_big=error.code in {"too-large", "too-many-elements"},
            **error.params,
        ) from error


def _wrong_status(response: Response) -> PageError:
    misunderstood = response.status in _REFUSING
    return PageError("status", misunderstood=misunderstood, status=response.status)


def _exception_text(root: Element) -> str:
    texts = [one_line(str(text)) for text in root.itertext() if str(text).strip()]
    if not texts:
        codes = (element.get("exceptionCode") or element.get("code") for element in root.iter())
        texts = [code for code in codes if code]
    return (" ".join(texts) or "?")[:300]


# --- the catalogue, page by page ---


@dataclass(frozen=True)
class CswOptions:
    """Options for reading one source.

    Attributes:
        filters: conditions that must all hold.
        page_size: records per request.
        patience: seconds without a good page, after which the reading is given up.
        pause: seconds before a failed page is requested again.
    """

    filters: tuple[Filter | AnyOf, ...] = ()
    page_size: int = 100
    patience: float = 900.0
    pause: float = 1.0


class CswReader(SourceReader):
    """Reads a catalogue once.

    Args:
        url: URL of the catalogue.
        session: the guarded HTTP session.
        options: how to read it.
    """

    def __init__(
        self,
        url: str,
        session: GuardedSession,
        options: CswOptions | None = None,
    ):
        super().__init__(base_url(url), session)
        self._options = options or CswOptions()
        self._dialect: Dialect | None = None
        self._last_good = 0.0
        self._started = time.monotonic()
        self._count_changed = False
        self._largest = self._options.page_size
        self._good_in_a_row = 0
        self._suspect: tuple[int, int] | None = None
        """A page size that failed, and the position after its page."""

    def pages(self) -> Iterator[list[RawRecord]]:
        """Yield the records page by page, each record once."""
        start, size, lost = 1, self._options.page_size, 0
        more = True
        while more:
            try:
                answer, size = self._page(start, size)
            except PageError as error:
                lost += 1
                self._suspect = None
                more = self._go_on_without(error, start, lost)
                start, size = start + 1, 1
                continue
            lost = 0
            start += len(answer.records)
            size = min(size * 2, self._growth(start))
            more = self._has_more(answer, start)
            fresh = self._fresh(answer.records)
            if fresh:
                yield fresh
        self._compare_numbers()

    def _growth(self, start: int) -> int:
        """Return the maximum page size after a good page.

        If a page failed but could be read in smaller ones, it was too large for the server: its
        size is tried again only after several good pages. If a record was lost, the record was the
        cause, and pages grow again at once.
        """
        self._good_in_a_row += 1
        if self._suspect and start >= self._suspect[1]:
            self._largest = max(1, self._suspect[0] // 2)
            self._good_in_a_row = 0
            self._suspect = None
        elif self._good_in_a_row >= PAGES_BEFORE_GROWTH:
            self._largest = min(self._largest * 2, self._options.page_size)
            self._good_in_a_row = 0
        return self._largest

    def _has_more(self, answer: Answer, next_start: int) -> bool:
        """Tell whether to request further pages: an announced end
        counts only if the numbers agree.
        """
        if not answer.records:
            return False
        if self.reading.announced is None:
            return answer.next_record != 0
        return next_start <= self.reading.announced or bool(answer.next_record)

    def _is_beyond(self, start: int) -> bool:
        """Tell whether a position is after the last record that the server announces."""
        announced = self.reading.announced
        return announced is not None and start > max(announced, 1)

    def _go_on_without(self, error: PageError, start: int, lost: int) -> bool:
        """Skip a position and report it; return False if continuing makes no sense."""
        if self._is_beyond(start):
            return False
        if not self._last_good and (error.misunderstood or self._never_answered(error)):
            self.reading.fail(error.code, **error.params)
            return False
        self.reading.fail(error.code, start, start, **error.params)
        limit = MAX_LOST_IN_A_ROW
        if error.too_big and not self._last_good:
            limit = MAX_TOO_BIG_AT_FIRST
        if lost >= limit or self._is_tired():
            announced = self.reading.announced
            if announced is not None and start < announced:
                self.reading.fail("gave-up", start + 1, announced)
            return False
        return not self._is_beyond(start + 1)

    def _is_tired(self) -> bool:
        return time.monotonic() - (self._last_good or self._started) > self._options.patience

    def _fresh(self, records: list[RawRecord]) -> list[RawRecord]:
        """Return the records of a page that were not received before.

        Two equal records on one page are duplicates in the source; equal records on two pages are
        one record that has moved, so that another one was missed. Only the former count as
        received.
        """
        fresh: dict[tuple[str, str], RawRecord] = {}
        for record in records:
            key = _key(record)
            if self._is_new(key, record.position, record.identifier):
                fresh[key] = record
            elif key in fresh:
                self.reading.received += 1
        return list(fresh.values())

    def _compare_numbers(self) -> None:
        """Compare the announced with the received number,
        unless a failure already explains a difference.
        """
        reading = self.reading
        reading.unfiltered = self._number_without_filters()
        if reading.failed:
            return
        numbers = {"announced": reading.announced, "received": reading.received}
        if reading.announced is None:
            reading.fail("count-unknown")
        elif reading.received < reading.announced:
            reading.fail("count-short", **numbers)
        elif reading.received > reading.announced:
            reading.fail("count-over", **numbers)

    def _number_without_filters(self) -> int | None:
        """Ask how many records the catalogue has, whether or not they
        meet the conditions of the source.
        """
        if not self._options.filters or self._dialect is None:
            return None
        try:
            return self._request(self._dialect, 1, 1, attempts=1, filters=()).matched
        except PageError:
            return None

    # --- one page ---

    def _page(self, start: int, size: int) -> tuple[Answer, int]:
        """Fetch a page: retry it, then make it smaller, down to a single record.

        Returns:
            the page and the size at which it was received.

        Raises:
            PageError: not even the single record at this position could be fetched.
        """
        is_first_attempt = True
        while True:
            attempts = None if is_first_attempt else 1
            try:
                return self._checked(start, size, attempts), size
            except PageError as error:
                if self._is_hopeless(error, start):
                    raise
                if is_first_attempt and not error.too_big:
                    is_first_attempt = False
                elif size == 1:
                    raise
                else:
                    if self._suspect is None or size < self._suspect[0]:
                        self._suspect = (size, start + size)
                    # While the dialect is unknown, each size costs one request per dialect: shrink
                    # faster.
                    size = max(1, size // (2 if self._dialect else 10))
                    is_first_attempt = size == 1
                self._session.pause(self._options.pause)

    def _is_hopeless(self, error: PageError, start: int) -> bool:
        """Tell whether neither retrying nor smaller pages would help."""
        if self._dialect is None and error.misunderstood and error.code != "exception":
            return True
        return self._never_answered(error) or self._is_beyond(start) or self._is_tired()

    def _never_answered(self, error: PageError) -> bool:
        return not self._last_good and error.unanswered and not error.too_big

    def _checked(self, start: int, size: int, attempts: int | None) -> Answer:
        answer = self._ask(start, size, attempts)
        self._note_announced(answer)
        is_expected = start > 1 or self.reading.announced
        if not answer.records and is_expected and not self._is_beyond(start):
            raise PageError("empty")
        if answer.records and self._received.issuperset(map(_key, answer.records)):
            raise PageError("repeated")
        self._last_good = time.monotonic()
        return answer

    def _note_announced(self, answer: Answer) -> None:
        before = self.reading.announced
        if answer.matched is None:
            return
        if before not in (None, answer.matched) and not self._count_changed:
            self._count_changed = True
            self.reading.fail("count-changed", before=before, after=answer.matched)
        self.reading.announced = answer.matched

    def _ask(self, start: int, size: int, attempts: int | None) -> Answer:
        """Request a page in the dialect that the server understands.

        Find out which one at first.
        """
        filters = self._options.filters
        if self._dialect is not None:
            return self._request(self._dialect, start, size, attempts, filters)
        first_error: PageError | None = None
        candidates = dialects(filters)
        for dialect in candidates:
            try:
                answer = self._request(dialect, start, size, attempts, filters)
            except PageError as error:
                first_error = first_error or error
                if not error.misunderstood:
                    break
            else:
                self._dialect = dialect
                if dialect != candidates[0]:
                    self.reading.notes.append(("dialect", {"dialect": dialect.name}))
                return answer
        assert first_error is not None  # noqa: S101 - there is at least one dialect
        raise first_error

    def _request(
        self,
        dialect: Dialect,
        start: int,
        size: int,
        attempts: int | None,
        filters: tuple[Filter | AnyOf, ...],
    ) -> Answer:
        body, parameters = get_records(dialect, filters, start, size)
        method = "POST" if body else "GET"
        url = with_query(self._url, parameters)
        try:
            response = self._session.request(
                method, url, body=body, headers=_XML, attempts=attempts
            )
        except FetchError as error:
            too_big = error.code == "too-large"
            raise PageError(f"fetch-{error.code}", too_big=too_big, **error.params) from error
        return read_answer(response, start, self._session.settings.max_bytes)


def _key(record: RawRecord) -> tuple[str, str]:
    return record.identifier, record.digest[:16]


class CswSource(SourceType):
    """Source type for CSW catalogues."""

    type_name = "ecosphere_csw"
    title = N_("Catalogue (CSW, ISO 19139)")
    description = N_(
        "A catalogue that speaks CSW 2.0.2 and gives ISO 19139 records: Géo-IDE, Prodige, "
        "GeoNetwork, pycsw…"
    )
    options = (*COMMON_OPTIONS, "filters", "page_size")

    def make_reader(self, url: str, settings: Settings, session: GuardedSession) -> CswReader:
        """Create a reader for one reading of a catalogue."""
        options = CswOptions(
            filters=tuple(map(Filter.read, settings.get("filters") or ())),
            page_size=default_page_size(settings),
            patience=config.patience_seconds(),
            pause=config.backoff_seconds(),
        )
        return CswReader(url, session, options)

    def read(self, content: str) -> Record:
        """Read an ISO 19139 record, or a dataset of a server that
        gives RDF whatever it is asked for.
        """
        if content.startswith("# "):
            return dcat.read_stored(content)
        return read_record(parse_xml(content.encode("utf-8")))

    def record_url(self, url: str) -> str | None:
        """Return the URL pattern of original records (GetRecordById)."""
        return record_url(url, "{id}").replace("%7Bid%7D", "{id}")

    def check_own_settings(self, settings: Settings) -> None:
        """Validate the filters."""
        filters = settings.get("filters")
        if filters is None:
            return
        if not isinstance(filters, list):
            raise ConfigError("config-filters")
        for condition in filters:
            Filter.read(condition)


# --- requests ---
#
# Build CSW 2.0.2 GetRecords requests, filters included, in the dialects that servers understand.
#
# OGC 07-006r1 (CSW 2.0.2) §10.8; OGC 07-045 (ISO application profile) for the names of the
# queryables.

CSW = "http://www.opengis.net/cat/csw/2.0.2"
OGC = "http://www.opengis.net/ogc"
GMD = "http://www.isotc211.org/2005/gmd"

# Short name in the configuration of a source → property of csw:Record, property of gmd:MD_Metadata.
QUERYABLES = {
    "identifier": ("dc:identifier", "apiso:Identifier"),
    "title": ("dc:title", "apiso:Title"),
    "abstract": ("dct:abstract", "apiso:Abstract"),
    "subject": ("dc:subject", "apiso:Subject"),
    "type": ("dc:type", "apiso:Type"),
    "organisation": ("apiso:OrganisationName", "apiso:OrganisationName"),
    "modified": ("dct:modified", "apiso:Modified"),
    "any": ("csw:AnyText", "apiso:AnyText"),
}
_COMPARISONS = {
    "like": lambda name, value: fes.PropertyIsLike(
        name, value, escapeChar="\\", wildCard="%", singleChar="_"
    ),
    "equals": fes.PropertyIsEqualTo,
    "since": fes.PropertyIsGreaterThanOrEqualTo,
    "until": fes.PropertyIsLessThanOrEqualTo,
}
_NAMESPACES = {
    "csw": CSW,
    "ogc": OGC,
    "gmd": GMD,
    "gml": "http://www.opengis.net/gml",
    "apiso": "http://www.opengis.net/cat/csw/apiso/1.0",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dct": "http://purl.org/dc/terms/",
}
# Parameters that the URL of a source may contain because it was copied from a browser.
_PROTOCOL_PARAMETERS = {
    "service",
    "request",
    "version",
    "acceptversions",
    "elementsetname",
    "resulttype",
}
_PROPERTY = re.compile(r"[A-Za-z_][\w.:-]{0,80}")


@dataclass(frozen=True)
class Filter:
    """One condition, which compares a property with a value."""

    name: str
    comparison: str
    value: str
    negated: bool = False

    @property
    def needs_iso(self) -> bool:
        """Whether only the ISO profile defines the property."""
        return QUERYABLES.get(self.name, ("apiso",))[0].startswith("apiso")

    @classmethod
    def read(cls, condition: Any) -> Filter | AnyOf:
        """Read a condition such as
        ``{"property": "identifier", "like": "fr-120066022-%", "not": true}``.

        ``{"any": [[…], […]]}`` holds if all conditions of one of its lists do.

        Raises:
            ConfigError: it is not valid.
        """
        if not isinstance(condition, dict):
            raise ConfigError("filter-object", example='{"property": "type", "equals": "dataset"}')
        if set(condition) == {"any"}:
            return AnyOf.of(condition["any"])
        rest = dict(condition)
        name, negated = rest.pop("property", None), rest.pop("not", False)
        if not isinstance(name, str) or not _PROPERTY.fullmatch(name):
            raise ConfigError("filter-property", known=", ".join(QUERYABLES))
        if not isinstance(negated, bool):
            raise ConfigError("filter-not")
        comparison, value = next(iter(rest.items()), ("", None))
        if len(rest) != 1 or comparison not in _COMPARISONS:
            raise ConfigError("filter-comparison", known=", ".join(_COMPARISONS))
        if not isinstance(value, str) or not value.strip():
            raise ConfigError("filter-value", name=comparison)
        return cls(name, comparison, value, negated)

    def expression(self, iso: bool) -> Any:
        """Return the filter expression with the property names of one of the two record types."""
        name = self.name
        if name in QUERYABLES:
            name = QUERYABLES[name][iso]
        condition = _COMPARISONS[self.comparison](name, self.value)
        return fes.Not([condition]) if self.negated else condition


@dataclass(frozen=True)
class AnyOf:
    """Lists of conditions, one of which must hold entirely."""

    choices: tuple[tuple[Filter, ...], ...]

    @classmethod
    def of(cls, lists: Any) -> AnyOf:
        """Read the lists.

        Raises:
            ConfigError: they are not valid.
        """
        if not isinstance(lists, list) or not lists:
            raise ConfigError("filter-any")
        choices = []
        for conditions in lists:
            if not isinstance(conditions, list) or not conditions:
                raise ConfigError("filter-any")
            choice = tuple(map(Filter.read, conditions))
            if not all(isinstance(condition, Filter) for condition in choice):
                raise ConfigError("filter-any")
            choices.append(choice)
        return cls(tuple(choices))

    @property
    def needs_iso(self) -> bool:
        """Whether only the ISO profile defines one of the properties."""
        return any(condition.needs_iso for choice in self.choices for condition in choice)

    def expression(self, iso: bool) -> Any:
        """Return the filter expression with the property names of one of the two record types."""
        expressions = [_all_of(choice, iso) for choice in self.choices]
        return expressions[0] if len(expressions) == 1 else fes.Or(expressions)


def _all_of(filters: Iterable[Filter | AnyOf], iso: bool) -> Any:
    expressions = [condition.expression(iso) for condition in filters]
    return expressions[0] if len(expressions) == 1 else fes.And(expressions)


@dataclass(frozen=True)
class Dialect:
    """One form of request, which some servers understand and others do not.

    Attributes:
        iso: request gmd:MD_Metadata with the queryables of the ISO profile; else csw:Record.
        sorted: request an order, so that pages do not overlap.
        post: XML by POST; else key-value pairs by GET.
    """

    iso: bool = False
    sorted: bool = True
    post: bool = True

    @property
    def type_name(self) -> str:
        """Record type to request."""
        return "gmd:MD_Metadata" if self.iso else "csw:Record"

    @property
    def name(self) -> str:
        """Name for reports."""
        method = "POST" if self.post else "GET"
        order = "sorted" if self.sorted else "unsorted"
        return f"{method}, {self.type_name}, {order}"


DIALECTS = (
    Dialect(),
    Dialect(iso=True),
    Dialect(sorted=False),
    Dialect(iso=True, sorted=False),
    Dialect(post=False),
    Dialect(iso=True, post=False, sorted=False),
)
"""Dialects in the order in which they are tried; the first that the server understands is kept."""


def dialects(filters: tuple[Filter | AnyOf, ...]) -> tuple[Dialect, ...]:
    """Return the dialects in order; those of the ISO profile first if the filters need it."""
    if any(condition.needs_iso for condition in filters):
        return tuple(sorted(DIALECTS, key=lambda dialect: not dialect.iso))
    return DIALECTS


def base_url(url: str) -> str:
    """Return the URL of the server without request parameters."""
    parts = urlsplit(url.strip())
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    query = [(name, value) for name, value in pairs if name.lower() not in _PROTOCOL_PARAMETERS]
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(query), ""))


def record_url(url: str, identifier: str) -> str:
    """Return the URL of one record (GetRecordById)."""
    parameters = {
        "service": "CSW",
        "version": "2.0.2",
        "request": "GetRecordById",
        "elementSetName": "full",
        "outputSchema": GMD,
        "id": identifier,
    }
    return with_query(base_url(url), parameters)


def with_query(url: str, parameters: dict[str, str]) -> str:
    """Add parameters to a URL that may already have some."""
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, urlencode(parameters))))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def get_records(
    dialect: Dialect, filters: tuple[Filter | AnyOf, ...], start: int, size: int
) -> tuple[bytes | None, dict[str, str]]:
    """Build a GetRecords request for full ISO records.

    Args:
        dialect: form of the request.
        filters: conditions that must all hold.
        start: position of the first record, from 1.
        size: number of records.

    Returns:
        the body of a POST, or None and the parameters of a GET.
    """
    values = {
        "service": "CSW",
        "version": "2.0.2",
        "resultType": "results",
        "startPosition": str(start),
        "maxRecords": str(size),
        "outputFormat": "application/xml",
        "outputSchema": GMD,
    }
    if dialect.post:
        return _as_xml(dialect, filters, values), {}
    return None, _as_pairs(dialect, filters, values)


def _filter_element(dialect: Dialect, filters: tuple[Filter | AnyOf, ...]) -> Element:
    # Prefixes in property names are plain text in XML: declare them, although no element uses them.
    element = etree.Element(f"{{{OGC}}}Filter", nsmap=_NAMESPACES)
    element.append(_all_of(filters, dialect.iso).toXML())
    return element


def _as_xml(dialect: Dialect, filters: tuple[Filter | AnyOf, ...], values: dict[str, str]) -> bytes:
    root = etree.Element(f"{{{CSW}}}GetRecords", values, nsmap=_NAMESPACES)
    query = etree.SubElement(root, f"{{{CSW}}}Query", typeNames=dialect.type_name)
    etree.SubElement(query, f"{{{CSW}}}ElementSetName").text = "full"
    if filters:
        constraint = etree.SubElement(query, f"{{{CSW}}}Constraint", version="1.1.0")
        constraint.append(_filter_element(dialect, filters))
    if dialect.sorted:
        order = fes.SortBy([fes.SortProperty(QUERYABLES["identifier"][dialect.iso], "ASC")])
        query.append(order.toXML())
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _as_pairs(
    dialect: Dialect, filters: tuple[Filter | AnyOf, ...], values: dict[str, str]
) -> dict[str, str]:
    pairs = {
        **values,
        "request": "GetRecords",
        "typeNames": dialect.type_name,
        "elementSetName": "full",
    }
    if filters:
        element = _filter_element(dialect, filters)
        pairs["constraintLanguage"] = "FILTER"
        pairs["constraint_language_version"] = "1.1.0"
        pairs["constraint"] = etree.tostring(element, encoding="unicode")
    if dialect.sorted:
        pairs["sortBy"] = f"{QUERYABLES['identifier'][dialect.iso]}:A"
    return pairs
