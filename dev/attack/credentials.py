"""Class of attack on the optional plugin `ecosphere_credentials`: second factor, recovery codes,
narrowed tokens.
"""

from __future__ import annotations

import csv
import re
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus

from pyotp.totp import TOTP

from dev.attack import asking
from dev.attack.accounts import is_known, no_session, thief
from dev.attack.asking import judged
from dev.attack.client import Answer, Client
from dev.attack.stage import Absent, Outcome, Stage
from dev.attack.tables import repeated, table
from dev.stack.settings import ROOT

SET_UP, CODE, REMOVAL = "/fr/compte/second-facteur", "/fr/connexion/code", "/fr/compte/second-facteur/retirer"
SECRET = re.compile(r'id="secret"[^>]*>([A-Z2-7]{16,})<')
RECOVERY_CODE = re.compile(r"<code>([0-9a-f]{10}-[0-9a-f]{10})</code>")
STEP_SECONDS = 30
MATRIX = ROOT / "ckanext" / "ecosphere" / "tests" / "access" / "actions.csv"
STILL_IN = "logged in"


@dataclass
class Person:
    """An account with a second factor.

    Attributes:
        client: client that is logged in and has set it up.
        password: password of the account.
        app: generator of its codes.
        first_code: code with which it was set up.
        recovery_codes: those that are unused.
    """

    client: Client
    password: str
    app: TOTP
    first_code: str
    recovery_codes: list[str]


def credentials(stage: Stage) -> Iterator[Outcome]:
    """A password alone opens nothing where a code is asked, a code is good once,
    and a token keeps to its scope.
    """
    if table("credentials")["endpoint"] not in {route.endpoint for route in stage.routes}:
        raise Absent("the portal has no ecosphere_credentials: PLUGINS=ecosphere_credentials make demo")
    yield from asking.attempts(stage, "credentials")
    try:
        for attack in (_codes, _recovery_codes, _between, _sessions, _of_others, _required, _odd, _guesses, _scopes):
            yield from attack(stage)
    finally:
        for name in stage.objects.pop("enrolled", []):
            stage.people["sysadmin"].action("user_delete", id=name)


def _enrolled(stage: Stage) -> Person:
    """Make an account and set its second factor up.

    Each attack has accounts of its own: after twenty codes, the brake would answer in the place of
    what is attacked.

    Raises:
        RuntimeError: the portal's pages do not let it.
    """
    client, password = stage.account(f"attack-code-{secrets.token_hex(3)}", "Attaque")
    stage.objects.setdefault("enrolled", []).append(client.name)
    stage.clients.append(client)
    client.log_in(password)
    return _set_up(client, password)


def _set_up(client: Client, password: str) -> Person:
    page = client.get(SET_UP)
    secret = SECRET.search(page.body)
    if not secret:
        raise RuntimeError(f"{client.name} cannot set a second factor up: {page.short}")
    app = TOTP(secret[1])
    code = app.now()
    answer = client.post(SET_UP, {"old_password": password, "code": code}, token_from=SET_UP)
    codes = RECOVERY_CODE.findall(answer.body)
    if not codes:
        raise RuntimeError(f"{client.name} has got no recovery codes: {answer.short}")
    return Person(client, password, app, code, codes)


def _halfway(stage: Stage, person: Person, **more: str) -> Client:
    """Return a new client that has given the right password, and no code."""
    client = stage.fresh()
    client.name = person.client.name
    client.log_in(person.password, **more)
    stage.clients.append(client)
    return client


def _give(client: Client, code: str | bytes) -> Answer:
    return client.post(CODE, {"code": code}, token_from=CODE)


def _tried(stage: Stage, person: Person, what: str, code: str) -> Outcome:
    """Log in with a code that is not good."""
    client = _halfway(stage, person)
    answer = _give(client, code)
    untested = answer.status == HTTPStatus.TOO_MANY_REQUESTS
    return Outcome(what, is_known(client) or untested or answer.status >= asking.BROKEN, answer.short)


def _at_once(stage: Stage, person: Person, what: str, code: str) -> Iterator[Outcome]:
    """Give a good code in several log-ins at once: one succeeds."""
    clients = [_halfway(stage, person) for _number in range(table("credentials")["at_once"])]
    with ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(lambda client: _give(client, code), clients))
    entered = sum(map(is_known, clients))
    yield Outcome(f"{len(clients)} log-ins at once with one {what}", entered != 1, f"{entered} are logged in")


def _codes(stage: Stage) -> Iterator[Outcome]:
    """Give codes again, too early, too late, of another account, and one at once by many."""
    person, other = _enrolled(stage), _enrolled(stage)
    now = int(time.time())
    code = person.app.at(now + STEP_SECONDS)
    yield from _at_once(stage, person, "code", code)
    bad = {"a used code": code, "the code of the set-up": person.first_code, "a code of another": other.app.now()}
    bad |= {"the used code with spaces": " ".join(code), "the secret": person.app.secret, "no code": ""}
    bad |= {f"a code of {seconds} s": person.app.at(now + seconds) for seconds in (-120, -90, 120, 3600)}
    for what, wrong in bad.items():
        yield _tried(stage, person, what, wrong)


def _recovery_codes(stage: Stage) -> Iterator[Outcome]:
    """Give a recovery code again, in other spellings, of another account, of before a set-up,
    and at once by many.
    """
    person, other = _enrolled(stage), _enrolled(stage)
    recovery_code = person.recovery_codes.pop()
    yield from _at_once(stage, person, "recovery code", recovery_code)
    spellings = (recovery_code, recovery_code.upper(), recovery_code.replace("-", " "), f" {recovery_code}\n")
    for spelling in spellings:
        yield _tried(stage, person, f"a used recovery code as {spelling!r}", spelling)
    yield _tried(stage, person, "a recovery code of another", other.recovery_codes[0])
    again = _set_up(other.client, other.password)
    yield _tried(stage, again, "a recovery code of before a new set-up", other.recovery_codes[0])
    yield _tried(stage, again, "a code of before a new set-up", other.app.at(int(time.time()) + STEP_SECONDS))


def _between(stage: Stage) -> Iterator[Outcome]:
    """Ask pages and send forms after the password, before the code."""
    person = _enrolled(stage)
    words = {"name": person.client.name, "password": person.password}
    yield from asking.attempts(stage, "credentials", "between", words, halfway=_halfway(stage, person))
    answer = person.client.get("/fr/etudes")
    inside = re.search(table("credentials")["inside"], answer.body)
    yield Outcome("pages tell who is inside", not inside, "nothing was tested")
    yield Outcome("the password alone, after all forms", is_known(_halfway(stage, person)), STILL_IN)


def _sessions(stage: Stage) -> Iterator[Outcome]:
    """Change the session between password and code, copy it, and outlive the password."""
    person, other = _enrolled(stage), _enrolled(stage)
    for name, value in _halfway(stage, person).cookies.items():
        strange = _halfway(stage, other).cookies.get(name, "")
        for cookie in ("", "x", value[:-2], value.upper(), f"{value}x", "../../etc/passwd", "%00", strange):
            client = _halfway(stage, person)
            client.session.cookies.clear()
            client.session.cookies.set(name, cookie)
            answer = _give(client, person.recovery_codes[0])
            through = is_known(client) or answer.status >= asking.BROKEN
            yield Outcome(f"a right code with the cookie {name} as {cookie[:12]!r}", through, answer.short)
    client = _halfway(stage, person)
    copied = thief(stage, client)
    _give(client, person.recovery_codes.pop())
    yield Outcome("the log-in after a copy works", not is_known(client), "nothing was tested")
    yield Outcome("a session copied before the code", is_known(copied), STILL_IN)
    client = _halfway(stage, other)
    stage.people["sysadmin"].action("user_patch", id=other.client.name, password=secrets.token_urlsafe(12))
    _give(client, other.recovery_codes[0])
    yield Outcome("a password given before the new one", is_known(client), STILL_IN)


def _of_others(stage: Stage) -> Iterator[Outcome]:
    """Set up, change and remove the second factor of somebody else."""
    other, lines = _enrolled(stage), table("credentials")
    client, password = stage.account(f"attack-code-{secrets.token_hex(3)}", "Attaque")
    client.log_in(password)
    for field in lines["other_account"]:
        secret = SECRET.search(client.get(f"{SET_UP}?{field}={other.client.name}").body)
        code = TOTP(secret[1]).now() if secret else "000000"
        fields = {field: stage.objects["rival"], "old_password": password, "code": code}
        client.post(f"{SET_UP}?{field}={stage.objects['rival']}", fields, token_from=SET_UP)
        yield Outcome(f"a second factor for another by {field}", not is_known(stage.logged_in("rival")), "was set up")
    words = {"name": other.client.name, "id": other.client.id}
    yield from asking.attempts(stage, "credentials", "of_others", words)
    yield Outcome("the password alone, after all removals", is_known(_halfway(stage, other)), STILL_IN)
    stage.objects["enrolled"].append(client.name)
    for reader in ("sysadmin", "user"):
        answer = stage.people[reader].action("user_show", id=other.client.name, include_plugin_extras=True)
        yield Outcome(f"the secret as {reader}", other.app.secret in answer.body, "is told by user_show")


def _required(stage: Stage) -> Iterator[Outcome]:
    """Log in with a role that needs a second factor, without one and after having removed it."""
    client, password = stage.logged_in("moderator"), stage.passwords["moderator"]
    yield from asking.attempts(stage, "credentials", "required", {"name": client.name}, unready=client)
    yield Outcome("a needed second factor", is_known(client), STILL_IN)
    person = _set_up(client, password)
    yield Outcome("the set-up logs in", not is_known(client), "nothing was tested")
    client.post(REMOVAL, {"old_password": password}, token_from=SET_UP)
    yield Outcome("a needed second factor, removed", is_known(_halfway(stage, person)), STILL_IN)


def _odd(stage: Stage) -> Iterator[Outcome]:
    """Give odd values in each field of each form."""
    lines, person = table("credentials"), _enrolled(stage)
    halfway = _halfway(stage, person)
    words = {"password": person.password}
    yield from asking.attempts(stage, "credentials", "odd", words, enrolled=person.client)
    for value in map(repeated, lines["odd_values"]):
        odd = value.encode("utf-8", "surrogatepass")
        yield judged(f"the code {value[:20]!r}", _give(thief(stage, halfway), odd))
        for field in lines["odd_targets"]:
            answer = stage.fresh("user").log_in(stage.passwords["user"], **{field: odd})
            yield judged(f"log-in with {field} {value[:20]!r}", answer)
    for value in map(repeated, lines["odd_remembers"]):
        answer = stage.fresh("user").log_in(stage.passwords["user"], remember=value)
        yield judged(f"log-in with remember {value[:20]!r}", answer)
        answer = _give(_halfway(stage, person, remember=value, next="//evil.example/"), person.recovery_codes.pop())
        yield judged(f"a code after remember {value[:20]!r}", answer)
        yield Outcome("a code leads elsewhere", "evil.example" in answer.location, answer.location)


def _guesses(stage: Stage) -> Iterator[Outcome]:
    """Guess codes from one address, from many at once,
    and passwords with a session that was taken over.
    """
    lines, person = table("credentials"), _enrolled(stage)
    number, client = lines["guesses"], _halfway(stage, person)
    statuses = [_give(client, f"{guess:06}").status for guess in range(number)]
    yield Outcome(f"{number} codes from one address", HTTPStatus.TOO_MANY_REQUESTS not in statuses, str(statuses))
    copies = [thief(stage, client) for _number in range(number)]
    with ThreadPoolExecutor(lines["at_once"]) as pool:
        statuses += [answer.status for answer in pool.map(lambda copy: _give(copy, "000000"), copies)]
    compared = statuses.count(HTTPStatus.BAD_REQUEST)
    yield Outcome(f"{number} codes from many addresses", compared > lines["account"], f"{compared} were compared")
    for line in lines["passwords"]:
        statuses = []
        for _number in range(lines["passwords_times"]):
            fields = {"old_password": secrets.token_hex(4), "code": "000000"}
            statuses.append(person.client.post(line["path"], fields, token_from=SET_UP).status)
        braked = HTTPStatus.TOO_MANY_REQUESTS in statuses
        yield Outcome(f"{len(statuses)} {line['what']}", not braked, "all were compared")


def _scopes(stage: Stage) -> Iterator[Outcome]:
    """Use narrowed tokens of a sysadmin for every action and page beyond their scope."""
    site = stage.people["sysadmin"]
    scopes = {"read": {"scope": "read"}, "service": {"scope": "service", "service": stage.objects["rival"]}}
    for name, scope in scopes.items():
        made = site.must("api_token_create", user=site.name, name=f"attack-{name}", **scope)
        client = stage.fresh()
        client.token = made["token"]
        stage.clients.append(client)
        yield from _actions(stage, client, name)
        for route in stage.routes:
            if "POST" in route.methods and not route.endpoint.startswith("api."):
                path = route.path(stage.objects)
                answer = client.send("POST", path, data={"x": "y"}, headers={"Authorization": client.token})
                yield Outcome(f"POST {path} with a token to {name}", not answer.refused, answer.short)
        yield no_session(f"the session after a token to {name}", client, stage)
        words = {"mark": f"mark-{secrets.token_hex(4)}"}
        yield from asking.attempts(stage, "credentials", "of_scope", words, narrowed=client)
        own = client.action("package_show", id=stage.objects["dataset"])
        yield Outcome(f"a token to {name} reads", not own.success, f"{own.short}: nothing was tested")
        site.action("api_token_revoke", token=client.token)


def _actions(stage: Stage, client: Client, scope: str) -> Iterator[Outcome]:
    """Call each action that changes something, in each way.

    A token of a service gets to the rule of the dataset.
    """
    lines = table("credentials")
    with MATRIX.open(newline="", encoding="utf-8") as file:
        names = {row["name"] for row in csv.DictReader(file)} | set(lines["more_actions"])
    dataset = stage.objects["dataset"]
    fields = {"id": dataset, "package_id": dataset, "user": client.name, "title": "Autre"}
    headers = {"Authorization": client.token}
    for name in sorted(name for name in names if not re.search(lines["reading"], name)):
        for method, way in (("POST", "json"), ("POST", "data"), ("GET", "params")):
            answer = client.send(method, f"/api/3/action/{name}", headers=headers, **{way: fields})  # pyright: ignore[reportArgumentType]
            yield Outcome(f"{name} by {method}, {way}, with a token to {scope}", not answer.refused, answer.short)
