"""Accounts and objects under attack, created on the portal through
its API and removed at the end.
"""

from __future__ import annotations

import random
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from dev.attack.client import Client
from dev.attack.hostile import Canaries, Hostile
from dev.attack.load import Load
from dev.attack.routes import Route
from dev.attack.tables import filled, table

#: `victim` owns the objects that the others attack.
PEOPLE: list[str] = table("people")
#: Wait before looking at the job queue: a job is queued shortly after what causes it.
SETTLE_SECONDS = 3
#: Largest process, in bytes.
WORKER_BYTES = 500_000_000
MODERATORS = "administration-centrale-ou-ministere_172120"


class Absent(Exception):
    """The portal has not what a class attacks, which is no failure: the message says what to do."""


@dataclass(frozen=True)
class Outcome:
    """Outcome of one attempt.

    Attributes:
        what: the attempt, precise enough to repeat it.
        through: whether it succeeded.
        detail: what was observed, shown if it did.
    """

    what: str
    through: bool
    detail: str = ""


@dataclass
class Stage:
    """Everything that an attack needs.

    Attributes:
        url: URL of the portal.
        load: measures the portal.
        people: person → client; `nobody` has no account, `sysadmin` is a sysadmin.
        passwords: person → password.
        routes: routes of the portal.
        canaries: servers on forbidden addresses.
        hostile: hostile server on an allowed address.
        mail: returns the e-mails that the portal has sent since the beginning.
        random: random generator with a fixed seed.
        patience: longest wait for a harvest, in seconds.
        services: database, queue, index → port.
        revive: restarts the portal's web server after an attack has frozen it.
        deliver: puts e-mails into the mailbox of replies, and has the portal read them.
        secret: a word that occurs in private texts only.
        objects: word → id or name, for the tables: `{dataset}`, `{private_request}`, …
        clients: further clients whose answers count for the slowest one.
    """

    url: str
    load: Load
    people: dict[str, Client]
    passwords: dict[str, str]
    routes: tuple[Route, ...]
    canaries: Canaries
    hostile: Hostile
    mail: Callable[[], list[bytes]] = list
    random: random.Random = field(default_factory=random.Random)
    patience: float = 45.0
    services: dict[str, int] = field(default_factory=dict)
    revive: Callable[[], None] = lambda: None
    deliver: Callable[[list[bytes]], None] = lambda mails: None
    secret: str = field(default_factory=lambda: f"zibeline{secrets.token_hex(3)}")
    objects: dict[str, Any] = field(default_factory=dict)
    clients: list[Client] = field(default_factory=list)

    def filled(self, value: Any, **more: Any) -> Any:
        """Replace the words of a table with the objects of the stage."""
        return filled(value, {**self.objects, **more})

    def fresh(self, person: str = "", *, source: str = "") -> Client:
        """Return a new client without a session, anonymous or for
        a person who has yet to log in.
        """
        name = self.people[person].name if person else ""
        return Client(self.url, self.load, name=name, source=source or self.address())

    def logged_in(self, person: str) -> Client:
        """Return a new client of a person, logged in."""
        client = self.fresh(person)
        client.token = self.people[person].token
        client.log_in(self.passwords[person])
        self.clients.append(client)
        return client

    def account(self, name: str, fullname: str, source: str = "") -> tuple[Client, str]:
        """Create an account; return its client, with an API token unless the portal refuses,
        and its password.
        """
        site, password = self.people["sysadmin"], secrets.token_urlsafe(12)
        fields = {"name": name, "email": f"{name}@guichet.example", "fullname": fullname, "password": password}
        client = Client(self.url, self.load, name=name, source=source or self.address())
        client.id = (site.action("user_create", fields).result or {}).get("id", "")
        token = site.action("api_token_create", user=name, name="attack").result or {}
        client.token = token.get("token", "")
        return client, password

    def visitor(self, person: str) -> Client:
        """Return a client of a person, logged in; `nobody` has no session."""
        return self.people[person] if person == "nobody" else self.logged_in(person)

    def play(self, steps: dict[str, Any]) -> None:
        """Do the steps of a table, and keep values of their results as objects."""
        for name, step in steps.items():
            made = self._done(step)
            for word, key in (step.get("keep") or {}).items():
                self.objects[word] = made
                for part in str(key).split("."):
                    place = int(part) if part.lstrip("-").isdigit() else part
                    self.objects[word] = self.objects[word][place]
            self.objects.setdefault(name, made.get("id") if isinstance(made, dict) else made)

    def _done(self, step: dict[str, Any]) -> Any:
        """Do a step, perhaps with a file, and return its result."""
        client, fields = self.people[step["by"]], self.filled(step["data"])
        if "file" not in step:
            return client.must(step["action"], fields)
        name, text = self.filled(step["file"])
        return client.must_upload(step["action"], fields, (name, text.encode(), "text/plain"))

    def enter(self, doors: list[dict[str, Any]], **words: Any) -> None:
        """Call the action of each entry point, whatever it answers."""
        for door in self.filled(doors, **words):
            self.people[door["as"]].action(door["action"], door["data"])

    def address(self) -> str:
        """Return a random loopback source address, so that no attack
        uses up the rate limit of another.
        """
        return f"127.{self.random.randint(100, 200)}.{self.random.randint(1, 250)}.{self.random.randint(1, 250)}"

    def waits(self, for_it: Callable[[], Any], *, times: float = 1, pause: float = 0.5) -> Any:
        """Wait until a function returns something, for a multiple of the patience at most; return
        that.

        Args:
            for_it: looks.
            times: how much longer than the patience.
            pause: seconds between two looks.
        """
        deadline = time.monotonic() + self.patience * times
        while not (found := for_it()) and time.monotonic() < deadline:
            time.sleep(min(pause, self.patience))
        return found

    def settle(self) -> None:
        """Wait until no background job is queued or running, for a while at most."""
        time.sleep(min(SETTLE_SECONDS, self.patience))
        self.waits(lambda: not self.people["sysadmin"].action("job_list").result, times=10, pause=1)

    def publishable(self) -> dict[str, Any]:
        """Return the fields that a public dataset of the attacked service needs,
        without name and texts.
        """
        fields = self.filled(table("stage")["dataset"]["data"])
        return {name: value for name, value in fields.items() if name not in ("name", "title", "notes")}


@contextmanager
def prepared(stage: Stage) -> Iterator[Stage]:
    """Create the accounts and objects of a stage for the duration of the block."""
    stage.people["sysadmin"].must("user_show", id="admin")
    try:
        _prepare(stage)
        yield stage
    finally:
        _remove(stage)


def _prepare(stage: Stage) -> None:
    run = secrets.token_hex(3)
    words = stage.objects
    words |= {"secret": stage.secret, "run": run, "moderators": MODERATORS}
    words |= {"url": stage.url, "hostile": stage.hostile.url}
    for number, person in enumerate(PEOPLE, 1):
        _person(stage, person, f"127.98.{stage.random.randint(1, 250)}.{number}", run)
    stage.play(table("stage"))
    words["private_location"] = re.sub("^(...)(...)", r"\1/\2/", words["private_file"])


def _person(stage: Stage, person: str, source: str, run: str) -> None:
    name = f"attack-{person}-{run}"
    client, password = stage.account(name, f"Attaque {person}", source)
    if not client.token:
        raise RuntimeError(f"the account {name} cannot be made")
    stage.people[person], stage.passwords[person] = client, password
    stage.objects |= {person: name, f"{person}_id": client.id}


def _remove(stage: Stage) -> None:
    """Remove what was prepared and what the attacks left in the two organisations.

    Failures are ignored.
    """
    site, words = stage.people["sysadmin"], stage.objects
    site.load = Load()
    with suppress(RuntimeError, KeyError, TypeError):
        for service in ("service", "rival"):
            _empty(site, words[service], words[f"{service}_id"])
            site.action("organization_purge", id=words[service])
        for person in PEOPLE:
            site.action("user_delete", id=words[person])


def _empty(site: Client, organization: str, identifier: str) -> None:
    """Remove the datasets, sources and requests of an organisation,
    which cannot be purged with them.
    """
    every = {"rows": 1000, "include_private": True, "include_drafts": True}
    of_it = f'owner_org:"{identifier}"'
    for source in _found(site, "package_search", every, fq=f"{of_it} +dataset_type:harvest"):
        site.action("harvest_source_clear", id=source["id"])
        site.action("harvest_source_delete", id=source["id"])
        site.action("dataset_purge", id=source["id"])
    for dataset in _found(site, "package_search", every, fq=of_it):
        site.action("dataset_purge", id=dataset["id"])
    desk = {"scope": "desk", "organization": organization, "rows": 1000}
    for request in _found(site, "ecosphere_request_list", desk):
        site.action("ecosphere_request_spam", id=request["id"])


def _found(site: Client, action: str, query: dict[str, Any], **more: str) -> list[dict[str, Any]]:
    return (site.action(action, query, **more).result or {}).get("results", [])
