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
"""Why a budget is stopped from outside: the job was aborted, or the process took too much memory."""


@dataclass(frozen=True)
class Bounds:
    """What one reading of a source may take.

    Attributes:
        requests: HTTP requests, redirects and retries included.
        records: records.
        size: bytes received, counted after decompression.
        seconds: time from the first request on.
        memory: bytes of the whole process.
    """

    requests: int
    records: int
    size: int
    seconds: int
    memory: int

    def budget(self) -> Budget:
        """A budget that begins now."""
        return Budget(self.requests, self.size, self.seconds)


class BoundedReader:
    """Reads a source within bounds; see `SourceReader`.

    A bound that is reached ends the reading as an incomplete one; so does a fault of ours, or a lack of memory. What
    was read until then has been yielded.

    Args:
        reader: reads the source.
        budget: the one of the reader's session.
        bounds: for the number of records, and for the sentences.
    """

    def __init__(self, reader: SourceReader, budget: Budget, bounds: Bounds):
        self._reader = reader
        self.reading = reader.reading
        self.budget = budget
        self.bounds = bounds

    def pages(self) -> Iterator[Page]:
        """Yield all that can be read within the bounds."""
        lacks_memory = False
        try:
            yield from self._pages()
        except StoppedError as error:
            self.reading.fail(f"bound-{error.code}", limit=_shown(error.code, error.limit))
        except MemoryError:
            lacks_memory = True
        except Exception as error:  # the records that were read must not be lost to it
            log.exception("Reading of a source")
            self.reading.fail("reading-fault", detail=f"{type(error).__name__}: {' '.join(str(error).split())}"[:300])
        if lacks_memory:  # told out here: while the error was handled, it held all that the memory was taken for
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
    """A record without the characters that no database stores."""
    content, identifier = sound_text(record.content), sound_text(record.identifier)
    if content is record.content and identifier is record.identifier:
        return record
    return replace(record, content=content, identifier=identifier)


def _shown(code: str, limit: int) -> int:
    """A limit in the unit of its sentence."""
    return limit // (1024 * 1024) if code in {"bytes", MEMORY} else limit
