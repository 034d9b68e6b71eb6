"""Read members of a large ZIP archive without reading the whole archive."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator

from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.large.pieces import PartError, Pieces, exactly
from ckanext.ecosphere.access.preview.unzip import MOST_MEMBERS

CHUNK, LOCAL_HEADER = 64 * 1024, 30
_IN_UTF_8, _SIZES_BEHIND, _LARGER = 0x800, 0x8, 0xFFFFFFFF
_ZIP64 = 1

Read = Callable[[int], bytes]
"""Read function of a stream: returns less at the end, and raises PartError if the data are not available."""


def members(file: Pieces) -> list[zipfile.ZipInfo]:
    """Return the members in the central directory or, if the end of the archive is not available, at its beginning."""
    if file.has_end:
        with zipfile.ZipFile(file) as opened:
            return opened.infolist()
    return list(_from_front(file))


def _from_front(file: Pieces) -> Iterator[zipfile.ZipInfo]:
    """Yield the members by their local headers, as long as these declare the position of the next one."""
    place = 0
    for _number in range(MOST_MEMBERS):
        try:
            head = exactly(file, place, LOCAL_HEADER)
            if head[:4] != b"PK\x03\x04":
                return
            flags, method, *_times, packed, size, name, extra = struct.unpack("<HHHHxxxxIIHH", head[6:LOCAL_HEADER])
            text = exactly(file, place + LOCAL_HEADER, name + extra)
        except PartError:
            return
        member = zipfile.ZipInfo(text[:name].decode("utf-8" if flags & _IN_UTF_8 else "cp437", "replace"))
        member.header_offset, member.flag_bits, member.compress_type = place, flags, method
        if _LARGER in (packed, size):
            size, packed = _large_sizes(text[name:])
        is_open = bool(flags & _SIZES_BEHIND) and not packed
        member.compress_size, member.file_size = (2**62, 2**62) if is_open else (packed, size)
        yield member
        if is_open:
            return
        place += LOCAL_HEADER + name + extra + packed


def _large_sizes(extra: bytes) -> tuple[int, int]:
    """Return size and compressed size from the ZIP64 extra field (APPNOTE 4.5.3)."""
    while len(extra) >= 4:  # noqa: PLR2004
        kind, length = struct.unpack_from("<HH", extra)
        if kind == _ZIP64:
            return struct.unpack_from("<QQ", extra, 4)
        extra = extra[4 + length :]
    raise PreviewError("broken-archive")


class Content:
    """Content of a member as a stream, decompressed as it is read."""

    def __init__(self, file: Pieces, member: zipfile.ZipInfo):
        head = exactly(file, member.header_offset, LOCAL_HEADER)
        if head[:4] != b"PK\x03\x04" or member.flag_bits & 1:
            raise PreviewError("broken-archive")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise PreviewError("no-preview")
        name, extra = struct.unpack_from("<HH", head, 26)
        self.place = member.header_offset + LOCAL_HEADER + name + extra
        self._file, self._left = file, member.compress_size
        self._unpacker = zlib.decompressobj(-15) if member.compress_type == zipfile.ZIP_DEFLATED else None
        self._waiting, self._packed = bytearray(), b""

    def read(self, size: int) -> bytes:
        """Return the next bytes, fewer at the end.

        Raises:
            PartError: they are not available.
        """
        while len(self._waiting) < size and (more := self._more(size - len(self._waiting))):
            self._waiting += more
        found = bytes(self._waiting[:size])
        del self._waiting[:size]
        return found

    def _more(self, size: int) -> bytes:
        if self._unpacker is None:
            return self._raw(size)
        while not self._unpacker.eof:
            data = self._packed or self._raw(CHUNK)
            found = self._unpacker.decompress(data, max(1, min(size, CHUNK)))
            self._packed = self._unpacker.unconsumed_tail
            if found or not data:
                return found
        return b""

    def _raw(self, size: int) -> bytes:
        self._file.seek(self.place)
        found = self._file.read(min(size, self._left, CHUNK))
        self.place += len(found)
        self._left -= len(found)
        return found


def beginning(read: Read, most: int) -> tuple[bytes, bool]:
    """Return the beginning of a stream, and whether that is all of it.

    Args:
        read: read function of the stream.
        most: number of bytes to read; up to a chunk more may be returned.

    Raises:
        PartError: not even the beginning is available.
    """
    found = bytearray()
    try:
        while len(found) < most and (more := read(CHUNK)):
            found += more
        return bytes(found), len(found) < most
    except PartError:
        if not found:
            raise
        return bytes(found), False
