"""Classes of attack through addresses: hostile sources of harvests,
and addresses that lead where they may not.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from dev.attack.client import Client
from dev.attack.hostile import FORBIDDEN, settings_for
from dev.attack.stage import WORKER_BYTES, Outcome, Stage
from dev.attack.tables import table

ENDED = ("Finished", "Aborted")
#: Messages that show an error which the portal did not expect.
UNEXPECTED = re.compile(r"unexpected fault|imprévu|Traceback|Error\(", re.IGNORECASE)
#: Sources harvested at a time: there are two workers, and a slow source must not delay too many
#: others.
BATCH = 8
#: Longest wait for a batch, as a multiple of the stage's patience.
LONGEST = 8
#: Entry points of addresses besides the import. All of them make requests through the same guard.
DOORS = ["links", "ecosphere_csw", "ecosphere_dcat", "ecosphere_waf", "ecosphere_udata"]
#: A tile of mainland France, and a box around it.
TILE, BOX = "carte/5/16/11", "-5,41,10,51"


# --- a harvest ---


@dataclass
class Harvest:
    """A harvest, as it was started and as it ended.

    Attributes:
        source: id of the source; empty if it was refused.
        job: id of the job.
        refused: why the source could not be created; empty if it was.
        begin: start, on the monotonic clock.
        status: status of the job at the end of the wait.
        seconds: duration.
        stats: counts of the job: added, errored etc.
        errors: messages of the report.
        state: result of `ecosphere_harvest_job_show`.
    """

    source: str = ""
    job: str = ""
    refused: str = ""
    begin: float = field(default_factory=time.monotonic)
    status: str = ""
    seconds: float = 0.0
    stats: dict[str, Any] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)


def start(stage: Stage, type_: str, url: str, *, config: str = "", title: str = "") -> Harvest:
    """Create a source as an editor and start its harvest."""
    editor, name = stage.people["editor"], f"attack-h-{secrets.token_hex(4)}"
    fields = {"name": name, "title": title or name, "url": url, "source_type": type_, "frequency": "MANUAL"}
    fields |= {"config": config or settings_for(type_, url), "owner_org": stage.objects["service_id"]}
    made = editor.action("harvest_source_create", fields)
    if not made.success:
        return Harvest(refused=made.short)
    source = made.result["id"]
    job = editor.action("harvest_job_create", source_id=source, run=True).result or {}
    return Harvest(source, job.get("id", ""))


def wait(stage: Stage, harvest: Harvest, *, seconds: float = 45.0) -> Harvest:
    """Wait for a harvest to end, abort it after `seconds`, and return it with its result."""
    if harvest.refused:
        return harvest
    site, job = stage.people["sysadmin"], harvest.job
    while harvest.status not in ENDED and time.monotonic() - harvest.begin < seconds:
        time.sleep(0.5)
        shown = site.action("harvest_job_show", id=job).result or {}
        harvest.status, harvest.stats = shown.get("status", ""), shown.get("stats") or {}
    harvest.seconds = time.monotonic() - harvest.begin
    report = site.action("harvest_job_report", id=job).result or {}
    harvest.errors = [str(error.get("message")) for error in report.get("gather_errors", [])]
    for described in (report.get("object_errors") or {}).values():
        harvest.errors += [str(error["message"]) for error in described["errors"]]
    harvest.state = site.action("ecosphere_harvest_job_show", id=job).result or {}
    if harvest.status != "Finished":
        site.action("harvest_job_abort", id=job)
        site.action("harvest_job_abort", id=harvest.source)
    return harvest


def remove(stage: Stage, harvest: Harvest) -> None:
    """Remove a source and its datasets."""
    if not harvest.refused:
        stage.people["sysadmin"].action("harvest_source_clear", id=harvest.source)
        stage.people["sysadmin"].action("harvest_source_delete", id=harvest.source)


def finish(stage: Stage, harvest: Harvest, *, seconds: float = 45.0) -> Harvest:
    """Wait for a harvest to end, as `wait` does, and remove its source."""
    wait(stage, harvest, seconds=seconds)
    remove(stage, harvest)
    return harvest


def datasets_of(stage: Stage, harvest: Harvest) -> list[dict[str, Any]]:
    """Return the datasets of a source."""
    query = {"fq": f'harvest_source_id:"{harvest.source}"', "rows": 60, "include_private": True}
    return (stage.people["sysadmin"].action("package_search", query).result or {}).get("results", [])


def records_of(stage: Stage, harvest: Harvest) -> list[str]:
    """Return the ids of the records of a source."""
    return stage.people["sysadmin"].action("harvest_object_list", source_id=harvest.source).result or []


# --- hostile sources ---


def sources(stage: Stage) -> Iterator[Outcome]:
    """A hostile source costs its own harvest only; honest records arrive."""
    lines = table("sources")
    for first in range(0, len(lines), BATCH):
        yield from _batch(stage, lines[first : first + BATCH])


def _batch(stage: Stage, lines: list[dict[str, Any]]) -> Iterator[Outcome]:
    """Harvest some sources: each job must end by itself, within its memory,
    and import the valid records.
    """
    stage.load.begin()
    begun = []
    for line in lines:
        url = f"{stage.hostile.url}/{line.get('path') or 'doc/' + line['name']}"
        # ckanext-harvest refuses a second source with the same URL and settings.
        address = f"{url}/{line['type']}" if "path" in line else url
        begun.append((line, url, start(stage, line["type"], address, config=line.get("config", ""))))
    for _line, _url, harvest in begun:
        finish(stage, harvest, seconds=stage.patience * LONGEST)
    for line, url, harvest in begun:
        yield from _judged(stage, line, url, harvest)
    names = ", ".join(line["name"] for line in lines)
    yield Outcome(f"{names} fit in memory", stage.load.peak > WORKER_BYTES, f"{stage.load.peak / 1e6:.0f} MB")
    stage.waits(lambda: stage.load.sample() <= WORKER_BYTES)  # until the workers have released their memory


def _judged(stage: Stage, line: dict[str, Any], url: str, harvest: Harvest) -> Iterator[Outcome]:
    name, questions = f"{line['name']} ({line['type']})", stage.hostile.questions[url]
    if harvest.refused:
        yield Outcome(f"{name}: the source can be made", not line.get("refused"), harvest.refused)
        return
    yield Outcome(f"{name} is read", not questions, "nobody asked for it: nothing was tested")
    detail = f"{harvest.status} after {harvest.seconds:.0f} s, {questions} questions, "
    detail += f"{stage.hostile.bytes[url] / 1e6:.0f} MB"
    yield Outcome(f"{name} ends by itself", harvest.status != "Finished", detail)
    faults = [error for error in harvest.errors if UNEXPECTED.search(error)]
    yield Outcome(f"{name} is understood", bool(faults), " ".join(faults[:1])[:200])
    if line.get("good"):
        # Another source of the batch may already have imported the same valid record.
        lost = arrived(harvest) < line["good"]
        yield Outcome(f"{name}: honest records arrive", lost, f"{harvest.stats} {harvest.errors[:2]}"[:300])
    if line.get("incomplete"):
        claims = harvest.state.get("complete") is True
        yield Outcome(f"{name} is told to be incomplete", claims, "it is called complete")


def arrived(harvest: Harvest) -> int:
    """Return the number of records that a harvest has read."""
    return sum(harvest.stats.get(what, 0) for what in ("added", "updated", "not modified"))


# --- addresses that lead where they may not (SSRF), with canaries there ---


def ssrf(stage: Stage) -> Iterator[Outcome]:
    """No address or document leads the portal to where it may not go."""
    yield from _spelled(stage)
    yield from _documents(stage)
    yield from _services(stage)
    yield from previews(stage)


def _give(stage: Stage, door: str, address: str) -> None:
    """Give a URL to an entry point: the import, the preview of a source type,
    or the links of a dataset.
    """
    editor = stage.people["editor"]
    if door == "import":
        editor.action("ecosphere_dataset_import", url=address)
    elif door == "links":
        editor.action("resource_create", package_id=stage.objects["dataset"], name="Lien", url=address)
    else:
        fields = {"source_type": door, "config": settings_for(door, address), "url": address}
        trial = editor.action("ecosphere_harvest_trial_start", fields).result

        def is_over() -> bool:
            shown = editor.action("ecosphere_harvest_trial_show", id=(trial or {}).get("id", "")).result
            return (shown or {}).get("state") != "waiting"

        if trial:  # one at a time: only a few previews of a person may be queued
            stage.waits(is_over, pause=0.2)


def _spelling(stage: Stage, spelling: str, path: str) -> str:
    return spelling.format(host=FORBIDDEN, port=stage.canaries.port, path=path)


def _unasked(stage: Stage, tried: list[tuple[str, str]]) -> Iterator[Outcome]:
    """Judge attempts by their canaries."""
    for what, path in tried:
        yield Outcome(what, stage.canaries.asked(path), "the canary was asked")


def _read(stage: Stage, tried: list[tuple[str, str]]) -> Iterator[Outcome]:
    """Judge whether the addresses of the hostile server were asked for."""
    for what, url in tried:
        unread = not stage.hostile.questions[url]
        yield Outcome(f"{what} is read", unread, "nobody asked for it: nothing was tested")


def _spelled(stage: Stage) -> Iterator[Outcome]:
    """Give every spelling of a forbidden address to the import and another entry point,
    the plain one to all.
    """
    tried = []
    for number, spelling in enumerate(table("ssrf")["spellings"]):
        doors = [DOORS[number % len(DOORS)]] if number else DOORS
        for door in ("import", *doors):
            path = stage.canaries.path()
            address = _spelling(stage, spelling, path)
            _give(stage, door, address)
            tried.append((f"{door} with {address}", path))
    checked = stage.people["editor"].action("ecosphere_quality_recheck", id=stage.objects["dataset"])
    yield Outcome("the links are checked", not (checked.result or {}).get("queued"), checked.short)
    stage.settle()
    yield from _unasked(stage, tried)


def _documents(stage: Stage) -> Iterator[Outcome]:
    """Submit documents that refer to a canary: from an allowed URL, as text,
    and through a harvest.
    """
    editor, tried, read, harvests = stage.people["editor"], [], [], []
    for line in table("ssrf")["documents"]:
        for door in ("address", "text", "harvest"):
            path = stage.canaries.path()
            text = line["text"] if isinstance(line["text"], str) else json.dumps(line["text"])
            text = stage.filled(text, canary=stage.canaries.address(path))
            address = stage.hostile.place(text, line["content_type"])
            if door == "address":
                editor.action("ecosphere_dataset_import", url=address)
            elif door == "text":
                editor.action("ecosphere_dataset_import", content=text)
            else:
                harvests.append(start(stage, f"ecosphere_{line.get('type', 'dcat')}", address))
                read.append((f"{line['name']}, harvested,", address))
            tried.append((f"{line['name']} by {door}", path))
    for line in table("ssrf")["behaviours"]:
        url = f"{stage.hostile.url}/do/{line['do']}"
        editor.action("ecosphere_dataset_import", url=url)
        harvests.append(start(stage, line["type"], f"{url}/{line['type']}"))
        read.append((f"{line['do']} as {line['type']}", url))
        stage.hostile.canary(line["canary"])
        tried.append((f"{line['do']} as {line['type']}", stage.hostile.paths[line["canary"]]))
    for harvest in harvests:  # all are started before the first is waited for: most of their time is spent in the queue
        finish(stage, harvest, seconds=stage.patience * len(harvests))
    lost = [f"{harvest.status} {harvest.refused}" for harvest in harvests if harvest.status not in ENDED]
    yield Outcome("the harvests of these documents end", bool(lost), f"{len(lost)} of {len(harvests)}, as {lost[:1]}")
    yield from _read(stage, read)
    yield from _unasked(stage, tried)


def _services(stage: Stage) -> Iterator[Outcome]:
    """Import from the ports of the portal's own database, queue and index,
    whose network the demonstration allows.
    """
    lines = table("ssrf")
    for name, port in stage.services.items():
        for spelling in lines["services"]:
            address = spelling.format(port=port)
            answer = stage.people["editor"].action("ecosphere_dataset_import", url=address)
            told = json.dumps((answer.json or {}).get("error", {}), ensure_ascii=False).lower()
            reached = answer.success or not any(word in told for word in lines["refusals"])
            yield Outcome(f"the import with {address} ({name})", reached, told[:160])


# --- what shows data: services, map images, samples, documents, extracts ---


def previews(stage: Stage) -> Iterator[Outcome]:
    """Describe resources on forbidden addresses, and on an allowed one that leads there,
    and have all of them shown.
    """
    tried, read, resources = [], [], []
    for what, url, kind, path in _resources(stage):
        resource = described(stage, url, kind)
        if resource:
            resources.append(resource)
        if url.startswith(stage.hostile.url):
            read.append((what, url))
        tried.append((what, path))
    stage.settle()  # the services are read
    for resource in resources:
        show(stage.fresh(), stage.objects["dataset_name"], resource)
    wait_for_previews(stage, resources)
    stage.settle()
    yield from _read(stage, read)
    yield from _unasked(stage, tried)


def _resources(stage: Stage) -> Iterator[tuple[str, str, dict[str, Any], str]]:
    """Yield what is tried, the URL, the fields of the resource, and the path of the canary."""
    formats = table("ssrf")["previews"]["formats"]
    for number, spelling in enumerate(table("ssrf")["spellings"]):
        # The plain spelling is tried with every format, the others with one each.
        for kind in formats if not number else [formats[number % len(formats)]]:
            path = stage.canaries.path()
            url = _spelling(stage, spelling, path)
            stage.people["editor"].action("ecosphere_access_service_read", url=url, format=kind["format"])
            yield f"{kind['format']} at {url}", url, kind, path
    for kind in formats:
        path = stage.canaries.path()
        yield f"{kind['format']} that redirects", stage.hostile.lead(stage.canaries.address(path)), kind, path
    for line in table("ssrf")["previews"]["documents"]:
        path = stage.canaries.path()
        canary = stage.canaries.address(path)
        url = stage.hostile.place(line["text"].replace("{canary}", canary), line["content_type"])
        yield line["name"], url, stage.filled(line["resource"], canary=canary), path


def described(stage: Stage, url: str, kind: dict[str, Any]) -> str:
    """Return the id of a new resource, empty if it was refused."""
    fields = {"package_id": stage.objects["dataset"], "name": "Accès", **kind}
    fields["url"] = url + fields.pop("ending", "")
    return (stage.people["editor"].action("resource_create", fields).result or {}).get("id", "")


def show(visitor: Client, dataset: str, resource: str) -> None:
    """Open everything that a visitor without an account can open of a resource."""
    place = f"/dataset/{dataset}/resource/{resource}"
    visitor.post(f"{place}/apercu")
    visitor.get(f"{place}/voir")
    visitor.get(f"{place}/{TILE}")
    visitor.action("ecosphere_access_extract_create", resource_id=resource, box=BOX, format="geojson")


def preview_of(stage: Stage, resource: str) -> dict[str, Any]:
    """Return the state or the content of the preview of a resource."""
    address = f"/dataset/{stage.objects['dataset_name']}/resource/{resource}/apercu"
    state = stage.people["nobody"].get(address).json
    return state if isinstance(state, dict) else {}


def wait_for_previews(stage: Stage, resources: list[str]) -> None:
    """Wait until no preview of these resources is pending: one job makes all of them,
    and is in no queue meanwhile.
    """

    def are_over() -> bool:
        return all(preview_of(stage, resource).get("state") != "wanted" for resource in resources)

    stage.waits(are_over, times=10, pause=2)
