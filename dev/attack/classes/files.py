"""Attack: files that lead their reader to other files of the server, and to forbidden addresses."""

from __future__ import annotations

import io
import json
import secrets
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ckanext.ecosphere.access.tests import active_geopackages
from dev.attack.classes import harvesting
from dev.attack.outcome import Attack, Outcome
from dev.attack.stage import Stage
from dev.attack.tables import table
from dev.stack import ckan

PAUSE_SECONDS = 0.5
#: Lines of the portal's configuration of which none may be shown.
OPTIONS = ("SECRET_KEY", "sqlalchemy.url", "api_token.jwt")
GEOPACKAGE = "application/geopackage+sqlite3"


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


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Publish each file by each way, ask for its preview as anybody, and look what it shows and whom it asked."""
    with tempfile.TemporaryDirectory() as folder:
        secret = Path(folder) / "secret.ini"
        word = secrets.token_hex(8)
        secret.write_text(f"{word}\nanother line\n")
        tried = list(_published(stage, secret)) + list(_harvested(stage, secret))
        yield Outcome("files are published", not tried, "none was accepted: nothing was tested")
        _ask(stage, tried)
        for each in tried:
            yield from _judged(stage, each, word)


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
    editor, words = stage.people["editor"], stage.objects
    ways = table("files")["ways"]
    for number, (name, content, canary) in enumerate(_files(stage, secret)):
        way = ways[number % len(ways)]
        fields = {"package_id": words["dataset"], "name": name, "format": name.rpartition(".")[2]}
        if way == "upload":
            answer = editor.send(
                "POST", "/api/3/action/resource_create", data=fields,
                files={"upload": (name, content, "application/octet-stream")}, headers={"Authorization": editor.token},
            )  # fmt: skip
        else:
            given = content
            if way == "zipped":
                given = _zipped(name, content)
            answer = editor.action("resource_create", fields, url=stage.hostile.place(given, GEOPACKAGE))
        if answer.success:
            yield Tried(f"{name} by {way}", _address(words["dataset"], answer.result["id"]), canary)


def _harvested(stage: Stage, secret: Path) -> Iterator[Tried]:
    """Harvest a record whose links are such files."""
    title = f"Attack {secrets.token_hex(6)}"
    distributions, canaries = [], []
    for name in ("text", "view", "geojson"):
        made = active_geopackages.made(name, secret.parent / "made.gpkg", secret)
        url = stage.hostile.place(made.read_bytes(), GEOPACKAGE)
        distributions.append({"@type": "dcat:Distribution", "dct:title": name, "dcat:downloadURL": {"@id": url}})
        canaries.append(stage.canaries.path())
    record = {
        "@context": {"dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/"},
        "@type": "dcat:Dataset",
        "@id": f"urn:{title.replace(' ', ':')}",
        "dct:title": title,
        "dct:description": title,
        "dcat:distribution": distributions,
    }
    address = stage.hostile.place(json.dumps(record), "application/ld+json")
    harvesting.start(stage, "ecosphere_dcat", address)  # the stage removes the source
    site = stage.people["sysadmin"]
    results: list[dict] = []
    deadline = time.monotonic() + stage.patience * 4
    while not results and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
        results = (site.action("package_search", q=f'title:"{title}"').result or {}).get("results", [])
    for dataset in results:
        for resource, canary in zip(dataset["resources"], canaries, strict=False):
            yield Tried(f"{resource['name']} of a record", _address(dataset["name"], resource["id"]), canary)


def _zipped(name: str, content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return out.getvalue()


def _address(dataset: str, resource: str) -> str:
    return f"/dataset/{dataset}/resource/{resource}/apercu"


def _ask(stage: Stage, tried: list[Tried]) -> None:
    """Ask for the previews as anonymous people of several addresses, and wait until they are made or refused."""
    for each in tried:
        stage.fresh().post(each.address)
    deadline = time.monotonic() + table("files")["patience"] + len(tried)
    waiting = list(tried)
    while waiting and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
        for each in waiting:
            each.state = stage.people["nobody"].get(each.address).body
        waiting = [each for each in waiting if '"wanted"' in each.state]


def _judged(stage: Stage, tried: Tried, word: str) -> Iterator[Outcome]:
    shown = word in tried.state or any(option in tried.state for option in OPTIONS)
    yield Outcome(f"{tried.what} shows a file of the server", shown, tried.state[:200])
    asked = stage.canaries.asked(tried.canary)
    yield Outcome(f"{tried.what} asks an address", asked, "the canary was asked")
    yield Outcome(f"{tried.what} is answered", '"wanted"' in tried.state, "its preview is still wanted")


ATTACK = Attack("files", "No file leads the portal to another file of the server or to an address.", attempts)
