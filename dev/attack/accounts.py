"""Classes of attack on accounts: sessions, links and tokens that work without a log-in,
and rate limits.
"""

from __future__ import annotations

import itertools
import json
import re
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from itsdangerous import URLSafeSerializer, URLSafeTimedSerializer

from dev.attack import asking
from dev.attack.asking import judged
from dev.attack.client import Answer, Client
from dev.attack.hostile import slowly
from dev.attack.mails import plain_text, received
from dev.attack.stage import Outcome, Stage
from dev.attack.tables import repeated, table

CALENDAR, SATISFACTION, UNSUBSCRIBE = "calendar", "satisfaction", "unsubscribe"
#: A page that shows who is logged in.
OWN_PAGE = "/fr/user/edit"
#: A log-in that is remembered for two years.
REMEMBERED = {"remember": "63072000"}
SERIALIZERS = (URLSafeSerializer, URLSafeTimedSerializer)


# --- sessions ---


def sessions(stage: Stage) -> Iterator[Outcome]:
    """A session ends with the log-out, a new password and the account."""
    yield from _after_log_out(stage)
    yield from _after_new_password(stage)
    yield from _planted(stage)
    for name, value in stage.logged_in("user").cookies.items():
        escaping, of_admin = "../../etc/passwd", f"{stage.objects['admin_id']}|0"
        for cookie in ("", "x", value[:-2], value.upper(), escaping, of_admin, "%00"):
            client = stage.fresh("admin")
            client.session.cookies.set(name, cookie)
            yield Outcome(f"the cookie {name} as {cookie[:20]!r}", is_known(client), "logged in")
    yield from _after_deletion(stage)


def is_known(client: Client) -> bool:
    """Return whether somebody is logged in, by the page that is theirs."""
    answer = client.get(OWN_PAGE)
    return answer.status == HTTPStatus.OK and client.name in answer.body


def _remembered(stage: Stage) -> Client:
    client = stage.fresh("user")
    client.log_in(stage.passwords["user"], **REMEMBERED)
    return client


def thief(stage: Stage, client: Client) -> Client:
    """Return a client with a copy of another client's cookies."""
    copied = stage.fresh()
    copied.name = client.name
    copied.session.cookies.update(client.cookies)
    stage.clients.append(copied)
    return copied


def _after_log_out(stage: Stage) -> Iterator[Outcome]:
    client = stage.logged_in("user")
    yield Outcome("the log-in itself works", not is_known(client), "nothing was tested")
    copied = thief(stage, client)
    client.post("/user/_logout")
    client.get("/user/_logout")
    yield Outcome("cookies copied before the log-out", is_known(copied), "still logged in")
    client = _remembered(stage)
    copied = thief(stage, client)
    client.post("/user/_logout")
    yield Outcome("remember cookie copied before the log-out", is_known(copied), "still logged in")


def _after_new_password(stage: Stage) -> Iterator[Outcome]:
    old, only = stage.logged_in("user"), thief(stage, _remembered(stage))
    for name in list(only.cookies):
        if "remember" not in name:
            del only.session.cookies[name]
    stage.passwords["user"] = password = secrets.token_urlsafe(12)
    stage.people["sysadmin"].action("user_patch", id=stage.objects["user"], password=password)
    yield Outcome("a session from before the new password", is_known(old), "still logged in")
    yield Outcome("a remember cookie from before the new password", is_known(only), "still logged in")


def _planted(stage: Stage) -> Iterator[Outcome]:
    """Try session fixation: a session planted before the log-in."""
    client = stage.fresh("user")
    client.csrf("/user/login")
    before, copied = client.cookies, thief(stage, client)
    client.log_in(stage.passwords["user"])
    same = [name for name, value in client.cookies.items() if before.get(name) == value]
    yield Outcome("a session planted before the log-in", is_known(copied), f"cookies that stayed: {same}")


def _after_deletion(stage: Stage) -> Iterator[Outcome]:
    client, password = stage.account(f"attack-gone-{secrets.token_hex(3)}", "Attaque")
    client.log_in(password)
    stage.people["sysadmin"].action("user_delete", id=client.id)
    yield Outcome("a session of a deleted account", is_known(client), "still logged in")
    answer = client.action("ecosphere_request_create", title="Attaque")
    yield Outcome("a token of a deleted account", answer.success, answer.short)


# --- links that work without a log-in, and API tokens ---


def tokens(stage: Stage) -> Iterator[Outcome]:
    """A link or API token does only what it was made for, for its person, while it is valid."""
    links = {CALENDAR: _calendar(stage, "victim"), **_from_mails(stage)}
    yield from _forged(stage, links)
    for name in table("tokens")["links"]:
        for other, token in links.items():
            if other != name:
                answer = _use(stage, name, token)
                yield Outcome(f"{name} with the token for {other}", _opens(answer), answer.short)
    yield from _prefetched(stage, links)
    yield from _opinions(stage, links)
    yield from _calendars(stage)
    yield from asking.attempts(stage, "tokens")
    yield from _api(stage)
    yield from _wider(stage)
    yield from _outlived(stage, links)
    lacking = sorted({CALENDAR, SATISFACTION, UNSUBSCRIBE} - set(links))
    yield Outcome("the portal gives out links", bool(lacking), f"none for {lacking}: nothing was tested")


def _calendar(stage: Stage, person: str) -> str:
    """Return the token of a new private calendar address of a person."""
    stage.people[person].action("ecosphere_request_settings_update", new_calendar=True)
    return str(_settings(stage, person).get("calendar", ""))


def _settings(stage: Stage, person: str) -> dict[str, Any]:
    return stage.people[person].action("ecosphere_request_settings_show").result or {}


def _from_mails(stage: Stage) -> dict[str, str]:
    """Have a request answered, and return the tokens of the e-mail to its requester."""
    words = stage.objects
    answer = {"transition": "fulfil", "links": ["https://data.example.org/a.csv"]}
    answer |= {"id": words["private_request"], "version": words["private_request_version"]}
    stage.people["editor"].action("ecosphere_request_transition", answer)
    links: dict[str, str] = {}

    def is_there() -> bool:
        for message in received(stage, words["victim"]):
            text = f"{message.get('List-Unsubscribe', '')} {plain_text(message)}"
            for name in (SATISFACTION, UNSUBSCRIBE):
                begin = table("tokens")["links"][name].partition("{token}")[0]
                if match := re.search(re.escape(begin) + r"([\w.-]+)", text):
                    links[name] = match[1]
        return SATISFACTION in links

    stage.waits(is_there)
    return links


def _path(name: str, token: str) -> str:
    return table("tokens")["links"][name].replace("{token}", token)


def _use(stage: Stage, name: str, token: str) -> Answer:
    """Use a token as its person would: read the calendar, or submit the page of the link."""
    client = stage.fresh()
    path = client.url + quote(_path(name, token), safe="/%")
    return client.get(path) if name == CALENDAR else client.send("POST", path, data={"satisfied": "no"})


def _opens(answer: Answer) -> bool:
    """Return whether a link was accepted, or broke the page."""
    return not answer.refused or answer.status >= asking.BROKEN


def _forged(stage: Stage, links: dict[str, str]) -> Iterator[Outcome]:
    lines = table("tokens")
    for name in lines["links"]:
        made = list(map(repeated, lines["texts"]))
        if good := links.get(name):
            made += [_changed(good, place) for place in (0, len(good) // 2, -2)]
            made += [good.rpartition(".")[0], good[:-4], f"{good}.x", f".{good}", good.partition(".")[0]]
        signature = (good or "a.b").rpartition(".")[2]
        for payload in stage.filled(lines["payloads"]):
            made += [_unsigned(payload), f"{_unsigned(payload)}.{signature}"]
            for key in lines["keys"]:
                made += [str(serializer(key, salt=name).dumps(payload)) for serializer in SERIALIZERS]
        for token in made:
            answer = _use(stage, name, token)
            yield Outcome(f"{name} with {token[:60]!r}", _opens(answer), answer.short)


def _changed(token: str, place: int) -> str:
    letters = list(token)
    letters[place] = "A" if letters[place] != "A" else "B"
    return "".join(letters)


def _unsigned(payload: Any) -> str:
    return urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")


def _prefetched(stage: Stage, links: dict[str, str]) -> Iterator[Outcome]:
    """Open links as scanners of e-mails do, then look for what that changed or gave away."""
    before = _said(stage)
    for name, token in links.items():
        for opinion in map(repeated, table("tokens")["opinions"]):
            value = quote(opinion)
            path = f"{_path(name, token)}?r={value}&satisfied={value}&List-Unsubscribe=One-Click"
            for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE"):
                client = stage.fresh()
                answer = client.send(method, path)
                what = f"{method} of {name}"
                yield Outcome(f"{what} with {opinion[:20]!r}", answer.status >= asking.BROKEN, answer.short)
                yield no_session(f"the session after {what}", client, stage)
    after = _said(stage)
    yield Outcome("opening a link changes nothing", before != after, f"{before} became {after}")
    kept = []
    for name, token in links.items():
        control = stage.fresh().get(_path(name, token)).headers.get("Cache-Control", "")
        if "no-store" not in control and "private" not in control:
            kept.append(f"{name}: {control!r}")
    yield Outcome("pages of a link are kept by no proxy", bool(kept), ", ".join(kept))


def _opinions(stage: Stage, links: dict[str, str]) -> Iterator[Outcome]:
    """Give an opinion that is none, and one about another request."""
    if SATISFACTION not in links:
        return
    client, before, path = stage.fresh(), _said(stage), _path(SATISFACTION, links[SATISFACTION])
    answer = client.send("POST", path, data={"satisfied": "<script>1</script>"})
    yield Outcome("an opinion that is none", _said(stage) != before, f"{_said(stage)} after {answer.short}")
    request = stage.objects["request"]
    client.send("POST", path, data={"satisfied": "yes", "id": request})
    other = (stage.people["victim"].action("ecosphere_request_show", id=request).result or {}).get("satisfied")
    yield Outcome("the link of one request for another", bool(other), str(other))
    yield no_session("the session after an opinion", client, stage)


def _said(stage: Stage) -> str:
    """Return what the victim said of the answer, and which e-mails they want."""
    shown = stage.people["victim"].action("ecosphere_request_show", id=stage.objects["private_request"])
    return f"{(shown.result or {}).get('satisfied')!r} {_settings(stage, 'victim').get('digest')!r}"


def no_session(what: str, client: Client, stage: Stage) -> Outcome:
    """Judge that a client has got no session of the victim."""
    body = client.get("/user/me", allow_redirects=True).body
    return Outcome(what, str(stage.objects["victim"]) in body, "is that of the victim")


def _calendars(stage: Stage) -> Iterator[Outcome]:
    """Read calendars of others with a real address, and with one that its person has replaced."""
    words, editor, site = stage.objects, stage.people["editor"], stage.people["sysadmin"]
    token = _calendar(stage, "editor")

    def desk(place: object) -> Answer:
        return stage.fresh().get(f"/demandes/calendrier/{token}/{quote(str(place), safe='%.')}.ics")

    own = desk(words["service"])
    yield Outcome("the calendar of one's own desk", own.status != HTTPStatus.OK, f"{own.short}: nothing was tested")
    others = (words["rival"], words["rival_id"], "..", "%2e%2e", "demandes", "x' OR '1'='1", "a\r\nX-Injected: 1")
    for place in others:
        answer = desk(place)
        shown = answer.status == HTTPStatus.OK and "BEGIN:VEVENT" in answer.body and place != "demandes"
        yield Outcome(f"the desk {place!r} with the address of an editor", shown, answer.short)
    member = {"id": words["service"], "username": words["editor"]}
    site.action("organization_member_delete", member)
    answer = desk(words["service"])
    shown = stage.secret in answer.body or "VEVENT" in answer.body
    yield Outcome("the desk of a service after leaving it", shown, answer.short)
    site.action("organization_member_create", member, role="editor")
    editor.action("ecosphere_request_settings_update", new_calendar=True)
    answer = desk(words["service"])
    yield Outcome("an address that was replaced", _opens(answer), answer.short)
    before = _calendar(stage, "editor")
    stage.logged_in("editor").get("/demandes/nouveau-calendrier")
    yield Outcome("a link replaces the address", before != _settings(stage, "editor").get("calendar"), "by GET")


def _api(stage: Stage) -> Iterator[Outcome]:
    """Send an API token otherwise than in its header, and forge it."""
    token = stage.people["victim"].token
    private = f"/api/3/action/ecosphere_request_show?id={stage.objects['draft_request']}"
    own = stage.fresh().get(private, headers={"Authorization": token})
    yield Outcome("one's own draft with one's token", not own.success, f"{own.short}: nothing was tested")
    for what, forged in _forged_jwt(token):
        answer = stage.fresh().get(private, headers={"Authorization": forged})
        yield Outcome(f"an API token with {what}", answer.success, answer.short)
    yield from asking.attempts(stage, "tokens", "elsewhere", {"api_token": token})
    client = stage.fresh()
    for path in ("/user/me", "/dashboard/", "/user/edit", "/demandes/preferences", private):
        client.get(path, headers={"Authorization": token})
    yield no_session("the session after calls with a token", client, stage)


def _forged_jwt(token: str) -> Iterator[tuple[str, str]]:
    """Yield variants of a JWT, each with what is wrong with it."""
    if token.count(".") != 2:
        token = ".".join([_unsigned({"alg": "HS256"}), _unsigned({"jti": "a"}), "c"])
    head, payload, signature = token.split(".")
    for algorithm in table("tokens")["algorithms"]:
        forged = _unsigned({"typ": "JWT", "alg": algorithm})
        yield f"the algorithm {algorithm}", f"{forged}.{payload}.{signature}"
        yield f"the algorithm {algorithm} and no signature", f"{forged}.{payload}."
    content = _content(token)
    yield "another time", f"{head}.{_unsigned({**content, 'iat': 0})}.{signature}"
    yield "no signature", f"{head}.{payload}."
    yield "its identifier alone", str(content.get("jti"))
    yield "a path as key", f"{_unsigned({'alg': 'HS256', 'kid': '../../../../dev/null'})}.{payload}.{signature}"


def _content(token: str) -> dict[str, Any]:
    """Return the payload of a JWT; nothing for another text."""
    return json.loads(urlsafe_b64decode(token.split(".")[1] + "===")) if "." in token else {}


def _wider(stage: Stage) -> Iterator[Outcome]:
    """Call what would give more rights with the token of an account without any."""
    for action, fields in stage.filled(table("tokens")["wider"]).items():
        result = stage.people["user"].action(action, fields).result
        shown = json.dumps(result)
        secret = any(word in shown for word in ("password_hash", "plugin_extras", "apikey"))
        own = isinstance(result, dict) and action.endswith("_show") and not secret and '"email"' not in shown
        yield Outcome(f"{action} with a token of no rights", bool(result) and not own, shown[:200])


def _outlived(stage: Stage, links: dict[str, str]) -> Iterator[Outcome]:
    """Use tokens after they were revoked, after a recovery of the account, and after its end."""
    site, words, rival = stage.people["sysadmin"], stage.objects, stage.people["rival"]
    made = rival.action("api_token_create", user=words["rival"], name="short").result or {}
    token = str(made.get("token") or "x")
    rival.action("api_token_revoke", jti=_content(token).get("jti", ""))
    yield _dead(stage, "a token that was revoked", token)
    site.action("user_patch", id=words["rival"], password=secrets.token_urlsafe(12))
    yield _dead(stage, "a token after a new password by somebody else", rival.token)
    links = {**links, CALENDAR: _calendar(stage, "victim")}
    site.action("user_delete", id=words["victim"])
    yield _dead(stage, "a token of an account that is closed", stage.people["victim"].token)
    for name, token in links.items():
        answer = _use(stage, name, token)
        yield Outcome(f"{name} of an account that is closed", _opens(answer), answer.short)


def _dead(stage: Stage, what: str, token: str) -> Outcome:
    client = stage.fresh()
    client.token = token
    answer = client.action("ecosphere_request_settings_show")
    return Outcome(what, answer.success, answer.short)


# --- rate limits ---


def brakes(stage: Stage) -> Iterator[Outcome]:
    """Guessing passwords, making accounts and sending mails by the dozen is braked."""
    lines = table("brakes")
    yield from (repeats(stage, line) for line in lines["repeats"])
    before = len(received(stage, stage.objects["member"]))
    for _number in range(lines["resets"]):
        stage.fresh().post("/user/reset", {"user": stage.objects["member"]}, token_from="/user/reset")
    sent = len(received(stage, stage.objects["member"])) - before
    yield Outcome(f"{lines['resets']} reset mails to one person", sent > lines["mails"], f"{sent} mails")
    for path, field in (("/fr/user/reset", "user"), ("/fr/user/login", "login")):
        answers = []
        for name in (stage.objects["user"], "nobody-of-this-name"):
            answer = stage.fresh().post(path, {field: name, "password": "wrong"}, token_from=path)
            answers.append((answer.status, answer.location, answer.body.replace(name, "").count("class=")))
        yield Outcome(f"{path} tells who has an account", answers[0] != answers[1], str(answers)[:200])


def repeats(stage: Stage, line: dict[str, Any], **more: Any) -> Outcome:
    """Do the same very often, until the portal says that it is too often.

    Args:
        stage: the stage.
        line: of a table: `post` a form, or call an `action` as somebody (`as`), so many `times`,
            with `data` and `headers`, from many `addresses` or one, with `forgotten` cookies.
            Braked when an answer is HTTP 429; with `most`, when no more succeed.
        more: further words of the data.
    """
    one, done, braked = stage.fresh(), 0, False
    for number in range(line["times"]):
        victim = stage.objects["victim"]
        spelled = f"{victim}{' ' * number}" if number % 2 else victim.upper()
        words = {"n": number, "random": secrets.token_hex(4), "spelled": spelled, **more}
        client, data = stage.fresh() if line.get("addresses") else one, stage.filled(line["data"], **words)
        if line.get("forgotten"):
            client.session.cookies.clear()
        if "action" in line:
            client.token = stage.people[line["as"]].token if "as" in line else ""
            answer = client.action(line["action"], data)
        else:
            client.session.headers.update(stage.filled(line.get("headers", {}), **words))
            answer = client.post(line["post"], data, token_from=line["post"])
        braked = answer.status == HTTPStatus.TOO_MANY_REQUESTS
        if braked and "most" not in line:
            break
        done += answer.success if "action" in line else answer.status == HTTPStatus.OK
    through = done > line["most"] if "most" in line else not braked
    return Outcome(f"{line['times']} {line['what']}", through, f"{done} succeeded")


LATER = (HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
#: Longest wait for an honest preview, as a multiple of the stage's patience: one hostile item ends
#: within a minute.
LONGEST = 3
CREATE_SECONDS = 600
AT_ONCE = 50
POINTS = b"a;b\n1;2\n"


def fairness(stage: Stage) -> Iterator[Outcome]:
    """Whoever asks for much delays nobody else by more than a minute."""
    amounts = table("fairness")
    yield from _previews(stage, amounts)
    yield repeats(stage, amounts["signals"], reported=_dataset(stage, []).get("id"))
    yield repeats(stage, amounts["spellings"], mailbox=f"a.ttack-{secrets.token_hex(4)}")
    yield from _combinations(stage, amounts)
    yield from _crowded(stage, amounts)
    yield from _patches(stage, amounts)


def _dataset(stage: Stage, resources: list[dict[str, str]]) -> dict[str, Any]:
    """Create a public dataset; neither the answer, which may take long, nor its memory is measured.

    CKAN validates all resources of a save at once: 8 000 take 150 MB in a plain CKAN, and 280 MB
    with the fields of the suite.
    """
    editor = stage.fresh("editor")
    name = f"attack-{secrets.token_hex(4)}"
    fields = stage.publishable() | {"name": name, "title": name, "notes": name, "resources": resources}
    headers = {"Authorization": stage.people["editor"].token}
    path = "/api/3/action/package_create"
    with stage.load.preparing():
        answer = editor.send("POST", path, json=fields, headers=headers, patience=CREATE_SECONDS)
    return answer.result or {}


def _previews(stage: Stage, amounts: dict[str, Any]) -> Iterator[Outcome]:
    """Ask for previews of a server that answers a byte at a time,
    then for one of another server.
    """
    drip = stage.hostile.behave(lambda question: question.stream(slowly(POINTS * 1000, 1), "text/csv"))
    slow = [{"url": f"{drip}?{number}", "format": "CSV"} for number in range(amounts["previews"])]
    good = stage.hostile.place(POINTS, "text/csv").replace("127.0.0.1", "localhost")
    made = _dataset(stage, [*slow, {"url": good, "format": "CSV"}])
    resources = made.get("resources", [])
    paths = [f"/dataset/{made['id']}/resource/{resource['id']}/apercu" for resource in resources] or ["/"]
    attackers = [stage.fresh() for _number in range(amounts["addresses"])]
    for client, path in zip(itertools.cycle(attackers), paths[:-1], strict=False):
        client.post(path)
    honest, begin = stage.fresh(), time.monotonic()
    honest.post(paths[-1])

    def rows() -> bool:
        state = honest.get(paths[-1]).json
        return isinstance(state, dict) and "rows" in state

    made_in_time = stage.waits(rows, times=LONGEST, pause=1)
    waited = f"not made after {time.monotonic() - begin:.0f} s"
    yield Outcome(f"a preview beside {len(slow)} of a slow server", not made_in_time, waited)


def _combinations(stage: Stage, amounts: dict[str, Any]) -> Iterator[Outcome]:
    """Walk through combinations of filters from one address."""
    client, begin, told = stage.fresh(), time.monotonic(), 0
    names = itertools.cycle(itertools.combinations(amounts["filters"], 3))
    for number in range(amounts["combinations"]):
        query = urlencode([(name, f"{name}-{number}") for name in next(names)])
        answer = client.get(f"/dataset/?{query}")
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            told += 1
        else:
            yield judged(f"GET /dataset/?{query}", answer)
    fast = time.monotonic() - begin < 60 and not told
    yield Outcome(f"{amounts['combinations']} combinations of filters", fast, "none was told to wait")


def _crowded(stage: Stage, amounts: dict[str, Any]) -> Iterator[Outcome]:
    """Open the pages of a dataset with very many resources."""
    files = [{"url": f"https://a.example/{number}.zip", "format": "ZIP"} for number in range(amounts["resources"])]
    made = _dataset(stage, files)
    yield Outcome(f"a dataset of {len(files)} resources", not made.get("name"), "nothing was tested")
    for page in amounts["pages"]:
        path = stage.filled(page, crowded=made.get("name", ""))
        yield judged(f"GET {path} of {len(files)} resources", stage.fresh().get(path))


def _patches(stage: Stage, amounts: dict[str, Any]) -> Iterator[Outcome]:
    """Save one dataset very often at once: some are saved, others told to come later,
    none fails.
    """
    dataset, token = _dataset(stage, []).get("id", ""), stage.people["editor"].token
    clients = [stage.fresh() for _number in range(amounts["patches"])]

    def patch(client: Client) -> int:
        client.token = token
        return client.action("package_patch", id=dataset, notes=secrets.token_hex(4)).status

    with ThreadPoolExecutor(AT_ONCE) as pool:
        statuses = Counter(pool.map(patch, clients))
    saved, told = statuses[HTTPStatus.OK], sum(statuses[status] for status in LATER)
    failed = not saved or not told or saved + told < len(clients)
    yield Outcome(f"{len(clients)} saves of one dataset at once", failed, str(dict(statuses)))
