"""Attack: exceed the rate limits on passwords, accounts, reset e-mails and messages."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator

from dev.attack.client import Answer, Client
from dev.attack.outcome import Attack, Outcome
from dev.attack.stage import Stage
from dev.attack.tables import table

TOO_MANY = 429


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Repeat each operation far more often than a person would, from one address and from many."""
    limits = table("brakes")
    yield from _log_in(stage, limits["log_in"], limits["many"])
    yield from _register(stage, limits["register"])
    yield from _reset(stage, limits["reset"])
    yield from _write(stage, limits["write"])
    yield from _kept(stage, limits["kept"])
    yield from _previews(stage, limits["previews"])
    yield from _told(stage)


def _braked(what: str, answers: Iterable[Answer]) -> Outcome:
    """Consume answers until one is HTTP 429; the attempt succeeds when none is."""
    tried, told = 0, ""
    for answer in answers:
        if answer.status == TOO_MANY:
            return Outcome(what, False)
        tried, told = tried + 1, answer.short
    return Outcome(what, True, f"{tried} times, the last {told}")


def _log_in(stage: Stage, times: int, most: int) -> Iterator[Outcome]:
    """Guess passwords: one account from one address, one from many addresses, many from one address.

    Also with a forged X-Forwarded-For header, and with other spellings of the user name.
    """
    victim, one = stage.objects["victim"], stage.fresh()

    def guess(client: Client, name: str) -> Answer:
        fields = {"login": name, "password": secrets.token_urlsafe(8)}
        return client.post("/user/login", fields, token_from="/user/login")

    yield _braked(f"{times} wrong passwords from one address", (guess(one, victim) for _ in range(times)))
    many = (guess(stage.fresh(), victim) for _ in range(most))
    yield _braked(f"{most} wrong passwords from many addresses", many)
    other = stage.fresh()
    names = [f"attack-guess-{n}" for n in range(most)]
    yield _braked(f"{most} accounts tried from one address", (guess(other, name) for name in names))
    spoofing = stage.fresh()

    def from_elsewhere(number: int) -> Answer:
        spoofing.session.headers["X-Forwarded-For"] = f"203.0.113.{number}"
        return guess(spoofing, f"attack-spoofed-{number}")

    answers = (from_elsewhere(number) for number in range(most))
    yield _braked(f"{most} wrong log-ins with made-up X-Forwarded-For", answers)
    spelled = stage.fresh()
    names = [f"{victim}{' ' * n}" if n % 2 else victim.upper() for n in range(times)]
    yield _braked(f"{times} wrong passwords, the name spelled otherwise", (guess(spelled, name) for name in names))


def _register(stage: Stage, times: int) -> Iterator[Outcome]:
    client = stage.fresh()

    def register() -> Answer:
        name = f"attack-r-{secrets.token_hex(4)}"
        fields = {"name": name, "fullname": name, "email": f"{name}@guichet.example"}
        fields |= {"password1": "Lac-bleu-2024", "password2": "Lac-bleu-2024", "save": ""}
        client.session.cookies.clear()
        return client.post("/user/register", fields, token_from="/user/register")

    yield _braked(f"{times} registrations from one address", (register() for _ in range(times)))


def _reset(stage: Stage, times: int) -> Iterator[Outcome]:
    before, first = _mails_to_member(stage), 0
    for number in range(times):
        client = stage.fresh()
        client.post("/user/reset", {"user": stage.objects["member"]}, token_from="/user/reset")
        if number == 0:
            first = _mails_to_member(stage) - before
    sent = _mails_to_member(stage) - before
    most = table("brakes")["mails"]
    detail = f"{sent} mails, {first} after the first" if sent > most else ""
    yield Outcome(f"{times} reset mails to one person", sent > most, detail)


def _mails_to_member(stage: Stage) -> int:
    address = f"{stage.objects['member']}@guichet.example".encode()
    return sum(address in mail for mail in stage.mail())


def _write(stage: Stage, times: int) -> Iterator[Outcome]:
    """Create drafts as one person from many addresses."""
    person = stage.people["user"]
    made = 0
    for _number in range(times):
        other = stage.fresh()
        other.token, other.name = person.token, person.name
        made += other.action("ecosphere_request_create", title="Attaque").success
    yield Outcome(f"{times} drafts of one person", made == times, f"all {made} were made" if made == times else "")


def _kept(stage: Stage, times: int) -> Iterator[Outcome]:
    """Post long forms without an account, which the portal keeps until the visitor logs in."""
    client = stage.fresh()

    def ask() -> Answer:
        fields = {"title": "Attaque", "description": "a" * 15_000, "theme": "eau", "go": "next"}
        client.session.cookies.clear()
        return client.post("/demandes/nouvelle", fields, token_from="/demandes/nouvelle")

    yield _braked(f"{times} long forms kept for nobody", (ask() for _ in range(times)))


def _previews(stage: Stage, times: int) -> Iterator[Outcome]:
    """Start harvest previews as one editor; each may occupy a worker for minutes."""
    fields = {"url": f"{stage.hostile.url}/do/good_csw", "source_type": "ecosphere_csw", "config": ""}
    started = sum(stage.people["editor"].action("ecosphere_harvest_trial_start", fields).success for _ in range(times))
    detail = f"all {started} were started" if started == times else ""
    yield Outcome(f"{times} previews of one editor", started == times, detail)


def _told(stage: Stage) -> Iterator[Outcome]:
    """Check that the reset form and the log-in do not reveal whether an account exists."""
    for path, field in (("/fr/user/reset", "user"), ("/fr/user/login", "login")):
        answers = []
        for name in (stage.objects["user"], "nobody-of-this-name"):
            client = stage.fresh()
            fields = {field: name, "password": "wrong"}
            answer = client.post(path, fields, token_from=path)
            answers.append((answer.status, answer.location, answer.body.replace(name, "").count("class=")))
        differs = answers[0] != answers[1]
        yield Outcome(f"{path} tells who has an account", differs, str(answers)[:200] if differs else "")


ATTACK = Attack("brakes", "Guessing passwords, making accounts and sending mails by the dozen is braked.", attempts)
