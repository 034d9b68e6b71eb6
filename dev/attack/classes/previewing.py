"""Give URLs to the entry points that show data: services, map images, samples, documents and extracts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dev.attack.canaries import FORBIDDEN
from dev.attack.client import Client
from dev.attack.outcome import Outcome
from dev.attack.settling import settle
from dev.attack.stage import Stage
from dev.attack.tables import table

#: A tile of mainland France.
TILE = "carte/5/16/11"
BOX = "-5,41,10,51"
PAUSE_SECONDS = 2


@dataclass(frozen=True)
class Given:
    """A resource with a hostile URL.

    Attributes:
        what: the attempt.
        resource: id of the resource, empty if the URL was refused.
        canary: canary path of the attempt.
        read: URL of the hostile server that must have been asked, empty for none.
    """

    what: str
    resource: str
    canary: str
    read: str = ""


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Describe resources on forbidden addresses, and on an allowed one that leads there, and have all of them shown."""
    given = [*_spelled(stage), *_redirected(stage), *_documents(stage)]
    settle(stage)  # the services are read
    for each in given:
        if each.resource:
            show(stage.fresh(), stage.objects["dataset_name"], each.resource)
    wait(stage, [each.resource for each in given if each.resource])
    settle(stage)
    for each in given:
        unread = bool(each.read) and not stage.hostile.questions[each.read]
        yield Outcome(f"{each.what} is read", unread, "nobody asked for it: nothing was tested" if unread else "")
        asked = stage.canaries.asked(each.canary)
        yield Outcome(each.what, asked, "the canary was asked" if asked else "")


def wait(stage: Stage, resources: list[str]) -> None:
    """Wait until no preview of these resources is pending: one job makes all of them, and is in no queue meanwhile."""
    deadline, pending = time.monotonic() + stage.patience * 10, resources
    while pending and time.monotonic() < deadline:
        time.sleep(min(PAUSE_SECONDS, stage.patience))
        pending = [each for each in pending if _is_pending(stage, each)]


def _is_pending(stage: Stage, resource: str) -> bool:
    state = stage.people["nobody"].get(f"/dataset/{stage.objects['dataset_name']}/resource/{resource}/apercu").json
    return isinstance(state, dict) and state.get("state") == "wanted"


def _spelled(stage: Stage) -> Iterator[Given]:
    formats = table("ssrf")["previews"]["formats"]
    for number, spelling in enumerate(table("ssrf")["spellings"]):
        # The plain spelling is tried with every format, the others with one each.
        for kind in formats if not number else [formats[number % len(formats)]]:
            path = stage.canaries.path()
            url = spelling.format(host=FORBIDDEN, port=stage.canaries.port, path=path)
            stage.people["editor"].action("ecosphere_access_service_read", url=url, format=kind["format"])
            yield Given(f"{kind['format']} at {url}", described(stage, url, kind), path)


def _redirected(stage: Stage) -> Iterator[Given]:
    for kind in table("ssrf")["previews"]["formats"]:
        path = stage.canaries.path()
        url = stage.hostile.lead(stage.canaries.address(path))
        yield Given(f"{kind['format']} that redirects", described(stage, url, kind), path, url)


def _documents(stage: Stage) -> Iterator[Given]:
    for line in table("ssrf")["previews"]["documents"]:
        path = stage.canaries.path()
        canary = stage.canaries.address(path)
        url = stage.hostile.place(line["text"].replace("{canary}", canary), line["content_type"])
        kind = stage.filled(line["resource"], canary=canary)
        yield Given(f"{line['name']}", described(stage, url, kind), path, url)


def described(stage: Stage, url: str, kind: dict[str, Any]) -> str:
    """Return the id of a new resource, empty if it was refused."""
    more = {name: value for name, value in kind.items() if name != "ending"}
    fields = {"package_id": stage.objects["dataset"], "name": "Accès", "url": url + kind.get("ending", "")}
    return (stage.people["editor"].action("resource_create", fields, **more).result or {}).get("id", "")


def show(visitor: Client, dataset: str, resource: str) -> None:
    """Open everything that a visitor without an account can open of a resource."""
    place = f"/dataset/{dataset}/resource/{resource}"
    visitor.post(f"{place}/apercu")
    visitor.get(f"{place}/voir")
    visitor.get(f"{place}/{TILE}")
    visitor.action("ecosphere_access_extract_create", resource_id=resource, box=BOX, format="geojson")
