"""Fixtures of the access matrix: one application, one portal,
and a database that is rolled back after each call.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from ckan.config.middleware import make_app
from ckan.plugins import core
from ckan.tests.helpers import CKANTestApp

from ckanext.ecosphere.tests.access import tables, world

TRIALS = "ecosphere.harvest.previews_per_person"
LIMITS = {"comments_per_hour": 100_000, "requests_per_day": 100_000, "release_after": 0}
#: Tests in other folders submit forms without a CSRF token; here it is required, as in production.
CSRF = "WTF_CSRF_ENABLED"
#: Redirects are not followed: they are an answer. Responses are read completely: the rest of a
#: streamed one would be discarded in the middle of a later call.
STAY = {"follow_redirects": False, "buffered": True}
#: Log-in of an optional plugin; no provider listens at this address.
OPENID: dict[str, Any] = {
    "ecosphere.openid.issuer": "http://127.0.0.1:9/openid",
    "ecosphere.openid.client_id": "guichet",
    "ecosphere.openid.client_secret": "secret",
}
#: Options of the optional plugins.
OPTIONAL = ("ecosphere.openid.", "ecosphere.credentials.")
#: Tables written by read access, too: CKAN records when a token and an account were last used.
NOTED = ("api_token", "user")
WRITES = re.compile(
    r'(?:\bINSERT INTO|(?<!FOR )\bUPDATE|\bDELETE FROM|\bTRUNCATE)\s+"?(\w+)', re.IGNORECASE
)


@pytest.fixture(scope="package")
def loaded() -> Iterator[None]:
    """Load the plugins once for all modules of this folder."""
    before = copy.deepcopy(dict(tk.config))
    plugins = ["ecosphere_credentials", "ecosphere_openid", *tk.aslist(tk.config["ckan.plugins"])]
    tk.config.update(OPENID | {"ckan.plugins": plugins})
    core.load_all()
    OPENID.update({name: value for name, value in tk.config.items() if name.startswith(OPTIONAL)})
    yield
    core.unload_all()
    tk.config.clear()
    tk.config.update(before)


@pytest.fixture(scope="package")
def made_app(loaded: None) -> Any:
    """The application, made once for all modules of this folder."""
    made: Any = make_app(tk.config)
    made._wsgi_app.config[CSRF] = True
    return made


@pytest.fixture(scope="package")
def portal(made_app: Any, request: pytest.FixtureRequest) -> world.World:
    """The portal with its personas, made once, since each call is rolled back."""
    request.getfixturevalue("empty_db")()
    request.getfixturevalue("reset_index")()
    model.Session.remove()
    with pytest.MonkeyPatch.context() as patch:
        _give_time(patch)
        return world.build()


@pytest.fixture(autouse=True)
def generous(monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise the rate limits: seven personas make more calls per minute than users do per hour."""
    _give_time(monkeypatch)


def _give_time(patch: pytest.MonkeyPatch) -> None:
    for name, value in LIMITS.items():
        patch.setitem(tk.config, f"ecosphere.requests.{name}", value)
    for option, value in (OPENID | {CSRF: True, TRIALS: 1000}).items():
        patch.setitem(tk.config, option, value)


class Visitor:
    """A persona with its own session, or with its API token."""

    def __init__(self, app: CKANTestApp, portal: world.World, persona: str) -> None:
        self.client: Any = app.test_client()
        self.persona = persona
        self.token = portal.tokens.get(persona)
        self.form: dict[str, str] = {}
        name = world.PERSONAS[persona]
        if name is not None:
            self._take_token("/user/login")
            self._log_in(name)
            self._take_token("/user/edit")

    def _log_in(self, name: str) -> None:
        answer = self.post("/user/login", {"login": name, "password": world.PASSWORD})
        assert answer.status_code == tables.FOUND, answer.data[:500]

    def _take_token(self, address: str) -> None:
        """Get the CSRF token from a page, as a browser does."""
        page = self.get(address).get_data(as_text=True)
        token = re.search(r'name="_csrf_token"[^>]* (?:content|value)="([^"]+)"', page)
        assert token, page[:2_000]
        self.form = {"_csrf_token": token[1]}

    def call(self, action: str, data: Any) -> Any:
        """Call an action with the API token."""
        headers = {"Authorization": self.token} if self.token else {}
        return self.client.post(f"/api/3/action/{action}", json=data, headers=headers, **STAY)

    def send(self, action: str, body: str) -> Any:
        """Call an action with the API token and a body that need not be JSON."""
        headers = {"Authorization": self.token} if self.token else {}
        data = body.encode("utf-8", "surrogatepass")
        address = f"/api/3/action/{action}"
        return self.client.post(
            address, data=data, content_type="application/json", headers=headers, **STAY
        )

    def get(self, address: str) -> Any:
        """Request a page with the session."""
        return self.client.get(address, **STAY)

    def post(self, address: str, data: dict[str, Any]) -> Any:
        """Submit a form with the session."""
        return self.client.post(address, data={**self.form, **data}, **STAY)


@pytest.fixture(scope="package")
def visitors(portal: world.World, made_app: Any) -> dict[str, Visitor]:
    """The seven personas."""
    with pytest.MonkeyPatch.context() as patch:
        _give_time(patch)
        return {
            persona: Visitor(CKANTestApp(made_app), portal, persona) for persona in world.PERSONAS
        }


class Ledger:
    """Records the tables that a call writes, and rolls the call back."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.outer: Any = connection.begin()
        self.savepoint: Any = None
        self.written: set[str] = set()

    def begin(self) -> None:
        """Start a call."""
        model.Session.remove()
        self.savepoint = self.connection.begin_nested()
        self.written.clear()
        self.queued = world.queued()

    def end(self) -> set[str]:
        """Roll a call back; return the tables that it wrote,
        and "jobs" if it queued background jobs.
        """
        model.Session.remove()
        self.savepoint.rollback()
        jobs = {"jobs"} if world.queued() > self.queued else set()
        return (self.written | jobs) - set(NOTED)

    def note(self, _connection: Any, cursor: Any, statement: str, *_more: Any) -> None:
        """Record the table changed by a statement, on any connection of the engine."""
        if cursor.rowcount != 0:
            self.written.update(WRITES.findall(statement))

    @contextmanager
    def committing(self) -> Iterator[None]:
        """Let calls really commit, which must not wait for rows that earlier calls changed."""
        model.Session.remove()
        self.outer.rollback()
        model.Session.configure(
            bind=model.meta.engine, join_transaction_mode="conditional_savepoint"
        )
        yield
        model.Session.remove()
        self.outer = self.connection.begin()
        model.Session.configure(bind=self.connection, join_transaction_mode="create_savepoint")


@pytest.fixture(scope="package")
def ledger(visitors: dict[str, Visitor]) -> Iterator[Ledger]:
    """Run each call in a savepoint that is rolled back, so that calls do not affect each other."""
    engine = model.meta.engine
    assert engine is not None
    model.Session.remove()
    with engine.connect() as connection:
        kept = Ledger(connection)
        sa.event.listen(engine, "after_cursor_execute", kept.note)
        model.Session.configure(bind=connection, join_transaction_mode="create_savepoint")
        yield kept
        model.Session.remove()
        model.Session.configure(bind=engine, join_transaction_mode="conditional_savepoint")
        kept.outer.rollback()
        sa.event.remove(engine, "after_cursor_execute", kept.note)
