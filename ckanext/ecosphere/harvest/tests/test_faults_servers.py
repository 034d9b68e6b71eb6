"""Misbehaving servers: no dataset is withdrawn, what can be read is imported, the rest is reported.

One row per fault; the behaviour of the stock harvesters is listed in `docs/harvest-faults.md`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.tests.csw_server import (
    Fault,
    catalogue,
    covers,
    empty,
    exception,
    html,
    iso_record,
    status,
)

NUMBERS = range(1, 13)
CHANGED = 11
"""Number of a record after the faults, which changes while they occur."""


@dataclass(frozen=True)
class Row:
    """A server fault and the expected result.

    Attributes:
        fault: behaviour of the server from the second harvest on, in pages of four records.
        whole: whether the catalogue can be read completely nevertheless.
        errors: words of the messages of the report, in order.
        reached: whether the changed record can be read.
    """

    fault: Fault
    whole: bool
    errors: tuple[str, ...] = ()
    reached: bool = True


def once(answer) -> Fault:
    """Apply a fault once: at the first request of the second page."""
    times: list[int] = []

    def fault(question, page):
        if question.start == 5 and not times:
            times.append(1)
            return answer(page)
        return None

    return fault


def records(changed: bool) -> list[str]:
    return [
        iso_record(n, abstract="Nouveau." if changed and n == CHANGED else "Zones.")
        for n in NUMBERS
    ]


FAULTS = {
    "empty page": Row(lambda q, p: empty(p) if covers(q, 6) else None, False, ("Record 6 ",)),
    "empty page once": Row(once(empty), True),
    "short pages": Row(lambda q, p: replace(p, records=p.records[:2], returned=2), True),
    "pages capped at three, said to be whole": Row(
        lambda q, p: replace(p, records=p.records[:3]), True
    ),
    "repeated page": Row(
        lambda q, p: replace(p, records=records(False)[: q.size]) if covers(q, 6) else None,
        False,
        ("Record 6 ",),
    ),
    "wrong next record": Row(lambda q, p: replace(p, next_record=0), True),
    "next record that never ends": Row(lambda q, p: replace(p, next_record=q.start + 4), True),
    "more announced than given": Row(
        lambda q, p: replace(p, matched=14), False, ("Records 13 to 14 ",)
    ),
    "fewer announced than given": Row(
        lambda q, p: replace(p, matched=10), False, ("announces 10 records",)
    ),
    "HTTP 500 for one record": Row(
        lambda q, p: status(500) if covers(q, 6) else None, False, ("Record 6 ",)
    ),
    "HTTP 500 from the middle on": Row(
        lambda q, p: status(500) if q.start > 4 else None,
        False,
        ("Records 5 to 12 ",),
        reached=False,
    ),
    "web page with HTTP 200 for one record": Row(
        lambda q, p: html() if covers(q, 6) else None,
        False,
        ("the server answered with a web page",),
    ),
    "exception with HTTP 200 for one record": Row(
        lambda q, p: exception("Erreur interne") if covers(q, 6) else None,
        False,
        ("“Erreur interne”",),
    ),
    "exception for large pages": Row(lambda q, p: exception() if q.size > 2 else None, True),
    "page cut off once": Row(
        once(lambda page: replace(page, body=b"<csw:GetRecordsResponse xmlns:csw='x'><a>")), True
    ),
    "busy, come back": Row(once(lambda page: status(503, Retry_After="0")), True),
    "nothing at all": Row(lambda q, p: status(503), False, ("could not be read",), reached=False),
}


@pytest.fixture
def strict(portal, ckan_config, monkeypatch):
    """A portal that withdraws at the first absence without holding,
    so that any damage by a fault shows at once.
    """
    for name, value in (
        (config.WITHDRAW_AFTER, 1),
        (config.HOLD_RECORDS, 100),
        (config.ATTEMPTS, 1),
    ):
        monkeypatch.setitem(ckan_config, name, value)
    return portal


@pytest.mark.slow("hostile")
def test_a_fault_of_the_server_never_makes_a_dataset_disappear(strict):
    everything = sorted(f"Jeu de données {n}" for n in NUMBERS)
    with catalogue(records(False)) as server:
        source = strict.source(server.url, config={"page_size": 4})
        strict.harvest(source)
        for name, row in FAULTS.items():
            changed = f"Jeu de données {CHANGED}" in strict.ids(notes="Zones.")
            server.records, server.fault = records(changed), row.fault
            counts = strict.harvest(source)
            assert strict.state(source)["complete"] is row.whole, name
            errors = strict.errors(source)
            assert len(errors) == len(row.errors) == counts.get("errored", 0), (name, errors)
            assert all(words in error for words, error in zip(row.errors, errors, strict=True)), (
                name,
                errors,
            )
            assert counts.get("updated", 0) == row.reached, name
            assert "deleted" not in counts, name
            assert strict.found() == sorted(strict.ids()) == everything, name
        server.fault = None
        strict.harvest(source)
        assert strict.state(source)["complete"] is True
        assert strict.found() == everything


def test_a_catalogue_that_is_empty_all_of_a_sudden_is_held_for_a_person(
    portal, ckan_config, monkeypatch
):
    monkeypatch.setitem(ckan_config, config.WITHDRAW_AFTER, 1)
    with catalogue(records(False)) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        server.records = []
        counts = portal.harvest(source)
        assert counts == {"errored": 1}
        assert "until a person decides" in portal.errors(source)[0]
        assert len(portal.found()) == len(NUMBERS)
