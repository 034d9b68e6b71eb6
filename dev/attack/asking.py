"""Classes of attack that are requests with an expectation: tables of questions, and one runner.

A table has a list `attempts`; each of them asks the questions of a list of the same table (`ask`)
as some people, and judges the answers (`judge`, a key of `JUDGES`). A question is a path, or an
action (or `POST` and a path) with its fields, and perhaps a described `file`. With `each`, a
question is asked with each value of another list in the place of `{each}`, in it or in the
`headers` of the line. `fresh`: a new client for each question; `token`: a token instead of a
session; `form`: the page whose form is sent to the path; `raw`: the path is sent as it is;
`follow`: redirects are followed.
"""

from __future__ import annotations

import itertools
import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from ckanext.ecosphere.access.tests import active_geopackages
from ckanext.ecosphere.tests import export_readers

from dev.attack.client import Answer, Client
from dev.attack.stage import Outcome, Stage
from dev.attack.tables import repeated, table
from dev.fuzz.seeds import zipped
from dev.stack import ckan

SLOWEST_SECONDS = 2.0
"""Longest answer, on an idle machine."""
BROKEN = 500
#: What no sentence for people holds: classes, files of the server, names of libraries.
TECHNICAL = r"Traceback|Error\b|Exception|/tmp/|/etc/|GDAL|OGR|[Ss]hapely|GEOS|proj_create|sqlite|<class"
EVIL = "evil.example"
ELSEWHERE = {"Origin": "http://evil.example", "Referer": "http://evil.example/page"}
STUDY_FORM = "/fr/etudes/nouvelle"
SWITCHING_OFF = 4
"""Times that CSRF protection is switched off, to reach each process of the server."""


def attempts(
    stage: Stage,
    name: str,
    part: str = "attempts",
    words: Mapping[str, str] | None = None,
    **visitors: Client,
) -> Iterator[Outcome]:
    """Make the attempts of a part of a table, with further words,
    by the people of the stage and further visitors.
    """
    lines = table(name)
    for line in lines[part]:
        judge = JUDGES[line["judge"]]
        values = list(map(repeated, lines.get(line.get("each"), [""])))
        for person in line["people"]:
            visitor = visitors.get(person) or stage.people[person]
            if person not in visitors and not line.get("token"):
                visitor = stage.visitor(person)
            for value, question in itertools.product(values, lines[line["ask"]]):
                client = stage.fresh() if line.get("fresh") else visitor
                what, answer = _asked(stage, client, question, line, {**(words or {}), "each": value})
                yield from judge(stage, lines, f"{what} as {person}", answer)
                if not answer.status:
                    stage.revive()


def _asked(
    stage: Stage, client: Client, question: Any, line: dict[str, Any], words: dict[str, str]
) -> tuple[str, Answer]:
    value, address, data = words["each"], question, None
    if isinstance(question, dict):
        ((address, data),) = question.items()
    fields = stage.filled(data or {}, **words)
    path = stage.filled(address, **{**words, "each": quote(value.encode("utf-8", "surrogatepass"), safe="")})
    if "form" in line:
        sent = {name: text.encode("utf-8", "surrogatepass") for name, text in fields.items()}
        return f"form to {path} with {value[:20]!r}", client.post(path, sent, token_from=line["form"])
    if data is not None:
        return _called(client, address, fields)
    headers = {"Authorization": client.token} if line.get("token") and client.token else {}
    headers |= stage.filled(line.get("headers", {}), **words)
    if line.get("raw"):
        path = client.url + path
    answer = client.get(path, headers=headers, allow_redirects=bool(line.get("follow")))
    return f"GET {path}" + (f" with {value!r}" if value else ""), answer


def _called(client: Client, address: str, fields: Any) -> tuple[str, Answer]:
    """Call an action, perhaps with a file, or send JSON to a path."""
    if isinstance(fields, dict) and isinstance(fields.get("file"), dict):
        file = fields.pop("file")
        answer = client.upload(address, fields, (file["name"], content_of(file), "application/octet-stream"), "file")
        return f"{address} with {file['name']}", answer
    method, _space, path = address.partition(" ")
    answer = client.send(method, path, json=fields) if path else client.action(address, fields)
    return f"{address} {str(fields)[:120]}", answer


def content_of(file: dict[str, Any]) -> bytes:
    """Return the content of a file of a table: its `text`, an archive of `members`,
    or an active `geopackage`.
    """
    if "text" in file:
        return file["text"].encode()
    if "geopackage" in file:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "made.gpkg"
            return active_geopackages.made(file["geopackage"], target, Path(ckan.INI)).read_bytes()
    return zipped({name: text.encode() for name, text in file["members"].items()})


# --- judges: whether an answer shows that the attack succeeded ---


def judged(what: str, answer: Answer) -> Outcome:
    """Judge an answer: it must come in time and not be an internal error."""
    through = answer.cost > SLOWEST_SECONDS or answer.status in (0, BROKEN)
    return Outcome(what[:200], through, f"{answer.cost:.1f} s, {answer.status}")


def _quick(_stage: Stage, _lines: Any, what: str, answer: Answer) -> Iterator[Outcome]:
    yield judged(what, answer)


def _refused(_stage: Stage, _lines: Any, what: str, answer: Answer) -> Iterator[Outcome]:
    yield Outcome(what, not answer.refused, answer.short)


def _outside(_stage: Stage, lines: Any, what: str, answer: Answer) -> Iterator[Outcome]:
    """No action succeeded, and the page has nothing of those who are logged in."""
    yield Outcome(what, answer.success or bool(re.search(lines["inside"], answer.body)), answer.short)


def _explained(_stage: Stage, _lines: Any, what: str, answer: Answer) -> Iterator[Outcome]:
    """The answer refuses the fields, and says why in a sentence that names no program,
    path or class.
    """
    error = (answer.json or {}).get("error", {}) if isinstance(answer.json, dict) else {}
    sentences = [str(text) for key, text in error.items() if not key.startswith("__")]
    plain = sentences and not any(re.search(TECHNICAL, text) for text in sentences)
    yield Outcome(what, answer.status != HTTPStatus.CONFLICT or not plain, f"{answer.short} {sentences}"[:400])


def _silent(stage: Stage, _lines: Any, what: str, answer: Answer) -> Iterator[Outcome]:
    """The secret word is not in the answer; no question contains it."""
    yield _told(stage, what, answer.body)


def _told(stage: Stage, what: str, text: str) -> Outcome:
    position = text.find(stage.secret)
    around = text[max(0, position - 80) : position + 60].replace("\n", " ")
    return Outcome(what, position >= 0, around)


def _uncounted(_stage: Stage, _lines: Any, what: str, answer: Answer) -> Iterator[Outcome]:
    count = (answer.result or {}).get("count", 0)
    yield Outcome(f"count of {what}", bool(count), f"{count} counted")


def _guarded(_stage: Stage, lines: Any, what: str, answer: Answer) -> Iterator[Outcome]:
    """The answer has the headers of the rules, and tells no version of a program."""
    for rule in lines["rules"]:
        if re.search(rule.get("of", ""), answer.headers.get("Content-Type", "")):
            value = answer.headers.get(rule["header"], "")
            lacking = not re.search(rule["pattern"], value, re.IGNORECASE)
            yield Outcome(f"{rule['header']} of {what}", lacking, f"it is {value!r}"[:100])
    for name in lines["silent"]:
        value = answer.headers.get(name, "")
        yield Outcome(f"{name} of {what} tells no version", bool(re.search(r"\d", value)), value)


def _at_home(stage: Stage, _lines: Any, what: str, answer: Answer) -> Iterator[Outcome]:
    """The answer leads nowhere else, and to no script."""
    home = urlsplit(stage.url).netloc
    location = answer.location.replace("\\", "/").strip("\t\r\n ")
    target = urlsplit(location)
    away = target.netloc not in ("", home) or location.startswith("//")
    script = target.scheme not in ("", "http", "https")
    yield Outcome(what, away or script, answer.location)


def _unnamed(_stage: Stage, _lines: Any, what: str, answer: Answer) -> Iterator[Outcome]:
    """The host of the attacker is neither in the page nor in a redirect."""
    named = EVIL in answer.location or EVIL in answer.body
    yield Outcome(what, named, answer.location or "in the page")


def _text_only(_stage: Stage, _lines: Any, what: str, answer: Answer) -> Iterator[Outcome]:
    """No cell of a table is a formula, for spreadsheets of either separator."""
    if answer.status == HTTPStatus.OK:
        dangerous = list(export_readers.table(answer.body))
        yield Outcome(f"cells of {what}", bool(dangerous), f"{len(dangerous)}, as {dangerous[:2]}")


Judge = Callable[[Stage, Any, str, Answer], Iterator[Outcome]]
JUDGES: dict[str, Judge] = {
    "quick": _quick,
    "refused": _refused,
    "outside": _outside,
    "explained": _explained,
    "silent": _silent,
    "uncounted": _uncounted,
    "guarded": _guarded,
    "at home": _at_home,
    "unnamed": _unnamed,
    "text only": _text_only,
}


# --- classes ---


def headers(stage: Stage) -> Iterator[Outcome]:
    """Every page tells the browser what it may not do, and every cookie of a log-in is guarded."""
    yield from attempts(stage, "headers")
    client = stage.fresh("user")
    answer = client.log_in(stage.passwords["user"])
    yield Outcome("a log-in sets a cookie", not answer.set_cookies, answer.short)
    remembered = stage.fresh("user").log_in(stage.passwords["user"], remember="63072000")
    for cookie in (*answer.set_cookies, *remembered.set_cookies):
        for flag in table("headers")["cookies"]:
            lacking = not re.search(flag, cookie, re.IGNORECASE)
            yield Outcome(f"{flag} of the cookie {cookie.partition('=')[0]}", lacking, cookie[-120:])


def private(stage: Stage) -> Iterator[Outcome]:
    """Private datasets, requests, notes and names show nowhere to others."""
    yield from attempts(stage, "private")
    for message in stage.mail():
        body = message.decode("utf-8", "replace")
        if any(f"To: {stage.objects[person]}" in body for person in ("user", "rival")):
            yield _told(stage, "an e-mail to an outsider", body)


def studies(stage: Stage) -> Iterator[Outcome]:
    """Nobody else reads or changes a study.

    Hostile sites, frames and addresses are refused in time.
    """
    lines = table("studies")
    stage.play(lines["steps"])
    yield from attempts(stage, "studies")
    owner = stage.logged_in("victim")
    for question in lines["no_sites"] + lines["odd_sites"]:
        file = stage.filled(question)["ecosphere_study_create"]["file"]
        sent = {"file": (file["name"], content_of(file), "application/octet-stream")}
        answer = owner.post(STUDY_FORM, {"title": "x", "where": "file"}, token_from=STUDY_FORM, files=sent)
        yield judged(f"the form of a study with {file['name'][:60]}", answer)
    begin = time.monotonic()
    stage.settle()
    seconds = time.monotonic() - begin
    yield Outcome("the jobs of hostile studies end", seconds > lines["background_seconds"], f"{seconds:.0f} s")


def redirects(stage: Stage) -> Iterator[Outcome]:
    """The portal leads nobody elsewhere, whatever an address or a header says."""
    lines = table("redirects")
    yield from attempts(stage, "redirects")
    for elsewhere in lines["elsewhere"]:
        for field in lines["log_in_fields"]:
            client = stage.fresh("user")
            address = f"/user/login?{field}={quote(elsewhere, safe='')}"
            fields = {"login": client.name, "password": stage.passwords["user"], field: elsewhere}
            answer = client.post(address, fields, token_from=address)
            yield from _at_home(stage, lines, f"log-in with {field}={elsewhere!r}", answer)
    for name in lines["headers"]:
        client = stage.fresh()
        fields = {"user": stage.objects["user"], "_csrf_token": client.csrf("/user/reset")}
        client.send("POST", "/user/reset", data=fields, headers={name: EVIL})
    time.sleep(2)
    for message in stage.mail():
        detail = message[:300].decode("utf-8", "replace")
        yield Outcome("an e-mail with a link", EVIL.encode() in message, detail)


def slow_questions(stage: Stage) -> Iterator[Outcome]:
    """Every question of an outsider is answered within two seconds."""
    yield from attempts(stage, "slow_questions")


def formulas(stage: Stage) -> Iterator[Outcome]:
    """No table that the portal gives holds a cell that a spreadsheet computes."""
    lines, base = table("formulas"), stage.publishable()
    for number, formula in enumerate(lines["formulas"]):
        fields = base | stage.filled(lines["dataset"], number=number, formula=formula)
        stage.people["editor"].action("package_create", fields)
        stage.enter(lines["doors"], formula=formula)
    service = {"id": stage.objects["service"], "title": lines["formulas"][0]}
    stage.people["sysadmin"].action("organization_patch", service)
    yield from attempts(stage, "formulas")


def forged(stage: Stage) -> Iterator[Outcome]:
    """A page elsewhere changes nothing with the session of somebody who is logged in."""
    lines = table("forged")
    nobody = stage.fresh()
    for line in lines["posts"] * SWITCHING_OFF:  # an API token may exempt a view for all
        path = stage.filled(line["path"])
        nobody.send("POST", path, data={}, headers={"Authorization": "x"})
        nobody.send("POST", path, data={})
    sessions = {person: stage.logged_in(person) for person in ("victim", "editor", "sysadmin")}
    for line in lines["posts"]:
        yield from _post(stage, sessions[line["as"]], line)
    for line in lines["actions"]:
        yield from _call(stage, sessions[line["as"]], line)
    for line in lines["links"]:
        before = _seen(stage, line)
        answer = stage.logged_in(line["as"]).get(stage.filled(line["path"]), headers=ELSEWHERE)
        yield Outcome(f"link {line['path']} as {line['as']}", before != _seen(stage, line), answer.short)
    client = stage.logged_in("sysadmin")
    for route in stage.routes:
        if "POST" in route.methods and not _is_open(route.endpoint):
            path = route.path(stage.objects, **lines["harmless"])
            answer = client.send("POST", path, data={"x": "y"}, headers=ELSEWHERE)
            through = not answer.refused and answer.status != HTTPStatus.NOT_FOUND
            yield Outcome(f"POST {path} ({route.endpoint}) without a token", through, answer.short)


def _is_open(endpoint: str) -> bool:
    return endpoint.startswith("api.") or endpoint in table("forged")["not_forged"]


def _post(stage: Stage, client: Client, line: dict[str, Any]) -> Iterator[Outcome]:
    """Post a form of another site, as a form, as text and as JSON,
    and with GET that says it is POST.
    """
    path, data = stage.filled(line["path"]), stage.filled(line["data"])
    as_text = ELSEWHERE | {"Content-Type": "text/plain"}
    pairs = [f"{name}={value}" for name, value in data.items()]
    bodies = {"form": (ELSEWHERE, data), "text/plain": (as_text, "&".join(pairs)), "JSON": (as_text, json.dumps(data))}
    for name, (headers_, body) in bodies.items():
        answer = client.send("POST", path, data=body, headers=headers_)
        yield Outcome(f"{name} to {path} as {line['as']}", not answer.refused, answer.short)
    for name in ("_method", "X-HTTP-Method-Override"):
        parameters = {**data, "_method": "POST"}
        answer = client.send("GET", path, params=parameters, headers={**ELSEWHERE, name: "POST"})
        if "post_only" in line:
            yield Outcome(f"GET with {name} to {path} as {line['as']}", not answer.refused, answer.short)


def _call(stage: Stage, client: Client, line: dict[str, Any]) -> Iterator[Outcome]:
    """Call the API with the session cookie alone."""
    data, path = stage.filled(line["data"]), f"/api/3/action/{line['action']}"
    body = json.dumps(data)
    flat = {name: value if isinstance(value, str) else json.dumps(value) for name, value in data.items()}
    ways: list[tuple[str, str, dict[str, Any]]] = []
    ways += [("POST", kind, {"data": body}) for kind in ("application/json", "text/plain")]
    ways += [("POST", "application/x-www-form-urlencoded", {"data": body + "="}), ("POST", "", {"data": flat})]
    ways += [("GET", "", {"params": flat}), ("HEAD", "application/json", {"data": body})]
    for method, kind, sent in ways:
        headers_ = ELSEWHERE | ({"Content-Type": kind} if kind else {})
        answer = client.send(method, path, headers=headers_, **sent)
        # The answer to HEAD has no body: only its status shows success.
        through = answer.success or (method == "HEAD" and answer.status == HTTPStatus.OK)
        yield Outcome(f"{method} {path} with a cookie, {kind or 'as a form'}", through, answer.short)


def _seen(stage: Stage, line: dict[str, Any]) -> str:
    """Return the result of an action as JSON, limited to keys that do not change by themselves."""
    result = stage.people["sysadmin"].action(line["see"], stage.filled(line["with"])).result
    if isinstance(result, dict) and line.get("keys"):
        result = {key: result.get(key) for key in line["keys"]}
    if isinstance(result, list):  # the order of members is not fixed
        result = sorted(result, key=json.dumps)
    return json.dumps(result, sort_keys=True)
