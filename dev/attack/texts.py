"""Classes of attack through texts: scripts, code for the readers of exports, slow texts,
odd fields of forms.
"""

from __future__ import annotations

import html
import itertools
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from ckanext.ecosphere.tests import export_readers as readers
from ckanext.ecosphere.tests import hostile_records
from lxml import etree
from lxml import html as pages

from dev.attack import browser, sources
from dev.attack.asking import judged
from dev.attack.client import Answer, Client
from dev.attack.hostile import csw_page
from dev.attack.stage import Outcome, Stage
from dev.attack.tables import repeated, table

#: How a file of a kind holds any text.
ESCAPES: dict[str, Callable[[str], str]] = {
    "csv": lambda text: text.replace('"', '""'),
    "json": lambda text: json.dumps(text)[1:-1],
    "xml": html.escape,
}
READERS = ("nobody", "editor")
#: Longest wait for an export that a worker makes.
READY_SECONDS = 60.0
#: Number of slow texts of a kind that are put into every field of an entry point.
ALWAYS = 2
TOKEN = "_csrf_token"
#: Fields of a form tried in a run, and odd values tried in each; drawn with the seed.
FIELDS, VALUES = 8, 3


# --- scripts (XSS), detected in a real browser ---


def xss(stage: Stage) -> Iterator[Outcome]:
    """No text of anybody, typed, harvested or imported, runs in a reader's browser."""
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
    wanted = dict.fromkeys([*stage.filled(lines["always"]), *_harvested(stage), *previews])
    firsts = [quote(group[0], safe="") for group in lines["payloads"]]
    reflected = dict.fromkeys(path.replace("{payload}", first) for path in lines["reflected"] for first in firsts)
    # Anonymously, the pages of `seen` have already been opened above.
    studies = {path: None for path in seen if "/etudes" in path}
    for person, paths in (("nobody", wanted | reflected), ("sysadmin", wanted | seen), ("victim", studies)):
        with browser.opened(stage.url, stage.visitor(person).cookies) as window:
            for path, owned in window.open(paths):
                yield Outcome(f"{path} as {person}", bool(owned), owned)
    editor = stage.logged_in("editor")
    with browser.opened(stage.url, editor.cookies) as window:
        for name in ("csw", "udata", "dcat", "publiccode"):
            address = {"url": f"{stage.hostile.url}/do/xss_{name}"}
            answer = editor.post("/fr/dataset/importer", address, token_from="/fr/dataset/importer")
            owned = window.show(answer.body)
            yield Outcome(f"the form after the import of xss_{name}", bool(owned), owned)
    for path in lines["scripts"]:  # which the policy of the portal would let every page run
        answer = stage.people["nobody"].get(path)
        runs = "javascript" in answer.headers.get("Content-Type", "") and "__owned" in answer.body
        yield Outcome(f"{path} as a script", runs, answer.short)


def _groups(lines: dict[str, Any]) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Yield the words filled in for each payload, with the entry points that take them."""
    for number, group in enumerate(lines["payloads"]):
        words = {"line": " ".join(group), "text": "\n\n".join(group), "first": group[0], "n": number}
        yield words, lines["doors"]
    for number, address in enumerate(lines["addresses"]):
        text = f"[lien]({address}) <{address}> ![x]({address})"
        yield {"address": address, "first": address, "n": f"a{number}", "text": text}, lines["address_doors"]


def _through(stage: Stage, door: dict[str, Any], words: dict[str, Any]) -> list[str]:
    """Submit a payload through an entry point.

    Return the pages that may show it, none if it was refused.
    """
    person, data = stage.people[door["as"]], stage.filled(door["data"], **words)
    if door.get("like_dataset"):
        data = {**stage.publishable(), **data}
    answer = person.action(door["action"], data)
    if not answer.success:
        return []
    result = answer.result if isinstance(answer.result, dict) else {}
    resources = result.get("resources") or [{}]
    made = {**words, "this": result.get("id", ""), "this_name": result.get("name", "")}
    made["this_resource"] = resources[0].get("id", "x")
    for step in door.get("then", []):
        actor = stage.people[step.get("as", door["as"])]
        actor.action(step["action"], stage.filled(step["data"], **made, version=result.get("version", 1)))
    return stage.filled(door["pages"], **made)


def _previewed(stage: Stage, lines: dict[str, Any]) -> Iterator[tuple[str, Outcome]]:
    """Have files with the payloads previewed.

    Yield their resources, and whether there is a preview to look at.
    """
    for group in lines["payloads"]:
        resources: dict[str, str] = {}
        for file in lines["files"]:
            payload = ESCAPES[file["holds"]](" ".join(group))
            url = stage.hostile.place(file["text"].replace("{payload}", payload), file["content_type"])
            resources[sources.described(stage, url, {"format": file["format"]})] = file["format"]
        for resource in resources:
            sources.show(stage.fresh(), stage.objects["dataset_name"], resource)
        sources.wait_for_previews(stage, list(resources))
        for resource, kind in resources.items():
            state = sources.preview_of(stage, resource)
            why = f"nothing to look at: {state.get('message', state.get('state'))}"
            yield resource, Outcome(f"{kind} with {group[0][:60]!r} is previewed", "state" in state, why)


def _harvested(stage: Stage) -> Iterator[str]:
    """Harvest records with the payloads.

    Yield the pages of the sources, jobs, records and datasets.
    """
    harvests = []
    for kind in ("csw", "udata", "dcat"):
        url = f"{stage.hostile.url}/do/xss_{kind}"
        harvests.append(sources.start(stage, f"ecosphere_{kind}", url, title=f"Attaque {kind}"))
    for harvest in harvests:
        if harvest.refused:
            continue
        source, job = harvest.source, sources.wait(stage, harvest, seconds=stage.patience * 2).job
        yield from (f"/fr/harvest/{source}", f"/fr/harvest/{source}/job/{job}", f"/fr/harvest/{source}/job/last")
        for record in sources.records_of(stage, harvest):
            yield f"/fr/ecosphere/harvest/record/{record}"
        for dataset in sources.datasets_of(stage, harvest):
            name = dataset["name"]
            yield from (f"/fr/dataset/{name}", f"/fr/dataset/{name}/qualite", f"/fr/dataset/edit/{name}")
            yield from (f"/fr/dataset/{name}/resource/{resource['id']}" for resource in dataset["resources"][:3])


# --- code for the readers of exports ---


def exports(stage: Stage) -> Iterator[Outcome]:
    """No export contains text of outsiders that is code for its reader."""
    lines = table("exports")
    clients = {person: stage.visitor(person) for person in READERS}
    datasets = list(_described(stage, lines))
    yield Outcome("datasets can be described", not datasets, "none was accepted: nothing was tested")
    for number, name in enumerate(datasets):  # everybody gets the same
        person = READERS[number % len(READERS)]
        yield from _exported(clients, person, stage.filled(lines["exports"], this=name))
    records = hostile_records.records(stage.hostile.canary("exports"))
    whole = csw_page(list(records.values()), len(records))
    harvest = sources.start(stage, "ecosphere_csw", stage.hostile.place(whole, "application/xml"))
    sources.wait(stage, harvest, seconds=stage.patience * 4)
    none = f"{harvest.status} {harvest.errors[:2]}"
    yield Outcome(f"{len(records)} hostile records are harvested", not sources.arrived(harvest), none)
    for path, kind in stage.filled(lines["corrections"], source=harvest.source, job=harvest.job):
        answer = clients["editor"].get(path)
        yield Outcome(f"{path} is there", answer.status != HTTPStatus.OK, answer.short)
        yield from read_export(path, "editor", kind, answer)
        for name, text in records.items() if kind == "xsl" and answer.status == HTTPStatus.OK else ():
            faults = list(readers.stylesheet(answer.body, text.encode()))
            yield Outcome(f"the stylesheet, run on the record {name!r}", bool(faults), "; ".join(faults[:2]))
    asked = stage.canaries.asked(stage.hostile.paths["exports"])
    yield Outcome("no address of a record is read", asked, "the canary was asked")
    for person in READERS:
        yield from _exported(clients, person, stage.filled(lines["everything"]))
    yield from _exported({"victim": stage.visitor("victim")}, "victim", stage.filled(lines["of_study"]))
    sources.remove(stage, harvest)


def _described(stage: Stage, lines: dict[str, Any]) -> Iterator[str]:
    """Create a dataset and a request for each text.

    Yield the names of the datasets that were accepted.
    """
    addresses, base = lines["addresses"], stage.publishable()
    for number, text in enumerate(lines["texts"]):
        fields = base | stage.filled(lines["dataset"], number=number, text=text, short=text[:100])
        # An address may be refused, and with it everything.
        for urls in (addresses, [addresses[number % len(addresses)]], ["https://a.example/x.gpkg"]):
            resources = [{"url": url, "name": text, "description": text} for url in urls]
            made = stage.people["editor"].action("package_create", fields, resources=resources)
            if made.success:
                yield made.result["name"]
                break
        _ask(stage, text)
        stage.enter(lines["doors"], text=text, short=text[:100])


def _ask(stage: Stage, text: str) -> None:
    """Make a request for data with a text as title, and hand it over to the attacked service."""
    person, moderator = stage.people["rival"], stage.people["moderator"]  # members of services may ask more often
    fields = stage.filled(table("exports")["request"], text=text)
    made = person.action("ecosphere_request_create", fields).result
    if not made:
        return
    sent = {"transition": "submit", "version": 1, "similar_seen": True}
    version = (person.action("ecosphere_request_transition", sent, id=made["id"]).result or {}).get("version")
    moved = {"id": made["id"], "version": version, "organization": stage.objects["service"], "reason": "attaque"}
    if not moderator.action("ecosphere_request_transition", moved, transition="accept").success:
        moderator.action("ecosphere_request_transition", moved, transition="transfer")


def _exported(clients: dict[str, Client], person: str, exported: list[list[str]]) -> Iterator[Outcome]:
    """Ask for exports, and again when the portal says to come later, for a minute at most.

    Read them.
    """
    for path, kind in exported:
        end, answer = time.monotonic() + READY_SECONDS, clients[person].get(path)
        while answer.status == HTTPStatus.SERVICE_UNAVAILABLE and "Retry-After" in answer.headers:
            if time.monotonic() > end:
                break
            time.sleep(float(answer.headers["Retry-After"]))
            answer = clients[person].get(path)
        yield from read_export(path, person, kind, answer)


def read_export(path: str, person: str, kind: str, answer: Answer) -> Iterator[Outcome]:
    """Yield what the reader of an export finds.

    Nothing for an export that the person does not get.
    """
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        yield Outcome(f"{path} as {person}", True, answer.short)
    if answer.status != HTTPStatus.OK:
        return
    found = readers.archive(answer.content) if kind == "zip" else readers.READERS[kind](answer.body)
    faults = [*found, *readers.headers(answer.headers.get("Content-Disposition", ""))]
    yield Outcome(f"{path} as {person}, read as {kind}", bool(faults), "; ".join(faults[:2]))


# --- texts that are slow to parse or render ---


def slow_texts(stage: Stage) -> Iterator[Outcome]:
    """No text of an outsider holds a process up, when it is saved or when it is shown."""
    lines, numbers = table("slow_texts"), itertools.count(1)
    for door in lines["doors"]:
        for field_name, name, text in _shared_out(stage, door, lines["texts"]):
            data = stage.filled(door["data"], n=next(numbers))
            _set(data, field_name, repeated(text))
            what = f"{name} {text[:25]!r} × {len(repeated(text))} as {field_name}"
            yield from _saved(stage, door, data, what)
    for path in stage.filled(lines["pages"]):
        yield judged(f"GET {path} afterwards", stage.people["nobody"].get(path))
    yield from _slowly_harvested(stage, lines["harvest_seconds"])


def _shared_out(stage: Stage, door: dict[str, Any], texts: dict[str, list[str]]) -> Iterator[tuple[str, str, str]]:
    """Yield (field, kind, text): the first texts of a kind for every field,
    the others for a field set by the seed.
    """
    fields = [str(name) for name in door["fields"]]
    for kind in door["texts"]:
        turn = stage.random.randrange(len(fields))
        for number, text in enumerate(texts[kind]):
            chosen = fields if number < ALWAYS else [fields[(number + turn) % len(fields)]]
            yield from ((name, kind, text) for name in chosen)


def _saved(stage: Stage, door: dict[str, Any], data: dict[str, Any], what: str) -> Iterator[Outcome]:
    person = stage.people[door["as"]]
    answer = person.action(door["action"], data)
    yield judged(f"{door['action']} with {what}", answer)
    if not answer.status:
        stage.revive()
    if answer.success and isinstance(answer.result, dict):
        stage.objects |= {word: answer.result[key] for word, key in door.get("keep", {}).items()}
        for path in door.get("pages", []):
            shown = stage.filled(path, this=answer.result.get("id"))
            yield judged(f"{path} with {what}", person.get(shown, headers={"Authorization": person.token}))


def _set(data: dict[str, Any], path: str, text: str) -> None:
    """Set a value by its dotted path, as `contact.0.email`;
    `field[]` takes the words of the text as a list.
    """
    *parents, last = path.split(".")
    place: Any = data
    for part in parents:
        place = place.setdefault(part, [{}]) if isinstance(place, dict) else place[int(part)]
    place[last.removesuffix("[]")] = text.split() if last.endswith("[]") else text


def _slowly_harvested(stage: Stage, seconds: float) -> Iterator[Outcome]:
    """Harvest records with such texts: the job must end in time,
    and their pages must answer in time.
    """
    nobody, site = stage.people["nobody"], stage.people["sysadmin"]
    url = f"{stage.hostile.url}/do/slow_csw"
    harvest = sources.start(stage, "ecosphere_csw", url, title="Attaque lente")
    sources.wait(stage, harvest, seconds=seconds)
    not_over = f"{harvest.status} after {seconds} s {harvest.refused}"
    yield Outcome("a harvest of slow texts ends", harvest.status != "Finished", not_over)
    for dataset in sources.datasets_of(stage, harvest):
        for path in (f"/fr/dataset/{dataset['id']}", f"/fr/dataset/{dataset['id']}/qualite"):
            yield judged(f"{path}: {dataset['title'][:40]}", nobody.get(path))
    query = f"/fr/dataset/?organization={stage.objects['service']}"
    yield judged("the list that shows them", nobody.get(query))
    for record in sources.records_of(stage, harvest):
        answer = site.get(f"/fr/ecosphere/harvest/record/{record}", headers={"Authorization": site.token})
        yield judged("the page of a record", answer)


# --- odd values in each form of the pages, with a valid CSRF token ---


@dataclass
class Form:
    """A form of a page.

    Attributes:
        person: persona to whom the form is shown.
        page: path of the page with the form.
        action: URL to which it is submitted.
        fields: names and values that a browser would send.
        files: names of the file fields.
    """

    person: str
    page: str
    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)

    @property
    def key(self) -> tuple[Any, ...]:
        """Key by which forms are compared: path without digits and identifiers,
        and the names of the fields.
        """
        names = frozenset([*(name for name, _value in self.fields), *self.files])
        return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", "*", urlsplit(self.action).path), names


def odd_forms(stage: Stage) -> Iterator[Outcome]:
    """No form of any page meets a value that is a fault of the portal."""
    lines, seen = table("odd_forms"), set[tuple[Any, ...]]()
    skipped = re.compile("|".join(lines["skipped"]))
    rules = [route for route in stage.routes if "GET" in route.methods and not skipped.search(route.rule)]
    paths = [*stage.filled(lines["pages"]), *(f"/fr{route.path(stage.objects)}" for route in rules)]
    for person in lines["people"]:
        client = stage.logged_in(person)
        for path in dict.fromkeys(paths):
            answer = client.get(path)
            yield judged(f"GET {path} ({person})", answer)
            for form in forms_of(answer, person, path) if answer.status == HTTPStatus.OK else ():
                own = urljoin(stage.url, form.action).startswith(stage.url)
                if own and form.key not in seen and not skipped.search(form.action):
                    seen.add(form.key)
                    yield from _sent(stage, client, form)
    yield Outcome(f"{len(seen)} forms were found", len(seen) < lines["least"], f"{lines['least']} are there at least")


def forms_of(answer: Answer, person: str, page: str) -> Iterator[Form]:
    """Yield the forms of a page that are submitted with POST."""
    if "html" not in answer.headers.get("Content-Type", "") or not answer.content.strip():
        return
    try:
        document = pages.fromstring(answer.content)
    except (etree.ParserError, ValueError):
        return
    for element in document.iter("form"):
        if (element.get("method") or "get").lower() == "post":
            form = Form(person, page, urljoin(page, element.get("action") or page))
            for control in element.iter("input", "textarea", "select", "button"):
                _take(form, control)
            yield form


def _take(form: Form, element: Any) -> None:
    name, value = element.get("name"), element.get("value") or ""
    if not name or name == TOKEN:
        return
    if (element.get("type") or "").lower() == "file":
        form.files.append(name)
        return
    if element.tag == "select":
        value = "".join(element.xpath(".//option[@selected]/@value")[:1])
    elif element.tag == "textarea":
        value = element.text or ""
    form.fields.append((name, value))


def _sent(stage: Stage, client: Client, form: Form) -> Iterator[Outcome]:
    """Submit a form with odd values, one field at a time."""
    headers = {"Referer": stage.url + form.page, "X-CSRFToken": client.csrf("/fr/user/edit")}
    for what, sent in _oddly_filled(stage, form):
        more = {"Content-Type": "application/x-www-form-urlencoded"} if isinstance(sent["data"], bytes) else {}
        answer = client.send("POST", form.action, headers=headers | more, **sent)
        yield judged(f"POST {form.action} {what} ({form.person})", answer)


def _oddly_filled(stage: Stage, form: Form) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what is odd, with the data and files to send."""
    lines = table("odd_forms")
    names = list(dict.fromkeys(name for name, _value in form.fields))
    for name in stage.random.sample(names, min(FIELDS, len(names))):
        for value in stage.random.sample(lines["values"], VALUES):
            odd = [(other, repeated(value) if other == name else kept) for other, kept in form.fields]
            yield f"{name}={value[:40]!r}", {"data": _encoded(odd)}
    yield "nothing", {"data": []}
    yield "each field twice", {"data": _encoded(form.fields * 2)}
    for name in form.files:
        for file in lines["files"]:
            content = repeated(file["content"]).encode("utf-8", "surrogateescape")
            upload = (repeated(file["name"]), bytes.fromhex(file.get("begin", "")) + content, file["type"])
            files = [(name, upload)] * file.get("times", 1)
            yield f"{name}: file {file['name'][:30]!r}", {"data": _encoded(form.fields), "files": files}
    yield "not UTF-8", {"data": "&".join(f"{quote(name)}=%FF%FE" for name in names[:50]).encode()}


def _encoded(fields: list[tuple[str, str]]) -> list[tuple[str, bytes]]:
    return [(name, value.encode("utf-8", "surrogatepass")) for name, value in fields]
