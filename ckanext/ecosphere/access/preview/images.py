"""Map tiles of services: URLs built here, images only,
fetched through the HTTP guard and cached.
"""

from __future__ import annotations

import hashlib
import math
import random
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

from ckanext.ecosphere.access import config, turns
from ckanext.ecosphere.access.preview import files, messages
from ckanext.ecosphere.access.services.parsers import WEB_MERCATOR
from ckanext.ecosphere.access.services.presentation import SILENT
from ckanext.ecosphere.dataset.services import with_parameters
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared.http_guard import FetchError, GuardedSession, taken_apart
from ckanext.ecosphere.shared.web_guard import rate_limits

KINDS = ("wms", "wmts", "arcgis", "ogcapi")
SIDE, DEEPEST = 256, 22
EDGE = 20037508.342789244
SECONDS, MEGABYTES = 10, 4
#: Requests of a layer that may remain without an answer; then it is not asked again for the rest of
#: the minute.
SILENCES = "3 per minute"
#: Those of all layers of a server, beyond which it counts as slow.
SILENCES_OF_HOST = "6 per minute"
SHOWN = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}
_MARKS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"RIFF")
_PRUNED_AFTER = 0.005


class NoImageError(Exception):
    """There is no image; `code` is a key of the messages of previews or services, `busy`,
    `no-map` or `no-image`.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _images_of(service: Row) -> list[str]:
    """Return the formats of a WMS that a page can show; PNG if it does not name its formats."""
    names = service.get("formats") or ["image/png"]
    return [name for name in names if name.split(";")[0] in SHOWN]


def can_draw(service: Row, layer: Row) -> bool:
    """Return whether a layer can be shown as web map tiles."""
    kind = service["kind"]
    if kind == "wms":
        return bool(_web_crs(layer) and _images_of(service))
    if kind == "wmts":
        return bool(layer.get("details", {}).get("zooms"))
    if kind == "arcgis":
        return service["url"].lower().endswith("/mapserver")
    return kind == "ogcapi" and bool(layer.get("details", {}).get("map"))


def _web_crs(layer: Row) -> str:
    return next((code for code in WEB_MERCATOR if code in layer.get("crs", [])), "")


def bounds(zoom: int, column: int, row: int) -> str:
    """Return the bounding box of a tile in EPSG:3857, in metres."""
    side = 2 * EDGE / 2**zoom
    west, north = -EDGE + column * side, EDGE - row * side
    return f"{west:.6f},{north - side:.6f},{west + side:.6f},{north:.6f}"


def address(service: Row, layer: Row, zoom: int, column: int, row: int) -> str:
    """Return the URL of a tile.

    Raises:
        NoImageError: the layer cannot be shown as tiles, or there is no such tile.
    """
    is_tile = zoom <= DEEPEST and column < 2**zoom and row < 2**zoom
    if not is_tile or not can_draw(service, layer):
        raise NoImageError("no-map")
    if service["kind"] == "wmts":
        return _wmts(service, layer, zoom, column, row)
    return _URLS[service["kind"]](service, layer, bounds(zoom, column, row))


def _wms(service: Row, layer: Row, box: str) -> str:
    images = _images_of(service)
    image = images[0]
    if "image/png" in images:
        image = "image/png"
    version = service["version"]
    if version not in ("1.1.0", "1.1.1"):
        version = "1.3.0"
    reference = "SRS"
    if version == "1.3.0":
        reference = "CRS"
    return with_parameters(
        service["url"],
        SERVICE="WMS",
        VERSION=version,
        REQUEST="GetMap",
        LAYERS=layer["name"],
        STYLES="",
        FORMAT=image,
        TRANSPARENT="TRUE",
        WIDTH=SIDE,
        HEIGHT=SIDE,
        BBOX=box,
        **{reference: _web_crs(layer)},
    )


def _arcgis(service: Row, layer: Row, box: str) -> str:
    return with_parameters(
        f"{service['url']}/export",
        bbox=box,
        bboxSR=3857,
        imageSR=3857,
        size=f"{SIDE},{SIDE}",
        format="png",
        f="image",
        layers=f"show:{layer['name']}",
        transparent="true",
    )


def _ogcapi(_service: Row, layer: Row, box: str) -> str:
    crs = "http://www.opengis.net/def/crs/EPSG/0/3857"
    parameters = {
        "bbox": box,
        "bbox-crs": crs,
        "crs": crs,
        "width": SIDE,
        "height": SIDE,
        "f": "png",
    }
    return with_parameters(layer["details"]["map"], **parameters)


_URLS = {"wms": _wms, "arcgis": _arcgis, "ogcapi": _ogcapi}


def _wmts(service: Row, layer: Row, zoom: int, column: int, row: int) -> str:
    details = layer["details"]
    matrix = details["zooms"].get(str(zoom))
    if matrix is None:
        raise NoImageError("no-map")
    names = {
        "{TileMatrixSet}": details["matrix_set"],
        "{TileMatrix}": matrix,
        "{TileRow}": str(row),
        "{TileCol}": str(column),
        "{Style}": details["style"],
        "{style}": details["style"],
    }
    host = urlsplit(service["url"]).netloc
    for form, template in details.get("templates", []):
        if (
            form in SHOWN
            and taken_apart(template).netloc.lower() == host
            and template.startswith(("http://", "https://"))
        ):
            for name, value in names.items():
                template = template.replace(name, quote(value, safe=""))  # noqa: PLW2901
            return template
    form = next((name for name in layer.get("formats", []) if name in SHOWN), "image/png")
    return with_parameters(
        service["url"],
        SERVICE="WMTS",
        VERSION="1.0.0",
        REQUEST="GetTile",
        LAYER=layer["name"],
        STYLE=details["style"],
        FORMAT=form,
        TILEMATRIXSET=details["matrix_set"],
        TILEMATRIX=matrix,
        TILEROW=row,
        TILECOL=column,
    )


def get(url: str, layer: str) -> tuple[bytes, str]:
    """Return an image and its media type, from the cache or the server.

    Args:
        url: URL of the image.
        layer: the layer that it shows, which is left alone for a while if it remains silent.

    Raises:
        NoImageError: the server does not answer, the response is not an image, or too many requests
            are running.
    """
    stored = _stored(url)
    if stored:
        return stored
    host, layer_key = turns.host_of(url), hashlib.sha256(layer.encode()).hexdigest()
    suspect = rate_limits.is_remembered("access-silent-once", layer_key) or turns.is_slow(host)
    places = rate_limits.FOR_READERS
    if suspect:
        places -= 1  # what was silent before never takes the last place
    try:
        rate_limits.probe("access-silent", SILENCES, layer_key, fallback=True)
        with rate_limits.place(places):
            body, media_type = _fetched(url)
    except rate_limits.TooMany as error:
        raise NoImageError("timeout") from error
    except rate_limits.NoPlaceError as error:
        raise NoImageError("busy") from error
    except NoImageError as error:
        if error.code in SILENT:
            _note_silence(host, layer_key)
        raise
    _store(url, body, media_type)
    return body, media_type


def _path(url: str, media_type: str) -> Path | None:
    """Return the path of a stored image; None if the portal stores no files."""
    folder = files.folder(files.IMAGES)
    if folder is None:
        return None
    return folder / f"{hashlib.sha256(url.encode()).hexdigest()}.{SHOWN[media_type]}"


def _stored(url: str) -> tuple[bytes, str] | None:
    for media_type in SHOWN:
        path = _path(url, media_type)
        if path is not None and path.is_file():
            return path.read_bytes(), media_type
    return None


def _store(url: str, body: bytes, media_type: str) -> None:
    """Store an image, which another process may store at the same time.

    Sometimes, delete the oldest files.
    """
    path = _path(url, media_type)
    if path is None:
        return
    temporary = path.with_suffix(f".{random.getrandbits(64):x}.tmp")
    temporary.write_bytes(body)
    temporary.replace(path)
    if random.random() < _PRUNED_AFTER:  # noqa: S311
        files.prune()


def _note_silence(host: str, layer_key: str) -> None:
    rate_limits.remember("access-silent-once", rate_limits.MINUTE, layer_key)
    with suppress(rate_limits.TooMany):  # requests that run at the same time
        rate_limits.hit("access-silent", SILENCES, layer_key, fallback=True)
    try:
        rate_limits.hit("access-silent-host", SILENCES_OF_HOST, host, fallback=True)
    except rate_limits.TooMany:
        turns.note_slow(host)


def _fetched(url: str) -> tuple[bytes, str]:
    session = GuardedSession(config.guard_settings(SECONDS, MEGABYTES))
    try:
        answer = session.get(url, headers={"Accept": "image/*"})
    except FetchError as error:
        raise NoImageError(messages.code_of(error)) from error
    if answer.status != 200:  # noqa: PLR2004
        raise NoImageError("status")
    # Both the declared type and the first bytes are checked, which excludes SVG and HTML: these may
    # contain scripts.
    if answer.content_type not in SHOWN or not answer.body.startswith(_MARKS):
        raise NoImageError("no-image")
    return answer.body, answer.content_type


def zoom_of(extent: list[float] | None) -> int:
    """Return a zoom level at which an extent is entirely visible."""
    if not extent:
        return 5
    width = max(extent[2] - extent[0], (extent[3] - extent[1]) * 1.5, 0.0005)
    return max(2, min(17, int(math.log2(720 / width))))
