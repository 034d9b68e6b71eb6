"""Confined process that reads untrusted files: `python -m …preview.reader`, with a job on stdin and facts on stdout.

It gives up all other files, the network and most memory before it opens the file (`enclosure` tells how), and the
worker survives if it crashes. The modules for each kind of file are imported on demand: loading GDAL and its
dependencies takes four times as long as the rest of the preview of a small table, and counts towards the memory of the
process.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from ckanext.ecosphere.access.confinement import confine
from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.kinds import beginning, sniff

UNPACKED_MEGABYTES = 400
SHOWN_TEXT = 60_000
MOST_BYTES = 3_000_000
#: Declared sizes of files above this are ignored.
MOST_SIZE = 10**14
#: Number of bytes at the beginning and end of a response that are searched for its metadata.
ENDS = 100_000
_GEOMETRY_NAME = re.compile(rb'"geometry_name"\s{0,9}:\s{0,9}"([A-Za-z_][A-Za-z0-9_.-]{0,99})"')
#: Total number of features of a service, and the link to the next page.
_MATCHED = re.compile(rb'"(?:numberMatched|totalFeatures)"\s{0,9}:\s{0,9}(\d{1,12})')
_NEXT = re.compile(rb'"rel"\s{0,9}:\s{0,9}"next"')
#: File extensions by which the drivers of GDAL recognise their files.
_SUFFIXES = {kind: f".{kind}" for kind in ("gpkg", "kml", "gml", "dbf", "fgb", "pmtiles", "parquet")}
#: Kinds of unpacked files by extension.
_BY_SUFFIX = {".xlsx": "sheet", ".ods": "sheet", ".shp": "shp"}


def main() -> None:
    """Restrict the process, carry out the job on stdin, and write the result to stdout."""
    job = json.load(sys.stdin)
    confine.limit(job["memory"], job["seconds"], UNPACKED_MEGABYTES)
    try:
        confine.enclose(job["way"], job["readable"], job["folder"])
        told = {"facts": _carried_out(job)}
    except PreviewError as error:
        told = {"error": error.code}
    except MemoryError:
        told = {"error": "too-complex"}
    except Exception as error:  # libraries may fail in any way on crafted files
        told = {"error": "unreadable", "detail": f"{type(error).__name__}: {error}"[:300]}
    sys.stdout.write(json.dumps(told))


def _carried_out(job: dict[str, Any]) -> dict[str, Any]:
    if job["task"] == "probe":
        return {"leaks": confine.leaks(job["canary"], job["port"])}
    if job["task"] == "extract":
        from ckanext.ecosphere.access.take import making

        return making.make(job)
    return sample(job)


def sample(job: dict[str, Any]) -> dict[str, Any]:
    """Write the sample of a file; return the facts to be stored in the database."""
    path = Path(job["input"])
    rows = job["rows"]
    told: dict[str, Any] = {}
    if job.get("large"):
        from ckanext.ecosphere.access.preview.large import take

        file = take.opened(job)
        kind = take.kind_of(file, job.get("name", ""))
        if kind == "pictures":
            return _finished(job, _pictures(file))
        path, told = take.take(kind, file, path.parent, rows)
        if told.get("part") and file.size and file.size < MOST_SIZE:
            told["file_size"] = file.size
            if told.get("known_total", 0) > file.size:
                del told["known_total"]  # implausible: less than a byte per feature
    kind = _BY_SUFFIX.get(path.suffix) or kind_of(path, path.name if job.get("large") else job.get("name", ""))
    if kind == "zip":
        from ckanext.ecosphere.access.preview import unzip

        path = unzip.unpack(path, path.parent, UNPACKED_MEGABYTES * confine.MEGABYTE)
        kind = _BY_SUFFIX.get(path.suffix) or kind_of(path, path.name)
    total = None
    if kind == "gpkg" and not told:
        from ckanext.ecosphere.access.preview.large import geopackage

        path, total = geopackage.copied(path, path.parent, rows)
    found = _shown(kind, path, rows)
    if total is not None:
        found["total"] = total
        found["cut"] = found["cut"] or total > found["counted"]
    if found.get("columns") and not (found.get("attributes") or found.get("api")):
        from ckanext.ecosphere.access.preview import standards

        found["standard"] = standards.explain(found["columns"], found["rows"])
        if job.get("schema"):
            from ckanext.ecosphere.access.preview import attributes

            attributes.name_columns(found["columns"], Path(job["schema"]))
    found.update(told)
    if found.get("part"):
        found["cut"] = True
    return _finished(job, found)


def _finished(job: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    content = json.dumps(found, ensure_ascii=False, allow_nan=False)
    Path(job["output"]).write_text(content, encoding="utf-8")
    told = (
        "kind",
        "total",
        "counted",
        "cut",
        "map_cut",
        "part",
        "page",
        "known_total",
        "file_size",
        "tiles",
        "zoom",
        "crs",
        "extent",
        "encoding",
        "delimiter",
        "columns",
        "attributes",
        "standard",
        "api",
        "geometry_name",
    )
    return {name: found[name] for name in told if name in found}


def kind_of(path: Path, name: str) -> str:
    """Return the kind of a file (`kinds.sniff`)."""
    return sniff(beginning(path), name)


def _shown(kind: str, path: Path, rows: int) -> dict[str, Any]:
    if kind == "text":
        return _text_or_table(path, rows)
    if kind == "pictures":
        with path.open("rb") as file:
            return _pictures(file)
    if kind in (*_SUFFIXES, "shp", "sheet") or (kind == "json" and _is_geojson(path)):
        from ckanext.ecosphere.access.preview import geo

        suffix = ".geojson" if kind == "json" else _SUFFIXES.get(kind)
        if suffix and path.suffix != suffix:
            path = path.rename(path.with_suffix(suffix))
        found = geo.sample(path, rows, MOST_BYTES)
        if kind == "json" and (name := _geometry_name(path)):
            found["geometry_name"] = name
        if kind == "json":
            found.update(_page(path, found["total"]))
        return {"kind": "map" if "geojson" in found else "table", **found}
    if kind in ("json", "xml"):
        return _document(kind, path, rows)
    if not path.stat().st_size:
        raise PreviewError("empty")
    raise PreviewError(kind if kind in ("html", "exception") else "no-preview")


def _pictures(file: Any) -> dict[str, Any]:
    from ckanext.ecosphere.access.preview import raster_tiles

    return {"kind": "map", **raster_tiles.sample(file, MOST_BYTES)}


def _text_or_table(path: Path, rows: int) -> dict[str, Any]:
    from ckanext.ecosphere.access.preview import api, tables

    if described := api.operations(path, api.YAML):
        return {"kind": "table", **described}
    try:
        return {"kind": "table", **tables.read_text(path, rows)}
    except PreviewError:
        return _text(path)


def _document(kind: str, path: Path, rows: int) -> dict[str, Any]:
    from ckanext.ecosphere.access.preview import api, attributes, json_text, tables, xml_text

    if explained := attributes.read(path, kind):
        return {"kind": "table", **explained}
    if kind == "json" and (described := api.operations(path, api.JSON) or tables.read_json(path, rows)):
        return {"kind": "table", **described}
    found = _text(path)
    text = found["text"]
    if kind == "xml":
        text = xml_text.on_lines(text) if xml_text.is_one_line(text) else text
    else:
        text = json_text.readable(json_text.on_lines(text) if "\n" not in text.strip() else text)
    return {**found, "text": text[:SHOWN_TEXT]}


def _is_geojson(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(200_000)
    return b'"FeatureCollection"' in head or (b'"Feature"' in head and b'"geometry"' in head) or b'"Topology"' in head


def _geometry_name(path: Path) -> str:
    """Return the name of the geometry attribute, which GeoServer and others add to their GeoJSON; "" if absent."""
    with path.open("rb") as file:
        found = _GEOMETRY_NAME.search(file.read(200_000))
    return found.group(1).decode() if found else ""


def _page(path: Path, features: int) -> dict[str, Any]:
    """Return `part` and `page` if the service has more features, and `known_total` if declared; else nothing.

    Services declare this before or after the features.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        ends = file.read(ENDS)
        if size > ENDS:
            file.seek(max(ENDS, size - ENDS))
            ends += b"\n" + file.read(ENDS)
    told = max((int(number) for number in _MATCHED.findall(ends)), default=0)
    if told > features:
        return {"part": True, "page": True, "known_total": told}
    return {"part": True, "page": True} if not told and _NEXT.search(ends) else {}


def _text(path: Path) -> dict[str, Any]:
    from ckanext.ecosphere.access.preview import tables

    with path.open("rb") as file:
        data = file.read(SHOWN_TEXT * 2)
    text, encoding = tables.decode(data)
    return {"kind": "text", "text": text[:SHOWN_TEXT], "encoding": encoding, "cut": path.stat().st_size > SHOWN_TEXT}


if __name__ == "__main__":
    main()
