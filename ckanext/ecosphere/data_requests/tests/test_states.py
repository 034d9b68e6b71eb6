"""Table of transitions: complete, every state reachable, and consistent with the documentation."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone

import pytest

from ckanext.ecosphere.data_requests.domain import states
from ckanext.ecosphere.data_requests.domain.states import TRANSITIONS, Facts
from ckanext.ecosphere.data_requests.tests.histories import replay

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
TODAY = date(2026, 3, 1)


def test_every_transition_starts_and_ends_in_known_states():
    for line in TRANSITIONS.values():
        assert {*line.sources, line.target or line.sources[0]} <= set(states.STATES)


def test_every_state_but_the_draft_can_be_reached():
    reached, before = {states.DRAFT}, set()
    while reached != before:
        before = set(reached)
        for line in TRANSITIONS.values():
            reached |= {line.target or state for state in line.sources if state in reached}
    assert reached == set(states.STATES)


def test_every_state_that_is_not_closed_can_be_left():
    for state in set(states.STATES) - set(states.CLOSED):
        assert any(state in line.sources and line.target for line in TRANSITIONS.values())


def test_roles_and_audiences_are_known():
    DESK = (states.ADMINISTRATORS, states.CHIEF)
    audiences = {states.REQUESTER, states.SERVICE, states.FORMER_SERVICE, states.MODERATORS}
    for line in TRANSITIONS.values():
        assert set(line.roles) <= set(states.ROLES)
        assert {each.name for each in line.audiences} <= audiences | {
            states.FOLLOWERS,
            states.SUPPORTERS,
            *DESK,
        }


def test_the_requester_never_decides_on_their_own_request():
    mine = {line.name for line in TRANSITIONS.values() if states.REQUESTER in line.roles}
    assert mine == {"submit", "answer_details", "withdraw", "reopen", "ask_review"}


@pytest.mark.parametrize("name", TRANSITIONS)
def test_a_transition_is_refused_from_any_other_state(name: str):
    line = TRANSITIONS[name]
    for state in set(states.STATES) - set(line.sources):
        assert (
            states.obstacle(Facts(state, line.about[0]), name, states.ROLES, NOW, TODAY) == "state"
        )


@pytest.mark.parametrize("name", TRANSITIONS)
def test_a_transition_is_refused_to_any_other_role(name: str):
    line = TRANSITIONS[name]
    others = set(states.ROLES) - set(line.roles)
    assert (
        states.obstacle(Facts(line.sources[0], line.about[0]), name, others, NOW, TODAY) == "role"
    )


@pytest.mark.parametrize("name", TRANSITIONS)
def test_a_transition_is_refused_to_any_other_kind(name: str):
    line = TRANSITIONS[name]
    for kind in set(states.KINDS) - set(line.about):
        assert (
            states.obstacle(Facts(line.sources[0], kind), name, states.ROLES, NOW, TODAY) == "kind"
        )


def test_what_only_the_law_asks_for_is_no_step_of_a_signal():
    of_signals = {line.name for line in TRANSITIONS.values() if states.LINK in line.about}
    assert not of_signals & {
        "extend",
        "fulfil",
        "fulfil_partly",
        "refuse",
        "not_held",
        "ask_details",
        *states.REVIEW,
    }
    assert {"resolve", "dismiss"} <= of_signals


def test_an_unknown_transition_is_no_step():
    assert states.obstacle(Facts("open"), "vanish", states.ROLES, NOW, TODAY) == "unknown"


def test_the_period_is_extended_once_and_in_the_first_month_only():
    def obstacle(**facts: object) -> str:
        return states.obstacle(Facts("open", **facts), "extend", ["admin"], NOW, TODAY)  # pyright: ignore

    assert obstacle(first_month_ends=TODAY) == ""
    assert obstacle(first_month_ends=TODAY - timedelta(days=1)) == "first_month_over"
    assert obstacle(first_month_ends=TODAY, extended=True) == "extended_already"
    assert obstacle() == "first_month_over"


def test_a_requester_reopens_once_and_a_moderator_as_often_as_needed():
    closed = NOW - timedelta(days=30)
    once = Facts("refused", closed=closed, reopened=1)
    assert (
        states.obstacle(Facts("refused", closed=closed), "reopen", ["requester"], NOW, TODAY) == ""
    )
    assert states.obstacle(once, "reopen", ["requester"], NOW, TODAY) == "reopened_already"
    assert states.obstacle(once, "reopen", ["moderator"], NOW, TODAY) == ""
    assert states.obstacle(once, "reopen", ["requester", "moderator"], NOW, TODAY) == ""


def test_a_review_is_asked_once_in_time_and_of_what_can_be_reviewed():
    def obstacle(state: str, **facts: object) -> str:
        return states.obstacle(Facts(state, **facts), "ask_review", ["requester"], NOW, TODAY)  # pyright: ignore

    assert obstacle("refused", review_until=TODAY) == obstacle("open", review_until=TODAY) == ""
    assert obstacle("open") == "nothing_to_review"
    assert obstacle("refused", review_until=TODAY - timedelta(days=1)) == "too_late_to_review"
    assert obstacle("refused", review_until=TODAY, review_asked=NOW) == "review_asked_already"
    assert obstacle("fulfilled", review_until=TODAY) == "state"


@pytest.mark.parametrize("name", ["keep_decision", "take_up_again"])
def test_a_service_answers_a_review_that_was_asked_for(name: str):
    assert states.obstacle(Facts("refused"), name, ["admin"], NOW, TODAY) == "no_review_waits"
    assert states.obstacle(Facts("refused", review_due=TODAY), name, ["admin"], NOW, TODAY) == ""


def test_a_requester_reopens_within_thirty_days_and_a_moderator_when_the_cada_has_spoken():
    late = Facts("refused", closed=NOW - timedelta(days=30, seconds=1))
    assert states.obstacle(late, "reopen", ["requester"], NOW, TODAY) == "closed_too_long"
    assert states.obstacle(late, "reopen", ["moderator"], NOW, TODAY) == ""
    rejected = replace(late, state="rejected")
    assert states.obstacle(rejected, "reconsider", ["moderator"], NOW, TODAY) == "closed_too_long"


def test_what_was_anonymised_is_not_opened_again():
    late = Facts("refused", closed=NOW - timedelta(days=800), anonymised=NOW)
    assert states.obstacle(late, "reopen", ["moderator"], NOW, TODAY) == "anonymised"


def test_only_time_closes_what_waits_for_details_and_only_after_two_reminders():
    def obstacle(reminders: int, answer_by: date, roles: tuple[str, ...] = ("system",)) -> str:
        facts = Facts("needs_info", reminders=reminders, answer_by=answer_by)
        return states.obstacle(facts, "expire", roles, NOW, TODAY)

    assert obstacle(2, TODAY - timedelta(days=1)) == ""
    assert obstacle(1, TODAY - timedelta(days=1)) == "still_waiting"
    assert obstacle(2, TODAY) == "still_waiting"
    assert obstacle(2, TODAY - timedelta(days=1), ("admin", "moderator")) == "role"


def test_spam_is_closed_without_a_word_to_its_author():
    assert [each.name for each in states.audiences("reject", {"spam": True})] == ["service"]
    assert [each.name for each in states.audiences("reject", {})] == ["requester", "service"]


def test_others_learn_the_outcome_of_a_refusal_only():
    assert [(each.name, each.neutral) for each in states.audiences("refuse", {})] == [
        ("requester", False),
        ("followers", True),
        ("supporters", True),
    ]


def test_a_history_gives_the_state():
    history = [
        ("submit", "draft", "submitted"),
        ("accept", "submitted", "open"),
        ("extend", "open", "open"),
    ]
    assert replay(history) == "open"


@pytest.mark.parametrize(
    "broken",
    [
        [("accept", "submitted", "open")],
        [("submit", "draft", "open")],
        [("vanish", "draft", "open")],
        [("submit", "draft", "submitted"), ("submit", "draft", "submitted")],
    ],
)
def test_a_broken_history_is_noticed(broken: list[tuple[str, str, str]]):
    with pytest.raises(ValueError, match=r"cannot start|does not lead"):
        replay(broken)
