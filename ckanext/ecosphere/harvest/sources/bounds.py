"""Limits of one reading of a source: it always ends, and what was read until then is kept."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

from ckanext.ecosphere.harvest.sources.base import Page, RawRecord, SourceReader
from ckanext.ecosphere.shared.http_guard import Budget, StoppedError
from ckanext.ecosphere.shared.strict_json import sound_text

log = logging.getLogger(__name__)

CANCELLED, MEMORY = "cancelled", "memory"
"""Reasons to stop a budget from another thread: the job was aborted, or the process uses too much memory."""


@dataclass(frozen=True)
class Bounds:
    """Limits of one reading of a source.

    Attributes:
        requests: HTTP requests, including redirects and retries.
        records: number of records.
        size: bytes received, counted after decompression.
        seconds: duration from the first request on.
        memory: bytes used by the whole process.
    """

    requests: int
    records: int
    size: int
    seconds: int
    memory: int

    def budget(self) -> Budget:
        """Return a budget that starts now."""
        return Budget(self.requests, self.size, self.seconds)


class BoundedReader:
    """Reads a source within limits; see `SourceReader`.

    Reaching a limit ends the reading as incomplete, and so does a fault of ours or a lack of memory. What was read
    before has been yielded.

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

    def pages(self) -> Iterator[Page]:
        """Yield all pages that can be read within the limits."""
        lacks_memory = False
        try:
            yield from self._pages()
        except StoppedError as error:
            self.reading.fail(f"bound-{error.code}", limit=_shown(error.code, error.limit))
        except MemoryError:
            lacks_memory = True
        except Exception as error:  # must not lose the records that were read
            log.exception("Reading of a source")
            self.reading.fail("reading-fault", detail=f"{type(error).__name__}: {' '.join(str(error).split())}"[:300])
        if lacks_memory:  # outside the handler, where the exception would still hold the memory
            self.reading.fail(f"bound-{MEMORY}", limit=_shown(MEMORY, self.bounds.memory))
        self.reading.requests = self.budget.spent

    def _pages(self) -> Iterator[Page]:
        left = self.bounds.records
        for page in self._reader.pages():
            records = [_storable(record) for record in page.records[:left]]
            if records:
                yield Page(records)
            if len(page.records) > left:
                raise StoppedError("records", self.bounds.records)
            left -= len(records)
            self.budget.check()


def _storable(record: RawRecord) -> RawRecord:
    """Return a record without the characters that the database cannot store."""
    content, identifier = sound_text(record.content), sound_text(record.identifier)
    if content is record.content and identifier is record.identifier:
        return record
    return replace(record, content=content, identifier=identifier)


def _shown(code: str, limit: int) -> int:
    """Return a limit in the unit of its message."""
    return limit // (1024 * 1024) if code in {"bytes", MEMORY} else limit
