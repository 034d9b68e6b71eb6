"""Migration to the common table of work: e-mails that waited before it are sent after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.cli.db import _run_migrations

from ckanext.ecosphere.search.alerts import job
from ckanext.ecosphere.search.alerts import model as storage
from ckanext.ecosphere.search.alerts.model import Subscriber
from ckanext.ecosphere.tests.postbox import Postbox
from ckanext.ecosphere.work.model import DONE, Work

BEFORE = "9d27e4b0c6f1"


@pytest.fixture(autouse=True)
def current() -> Iterator[None]:
    """Leave the tables as they are now, also if a test fails."""
    yield
    migrate("head")


def migrate(revision: str, *, forward: bool = True) -> None:
    """Run or undo migrations of the search."""
    model.Session.commit()
    model.Session.remove()
    _run_migrations("ecosphere_search", revision, forward=forward)


def test_e_mails_go_on_in_both_directions(visitor: Callable[..., Any], postbox: Postbox):
    storage.save(search="q=eau", frequency="daily", language="fr", email="lea@example.org")
    assert job.deliver() == 1
    storage.save(search="q=zones", frequency="daily", language="fr", email="marc@example.org")
    sent = model.Session.scalars(sa.select(Work.ended).where(Work.status == DONE)).one()
    migrate(BEFORE, forward=False)
    former = sa.text("SELECT kind, status, sent FROM ecosphere_search_mail ORDER BY id")
    rows = [tuple(row) for row in model.Session.execute(former)]
    assert rows == [("confirm", "sent", sent), ("confirm", "pending", None)]
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Work)) == 0
    migrate("head")
    assert model.Session.scalars(sa.select(Work.ended).where(Work.status == DONE)).one() == sent
    assert (job.deliver(), job.deliver()) == (1, 0)
    assert [mail["To"].addresses[0].addr_spec for mail in postbox.mails] == [
        "lea@example.org",
        "marc@example.org",
    ]
    subscriber = model.Session.scalars(
        sa.select(Subscriber.id).where(Subscriber.email == "marc@example.org")
    ).one()
    storage.erase(subscriber)
    assert model.Session.scalar(sa.select(sa.func.count()).select_from(Work)) == 1
