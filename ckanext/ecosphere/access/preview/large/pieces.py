"""Partially available files as file objects; the sandboxed process requests parts from its parent process."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path
from typing import Protocol

from ckanext.ecosphere.access.preview.errors import PreviewError

#: Protocol of the pipes: a request is offset and length; a response starts with the length of the part, or NONE.
ASKED, GIVEN, NONE = struct.Struct("<QQ"), struct.Struct("<q"), -1
#: Size of a block, and maximum read-ahead of sequential reads, in bytes.
BLOCK, MOST_AHEAD = 64 * 1024, 512 * 1024
#: Maximum size of a single read, which also guards against false sizes in archive directories.
MOST_READ = 4 * 1024 * 1024


class PartError(PreviewError):
    """A part of the file is not available: beyond the downloaded beginning, or over the budget."""

    def __init__(self) -> None:
        super().__init__("too-large")


class Source(Protocol):
    """Source of parts of a file.

    Attributes:
        size: size of the whole file; None if unknown.
        has_end: whether its end is available.
    """

    size: int | None
    has_end: bool

    def part(self, offset: int, length: int) -> bytes:
        """Return a part, shorter at the end of the available data.

        Raises:
            PartError: it is not available.
        """
        ...


class Parent:
    """Parts fetched by the parent process.

    Args:
        pipes: file descriptors to read responses from, and to write requests to.
        size: size of the file, in bytes.
    """

    def __init__(self, pipes: tuple[int, int], size: int):
        self._given, self._asked = os.fdopen(pipes[0], "rb"), os.fdopen(pipes[1], "wb", buffering=0)
        self.size: int | None = size
        self.has_end = True

    def part(self, offset: int, length: int) -> bytes:  # noqa: D102 - see Source
        self._asked.write(ASKED.pack(offset, length))
        told = self._given.read(GIVEN.size)
        size = GIVEN.unpack(told)[0] if len(told) == GIVEN.size else NONE
        if size == NONE:
            raise PartError
        return self._given.read(size)


class Beginning:
    """A local file, which may be only the beginning of the whole file.

    Args:
        path: path of the local file.
        size: size of the whole file; None if unknown.
    """

    def __init__(self, path: Path, size: int | None):
        self._file = path.open("rb")
        self.size = size
        self.has_end = size is not None and path.stat().st_size >= size

    def part(self, offset: int, length: int) -> bytes:  # noqa: D102 - see Source
        self._file.seek(offset)
        return self._file.read(length)


class Window:
    """A section of a file as a file of its own: an uncompressed member of an archive."""

    def __init__(self, pieces: Pieces, offset: int, size: int):
        self._pieces, self._offset = pieces, offset
        self.size: int | None = size
        self.has_end = pieces.has_end

    def part(self, offset: int, length: int) -> bytes:  # noqa: D102 - see Source
        self._pieces.seek(self._offset + offset)
        return self._pieces.read(length)


class Pieces(io.RawIOBase):
    """File object over a source of parts, which are read in blocks and cached.

    Attributes:
        size: size in bytes; None if unknown.
        has_end: whether its end is available.
        stopped: whether a read failed because the data were not available.
    """

    def __init__(self, source: Source):
        super().__init__()
        self._source = source
        self.size, self.has_end = source.size, source.has_end
        self.stopped = False
        self._blocks: dict[int, bytes] = {}
        self._place = 0
        self._next = self._ahead = 0

    def readable(self) -> bool:  # noqa: D102 - see io.RawIOBase
        return True

    def seekable(self) -> bool:  # noqa: D102 - see io.RawIOBase
        return True

    def tell(self) -> int:  # noqa: D102 - see io.RawIOBase
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Set the position.

        Raises:
            PartError: seek from the end of a file of unknown size.
        """
        if whence == os.SEEK_END:
            if self.size is None:
                self.stopped = True
                raise PartError
            offset += self.size
        elif whence == os.SEEK_CUR:
            offset += self._place
        if offset < 0:
            raise OSError("before the beginning")
        self._place = offset
        return offset

    def read(self, size: int | None = -1) -> bytes:
        """Return the next bytes.

        Raises:
            PartError: they are not available.
        """
        end = self._place + size if size is not None and size >= 0 else self.size
        if self.size is not None:
            end = min(end or 0, self.size)
        if end is None or end - self._place > MOST_READ:
            self.stopped = True
            raise PartError
        if end <= self._place:
            return b""
        first, last = self._place // BLOCK, (end - 1) // BLOCK
        self._bring(first, last)
        found = b"".join(self._blocks[each] for each in range(first, last + 1))
        found = found[self._place - first * BLOCK : end - first * BLOCK]
        if len(found) < end - self._place:
            self.stopped = True
            raise PartError
        self._place += len(found)
        return found

    def _bring(self, first: int, last: int) -> None:
        missing = [each for each in range(first, last + 1) if each not in self._blocks]
        if not missing:
            return
        begin, end = missing[0], missing[-1] + 1
        # Double the read-ahead during sequential reads.
        self._ahead = min(max(1, self._ahead * 2), MOST_AHEAD // BLOCK) if begin == self._next else 0
        end = max(end, begin + self._ahead) if self.size is not None else end
        try:
            found = self._source.part(begin * BLOCK, (end - begin) * BLOCK)
        except PartError:
            self.stopped = True
            raise
        for number in range(begin, end):
            self._blocks[number] = found[(number - begin) * BLOCK : (number - begin + 1) * BLOCK]
        self._next = end


def exactly(pieces: Pieces, offset: int, length: int) -> bytes:
    """Return a part of a file.

    Raises:
        PreviewError: the file is too short.
        PartError: the part is not available.
    """
    pieces.seek(offset)
    found = pieces.read(length)
    if len(found) < length:
        raise PreviewError("unreadable")
    return found
