"""Extract one dataset from an untrusted archive: paths in it are not used, and sizes are checked while unpacking."""

from __future__ import annotations

import zipfile
import zlib
from collections import defaultdict
from pathlib import Path, PurePosixPath

from ckanext.ecosphere.access.preview.errors import PreviewError

MOST_MEMBERS = 2_000
#: Maximum compression ratio of a member, beyond the first FREE bytes, against zip bombs.
MOST_RATIO, FREE = 200, 4 * 1024 * 1024
CHUNK = 64 * 1024
SHAPEFILE = (".shp", ".shx", ".dbf", ".prj", ".cpg")
#: Extensions of main files, in order of preference.
WANTED = (".shp", ".gpkg", ".fgb", ".geojson", ".kml", ".gml", ".csv", ".dbf", ".json", ".txt")
#: Members by which workbooks (also ZIP archives) are recognised.
XLSX, ODS = "xl/workbook.xml", "content.xml"


def unpack(archive: Path, folder: Path, limit: int) -> Path:
    """Unpack the first dataset of an archive into a folder, under generated names; return its main file.

    Args:
        archive: a ZIP file.
        folder: folder to write to.
        limit: maximum total size of the unpacked files, in bytes.

    Raises:
        PreviewError: it contains nothing that can be shown, is damaged, encrypted, or too large once unpacked.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            if len(members) > MOST_MEMBERS:
                raise PreviewError("too-many-files")
            names = {member.filename for member in members}
            if XLSX in names:
                return _spreadsheet(opened, archive, ".xlsx", limit)
            if ODS in names and "mimetype" in names:
                return _spreadsheet(opened, archive, ".ods", limit)
            return _take(opened, chosen(members), folder, limit)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise PreviewError("broken-archive") from error


def _spreadsheet(opened: zipfile.ZipFile, archive: Path, suffix: str, limit: int) -> Path:
    """Check the unpacked size of a workbook, which is read as it is, and rename it."""
    left = limit
    for member in opened.infolist():
        left -= _size(opened, member, left)
    return archive.rename(archive.with_suffix(suffix))


def chosen(members: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """Return the members of the first dataset of an archive, its main file first.

    Raises:
        PreviewError: there is none.
    """
    by_stem: dict[str, dict[str, zipfile.ZipInfo]] = defaultdict(dict)
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if not member.is_dir() and not path.name.startswith(("._", ".")) and "__MACOSX" not in path.parts:
            by_stem[str(path.with_suffix("")).lower()].setdefault(path.suffix.lower(), member)
    for wanted in WANTED:
        for parts in by_stem.values():
            if wanted in parts:
                suffixes = SHAPEFILE if wanted == ".shp" else (wanted, ".cpg") if wanted == ".dbf" else (wanted,)
                return [parts[suffix] for suffix in suffixes if suffix in parts]
    raise PreviewError("nothing-inside")


def _take(opened: zipfile.ZipFile, members: list[zipfile.ZipInfo], folder: Path, limit: int) -> Path:
    written: list[Path] = []
    left = limit
    for member in members:
        target = folder / ("data" + PurePosixPath(member.filename.replace("\\", "/")).suffix.lower())
        with target.open("wb") as file:
            left -= _size(opened, member, left, file.write)
        written.append(target)
    return written[0]


def _size(opened: zipfile.ZipFile, member: zipfile.ZipInfo, left: int, write=None) -> int:
    """Unpack a member and return its actual size, regardless of the declared one."""
    size = 0
    with opened.open(member) as content:
        while chunk := content.read(CHUNK):
            size += len(chunk)
            if size > left or (size > FREE and size > MOST_RATIO * max(1, member.compress_size)):
                raise PreviewError("bomb")
            if write is not None:
                write(chunk)
    return size
