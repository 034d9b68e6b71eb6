"""Interface of all source types to the pipeline: pages of raw records, and how complete the reading was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

MAX_FAILURES = 50
"""Maximum number of failures stored individually; further ones are only counted."""
SECOND = "#second:"
"""Separator between an identifier shared by several records of a source, and the suffix that distinguishes them."""
MAX_COUNT = 10**9
"""Maximum plausible number of records; larger numbers do not fit in the database."""


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
        code: key of `messages.DETAILS` or `messages.WHOLE`; the message may use `{first}` and `{last}`.
        first: position of the first record lost, from 1; 0 if unknown.
        last: position of the last one; 0 if everything after the first is lost too.
        params: values for the other fields of the message.
    """

    code: str
    first: int
    last: int
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Repeat:
    """A record that was read but not taken.

    Attributes:
        code: key of `messages.REPEATS`.
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
        unfiltered: number of records of the source without the conditions of its configuration, None if it has none or
            does not say so.
        received: number of records received, without repetitions.
        repeated: number of records that were repeated.
        repeats: each of those, until they are stored in the database.
        requests: number of HTTP requests sent.
        failures: what could not be read, the first `MAX_FAILURES` failures.
        failed: total number of failures.
        untold: how many of them are not in `failures`.
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
    untold: int = 0
    notes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def repeat(self, position: int, identifier: str, code: str = "copy", title: str = "") -> None:
        """Note that a record was not taken, because it is a repetition or shares the identifiers of another one."""
        self.repeated += 1
        self.repeats.append(Repeat(code, position, identifier, title))

    def fail(self, code: str, first: int = 0, last: int = 0, **params: Any) -> None:
        """Note that something could not be read; consecutive failures of the same kind are merged."""
        self.failed += 1
        before = self.failures[-1] if self.failures else None
        if before and (before.code, before.params, before.last + 1) == (code, params, first):
            self.failures[-1] = Failure(code, before.first, last, params)
        elif len(self.failures) < MAX_FAILURES:
            self.failures.append(Failure(code, first, last, params))
        else:
            self.untold += 1

    @property
    def complete(self) -> bool:
        """Whether everything in the source was read, so that a record not seen is really absent."""
        return not self.failed


@dataclass(frozen=True, slots=True)
class Page:
    """Records received together."""

    records: list[RawRecord]


class SourceReader(Protocol):
    """Reads one source once."""

    reading: Reading

    def pages(self) -> Iterator[Page]:
        """Yield all pages that can be read; note failures in `reading` instead of raising."""
        ...


def count_of(value: Any) -> int | None:
    """Return a number of records stated by a source; None if it is not a plausible number."""
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not text.isascii() or not text.isdigit() or len(text) > len(str(MAX_COUNT)):
        return None
    return int(text) if int(text) <= MAX_COUNT else None
