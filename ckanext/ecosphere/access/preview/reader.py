"""The process that reads files of strangers: `python -m …preview.reader`, a job on its input, facts on its output.

It gives up connections and most memory before it looks at the file; whatever happens to it, the worker lives. What
reads a kind of file is imported when one comes: GDAL and what goes with it take four times as long to load as all the
rest of the preview of a small table, and count as memory of the confined process.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from ckanext.ecosphere.access.preview import confine
from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.kinds import beginning, sniff

UNPACKED_MEGABYTES = 400
SHOWN_TEXT = 60_000
MOST_BYTES = 3_000_000
#: A server that says that its file is larger lies.
MOST_SIZE = 10**14
#: Bytes of the beginning and of the end of an answer in which a service speaks of itself.
ENDS = 100_000
_GEOMETRY_NAME = re.compile(rb'"geometry_name"\s{0,9}:\s{0,9}"([A-Za-z_][A-Za-z0-9_.-]{0,99})"')
#: How many features a service has in all, and that there is a page after this one.
_MATCHED = re.compile(rb'"(?:numberMatched|totalFeatures)"\s{0,9}:\s{0,9}(\d{1,12})')
_NEXT = re.compile(rb'"rel"\s{0,9}:\s{0,9}"next"')
#: By these endings the drivers of GDAL know what they read.
_SUFFIXES = {kind: f".{kind}" for kind in ("gpkg", "kml", "gml", "dbf", "fgb", "pmtiles", "parquet")}
#: What files of ours are, which an archive was unpacked to.
_BY_SUFFIX = {".xlsx": "sheet", ".ods": "sheet", ".shp": "shp"}


def main() -> None:
    """Do the job."""
    job = json.load(sys.stdin)
    confine.limit(job["memory"], job["seconds"], UNPACKED_MEGABYTES)
    closed = confine.close_network()
    try:
        if job["task"] == "extract":
            from ckanext.ecosphere.access.take import making

            facts = making.make(job)
        else:
            facts = sample(job)
        told = {"facts": {**facts, "network_closed": closed}}
    except PreviewError as error:
        told = {"error": error.code}
    except MemoryError:
        told = {"error": "too-complex"}
    except Exception as error:  # of a library, by a file that was made for it
        told = {"error": "unreadable", "detail": f"{type(error).__name__}: {error}"[:300]}
    sys.stdout.write(json.dumps(told))


def sample(job: dict[str, Any]) -> dict[str, Any]:
    """Write the sample of a file; return what is told of it without opening it."""
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
                del told["known_total"]  # no feature is shorter than a byte
    kind = _BY_SUFFIX.get(path.suffix) or kind_of(path, path.name if job.get("large") else job.get("name", ""))
    if kind == "zip":
        from ckanext.ecosphere.access.preview import unzip

        path = unzip.unpack(path, path.parent, UNPACKED_MEGABYTES * confine.MEGABYTE)
        kind = _BY_SUFFIX.get(path.suffix) or kind_of(path, path.name)
    found = _shown(kind, path, rows)
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
    """Return what a file is."""
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
    """Return what a server calls the geometry of its features: GeoServer and others add it to their GeoJSON."""
    with path.open("rb") as file:
        found = _GEOMETRY_NAME.search(file.read(200_000))
    return found.group(1).decode() if found else ""


def _page(path: Path, features: int) -> dict[str, Any]:
    """Return what is told of a page of a service that has more features: `page`, and `known_total` when it says so.

    A service says it before its features or after them.
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
