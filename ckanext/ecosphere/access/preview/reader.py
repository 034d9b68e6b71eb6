"""Make the sample of an untrusted file, in the confined process (`shared/confinement`).

The modules for each kind of file are imported on demand: loading GDAL and its dependencies takes
four times as long as the rest of the preview of a small table, and counts towards the memory of the
process.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from ckanext.ecosphere.access.preview.kinds import (
    MOST_TEXT,
    TEXTS,
    PreviewError,
    beginning,
    cut,
    sniff,
)
from ckanext.ecosphere.dataset.view import Values
from ckanext.ecosphere.shared.confinement import confine
from ckanext.ecosphere.shared.confinement.process import UNPACKED_MEGABYTES, serve

SHOWN_TEXT = 60_000
MOST_BYTES = 3_000_000
#: Declared sizes of files above this are ignored.
MOST_SIZE = 10**14
#: Bytes of a GeoJSON response in which its kind is looked for, and bytes at either end in which a
#: service may state how many features it has.
HEAD, ENDS = 200_000, 100_000
_GEOMETRY_NAME = re.compile(
    rb'"geometry_name"\s{0,9}:\s{0,9}"([A-Za-z_][A-Za-z0-9_.-]{0,99})"',
)
#: Total number of features of a service, and the link to the next page.
_MATCHED = re.compile(rb'"(?:numberMatched|totalFeatures)"\s{0,9}:\s{0,9}(\d{1,12})')
_NEXT = re.compile(rb'"rel"\s{0,9}:\s{0,9}"next"')
#: Kinds that `geo` reads → extension by which GDAL's drivers, or `geo` for Parquet, recognise them.
_SUFFIXES = {
    "gpkg": ".gpkg",
    "kml": ".kml",
    "gml": ".gml",
    "dbf": ".dbf",
    "fgb": ".fgb",
    "parquet": ".parquet",
    "geojson": ".geojson",
    "shp": ".shp",
    "xlsx": ".xlsx",
    "ods": ".ods",
}
#: Kinds of unpacked files that only their extension tells: spreadsheets are archives themselves.
_BY_SUFFIX = {".xlsx": "xlsx", ".ods": "ods", ".shp": "shp"}
#: Facts of a sample that are kept in the database.
_FACTS = (
    "kind", "total", "counted", "cut", "map_cut", "part", "page", "known_total", "file_size",
    "crs", "extent", "encoding", "delimiter", "columns", "attributes", "standard",
    "geometry_name",
)  # fmt: skip


def carry_out(job: Values) -> Values:
    """Make the sample or the extract that a job asks for; return the facts about it.

    Raises:
        PreviewError: it cannot be made.
    """
    if job["task"] == "extract":
        from ckanext.ecosphere.access.take import making

        return making.make(job)
    return sample(job)


def sample(job: Values) -> Values:
    """Write the sample of a file; return the facts to be stored in the database.

    Args:
        job: `input`, `output` and `schema` (optional), paths; `name` of the file; `rows` to keep;
            `size` of the file in bytes (optional), of which `input` may be only the beginning
            (`is_beginning`, optional).

    Raises:
        PreviewError: nothing can be shown.
    """
    path = Path(job["input"])
    kind = sniff(beginning(path), job.get("name", ""))
    if kind == "zip":
        from ckanext.ecosphere.shared.confinement import archives

        path = archives.unpack(path, path.parent, UNPACKED_MEGABYTES * confine.MEGABYTE)
        kind = _BY_SUFFIX.get(path.suffix) or sniff(beginning(path), path.name)
    content, facts = _whole_or_part(kind, path, job)
    if content.get("columns") and not content.get("attributes"):
        from ckanext.ecosphere.access.preview import documentation

        content["standard"] = documentation.explain(content["columns"], content["rows"])
        if job.get("schema"):
            documentation.name_columns(content["columns"], Path(job["schema"]))
    content.update(facts)
    if content.get("part"):
        content["cut"] = True
    text = json.dumps(content, ensure_ascii=False, allow_nan=False)
    Path(job["output"]).write_text(text, encoding="utf-8")
    return {name: content[name] for name in _FACTS if name in content}


def _whole_or_part(kind: str, path: Path, job: Values) -> tuple[Values, Values]:
    """Return the sample of a file; facts about the part that was read, if it was not read whole."""
    rows, is_beginning = job["rows"], job.get("is_beginning")
    if kind in TEXTS and (is_beginning or path.stat().st_size > MOST_TEXT):
        path, facts = cut(kind, path, rows)
        content = _shown(kind, path, rows, is_part=True)
    elif is_beginning:
        try:
            content = _shown(kind, path, rows)
        except PreviewError as error:
            raise PreviewError("too-large") from error  # the whole file may be readable
        facts = {"part": True, "known_total": content["total"]}
    else:
        return _shown(kind, path, rows), {}
    _add_size(facts, job.get("size"))
    return content, facts


def _add_size(facts: Values, size: int | None) -> None:
    """Add `file_size` if it is plausible; remove a `known_total` that no file of it can have."""
    if not size or size >= MOST_SIZE:
        return
    if facts.get("known_total", 0) > size:
        del facts["known_total"]  # less than a byte per feature
    facts["file_size"] = size


def _shown(kind: str, path: Path, rows: int, *, is_part: bool = False) -> Values:
    """Return the sample of a file, or of the beginning of a text (`is_part`)."""
    if kind == "json" and _is_geojson(path):
        return _geojson(path, rows)
    if kind == "gpkg":
        return _geopackage(path, rows)
    if kind in _SUFFIXES:
        return _of_gdal(path, kind, rows)
    if kind == "text":
        return _text_or_table(path, rows)
    if kind in ("json", "xml"):
        return _document(kind, path, rows, is_part=is_part)
    if not path.stat().st_size:
        raise PreviewError("empty")
    if kind in ("html", "exception"):
        raise PreviewError(kind)
    raise PreviewError("no-preview")


def _of_gdal(path: Path, kind: str, rows: int) -> Values:
    from ckanext.ecosphere.access.preview import geo

    suffix = _SUFFIXES[kind]
    if path.suffix != suffix:
        path = path.rename(path.with_suffix(suffix))
    table = geo.sample(path, rows, MOST_BYTES)
    if "geojson" in table:
        return {"kind": "map", **table}
    return {"kind": "table", **table}


def _geopackage(path: Path, rows: int) -> Values:
    """Return the sample of a GeoPackage, of which GDAL opens a copy."""
    from ckanext.ecosphere.shared.confinement import geopackage

    copy, total = geopackage.copied(path, path.parent, rows)
    table = _of_gdal(copy, "gpkg", rows)
    table["total"] = total
    table["cut"] = table["cut"] or total > table["counted"]
    return table


def _geojson(path: Path, rows: int) -> Values:
    with path.open("rb") as file:
        name = _GEOMETRY_NAME.search(file.read(HEAD))
    ends = _ends(path)
    table = _of_gdal(path, "geojson", rows)
    if name:
        table["geometry_name"] = name.group(1).decode()
    # Services state the number of features before or after them.
    total = max((int(number) for number in _MATCHED.findall(ends)), default=0)
    if total > table["total"]:
        table.update(part=True, page=True, known_total=total)
    elif not total and _NEXT.search(ends):
        table.update(part=True, page=True)
    return table


def _is_geojson(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(HEAD)
    is_collection = b'"FeatureCollection"' in head or b'"Topology"' in head
    return is_collection or (b'"Feature"' in head and b'"geometry"' in head)


def _ends(path: Path) -> bytes:
    """Return the beginning and the end of a file, all of a small one."""
    size = path.stat().st_size
    with path.open("rb") as file:
        ends = file.read(ENDS)
        if size > ENDS:
            file.seek(max(ENDS, size - ENDS))
            ends += b"\n" + file.read(ENDS)
    return ends


def _text_or_table(path: Path, rows: int) -> Values:
    from ckanext.ecosphere.access.preview import tables

    try:
        return {"kind": "table", **tables.read_text(path, rows)}
    except PreviewError:
        return _text(path)


def _document(kind: str, path: Path, rows: int, *, is_part: bool) -> Values:
    """Return the sample of JSON or XML: a table if it is one, else its text."""
    from ckanext.ecosphere.access.preview import documentation, tables

    if is_part:
        return _text(path)
    table = documentation.attributes(path, kind)
    if kind == "json":
        table = table or tables.read_json(path, rows)
    if table:
        return {"kind": "table", **table}
    content = _text(path)
    if kind == "json" or "\n" not in content["text"].strip():
        content["text"] = _on_lines(kind, path)[:SHOWN_TEXT] or content["text"]
    return content


def _on_lines(kind: str, path: Path) -> str:
    """Return a document with indented lines, "" if it is too large or not well-formed."""
    from lxml import etree

    from ckanext.ecosphere.shared import parsing

    if path.stat().st_size > MOST_BYTES:
        return ""
    body = path.read_bytes()
    try:
        if kind == "json":
            return json.dumps(parsing.load_json(body), ensure_ascii=False, indent=2)
        root = etree.fromstring(body, parsing.xml_parser())
        etree.indent(root)
        return etree.tostring(root, encoding="unicode")
    except (ValueError, RecursionError, etree.XMLSyntaxError):
        return ""


def _text(path: Path) -> Values:
    from ckanext.ecosphere.access.preview import tables

    with path.open("rb") as file:
        data = file.read(SHOWN_TEXT * 2)
    text, encoding = tables.decode(data)
    is_cut = path.stat().st_size > SHOWN_TEXT
    return {"kind": "text", "text": text[:SHOWN_TEXT], "encoding": encoding, "cut": is_cut}


if __name__ == "__main__":
    serve(carry_out)
