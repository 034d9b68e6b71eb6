"""Records that disappear from the source: counted, withdrawn, held for confirmation, restored."""

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest import config, messages
from ckanext.ecosphere.harvest.finish import closing
from ckanext.ecosphere.harvest.model import Hold
from ckanext.ecosphere.harvest.tests.csw_server import catalogue, empty, iso_record, status
from ckanext.ecosphere.harvest.tests.portal import solr_requests
from ckanext.ecosphere.harvest.worker import carry_out

TEN = [iso_record(n) for n in range(1, 11)]
ZIP = ("https://data.example.org/zones.zip", "WWW:DOWNLOAD-1.0-http--download", "Zones (SHP)")


def memberships(package_id: str) -> list[tuple[str, str]]:
    model.Session.rollback()
    rows = model.Session.execute(
        sa.select(model.Member.capacity, model.Member.state).where(
            model.Member.table_id == package_id
        )
    )
    return sorted(rows.tuples().all())


def test_a_record_is_withdrawn_at_its_second_absence(portal):
    with catalogue(TEN) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        del server.records[3]
        assert portal.harvest(source) == {"not modified": 9}
        assert len(portal.found()) == 10
        assert portal.harvest(source) == {"not modified": 9, "deleted": 1}
        assert "Jeu de données 4" not in portal.found()
        assert len(portal.found()) == len(portal.datasets()) == 9
        assert portal.errors(source) == []
        assert portal.harvest(source) == {"not modified": 9}


@pytest.mark.slow("variants")
def test_the_number_of_absences_is_configurable(portal, ckan_config, monkeypatch):
    monkeypatch.setitem(ckan_config, config.WITHDRAW_AFTER, 1)
    with catalogue(TEN) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        del server.records[3]
        assert portal.harvest(source) == {"not modified": 9, "deleted": 1}


@pytest.mark.slow("variants")
def test_a_record_that_comes_back_in_between_starts_anew(portal):
    with catalogue(TEN) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        gone = server.records.pop(3)
        portal.harvest(source)
        server.records.append(gone)
        portal.harvest(source)
        server.records.pop()
        assert portal.harvest(source) == {"not modified": 9}
        assert len(portal.found()) == 10


def test_a_withdrawn_record_comes_back_at_the_same_address_with_the_same_ids(portal):
    record = iso_record(4, links=(ZIP,))
    with catalogue([*TEN[:3], record, *TEN[4:]]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        group = portal.call("group_create", name="littoral")
        before = portal.datasets()["Jeu de données 4"]
        portal.call(
            "member_create",
            id=group["id"],
            object=before["id"],
            object_type="package",
            capacity="public",
        )
        members = memberships(before["id"])
        del server.records[3]
        portal.harvest(source)
        portal.harvest(source)
        # Meanwhile another record takes the same title.
        server.records.append(iso_record(11, title="Jeu de données 4"))
        portal.harvest(source)
        server.records.append(record)
        assert portal.harvest(source) == {"added": 1, "not modified": 10}
        after = portal.call("package_show", id=before["id"])
        assert (after["name"], after["state"]) == (before["name"], "active")
        assert [r["id"] for r in after["resources"]] == [r["id"] for r in before["resources"]]
        assert memberships(before["id"]) == members
        assert len(portal.found()) == 11
        assert portal.current_objects() == 11


def test_an_incomplete_harvest_withdraws_nothing_and_counts_no_absence(
    portal, ckan_config, monkeypatch
):
    monkeypatch.setitem(ckan_config, config.WITHDRAW_AFTER, 1)
    with catalogue(TEN) as server:
        source = portal.source(server.url, config={"page_size": 4})
        portal.harvest(source)
        del server.records[3]
        server.fault = lambda q, page: status(500) if q.start > 4 else None
        for _ in range(3):
            assert "deleted" not in portal.harvest(source)
        server.fault = None
        assert portal.harvest(source) == {"not modified": 9, "deleted": 1}


@pytest.mark.few(1, "hostile")
@pytest.mark.parametrize(
    "fault",
    [
        lambda q, page: empty(page) if q.start > 4 else None,
        lambda q, page: setattr(page, "matched", 12),
        lambda q, page: setattr(page, "matched", None),
    ],
)
def test_a_server_that_lies_never_makes_datasets_vanish(portal, ckan_config, monkeypatch, fault):
    monkeypatch.setitem(ckan_config, config.WITHDRAW_AFTER, 1)
    with catalogue(TEN) as server:
        source = portal.source(server.url, config={"page_size": 4})
        portal.harvest(source)
        del server.records[8:]
        server.fault = fault
        portal.harvest(source)
        assert portal.state(source)["complete"] is False
        assert len(portal.found()) == 10


# --- too many at once ---


def test_limits_follow_the_size_of_the_source(with_plugins):
    assert closing.limit_for(10) == 5
    assert closing.limit_for(100) == 5
    assert closing.limit_for(119) == 5
    assert closing.limit_for(120) == 6
    assert closing.limit_for(27897) == 1394


def test_more_than_the_limit_is_held_for_a_person(portal):
    with catalogue(TEN) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        del server.records[4:]
        for _ in range(3):
            assert portal.harvest(source) == {"not modified": 4, "errored": 1}
            [message] = portal.errors(source)
            assert message.startswith(
                "6 of 10 records have vanished from the source, more than the 5"
            )
        assert len(portal.found()) == 10
        shown = portal.call("ecosphere_harvest_withdrawals_show", id=source)
        assert (shown["hold"]["records"], shown["hold"]["known"], shown["hold"]["limit"]) == (
            6,
            10,
            5,
        )
        assert len(shown["datasets"]) == 6


@pytest.mark.slow("values")
def test_exactly_the_limit_is_withdrawn_without_asking(portal):
    with catalogue(TEN) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        del server.records[5:]
        portal.harvest(source)
        assert portal.harvest(source) == {"not modified": 5, "deleted": 5}


def test_a_small_source_that_is_empty_all_of_a_sudden_is_held(portal):
    with catalogue(TEN[:3]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        server.records.clear()
        portal.harvest(source)
        portal.harvest(source)
        assert len(portal.found()) == 3
        assert (
            portal.call("ecosphere_harvest_withdrawals_show", id="source")["hold"]["records"] == 3
        )


@pytest.mark.slow("variants")
def test_a_source_that_loses_a_little_each_time_is_never_held(portal):
    with catalogue(TEN) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        deleted = 0
        for _ in range(4):
            del server.records[-1]
            deleted += portal.harvest(source).get("deleted", 0)
        assert deleted == 3
        assert portal.errors(source) == []


def test_a_person_confirms_and_only_what_is_still_absent_is_withdrawn(portal, monkeypatch):
    with catalogue(TEN) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        del server.records[3:]
        portal.harvest(source)
        server.records.append(TEN[9])
        portal.harvest(source)
        portal.call("ecosphere_harvest_withdrawals_decide", id=source, decision="withdraw")
        with solr_requests(monkeypatch) as counted:
            carry_out(source)
        assert counted["delete"] == 1
        assert portal.found() == sorted(f"Jeu de données {n}" for n in (1, 2, 3, 10))
        assert portal.counts(portal.last_job(source))["deleted"] == 6
        assert portal.call("ecosphere_harvest_withdrawals_show", id=source)["hold"] is None
        assert portal.harvest(source) == {"not modified": 4}


@pytest.mark.slow("variants")
def test_a_decision_taken_while_a_harvest_runs_is_carried_out_at_its_end(portal):
    with catalogue(TEN) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        del server.records[3:]
        portal.harvest(source)
        portal.call("ecosphere_harvest_withdrawals_decide", id=source, decision="withdraw")
        portal.harvest(source)
        assert len(portal.found()) == 3
        assert model.Session.execute(
            sa.select(Hold.done).where(Hold.decision == "withdraw")
        ).scalar()


@pytest.mark.slow("variants")
def test_a_person_keeps_what_has_vanished_and_is_not_asked_again(portal):
    with catalogue(TEN) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        del server.records[3:]
        portal.harvest(source)
        portal.call("ecosphere_harvest_withdrawals_decide", id=source, decision="keep")
        for _ in range(3):
            assert portal.harvest(source) == {"not modified": 3}
        assert len(portal.found()) == 10
        server.records.append(TEN[9])
        assert portal.harvest(source) == {"not modified": 4}
        assert portal.records(source)["fr-120066022-jdd-00000010"] == "published"


def test_a_hold_is_dropped_when_the_records_come_back(portal):
    with catalogue(TEN) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        del server.records[3:]
        portal.harvest(source)
        server.records[:] = TEN
        assert portal.harvest(source) == {"not modified": 10}
        assert any("nothing waits for a person" in text for text in portal.state(source)["remarks"])
        assert portal.call("ecosphere_harvest_withdrawals_show", id=source)["hold"] is None
        with pytest.raises(tk.ObjectNotFound):
            portal.call("ecosphere_harvest_withdrawals_decide", id=source, decision="withdraw")


@pytest.mark.slow("variants")
def test_a_hold_follows_the_records_that_come_back(portal):
    with catalogue(TEN) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        del server.records[2:]
        portal.harvest(source)
        server.records.append(TEN[9])
        assert portal.harvest(source) == {"not modified": 3, "errored": 1}
        told = portal.state(source)
        assert (
            "Records have come back: 7 withdrawals wait for a person, 8 did before."
            in told["remarks"]
        )
        # The hold is an error of the job, not a refused record.
        numbers = {
            key: number for key, _label, number in messages.counted({"errored": 1}, told["facts"])
        }
        assert (numbers["errored"], numbers["not-modified"]) == (0, 3)
        shown = portal.call("ecosphere_harvest_withdrawals_show", id=source)
        assert shown["hold"]["records"] == len(shown["datasets"]) == 7
        assert "Jeu de données 10" not in [each["title"] for each in shown["datasets"]]
        server.records += TEN[2:4]
        # Five are within the limit, and this is the third harvest without them.
        assert portal.harvest(source) == {"not modified": 5, "deleted": 5}
        assert any(
            text.startswith("Records have come back: 5 of 10 are")
            for text in portal.state(source)["remarks"]
        )
        assert portal.call("ecosphere_harvest_withdrawals_show", id=source)["hold"] is None


@pytest.mark.slow("variants")
def test_an_incomplete_harvest_takes_out_of_a_hold_what_it_saw_and_adds_nothing(portal):
    with catalogue(TEN) as server:
        source = portal.source(server.url, config={"page_size": 2})
        portal.harvest(source)
        del server.records[2:]
        portal.harvest(source)
        server.records[:] = [TEN[9], TEN[1], TEN[0]]
        server.fault = lambda q, page: status(500) if q.start > 2 else None
        portal.harvest(source)
        assert portal.state(source)["complete"] is False
        shown = portal.call("ecosphere_harvest_withdrawals_show", id=source)
        assert shown["hold"]["records"] == len(shown["datasets"]) == 7
        # Only what is missing is kept; records read since then are followed as before.
        portal.call("ecosphere_harvest_withdrawals_decide", id=source, decision="keep")
        states = portal.records(source)
        assert sorted(guid[-2:] for guid, state in states.items() if state == "published") == [
            "01",
            "02",
            "10",
        ]


@pytest.mark.slow("variants")
def test_a_dataset_deleted_by_hand_is_not_brought_back_with_its_record(portal):
    with catalogue(TEN) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        portal.call("package_delete", id=portal.datasets()["Jeu de données 4"]["id"])
        gone = server.records.pop(3)
        portal.harvest(source)
        assert portal.harvest(source) == {"not modified": 9}
        server.records.append(gone)
        portal.harvest(source)
        assert len(portal.found()) == 9
