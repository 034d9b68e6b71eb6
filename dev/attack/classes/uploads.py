"""Attack: upload files that a browser would execute on the portal's origin."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from dev.attack import browser
from dev.attack.client import Answer
from dev.attack.outcome import Attack, Outcome
from dev.attack.stage import Stage
from dev.attack.tables import table

#: Content types that a browser displays without executing anything in them.
INERT = re.compile(r"^(text/(plain|csv)|image/(png|jpe?g|gif|webp)|application/(json|zip|octet-stream|pdf))\b")


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Upload each file wherever the portal accepts files, fetch it, and open it in a browser."""
    opened: list[tuple[str, str]] = []
    for line in table("uploads")["files"]:
        for what, url in _placed(stage, line):
            answer = stage.people["nobody"].get(url)
            yield Outcome(f"{what} as it is given", not answer.refused and _active(answer), _told(answer))
            opened.append((what, url))
    with browser.opened(stage.url) as window:
        seen = window.open([url for _what, url in opened])
        for (what, _url), (_path, owned) in zip(opened, seen, strict=True):
            yield Outcome(f"{what} opened in a browser", bool(owned), owned)


def _placed(stage: Stage, line: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Upload a file as resource, attachment and image; yield a description and the URL of each accepted upload."""
    content = stage.filled(line["content"]).encode("utf-8", "surrogateescape")
    content = bytes.fromhex(line.get("begin", "")) + content
    upload = (line["name"], content, line["type"])
    editor, words = stage.people["editor"], stage.objects
    headers = {"Authorization": editor.token}
    fields = {"package_id": words["dataset"], "name": line["name"], "mimetype": line["type"]}
    answer = editor.send(
        "POST", "/api/3/action/resource_create", data=fields, files={"upload": upload}, headers=headers
    )
    if answer.success:
        yield f"file {line['name']} ({line['type']})", answer.result["url"]
    fields = {"id": words["request"], "text": "Voir le fichier."}
    victim = stage.people["victim"]
    headers = {"Authorization": victim.token}
    answer = victim.send(
        "POST", "/api/3/action/ecosphere_request_comment", data=fields, files={"upload": upload}, headers=headers
    )
    if answer.success:
        for comment in answer.result.get("comments", []):
            for file in comment.get("attachments", []):
                if file.get("name", "") == line["name"]:
                    yield f"attachment {line['name']}", f"/demandes/{words['request']}/fichier/{file['id']}"
    for kind, name in (("organization", words["service"]), ("user", words["editor"])):
        yield from _image(stage, kind, name, upload)


def _image(stage: Stage, kind: str, name: str, upload: tuple[str, bytes, str]) -> Iterator[tuple[str, str]]:
    """Upload the file as image of an organisation or user; yield as `_placed` does."""
    person = stage.people["admin" if kind == "organization" else "editor"]
    fields = {"id": name, "clear_upload": "true"}
    answer = person.send(
        "POST",
        f"/api/3/action/{kind}_patch",
        data=fields,
        files={"image_upload": upload},
        headers={"Authorization": person.token},
    )
    url = (answer.result or {}).get("image_display_url") or ""
    if answer.success and url:
        yield f"picture {upload[0]} of {kind}", url


def _active(answer: Answer) -> bool:
    """Return whether a browser may execute the content on the portal's origin."""
    headers = answer.headers
    if "attachment" in headers.get("Content-Disposition", ""):
        return False
    if re.search(r"\bsandbox\b(?!.*allow-scripts)", headers.get("Content-Security-Policy", "")):
        return False
    nosniff = headers.get("X-Content-Type-Options", "").lower() == "nosniff"
    return not (nosniff and INERT.match(headers.get("Content-Type", "")))


def _told(answer: Answer) -> str:
    named = ("Content-Type", "Content-Disposition", "Content-Security-Policy", "X-Content-Type-Options")
    return " ".join(f"{name}: {answer.headers[name]}" for name in named if name in answer.headers)


ATTACK = Attack("uploads", "No file that somebody uploads runs on the portal's own origin.", attempts)
