"""Reconciliation of a source: every record of the catalogue is shown or has a reason,
and the sums add up.
"""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from ckan import model
from ckan.tests import factories

from ckanext.ecosphere.harvest.finish import reports
from ckanext.ecosphere.harvest.tests.csw_server import catalogue, iso_record, status
from ckanext.ecosphere.harvest.tests.test_feature_catalogues import described

UUID = "fr-120066022-jdd-0d1ad7a1-13f8-4a3f-9d6c-3a4f4d8f2b11"


def reconciled(portal: Any, source: str) -> dict[str, Any]:
    """Return the summary of a source, whose sums must add up, with the numbers by reason."""
    model.Session.remove()
    told = portal.call("ecosphere_harvest_reconciliation_show", id=source)["summary"]
    lines = {each["reason"]: each["number"] for each in told["lines"]}
    more = {each["reason"]: each["number"] for each in told["more"]}
    assert told["announced"] == sum(lines.values()) + told["records"]
    assert told["datasets"] == told["records"] + sum(more.values())
    assert told["datasets"] == public_of(portal, source)
    return {**told, "lines": lines, "more": more}


def public_of(portal: Any, source: str) -> int:
    """Return the number of public datasets of a source in the index,
    which knows nothing of reconciliations.
    """
    found = portal.call(
        "package_search", fq=f'harvest_source_id:"{source}"', rows=0, include_private=False
    )
    return found["count"]


def listed(portal: Any, source: str, reason: str) -> list[dict[str, Any]]:
    return portal.call("ecosphere_harvest_reconciliation_show", id=source, reason=reason)["results"]


@pytest.mark.slow("records")
def test_every_record_of_a_real_catalogue_is_shown_or_has_a_reason(portal, app, csw_catalogue):
    other = portal.source(
        csw_catalogue([iso_record(9, identifier=UUID, title="Ailleurs")], name="autre"),
        name="autre",
    )
    portal.harvest(other)
    records = [
        iso_record(1),
        iso_record(2, title="Brouillon"),
        iso_record(3, title="Supprimé ici"),
        iso_record(4, title="", abstract=""),
        iso_record(5, identifier=UUID, title="Ailleurs"),
        iso_record(6, title="Disparu"),
        *(iso_record(n) for n in range(10, 15)),
    ]
    source = portal.source(csw_catalogue(records))
    portal.harvest(source)
    ids = portal.ids()
    portal.call("package_patch", id=ids["Brouillon"], private=True)
    portal.call("package_delete", id=ids["Supprimé ici"])
    del records[5]
    csw_catalogue(records)
    portal.harvest(source)

    told = reconciled(portal, source)
    assert told["announced"] == len(records) == 10
    assert told["lines"] == {"refused": 1, "duplicate": 1, "private": 1, "deleted": 1}
    assert told["more"] == {"absent": 1}
    assert (told["records"], told["datasets"]) == (6, 7)
    [refused] = listed(portal, source, "refused")
    assert refused["identifier"].endswith("4") and "title" in refused["text"].lower()
    [copy] = listed(portal, source, "duplicate")
    assert copy["identifier"] == UUID and "Autre" in copy["text"]

    headers = {"Authorization": factories.SysadminWithToken()["token"]}
    page = app.get(
        "/fr/ecosphere/harvest/source/source/reconciliation?reason=refused", headers=headers
    ).body
    assert "Le catalogue a 10 fiches" in page and refused["identifier"] in page
    table = app.get(
        "/fr/ecosphere/harvest/source/source/reconciliation?format=csv", headers=headers
    ).body
    rows = list(csv.DictReader(io.StringIO(table.lstrip("\ufeff")), delimiter=";"))
    assert len(rows) == sum(told["lines"].values()) + sum(told["more"].values())


def test_records_that_a_filter_leaves_out_are_counted_without_being_read(portal, csw_catalogue):
    url = csw_catalogue(
        [iso_record(n, title=f"{'Forêt' if n % 3 else 'Eau'} {n}") for n in range(1, 10)]
    )
    source = portal.source(url, config={"filters": [{"property": "title", "like": "Forêt%"}]})
    assert portal.harvest(source) == {"added": 6}
    told = reconciled(portal, source)
    assert (told["announced"], told["lines"], told["datasets"]) == (9, {"filtered": 3}, 6)


def test_records_that_could_not_be_read_came_twice_or_share_their_identifiers_are_accounted_for(
    portal,
):
    # pycsw accepts no feature catalogues.
    twins = [iso_record(7, title="Jumeau"), iso_record(7, title="Jumeau", abstract="Autre.")]
    records = [
        iso_record(1),
        iso_record(1),
        *twins,
        *(iso_record(n) for n in range(10, 20)),
        described(),
    ]
    with catalogue(records) as server:
        source = portal.source(server.url, config={"page_size": 5})
        server.fault = lambda q, page: status(500) if q.start <= 8 < q.start + q.size else None
        portal.harvest(source)
        told = reconciled(portal, source)
        assert told["announced"] == 15
        assert told["lines"] == {"unread": 1, "copy": 1, "same-identifiers": 1, "catalogue": 1}
        assert told["datasets"] == 11
        assert "8" in listed(portal, source, "unread")[0]["text"]
        server.fault = None
        portal.harvest(source)
        assert reconciled(portal, source)["lines"] == {
            "copy": 1,
            "same-identifiers": 1,
            "catalogue": 1,
        }


def test_a_catalogue_that_contradicts_itself_adds_up_all_the_same(portal):
    records = [iso_record(n) for n in range(1, 11)]
    with catalogue(records) as server:
        source = portal.source(server.url, config={"page_size": 4})
        # Its second page begins with the last record of the first.
        moved = [*records[:4], records[3], *records[4:]]

        def shift(question: Any, page: Any) -> None:
            if question.start > 4:
                page.records = moved[question.start - 1 : question.start - 1 + question.size]

        server.fault = shift
        portal.harvest(source)
        reconciled(portal, source)
        server.fault = lambda q, page: setattr(page, "matched", 7)
        portal.harvest(source)
        reconciled(portal, source)
        server.fault = lambda q, page: setattr(page, "matched", None)
        portal.harvest(source)
        reconciled(portal, source)


def test_it_says_so_before_the_first_harvest_and_asks_no_server(portal, app):
    source = portal.source("https://nowhere.example.org/csw")
    assert portal.call("ecosphere_harvest_reconciliation_show", id=source)["summary"] is None
    headers = {"Authorization": factories.SysadminWithToken()["token"]}
    page = app.get("/fr/ecosphere/harvest/source/source/reconciliation", headers=headers).body
    assert "n’a pas encore été moissonnée" in page
    assert set(reports.MORE) <= reports.UNSHOWN.keys()
