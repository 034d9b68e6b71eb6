"""Attack: server-side request forgery (SSRF), with canaries on the forbidden addresses."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from dev.attack.canaries import FORBIDDEN
from dev.attack.classes import harvesting, previewing
from dev.attack.hostile import settings_for
from dev.attack.outcome import Attack, Outcome
from dev.attack.settling import settle
from dev.attack.stage import Stage
from dev.attack.tables import table

PAUSE_SECONDS = 0.2


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Give every spelling to the entry points that take a URL, then try documents that refer to other URLs."""
    yield from _spelled(stage)
    yield from _documents(stage)
    yield from _services(stage)
    yield from previewing.attempts(stage)


#: Entry points besides the import. All of them make requests through the same guard.
DOORS = ["links", "ecosphere_csw", "ecosphere_dcat", "ecosphere_waf", "ecosphere_udata"]


def _give(stage: Stage, door: str, address: str) -> None:
    """Give a URL to an entry point: the import, the preview of a source type, or the links of a dataset."""
    editor, words = stage.people["editor"], stage.objects
    if door == "import":
        editor.action("ecosphere_dataset_import", url=address)
    elif door == "links":
        editor.action("resource_create", package_id=words["dataset"], name="Lien", url=address)
    else:
        fields = {"source_type": door, "config": settings_for(door, address)}
        trial = editor.action("ecosphere_harvest_trial_start", fields, url=address)
        # One at a time: only a few previews of a person may be queued.
        identifier, deadline = (trial.result or {}).get("id", ""), time.monotonic() + stage.patience
        while trial.success and time.monotonic() < deadline:
            shown = editor.action("ecosphere_harvest_trial_show", id=identifier)
            if (shown.result or {}).get("state") != "waiting":
                break
            time.sleep(PAUSE_SECONDS)


def _spelled(stage: Stage) -> Iterator[Outcome]:
    tried: list[tuple[str, str]] = []
    for number, spelling in enumerate(table("ssrf")["spellings"]):
        # The import gets every spelling, the other entry points some of them; all get the plain one.
        doors = [DOORS[number % len(DOORS)]] if number else DOORS
        for door in ("import", *doors):
            path = stage.canaries.path()
            address = spelling.format(host=FORBIDDEN, port=stage.canaries.port, path=path)
            _give(stage, door, address)
            tried.append((f"{door} with {address}", path))
    checked = stage.people["editor"].action("ecosphere_quality_recheck", id=stage.objects["dataset"])
    yield Outcome("the links are checked", not (checked.result or {}).get("queued"), checked.short)
    settle(stage)
    for what, path in tried:
        asked = stage.canaries.asked(path)
        yield Outcome(what, asked, "the canary was asked" if asked else "")


def _documents(stage: Stage) -> Iterator[Outcome]:
    """Submit documents that refer to a canary: from an allowed URL, as text, and through a harvest."""
    editor = stage.people["editor"]
    tried: list[tuple[str, str]] = []
    read: list[tuple[str, str]] = []
    harvests: list[harvesting.Started] = []
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
                harvests.append(harvesting.start(stage, f"ecosphere_{line.get('type', 'dcat')}", address))
                read.append((f"{line['name']} is read by the harvest", address))
            tried.append((f"{line['name']} by {door}", path))
    for line in table("ssrf")["behaviours"]:
        url = f"{stage.hostile.url}/do/{line['do']}"
        editor.action("ecosphere_dataset_import", url=url)
        harvests.append(harvesting.start(stage, line["type"], f"{url}/{line['type']}"))
        read.append((f"{line['do']} is read as {line['type']}", url))
        stage.hostile.canary(line["canary"])
        tried.append((f"{line['do']} as {line['type']}", stage.hostile.paths[line["canary"]]))
    # All are started before waiting for the first: most of their time is spent in the queue.
    longest = stage.patience * len(harvests)
    ended = [harvesting.finish(stage, each, seconds=longest) for each in harvests]
    lost = [f"{each.status} {each.refused}" for each in ended if each.status not in harvesting.ENDED]
    yield Outcome("the harvests of these documents end", bool(lost), f"{len(lost)} of {len(harvests)}, as {lost[:1]}")
    for what, url in read:
        unread = not stage.hostile.questions[url]
        yield Outcome(what, unread, "nobody asked for it: nothing was tested" if unread else "")
    for what, path in tried:
        asked = stage.canaries.asked(path)
        yield Outcome(what, asked, "the canary was asked" if asked else "")


def _text(line: dict[str, Any]) -> str:
    return line["text"] if isinstance(line["text"], str) else json.dumps(line["text"])


def _services(stage: Stage) -> Iterator[Outcome]:
    """Import from the ports of the portal's own database, queue and index, whose network the demonstration allows."""
    editor = stage.people["editor"]
    for name, port in stage.services.items():
        for spelling in table("ssrf")["services"]:
            address = spelling.format(port=port)
            answer = editor.action("ecosphere_dataset_import", url=address)
            told = json.dumps((answer.json or {}).get("error", {}), ensure_ascii=False).lower()
            reached = answer.success or not any(word in told for word in table("ssrf")["refusals"])
            yield Outcome(f"the import with {address} ({name})", reached, told[:160] if reached else "")


ATTACK = Attack("ssrf", "No address or document leads the portal to where it may not go.", attempts)
