"""Source type `ecosphere_ogcapi`: OGC API – Records catalogues, and the collections of a STAC API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.harvest.sources.base import Page, RawRecord, Reading, SourceReader, count_of
from ckanext.ecosphere.harvest.sources.csw_answer import PageError
from ckanext.ecosphere.harvest.sources.fetching import add_up, digest, fetch_json
from ckanext.ecosphere.harvest.sources.messages import ConfigError
from ckanext.ecosphere.harvest.sources.ogcapi_record import identifier_of, is_record, record_of
from ckanext.ecosphere.harvest.sources.source_type import COMMON_OPTIONS, SourceType, default_page_size
from ckanext.ecosphere.shared.http_guard import GuardedSession, joined
from ckanext.ecosphere.shared.messages import N_

MAX_PAGES = 20_000
MAX_IDLE_PAGES = 3
"""Number of pages in a row without a new record after which the reading stops."""
MAX_STEPS = 3
"""Maximum number of pages (landing page, collection) between the URL of a source and its records."""
MAX_LIMIT = 1_000
_WAYS = ("items", "http://www.opengis.net/def/rel/ogc/1.0/records", "data")
"""Link relations that lead to records, in order of preference."""


class OgcApiReader:
    """Reads records page by page, following the links "next"; see `SourceReader`.

    Args:
        url: URL of a collection of records, of its items, or of the collections of a STAC API.
        session: the guarded HTTP session.
        size: records per request.
    """

    def __init__(self, url: str, session: GuardedSession, size: int):
        self.reading = Reading()
        self._url = url
        self._session = session
        self._size = size
        self._seen: set[str] = set()

    def pages(self) -> Iterator[Page]:
        """Yield the records; if the chain of pages breaks, report the rest as lost."""
        url: str | None = self._url
        visited: set[str] = set()
        idle, position, steps = 0, 1, 0
        while url:
            if url in visited or len(visited) >= MAX_PAGES:
                self.reading.fail("page-loop", position, url=url[:200])
                break
            visited.add(url)
            try:
                answer = self._answer(url)
                given = _given(answer)
                if given is None:
                    steps += 1
                    url = self._further(answer, url, steps)
                    continue
            except PageError as error:
                self.reading.fail(error.code, position if self._seen else 0, **error.params)
                break
            known = len(self._seen)
            records = list(self._raw(given, position))
            position += len(given)
            if records:
                yield Page(records)
            idle = 0 if len(self._seen) > known else idle + 1
            if idle >= MAX_IDLE_PAGES:
                self.reading.fail("repeated", position)
                break
            url = _link(answer, url, ("next",))
        add_up(self.reading, self._session)

    def _answer(self, url: str) -> dict[str, Any]:
        answer = fetch_json(self._session, url)
        if not isinstance(answer, dict):
            raise PageError("not-ogcapi")
        total = count_of(answer.get("numberMatched"))
        if total is not None and self.reading.announced is None:
            self.reading.announced = total
        return answer

    def _further(self, answer: dict[str, Any], url: str, steps: int) -> str:
        """Return the URL of the records that a landing page or a collection links to.

        Raises:
            PageError: it links to none.
        """
        found = _link(answer, url, _WAYS)
        if found is None or steps >= MAX_STEPS:
            raise PageError("not-ogcapi")
        parts = urlsplit(found)
        limit = urlencode({"f": "json", "limit": self._size})
        return found if parts.query else urlunsplit(parts._replace(query=limit))

    def _raw(self, given: list[Any], first: int) -> Iterator[RawRecord]:
        for position, each in enumerate(given, first):
            if not is_record(each):
                self.reading.fail("not-ogcapi", position, position)
                continue
            identifier = identifier_of(each)
            if identifier in self._seen:
                self.reading.repeat(position, identifier)
                continue
            self._seen.add(identifier)
            self.reading.received += 1
            try:
                content = json.dumps(each, ensure_ascii=False, sort_keys=True)
            except (RecursionError, ValueError, TypeError):
                self.reading.fail("not-ogcapi", position, position)
                continue
            yield RawRecord(position, content, digest(content), identifier)


def _given(answer: dict[str, Any]) -> list[Any] | None:
    """Return the records of a page: items of a collection, or STAC collections; None for other pages."""
    if isinstance(answer.get("features"), list):
        return answer["features"]
    collections = answer.get("collections")
    if isinstance(collections, list) and any(isinstance(c, dict) and c.get("stac_version") for c in collections):
        return collections
    return None


def _link(answer: dict[str, Any], url: str, relations: tuple[str, ...]) -> str | None:
    links = answer.get("links")
    told = [each for each in links if isinstance(each, dict)] if isinstance(links, list) else []
    for relation in relations:
        for each in told:
            href = each.get("href")
            json_wanted = "json" in str(each.get("type") or "json")
            if each.get("rel") == relation and isinstance(href, str) and href.strip() and json_wanted:
                return joined(url, href)
    return None


class OgcApiSource(SourceType):
    """Source type for OGC API – Records and STAC."""

    type_name = "ecosphere_ogcapi"
    title = N_("OGC API – Records, STAC")
    description = N_("A collection of records of an OGC API – Records server, or the collections of a STAC API.")
    options = (*COMMON_OPTIONS, "page_size")

    def make_reader(self, url: str, settings: dict[str, Any], session: GuardedSession) -> SourceReader:
        """Create a reader for one reading of the catalogue."""
        return OgcApiReader(url, session, min(default_page_size(settings), MAX_LIMIT))

    def read(self, content: str) -> Record:
        """Read a record of the API.

        Raises:
            RecordError: it is not valid.
        """
        try:
            value = json.loads(content)
            if not is_record(value):
                raise RecordError("not-ogcapi")
            return record_of(value)
        except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError) as error:
            raise RecordError("not-ogcapi") from error

    def check_settings(self, settings: dict[str, Any]) -> None:
        """Validate the page size."""
        size = settings.get("page_size")
        if size is not None and (type(size) is not int or not 1 <= size <= MAX_LIMIT):
            raise ConfigError("config-page-size", limit=MAX_LIMIT)
