"""Addresses that lead the portal to where it may not go; canaries listen there."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from dev.attack.canaries import FORBIDDEN
from dev.attack.classes import harvesting
from dev.attack.outcome import Attack, Outcome
from dev.attack.stage import Stage
from dev.attack.tables import table

#: Documents whose canaries may be asked late, by a job.
SETTLE_SECONDS = 3


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Every door that takes an address, with every spelling; every document that leads on to another."""
    yield from _spelled(stage)
    yield from _documents(stage)
    yield from _services(stage)


TYPES = ["ecosphere_csw", "ecosphere_dcat", "ecosphere_waf", "ecosphere_udata"]


def _give(stage: Stage, door: str, address: str) -> None:
    """Give an address to a door: the import, the preview of a source type, or the check of links."""
    editor, words = stage.people["editor"], stage.objects
    if door == "import":
        editor.action("ecosphere_dataset_import", url=address)
    elif door == "links":
        editor.action("resource_patch", id=words["dataset_resource"], url=address)
        editor.action("ecosphere_quality_recheck", id=words["dataset"])
    else:
        config = '{"tag": "eau"}' if door == "ecosphere_udata" else ""
        editor.action("ecosphere_harvest_trial_start", url=address, source_type=door, config=config)


def _spelled(stage: Stage) -> Iterator[Outcome]:
    tried: list[tuple[str, str]] = []
    for number, spelling in enumerate(table("ssrf")["spellings"]):
        # All source types share one way out; each meets some of the spellings, and all meet the plain one.
        types = [TYPES[number % len(TYPES)]] if number else TYPES
        for door in ("import", "links", *types):
            path = stage.canaries.path()
            address = spelling.format(host=FORBIDDEN, port=stage.canaries.port, path=path)
            _give(stage, door, address)
            tried.append((f"{door} with {address}", path))
    _settle(stage)
    for what, path in tried:
        asked = stage.canaries.asked(path)
        yield Outcome(what, asked, "the canary was asked" if asked else "")


def _settle(stage: Stage) -> None:
    """Wait until the background work that was started is done."""
    site, deadline = stage.people["sysadmin"], time.monotonic() + stage.patience * 10
    time.sleep(SETTLE_SECONDS)
    while time.monotonic() < deadline and site.action("job_list").result:
        time.sleep(1)


def _documents(stage: Stage) -> Iterator[Outcome]:
    """Documents at an address that is allowed, and texts that are sent, which name a canary."""
    editor = stage.people["editor"]
    for line in table("ssrf")["documents"]:
        for door in ("address", "text", "harvest"):
            path = stage.canaries.path()
            text = stage.filled(_text(line), canary=stage.canaries.address(path))
            address = stage.hostile.place(text, line["content_type"])
            if door == "address":
                editor.action("ecosphere_dataset_import", url=address)
            elif door == "text":
                editor.action("ecosphere_dataset_import", content=text)
            else:
                harvesting.run(stage, f"ecosphere_{line.get('type', 'dcat')}", address, seconds=stage.patience)
            asked = stage.canaries.asked(path)
            yield Outcome(f"{line['name']} by {door}", asked, "the canary was asked" if asked else "")
    for name in table("ssrf")["behaviours"]:
        type_ = name["type"]
        editor.action("ecosphere_dataset_import", url=f"{stage.hostile.url}/do/{name['do']}")
        harvesting.run(stage, type_, f"{stage.hostile.url}/do/{name['do']}", seconds=stage.patience)
        asked = stage.canaries.asked(stage.hostile.paths.get(name["canary"], ""))
        yield Outcome(f"{name['do']} as {type_}", asked, "the canary was asked" if asked else "")


def _text(line: dict[str, Any]) -> str:
    return line["text"] if isinstance(line["text"], str) else json.dumps(line["text"])


def _services(stage: Stage) -> Iterator[Outcome]:
    """The ports of the portal's own database, queue and index, which the demonstration's network would allow."""
    editor = stage.people["editor"]
    for name, port in stage.services.items():
        for spelling in table("ssrf")["services"]:
            address = spelling.format(port=port)
            answer = editor.action("ecosphere_dataset_import", url=address)
            told = json.dumps((answer.json or {}).get("error", {}), ensure_ascii=False).lower()
            reached = answer.success or not any(word in told for word in table("ssrf")["refusals"])
            yield Outcome(f"the import with {address} ({name})", reached, told[:160] if reached else "")


ATTACK = Attack("ssrf", "No address or document leads the portal to where it may not go.", attempts)
