"""HTTP server of WMS, WFS and OGC API – Features, with a thread per request; geometry by shapely
and pyproj.

For studies, `/rare/wfs` has few objects, `/lent/wfs` answers too late, and `/casse/wfs` with a web
page.
"""

from __future__ import annotations

import io
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import numpy
import shapely
from PIL import Image, ImageDraw
from pyproj import CRS, Transformer
from shapely.geometry import mapping, shape
from werkzeug.serving import BaseWSGIServer
from werkzeug.serving import make_server as make_wsgi_server
from werkzeug.wrappers import Request, Response

GEOMETRY = "geom"
DATA = Path(__file__).with_name("data")
WIDEST = 2048
#: Objects of the service that has few, in the west; seconds for which the slow one sleeps.
FEW, SLEEP = 5, 60
GREEN = (26, 122, 94, 170)
#: Path of the OGC API → its document, with `{url}` for that of the server.
OGC_API = json.loads((DATA / "ogc.json").read_text(encoding="utf-8"))


@cache
def features() -> list[tuple[dict[str, Any], Any]]:
    """Return the features of the layer with their geometries."""
    document = json.loads((DATA / "zones-humides.geojson").read_text(encoding="utf-8"))
    return [(each, shape(each["geometry"])) for each in document["features"]]


@cache
def outlines() -> dict[str, dict[str, Any]]:
    """Return the outlines of a commune and an intercommunality, roughly drawn by hand, by code."""
    document = json.loads((DATA / "outlines.geojson").read_text(encoding="utf-8"))
    return {each["properties"]["code"]: each for each in document["features"]}


def select(query: dict[str, str]) -> list[dict[str, Any]]:
    """Return the features that intersect the requested bounding box,
    with the requested properties and CRS.
    """
    box = query.get("bbox", "")
    found = features()
    if query.get("few"):
        found = sorted(found, key=lambda item: item[1].bounds[0])[:FEW]
    if box:
        parts = box.split(",")
        west, south, east, north = map(float, parts[:4])
        crs = parts[4] if len(parts) > 4 else "OGC:CRS84"
        area = shapely.box(west, south, east, north)
        if "CRS84" not in crs:
            # A CRS given as URN has the axis order of the authority: latitude first for EPSG:4326.
            code = crs.rsplit(":", 1)[1]
            back = Transformer.from_crs(CRS.from_epsg(int(code)), "OGC:CRS84", always_xy="urn:" not in crs)
            area = shapely.transform(area.segmentize(5_000) if code == "2154" else area, _moved(back))
        found = [(each, geometry) for each, geometry in found if geometry.intersects(area)]
    names = [name for name in (query.get("propertyname") or query.get("properties") or "").split(",") if name]
    target = query.get("srsname") or query.get("crs") or ""
    forth = None
    if target and "CRS84" not in target and not target.endswith("4326"):
        forth = Transformer.from_crs("OGC:CRS84", f"EPSG:{target.replace('/', ':').rsplit(':', 1)[1]}", always_xy=True)
    out = []
    for each, geometry in found:
        moved = shapely.transform(geometry, _moved(forth)) if forth else geometry
        properties = {key: value for key, value in each["properties"].items() if not names or key in names}
        out.append({**each, "properties": properties, "geometry": mapping(moved)})
    return out


def with_geometry(found: list[dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
    """Add the geometry name as GeoServer does.

    It leaves the geometry out if only other attributes are requested.
    """
    names = [name for name in query.get("propertyname", "").split(",") if name]
    left_out = names and GEOMETRY not in names
    return [{**each, "geometry_name": GEOMETRY, **({"geometry": None} if left_out else {})} for each in found]


def _moved(transformer: Transformer) -> Any:
    return lambda points: numpy.column_stack(transformer.transform(points[:, 0], points[:, 1]))


def gml(found: list[dict[str, Any]], matched: int) -> bytes:
    """Return features as GML 3.2 in Lambert 93, as MapServer answers WFS 2.0."""
    template = jinja2.Template((DATA / "features.gml").read_text(encoding="utf-8"), autoescape=True)
    return template.render(features=found, matched=matched).encode()


def draw(query: dict[str, str]) -> bytes:
    """Return a map of the layer as PNG."""
    width, height = (min(WIDEST, int(query[side])) for side in ("width", "height"))
    crs = (query.get("crs") or query.get("srs") or "EPSG:3857").upper()
    west, south, east, north = map(float, query["bbox"].split(","))
    if crs == "EPSG:4326" and query.get("version") == "1.3.0":
        west, south, east, north = south, west, north, east
    to_map = Transformer.from_crs("OGC:CRS84", crs.replace("CRS:84", "OGC:CRS84"), always_xy=True)
    corner, scale = numpy.array([west, north]), numpy.array([width / (east - west), height / (south - north)])
    image = Image.new("RGBA", (width, height))
    pen = ImageDraw.Draw(image)
    for _feature, geometry in features():
        outline = _moved(to_map)(shapely.get_coordinates(geometry))
        pen.polygon([tuple(point) for point in (outline - corner) * scale], fill=GREEN)
    content = io.BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


def make_server(port: int = 0) -> BaseWSGIServer:
    """Return a server on the loopback interface; port 0 stands for any free port."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it tells each request
    return make_wsgi_server("127.0.0.1", port, application, threaded=True)


@Request.application
def application(request: Request) -> Response:
    """Answer a request; errors give an OGC exception report with status 400.

    `{url}` in texts is that of the server.
    """
    query = {name.lower(): value for name, value in request.args.items()}
    try:
        response = answer(request.path.rstrip("/"), query)
    except (KeyError, ValueError, TypeError) as error:
        namespace = "http://www.opengis.net/ows/1.1"
        text = f'<ows:ExceptionReport xmlns:ows="{namespace}"><!-- {type(error).__name__} --></ows:ExceptionReport>'
        response = Response(text, 400, content_type="text/xml")
    if response.mimetype != "image/png":
        home = f"http://127.0.0.1:{request.environ['SERVER_PORT']}"
        response.data = response.data.replace(b"{url}", home.encode())
    return response


def answer(path: str, query: dict[str, str]) -> Response:
    """Answer one of the services, or a file."""
    request = query.get("request", "").lower()
    service = SERVICES.get(path)
    if service and request:
        return service(request, query)
    if path in OGC_API:
        return _json(OGC_API[path])
    name = path.rpartition("/")[2]
    if path == f"/contours/{name}" and name in outlines():
        return _json(outlines()[name])
    if path == f"/files/{name}" and (DATA / name).is_file():
        return Response((DATA / name).read_bytes(), content_type="application/geo+json")
    if path == "/ogc/collections/zones_humides/items":
        return items(query)
    return Response("nothing here", 404, content_type="text/plain")


def wms(request: str, query: dict[str, str]) -> Response:
    """Answer as a WMS."""
    if request == "getcapabilities":
        return capabilities("wms")
    if request != "getmap" or query.get("layers") not in ("zones_humides", "emprises"):
        raise ValueError("layers")
    return Response(draw(query), content_type="image/png")


def wfs(request: str, query: dict[str, str]) -> Response:
    """Answer as a WFS, which gives GeoJSON and GML."""
    if request == "getfeature" and (query.get("typenames") or query.get("typename")) != "eco:zones_humides":
        raise ValueError("typenames")
    if request != "getfeature" or "gml" in query.get("outputformat", "gml"):
        return wfs_of_gml(request, query, "")
    found, begin = with_geometry(select(query), query), int(query.get("startindex", 0))
    shown = found[begin : begin + int(query.get("count", 1000))]
    return _json({"type": "FeatureCollection", "numberMatched": len(found), "features": shown})


def wfs_of_gml(
    request: str, query: dict[str, str], without: str = "<ows:Value>application/json</ows:Value>"
) -> Response:
    """Answer as a WFS that gives GML only, with capabilities without a part."""
    if request == "getcapabilities":
        return capabilities("wfs", without)
    if request == "describefeaturetype":
        return Response((DATA / "wfs.xsd").read_bytes(), content_type="text/xml; subtype=gml/3.2")
    if request != "getfeature" or "json" in query.get("outputformat", ""):
        raise ValueError("outputformat")
    found = select({**query, "srsname": "EPSG:2154"})
    begin, count = int(query.get("startindex", 0)), int(query.get("count", 1000))
    shown = [] if query.get("resulttype") == "hits" else found[begin : begin + count]
    return Response(gml(shown, len(found)), content_type="text/xml")


def slow(request: str, query: dict[str, str]) -> Response:
    """Answer as a WFS that gives its features too late."""
    if request == "getfeature":
        time.sleep(SLEEP)
    return wfs(request, query)


def broken(_request: str, _query: dict[str, str]) -> Response:
    """Answer with a web page."""
    return Response("<!DOCTYPE html><title>Maintenance</title>", content_type="text/html; charset=utf-8")


#: Path → what answers a request of a service.
SERVICES: dict[str, Callable[[str, dict[str, str]], Response]] = {
    "/wms": wms,
    "/wfs": wfs,
    "/gml": wfs_of_gml,
    "/rare/wfs": lambda request, query: wfs(request, {**query, "few": "yes"}),
    "/lent/wfs": slow,
    "/casse/wfs": broken,
}


def capabilities(name: str, without: str = "") -> Response:
    """Return the capabilities of a service, without a part."""
    text = (DATA / f"{name}.xml").read_text(encoding="utf-8")
    if without:
        text = text.replace(without, "")
    return Response(text, content_type="text/xml")


def items(query: dict[str, str]) -> Response:
    """Return a page of features with a link to the next one."""
    found = select(query)
    begin, limit = int(query.get("offset", 0)), min(20, int(query.get("limit", 10)))
    document = {"type": "FeatureCollection", "features": found[begin : begin + limit], "numberMatched": len(found)}
    if begin + limit < len(found):
        kept = "".join(f"&{name}={value}" for name, value in query.items() if name not in ("offset", "limit"))
        href = f"{{url}}/ogc/collections/zones_humides/items?offset={begin + limit}&limit={limit}{kept}"
        document["links"] = [{"rel": "next", "type": "application/geo+json", "href": href}]
    return _json(document)


def _json(document: dict[str, Any]) -> Response:
    return Response(json.dumps(document, ensure_ascii=False), content_type="application/json")


@contextmanager
def served(port: int = 0) -> Iterator[str]:
    """Run the server in a thread for the duration of the block; yield its URL."""
    server = make_server(port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
