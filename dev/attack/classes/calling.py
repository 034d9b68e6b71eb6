"""Calls of API actions on other people's objects, from the table `actions`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

from dev.attack.outcome import Outcome
from dev.attack.stage import Stage
from dev.attack.tables import table

OWN_PREFIX = "ecosphere_"


def may(person: str, rule: Any) -> bool:
    """Return whether a rule of the table allows this person to call an action."""
    if isinstance(rule, list):
        return person in rule
    return rule == "all" or (rule == "known" and person != "nobody") or (rule == "member" and person == "member")


def spellings(stage: Stage, data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the data with objects given by id, then by name and by reference where they have one."""
    seen = []
    for suffix in ("", "_name", "_reference"):
        named = {word: stage.objects.get(f"{word}{suffix}", value) for word, value in stage.objects.items()}
        filled = stage.filled(data, **named)
        if filled not in seen:
            seen.append(filled)
            yield filled


def calls(stage: Stage, people: Iterable[str]) -> Iterator[Outcome]:
    """Call each action of the table as each person who may not call it."""
    known = {action.name for action in stage.inventory.actions}
    for name, line in table("actions").items():
        if name not in known:
            continue
        for person in people:
            if may(person, line.get("may")):
                continue
            for data in spellings(stage, line["data"]):
                answer = stage.people[person].action(name, data)
                through = answer.success and not (line.get("silent") and not _done(answer.result))
                yield Outcome(f"{name} {data} as {person}", through, answer.short if through else "")


def _done(result: Any) -> bool:
    """Return whether an action that reports what it did and did not do has done anything."""
    return bool(result.get("assigned", result.get("done", result))) if isinstance(result, dict) else bool(result)


def missing(stage: Stage) -> Iterator[Outcome]:
    """Report the actions of the suite that the table lacks, since they would not be attacked."""
    for action in stage.inventory.actions:
        if action.name.startswith(OWN_PREFIX):
            lacking = action.name not in table("actions")
            yield Outcome(f"{action.name} is in the table", lacking, "not in data/actions.yaml" if lacking else "")


def harvested(stage: Stage) -> None:
    """Harvest the source under attack, so that there is a job, a record and a preview to attack."""
    editor, site, words = stage.people["editor"], stage.people["sysadmin"], stage.objects
    fields = {"url": f"{stage.hostile.url}/do/good_csw", "source_type": "ecosphere_csw", "config": ""}
    words["trial"] = (editor.action("ecosphere_harvest_trial_start", fields).result or {}).get("id", "none")
    job = (editor.action("harvest_job_create", source_id=words["source"], run=True).result or {}).get("id", "none")
    words["harvest_job"], deadline = job, time.monotonic() + stage.patience
    while time.monotonic() < deadline:
        time.sleep(min(1, stage.patience))
        if (site.action("harvest_job_show", id=job).result or {}).get("status") == "Finished":
            break
    found = site.action("harvest_object_list", source_id=words["source"]).result
    words["harvest_object"] = found[0] if isinstance(found, list) and found else "none"
