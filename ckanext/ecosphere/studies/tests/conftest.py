"""Fixtures of the tests of studies: people, a frame, and a catalogue whose answers are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.lib.redis import connect_to_redis
from ckan.tests import factories, helpers
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.shared.web_guard import rate_limits
from ckanext.ecosphere.studies import candidates, frames, presence, states, store
from ckanext.ecosphere.studies.candidates import Candidate
from ckanext.ecosphere.studies.frames import Frame, Group, Need, Source
from ckanext.ecosphere.studies.model import Study
from ckanext.ecosphere.studies.site import Site
from ckanext.ecosphere.studies.states import Finding
from ckanext.ecosphere.tests.quick_loading import empty

PASSWORD = "un-mot-de-passe-solide"
PEOPLE = ("owner", "writer", "reader", "stranger", "editor")
SECRET = "Carrière des Zibelines"
NEEDS = (
    Need(
        "wetlands",
        {"fr": "Zones humides", "en": "Wetlands"},
        {"fr": "Il le faut."},
        "r1",
        ("zones humides",),
    ),
    Need(
        "bats",
        {"fr": "Gîtes de chauves-souris", "en": "Roosts of bats"},
        {"fr": "Espèces."},
        "r1",
        ("chiroptères",),
    ),
    Need("noise", {"fr": "Bruit", "en": "Noise"}, {"fr": "Nuisances."}, "r2", ("bruit",)),
)
FRAME = Frame(
    id="etude-test",
    version=0,
    title={"fr": "Étude d’essai", "en": "Trial study"},
    description={"fr": "Pour essayer."},
    territory="",
    inherits="",
    checked="2026-11-01",
    sources=(
        Source(
            "r1", "Code de l’environnement, article R. 1", "https://example.org/r1", "2026-11-01"
        ),
        Source("r2", "Guide", "https://example.org/r2"),
    ),
    groups=(
        Group("nature", {"fr": "Nature", "en": "Nature"}, NEEDS[:2]),
        Group("nuisances", {"fr": "Nuisances", "en": "Nuisances"}, NEEDS[2:]),
    ),
)


@dataclass
class Catalogue:
    """What the fake `candidates.look` finds.

    Attributes:
        found: by id of the need.
        asked: what was asked: ids of needs, and the account that asked.
        wanted: ids of rows whose count was asked for.
    """

    found: dict[str, list[Candidate]] = field(default_factory=dict)
    asked: list[tuple[list[str], str]] = field(default_factory=list)
    wanted: list[str] = field(default_factory=list)

    def offer(
        self, need: str, package: dict[str, Any], state: str = states.COVERS, **more: Any
    ) -> None:
        """Let a dataset be found for a need."""
        self.found.setdefault(need, []).append(candidate(package, state, **more))


def candidate(
    package: dict[str, Any], state: str = states.COVERS, countable: bool = False
) -> Candidate:
    """Return a dataset as `candidates.look` finds it."""
    finding = Finding(state, "", extent="box", share=1.0)
    server = ""
    if countable:
        server = presence.server_of(package) or "s.example"
    return Candidate(package["id"], package["name"], package["title"], "DDT", (), finding, server)


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    """A catalogue that answers at once, and a frame."""
    kept = Catalogue()

    def look(needs: list[Need], _site: Site, context: Any) -> dict[str, list[Candidate]]:
        kept.asked.append(([need.id for need in needs], context["user"]))
        return {need.id: kept.found.get(need.id, []) for need in needs}

    monkeypatch.setattr(candidates, "look", look)

    def want(study: Study, servers: dict[str, str]) -> None:
        kept.wanted.extend(servers)
        study.pending = len(servers)

    monkeypatch.setattr(store, "want", want)
    monkeypatch.setattr(frames, "frames", lambda: (FRAME,))
    monkeypatch.setattr(frames, "frame", {FRAME.id: FRAME}.get)
    return kept


@pytest.fixture(scope="module")
def people(loaded: None, request: pytest.FixtureRequest) -> None:
    """Create the people, a service with an editor, and no dataset."""
    model.Session.remove()
    request.getfixturevalue("empty_db")()
    request.getfixturevalue("reset_index")()
    factories.Sysadmin(name="boss", fullname="Berthe Boss", password=PASSWORD)
    for name in PEOPLE:
        factories.User(
            name=name,
            fullname=f"{name.title()} Nom",
            email=f"{name}@secret.example",
            password=PASSWORD,
        )
    factories.Organization(
        name="ddt-44", title="DDT 44", users=[{"name": "editor", "capacity": "editor"}]
    )


@pytest.fixture
def portal(people: None, catalogue: Catalogue, ckan_config: Any) -> None:
    """A portal with people, and no study."""
    model.Session.remove()
    names = ("ecosphere_stud", "ecosphere_work", "ecosphere_requests")
    empty([each for each in Study.metadata.sorted_tables if each.name.startswith(names)])
    model.Session.execute(sa.text("TRUNCATE package CASCADE"))
    model.Session.commit()
    connection = connect_to_redis()
    for key in connection.scan_iter(f"{rate_limits.PREFIX}:*"):
        connection.delete(key)


@pytest.fixture
def app(made_app: Any, ckan_config: Any) -> CKANTestApp:
    """Test application without cookies."""
    return CKANTestApp(made_app)


def act(verb: str, person: str | None = "owner", **data: Any) -> Any:
    """Call an action of studies as a person, with their rights."""
    user = model.User.get(person) if person else None
    context = {"user": person or "", "auth_user_obj": user, "ignore_auth": False}
    return helpers.call_action(f"ecosphere_study_{verb}", context, **data)


def dataset(**values: Any) -> dict[str, Any]:
    """Create a dataset of the service."""
    fields = {
        "title": "Zones humides de la Loire",
        "notes": "",
        "owner_org": model.Group.get("ddt-44").id,
    }  # pyright: ignore
    return factories.Dataset(**{**fields, **values})


@pytest.fixture
def study(portal: None) -> Callable[..., dict[str, Any]]:
    """Return a function that makes a study of the owner, shared with a writer and a reader."""

    def make(**values: Any) -> dict[str, Any]:
        given = {"title": SECRET, "frame": FRAME.id, "communes": ["44109"], **values}
        made = act("create", **given)
        act("member_add", id=made["id"], username="writer", may_write=True)
        act("member_add", id=made["id"], username="reader")
        return made

    return make


def need_of(shown: dict[str, Any], need: str) -> dict[str, Any]:
    """Return a need of a study by its id in the frame."""
    for group in shown["groups"]:
        for each in group["needs"]:
            if each["need"]["id"] == need:
                return each
    raise KeyError(need)


@pytest.fixture
def visitor(made_app: Any) -> Iterator[Callable[[str | None], Any]]:
    """Return a function that makes a client of a person, by their API token."""

    def make(person: str | None) -> Any:
        headers = {}
        if person:
            headers = {"Authorization": factories.APIToken(user=person)["token"]}
        return made_app._wsgi_app.test_client(), headers

    yield make
