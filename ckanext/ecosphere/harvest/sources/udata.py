"""Source type `ecosphere_udata`: datasets of an organisation, topic or tag on data.gouv.fr or another udata portal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.harvest.sources.base import Page, RawRecord, Reading, SourceReader, count_of
from ckanext.ecosphere.harvest.sources.csw_answer import PageError
from ckanext.ecosphere.harvest.sources.fetching import MAX_SILENT, add_up, digest, fetch_json
from ckanext.ecosphere.harvest.sources.messages import ConfigError
from ckanext.ecosphere.harvest.sources.source_type import COMMON_OPTIONS, SourceType
from ckanext.ecosphere.harvest.sources.udata_record import origin_of, record_of
from ckanext.ecosphere.shared.http_guard import GuardedSession, StoppedError
from ckanext.ecosphere.shared.messages import N_

FILTERS = ("organization", "topic", "tag")
PAGE_SIZE = 50
MAX_PAGES = 20_000
MAX_IDLE_PAGES = 3
"""Number of pages in a row without a new dataset after which the reading stops."""
MAX_RESOURCE_PAGES = 200
"""Maximum pages of resources of one dataset; udata returns 50 per page."""
TOO_LARGE = "fetch-too-large"
NAMED = {"organization": ("api/1/organizations",), "topic": ("api/2/topics", "api/1/topics")}
"""Filters that accept only identifiers → API paths that resolve a name to one."""
_NOT_THERE = (404, 410)
_ID = re.compile(r"[0-9a-f]{24}")
_VOLATILE = ("metrics", "quality", "internal", "harvest", "last_update", "badges", "extras", "permissions")
"""Keys whose values change without the dataset changing."""


class UdataReader:
    """Reads a list of datasets page by page; see `SourceReader`.

    Args:
        url: URL of the portal; a path within it is ignored.
        session: the guarded HTTP session.
        filters: `organization` and `topic` (identifiers, or the last part of their page's URL) and `tag`.
        version: version of the API: 1, whose lists contain the resources, or 2, whose lists link to them.
    """

    def __init__(self, url: str, session: GuardedSession, filters: dict[str, str], version: int = 1):
        self.reading = Reading()
        parts = urlsplit(url)
        self._site = urlunsplit((parts.scheme, parts.netloc, "/", "", ""))
        self._base = f"{self._site}api/{version}/datasets/"
        # By creation date, so that new datasets do not push others to a page already read; the search in version 2 has
        # its own order.
        self._order = {"sort": "created"} if version == 1 else {}
        if version == 2:  # noqa: PLR2004 - the second version of the API
            self._base += "search/"
        self._session = session
        self._filters = filters
        self._seen: set[tuple[str, str]] = set()
        self._total: int | None = None

    def pages(self) -> Iterator[Page]:
        """Yield the datasets; a page that fails is reported, and the following ones are still requested."""
        filters = self._resolved()
        if filters is None:
            add_up(self.reading, self._session)
            return
        number, lost, idle = 1, 0, 0
        while number <= MAX_PAGES and (self._total is None or (number - 1) * PAGE_SIZE < self._total):
            first = (number - 1) * PAGE_SIZE + 1
            last = min(first + PAGE_SIZE - 1, self._total or first)
            try:
                answer = self._page(filters, number, PAGE_SIZE)
            except PageError as error:
                lost += 1
                if error.code == TOO_LARGE:
                    yield from self._one_by_one(filters, first, last)
                elif self._total is None:
                    self.reading.fail(error.code, **error.params)
                else:
                    self.reading.fail(error.code, first, last, **error.params)
                if self._total is None:
                    break
                if lost >= MAX_SILENT:
                    self.reading.fail("gave-up", last + 1)
                    break
                number += 1
                continue
            known = len(self._seen)
            yield from self._taken(answer["data"], first)
            lost, idle = 0, 0 if len(self._seen) > known else idle + 1
            if not answer["data"] or (self._total is None and not answer.get("next_page")):
                break
            if idle >= MAX_IDLE_PAGES:
                self.reading.fail("repeated", first, last)
                break
            number += 1
        add_up(self.reading, self._session)

    def _page(self, filters: dict[str, str], number: int, size: int) -> dict[str, Any]:
        query = urlencode({**filters, **self._order, "page": number, "page_size": size})
        answer = fetch_json(self._session, f"{self._base}?{query}")
        if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
            raise PageError("not-udata")
        if (total := count_of(answer.get("total"))) is not None:
            self._total = self.reading.announced = total
        return answer

    def _one_by_one(self, filters: dict[str, str], first: int, last: int) -> Iterator[Page]:
        """Request the datasets of an oversized page individually, so that only the large one is lost."""
        for position in range(first, last + 1):
            try:
                answer = self._page(filters, position, 1)
            except PageError as error:
                self.reading.fail(error.code, position, position, **error.params)
            else:
                yield from self._taken(answer["data"][:1], position)

    def _taken(self, datasets: list[Any], first: int) -> Iterator[Page]:
        """Yield the usable datasets of a page, even if the reading is stopped in the middle of it."""
        records: list[RawRecord] = []
        stopped: StoppedError | None = None
        for position, dataset in enumerate(datasets, first):
            try:
                records += self._raw(dataset, position)
            except StoppedError as error:
                stopped = error
                break
        if records:
            yield Page(records)
        if stopped:
            raise stopped

    def _resolved(self) -> dict[str, str] | None:
        """Return the filters with identifiers in place of names; None if one does not exist, which is reported.

        The API rejects names of organisations and topics in lists, and ignores an unknown topic, which would return the
        whole portal. Topics are therefore checked even if given by identifier.
        """
        filters = dict(self._filters)
        for name, places in NAMED.items():
            value = filters.get(name)
            if not value or (name == "organization" and _ID.fullmatch(value)):
                continue
            try:
                filters[name] = self._identifier(value, places)
            except PageError as error:
                unknown = error.code == "status" and error.params.get("status") in _NOT_THERE
                code, params = ("udata-unknown", {"name": value}) if unknown else (error.code, error.params)
                self.reading.fail(code, 0, 0, **params)
                return None
        return filters

    def _identifier(self, name: str, places: tuple[str, ...]) -> str:
        for place in places:
            try:
                answer = fetch_json(self._session, f"{self._site}{place}/{quote(name, safe='')}/")
            except PageError:
                if place == places[-1]:
                    raise
                continue
            if isinstance(answer, dict) and isinstance(answer.get("id"), str):
                return answer["id"]
        raise PageError("not-udata")

    def _raw(self, dataset: Any, position: int) -> Iterator[RawRecord]:
        identifier = _identifier(dataset)
        if not identifier:
            self.reading.fail("not-udata", position, position)
            return
        title = dataset.get("title")
        if (key := (identifier, title if isinstance(title, str) else "")) in self._seen:
            self.reading.repeat(position, identifier, title=key[1])
            return
        self._seen.add(key)
        self.reading.received += 1
        try:
            resources = self._resources(dataset.get("resources"))
            bare = {name: value for name, value in dataset.items() if name not in _VOLATILE}
            if origin := origin_of(dataset):
                bare["harvest"] = origin
            bare["resources"] = [
                {name: value for name, value in each.items() if name not in _VOLATILE}
                for each in resources
                if isinstance(each, dict)
            ]
            content = json.dumps(bare, ensure_ascii=False, sort_keys=True)
        except PageError as error:
            self.reading.fail(error.code, position, position, **error.params)
            return
        except (RecursionError, ValueError, TypeError):
            self.reading.fail("not-udata", position, position)
            return
        yield RawRecord(position, content, digest(content), identifier)

    def _resources(self, given: Any) -> list[Any]:
        """Return the resources: included in version 1, behind a link in version 2.

        Raises:
            PageError: they cannot be fetched, or are too many.
        """
        if isinstance(given, list):
            return given
        found: list[Any] = []
        url = given.get("href") if isinstance(given, dict) else None
        visited: set[str] = set()
        while isinstance(url, str) and url:
            if url in visited:
                raise PageError("page-loop", url=url[:200])
            if len(visited) >= MAX_RESOURCE_PAGES:
                raise PageError("too-many-resources")
            visited.add(url)
            answer = fetch_json(self._session, url)
            if not isinstance(answer, dict) or not isinstance(answer.get("data") or [], list):
                raise PageError("not-udata")
            found += answer.get("data") or []
            url = answer.get("next_page")
        return found


def _identifier(dataset: Any) -> str:
    """Return the identifier of a dataset as text; empty without a usable one."""
    value = dataset.get("id") if isinstance(dataset, dict) else None
    return value.strip() if isinstance(value, str) else str(value) if type(value) is int else ""


class UdataSource(SourceType):
    """Source type for data.gouv.fr and other udata portals."""

    type_name = "ecosphere_udata"
    title = N_("data.gouv.fr (udata)")
    description = N_("The datasets of an organisation, a topic or a tag of data.gouv.fr or of another udata portal.")
    options = (*COMMON_OPTIONS, *FILTERS, "api")

    def make_reader(self, url: str, settings: dict[str, Any], session: GuardedSession) -> SourceReader:
        """Create a reader for one reading of the list."""
        filters = {name: settings[name] for name in FILTERS if settings.get(name)}
        return UdataReader(url, session, filters, settings.get("api") or 1)

    def read(self, content: str) -> Record:
        """Read a dataset of the API.

        Raises:
            RecordError: it is not valid.
        """
        try:
            return record_of(json.loads(content))
        except (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError) as error:
            raise RecordError("not-udata") from error

    def check_settings(self, settings: dict[str, Any]) -> None:
        """Validate the filters: at least one is required, or all of data.gouv.fr would be harvested."""
        for name in FILTERS:
            if settings.get(name) is not None and not isinstance(settings[name], str):
                raise ConfigError("config-text", name=name)
        if not any(settings.get(name) for name in FILTERS):
            raise ConfigError("config-udata")
        if settings.get("api") not in (None, 1, 2):
            raise ConfigError("config-api")
