"""Attack: links that work without a log-in, and API tokens: forged, exchanged, replayed, outlived, used for more."""

from __future__ import annotations

import json
import re
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from email import message_from_bytes, policy
from typing import Any
from urllib.parse import quote

from itsdangerous import URLSafeSerializer, URLSafeTimedSerializer

from dev.attack.client import Answer, Client
from dev.attack.outcome import Attack, Outcome
from dev.attack.stage import Stage
from dev.attack.tables import repeated, table

CALENDAR, SATISFACTION, UNSUBSCRIBE = "calendar", "satisfaction", "unsubscribe"
FAULT = 500
PAUSE_SECONDS = 0.5
SERIALIZERS = (URLSafeSerializer, URLSafeTimedSerializer)


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Get real links as their person, then try what others could make of them."""
    links = {CALENDAR: _calendar(stage, "victim"), **_from_mails(stage)}
    yield from _forged(stage, links)
    yield from _exchanged(stage, links)
    yield from _prefetched(stage, links)
    yield from _calendars(stage)
    yield from _alone(stage)
    yield from _api(stage)
    yield from _outlived(stage, links)
    lacking = sorted({CALENDAR, SATISFACTION, UNSUBSCRIBE} - set(links))
    yield Outcome(
        "the portal gives out links", bool(lacking), f"none for {lacking}: nothing was tested" * bool(lacking)
    )


def _calendar(stage: Stage, person: str) -> str:
    """Return the token of a new private calendar address of a person."""
    stage.people[person].action("ecosphere_request_settings_update", new_calendar=True)
    return str((stage.people[person].action("ecosphere_request_settings_show").result or {}).get("calendar", ""))


def _from_mails(stage: Stage) -> dict[str, str]:
    """Have a request answered, and return the tokens of the e-mail to its requester."""
    words, links = stage.objects, {}
    answer = {"transition": "fulfil", "links": ["https://data.example.org/a.csv"]}
    stage.people["editor"].action(
        "ecosphere_request_transition", answer, id=words["private_request"], version=words["private_request_version"]
    )
    deadline = time.monotonic() + stage.patience
    while SATISFACTION not in links and time.monotonic() < deadline:
        time.sleep(min(PAUSE_SECONDS, stage.patience))
        for raw in stage.mail():
            message = message_from_bytes(raw, policy=policy.default)
            body = message.get_body(preferencelist=("plain",))
            text = f"{message.get('List-Unsubscribe', '')} {body.get_content() if body else ''}"
            if str(words["victim"]) not in str(message["To"]):
                continue
            for name in (SATISFACTION, UNSUBSCRIBE):
                if token := _token_in(text, name):
                    links[name] = token
    return links


def _token_in(text: str, name: str) -> str:
    begin = table("tokens")["links"][name].partition("{token}")[0]
    match = re.search(re.escape(begin) + r"([\w.-]+)", text)
    return match[1] if match else ""


def _path(name: str, token: str) -> str:
    return table("tokens")["links"][name].replace("{token}", token)


def _tried(stage: Stage, name: str, token: str) -> Answer:
    """Use a token as its person would: read the calendar, or submit the page of the link."""
    client = stage.fresh()
    path = client.url + quote(_path(name, token), safe="/%")
    return client.get(path) if name == CALENDAR else client.send("POST", path, data={"satisfied": "no"})


def _opens(answer: Answer) -> bool:
    """Return whether a link was accepted, or broke the page."""
    return not answer.refused or answer.status >= FAULT


def _forged(stage: Stage, links: dict[str, str]) -> Iterator[Outcome]:
    lines = table("tokens")
    for name in lines["links"]:
        made = list(map(repeated, lines["texts"]))
        if good := links.get(name):
            made += [_changed(good, place) for place in (0, len(good) // 2, -2)]
            made += [good.rpartition(".")[0], good[:-4], f"{good}.x", f".{good}", good.partition(".")[0]]
        for payload in stage.filled(lines["payloads"]):
            made += [_unsigned(payload), f"{_unsigned(payload)}.{(good or 'a.b').rpartition('.')[2]}"]
            for key in lines["keys"]:
                made += [serializer(key, salt=name).dumps(payload) for serializer in SERIALIZERS]
        for token in made:
            answer = _tried(stage, name, str(token))
            yield Outcome(f"{name} with {str(token)[:60]!r}", _opens(answer), answer.short)


def _changed(token: str, place: int) -> str:
    letters = list(token)
    letters[place] = "A" if letters[place] != "A" else "B"
    return "".join(letters)


def _unsigned(payload: Any) -> str:
    return urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")


def _exchanged(stage: Stage, links: dict[str, str]) -> Iterator[Outcome]:
    """Use the token of one purpose for all others."""
    for name in table("tokens")["links"]:
        for other, token in links.items():
            if other != name:
                answer = _tried(stage, name, token)
                yield Outcome(f"{name} with the token for {other}", _opens(answer), answer.short)


def _prefetched(stage: Stage, links: dict[str, str]) -> Iterator[Outcome]:
    """Open links as scanners of e-mails do, then look for what that changed or gave away."""
    victim = stage.people["victim"]
    before = _said(stage)
    for name, token in links.items():
        for opinion in map(repeated, table("tokens")["opinions"]):
            for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE"):
                client = stage.fresh()
                path = f"{_path(name, token)}?r={quote(opinion)}&satisfied={quote(opinion)}&List-Unsubscribe=One-Click"
                answer = client.send(method, path)
                yield Outcome(f"{method} of {name} with {opinion[:20]!r}", answer.status >= FAULT, answer.short)
                yield from _no_session(f"the session after {method} of {name}", client, stage)
    after = _said(stage)
    yield Outcome("opening a link changes nothing", before != after, f"{before} became {after}")
    client = stage.fresh()
    if SATISFACTION in links:
        answer = client.send("POST", _path(SATISFACTION, links[SATISFACTION]), data={"satisfied": "<script>1</script>"})
        yield Outcome("an opinion that is none", _said(stage) != before, f"{_said(stage)} after {answer.short}")
        client.send(
            "POST", _path(SATISFACTION, links[SATISFACTION]), data={"satisfied": "yes", "id": stage.objects["request"]}
        )
        other = victim.action("ecosphere_request_show", id=stage.objects["request"]).result or {}
        yield Outcome("the link of one request for another", bool(other.get("satisfied")), str(other.get("satisfied")))
        yield from _no_session("the session after an opinion", client, stage)
    yield Outcome("pages of a link are kept by no proxy", *_kept(stage, links))


def _kept(stage: Stage, links: dict[str, str]) -> tuple[bool, str]:
    """Return whether a shared cache may keep a page that a token opens, and which."""
    for name, token in links.items():
        control = stage.fresh().get(_path(name, token)).headers.get("Cache-Control", "")
        if "no-store" not in control and "private" not in control:
            return True, f"{name}: {control!r}"
    return False, ""


def _said(stage: Stage) -> str:
    """Return what the victim said of the answer, and which e-mails they want."""
    victim = stage.people["victim"]
    request = victim.action("ecosphere_request_show", id=stage.objects["private_request"]).result or {}
    settings = victim.action("ecosphere_request_settings_show").result or {}
    return f"{request.get('satisfied')!r} {settings.get('digest')!r}"


def _no_session(what: str, client: Client, stage: Stage) -> Iterator[Outcome]:
    body = client.get("/user/me", allow_redirects=True).body
    yield Outcome(what, str(stage.objects["victim"]) in body, "is that of the victim")


def _calendars(stage: Stage) -> Iterator[Outcome]:
    """Read calendars of others with a real address, and with one that its person has replaced."""
    words, editor = stage.objects, stage.people["editor"]
    token = _calendar(stage, "editor")
    own = stage.fresh().get(f"/demandes/calendrier/{token}/{words['service']}.ics")
    yield Outcome("the calendar of one's own desk", own.status != 200, f"{own.short}: nothing was tested")
    for place in (words["rival"], words["rival_id"], "..", "%2e%2e", "demandes", "x' OR '1'='1", "a\r\nX-Injected: 1"):
        answer = stage.fresh().get(f"/demandes/calendrier/{token}/{quote(str(place), safe='%.')}.ics")
        shown = answer.status == 200 and "BEGIN:VEVENT" in answer.body and place != "demandes"
        yield Outcome(f"the desk {place!r} with the address of an editor", shown, answer.short)
    stage.people["sysadmin"].action("organization_member_delete", id=words["service"], username=words["editor"])
    answer = stage.fresh().get(f"/demandes/calendrier/{token}/{words['service']}.ics")
    yield Outcome(
        "the desk of a service after leaving it", stage.secret in answer.body or "VEVENT" in answer.body, answer.short
    )
    stage.people["sysadmin"].action(
        "organization_member_create", id=words["service"], username=words["editor"], role="editor"
    )
    editor.action("ecosphere_request_settings_update", new_calendar=True)
    answer = stage.fresh().get(f"/demandes/calendrier/{token}/{words['service']}.ics")
    yield Outcome("an address that was replaced", _opens(answer), answer.short)
    before = _calendar(stage, "editor")
    stage.logged_in("editor").get("/demandes/nouveau-calendrier")
    after = (editor.action("ecosphere_request_settings_show").result or {}).get("calendar")
    yield Outcome("a link replaces the address", before != after, "by GET")


def _alone(stage: Stage) -> Iterator[Outcome]:
    for path in stage.filled(table("tokens")["alone"]):
        for person in ("nobody", "user", "rival", "editor", "moderator"):
            client = stage.fresh() if person == "nobody" else stage.logged_in(person)
            answer = client.get(path)
            yield Outcome(f"{path} as {person}", not answer.refused, answer.short)


def _api(stage: Stage) -> Iterator[Outcome]:
    lines, victim = table("tokens")["elsewhere"], stage.people["victim"]
    private = f"/api/3/action/ecosphere_request_show?id={stage.objects['draft_request']}"
    own = stage.fresh().get(private, headers={"Authorization": victim.token})
    yield Outcome("one's own draft with one's token", not own.success, f"{own.short}: nothing was tested")
    for name in lines["query"]:
        answer = stage.fresh().get(f"{private}&{name}={victim.token}")
        yield Outcome(f"a token in the address as {name}", answer.success, answer.short)
    for name in lines["headers"]:
        value = f"auth_tkt={victim.token}; ckan={victim.token}" if name == "Cookie" else victim.token
        answer = stage.fresh().get(private, headers={name: value})
        yield Outcome(f"a token in the header {name}", answer.success, answer.short)
    for scheme in lines["schemes"]:
        answer = stage.fresh().get(private, headers={"Authorization": f"{scheme} {victim.token}"})
        yield Outcome(f"a token as {scheme}", answer.success, answer.short)
    for what, token in _forged_jwt(victim.token):
        answer = stage.fresh().get(private, headers={"Authorization": token})
        yield Outcome(f"an API token with {what}", answer.success, answer.short)
    client = stage.fresh()
    for path in ("/user/me", "/dashboard/", "/user/edit", "/demandes/preferences", private):
        client.get(path, headers={"Authorization": victim.token})
    yield from _no_session("the session after calls with a token", client, stage)
    yield from _wider(stage)


def _forged_jwt(token: str) -> Iterator[tuple[str, str]]:
    """Yield variants of a JWT, each with what is wrong with it."""
    if token.count(".") != 2:
        token = ".".join([_unsigned({"alg": "HS256"}), _unsigned({"jti": "a"}), "c"])
    head, payload, signature = token.split(".")
    for algorithm in table("tokens")["algorithms"]:
        forged = _unsigned({"typ": "JWT", "alg": algorithm})
        yield f"the algorithm {algorithm}", f"{forged}.{payload}.{signature}"
        yield f"the algorithm {algorithm} and no signature", f"{forged}.{payload}."
    content = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    yield "another time", f"{head}.{_unsigned({**content, 'iat': 0})}.{signature}"
    yield "no signature", f"{head}.{payload}."
    yield "its identifier alone", str(content.get("jti"))
    yield "a path as key", f"{_unsigned({'alg': 'HS256', 'kid': '../../../../dev/null'})}.{payload}.{signature}"


def _wider(stage: Stage) -> Iterator[Outcome]:
    """Call what would give more rights with the token of an account without any."""
    user = stage.people["user"]
    for action, fields in stage.filled(table("tokens")["wider"]).items():
        result = user.action(action, fields).result
        shown = json.dumps(result)
        secret = any(word in shown for word in ("password_hash", "plugin_extras", "apikey"))
        own = isinstance(result, dict) and action.endswith("_show") and not secret and '"email"' not in shown
        yield Outcome(f"{action} with a token of no rights", bool(result) and not own, shown[:200])


def _outlived(stage: Stage, links: dict[str, str]) -> Iterator[Outcome]:
    """Use tokens after they were revoked, after a recovery of the account, and after its end."""
    site, words = stage.people["sysadmin"], stage.objects
    rival = stage.people["rival"]
    made = rival.action("api_token_create", user=words["rival"], name="short").result or {}
    identifier = (
        json.loads(urlsafe_b64decode(made["token"].split(".")[1] + "===")).get("jti")
        if "." in str(made.get("token"))
        else ""
    )
    rival.action("api_token_revoke", jti=identifier)
    yield _dead(stage, "a token that was revoked", str(made.get("token") or "x"))
    site.action("user_patch", id=words["rival"], password=secrets.token_urlsafe(12))
    yield _dead(stage, "a token after a new password by somebody else", rival.token)
    calendar = _calendar(stage, "victim")
    links = {**links, CALENDAR: calendar}
    site.action("user_delete", id=words["victim"])
    yield _dead(stage, "a token of an account that is closed", stage.people["victim"].token)
    for name, token in links.items():
        answer = _tried(stage, name, token)
        yield Outcome(f"{name} of an account that is closed", _opens(answer), answer.short)


def _dead(stage: Stage, what: str, token: str) -> Outcome:
    client = stage.fresh()
    client.token = token
    answer = client.action("ecosphere_request_settings_show")
    return Outcome(what, answer.success, answer.short)


ATTACK = Attack(
    "tokens", "A link or API token does only what it was made for, for its person, while it is valid.", attempts
)
