"""HTTP server of WMS, WFS and OGC API – Features, with a thread per request; geometry by shapely and pyproj.

For studies, `/rare/wfs` has few objects, `/lent/wfs` answers too late, and `/casse/wfs` with a web page.
"""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import jinja2
import numpy
import shapely
from PIL import Image
from pyproj import CRS, Transformer
from shapely.geometry import mapping, shape

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


def make_server(port: int = 0) -> ThreadingHTTPServer:
    """Return a server on the loopback interface; port 0 stands for any free port."""
    return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def select(query: dict[str, str]) -> list[dict[str, Any]]:
    """Return the features that intersect the requested bounding box, with the requested properties and CRS."""
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
    """Add the geometry name as GeoServer does; it leaves the geometry out if only other attributes are requested."""
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
    xs = west + (numpy.arange(width) + 0.5) * (east - west) / width
    ys = north - (numpy.arange(height) + 0.5) * (north - south) / height
    grid_x, grid_y = (axis.ravel() for axis in numpy.meshgrid(xs, ys))
    if crs not in ("EPSG:4326", "CRS:84"):
        grid_x, grid_y = Transformer.from_crs(crs, "OGC:CRS84", always_xy=True).transform(grid_x, grid_y)
    inside = numpy.zeros(width * height, dtype=bool)
    for _each, geometry in features():
        left, low, right, high = geometry.bounds
        near = (grid_x >= left) & (grid_x <= right) & (grid_y >= low) & (grid_y <= high)
        if near.any():
            inside[near] |= shapely.contains_xy(geometry, grid_x[near], grid_y[near])
    pixels = numpy.zeros((height * width, 4), dtype=numpy.uint8)
    pixels[inside] = GREEN
    image = io.BytesIO()
    Image.fromarray(pixels.reshape(height, width, 4)).save(image, "PNG")
    return image.getvalue()


class Handler(BaseHTTPRequestHandler):
    """Request handler of the server."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer according to the path; errors give an OGC exception report with status 400."""
        parts = urlsplit(self.path)
        query = {name.lower(): value for name, value in parse_qsl(parts.query)}
        try:
            self.answer(parts.path.rstrip("/"), query)
        except (KeyError, ValueError, TypeError) as error:
            namespace = "http://www.opengis.net/ows/1.1"
            text = f'<ows:ExceptionReport xmlns:ows="{namespace}"><!-- {type(error).__name__} --></ows:ExceptionReport>'
            self.send(text.encode(), "text/xml", 400)

    def do_HEAD(self) -> None:
        """Answer as for GET, without the body; GDAL sends HEAD before it reads a file."""
        self.do_GET()

    def answer(self, path: str, query: dict[str, str]) -> None:
        """Answer one of the services, or a file."""
        request = query.get("request", "").lower()
        if path == "/wms" and request == "getmap":
            if query.get("layers") not in ("zones_humides", "emprises"):
                raise ValueError("layers")
            self.send(draw(query), "image/png")
        elif path == "/wms" and request == "getcapabilities":
            self.capabilities("wms")
        elif path in ("/rare/wfs", "/lent/wfs", "/casse/wfs") and request:
            self.for_studies(path, request, query)
        elif path in ("/wfs", "/gml") and request:
            self.wfs(request, query, only_gml=path == "/gml")
        elif path == "/ogc/collections/zones_humides/items":
            self.items(query)
        elif path in OGC_API:
            self.json(OGC_API[path])
        elif path.startswith("/files/") and (file := DATA / Path(path).name).is_file():
            self.send(file.read_bytes(), "application/geo+json")
        elif path.startswith("/contours/") and (outline := outlines().get(path.rpartition("/")[2])):
            self.json(outline)
        else:
            self.send(b"nothing here", "text/plain", 404)

    def for_studies(self, path: str, request: str, query: dict[str, str]) -> None:
        """Answer as a WFS with few objects, as a slow or as a broken one."""
        if path.startswith("/casse"):
            self.send(b"<!DOCTYPE html><title>Maintenance</title>", "text/html; charset=utf-8")
            return
        if path.startswith("/rare"):
            query = {**query, "few": "yes"}
        elif request == "getfeature":
            time.sleep(SLEEP)
        self.wfs(request, query, only_gml=False)

    def wfs(self, request: str, query: dict[str, str], *, only_gml: bool) -> None:
        """Answer as a WFS, which gives GeoJSON and GML, or only GML."""
        kind, layer = query.get("outputformat", "gml"), query.get("typenames") or query.get("typename")
        if request == "getcapabilities":
            self.capabilities("wfs", "<ows:Value>application/json</ows:Value>" if only_gml else "")
        elif request == "describefeaturetype":
            self.send((DATA / "wfs.xsd").read_bytes(), "text/xml; subtype=gml/3.2")
        elif request != "getfeature" or (only_gml and "json" in kind):
            raise ValueError("outputformat")
        elif not only_gml and layer != "eco:zones_humides":
            raise ValueError("typenames")
        elif only_gml or "gml" in kind:
            self.gml_page(query)
        else:
            found, begin = with_geometry(select(query), query), int(query.get("startindex", 0))
            shown = found[begin : begin + int(query.get("count", 1000))]
            self.json({"type": "FeatureCollection", "numberMatched": len(found), "features": shown})

    def capabilities(self, name: str, without: str = "") -> None:
        """Answer with the capabilities of a service, without a part."""
        content = (DATA / f"{name}.xml").read_text(encoding="utf-8").replace("{url}", self.home)
        if without:
            content = content.replace(without, "")
        self.send(content.encode(), "text/xml")

    def gml_page(self, query: dict[str, str]) -> None:
        """Answer a page of features as GML, or only their number (`resultType=hits`)."""
        found = select({**query, "srsname": "EPSG:2154"})
        begin, count = int(query.get("startindex", 0)), int(query.get("count", 1000))
        shown = [] if query.get("resulttype") == "hits" else found[begin : begin + count]
        self.send(gml(shown, len(found)), "text/xml")

    @property
    def home(self) -> str:
        """Base URL of the server."""
        return f"http://127.0.0.1:{self.connection.getsockname()[1]}"

    def items(self, query: dict[str, str]) -> None:
        """Answer a page of features with a link to the next one."""
        found = select(query)
        begin, limit = int(query.get("offset", 0)), min(20, int(query.get("limit", 10)))
        document = {"type": "FeatureCollection", "features": found[begin : begin + limit], "numberMatched": len(found)}
        if begin + limit < len(found):
            kept = "".join(f"&{name}={value}" for name, value in query.items() if name not in ("offset", "limit"))
            href = f"{{url}}/ogc/collections/zones_humides/items?offset={begin + limit}&limit={limit}{kept}"
            document["links"] = [{"rel": "next", "type": "application/geo+json", "href": href}]
        self.json(document)

    def json(self, document: dict[str, Any]) -> None:
        """Answer with JSON."""
        text = json.dumps(document, ensure_ascii=False).replace("{url}", self.home)
        self.send(text.encode(), "application/json")

    def send(self, content: bytes, kind: str, status: int = 200) -> None:
        """Send an answer."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Do not log requests."""


@contextmanager
def served(port: int = 0) -> Iterator[str]:
    """Run the server in a thread for the duration of the block; yield its URL."""
    server = make_server(port)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
