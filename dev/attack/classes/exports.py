"""Attack: texts of outsiders that are code for whoever reads an export: stylesheets, layer definitions, citations…"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from ckanext.ecosphere.tests import hostile_records
from dev.attack import readers
from dev.attack.classes import harvesting
from dev.attack.client import Answer, Client
from dev.attack.hostile_behaviours import CSW
from dev.attack.outcome import Attack, Outcome
from dev.attack.stage import Stage
from dev.attack.tables import table

READERS = ("nobody", "editor")
OK, UNAVAILABLE = 200, 503
#: Longest wait for an export that a worker makes.
READY_SECONDS = 60.0


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Describe datasets, make requests and harvest records with hostile texts, then read every export."""
    lines = table("exports")
    datasets = list(_described(stage, lines))
    yield Outcome("datasets can be described", not datasets, "none was accepted: nothing was tested")
    for number, name in enumerate(datasets):  # everybody gets the same
        yield from _read(stage, READERS[number % len(READERS)], stage.filled(lines["exports"], this=name))
    records = hostile_records.records(stage.hostile.canary("exports"))
    whole = CSW.format(matched=len(records), returned=len(records), following=0, records="".join(records.values()))
    started = harvesting.start(stage, "ecosphere_csw", stage.hostile.place(whole, "application/xml"))
    yield from _corrections(stage, lines, records, started)
    for person in READERS:
        yield from _read(stage, person, stage.filled(lines["everything"]))
    harvesting.remove(stage, started)


def _described(stage: Stage, lines: dict[str, Any]) -> Iterator[str]:
    """Create a dataset and a request for each text; yield the names of the datasets that were accepted."""
    editor = stage.people["editor"]
    base = stage.people["sysadmin"].action("package_show", id=stage.objects["dataset"]).result or {}
    kept = {key: value for key, value in base.items() if key in lines["kept"]}
    addresses = lines["addresses"]
    for number, text in enumerate(lines["texts"]):
        fields = kept | {"name": f"attack-export-{number}-{stage.objects['run']}", "title": text, "notes": text}
        fields["contact"] = fields["creator"] = [{"name": text, "email": "a@guichet.example"}]
        fields["version"] = text[:100]
        resources = [{"url": address, "name": text, "description": text} for address in addresses]
        made = editor.action("package_create", fields | {"resources": resources})
        if not made.success:  # an address may be refused, and with it everything
            fields["resources"] = [{"url": addresses[number % len(addresses)], "name": text}]
            made = editor.action("package_create", fields)
        if not made.success:
            fields["resources"] = [{"url": "https://a.example/x.gpkg", "name": text}]
            made = editor.action("package_create", fields)
        _ask(stage, text)
        if made.success:
            yield made.result["name"]


def _ask(stage: Stage, text: str) -> None:
    """Make a request for data with a text as title, and hand it over to the attacked service."""
    person, moderator = stage.people["rival"], stage.people["moderator"]  # members of services may ask more often
    asked = {"title": text, "description": text, "use": "research", "theme": "eau", "territory": "departement-01"}
    made = person.action("ecosphere_request_create", asked, visibility="public").result
    if not made:
        return
    sent = {"transition": "submit", "version": 1, "similar_seen": True}
    version = (person.action("ecosphere_request_transition", sent, id=made["id"]).result or {}).get("version")
    moved = {"id": made["id"], "version": version, "organization": stage.objects["service"], "reason": "attaque"}
    if not moderator.action("ecosphere_request_transition", moved, transition="accept").success:
        moderator.action("ecosphere_request_transition", moved, transition="transfer")


def _read(stage: Stage, person: str, exports: list[list[str]]) -> Iterator[Outcome]:
    client = stage.people[person] if person == "nobody" else _session(stage, person)
    for path, kind in exports:
        yield from judged(path, person, kind, _when_ready(client, path))


def _when_ready(client: Client, path: str) -> Answer:
    """Ask for an export, and again when the portal says to come later, for a minute at most."""
    end = time.monotonic() + READY_SECONDS
    answer = client.get(path)
    while answer.status == UNAVAILABLE and "Retry-After" in answer.headers and time.monotonic() < end:
        time.sleep(float(answer.headers["Retry-After"]))
        answer = client.get(path)
    return answer


def _session(stage: Stage, person: str) -> Client:
    """Return the client of a person with a session, the same each time."""
    sessions = stage.objects.setdefault("export_sessions", {})
    if person not in sessions:
        sessions[person] = stage.logged_in(person)
    return sessions[person]


def judged(path: str, person: str, kind: str, answer: Answer) -> Iterator[Outcome]:
    """Yield what the reader of an export finds; nothing for an export that the person does not get."""
    if answer.status >= 500:
        yield Outcome(f"{path} as {person}", True, answer.short)
    if answer.status != OK:
        return
    faults = [*readers.READERS[kind](answer.body), *readers.headers(answer.headers.get("Content-Disposition", ""))]
    yield Outcome(f"{path} as {person}, read as {kind}", bool(faults), "; ".join(faults[:2]))


def _corrections(
    stage: Stage, lines: dict[str, Any], records: dict[str, str], started: harvesting.Started
) -> Iterator[Outcome]:
    """Read the corrections for hostile records, when they are harvested, and run their stylesheet on each of them."""
    found = harvesting.wait(stage, started, seconds=stage.patience * 4)
    read = sum(found.stats.get(what, 0) for what in ("added", "updated", "not modified"))
    yield Outcome(f"{len(records)} hostile records are harvested", not read, f"{found.status} {found.errors[:2]}")
    client = _session(stage, "editor")
    for path, kind in stage.filled(lines["corrections"], source=started.source, job=started.job):
        answer = client.get(path)
        yield Outcome(f"{path} is there", answer.status != OK, answer.short)
        yield from judged(path, "editor", kind, answer)
        for name, text in records.items() if kind == "xsl" and answer.status == OK else ():
            faults = list(readers.stylesheet(answer.body, text.encode()))
            yield Outcome(f"the stylesheet, run on the record {name!r}", bool(faults), "; ".join(faults[:2]))
    asked = stage.canaries.asked(stage.hostile.paths["exports"])
    yield Outcome("no address of a record is read", asked, "the canary was asked")


ATTACK = Attack("exports", "No export contains text of outsiders that is code for its reader.", attempts)
