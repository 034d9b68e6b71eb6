"""Classes of attack through files: uploads that run in a browser,
and files that lead their reader elsewhere.
"""

from __future__ import annotations

import json
import re
import secrets
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ckanext.ecosphere.access.tests import active_geopackages

from dev.attack import browser, sources
from dev.attack.client import Answer
from dev.attack.stage import Outcome, Stage
from dev.attack.tables import table
from dev.fuzz.seeds import zipped
from dev.stack import ckan

#: Content types that a browser displays without executing anything in them.
INERT = re.compile(r"^(text/(plain|csv)|image/(png|jpe?g|gif|webp)|application/(json|zip|octet-stream|pdf))\b")
#: Headers that decide whether a browser executes a file.
DECIDING = ("Content-Type", "Content-Disposition", "Content-Security-Policy", "X-Content-Type-Options")
PAUSE_SECONDS = 0.5
#: Lines of the portal's configuration of which none may be shown.
OPTIONS = ("SECRET_KEY", "sqlalchemy.url", "api_token.jwt")
GEOPACKAGE = "application/geopackage+sqlite3"


# --- files that somebody uploads ---


def uploads(stage: Stage) -> Iterator[Outcome]:
    """No file that somebody uploads runs on the portal's own origin."""
    opened: list[tuple[str, str]] = []
    for line in table("uploads")["files"]:
        for what, url in _placed(stage, line):
            answer = stage.people["nobody"].get(url)
            told = " ".join(f"{name}: {answer.headers[name]}" for name in DECIDING if name in answer.headers)
            yield Outcome(f"{what} as it is given", not answer.refused and _is_active(answer), told)
            opened.append((what, url))
    with browser.opened(stage.url) as window:
        seen = window.open([url for _what, url in opened])
        for (what, _url), (_path, owned) in zip(opened, seen, strict=True):
            yield Outcome(f"{what} opened in a browser", bool(owned), owned)


def _placed(stage: Stage, line: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Upload a file as resource, attachment and image.

    Yield a description and the URL of each accepted upload.
    """
    content = stage.filled(line["content"]).encode("utf-8", "surrogateescape")
    file = (line["name"], bytes.fromhex(line.get("begin", "")) + content, line["type"])
    people, words = stage.people, stage.objects
    fields = {"package_id": words["dataset"], "name": line["name"], "mimetype": line["type"]}
    answer = people["editor"].upload("resource_create", fields, file)
    if answer.success:
        yield f"file {line['name']} ({line['type']})", answer.result["url"]
    fields = {"id": words["request"], "text": "Voir le fichier."}
    answer = people["victim"].upload("ecosphere_request_comment", fields, file)
    comments = answer.result.get("comments", []) if answer.success else []
    attachments = [attachment for comment in comments for attachment in comment.get("attachments", [])]
    for attachment in attachments:
        if attachment.get("name", "") == line["name"]:
            yield f"attachment {line['name']}", f"/demandes/{words['request']}/fichier/{attachment['id']}"
    for kind, person, name in (("organization", "admin", words["service"]), ("user", "editor", words["editor"])):
        fields = {"id": name, "clear_upload": "true"}
        answer = people[person].upload(f"{kind}_patch", fields, file, "image_upload")
        if url := (answer.result or {}).get("image_display_url"):
            yield f"picture {line['name']} of {kind}", url


def _is_active(answer: Answer) -> bool:
    """Return whether a browser may execute the content on the portal's origin."""
    kind, disposition, policy, sniffing = (answer.headers.get(name, "") for name in DECIDING)
    if "attachment" in disposition or re.search(r"\bsandbox\b(?!.*allow-scripts)", policy):
        return False
    return not (sniffing.lower() == "nosniff" and INERT.match(kind))


# --- files that lead their reader elsewhere ---


@dataclass
class Tried:
    """A file in a resource of a dataset.

    Attributes:
        what: the file and the way by which it came.
        address: path of its preview.
        canary: path of the canary to which it leads.
        state: last answer of the portal.
    """

    what: str
    address: str
    canary: str
    state: str = ""


def files(stage: Stage) -> Iterator[Outcome]:
    """No file leads the portal to another file of the server or to an address."""
    with tempfile.TemporaryDirectory() as folder:
        secret, word = Path(folder) / "secret.ini", secrets.token_hex(8)
        secret.write_text(f"{word}\nanother line\n")
        tried = [*_published(stage, secret), *_harvested(stage, secret)]
        yield Outcome("files are published", not tried, "none was accepted: nothing was tested")
        _preview(stage, tried)
    for file in tried:
        shown = any(text in file.state for text in (word, *OPTIONS))
        yield Outcome(f"{file.what} shows a file of the server", shown, file.state[:200])
        yield Outcome(f"{file.what} asks an address", stage.canaries.asked(file.canary), "the canary was asked")
        yield Outcome(f"{file.what} is answered", '"wanted"' in file.state, "its preview is still wanted")


def _files(stage: Stage, secret: Path) -> Iterator[tuple[str, bytes, str]]:
    """Yield name, content and canary of each file."""
    for line in table("files")["files"]:
        path = stage.canaries.path()
        text = line["text"].format(secret=secret, canary=stage.canaries.address(path))
        yield line["name"], text.encode(), path
    for target in (secret, Path(ckan.INI)):
        for name in active_geopackages.SCHEMAS:
            for beside in (False, True):
                made = active_geopackages.made(name, secret.parent / "made.gpkg", target, beside=beside)
                yield f"{name}-{target.name}-{beside}.gpkg", made.read_bytes(), stage.canaries.path()


def _published(stage: Stage, secret: Path) -> Iterator[Tried]:
    """Publish each file by one of the ways: at a link, as upload, or zipped at a link."""
    editor, dataset, ways = stage.people["editor"], stage.objects["dataset"], table("files")["ways"]
    for number, (name, content, canary) in enumerate(_files(stage, secret)):
        way = ways[number % len(ways)]
        fields = {"package_id": dataset, "name": name, "format": name.rpartition(".")[2]}
        if way == "upload":
            answer = editor.upload("resource_create", fields, (name, content, "application/octet-stream"))
        else:
            given = zipped({name: content}) if way == "zipped" else content
            answer = editor.action("resource_create", fields, url=stage.hostile.place(given, GEOPACKAGE))
        if answer.success:
            yield Tried(f"{name} by {way}", _address(dataset, answer.result["id"]), canary)


def _harvested(stage: Stage, secret: Path) -> Iterator[Tried]:
    """Harvest a record whose links are such files."""
    title = f"Attack {secrets.token_hex(6)}"
    distributions, canaries = [], []
    for name in ("text", "view", "geojson"):
        made = active_geopackages.made(name, secret.parent / "made.gpkg", secret)
        url = stage.hostile.place(made.read_bytes(), GEOPACKAGE)
        distributions.append({"@type": "dcat:Distribution", "dct:title": name, "dcat:downloadURL": {"@id": url}})
        canaries.append(stage.canaries.path())
    words = {"title": title, "urn": f"urn:{title.replace(' ', ':')}", "distributions": distributions}
    record = json.dumps(stage.filled(table("files")["record"], **words))
    sources.start(stage, "ecosphere_dcat", stage.hostile.place(record, "application/ld+json"))

    def found() -> list[dict[str, Any]]:
        answer = stage.people["sysadmin"].action("package_search", q=f'title:"{title}"')
        return (answer.result or {}).get("results", [])

    for dataset in stage.waits(found, times=4):
        for resource, canary in zip(dataset["resources"], canaries, strict=False):
            yield Tried(f"{resource['name']} of a record", _address(dataset["name"], resource["id"]), canary)


def _address(dataset: str, resource: str) -> str:
    return f"/dataset/{dataset}/resource/{resource}/apercu"


def _preview(stage: Stage, tried: list[Tried]) -> None:
    """Ask for the previews as anonymous people of several addresses,
    and wait until they are made or refused.
    """
    for file in tried:
        stage.fresh().post(file.address)
    deadline = time.monotonic() + table("files")["patience"] + len(tried)
    waiting = list(tried)
    while waiting and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
        for file in waiting:
            file.state = stage.people["nobody"].get(file.address).body
        waiting = [file for file in waiting if '"wanted"' in file.state]
