"""Previews: the kind that a resource has, and samples, which are requested, fetched through the
HTTP guard, and made in the confined process.
"""

from __future__ import annotations

import json
import logging
import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from ckan import model
from ckan.types import DataDict
from shapely.errors import ShapelyError
from shapely.geometry import shape
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.access import config, turns
from ckanext.ecosphere.access.model import WANTED, Sample
from ckanext.ecosphere.access.preview import files, images, messages
from ckanext.ecosphere.access.preview.kinds import (
    BEGINNINGS,
    MOST_TEXT,
    SNIFFED,
    TEXTS,
    PreviewError,
    sniff,
)
from ckanext.ecosphere.access.services import presentation, storage
from ckanext.ecosphere.access.take.areas import FEATURE_SERVICES, Part, address, offers_features
from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.dataset.view import Row, View
from ckanext.ecosphere.shared import stored_files
from ckanext.ecosphere.shared.columns import now
from ckanext.ecosphere.shared.config import MEGABYTE
from ckanext.ecosphere.shared.confinement import sandbox
from ckanext.ecosphere.shared.http_guard import FetchError, GuardedSession
from ckanext.ecosphere.vocabularies import tables

_FILE = Path(__file__).parents[1] / "data" / "previews.csv"
TILES, SAMPLE, INLINE = "tiles", "sample", "inline"
TOLD = "told"
"""Known formats without preview, for which a message says so."""
MOST_LAYERS = 12
LONGEST_SPATIAL = 2_000_000


@cache
def _ways() -> dict[str, str]:
    return {row["format"]: row["how"] for row in tables.rows(_FILE)}


def way(resource: Row, service: Row | None) -> str:
    """Return the kind of preview of a resource: tiles, sample, inline; "told" or "" for none.

    Args:
        resource: the resource, from `package_show`.
        service: its known service, or None.
    """
    if service is not None:
        return _way_of_service(service)
    url = str(resource.get("url") or "")
    if resource.get("url_type") != "upload" and not url.lower().startswith(("http://", "https://")):
        return ""
    format_ = str(resource.get("format") or "").strip().lower()
    return _ways().get(links.extension_of(url)) or _ways().get(format_, "")


def _way_of_service(service: Row) -> str:
    if any(images.can_draw(service, layer) for layer in service["layers"]):
        return TILES
    if any(offers_features(service, layer) for layer in service["layers"][:1]):
        return SAMPLE
    return ""


def drawable_layers(service: Row) -> list[DataDict]:
    """Return the layers that can be shown as tiles.

    Each has name, title, extent, and a zoom level for the extent.
    """
    drawn = [layer for layer in service["layers"] if images.can_draw(service, layer)]
    return [
        {
            "name": layer["name"],
            "title": layer["title"] or layer["name"],
            "extent": layer["extent"],
            "zoom": images.zoom_of(layer["extent"]),
        }
        for layer in drawn[:MOST_LAYERS]
    ]


def extent_of(spatial: Any) -> list[float] | None:
    """Return west, south, east, north of a GeoJSON geometry, None if it is invalid."""
    try:
        if isinstance(spatial, str):
            spatial = json.loads(spatial[:LONGEST_SPATIAL])
        geometry = shape(spatial)
    except (ShapelyError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None
    if all(map(math.isfinite, geometry.bounds)):
        return list(geometry.bounds)
    return None  # an empty geometry


# --- samples ---

log = logging.getLogger(__name__)

READING = 5
"""Version of the previews; increase it when the same data yield another preview, so that they are
made again."""
MOST_TRIES = 3
FIRST_ERROR = 400
LINE = turns.Line(Sample, Sample.resource_id, Sample.changed, of_asker=10, of_host=50)
LONGEST_NAME = 200


def source(resource: Any, title: str = "") -> str:
    """Return the URL of the data to preview, "" if there is nothing to show.

    For a service it is a request for features.

    Raises:
        PreviewError: a preview of this service is not possible.
    """
    address_ = storage.address_of(resource)
    if address_ is None:
        return str(resource.url or "")
    if address_.kind not in FEATURE_SERVICES:
        return ""
    service, layer = storage.of_resources([resource.id]).get(resource.id, (None, ""))
    if service is None or not service.description:
        raise PreviewError("no-layer")
    shown = presentation.shown(service, layer, (resource.name or "", title))
    if not shown["layers"]:
        raise PreviewError("no-layer")
    return address(shown, shown["layers"][0], Part(), count=config.sample_rows())


def stamp(resource: Any) -> str:
    """Return the version of a resource's data, by which outdated previews are recognised."""
    return f"{resource.url} {resource.last_modified or resource.metadata_modified or ''} {READING}"


def of(resource: Any) -> Sample | None:
    """Return the preview of a resource, None if there is none or it is outdated."""
    sample = model.Session.get(Sample, resource.id)
    if sample is None or sample.url != stamp(resource):
        return None
    return sample


def want(resource: Any) -> Sample:
    """Store a request for a preview. Commits.

    Raises:
        NoRoomError: too many previews wait.
    """
    asker, host = turns.asker(), turns.host_of(resource.url)
    LINE.require_room(asker, host)
    row = {
        "resource_id": resource.id,
        "url": stamp(resource),
        "state": WANTED,
        "error": "",
        "facts": {},
        "tries": 0,
        "changed": now(),
        "asker": asker,
        "host": host,
    }
    upsert = insert(Sample).values(row)
    upsert = upsert.on_conflict_do_update(index_elements=[Sample.resource_id], set_=row)
    model.Session.execute(upsert)
    model.Session.commit()
    return model.Session.get_one(Sample, resource.id, populate_existing=True)


def make(resource_id: str) -> None:
    """Make the preview of a resource. Commits."""
    LINE.make(resource_id, MOST_TRIES, _made)


def _made(row: Sample) -> tuple[DataDict, str]:
    """Make a preview; return its facts and "", or facts about a failure and its code."""
    resource = model.Resource.get(row.resource_id)
    target = files.sample_file(row.resource_id)
    if resource is None or resource.state != model.State.ACTIVE:
        return {}, "gone"
    if target is None:
        return {}, "no-preview"
    package = model.Package.get(resource.package_id)
    title = (package and package.title) or ""
    try:
        with files.working() as folder:
            data = fetch(resource, title, folder / "in")
            job = {
                "task": "sample",
                "module": files.READER,
                "rows": config.sample_rows(),
                "input": str(folder / "in"),
                "output": str(folder / "out"),
                "name": data.name,
                "size": data.size,
                "is_beginning": data.is_beginning,
            }
            if bring_schema(resource, folder / "schema"):
                job["schema"] = str(folder / "schema")
            facts = sandbox.run(job, config.seconds(), config.memory_megabytes())
            stored_files.keep(folder / "out", target)
            return facts, ""
    except messages.FAILURES as error:
        return {"file_size": getattr(error, "size", 0)}, messages.code_of(error)
    except (OSError, RuntimeError):
        log.exception("The preview of %s could not be made", resource.id)
        return {}, "unreadable"


@dataclass(frozen=True)
class Data:
    """Fetched data of a resource.

    Attributes:
        name: name of the file.
        size: size of the whole file in bytes; None if unknown.
        is_beginning: whether only the beginning of the file was fetched.
    """

    name: str
    size: int | None
    is_beginning: bool = False


def fetch(resource: Any, title: str, target: Path) -> Data:
    """Download the data of a resource to a file; of a large text, its beginning.

    Raises:
        PreviewError: there is nothing to show, the server returned an error, or the file is too
            large, and not a text.
        FetchError: there was no response.
    """
    if resource.url_type == "upload":
        if not _copied(resource, target):
            raise PreviewError("no-preview")
        return Data(str(resource.url).rpartition("/")[2][:LONGEST_NAME], target.stat().st_size)
    url = source(resource, title)
    if not url or not config.host_allowed(url):
        raise PreviewError("no-preview")
    settings = config.guard_settings(config.seconds(), config.sample_megabytes())
    with target.open("w+b") as file:
        answer = GuardedSession(settings).get(url, truncate=True, into=file, bound=_bound)
        file.seek(0)
        kind = sniff(file.read(SNIFFED))
    if answer.status >= FIRST_ERROR:
        raise PreviewError("status")
    if kind == "html":
        raise PreviewError("html")
    size = _length(answer.headers)
    if answer.truncated and kind not in BEGINNINGS:
        raise PreviewError("too-large", size)
    name = answer.url.partition("?")[0].rpartition("/")[2][:LONGEST_NAME]
    return Data(name, size or None, answer.truncated)


def _copied(resource: Any, target: Path) -> bool:
    """Copy the uploaded file of a resource; return whether there is one."""
    content = stored_files.upload_of(resource.id)
    if content is None:
        return False
    with content, target.open("wb") as file:
        shutil.copyfileobj(content, file)
    return True


def _bound(headers: Mapping[str, str], head: bytes) -> int:
    """Return how many bytes to download: of a file that is too large, only what tells its kind."""
    most = config.sample_megabytes() * MEGABYTE
    kind = sniff(head)
    if kind in TEXTS:
        return min(most, MOST_TEXT)
    if kind not in BEGINNINGS and _length(headers) > most:
        return SNIFFED
    return most


def _length(headers: Mapping[str, str]) -> int:
    """Return the declared size of an answer, 0 without a plausible one."""
    length = headers.get("Content-Length", "")
    if length.isascii() and length.isdigit() and len(length) < 15:  # noqa: PLR2004
        return int(length)
    return 0


# --- the Table Schema of a table, for the titles of its columns ---

SCHEMA_SECONDS, SCHEMA_MEGABYTES = 10, 4
MOST_ASKED = 3
#: Usual names of schema files, in datasets and at schema.data.gouv.fr.
SCHEMA_NAMES = ("schema.json", "tableschema.json", "table-schema.json")


def bring_schema(resource: Any, target: Path) -> bool:
    """Fetch the schema of a resource to a file.

    It is the first JSON URL in ``conforms_to`` of the resource, else a schema file among the other
    resources of its dataset.

    Args:
        resource: the `model.Resource`.
        target: the file to write.

    Returns:
        whether a schema was found; errors are ignored.
    """
    standards = View(resource.extras or {}).many("conforms_to")
    urls = [url for url in standards if _is_json(url) and config.host_allowed(url)]
    if any(_fetched_schema(url, target) for url in urls[:MOST_ASKED]):
        return True
    return any(_copied_schema(other, target) for other in _others(resource)[:MOST_ASKED])


def _is_json(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.path.lower().endswith(".json")


def _others(resource: Any) -> list[Any]:
    rows = sa.select(model.Resource).where(
        model.Resource.package_id == resource.package_id,
        model.Resource.state == model.State.ACTIVE,
        model.Resource.id != resource.id,
    )
    others = []
    for other in model.Session.scalars(rows.order_by(model.Resource.position)):
        name = PurePosixPath(str(other.url or "").partition("?")[0]).name.lower()
        if name in SCHEMA_NAMES:
            others.append(other)
    return others


def _copied_schema(resource: Any, target: Path) -> bool:
    if resource.url_type == "upload":
        return _copied(resource, target) and target.stat().st_size <= SCHEMA_MEGABYTES * MEGABYTE
    is_allowed = _is_json(resource.url) and config.host_allowed(resource.url)
    return is_allowed and _fetched_schema(resource.url, target)


def _fetched_schema(url: str, target: Path) -> bool:
    session = GuardedSession(config.guard_settings(SCHEMA_SECONDS, SCHEMA_MEGABYTES))
    try:
        with target.open("w+b") as file:
            return session.get(url, into=file).status < FIRST_ERROR
    except FetchError:
        return False
