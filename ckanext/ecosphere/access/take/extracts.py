"""Life cycle of extracts: requested, made in the background from paged responses, deleted after a day."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.access import config, turns
from ckanext.ecosphere.access.confinement import sandbox
from ckanext.ecosphere.access.model import BROKEN, EXTRACTS_KEPT, MADE, WANTED, Extract, now
from ckanext.ecosphere.access.preview import files, messages
from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.preview.kinds import SNIFFED, sniff
from ckanext.ecosphere.access.services import presentation, storage
from ckanext.ecosphere.access.services.json_services import links, parse
from ckanext.ecosphere.access.take import areas
from ckanext.ecosphere.access.take.request import DEGREES, Box, Part, address, formats, is_gml
from ckanext.ecosphere.shared.http_guard import Budget, GuardedSession

log = logging.getLogger(__name__)

PAGE, MOST_PAGES, PAGE_MEGABYTES = 1_000, 500, 8
TOTAL_MEGABYTES, TOTAL_SECONDS = 200, 600
MOST_TRIES = 2
TURN_SECONDS = 30
"""Seconds for which an extract is fetched while others wait."""
LINE = turns.Line(Extract, Extract.id, Extract.created, of_asker=5, of_host=20)
_TURN_OVER = "turn-over"
FIRST_ERROR = 400
_JSON = {"Accept": "application/geo+json, application/json"}


def want(package_id: str, resource_id: str, asked: dict[str, Any]) -> Extract:
    """Store a request for an extract. Commits.

    Raises:
        NoRoomError: too many extracts wait.
    """
    resource = model.Resource.get(resource_id)
    asker, host = turns.asker(), turns.host_of(resource and resource.url)
    LINE.require_room(asker, host)
    row = Extract(package_id=package_id, resource_id=resource_id, asked=asked, state=WANTED, asker=asker, host=host)
    model.Session.add(row)
    model.Session.commit()
    return row


def file_of(row: Extract) -> Path | None:
    """Return the path of the file of an extract, which may not exist; None if the portal stores no files."""
    parent = files.folder(files.EXTRACTS)
    return parent / f"{row.id}{formats()[row.asked['format']].suffix}" if parent else None


def purge() -> int:
    """Delete the extracts of more than a day ago with their files; return how many. Commits."""
    old = list(model.Session.scalars(sa.select(Extract).where(Extract.created < now() - EXTRACTS_KEPT)))
    for row in old:
        if path := file_of(row):
            path.unlink(missing_ok=True)
        model.Session.delete(row)
    model.Session.commit()
    return len(old)


def make(id_: str) -> None:
    """Make an extract; one that takes long while others wait is put back once, behind them. Commits."""
    row = model.Session.get(Extract, id_)
    if row is None:
        return
    row.tries += 1
    model.Session.commit()  # first, so that responses that crash the worker are not retried forever
    error, facts = "given-up", {}
    if row.tries <= MOST_TRIES:
        facts, error = _made(row)
    row = model.Session.get(Extract, id_, populate_existing=True)
    if row is None or (error == _TURN_OVER and row.tries < MOST_TRIES):
        return
    row.state, row.error, row.facts, row.asker = BROKEN if error else MADE, error, facts, ""
    model.Session.commit()


def _made(row: Extract) -> tuple[dict[str, Any], str]:
    target = file_of(row)
    if target is None:
        return {}, "no-preview"
    asked, others_wait = dict(row.asked), _others_wait(row.asker, row.host)
    try:
        service, layer = _service_of(row, asked["layer"])
        model.Session.rollback()  # no open transaction during requests
        budget = Budget(size=TOTAL_MEGABYTES * config.MEGABYTE, seconds=TOTAL_SECONDS)
        settings = config.guard_settings(config.seconds(), PAGE_MEGABYTES)
        session = GuardedSession(settings, budget=budget)
        # Administrators choose where outlines come from, so its host needs no further permission.
        outlines = GuardedSession(replace(settings, allowed_hosts=frozenset()), budget=budget)
        with files.working() as folder:
            clip, box = None, asked.get("box")
            for kind, address in (("commune", config.communes_url()), ("epci", config.epci_url())):
                if asked.get(kind):
                    clip, box = areas.outline(address, asked[kind], outlines)
            part = Part(_sides(box))
            pages, more = _fetch(session, service, layer, part, folder, others_wait)
            form = formats()[asked["format"]]
            job = {
                "task": "extract",
                "pages": [str(page) for page in pages],
                "output": str(folder / "out"),
                "format": form.id,
                "driver": form.driver,
                "crs": asked["crs"],
                "attributes": asked["attributes"],
                "clip": clip,
                "box": None if clip else box,
                "most": config.extract_features(),
                "notice": asked.get("notice", ""),
                "warning": asked.get("warning", ""),
            }
            facts = sandbox.run(job, config.seconds(), config.memory_megabytes())
            files.keep(folder / "out", target)
            files.prune()
            return {**facts, "cut": facts["cut"] or more}, ""
    except messages.FAILURES as error:
        return {}, messages.code_of(error)
    except (OSError, RuntimeError):
        log.exception("The extract %s could not be made", row.id)
        return {}, "unreadable"


def _service_of(row: Extract, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    service, _asked = storage.of_resources([row.resource_id]).get(row.resource_id, (None, ""))
    if service is None:
        raise PreviewError("gone")
    shown = presentation.shown(service, "", (), every=True)
    layer = next((each for each in shown["layers"] if each["name"] == name), None)
    if layer is None:
        raise PreviewError("gone")
    return shown, layer


def _others_wait(asker: str, host: str) -> Callable[[], bool]:
    """Return a function that tells whether an extract that is made has had its time, and others wait."""
    end = time.monotonic() + TURN_SECONDS

    def is_over() -> bool:
        if time.monotonic() < end:
            return False
        others = LINE.has_others(asker, host)
        model.Session.rollback()
        return others

    return is_over


def _fetch(  # noqa: PLR0917
    session: GuardedSession,
    service: dict[str, Any],
    layer: dict[str, Any],
    part: Part,
    folder: Path,
    others_wait: Callable[[], bool],
) -> tuple[list[Path], bool]:
    """Fetch the pages of a response to files; return them, and whether there are more."""
    most = config.extract_features()
    count = min(PAGE, service["limits"].get("features") or PAGE)
    url: str | None = address(service, layer, part, count=count)
    pages: list[Path] = []
    number, first = 0, None
    gml = layer["name"].rpartition(":")[2] if is_gml(service, layer) else ""
    while url and number <= most and len(pages) < MOST_PAGES:
        if others_wait():
            raise PreviewError(_TURN_OVER)
        answer = session.get(url, headers={} if gml else _JSON)
        if answer.status >= FIRST_ERROR:
            raise PreviewError("status")
        document, found = _page(answer.body, gml)
        begin = answer.body[:4000] if found else b""
        if not found or begin == first:
            return pages or _empty(pages), False  # the end, or a server without paging
        first = first or begin
        page = folder / f"page{len(pages)}.{'gml' if gml else 'geojson'}"
        page.write_bytes(answer.body)
        pages.append(page)
        number += found
        if service["kind"] == "ogcapi":
            url = _next(document, answer.url)
        else:
            url = address(service, layer, part, count=count, start=number) if found >= count else None
    return pages, bool(url)


def _sides(box: Sequence[float] | None) -> Box | None:
    if not box:
        return None
    west, south, east, north = box
    return west, south, east, north


def _page(body: bytes, gml: str) -> tuple[dict[str, Any], int]:
    """Return a page of GeoJSON and its number of features; for GML, only the number.

    Args:
        body: body of the response.
        gml: local name of the features in GML, "" for GeoJSON.
    """
    if gml:
        if (kind := sniff(body[:SNIFFED])) != "gml":
            raise PreviewError(kind if kind in ("exception", "html") else "other-xml")
        return {}, len(re.findall(rb"<(?:[\w.-]{1,60}:)?" + re.escape(gml.encode()) + rb"[\s>]", body))
    document = parse(body)
    if not isinstance(document.get("features"), list):
        raise PreviewError("other-json")
    return document, len(document["features"])


def _empty(pages: list[Path]) -> list[Path]:
    if not pages:
        raise PreviewError("nothing-found")
    return pages


def _next(document: dict[str, Any], base: str) -> str | None:
    """Return the URL of the next page of an OGC API, on the same server only."""
    url = links(document, base).get("next")
    return url if url and urlsplit(urljoin(base, url)).netloc == urlsplit(base).netloc else None


def address_to_copy(service: dict[str, Any], layer: dict[str, Any], asked: dict[str, Any], geometry: str) -> str:
    """Return the request URL of an extract for users to copy; outlines are replaced by their box.

    Args:
        service: the service, from `services.presentation.shown`.
        layer: one of its layers.
        asked: result of `extract_form.checked`.
        geometry: name of the geometry attribute, "" if unknown.

    Raises:
        PreviewError: features are not available in a supported format.
    """
    crs = asked["crs"] if service["kind"] == "wfs" or "features" in service["parts"] else DEGREES
    box, _name = areas.around(asked) or (None, "")
    part = Part(box, tuple(asked["attributes"]), crs, geometry)
    return address(service, layer, part)


def names_attributes(address: str) -> bool:
    """Return whether a request URL selects attributes."""
    return any(name.lower() in ("propertyname", "properties") for name, _value in parse_qsl(urlsplit(address).query))
