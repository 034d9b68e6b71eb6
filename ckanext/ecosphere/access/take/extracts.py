"""Life cycle of extracts: requested, made in the background, deleted after a day.

An extract is a part of a layer of a WFS or OGC API, saved as a file. Its pages are fetched to a
folder, and a confined process makes the file of them (`making`).
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.types import DataDict

from ckanext.ecosphere.access import config, turns
from ckanext.ecosphere.access.model import EXTRACTS_KEPT, WANTED, Extract
from ckanext.ecosphere.access.preview import files, messages
from ckanext.ecosphere.access.preview.kinds import SNIFFED, PreviewError, sniff
from ckanext.ecosphere.access.services import presentation, storage
from ckanext.ecosphere.access.services.parsers import links, parse_json
from ckanext.ecosphere.access.take import areas
from ckanext.ecosphere.access.take.areas import Part, address, formats, is_gml
from ckanext.ecosphere.shared import stored_files
from ckanext.ecosphere.shared.columns import now
from ckanext.ecosphere.shared.config import MEGABYTE
from ckanext.ecosphere.shared.confinement import sandbox
from ckanext.ecosphere.shared.http_guard import Budget, GuardedSession

log = logging.getLogger(__name__)

PAGE, PAGE_MEGABYTES = 1_000, 8
"""Features of a page, and its maximum size."""
MOST_PAGES = 500
TOTAL_MEGABYTES, TOTAL_SECONDS = 200, 600
"""Limits of all requests for an extract."""
MOST_TRIES = 2
TURN_SECONDS = 30
"""Seconds for which an extract is fetched while others wait."""
LINE = turns.Line(Extract, Extract.id, Extract.created, of_asker=10, of_host=20)
FIRST_ERROR = 400
"""Lowest HTTP status of an error."""
_JSON = {"Accept": "application/geo+json, application/json"}


def want(package_id: str, resource_id: str, request: DataDict) -> Extract:
    """Store a request for an extract. Commits.

    Args:
        request: as `form.checked` returns it, with `notice` and `warning`.

    Raises:
        NoRoomError: too many extracts wait.
    """
    resource = model.Resource.get(resource_id)
    asker = turns.asker()
    host = ""
    if resource:
        host = turns.host_of(resource.url)
    LINE.require_room(asker, host)
    row = Extract(
        package_id=package_id,
        resource_id=resource_id,
        asked=request,
        state=WANTED,
        asker=asker,
        host=host,
    )
    model.Session.add(row)
    model.Session.commit()
    return row


def file_of(row: Extract) -> Path | None:
    """Return the path of the file of an extract, which may not exist.

    None if the portal stores no files.
    """
    parent = files.folder(files.EXTRACTS)
    if parent is None:
        return None
    return parent / f"{row.id}{formats()[row.asked['format']].suffix}"


def purge() -> int:
    """Delete the extracts of more than a day ago with their files; return how many. Commits."""
    query = sa.select(Extract).where(Extract.created < now() - EXTRACTS_KEPT)
    rows = list(model.Session.scalars(query))
    for row in rows:
        path = file_of(row)
        if path:
            stored_files.remove(path)
        model.Session.delete(row)
    model.Session.commit()
    return len(rows)


def make(id_: str) -> None:
    """Make an extract; one that takes long while others wait is put back once. Commits."""
    LINE.make(id_, MOST_TRIES, _make_file)


def _make_file(row: Extract) -> tuple[DataDict, str]:
    """Make the file of an extract; return facts about it, and "" or the code of a failure."""
    target = file_of(row)
    if target is None:
        return {}, "no-preview"
    request = dict(row.asked)
    is_over = _turn(row.asker, row.host)
    try:
        service, layer = _layer_of(row.resource_id, request["layer"])
        model.Session.rollback()  # no open transaction during requests
        budget = Budget(size=TOTAL_MEGABYTES * MEGABYTE, seconds=TOTAL_SECONDS)
        settings = config.guard_settings(config.seconds(), PAGE_MEGABYTES)
        session = GuardedSession(settings, budget=budget)
        # Administrators choose where outlines come from: their host needs no further permission.
        any_host = GuardedSession(replace(settings, allowed_hosts=frozenset()), budget=budget)
        with files.working() as folder:
            clip, box = _outline(request, any_host)
            if box:
                box = tuple(box)
            pages, has_more = _fetch(session, service, layer, Part(box), folder, is_over=is_over)
            job = {
                "task": "extract",
                "module": files.READER,
                "pages": list(map(str, pages)),
                "output": str(folder / "out"),
                "format": request["format"],
                "driver": formats()[request["format"]].driver,
                "crs": request["crs"],
                "attributes": request["attributes"],
                "clip": clip,
                "box": request.get("box"),
                "most": config.extract_features(),
                "notice": request.get("notice", ""),
                "warning": request.get("warning", ""),
            }
            facts = sandbox.run(job, config.seconds(), config.memory_megabytes())
            stored_files.keep(folder / "out", target)
            files.prune()
            return {**facts, "cut": facts["cut"] or has_more}, ""
    except messages.FAILURES as error:
        return {}, messages.code_of(error)
    except (OSError, RuntimeError):
        log.exception("The extract %s could not be made", row.id)
        return {}, "unreadable"


def _outline(request: DataDict, session: GuardedSession) -> tuple[Any, Any]:
    """Return the outline to which features are clipped, and the box around it.

    The outline is None for a box, and both are None for a whole layer.
    """
    if request.get("commune"):
        return areas.outline(config.communes_url(), request["commune"], session)
    if request.get("epci"):
        return areas.outline(config.epci_url(), request["epci"], session)
    return None, request.get("box")


def _layer_of(resource_id: str, name: str) -> tuple[DataDict, DataDict]:
    """Return the service of a resource and its layer of a name, as `presentation.shown` has them.

    Raises:
        PreviewError: the resource has no service any more, or the service no such layer.
    """
    stored, _layer_name = storage.of_resources([resource_id]).get(resource_id, (None, ""))
    if stored is None:
        raise PreviewError("gone")
    service = presentation.shown(stored, "", (), every=True)
    for layer in service["layers"]:
        if layer["name"] == name:
            return service, layer
    raise PreviewError("gone")


def _turn(asker: str, host: str) -> Callable[[], bool]:
    """Return a function that returns whether an extract has had its time, and others wait."""
    end = time.monotonic() + TURN_SECONDS

    def is_over() -> bool:
        if time.monotonic() < end:
            return False
        others = LINE.has_others(asker, host)
        model.Session.rollback()
        return others

    return is_over


def _fetch(
    session: GuardedSession,
    service: DataDict,
    layer: DataDict,
    part: Part,
    folder: Path,
    *,
    is_over: Callable[[], bool],
) -> tuple[list[Path], bool]:
    """Fetch the pages of a part of a layer to files of a folder.

    Args:
        is_over: returns whether others have waited long enough.

    Returns:
        the files, and whether there are more pages.

    Raises:
        PreviewError: the server returned an error or nothing, or the turn is over.
    """
    most = config.extract_features()
    count = min(PAGE, service["limits"].get("features") or PAGE)
    gml, suffix, headers = "", ".geojson", _JSON
    if is_gml(service, layer):
        gml, suffix, headers = layer["name"].rpartition(":")[2], ".gml", {}
    url: str | None = address(service, layer, part, count=count)
    pages: list[Path] = []
    number = 0
    first_head = b""
    while url and number <= most and len(pages) < MOST_PAGES:
        if is_over():
            raise PreviewError(turns.TURN_OVER)
        answer = session.get(url, headers=headers)
        if answer.status >= FIRST_ERROR:
            raise PreviewError("status")
        document, features = _page(answer.body, gml)
        head = answer.body[:4000]
        if not features or head == first_head:
            url = None  # the end, or a server without paging, which returns the first page again
            break
        first_head = first_head or head
        page = folder / f"page{len(pages)}{suffix}"
        page.write_bytes(answer.body)
        pages.append(page)
        number += features
        if service["kind"] == "ogcapi":
            url = links(document, answer.url).get("next")
        elif features >= count:
            url = address(service, layer, part, count=count, start=number)
        else:
            url = None
    if not pages:
        raise PreviewError("nothing-found")
    return pages, bool(url)


def _page(body: bytes, gml: str) -> tuple[DataDict, int]:
    """Return a page of GeoJSON and its number of features; for GML, only the number.

    Args:
        body: body of the response.
        gml: local name of the features in GML, "" for GeoJSON.
    """
    if not gml:
        document = parse_json(body)
        if not isinstance(document.get("features"), list):
            raise PreviewError("other-json")
        return document, len(document["features"])
    kind = sniff(body[:SNIFFED])
    if kind in ("exception", "html"):
        raise PreviewError(kind)
    if kind != "gml":
        raise PreviewError("other-xml")
    tags = re.findall(rb"<(?:[\w.-]{1,60}:)?" + re.escape(gml.encode()) + rb"[\s>]", body)
    return {}, len(tags)
