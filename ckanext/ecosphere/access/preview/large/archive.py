"""Sample the first dataset in a large ZIP archive, located by the central directory."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any

from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.large import flatgeobuf, geopackage, shapefile, texts, workbook
from ckanext.ecosphere.access.preview.large.members import CHUNK, Content, beginning, members
from ckanext.ecosphere.access.preview.large.pieces import Beginning, PartError, Pieces, Window
from ckanext.ecosphere.access.preview.unzip import MOST_MEMBERS, ODS, XLSX, chosen

#: Maximum number of bytes unpacked of a text or GeoJSON, of a database, and of small files of a Shapefile.
MOST_TEXT, MOST_DATABASE, MOST_BESIDE = 16 * 1024 * 1024, 64 * 1024 * 1024, 64 * 1024
#: Maximum compression ratio of Deflate.
MOST_RATIO = 1032
#: Kinds of text members by extension (`kinds.sniff`).
_TEXTS = {".csv": "text", ".txt": "text", ".geojson": "json", ".json": "json", ".kml": "kml", ".gml": "gml"}


def take(file: Pieces, folder: Path, rows: int) -> tuple[Path, dict[str, Any]]:  # noqa: PLR0911
    """Write a sample of the first dataset of an archive to a small file; return the file and facts about it.

    Args:
        file: the archive.
        folder: folder to write to, under generated names.
        rows: number of rows or features to keep.

    Raises:
        PreviewError: it contains nothing that can be sampled, or is damaged.
        PartError: the needed parts are not available.
    """
    try:
        found = members(file)
        if len(found) > MOST_MEMBERS:
            raise PreviewError("too-many-files")
        by_name = {member.filename: member for member in found}
        if XLSX in by_name:
            return workbook.take(file, by_name, folder, rows)
        if ODS in by_name and "mimetype" in by_name:
            return workbook.take_open(file, by_name, folder, rows)
        parts = {_suffix(member): member for member in chosen(found)}
        main, member = next(iter(parts.items()))
        if main == ".shp":
            return _shapefile(file, parts, folder, rows)
        if main == ".dbf":
            return _table(file, parts, folder, rows)
        if main == ".gpkg":
            return _database(file, member, folder, rows)
        if main == ".fgb":
            return flatgeobuf.take(_Forward(Content(file, member)), member.file_size, folder, rows)
        if main in _TEXTS:
            return texts.take(_TEXTS[main], Content(file, member).read, folder, rows, MOST_TEXT)
        raise PartError
    except PreviewError:
        raise
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, NotImplementedError, ValueError) as error:
        raise PreviewError("broken-archive") from error


def _suffix(member: zipfile.ZipInfo) -> str:
    return PurePosixPath(member.filename.replace("\\", "/")).suffix.lower()


class _Forward:
    """Sequential reader of a member."""

    def __init__(self, content: Content):
        self.read = content.read

    def skip(self, size: int) -> None:
        if size > MOST_DATABASE:
            raise PartError
        while size > 0 and (passed := len(self.read(min(size, CHUNK)))):
            size -= passed


def _database(file: Pieces, member: zipfile.ZipInfo, folder: Path, rows: int) -> tuple[Path, dict[str, Any]]:
    if member.compress_type == zipfile.ZIP_STORED:
        place = Content(file, member).place
        return geopackage.take(Pieces(Window(file, place, member.compress_size)), folder, rows)
    body, is_whole = beginning(Content(file, member).read, MOST_DATABASE)
    (folder / "unpacked").write_bytes(body)
    return geopackage.take(Pieces(Beginning(folder / "unpacked", len(body) if is_whole else None)), folder, rows)


def _table(file: Pieces, parts: dict[str, zipfile.ZipInfo], folder: Path, rows: int) -> tuple[Path, dict[str, Any]]:
    """Sample the attributes of a Shapefile, or a table without geometries."""
    if ".cpg" in parts:
        (folder / "data.cpg").write_bytes(beginning(Content(file, parts[".cpg"]).read, MOST_BESIDE)[0])
    member, target = parts[".dbf"], folder / "data.dbf"
    size = min(member.file_size, member.compress_size * MOST_RATIO)
    number, total = shapefile.first_rows(Content(file, member).read, target, rows, size)
    return target, {"part": True, "known_total": total} if total > number else {}


def _shapefile(file: Pieces, parts: dict[str, zipfile.ZipInfo], folder: Path, rows: int) -> tuple[Path, dict[str, Any]]:
    if not file.has_end and not {".dbf", ".prj"} <= parts.keys():
        raise PartError  # they are beyond the available beginning
    if ".prj" in parts:
        (folder / "data.prj").write_bytes(beginning(Content(file, parts[".prj"]).read, MOST_BESIDE)[0])
    told: dict[str, Any] = _table(file, parts, folder, rows)[1] if ".dbf" in parts else {}
    target = folder / "data.shp"
    if shapefile.first_shapes(Content(file, parts[".shp"]).read, target, rows):
        return target, {}
    return target, {"part": True, **told}
