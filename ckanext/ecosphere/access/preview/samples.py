"""Life cycle of previews: requested, fetched through the HTTP guard, and made in the sandboxed process."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ckan import model
from ckan.lib import uploader
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.access import config, turns
from ckanext.ecosphere.access.confinement import sandbox
from ckanext.ecosphere.access.model import BROKEN, MADE, WANTED, Sample, now
from ckanext.ecosphere.access.preview import files, messages, table_schema
from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.kinds import SNIFFED, sniff
from ckanext.ecosphere.access.preview.large.ranges import Ranges
from ckanext.ecosphere.access.services import presentation, storage
from ckanext.ecosphere.access.take.request import FEATURE_SERVICES, Part, address
from ckanext.ecosphere.shared.http_guard import Budget, GuardedSession

log = logging.getLogger(__name__)

READING = 3
"""Version of the previews; increase it when the same data yield another preview, so that they are made again."""
MOST_TRIES = 3
FIRST_ERROR = 400
LINE = turns.Line(Sample, Sample.resource_id, Sample.changed, of_asker=10, of_host=50)
#: Kinds of files that are read by range requests if they are large (`large.take`).
IN_PARTS = frozenset({"zip", "gpkg", "fgb", "pmtiles", "pictures", "parquet"})


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
    found = model.Session.get(Sample, resource.id)
    return found if found is not None and found.url == stamp(resource) else None


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
        "tries": 0,
        "changed": now(),
        "asker": asker,
        "host": host,
    }
    upsert = insert(Sample).values({**row, "facts": {}})
    model.Session.execute(upsert.on_conflict_do_update(index_elements=[Sample.resource_id], set_={**row, "facts": {}}))
    model.Session.commit()
    return model.Session.get_one(Sample, resource.id, populate_existing=True)


def make(resource_id: str) -> None:
    """Make the preview of a resource. Commits."""
    resource, row = model.Resource.get(resource_id), model.Session.get(Sample, resource_id)
    target = files.sample_file(resource_id)
    if row is None:
        return
    row.tries += 1
    model.Session.commit()  # first, so that files that crash the worker are not retried forever
    error, facts = "", {}
    if resource is None or resource.state != model.State.ACTIVE:
        error = "gone"
    elif row.tries > MOST_TRIES:
        error = "given-up"
    elif target is None:
        error = "no-preview"
    else:
        package = model.Package.get(resource.package_id)
        facts, error = _made(resource, package.title or "" if package else "", target)
    row = model.Session.get(Sample, resource_id, populate_existing=True)
    if row is not None:
        row.state, row.error, row.facts, row.changed = BROKEN if error else MADE, error, facts, now()
        row.asker = ""
        model.Session.commit()


def _made(resource: Any, title: str, target: Path) -> tuple[dict[str, Any], str]:
    try:
        with files.working() as folder:
            data = fetch(resource, title, folder / "in")
            paths = {"input": str(folder / "in"), "output": str(folder / "out"), "name": data.name}
            if table_schema.bring(resource, folder / "schema"):
                paths["schema"] = str(folder / "schema")
            job = {"task": "sample", "rows": config.sample_rows(), "large": data.large, **paths}
            facts = sandbox.run(job, config.seconds(), config.memory_megabytes(), data.ranges)
            files.keep(folder / "out", target)
            return facts, ""
    except messages.FAILURES as error:
        return {}, messages.code_of(error)
    except (OSError, RuntimeError):
        log.exception("The preview of %s could not be made", resource.id)
        return {}, "unreadable"


@dataclass(frozen=True)
class Data:
    """Fetched data of a resource.

    Attributes:
        name: name of the file.
        large: for a large file, which the reader reads in parts: `size` in bytes, or None if unknown.
        ranges: reader of its parts; None if the file, or its beginning, is available locally.
    """

    name: str
    large: dict[str, int | None] | None = None
    ranges: Ranges | None = None


def fetch(resource: Any, title: str, target: Path) -> Data:
    """Download the data of a resource to a file; for a large one, its beginning, or prepare range requests.

    Raises:
        PreviewError: there is nothing to show, or the server returned an error.
        FetchError: there was no response.
        StoppedError: the budget for a large file is exhausted.
    """
    if resource.url_type == "upload":
        path = uploaded(resource)
        if path is None:
            raise PreviewError("no-preview")
        return _uploaded(path, str(resource.url).rpartition("/")[2][:200], target)
    url = source(resource, title)
    if not url or not config.host_allowed(url):
        raise PreviewError("no-preview")
    limit, budget = config.sample_megabytes(), Budget(seconds=config.seconds())
    with target.open("w+b") as file:
        session = GuardedSession(config.guard_settings(config.seconds(), limit), budget=budget)
        answer = session.get(url, truncate=True, into=file, bound=_wanted)
        file.seek(0)
        kind = sniff(file.read(SNIFFED))
    if answer.status >= FIRST_ERROR:
        raise PreviewError("status")
    if kind == "html":
        raise PreviewError("html")
    name = answer.url.partition("?")[0].rpartition("/")[2][:200]
    if answer.truncated and kind in IN_PARTS:
        return _in_parts(answer.url, name, target, budget)
    return Data(name, large={"size": _length(answer.headers) or None} if answer.truncated else None)


def uploaded(resource: Any) -> Path | None:
    """Return the path of the uploaded file of a resource, None if it does not exist."""
    path = Path(uploader.get_resource_uploader({"id": resource.id, "url_type": "upload"}).get_path(resource.id))
    return path if path.is_file() else None


def _uploaded(path: Path, name: str, target: Path) -> Data:
    most, size = config.sample_megabytes() * config.MEGABYTE, path.stat().st_size
    if size > most:
        target.symlink_to(path)
        return Data(name, large={"size": size})
    shutil.copyfile(path, target)
    return Data(name)


def _wanted(headers: Mapping[str, str], head: bytes) -> int:
    """Return how many bytes to download at first: few for a large file that is read in parts."""
    most = config.sample_megabytes() * config.MEGABYTE
    return SNIFFED if _length(headers) > most and sniff(head) in IN_PARTS else most


def _length(headers: Mapping[str, str]) -> int:
    told = headers.get("Content-Length", "")
    return int(told) if told.isascii() and told.isdigit() and len(told) < 19 else 0  # noqa: PLR2004


def _in_parts(url: str, name: str, target: Path, time_left: Budget) -> Data:
    """Prepare to read a large file by range requests, or download its beginning if the server does not support them."""
    seconds, most = time_left.remaining, config.sample_megabytes() * config.MEGABYTE
    budget = Budget(requests=config.sample_requests(), size=most, seconds=seconds)
    ranges = Ranges(GuardedSession(config.guard_settings(seconds), budget=budget), url)
    if ranges.begin():
        return Data(name, large={"size": ranges.size}, ranges=ranges)
    with target.open("wb") as file:
        settings = config.guard_settings(seconds, config.beginning_megabytes())
        answer = GuardedSession(settings, budget=time_left).get(url, truncate=True, into=file)
    if answer.status >= FIRST_ERROR:
        raise PreviewError("status")
    size = target.stat().st_size
    return Data(name, large={"size": (_length(answer.headers) or None) if answer.truncated else size})
