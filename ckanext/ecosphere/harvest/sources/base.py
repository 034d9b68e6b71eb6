"""What all source types share.

`SourceType` is what `harvester.py` makes a plugin of. For each reading of a source it makes a
`SourceReader`, which yields `RawRecord`s page by page and keeps account of what it could not read
(`Reading`); a `BoundedReader` around it ends the reading at the limits. At the end, typed access to
values of untrusted JSON.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

import ckan.plugins as p
import ckan.plugins.toolkit as tk
from ckan import model
from lxml import etree

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.config import Bounds, Settings
from ckanext.ecosphere.harvest.iso import walk
from ckanext.ecosphere.harvest.iso.walk import one_line
from ckanext.ecosphere.harvest.messages import ConfigError, sentence
from ckanext.ecosphere.harvest.problems import Params, RecordError
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.shared import action_input, parsing
from ckanext.ecosphere.shared.http_guard import (
    Budget,
    FetchError,
    GuardedSession,
    Response,
    StoppedError,
)
from ckanext.ecosphere.shared.parsing import Element, local_name, sound_text
from ckanext.harvest.interfaces import IHarvester

log = logging.getLogger(__name__)

OK = 200
MAX_FAILURES = 50
"""Maximum number of failures stored individually; further ones are only counted."""
SHARED = "#second:"
"""What separates an identifier shared by several records from the suffix that tells them apart."""
MAX_COUNT = 10**9
"""Maximum plausible number of records; larger numbers do not fit in the database."""
JSON_BYTES = 16 * 1024 * 1024
"""Maximum size of a JSON response, which takes several times as much memory once parsed."""
MAX_SILENT = 10
"""Maximum number of consecutive URLs without any response before the reading is given up."""
MAX_PAGES = 20_000
MAX_IDLE_PAGES = 3
"""Number of pages in a row without a new record after which the reading stops."""
CANCELLED, MEMORY = "cancelled", "memory"
"""Reasons to stop a budget from another thread: the job was aborted, the process needs too much."""
_MEGABYTE = 1024 * 1024


# --- the account of a reading ---


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record as delivered by the source.

    Attributes:
        position: its position in the source, counted from 1.
        content: the record, in the form that is stored and read again later.
        digest: hash that changes if and only if the record does.
        identifier: the source's own identifier of the record, empty when it has none.
    """

    position: int
    content: str
    digest: str
    identifier: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A part of the source that could not be read.

    Attributes:
        code: key of `messages.DETAILS` or `messages.WHOLE`; the message may use `{first}` and
            `{last}`.
        first: position of the first record lost, from 1; 0 if unknown.
        last: position of the last one; 0 if everything after the first is lost too.
        params: values for the other fields of the message.
    """

    code: str
    first: int
    last: int
    params: Params = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Repeat:
    """A record that was read but not taken.

    Attributes:
        code: key of `repeats` in `data/messages.yaml`.
        position: its position in the source, from 1.
        guid: its identifier.
        title: its title, "" when it was not read.
    """

    code: str
    position: int
    guid: str
    title: str = ""


@dataclass(slots=True)
class Reading:
    """State of one reading of a source, updated while it runs.

    Attributes:
        announced: number of records that the source announces, None until it has done so.
        unfiltered: number of records of the source without the conditions of its configuration,
            None if it has none or does not say so.
        received: number of records received, without repetitions.
        repeated: number of records that were repeated.
        repeats: each of those, until they are stored in the database.
        requests: number of HTTP requests sent.
        failures: the first `MAX_FAILURES` failures.
        failed: number of failures, before those of the same kind were merged.
        unlisted: number of failures that are not in `failures`.
        notes: remarks although nothing was lost, as (code, parameters).
    """

    announced: int | None = None
    unfiltered: int | None = None
    received: int = 0
    repeated: int = 0
    repeats: list[Repeat] = field(default_factory=list)
    requests: int = 0
    failures: list[Failure] = field(default_factory=list)
    failed: int = 0
    unlisted: int = 0
    notes: list[tuple[str, Params]] = field(default_factory=list)

    def repeat(self, position: int, identifier: str, code: str = "copy", title: str = "") -> None:
        """Note that a record was not taken, because it is a repetition or shares
        the identifiers of another one.
        """
        self.repeated += 1
        self.repeats.append(Repeat(code, position, identifier, title))

    def fail(self, code: str, first: int = 0, last: int = 0, **params: Any) -> None:
        """Note that something could not be read.

        Consecutive failures of the same kind are merged.
        """
        self.failed += 1
        before = next(reversed(self.failures), None)
        if before and (before.code, before.params, before.last + 1) == (code, params, first):
            self.failures[-1] = replace(before, last=last)
        elif len(self.failures) < MAX_FAILURES:
            self.failures.append(Failure(code, first, last, params))
        else:
            self.unlisted += 1

    @property
    def complete(self) -> bool:
        """Whether everything in the source was read, so that a record not seen is really absent."""
        return not self.failed


class PageError(Exception):
    """A page could not be read.

    Attributes:
        code: as in `Reading.fail`, like `params`.
        misunderstood: the server may understand another form of request.
        too_big: smaller pages may work; retrying the same size will not.
    """

    def __init__(
        self, code: str, misunderstood: bool = False, too_big: bool = False, **params: Any
    ):
        super().__init__(code)
        self.code = code
        self.params = params
        self.misunderstood = misunderstood
        self.too_big = too_big

    @property
    def unanswered(self) -> bool:
        """Whether there was no response at all."""
        return self.code.startswith("fetch-")


# --- readers ---


class SourceReader:
    """Reads one source once. Source types override `pages`, and note failures in `reading` instead
    of raising.

    Args:
        url: URL of the source.
        session: the guarded HTTP session.
    """

    def __init__(self, url: str, session: GuardedSession):
        self.reading = Reading()
        self._url = url
        self._session = session
        self._received: set[Any] = set()
        """Keys of the records received, see `_is_new`."""

    def pages(self) -> Iterator[list[RawRecord]]:
        """Yield the records of each page that can be read."""
        raise NotImplementedError

    def _fetch(
        self, url: str, headers: Mapping[str, str], max_bytes: int | None = None
    ) -> Response:
        """Fetch a page.

        Args:
            url: the URL.
            headers: additional headers.
            max_bytes: maximum size of the response, if smaller than that of the session.

        Raises:
            PageError: there was no response, or its status was not 200.
        """
        limit = self._session.settings.max_bytes
        try:
            response = self._session.get(
                url, headers=headers, max_bytes=min(max_bytes or limit, limit)
            )
        except FetchError as error:
            raise PageError(f"fetch-{error.code}", **error.params) from error
        if response.status != OK:
            raise PageError("status", status=response.status)
        return response

    def _fetch_json(self, url: str) -> Any:
        """Fetch a JSON document.

        Raises:
            PageError: it could not be fetched, or is not JSON.
        """
        response = self._fetch(url, {"Accept": "application/json"}, JSON_BYTES)
        try:
            return parsing.load_json(response.body)
        except (ValueError, RecursionError) as error:
            raise PageError("not-json", url=url) from error

    def _is_new(self, key: Any, position: int, identifier: str, title: str = "") -> bool:
        """Count a record, and tell whether it is new; note one that the source has already given.

        Args:
            key: what tells records apart: an identifier or a digest, as the source type has them.
            position: position of the record in the source, from 1.
            identifier: its identifier, for the note.
            title: its title, for the note; "" when it was not read.
        """
        if key in self._received:
            self.reading.repeat(position, identifier, title=title)
            return False
        self._received.add(key)
        self.reading.received += 1
        return True

    def _json_record(self, value: Object, position: int, code: str) -> RawRecord | None:
        """Return an object as a record to store.

        None if it is nested too deeply, which is reported with this code.
        """
        try:
            content = json.dumps(value, ensure_ascii=False, sort_keys=True)
        except RecursionError:
            self.reading.fail(code, position, position)
            return None
        return RawRecord(position, content, digest_of(content), identifier_in(value))

    def _note_shortfall(self) -> None:
        """At the end, note if fewer records were received than announced,
        unless a failure already explains it.
        """
        reading = self.reading
        if reading.failed or reading.announced is None or reading.received >= reading.announced:
            return
        reading.fail("count-short", announced=reading.announced, received=reading.received)


class LinkedReader(SourceReader):
    """Reads pages of which each names the next one: a page that fails
    ends the reading as incomplete.
    """

    def __init__(self, url: str, session: GuardedSession):
        super().__init__(url, session)
        self._position = 0
        """Position of the last record received."""

    def _read_page(self, url: str) -> tuple[list[RawRecord], str | None]:
        """Return the records of a page, and the URL of the next one.

        Raises:
            PageError: it cannot be read.
        """
        raise NotImplementedError

    def pages(self) -> Iterator[list[RawRecord]]:
        """Yield the records of each page; if the chain of pages breaks, report the rest as lost."""
        url: str | None = self._url
        visited: set[str] = set()
        idle_pages = 0
        while url:
            visited.add(url)
            number_before = len(self._received)
            try:
                records, url = self._read_page(url)
            except PageError as error:
                first_lost = self._position + 1 if self._position else 0
                self.reading.fail(error.code, first_lost, **error.params)
                break
            if records:
                yield records
            idle_pages = 0 if len(self._received) > number_before else idle_pages + 1
            if url and idle_pages >= MAX_IDLE_PAGES:
                self.reading.fail("repeated", self._position + 1)
                break
            if url in visited or len(visited) >= MAX_PAGES:
                self.reading.fail("page-loop", self._position + 1, url=(url or "")[:200])
                break
        self._note_shortfall()


class BoundedReader:
    """Reads a source within limits: the reading always ends, and what was read until then is kept.

    Reaching a limit ends the reading as incomplete, and so does a fault of ours or a lack of
    memory. What was read before has been yielded.

    Args:
        reader: reads the source.
        budget: budget of the reader's session.
        bounds: for the number of records, and for messages.
    """

    def __init__(self, reader: SourceReader, budget: Budget, bounds: Bounds):
        self._reader = reader
        self.reading = reader.reading
        self.budget = budget
        self.bounds = bounds

    def pages(self) -> Iterator[list[RawRecord]]:
        """Yield all pages that can be read within the limits."""
        lacks_memory = False
        try:
            yield from self._storable_pages()
        except StoppedError as error:
            limit = error.limit
            if error.code in {"bytes", MEMORY}:
                limit //= _MEGABYTE
            self.reading.fail(f"bound-{error.code}", limit=limit)
        except MemoryError:
            lacks_memory = True
        except Exception as error:  # must not lose the records that were read
            log.exception("Reading of a source")
            detail = f"{type(error).__name__}: {' '.join(str(error).split())}"
            self.reading.fail("reading-fault", detail=detail[:300])
        if lacks_memory:  # outside the handler, where the exception would still hold the memory
            self.reading.fail(f"bound-{MEMORY}", limit=self.bounds.memory // _MEGABYTE)
        self.reading.requests = self.budget.spent

    def _storable_pages(self) -> Iterator[list[RawRecord]]:
        remaining = self.bounds.records
        for page in self._reader.pages():
            records = [_storable(record) for record in page[:remaining]]
            if records:
                yield records
            if len(page) > remaining:
                raise StoppedError("records", self.bounds.records)
            remaining -= len(records)
            self.budget.check()


def _storable(record: RawRecord) -> RawRecord:
    """Return a record without the characters that the database cannot store."""
    content, identifier = sound_text(record.content), sound_text(record.identifier)
    if content is record.content and identifier is record.identifier:
        return record
    return replace(record, content=content, identifier=identifier)


# --- records and values ---


def xml_record(element: Element, position: int) -> RawRecord:
    """Extract one record from an XML document: text, digest, identifier.

    The digest is that of the exclusive canonical form (W3C xml-exc-c14n), so that namespace
    declarations which the server moves between page and record, or the order of attributes, make no
    difference.
    """
    element.tail = None
    canonical = etree.tostring(element, method="c14n", exclusive=True, with_comments=False)
    identifier = ""
    if local_name(element) == walk.CATALOGUE_ROOT:
        identifier = one_line(element.get("uuid"))
    for child in element:
        if local_name(child) in {"fileIdentifier", "metadataIdentifier"}:
            identifier = one_line(" ".join(map(str, child.itertext())))
            break
    content = etree.tostring(element, encoding="unicode")
    return RawRecord(position, content, hashlib.sha256(canonical).hexdigest(), identifier)


def digest_of(text: str) -> str:
    """Return a hash of a text."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def count_of(value: Any) -> int | None:
    """Return a number of records stated by a source; None if it is not a plausible number."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value).strip()
    if not text.isascii() or not text.isdigit() or len(text) > len(str(MAX_COUNT)):
        return None
    number = int(text)
    return number if number <= MAX_COUNT else None


def identifier_in(value: Any) -> str:
    """Return the `id` of an untrusted JSON object as text; empty without a usable one."""
    identifier = value.get("id") if isinstance(value, dict) else None
    if isinstance(identifier, str):
        return identifier.strip()
    return str(identifier) if type(identifier) is int else ""  # a boolean is no identifier


# --- types of source ---

OWN_SERVICE = "own_service"
"""Option: the source publishes only for the service that it belongs to; see `settings`."""
COMMON_OPTIONS = ("default_organisation", "priority", OWN_SERVICE)
"""Options of all source types."""
MAX_PRIORITY = 100


class SourceType:
    """A type of source. Subclasses override `make_reader` and `read`; `harvester.py` makes a plugin
    of each.

    Attributes:
        type_name: its name, stored with each source.
        title: its name for people.
        description: what its sources are, in one sentence.
        options: names of the options allowed in the configuration of a source.
    """

    type_name = ""
    title = ""
    description = ""
    options: tuple[str, ...] = COMMON_OPTIONS

    def make_reader(self, url: str, settings: Settings, session: GuardedSession) -> SourceReader:
        """Create the reader that `bounded_reader` wraps with limits.

        Args:
            url: URL of the source.
            settings: configuration of the source.
            session: the guarded HTTP session.
        """
        raise NotImplementedError

    def read(self, content: str) -> Record:
        """Read a stored record.

        Raises:
            RecordError: it cannot be read.
        """
        raise NotImplementedError

    def record_url(self, url: str) -> str | None:
        """Return the URL pattern of original records, with `{id}` in place of the identifier.

        None if there is none.
        """
        return None

    def check_own_settings(self, settings: Settings) -> None:
        """Validate the options that only this type has.

        Raises:
            ConfigError: one of them is not valid.
        """

    def bounded_reader(
        self, url: str, settings: Settings, bounds: Bounds | None = None
    ) -> BoundedReader:
        """Create a reader for one reading of a source, whose time starts now.

        Args:
            url: URL of the source.
            settings: configuration of the source.
            bounds: limits of the reading; those of a harvest by default.
        """
        bounds = bounds or config.bounds()
        session = GuardedSession(config.guard_settings(), budget=bounds.budget())
        return BoundedReader(self.make_reader(url, settings, session), session.budget, bounds)

    def checked_settings(self, text: str | None) -> str:
        """Validate the configuration of a source, in JSON.

        Returns:
            the configuration, formatted.

        Raises:
            ValueError: it is not valid; the message is for the user.
        """
        try:
            settings = _settings_in((text or "").strip() or "{}")
            self._check_common_settings(settings)
            self.check_own_settings(settings)
        except ConfigError as error:
            raise ValueError(sentence(error.code, error.params, translate=tk._)) from error
        if not settings:
            return ""
        return json.dumps(settings, ensure_ascii=False, indent=2)

    def _check_common_settings(self, settings: Settings) -> None:
        """Validate the options of all types.

        An organisation given by its id is replaced by its name.
        """
        for name in settings:
            if name not in self.options:
                raise ConfigError("config-unknown", name=name, known=", ".join(self.options))
        priority = settings.get("priority")
        if priority is not None and (type(priority) is not int or abs(priority) > MAX_PRIORITY):
            raise ConfigError("config-priority", limit=MAX_PRIORITY)
        if not isinstance(settings.get(OWN_SERVICE, False), bool):
            raise ConfigError("config-flag", name=OWN_SERVICE)
        size = settings.get("page_size")
        if size is not None and (type(size) is not int or not 1 <= size <= config.MAX_PAGE_SIZE):
            raise ConfigError("config-page-size", limit=config.MAX_PAGE_SIZE)
        organisation = settings.get("default_organisation")
        if organisation is None:
            return
        if not isinstance(organisation, str):
            raise ConfigError("config-text", name="default_organisation")
        group = model.Group.get(organisation)
        if group is None or not group.is_organization or group.state != "active":
            raise ConfigError("config-organisation", name=organisation)
        settings["default_organisation"] = group.name


def _settings_in(text: str) -> Settings:
    """Return a configuration: a JSON object with values that actions can handle.

    Raises:
        ConfigError: it is none.
    """
    try:
        settings = json.loads(text)
    except ValueError as error:
        raise ConfigError("config-json", detail=str(error)) from error
    if not isinstance(settings, dict):
        raise ConfigError("config-object")
    try:
        action_input.check(settings, ())
    except tk.ValidationError as error:
        detail = "; ".join(error.error_summary.values())
        raise ConfigError("config-json", detail=detail) from error
    return settings


def default_page_size(settings: Settings) -> int:
    """Return the number of records per request."""
    return settings.get("page_size") or config.page_size()


def enabled_types() -> dict[str, SourceType]:
    """Return our enabled source types by name."""
    plugins = p.PluginImplementations(IHarvester)
    return {plugin.type_name: plugin for plugin in plugins if isinstance(plugin, SourceType)}


def type_called(type_name: str) -> SourceType | None:
    """Return the enabled source type of this name."""
    return enabled_types().get(type_name)


def type_names() -> list[str]:
    """Return the names of our enabled source types."""
    return sorted(enabled_types())


def original_url(type_name: str, url: str, guid: str) -> str | None:
    """Return the URL of an original record; None if its source type has none.

    Args:
        type_name: type of the source.
        url: URL of the source.
        guid: identity of the record within its source.
    """
    source_type = type_called(type_name)
    if source_type is None:
        return None
    pattern = source_type.record_url(url)
    if not pattern:
        return None
    identifier, _second, _suffix = guid.partition(SHARED)
    return pattern.replace("{id}", quote(identifier, safe=""))


# --- values of JSON ---
#
# Typed access to values of untrusted JSON objects: values of another type count as empty.

Object = dict[str, Any]

MAX_NOTE = 2_000
"""Maximum characters of a value without a place, in notes."""
MAX_SIZE = 10**18
"""Maximum plausible size of a file, in bytes."""
_FILE_MEGABYTE = 1_000_000
_UNREADABLE = (
    ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError,
)  # fmt: skip
"""What reading a record of another shape than expected may raise."""


def read_record(content: str, read: Callable[[Any], Record], code: str) -> Record:
    """Read a stored record.

    Args:
        content: the record, in JSON.
        read: reads the parsed record.
        code: code of the error if it is not valid.

    Raises:
        RecordError: it is not valid.
    """
    try:
        return read(json.loads(content))
    except _UNREADABLE as error:
        raise RecordError(code) from error


def text_of(value: Any) -> str | None:
    """Return a text or a number as text; None for other or empty values."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value) or None


def text_in(values: Object, name: str) -> str | None:
    """Return a text or a number as text; None for other or empty values."""
    return text_of(values.get(name))


def day_in(values: Object, name: str) -> str | None:
    """Return the date of a timestamp; None without one."""
    return (text_in(values, name) or "")[:10] or None


def object_in(values: Object, name: str) -> Object:
    """Return an object, empty for other values."""
    value = values.get(name)
    return value if isinstance(value, dict) else {}


def list_in(values: Object, name: str) -> list[Any]:
    """Return a list, empty for other values."""
    value = values.get(name)
    return value if isinstance(value, list) else []


def texts_in(values: Object, name: str) -> list[str]:
    """Return the texts and numbers of a list as texts."""
    return list(filter(None, map(text_of, list_in(values, name))))


def objects_in(values: Object, name: str) -> list[Object]:
    """Return the objects of a list."""
    return [item for item in list_in(values, name) if isinstance(item, dict)]


def megabytes_in(values: Object, name: str) -> str | None:
    """Return a number of bytes as megabytes; None for other values."""
    value = values.get(name)
    if type(value) is int and 0 <= value < MAX_SIZE:
        return str(value / _FILE_MEGABYTE)
    return None


def noted(text: str) -> str:
    """Return a text on one line, short enough for a note."""
    return " ".join(text.split())[:MAX_NOTE]
