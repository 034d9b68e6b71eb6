"""Attack: texts that are slow to parse or render, through forms, the API, a harvest and an import."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any

from dev.attack.classes.slow_questions import judged
from dev.attack.outcome import Attack, Outcome
from dev.attack.stage import Stage
from dev.attack.tables import repeated, table

#: Number of texts of a kind that are put into every field of an entry point.
ALWAYS = 2
_NUMBERS = itertools.count(1)


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Save the texts through each entry point, then open the pages that show them."""
    lines = table("slow_texts")
    for door in lines["doors"]:
        for field, name, text in _shared_out(stage, door, lines["texts"]):
            yield from _put(stage, door, field, name, repeated(text))
    for path in stage.filled(lines["pages"]):
        yield judged(f"GET {path} afterwards", stage.people["nobody"].get(path))
    yield from _harvested(stage)


def _shared_out(stage: Stage, door: dict[str, Any], texts: dict[str, list[str]]) -> Iterator[tuple[str, str, str]]:
    """Yield (field, kind, text): the first texts of a kind for every field, the others for a field set by the seed."""
    fields = [str(field) for field in door["fields"]]
    for name in door["texts"]:
        turn = stage.random.randrange(len(fields))
        for number, text in enumerate(texts[name]):
            chosen = fields if number < ALWAYS else [fields[(number + turn) % len(fields)]]
            yield from ((field, name, text) for field in chosen)


def _put(stage: Stage, door: dict[str, Any], field: str, name: str, text: str) -> Iterator[Outcome]:
    person, what = stage.people[door["as"]], f"{door['action']} with {name} {text[:25]!r} × {len(text)}"
    data = stage.filled(door["data"], n=next(_NUMBERS))
    _set(data, field, text)
    answer = person.action(door["action"], data)
    yield judged(f"{what} as {field}", answer)
    if not answer.status:
        stage.revive()
    if answer.success and isinstance(answer.result, dict):
        stage.objects |= {word: answer.result[key] for word, key in door.get("keep", {}).items()}
        for path in door.get("pages", []):
            shown = path.replace("{this}", str(answer.result.get("id")))
            page = person.send("GET", stage.filled(shown), headers={"Authorization": person.token})
            yield judged(f"{shown} with {name} {text[:25]!r} × {len(text)} as {field}", page)


def _set(data: dict[str, Any], field: str, text: str) -> None:
    """Set a value by its dotted path, as `contact.0.email`; `field[]` takes the words of the text as a list."""
    *path, last = field.split(".")
    place: Any = data
    for part in path:
        place = place.setdefault(part, [{}]) if isinstance(place, dict) else place[int(part)]
    place[last.removesuffix("[]")] = text.split() if last.endswith("[]") else text


def _harvested(stage: Stage) -> Iterator[Outcome]:
    """Harvest records with such texts: the job must end in time, and their pages must answer in time."""
    editor, site = stage.people["editor"], stage.people["sysadmin"]
    fields = {"title": "Attaque lente", "name": f"attack-slow-{stage.objects['run']}", "frequency": "MANUAL"}
    fields |= {"url": f"{stage.hostile.url}/do/slow_csw", "source_type": "ecosphere_csw"}
    made = editor.action("harvest_source_create", fields, owner_org=stage.objects["service_id"])
    job = editor.action("harvest_job_create", source_id=(made.result or {}).get("id", ""), run=True)
    identifier, begin = (job.result or {}).get("id", ""), time.monotonic()
    longest, status = table("slow_texts")["harvest_seconds"], ""
    while time.monotonic() < begin + longest and status not in ("Finished", "Aborted"):
        time.sleep(1)
        status = (site.action("harvest_job_show", id=identifier).result or {}).get("status", "")
    ended = status == "Finished"
    yield Outcome("a harvest of slow texts ends", not ended, "" if ended else f"{status} after {longest} s")
    if not ended:
        site.action("harvest_job_abort", id=(made.result or {}).get("id", ""))
    source = (made.result or {}).get("id", "")
    found = site.action("package_search", fq=f'harvest_source_id:"{source}"', rows=50, include_private=True)
    for dataset in (found.result or {}).get("results", []):
        for path in (f"/fr/dataset/{dataset['id']}", f"/fr/dataset/{dataset['id']}/qualite"):
            yield judged(f"{path}: {dataset['title'][:40]}", stage.people["nobody"].get(path))
    query = f"/fr/dataset/?organization={stage.objects['service']}"
    yield judged("the list that shows them", stage.people["nobody"].get(query))
    for each in site.action("harvest_object_list", source_id=source).result or []:
        answer = site.get(f"/fr/ecosphere/harvest/record/{each}", headers={"Authorization": site.token})
        yield judged("the page of a record", answer)


ATTACK = Attack(
    "slow_texts", "No text of an outsider holds a process up, when it is saved or when it is shown.", attempts
)
