"""Attack: cross-site scripting through every text that people and sources provide, detected in a real browser."""

from __future__ import annotations

import html
import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from dev.attack import browser
from dev.attack.classes import previewing
from dev.attack.client import Client
from dev.attack.hostile import settings_for
from dev.attack.outcome import Attack, Outcome
from dev.attack.stage import Stage
from dev.attack.tables import table

ESCAPES: dict[str, Callable[[str], str]] = {
    "csv": lambda text: text.replace('"', '""'),
    "json": lambda text: json.dumps(text)[1:-1],
    "xml": html.escape,
}
"""How a file of a kind holds any text."""


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Submit the payloads through each entry point, then open the pages that may show them."""
    lines, seen = table("xss"), dict[str, None]()
    with browser.opened(stage.url) as window:
        for words, doors in _groups(lines):
            shown = dict.fromkeys(page for door in doors for page in _through(stage, door, words))
            seen |= shown
            # Open them now: the next group replaces this one.
            for path, owned in window.open(shown):
                yield Outcome(f"{path} with {str(words['first'])[:60]!r}", bool(owned), owned)
    previews: list[str] = []
    for resource, outcome in _previewed(stage, lines):
        previews.append(f"/fr/dataset/{stage.objects['dataset_name']}/resource/{resource}")
        yield outcome
    pages = dict.fromkeys([*stage.filled(lines["always"]), *_harvested(stage), *previews])
    firsts = [quote(group[0], safe="") for group in lines["payloads"]]
    reflected = dict.fromkeys(path.replace("{payload}", each) for path in lines["reflected"] for each in firsts)
    # Anonymously, the pages of `seen` have already been opened above.
    for person, wanted in (("nobody", pages | reflected), ("sysadmin", pages | seen)):
        cookies = stage.logged_in(person).cookies if person != "nobody" else None
        with browser.opened(stage.url, cookies) as window:
            for path, owned in window.open(wanted):
                yield Outcome(f"{path} as {person}", bool(owned), owned)
    yield from _imported(stage)
    yield from _scripts(stage, lines["scripts"])


def _scripts(stage: Stage, paths: list[str]) -> Iterator[Outcome]:
    """Request URLs that might be answered as JavaScript of the portal's origin, which its CSP lets every page run."""
    for path in paths:
        answer = stage.people["nobody"].get(path)
        runs = "javascript" in answer.headers.get("Content-Type", "") and "__owned" in answer.body
        yield Outcome(f"{path} as a script", runs, answer.short if runs else "")


def _groups(lines: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Yield the words filled in for each payload, with the entry points that take them."""
    for number, group in enumerate(lines["payloads"]):
        words = {"line": " ".join(group), "text": "\n\n".join(group), "first": group[0], "n": number}
        yield words, lines["doors"]
    for number, address in enumerate(lines["addresses"]):
        text = f"[lien]({address}) <{address}> ![x]({address})"
        yield {"address": address, "first": address, "n": f"a{number}", "text": text}, lines["address_doors"]


def _through(stage: Stage, door: dict[str, Any], words: dict[str, Any]) -> list[str]:
    """Submit a payload through an entry point; return the pages that may show it, none if it was refused."""
    person, data = stage.people[door["as"]], stage.filled(door["data"], **words)
    if door.get("like_dataset"):
        data = {**_publishable(stage), **data}
    answer = person.action(door["action"], data)
    if not answer.success:
        return []
    result = answer.result if isinstance(answer.result, dict) else {}
    made = {**words, "this": result.get("id", ""), "this_name": result.get("name", "")}
    resources = result.get("resources") or [{}]
    made["this_resource"] = resources[0].get("id", "x")
    for step in door.get("then", []):
        person.action(step["action"], stage.filled(step["data"], **made, version=result.get("version", 1)))
    return stage.filled(door["pages"], **made)


def _previewed(stage: Stage, lines: dict[str, Any]) -> Iterator[tuple[str, Outcome]]:
    """Have files with the payloads previewed; yield their resources, and whether there is a preview to look at."""
    dataset = stage.objects["dataset_name"]
    for group in lines["payloads"]:
        resources: dict[str, str] = {}
        for file in lines["files"]:
            payload = ESCAPES[file["holds"]](" ".join(group))
            url = stage.hostile.place(file["text"].replace("{payload}", payload), file["content_type"])
            resources[previewing.described(stage, url, {"format": file["format"]})] = file["format"]
        for resource in resources:
            previewing.show(stage.fresh(), dataset, resource)
        previewing.wait(stage, list(resources))
        for resource, kind in resources.items():
            state = stage.people["nobody"].get(f"/dataset/{dataset}/resource/{resource}/apercu").json or {}
            unmade = "state" in state
            why = f"nothing to look at: {state.get('message', state['state'])}" if unmade else ""
            yield resource, Outcome(f"{kind} with {group[0][:60]!r} is previewed", unmade, why)


def _publishable(stage: Stage) -> dict[str, Any]:
    """Return the fields that a public dataset needs, copied from the dataset under attack."""
    base = stage.people["sysadmin"].action("package_show", id=stage.objects["dataset"]).result or {}
    return {key: base[key] for key in table("formulas")["kept"] if key in base} | {"contact": base.get("contact")}


def _harvested(stage: Stage) -> Iterator[str]:
    """Harvest records with the payloads; yield the pages of the sources, jobs, records and datasets."""
    editor, site = stage.people["editor"], stage.people["sysadmin"]
    jobs = []
    for type_ in ("csw", "udata", "dcat"):
        fields = {"title": f"Attaque {type_}", "name": f"attack-xss-{type_}-{stage.objects['run']}"}
        url = f"{stage.hostile.url}/do/xss_{type_}"
        fields |= {"url": url, "source_type": f"ecosphere_{type_}", "config": settings_for(type_, url)}
        fields |= {"owner_org": stage.objects["service_id"], "frequency": "MANUAL"}
        made = editor.action("harvest_source_create", fields)
        if made.success:
            job = editor.action("harvest_job_create", source_id=made.result["id"], run=True)
            jobs.append((made.result["id"], (job.result or {}).get("id", "")))
    deadline = time.monotonic() + stage.patience * 2
    for source, job in jobs:
        while time.monotonic() < deadline:
            if (site.action("harvest_job_show", id=job).result or {}).get("status") in ("Finished", "Aborted"):
                break
            time.sleep(1)
        yield from (f"/fr/harvest/{source}", f"/fr/harvest/{source}/job/{job}", f"/fr/harvest/{source}/job/last")
        for each in site.action("harvest_object_list", source_id=source).result or []:
            yield f"/fr/ecosphere/harvest/record/{each}"
        found = site.action("package_search", fq=f'harvest_source_id:"{source}"', rows=60, include_private=True)
        for dataset in (found.result or {}).get("results", []):
            name = dataset["name"]
            yield from (f"/fr/dataset/{name}", f"/fr/dataset/{name}/qualite", f"/fr/dataset/edit/{name}")
            yield from (f"/fr/dataset/{name}/resource/{each['id']}" for each in dataset["resources"][:3])


def _imported(stage: Stage) -> Iterator[Outcome]:
    """Import metadata with the payloads and open the form that shows it."""
    editor: Client = stage.logged_in("editor")
    with browser.opened(stage.url, editor.cookies) as window:
        for name in ("xss_csw", "xss_udata", "xss_dcat", "xss_publiccode"):
            answer = editor.post(
                "/fr/dataset/importer", {"url": f"{stage.hostile.url}/do/{name}"}, token_from="/fr/dataset/importer"
            )
            owned = window.show(answer.body)
            yield Outcome(f"the form after the import of {name}", bool(owned), owned)


ATTACK = Attack("xss", "No text of anybody, typed, harvested or imported, runs in a reader's browser.", attempts)
