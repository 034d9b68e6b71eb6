"""Accounts and objects under attack, created on the portal through its API and removed at the end."""

from __future__ import annotations

import random
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dev.attack.canaries import Canaries
from dev.attack.client import Client
from dev.attack.hostile import Hostile
from dev.attack.inventory import Route
from dev.attack.load import Load
from dev.attack.tables import filled, table

#: Person → (organisation, role). `victim` owns the objects that the others attack.
PEOPLE = {
    "user": None,
    "victim": None,
    "rival": ("rival", "editor"),
    "rival-admin": ("rival", "admin"),
    "member": ("service", "member"),
    "editor": ("service", "editor"),
    "admin": ("service", "admin"),
    "moderator": ("moderators", "editor"),
}
MODERATORS = "administration-centrale-ou-ministere_172120"


@dataclass
class Stage:
    """Everything that an attack needs.

    Attributes:
        url: URL of the portal.
        load: measures the portal.
        people: person → client; `nobody` has no account, `sysadmin` is a sysadmin.
        passwords: person → password.
        objects: word → id or name, for the tables: `{dataset}`, `{private_request}`, …
        secret: a word that occurs in private texts only.
        routes: routes of the portal.
        canaries: servers on forbidden addresses.
        hostile: hostile server on an allowed address.
        mail: returns the e-mails that the portal has sent since the beginning.
        random: random generator with a fixed seed.
        patience: longest wait for a harvest, in seconds.
        services: database, queue, index → port.
        revive: restarts the portal's web server after an attack has frozen it.
        deliver: puts e-mails into the mailbox of replies, and has the portal read them.
    """

    url: str
    load: Load
    people: dict[str, Client]
    passwords: dict[str, str]
    objects: dict[str, Any]
    secret: str
    routes: tuple[Route, ...]
    canaries: Canaries
    hostile: Hostile
    mail: Callable[[], list[bytes]] = list
    random: random.Random = field(default_factory=random.Random)
    patience: float = 45.0
    services: dict[str, int] = field(default_factory=dict)
    revive: Callable[[], None] = lambda: None
    deliver: Callable[[list[bytes]], None] = lambda mails: None

    def filled(self, value: Any, **more: Any) -> Any:
        """Replace the words of a table with the objects of the stage."""
        return filled(value, {**self.objects, **more})

    def fresh(self, person: str = "", *, source: str = "") -> Client:
        """Return a new client without a session, anonymous or for a person who has yet to log in."""
        name = self.people[person].name if person else ""
        return Client(self.url, self.load, name=name, source=source or self.address())

    def logged_in(self, person: str) -> Client:
        """Return a new client of a person, logged in."""
        client = self.fresh(person)
        client.token = self.people[person].token
        client.log_in(self.passwords[person])
        self.clients.append(client)
        return client

    @property
    def clients(self) -> list[Client]:
        """Further clients whose answers count for the slowest one."""
        return self.__dict__.setdefault("_clients", [])

    def address(self) -> str:
        """Return a random loopback source address, so that no attack uses up the rate limit of another."""
        return f"127.{self.random.randint(100, 200)}.{self.random.randint(1, 250)}.{self.random.randint(1, 250)}"


@contextmanager
def prepared(
    url: str,
    *,
    token: str,
    password: str,
    seed: int,
    load: Load,
    routes: tuple[Route, ...],
    canaries: Canaries,
    hostile: Hostile,
    mail: Path,
    services: dict[str, int],
    revive: Callable[[], None],
    deliver: Callable[[list[bytes]], None],
) -> Iterator[Stage]:
    """Prepare the stage of a running portal for the duration of the block.

    Args:
        url: URL of the portal.
        token: API token of a sysadmin.
        password: password of the sysadmin.
        seed: seed of the random choices.
        load: measures the portal.
        routes: routes of the portal.
        canaries: servers on forbidden addresses.
        hostile: hostile server on an allowed address.
        mail: folder of the e-mails that the portal sends.
        services: ports of its database, queue and index.
        revive: restarts its web server.
        deliver: has it read e-mails as replies.
    """
    begin, choice = time.time_ns(), random.Random(seed)
    site = Client(url, load, name="admin", token=token)
    site.must("user_show", id="admin")
    stage = Stage(
        url, load, {"sysadmin": site, "nobody": Client(url, load, source="127.99.0.1")}, {"sysadmin": password},
        {}, f"zibeline{secrets.token_hex(3)}", routes, canaries, hostile,
        mail=lambda: _mails(mail, begin), random=choice, services=services, revive=revive,
        deliver=deliver,
    )  # fmt: skip
    try:
        _prepare(stage)
        yield stage
    finally:
        _remove(stage)


def _mails(folder: Path, since: int) -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob("*.eml")) if int(path.stem) > since]


def _prepare(stage: Stage) -> None:
    site, run = stage.people["sysadmin"], secrets.token_hex(3)
    words = stage.objects
    words |= {
        "secret": stage.secret,
        "run": run,
        "moderators": MODERATORS,
        "url": stage.url,
        "hostile": stage.hostile.url,
    }
    for service in ("service", "rival"):
        made = site.must("organization_create", name=f"attack-{service}-{run}", title=f"Attaque {service} {run}")
        words[service], words[f"{service}_id"] = made["name"], made["id"]
    for number, (person, place) in enumerate(PEOPLE.items(), 1):
        _person(stage, person, place, f"127.98.{stage.random.randint(1, 250)}.{number}", run)
    for name, step in table("stage").items():
        fields = stage.filled(step["data"])
        made = stage.people[step["by"]].must(step["action"], fields)
        for word, key in (step.get("keep") or {}).items():
            words[word] = made
            for part in str(key).split("."):
                words[word] = words[word][int(part) if part.isdigit() else part]
        words.setdefault(name, made.get("id") if isinstance(made, dict) else made)
    _upload(stage)


def _person(stage: Stage, person: str, place: tuple[str, str] | None, source: str, run: str) -> None:
    site, name, password = stage.people["sysadmin"], f"attack-{person}-{run}", secrets.token_urlsafe(12)
    fields = {"name": name, "email": f"{name}@guichet.example", "fullname": f"Attaque {person}", "password": password}
    made = site.must("user_create", fields)
    token = site.must("api_token_create", user=name, name="attack")["token"]
    stage.people[person] = Client(stage.url, stage.load, name=name, token=token, source=source)
    stage.passwords[person] = password
    stage.objects |= {person: name, f"{person}_id": made["id"]}
    if place:
        site.must("organization_member_create", id=stage.objects[place[0]], username=name, role=place[1])


def _upload(stage: Stage) -> None:
    """Upload a file with the secret to a private dataset, and one to an internal note of a request."""
    editor, words = stage.people["editor"], stage.objects
    files = {"upload": ("secret.txt", stage.secret.encode(), "text/plain")}
    fields = {"package_id": words["private_dataset"], "name": f"Fichier {stage.secret}", "format": "TXT"}
    headers = {"Authorization": editor.token}
    answer = editor.send("POST", "/api/3/action/resource_create", data=fields, files=files, headers=headers)
    if not answer.success:
        raise RuntimeError(f"resource_create with a file: {answer.short}")
    words["private_file"], words["private_file_url"] = answer.result["id"], answer.result["url"]
    words["private_location"] = re.sub("^(...)(...)", r"\1/\2/", answer.result["id"])
    fields = {"id": words["request"], "text": f"Note {stage.secret}", "internal": "true"}
    files = {"upload": ("note.txt", stage.secret.encode(), "text/plain")}
    answer = editor.send("POST", "/api/3/action/ecosphere_request_comment", data=fields, files=files, headers=headers)
    if not answer.success:
        raise RuntimeError(f"ecosphere_request_comment with a file: {answer.short}")
    note = next(each for each in answer.result["comments"] if each["attachments"])
    words["internal_comment"], words["internal_file"] = note["id"], note["attachments"][0]["id"]


def _remove(stage: Stage) -> None:
    """Remove what was prepared and what the attacks left in the two organisations; failures are ignored."""
    site, words = stage.people["sysadmin"], stage.objects
    site.load = Load()
    with suppress(RuntimeError, KeyError, TypeError):
        for service in ("service", "rival"):
            query = {"fq": f'owner_org:"{words[f"{service}_id"]}"', "rows": 1000}
            flags = {"include_private": True, "include_drafts": True}
            kinds = ("", "harvest")
            for kind in kinds:
                fq = query["fq"] + (f" +dataset_type:{kind}" if kind else "")
                for each in (site.action("package_search", query | flags, fq=fq).result or {}).get("results", []):
                    if kind:
                        site.action("harvest_source_clear", id=each["id"])
                        site.action("harvest_source_delete", id=each["id"])
                    site.action("dataset_purge", id=each["id"])
            desk = site.action("ecosphere_request_list", scope="desk", organization=words[service], rows=1000)
            for each in (desk.result or {}).get("results", []):
                site.action("ecosphere_request_spam", id=each["id"])  # an organisation with requests cannot be purged
            site.action("organization_purge", id=words[service])
        for person in PEOPLE:
            site.action("user_delete", id=words[person])
