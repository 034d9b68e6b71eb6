"""Source type `ecosphere_csw`: CSW 2.0.2 catalogues with ISO 19139 records or DCAT (Géo-IDE, Prodige, GeoNetwork).

A catalogue is read from end to end, however unreliable its paging. What servers state about their pages is not trusted:
the next position follows from the records received, the end from the number announced, and the two are compared. A page
that fails is requested again, then in halves, down to the single record that cannot be fetched; that one is skipped and
reported, and makes the reading incomplete.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.iso.reader import read_record
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.harvest.sources import dcat
from ckanext.ecosphere.harvest.sources.base import Page, RawRecord, Reading, SourceReader
from ckanext.ecosphere.harvest.sources.csw_answer import Answer, PageError, read_answer
from ckanext.ecosphere.harvest.sources.csw_request import (
    AnyOf,
    Dialect,
    Filter,
    base_url,
    dialects,
    get_records,
    record_url,
    with_query,
)
from ckanext.ecosphere.harvest.sources.messages import ConfigError
from ckanext.ecosphere.harvest.sources.source_type import COMMON_OPTIONS, SourceType, default_page_size
from ckanext.ecosphere.shared.http_guard import FetchError, GuardedSession
from ckanext.ecosphere.shared.messages import N_

MAX_LOST_IN_A_ROW = 10
"""Maximum number of consecutive lost positions before the reading is given up."""
MAX_TOO_BIG_AT_FIRST = 2
"""Maximum number of oversized records at the beginning: such a server only tries to fill the memory."""
PAGES_BEFORE_GROWTH = 8
"""Number of good pages in a row before a page size that failed is tried again."""
_XML = {
    "Content-Type": "application/xml; charset=utf-8",
    "Accept": "application/xml, text/xml;q=0.9, */*;q=0.1",
}


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


class CswReader:
    """Reads a catalogue once; see `SourceReader`.

    Args:
        url: URL of the catalogue.
        session: the guarded HTTP session.
        options: how to read it.
        sleep: pause function; that of the session by default.
    """

    def __init__(
        self,
        url: str,
        session: GuardedSession,
        options: CswOptions | None = None,
        sleep: Callable[[float], None] | None = None,
    ):
        self.reading = Reading()
        self._url = base_url(url)
        self._session = session
        self._options = options or CswOptions()
        self._sleep = sleep or session.pause
        self._dialect: Dialect | None = None
        self._seen: set[tuple[str, str]] = set()
        self._last_good = 0.0
        self._started = time.monotonic()
        self._changed = False
        self._largest = self._options.page_size
        self._good_in_a_row = 0
        self._suspect: tuple[int, int] | None = None  # a size that failed, and the position after its page

    def pages(self) -> Iterator[Page]:
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
            more = self._more(answer, start)
            if fresh := self._fresh(answer.records):
                yield Page(fresh)
        self._add_up()

    def _growth(self, start: int) -> int:
        """Return the maximum page size after a good page.

        If a page failed but could be read in smaller ones, it was too large for the server: its size is tried again
        only after several good pages. If a record was lost, the record was the cause, and pages grow again at once.
        """
        self._good_in_a_row += 1
        if self._suspect and start >= self._suspect[1]:
            self._largest, self._good_in_a_row = max(1, self._suspect[0] // 2), 0
            self._suspect = None
        elif self._good_in_a_row >= PAGES_BEFORE_GROWTH:
            self._largest, self._good_in_a_row = min(self._largest * 2, self._options.page_size), 0
        return self._largest

    # --- where it ends ---

    def _more(self, answer: Answer, next_start: int) -> bool:
        """Tell whether to request further pages: an announced end counts only if the numbers agree."""
        if not answer.records:
            return False
        if self.reading.announced is None:
            return answer.next_record != 0
        return next_start <= self.reading.announced or bool(answer.next_record)

    def _beyond(self, start: int) -> bool:
        """Tell whether a position is after the last record that the server announces."""
        return self.reading.announced is not None and start > max(self.reading.announced, 1)

    def _go_on_without(self, error: PageError, start: int, lost: int) -> bool:
        """Skip a position and report it; return False if continuing makes no sense."""
        if self._beyond(start):
            return False
        if not self._last_good and (error.misunderstood or self._nobody(error)):
            self.reading.fail(error.code, **error.params)
            return False
        self.reading.fail(error.code, start, start, **error.params)
        announced = self.reading.announced
        limit = MAX_TOO_BIG_AT_FIRST if error.too_big and not self._last_good else MAX_LOST_IN_A_ROW
        if lost >= limit or self._tired():
            if announced is not None and start < announced:
                self.reading.fail("gave-up", start + 1, announced)
            return False
        return not self._beyond(start + 1)

    def _tired(self) -> bool:
        return time.monotonic() - (self._last_good or self._started) > self._options.patience

    def _add_up(self) -> None:
        """Compare the announced with the received number, unless a failure already explains a difference."""
        reading = self.reading
        reading.unfiltered = self._number_in_all()
        reading.requests = self._session.requests
        if reading.failed:
            return
        if reading.announced is None:
            reading.fail("count-unknown")
        elif reading.received != reading.announced:
            code = "count-short" if reading.received < reading.announced else "count-over"
            reading.fail(code, announced=reading.announced, received=reading.received)

    def _number_in_all(self) -> int | None:
        """Ask how many records the catalogue has, whether or not they meet the conditions of the source."""
        if not self._options.filters or self._dialect is None:
            return None
        try:
            return self._say(self._dialect, 1, 1, attempts=1, filters=()).matched
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
        fresh_size = True
        while True:
            try:
                return self._checked(start, size, attempts=None if fresh_size else 1), size
            except PageError as error:
                if self._hopeless(error, start):
                    raise
                if fresh_size and not error.too_big:
                    fresh_size = False  # retry with the same size
                elif size == 1:
                    raise
                else:
                    if self._suspect is None or size < self._suspect[0]:
                        self._suspect = (size, start + size)
                    size = self._smaller(size)
                    fresh_size = size == 1
                self._sleep(self._options.pause)

    def _hopeless(self, error: PageError, start: int) -> bool:
        """Tell whether neither retrying nor smaller pages would help."""
        stranger = self._dialect is None and error.misunderstood and error.code != "exception"
        return stranger or self._nobody(error) or self._beyond(start) or self._tired()

    def _nobody(self, error: PageError) -> bool:
        """Tell whether the server has never answered."""
        return not self._last_good and error.code.startswith("fetch-") and not error.too_big

    def _smaller(self, size: int) -> int:
        # While the dialect is unknown, each size costs one request per dialect: shrink faster.
        return max(1, size // (2 if self._dialect else 10))

    def _checked(self, start: int, size: int, attempts: int | None) -> Answer:
        answer = self._ask(start, size, attempts)
        self._note_announced(answer)
        if not answer.records and not self._beyond(start) and (start > 1 or self.reading.announced):
            raise PageError("empty")
        if answer.records and all(_key(each) in self._seen for each in answer.records):
            raise PageError("repeated")
        self._last_good = time.monotonic()
        return answer

    def _note_announced(self, answer: Answer) -> None:
        before = self.reading.announced
        if answer.matched is None:
            return
        if before not in (None, answer.matched) and not self._changed:
            self._changed = True
            self.reading.fail("count-changed", before=before, after=answer.matched)
        self.reading.announced = answer.matched

    def _ask(self, start: int, size: int, attempts: int | None) -> Answer:
        if self._dialect is not None:
            return self._say(self._dialect, start, size, attempts, self._options.filters)
        errors: list[PageError] = []
        possible = dialects(self._options.filters)
        for dialect in possible:
            try:
                answer = self._say(dialect, start, size, attempts, self._options.filters)
            except PageError as error:
                errors.append(error)
                if not error.misunderstood:
                    break
            else:
                self._dialect = dialect
                if dialect != possible[0]:
                    self.reading.notes.append(("dialect", {"dialect": dialect.name}))
                return answer
        raise errors[0]

    def _say(
        self, dialect: Dialect, start: int, size: int, attempts: int | None, filters: tuple[Filter | AnyOf, ...]
    ) -> Answer:
        body, parameters = get_records(dialect, filters, start, size)
        url = with_query(self._url, parameters) if parameters else self._url
        try:
            response = self._session.request("POST" if body else "GET", url, body=body, headers=_XML, attempts=attempts)
        except FetchError as error:
            too_big = error.code == "too-large"
            raise PageError(f"fetch-{error.code}", too_big=too_big, **error.params) from error
        return read_answer(response, start, self._session.settings.max_bytes, dcat.raw_record)

    def _fresh(self, records: list[RawRecord]) -> list[RawRecord]:
        """Return the records of a page that were not received before.

        Two equal records on one page are duplicates in the source; equal records on two pages are one record that has
        moved, so that another one was missed. Only the former count as received.
        """
        fresh, here = [], set()
        for record in records:
            key = _key(record)
            if key in self._seen:
                self.reading.repeat(record.position, record.identifier)
                self.reading.received += key in here
                continue
            self._seen.add(key)
            here.add(key)
            self.reading.received += 1
            fresh.append(record)
        return fresh


def _key(record: RawRecord) -> tuple[str, str]:
    return record.identifier, record.digest[:16]


class CswSource(SourceType):
    """Source type for CSW catalogues."""

    type_name = "ecosphere_csw"
    title = N_("Catalogue (CSW, ISO 19139)")
    description = N_(
        "A catalogue that speaks CSW 2.0.2 and gives ISO 19139 records: Géo-IDE, Prodige, GeoNetwork, pycsw…"
    )
    options = (*COMMON_OPTIONS, "filters", "page_size")

    def make_reader(self, url: str, settings: dict[str, Any], session: GuardedSession) -> SourceReader:
        """Create a reader for one reading of a catalogue."""
        return CswReader(
            url,
            session,
            CswOptions(
                filters=tuple(Filter.read(each) for each in settings.get("filters") or ()),
                page_size=default_page_size(settings),
                patience=config.patience_seconds(),
                pause=config.backoff_seconds(),
            ),
        )

    def read(self, content: str) -> Record:
        """Read an ISO 19139 record, or a dataset of a server that gives RDF whatever it is asked for."""
        if content.startswith("# "):
            return dcat.read_stored(content)
        return read_record(parse_xml(content.encode("utf-8")))

    def record_url(self, url: str) -> str | None:
        """Return the URL pattern of original records (GetRecordById)."""
        return record_url(url, "{id}").replace("%7Bid%7D", "{id}")

    def check_settings(self, settings: dict[str, Any]) -> None:
        """Validate the page size and the filters."""
        size = settings.get("page_size")
        if size is not None and (
            isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= config.MAX_PAGE_SIZE
        ):
            raise ConfigError("config-page-size", limit=config.MAX_PAGE_SIZE)
        filters = settings.get("filters")
        if filters is not None and not isinstance(filters, list):
            raise ConfigError("config-filters")
        for each in filters or ():
            Filter.read(each)
