"""Attack: fuzz each form found on the pages, one field at a time, with a valid CSRF token."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from lxml import etree, html

from dev.attack.classes.slow_questions import judged
from dev.attack.client import Answer, Client
from dev.attack.outcome import Attack, Outcome
from dev.attack.routes import filled_route
from dev.attack.stage import Stage
from dev.attack.tables import repeated, table

TOKEN = "_csrf_token"
#: Fields of a form tried in a run, and odd values tried in each; drawn with the seed.
FIELDS, VALUES = 8, 3
FOUND = 200


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
        """Key by which forms are compared: path without digits and identifiers, and the names of the fields."""
        names = frozenset(name for name, _value in self.fields) | frozenset(self.files)
        return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\d+", "*", urlsplit(self.action).path), names


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Open the pages as each person, then submit each form found, with one odd field at a time."""
    lines = table("odd_forms")
    seen: set[tuple[Any, ...]] = set()
    for person in lines["people"]:
        client = stage.logged_in(person)
        for path in _pages(stage, lines):
            answer = client.get(path)
            yield judged(f"GET {path} ({person})", answer)
            for form in forms_of(answer, person, path) if answer.status == FOUND else ():
                skipped = any(re.search(pattern, form.action) for pattern in lines["skipped"])
                if form.key not in seen and not skipped and urljoin(stage.url, form.action).startswith(stage.url):
                    seen.add(form.key)
                    yield from _sent(stage, client, form)
    yield Outcome(f"{len(seen)} forms were found", len(seen) < lines["least"], f"{lines['least']} are there at least")


def _pages(stage: Stage, lines: dict[str, Any]) -> list[str]:
    """Return the paths of the table and of all GET routes."""
    routes = []
    for route in stage.routes:
        if "GET" in route.methods and not any(re.search(pattern, route.rule) for pattern in lines["skipped"]):
            routes.append(filled_route(stage, route.rule))
    return list(dict.fromkeys([*map(stage.filled, lines["pages"]), *(f"/fr{path}" for path in routes)]))


def forms_of(answer: Answer, person: str, page: str) -> Iterator[Form]:
    """Yield the forms of a page that are submitted with POST."""
    if "html" not in answer.headers.get("Content-Type", "") or not answer.content.strip():
        return
    try:
        document = html.fromstring(answer.content)
    except (etree.ParserError, ValueError):
        return
    for element in document.iter("form"):
        if (element.get("method") or "get").lower() == "post":
            form = Form(person, page, urljoin(page, element.get("action") or page))
            for each in element.iter("input", "textarea", "select", "button"):
                _take(form, each)
            yield form


def _take(form: Form, element: Any) -> None:
    name, kind = element.get("name"), (element.get("type") or "").lower()
    if not name or name == TOKEN:
        return
    if kind == "file":
        form.files.append(name)
    elif element.tag == "select":
        form.fields += [(name, str(value)) for value in element.xpath(".//option[@selected]/@value")[:1] or [""]]
    elif element.tag == "textarea":
        form.fields.append((name, element.text or ""))
    else:
        form.fields.append((name, element.get("value") or ""))


def _sent(stage: Stage, client: Client, form: Form) -> Iterator[Outcome]:
    lines = table("odd_forms")
    sender = _Sender(stage, client, form, client.csrf("/fr/user/edit"))
    names = list(dict.fromkeys(name for name, _value in form.fields))
    for name in stage.random.sample(names, min(FIELDS, len(names))):
        for value in stage.random.sample(lines["values"], VALUES):
            odd = [(each, repeated(value) if each == name else kept) for each, kept in form.fields]
            yield sender.odd(f"{name}={value[:40]!r}", odd)
    yield sender.odd("nothing", [])
    yield sender.odd("each field twice", form.fields * 2)
    for name in form.files:
        for file in lines["files"]:
            content = repeated(file["content"]).encode("utf-8", "surrogateescape")
            upload = (repeated(file["name"]), bytes.fromhex(file.get("begin", "")) + content, file["type"])
            yield sender.odd(
                f"{name}: file {file['name'][:30]!r}", form.fields, [(name, upload)] * file.get("times", 1)
            )
    yield sender.raw("not UTF-8", "&".join(f"{quote(name)}=%FF%FE" for name in names[:50]).encode())


def _fields(fields: list[tuple[str, str]]) -> list[tuple[str, bytes]]:
    return [(name, value.encode("utf-8", "surrogatepass")) for name, value in fields]


@dataclass
class _Sender:
    """Submit a form with a valid CSRF token."""

    stage: Stage
    client: Client
    form: Form
    token: str

    def odd(self, what: str, fields: list[tuple[str, str]], files: list[tuple[str, Any]] | None = None) -> Outcome:
        return self._judged(what, data=_fields(fields), files=files)

    def raw(self, what: str, body: bytes) -> Outcome:
        return self._judged(what, body, data=body)

    def _judged(self, what: str, body: bytes = b"", **sent: Any) -> Outcome:
        headers = {"Referer": self.stage.url + self.form.page, "X-CSRFToken": self.token}
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        answer = self.client.send("POST", self.form.action, headers=headers, **sent)
        return judged(f"POST {self.form.action} {what} ({self.form.person})", answer)


ATTACK = Attack("odd_forms", "No form of any page meets a value that is a fault of the portal.", attempts)
