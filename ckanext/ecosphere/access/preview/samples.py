"""Life cycle of previews: requested, fetched through the HTTP guard, and made in the confined process."""

from __future__ import annotations

import logging
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
from ckanext.ecosphere.access.preview.kinds import BEGINNINGS, MOST_TEXT, SNIFFED, TEXTS, sniff
from ckanext.ecosphere.access.services import presentation, storage
from ckanext.ecosphere.access.take.request import FEATURE_SERVICES, Part, address
from ckanext.ecosphere.shared.http_guard import GuardedSession

log = logging.getLogger(__name__)

READING = 4
"""Version of the previews; increase it when the same data yield another preview, so that they are made again."""
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
        facts, error = _made(resource, (package and package.title) or "", target)
    row = model.Session.get(Sample, resource_id, populate_existing=True)
    if row is None:
        return
    row.state = MADE
    if error:
        row.state = BROKEN
    row.error, row.facts, row.changed, row.asker = error, facts, now(), ""
    model.Session.commit()


def _made(resource: Any, title: str, target: Path) -> tuple[dict[str, Any], str]:
    """Make a preview; return its facts and "", or facts about a failure and its code."""
    try:
        with files.working() as folder:
            data = fetch(resource, title, folder / "in")
            job = {
                "task": "sample",
                "rows": config.sample_rows(),
                "input": str(folder / "in"),
                "output": str(folder / "out"),
                "name": data.name,
                "size": data.size,
                "is_beginning": data.is_beginning,
            }
            if table_schema.bring(resource, folder / "schema"):
                job["schema"] = str(folder / "schema")
            facts = sandbox.run(job, config.seconds(), config.memory_megabytes())
            files.keep(folder / "out", target)
            return facts, ""
    except messages.FAILURES as error:
        size = getattr(error, "size", 0)
        facts = {}
        if size:
            facts = {"file_size": size}
        return facts, messages.code_of(error)
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
        path = uploaded(resource)
        if path is None:
            raise PreviewError("no-preview")
        target.symlink_to(path)  # it is read in place
        return Data(str(resource.url).rpartition("/")[2][:LONGEST_NAME], path.stat().st_size)
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


def uploaded(resource: Any) -> Path | None:
    """Return the path of the uploaded file of a resource, None if it does not exist."""
    upload = uploader.get_resource_uploader({"id": resource.id, "url_type": "upload"})
    path = Path(upload.get_path(resource.id))
    if path.is_file():
        return path
    return None


def _bound(headers: Mapping[str, str], head: bytes) -> int:
    """Return how many bytes to download: of a file that is too large, only what tells its kind."""
    most = config.sample_megabytes() * config.MEGABYTE
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
