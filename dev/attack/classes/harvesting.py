"""Create, harvest and remove a source."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from dev.attack.hostile import settings_for
from dev.attack.stage import Stage

ENDED = ("Finished", "Aborted")


@dataclass
class Harvest:
    """Outcome of a harvest.

    Attributes:
        refused: why the source could not be created; empty if it was.
        status: status of the job at the end of the wait.
        seconds: duration.
        stats: counts of the job: added, errored etc.
        errors: messages of the report.
        state: result of `ecosphere_harvest_job_show`.
    """

    refused: str = ""
    status: str = ""
    seconds: float = 0.0
    stats: dict[str, Any] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    state: dict[str, Any] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether the job finished by itself."""
        return self.status == "Finished"


@dataclass
class Started:
    """A harvest that was started.

    Attributes:
        source: id of the source; empty if it was refused.
        job: id of the job.
        refused: why the source could not be created.
        begin: start, on the monotonic clock.
    """

    source: str = ""
    job: str = ""
    refused: str = ""
    begin: float = field(default_factory=time.monotonic)


def start(stage: Stage, type_: str, url: str, *, config: str = "") -> Started:
    """Create a source as an editor and start its harvest."""
    editor = stage.people["editor"]
    name = f"attack-h-{secrets.token_hex(4)}"
    config = config or settings_for(type_, url)
    fields = {"name": name, "title": name, "url": url, "source_type": type_, "frequency": "MANUAL", "config": config}
    made = editor.action("harvest_source_create", fields, owner_org=stage.objects["service_id"])
    if not made.success:
        return Started(refused=made.short)
    source = made.result["id"]
    job = (editor.action("harvest_job_create", source_id=source, run=True).result or {}).get("id", "")
    return Started(source, job)


def finish(stage: Stage, started: Started, *, seconds: float = 45.0) -> Harvest:
    """Wait for a harvest to end, abort it after `seconds`, and remove its source."""
    found = wait(stage, started, seconds=seconds)
    remove(stage, started)
    return found


def remove(stage: Stage, started: Started) -> None:
    """Remove a source and its datasets."""
    if not started.refused:
        stage.people["sysadmin"].action("harvest_source_clear", id=started.source)
        stage.people["sysadmin"].action("harvest_source_delete", id=started.source)


def wait(stage: Stage, started: Started, *, seconds: float = 45.0) -> Harvest:
    """Wait for a harvest to end; abort it after `seconds`."""
    if started.refused:
        return Harvest(refused=started.refused)
    site, job = stage.people["sysadmin"], started.job
    found = Harvest()
    while found.status not in ENDED and time.monotonic() - started.begin < seconds:
        time.sleep(0.5)
        shown = site.action("harvest_job_show", id=job).result or {}
        found.status, found.stats = shown.get("status", ""), shown.get("stats") or {}
    found.seconds = time.monotonic() - started.begin
    report = site.action("harvest_job_report", id=job).result or {}
    found.errors = [str(each.get("message")) for each in report.get("gather_errors", [])]
    for described in (report.get("object_errors") or {}).values():
        found.errors += [str(each["message"]) for each in described["errors"]]
    found.state = site.action("ecosphere_harvest_job_show", id=job).result or {}
    if not found.ended:
        site.action("harvest_job_abort", id=job)
        site.action("harvest_job_abort", id=started.source)
    return found


def run(stage: Stage, type_: str, url: str, *, config: str = "", seconds: float = 45.0) -> Harvest:
    """Create a source as an editor, harvest it to the end and remove it."""
    return finish(stage, start(stage, type_, url, config=config), seconds=seconds)
