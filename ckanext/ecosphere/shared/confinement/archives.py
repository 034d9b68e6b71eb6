"""One dataset out of an archive of others: paths in it are not used,
every unpacked byte is counted. Confined.
"""

from __future__ import annotations

import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from ckanext.ecosphere.shared.confinement.confine import FileError

#: Bytes of a text that are unpacked, and of which a sample is made.
MOST_TEXT = 40 * 1024 * 1024
MOST_MEMBERS = 2_000
#: Maximum compression ratio of a member, beyond the first FREE bytes, against zip bombs.
MOST_RATIO, FREE = 200, 4 * 1024 * 1024
CHUNK = 64 * 1024
#: Parts of the datasets that consist of several files, the main one first.
_PARTS = {
    ".shp": (".shp", ".shx", ".dbf", ".prj", ".cpg"),
    ".dbf": (".dbf", ".cpg"),
}
#: Extensions of main files, in order of preference.
_MAIN = (".shp", ".gpkg", ".fgb", ".geojson", ".kml", ".gml", ".csv", ".dbf", ".json", ".txt")
#: Those of texts, of which the beginning is enough.
_TEXTS = frozenset({".geojson", ".kml", ".gml", ".csv", ".json", ".txt"})
#: Members by which workbooks (also ZIP archives) are recognised.
XLSX, ODS = "xl/workbook.xml", "content.xml"
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


def unpack(archive: Path, folder: Path, limit: int) -> Path:
    """Unpack the first dataset of an archive into a folder, under generated names.

    Args:
        archive: a ZIP file.
        folder: folder to write to.
        limit: maximum total size of the unpacked files, in bytes.

    Returns:
        its main file; of a text, at most a bit more than `MOST_TEXT` bytes.

    Raises:
        FileError: it contains nothing that can be shown, is damaged, encrypted, or too large once
            unpacked.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            if len(members) > MOST_MEMBERS:
                raise FileError("too-many-files")
            names = {member.filename for member in members}
            if XLSX in names:
                return _workbook(opened, archive, ".xlsx", limit)
            if ODS in names and "mimetype" in names:
                return _workbook(opened, archive, ".ods", limit)
            return _take(opened, _chosen(members), folder, limit)
    except _DAMAGED as error:
        raise FileError("broken-archive") from error


def _workbook(opened: zipfile.ZipFile, archive: Path, suffix: str, limit: int) -> Path:
    """Check the unpacked size of a workbook, which is read as it is, and rename it."""
    for member in opened.infolist():
        limit -= _unpacked(opened, member, limit)
    return archive.rename(archive.with_suffix(suffix))


def _chosen(members: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """Return the members of the first dataset of an archive, its main file first.

    Raises:
        FileError: there is none.
    """
    by_stem: dict[str, dict[str, zipfile.ZipInfo]] = defaultdict(dict)
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        is_hidden = path.name.startswith(".") or "__MACOSX" in path.parts
        if not member.is_dir() and not is_hidden:
            stem = str(path.with_suffix("")).lower()
            by_stem[stem].setdefault(path.suffix.lower(), member)
    for main in _MAIN:
        for by_suffix in by_stem.values():
            if main in by_suffix:
                suffixes = _PARTS.get(main, (main,))
                return [by_suffix[suffix] for suffix in suffixes if suffix in by_suffix]
    raise FileError("nothing-inside")


def _take(
    opened: zipfile.ZipFile, members: list[zipfile.ZipInfo], folder: Path, limit: int
) -> Path:
    written: list[Path] = []
    for member in members:
        suffix = PurePosixPath(member.filename.replace("\\", "/")).suffix.lower()
        target = folder / f"data{suffix}"
        most = None
        if suffix in _TEXTS:
            most = MOST_TEXT
        with target.open("wb") as file:
            limit -= _unpacked(opened, member, limit, file.write, most)
        written.append(target)
    return written[0]


def _unpacked(
    opened: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    limit: int,
    write: Callable[[bytes], object] | None = None,
    most: int | None = None,
) -> int:
    """Unpack a member and return its actual size, regardless of the declared one.

    Args:
        opened: the archive.
        member: the member.
        limit: bytes beyond which it is too large.
        write: takes the content, if it is to be kept.
        most: bytes after which to stop.
    """
    size = 0
    with opened.open(member) as content:
        while chunk := content.read(CHUNK):
            size += len(chunk)
            is_bomb = size > FREE and size > MOST_RATIO * max(1, member.compress_size)
            if size > limit or is_bomb:
                raise FileError("bomb")
            if write is not None:
                write(chunk)
            if most is not None and size > most:
                break
    return size
