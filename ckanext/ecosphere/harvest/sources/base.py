"""Interface of all source types to the pipeline: pages of raw records, and how complete the reading was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

MAX_FAILURES = 50
"""Failures kept one by one; beyond it only their number grows."""
SECOND = "#second:"
"""Stands between an identifier and what tells apart the records of a source that share it."""
MAX_COUNT = 10**9
"""No catalogue has as many records; the database has no room for larger numbers."""


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record as the source gave it.

    Attributes:
        position: its place in the source, counted from 1.
        content: the record, in the form that is kept and read again later.
        digest: what changes when the record does, and only then.
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
        code: key of `messages.MESSAGES`; the sentence may name `{first}` and `{last}`.
        first: position of the first record lost, from 1; 0 when it is not known.
        last: position of the last one; 0 when all behind the first is lost as well.
        params: values of the other fields of the sentence.
    """

    code: str
    first: int
    last: int
    params: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Repeat:
    """A record that was read and not taken.

    Attributes:
        code: key of `messages.REPEATS`.
        position: its place in the source, from 1.
        guid: its identifier.
        title: its title, "" when it was not looked at.
    """

    code: str
    position: int
    guid: str
    title: str = ""


@dataclass(slots=True)
class Reading:
    """The facts of one reading of a source, kept up to date while it goes on.

    Attributes:
        announced: how many records the source says it has, None as long as it has not said.
        received: records received, those that came twice counted once.
        repeated: records that came again.
        repeats: each of those; whoever writes them down takes them out.
        requests: HTTP requests sent.
        failures: what could not be read, the first `MAX_FAILURES` of it.
        failed: how many failures there were.
        untold: how many of them are not among `failures`.
        notes: what is worth telling although nothing was lost, as (code, parameters).
    """

    announced: int | None = None
    received: int = 0
    repeated: int = 0
    repeats: list[Repeat] = field(default_factory=list)
    requests: int = 0
    failures: list[Failure] = field(default_factory=list)
    failed: int = 0
    untold: int = 0
    notes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def repeat(self, position: int, identifier: str, code: str = "copy", title: str = "") -> None:
        """Note that a record was not taken, because it came again or has the identifiers of another one."""
        self.repeated += 1
        self.repeats.append(Repeat(code, position, identifier, title))

    def fail(self, code: str, first: int = 0, last: int = 0, **params: Any) -> None:
        """Note that something could not be read."""
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
        """Whether everything that the source has was read: only then may an absence mean anything."""
        return not self.failed


@dataclass(frozen=True, slots=True)
class Page:
    """Records that came together."""

    records: list[RawRecord]


class SourceReader(Protocol):
    """Reads one source once."""

    reading: Reading

    def pages(self) -> Iterator[Page]:
        """Yield all that can be read; what cannot is noted in `reading`, nothing is raised for it."""
        ...


def count_of(value: Any) -> int | None:
    """A number of records as a source states it, in figures; None when it is none that a catalogue could have."""
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not text.isascii() or not text.isdigit() or len(text) > len(str(MAX_COUNT)):
        return None
    return int(text) if int(text) <= MAX_COUNT else None
