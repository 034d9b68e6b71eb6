"""The beginning of the one data set in a large archive: the directory at its end tells where it stands."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from ckanext.ecosphere.access.preview.beginnings import whole_part
from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.large import geopackage, shapefile
from ckanext.ecosphere.access.preview.large.pieces import Beginning, PartError, Pieces, Window, exactly
from ckanext.ecosphere.access.preview.unzip import MOST_MEMBERS, WORKBOOKS, chosen

#: Bytes that are unpacked of a text or GeoJSON, of a database, and of the small files beside a Shapefile.
MOST_TEXT, MOST_DATABASE, MOST_BESIDE = 16 * 1024 * 1024, 64 * 1024 * 1024, 64 * 1024
CHUNK, LOCAL_HEADER = 64 * 1024, 30
#: Deflate makes a thousand bytes of one at most.
MOST_RATIO = 1032
_IN_UTF_8, _SIZES_BEHIND, _LARGER = 0x800, 0x8, 0xFFFFFFFF
_ZIP64 = 1
_TEXTS = (".csv", ".geojson", ".json", ".txt")


def take(file: Pieces, folder: Path, rows: int) -> tuple[Path, dict[str, Any]]:
    """Write the beginning of the first data set of an archive as a small file; return that, and what is told of it.

    Args:
        file: the archive.
        folder: where to write, under names of ours.
        rows: how many are wanted.

    Raises:
        PreviewError: it holds nothing that can be shown so, or is broken.
        PartError: what is needed is not to be had.
    """
    try:
        members = _members(file)
        if len(members) > MOST_MEMBERS:
            raise PreviewError("too-many-files")
        if {member.filename for member in members} & WORKBOOKS:
            raise PreviewError("too-large")
        parts = {_suffix(member): member for member in chosen(members)}
        main, member = next(iter(parts.items()))
        if main == ".shp":
            return _shapefile(file, parts, folder, rows)
        if main == ".dbf":
            return _table(file, parts, folder, rows)
        if main == ".gpkg":
            return _database(file, member, folder, rows)
        if main in _TEXTS:
            return _text(file, member, folder)
        raise PartError
    except PreviewError:
        raise
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, NotImplementedError, ValueError) as error:
        raise PreviewError("broken-archive") from error


def _suffix(member: zipfile.ZipInfo) -> str:
    return PurePosixPath(member.filename.replace("\\", "/")).suffix.lower()


def _members(file: Pieces) -> list[zipfile.ZipInfo]:
    """Return what the directory lists; without the end of the archive, what stands at its beginning."""
    if file.has_end:
        with zipfile.ZipFile(file) as opened:
            return opened.infolist()
    return list(_from_front(file))


def _from_front(file: Pieces) -> Iterator[zipfile.ZipInfo]:
    """Members by the headers before their contents, as far as those say where the next one begins."""
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
    """Return size and packed size from the field of ZIP64 (APPNOTE 4.5.3)."""
    while len(extra) >= 4:  # noqa: PLR2004
        kind, length = struct.unpack_from("<HH", extra)
        if kind == _ZIP64:
            return struct.unpack_from("<QQ", extra, 4)
        extra = extra[4 + length :]
    raise PreviewError("broken-archive")


class _Content:
    """What a member holds, unpacked as it is read on."""

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
        """Read on: less at the end.

        Raises:
            PartError: it is not to be had any further.
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


def _beginning(file: Pieces, member: zipfile.ZipInfo, most: int) -> tuple[bytes, bool]:
    """Return what a member begins with, and whether that is all of it."""
    content, found = _Content(file, member), bytearray()
    try:
        while len(found) < most and (more := content.read(CHUNK)):
            found += more
        return bytes(found), len(found) < most
    except PartError:
        if not found:
            raise
        return bytes(found), False


def _text(file: Pieces, member: zipfile.ZipInfo, folder: Path) -> tuple[Path, dict[str, Any]]:
    body, is_whole = _beginning(file, member, MOST_TEXT)
    target = folder / f"data{_suffix(member)}"
    target.write_bytes(body if is_whole else whole_part(body))
    return target, {"part": not is_whole}


def _database(file: Pieces, member: zipfile.ZipInfo, folder: Path, rows: int) -> tuple[Path, dict[str, Any]]:
    if member.compress_type == zipfile.ZIP_STORED:
        place = _Content(file, member).place
        return geopackage.take(Pieces(Window(file, place, member.compress_size)), folder, rows)
    body, is_whole = _beginning(file, member, MOST_DATABASE)
    (folder / "unpacked").write_bytes(body)
    return geopackage.take(Pieces(Beginning(folder / "unpacked", len(body) if is_whole else None)), folder, rows)


def _table(file: Pieces, parts: dict[str, zipfile.ZipInfo], folder: Path, rows: int) -> tuple[Path, dict[str, Any]]:
    """The attributes of a Shapefile, or a table without geometries."""
    if ".cpg" in parts:
        (folder / "data.cpg").write_bytes(_beginning(file, parts[".cpg"], MOST_BESIDE)[0])
    member, target = parts[".dbf"], folder / "data.dbf"
    size = min(member.file_size, member.compress_size * MOST_RATIO)
    number, total = shapefile.first_rows(_Content(file, member).read, target, rows, size)
    return target, {"part": True, "known_total": total} if total > number else {}


def _shapefile(file: Pieces, parts: dict[str, zipfile.ZipInfo], folder: Path, rows: int) -> tuple[Path, dict[str, Any]]:
    if not file.has_end and not {".dbf", ".prj"} <= parts.keys():
        raise PartError  # they stand behind what is here
    if ".prj" in parts:
        (folder / "data.prj").write_bytes(_beginning(file, parts[".prj"], MOST_BESIDE)[0])
    told: dict[str, Any] = _table(file, parts, folder, rows)[1] if ".dbf" in parts else {}
    target = folder / "data.shp"
    if shapefile.first_shapes(_Content(file, parts[".shp"]).read, target, rows):
        return target, {}
    return target, {"part": True, **told}
