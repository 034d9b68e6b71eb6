"""Life cycle of a request, transition by transition, on a real database."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from freezegun import freeze_time
from sqlalchemy.exc import DBAPIError

from ckanext.ecosphere.data_requests import transitions
from ckanext.ecosphere.data_requests.domain import clock
from ckanext.ecosphere.data_requests.model import Event, Support
from ckanext.ecosphere.data_requests.tests.conftest import (
    DRAFT,
    EXTENSION,
    REASON,
    REFUSAL,
    act,
    dataset,
    draft,
    group_id,
    opened,
    row,
    step,
    submitted,
    user_id,
)
from ckanext.ecosphere.data_requests.tests.histories import replay
from ckanext.ecosphere.data_requests.tests.test_scheduled import at
from ckanext.ecosphere.data_requests.transitions import Conflict

pytestmark = pytest.mark.usefixtures("portal")


def errors_of(call: Any, *arguments: Any, **data: Any) -> dict[str, Any]:
    with pytest.raises(tk.ValidationError) as refused:
        call(*arguments, **data)
    return refused.value.error_dict


def later(days: int) -> str:
    return (clock.today() + timedelta(days=days)).isoformat()


def test_a_draft_needs_a_title_only_and_tells_what_it_lacks_when_it_is_sent():
    made = act("create", "asker", title="Zones humides")
    assert (made["state"], made["reference"]) == ("draft", None)
    lacking = errors_of(step, made, "submit", "asker")
    assert set(lacking) == {"description", "theme", "territory"}
    assert row(made).state == "draft"


def test_use_and_procedure_are_optional():
    assert submitted(use="", procedure_reference="")["state"] == "submitted"
    for use in ("citizen", "undisclosed"):
        assert (
            submitted("friend", title=f"Bruit {use}", use=use, procedure_reference="")["use"] == use
        )


def test_nobody_asks_for_what_is_here_without_having_seen_it():
    other, existing = (
        opened("friend", title="Zones humides du Forez"),
        dataset(title="Zones humides de la Loire"),
    )
    made = draft()
    found = errors_of(step, made, "submit", "asker")
    assert found["similar_seen"]
    assert [each["id"] for each in found["similar"]["requests"]] == [other["id"]]
    assert [each["id"] for each in found["similar"]["datasets"]] == [existing["id"]]
    assert row(made).state == "draft"
    sent = step(made, "submit", "asker", similar_seen=True)
    assert sent["state"] == "submitted" and sent["events"][0]["fields"] == {"similar_seen": True}


def test_what_is_like_nothing_is_sent_at_once():
    opened("friend")
    made = draft(title="Chiroptères cavernicoles", description="Gîtes connus")
    assert step(made, "submit", "asker")["state"] == "submitted"


def test_a_draft_is_for_its_author_alone():
    made = draft()
    for person in (None, "stranger", "editor", "moderator", "boss"):
        with pytest.raises(tk.ObjectNotFound):
            act("show", person, id=made["id"])


def test_what_is_sent_gets_a_reference_a_service_and_a_due_date():
    made = submitted()
    today = clock.today()
    assert re.fullmatch(rf"DD-{today.year}-\d{{5}}", made["reference"])
    assert made["organization"]["name"] == "ddt-42"
    assert "DDT 42" in made["routing_reason"]
    assert made["due"] == clock.last_day(today, 1).isoformat()
    assert submitted()["reference"] != made["reference"]


def test_communes_and_a_rectangle_stand_for_their_territory():
    assert (
        submitted(territory="", communes=["42218 Saint-Étienne"])["territory"] == "departement-42"
    )
    assert submitted(territory="", communes=["42218", "69123"])["territory"] == "region-ara"
    assert submitted(territory="", communes=["97105"])["territory"] == "outre-mer-glp"
    assert submitted(territory="", bbox=[4.3, 45.4, 4.4, 45.5])["territory"] == "departement-42"


def test_a_first_request_waits_for_a_moderator_and_the_next_opens_at_once():
    first = submitted()
    assert first["state"] == "submitted"
    with pytest.raises(tk.ObjectNotFound):
        act("show", "editor", id=first["id"])
    step(first, "accept", "moderator", organization="ddt-42")
    second = submitted(title="Frayères")
    assert second["state"] == "open"
    assert [each["transition"] for each in second["events"]] == ["submit", "accept"]
    assert second["events"][1]["actor_role"] == "system"


def test_a_rejected_request_makes_nobody_trusted():
    step(submitted(), "reject", "moderator", reason="Publicité", spam=True)
    assert submitted()["state"] == "submitted"


def test_people_of_a_service_are_trusted():
    assert submitted("other-editor")["state"] == "open"


def test_without_a_known_service_a_trusted_request_waits_for_a_moderator(
    ckan_config: Any, monkeypatch: Any
):
    monkeypatch.setitem(ckan_config, "ecosphere.requests.trust_after", 0)
    monkeypatch.setattr(transitions.places, "rules", tuple)
    made = submitted()
    assert (made["state"], made["organization"]) == ("submitted", None)
    assert "organization" in errors_of(step, made, "accept", "moderator")


def test_details_are_asked_given_and_the_clock_goes_on():
    made = opened()
    asked = step(made, "ask_details", "editor", question="Quelle échelle ?", answer_by=later(10))
    assert (asked["state"], asked["answer_by"], asked["due"]) == (
        "needs_info",
        later(10),
        made["due"],
    )
    assert errors_of(step, asked, "answer_details", "asker") == {
        "comment": ["Give the details that were asked for."]
    }
    given = step(asked, "answer_details", "asker", comment="1/5 000")
    assert (given["state"], given["answer_by"]) == ("open", None)
    assert "1/5 000" in given["events"][-1]["comment_html"]


def test_the_clock_stops_for_details_where_the_ministry_decided_so(
    ckan_config: Any, monkeypatch: Any
):
    monkeypatch.setitem(ckan_config, "ecosphere.requests.clock_stops_for_details", True)
    made = opened()
    asked = step(made, "ask_details", "editor", question="Où ?", answer_by=later(20))
    real, received = clock.now, clock.today()
    monkeypatch.setattr(clock, "now", lambda: real() + timedelta(days=5))
    given = step(asked, "answer_details", "asker", comment="Ici")
    assert row(given).due == row(made).first_month_ends
    assert given["due"] == (clock.last_day(received, 1) + timedelta(days=5)).isoformat()


def test_an_extension_gives_the_days_of_waiting_back_too(ckan_config: Any, monkeypatch: Any):
    monkeypatch.setitem(ckan_config, "ecosphere.requests.clock_stops_for_details", True)
    with freeze_time("2026-01-31 10:00:00") as clock_now:
        made = step(
            opened(), "ask_details", "editor", question="Quelle échelle ?", answer_by="2026-04-30"
        )
        clock_now.move_to("2026-04-01 10:00:00")
        answered = step(made, "answer_details", "asker", comment="Au 1/25 000")
        # Due on 28 February plus the sixty days of waiting; extended at most to 31 March plus sixty
        # days.
        assert answered["due"] == "2026-04-29"
        refused = errors_of(step, made, "extend", "admin", **EXTENSION, due="2026-06-01")
        assert refused["due"] == ["Choose a day after 29 April 2026 and not after 30 May 2026."]
        assert step(made, "extend", "admin", **EXTENSION)["due"] == "2026-05-30"


def test_work_begins_with_a_planned_day():
    assert set(errors_of(step, opened(), "start", "editor", planned="demain")) == {"planned"}
    made = step(opened(), "start", "editor", planned=later(3))
    assert (made["state"], made["planned"]) == ("in_progress", later(3))


def test_an_extension_gives_two_months_once():
    made = opened()
    with pytest.raises(tk.NotAuthorized):
        step(made, "extend", "editor", **EXTENSION)
    longer = step(made, "extend", "admin", **EXTENSION)
    assert longer["state"] == "open"
    assert longer["due"] == clock.last_day(clock.today(), 2).isoformat()
    assert longer["clock"]["state"] == "extended"
    assert "transition" in errors_of(step, longer, "extend", "admin", **EXTENSION)


def test_an_extension_does_not_go_beyond_two_months():
    assert set(errors_of(step, opened(), "extend", "admin", **EXTENSION, due=later(90))) == {"due"}


def test_a_transfer_changes_the_service_and_who_may_act():
    made = opened()
    assert "organization" in errors_of(
        step, made, "transfer", "admin", organization="ddt-42", reason="Nous l’avons"
    )
    moved = step(made, "transfer", "admin", organization="dreal-ara", reason="Compétence régionale")
    assert moved["organization"]["name"] == "dreal-ara"
    assert moved["due"] == made["due"]
    with pytest.raises(tk.NotAuthorized):
        step(moved, "start", "editor", planned=later(1))
    assert step(moved, "start", "other-editor", planned=later(1))["state"] == "in_progress"


def test_an_answer_links_datasets_that_the_requester_reads():
    made, public = opened(), dataset()
    private = dataset(private=True, title="Secret")
    assert (
        "Secret"
        in errors_of(step, made, "fulfil", "editor", datasets=[private["name"]])["datasets"][0]
    )
    assert set(errors_of(step, made, "fulfil", "editor", datasets=[])) == {"datasets"}
    assert set(errors_of(step, made, "fulfil", "editor", datasets=["nothing"])) == {"datasets"}
    done = step(made, "fulfil", "editor", datasets=[public["name"]])
    assert (done["state"], done["clock"]["state"]) == ("fulfilled", "closed")
    assert [each["name"] for each in done["datasets"]] == [public["name"]]
    satisfied = act("dataset_list", None, id=public["name"])["satisfied"]
    assert [each["id"] for each in satisfied] == [made["id"]]
    step(done, "reopen", "asker", reason="Données vides")
    assert act("dataset_list", None, id=public["name"])["satisfied"] == []


def test_a_comment_that_gives_the_address_of_a_dataset_ties_the_request_to_its_page():
    made, public, other = (
        opened(),
        dataset(title="Éoliennes du Rhône"),
        dataset(title="Éoliennes en mer"),
    )
    act(
        "comment",
        "friend",
        id=made["id"],
        text=f"Voyez http://test.ckan.net/fr/dataset/{public['name']}.",
    )
    act(
        "comment",
        "editor",
        id=made["id"],
        text=f"http://test.ckan.net/dataset/{other['name']}",
        internal=True,
    )
    assert [each["id"] for each in act("dataset_list", None, id=public["name"])["open"]] == [
        made["id"]
    ]
    assert act("dataset_list", None, id=other["name"])["open"] == []
    assert [each["id"] for each in act("show", None, id=made["id"])["mentioned"]] == [public["id"]]
    act(
        "comment",
        "stranger",
        id=made["id"],
        text=f"Publicité http://test.ckan.net/dataset/{other['name']}",
    )
    shown = act("show", None, id=made["id"])
    assert [each["id"] for each in shown["mentioned"]] == [public["id"], other["id"]]
    act("comment_hide", "moderator", id=shown["comments"][-1]["id"], reason="Publicité")
    assert [each["id"] for each in act("show", None, id=made["id"])["mentioned"]] == [public["id"]]
    assert act("dataset_list", None, id=other["name"])["open"] == []


def test_an_answer_in_part_says_what_is_missing():
    made, public = opened(), dataset()
    lacking = errors_of(step, made, "fulfil_partly", "editor", datasets=[public["id"]])
    assert set(lacking) == {"missing", "ground", "facts"}
    rest = {"missing": "Le sud du département", "ground": "part-not-held", "facts": REASON}
    done = step(made, "fulfil_partly", "editor", datasets=[public["id"]], **rest)
    assert (done["state"], done["outcome"]["missing"]) == ("partial", "Le sud du département")


def test_a_refusal_has_a_ground_of_the_law_and_reasons_for_its_reader_alone():
    made = opened()
    refused = errors_of(
        step, made, "refuse", "admin", ground="noLimitations", law="Non.", facts="Non."
    )
    assert set(refused) == {"ground", "law", "facts"}
    done = step(made, "refuse", "admin", **REFUSAL)
    assert done["state"] == "refused"
    mine, others = act("show", "asker", id=made["id"]), act("show", None, id=made["id"])
    assert mine["outcome"]["facts"] == REASON and mine["outcome"]["ground_label"]
    assert others["outcome"] == {} and not {"law", "facts", "ground"} & set(
        others["events"][-1]["fields"]
    )
    assert others["letters"] == [] and [each["kind"] for each in mine["letters"]] == [
        "receipt",
        "refuse",
    ]


def test_data_that_is_not_held_is_said_with_its_reason():
    assert step(opened(), "not_held", "admin", reason=REASON)["outcome"]["reason"] == REASON


def test_a_withdrawn_request_is_over():
    done = step(opened(), "withdraw", "asker")
    assert done["state"] == "withdrawn" and done["may"] == []


def test_a_requester_reopens_once_and_the_clock_starts_again():
    made = step(opened(), "not_held", "admin", reason=REASON)
    again = step(made, "reopen", "asker", reason="Si, voir le rapport")
    assert (again["state"], again["outcome"], again["clock"]["state"]) == ("open", {}, "running")
    made = step(again, "not_held", "admin", reason=REASON)
    assert "transition" in errors_of(step, made, "reopen", "asker", reason="Encore")
    assert step(made, "reopen", "moderator", reason="À revoir")["state"] == "open"


def test_closing_a_duplicate_moves_supporters_each_counted_once():
    target, source = opened(title="Zones humides"), opened(title="Milieux humides")
    for person, request in (
        ("stranger", target),
        ("stranger", source),
        ("member", source),
        ("friend", source),
    ):
        act("support", person, id=request["id"])
    step(source, "mark_duplicate", "moderator", target=target["reference"])
    merged = act("show", "moderator", id=target["id"])
    # stranger, a supporter of both, is counted once
    assert merged["support_count"] == 3
    supporters = set(
        model.Session.scalars(sa.select(Support.user_id).where(Support.request_id == target["id"]))
    )
    assert supporters == {user_id(each) for each in ("stranger", "member", "friend")}
    assert [each["id"] for each in merged["duplicates"]] == [source["id"]]
    shown = act("show", "asker", id=source["id"])
    assert (shown["state"], shown["support_count"]) == ("duplicate", 0)
    assert shown["outcome"]["target"]["reference"] == target["reference"]


def test_what_cannot_be_merged():
    target, source = opened(title="A"), opened(title="B")
    private = opened(title="C", visibility="private")
    of_another = opened("friend", title="D", visibility="private")
    for other in (source["id"], private["id"], "DD-1999-00001", ""):
        assert set(errors_of(step, source, "mark_duplicate", "moderator", target=other)) == {
            "target"
        }
    assert set(
        errors_of(step, private, "mark_duplicate", "moderator", target=of_another["id"])
    ) == {"target"}
    step(source, "mark_duplicate", "moderator", target=target["reference"])
    assert set(
        errors_of(step, target, "mark_duplicate", "moderator", target=source["reference"])
    ) == {"target"}


@pytest.mark.parametrize("transition", ["reject", "mark_duplicate"])
def test_what_a_moderator_closed_by_mistake_waits_again_and_its_days_count_on(transition: str):
    with at("2027-03-01"):
        made, target = opened(), opened(title="Autre demande")
        act("support", "friend", id=made["id"])
        fields = (
            {"reason": "Publicité", "spam": True}
            if transition == "reject"
            else {"target": target["reference"]}
        )
        step(made, transition, "moderator", **fields)
    with at("2027-03-20"):
        assert set(errors_of(step, made, "reconsider", "moderator")) == {"reason"}
        step(made, "reconsider", "moderator", reason="Une erreur de notre part.")
        found = act("show", "asker", id=made["id"])
        assert (found["state"], found["due"], found["outcome"]) == ("submitted", "2027-04-01", {})
        assert (
            act("list", "moderator", scope="moderation")["count"] == 1
            and act("list", None)["count"] == 1
        )
        step(made, "accept", "moderator", organization="ddt-42")
        assert act("show", "friend", id=made["id"])["state"] == "open"
    with at("2027-04-05"):
        step(made, transition, "moderator", **fields)
    with at("2027-05-06"):
        if transition == "reject":
            assert set(errors_of(step, made, "reconsider", "moderator", reason="Trop tard.")) == {
                "transition"
            }
        else:  # a merge is no decision, and can be undone at any time
            assert step(made, "reconsider", "moderator", reason="Mieux.")["state"] == "submitted"


def test_the_author_of_spam_reads_no_word_of_it():
    made = submitted()
    act("spam", "moderator", id=made["id"])
    own, inside = (act("show", person, id=made["id"]) for person in ("asker", "moderator"))
    assert own["state"] == "rejected" and own["outcome"] == {} and own["events"][-1]["fields"] == {}
    assert inside["outcome"]["spam"] is True and inside["events"][-1]["fields"]["spam"] is True


def test_spam_disappears_from_every_list():
    made = opened()
    act("spam", "moderator", id=made["id"])
    assert act("list", None)["count"] == 0
    with pytest.raises(tk.ObjectNotFound):
        act("show", None, id=made["id"])


def test_a_hidden_request_is_there_for_its_people_only():
    made = opened()
    act("hide", "moderator", id=made["id"])
    with pytest.raises(tk.ObjectNotFound):
        act("show", "stranger", id=made["id"])
    assert act("show", "asker", id=made["id"])["hidden"] and act("show", "editor", id=made["id"])
    act("hide", "moderator", id=made["id"], hidden=False)
    assert act("show", None, id=made["id"])["title"]


def test_the_requester_makes_it_clearer_until_work_begins():
    made = opened()
    clearer = act(
        "update",
        "asker",
        id=made["id"],
        version=made["version"],
        description="Au 1/10 000",
        scale="1/10000",
    )
    assert (clearer["scale"], clearer["version"]) == ("1/10000", made["version"] + 1)
    assert set(
        errors_of(act, "update", "asker", id=made["id"], version=clearer["version"], title="Autre")
    ) == {"title"}
    assert "description" in errors_of(
        act, "update", "asker", id=made["id"], version=clearer["version"], description=""
    )
    started = step(clearer, "start", "editor", planned=later(1))
    data = {"id": made["id"], "version": started["version"], "description": "Trop tard"}
    assert set(errors_of(act, "update", "asker", **data)) == {"state"}


def test_fields_can_be_emptied_again_in_a_draft():
    made = draft()
    emptied = act("update", "asker", id=made["id"], version=1, theme="", need_by="", communes=[])
    assert (emptied["theme"], emptied["need_by"], emptied["title"]) == ("", None, DRAFT["title"])


def test_whoever_acts_on_an_old_version_is_told_what_changed():
    made = opened()
    step(made, "start", "editor", planned=later(2))
    with pytest.raises(Conflict) as late:
        act(
            "transition",
            "admin",
            id=made["id"],
            transition="not_held",
            version=made["version"],
            reason="Non",
        )
    assert [each["transition"] for each in late.value.changes] == ["start"]
    assert late.value.error_dict["current_version"] == made["version"] + 1
    assert row(made).state == "in_progress"


def test_an_edit_in_between_is_a_change_as_well():
    made = opened()
    act("update", "asker", id=made["id"], version=made["version"], scale="1/5000")
    with pytest.raises(Conflict) as late:
        act(
            "transition",
            "editor",
            id=made["id"],
            transition="start",
            version=made["version"],
            planned=later(1),
        )
    assert [each["transition"] for each in late.value.changes] == ["edit"]


def test_a_conflict_is_409_over_the_api(app: Any):
    from ckan.tests import factories

    made = opened()
    token = factories.APIToken(user="editor")["token"]
    url = "/api/3/action/ecosphere_request_transition"
    data = {"id": made["id"], "transition": "start", "version": 1, "planned": later(1)}
    answer = app.post(url, json=data, headers={"Authorization": token})
    assert answer.status_code == 409
    assert answer.json["error"]["changes"]


def test_events_cannot_be_changed_nor_taken_away():
    made = opened()
    for statement in (
        "UPDATE ecosphere_requests_event SET to_state = 'fulfilled'",
        "UPDATE ecosphere_requests_event SET comment = 'autre'",
        "DELETE FROM ecosphere_requests_event",
    ):
        with pytest.raises(DBAPIError, match="append-only"):
            model.Session.execute(sa.text(statement))
            model.Session.commit()
        model.Session.rollback()
    count = sa.select(sa.func.count()).select_from(Event).where(Event.request_id == made["id"])
    assert model.Session.scalar(count) == 2


def test_the_events_rebuild_the_state():
    made = step(step(opened(), "start", "editor", planned=later(1)), "refuse", "admin", **REFUSAL)
    events = [(each["transition"], each["from"], each["to"]) for each in made["events"]]
    assert replay(events) == made["state"]


def test_support_counts_each_person_once_and_can_be_taken_back():
    made = opened()
    for _time in range(2):
        assert act("support", "friend", id=made["id"])["support_count"] == 1
    assert act("support", "stranger", id=made["id"])["support_count"] == 2
    for _time in range(2):
        assert act("unsupport", "friend", id=made["id"])["support_count"] == 1
    assert "id" in errors_of(act, "support", "asker", id=made["id"])
    done = step(made, "not_held", "admin", reason=REASON)
    assert "id" in errors_of(act, "support", "friend", id=done["id"])


def test_the_desk_puts_what_is_late_on_top():
    late, new = opened(title="Tard"), opened(title="Neuf")
    waiting = step(
        opened(title="Attend"), "ask_details", "editor", question="?", answer_by=later(9)
    )
    row(late).due = clock.today() - timedelta(days=1)
    model.Session.commit()
    desk = act("desk", "editor", organization="ddt-42")
    assert [each["id"] for each in desk["overdue"]] == [late["id"]]
    assert [each["id"] for each in desk["new"]] == [new["id"]]
    assert [each["id"] for each in desk["waiting"]] == [waiting["id"]]
    counts = {"review": 0, "overdue": 1, "due_soon": 0, "new": 1, "waiting": 1, "in_progress": 0}
    assert desk["counts"] == counts


def test_requests_are_assigned_in_bulk_to_colleagues_only():
    mine, elsewhere = opened(), opened(territory="region-ara", title="Ailleurs")
    done = act(
        "assign", "editor", ids=[mine["reference"], elsewhere["reference"], "nothing"], user="admin"
    )
    assert done == {
        "assigned": [mine["reference"]],
        "refused": [elsewhere["reference"], "nothing"],
        "substitutes": [],
    }
    assert act("show", "editor", id=mine["id"])["assigned_to"]["user"] == "admin"
    assert act("show", "asker", id=mine["id"])["assigned_to"] is None
    assert act("assign", "editor", ids=[mine["id"]], user="stranger")["refused"] == [mine["id"]]
    assert act("assign", "editor", ids=[mine["id"]])["assigned"] == [mine["id"]]
    assert row(mine).assigned_to is None


def test_organisations_are_named_in_the_history():
    moved = step(opened(), "transfer", "admin", organization="dreal-ara", reason="Région")
    fields = act("show", None, id=moved["id"])["events"][-1]["fields"]
    assert (fields["organization"]["id"], fields["former_organization"]["name"]) == (
        group_id("dreal-ara"),
        "ddt-42",
    )
