"""Stateful test of the transitions (Hypothesis): random users attempt random transitions. Only
those in the table succeed, and notify exactly the expected users. The table is a second copy,
written from the note on the law.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
import sqlalchemy as sa
from ckan import model
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ckanext.ecosphere.data_requests import transitions
from ckanext.ecosphere.data_requests.domain import clock, states
from ckanext.ecosphere.data_requests.model import Event, Notification
from ckanext.ecosphere.data_requests.tests.conftest import (
    EXTENSION,
    REFUSAL,
    act,
    dataset,
    draft,
    forget_requests,
    opened,
    row,
)
from ckanext.ecosphere.data_requests.tests.histories import replay

ACTIVE = {"submitted", "open", "needs_info", "in_progress"}
WORKABLE = {"open", "in_progress"}
ANSWERED = {"fulfilled", "partial", "refused", "not_held"}
CONTESTED, DESK = {"partial", "refused", "not_held"}, {"open", "needs_info", "in_progress"}
#: Transition → from, to (None: unchanged), who may do it, who is notified.
TABLE: dict[str, tuple[set[str], str | None, set[str], list[str]]] = {
    "submit": ({"draft"}, "submitted", {"requester"}, ["requester", "moderators"]),
    "accept": ({"submitted"}, "open", {"moderator"}, ["service", "requester"]),
    "reject": ({"submitted", "open"}, "rejected", {"moderator"}, ["requester", "service"]),
    "ask_details": (WORKABLE, "needs_info", {"editor"}, ["requester"]),
    "answer_details": ({"needs_info"}, "open", {"requester"}, ["service"]),
    "start": ({"open"}, "in_progress", {"editor"}, ["requester", "followers"]),
    "transfer": (
        ACTIVE - {"submitted"},
        "open",
        {"admin", "moderator"},
        ["requester", "service", "former"],
    ),
    "extend": (WORKABLE, None, {"admin"}, ["requester", "followers"]),
    "fulfil": (WORKABLE, "fulfilled", {"editor"}, ["requester", "followers", "supporters"]),
    "fulfil_partly": (WORKABLE, "partial", {"editor"}, ["requester", "followers", "supporters"]),
    "refuse": (WORKABLE, "refused", {"admin"}, ["requester", "followers", "supporters"]),
    "not_held": (WORKABLE, "not_held", {"admin"}, ["requester", "moderators"]),
    "join": (ACTIVE, None, {"moderator", "editor"}, ["service"]),
    "separate": (ACTIVE, None, {"moderator", "editor"}, []),
    "mark_duplicate": (ACTIVE, "duplicate", {"moderator"}, ["requester", "service"]),
    "reconsider": ({"rejected", "duplicate"}, "submitted", {"moderator"}, ["requester"]),
    "withdraw": (ACTIVE | {"draft"}, "withdrawn", {"requester"}, ["service", "followers"]),
    "reopen": (ANSWERED | {"expired"}, "open", {"requester", "moderator"}, ["service"]),
    "ask_review": (CONTESTED | DESK, None, {"requester"}, ["heads"]),
    "take_up_again": (CONTESTED, "in_progress", {"admin"}, ["requester", "followers"]),
    "keep_decision": (CONTESTED, None, {"admin"}, ["requester"]),
    "expire": ({"needs_info"}, "expired", set(), ["requester", "followers"]),
}
ENDS_OF_A_REVIEW = ("take_up_again", "keep_decision", "reopen")
STAFF = {"ddt-42": {"editor": {"editor", "admin"}, "admin": {"admin"}}}
STAFF["dreal-ara"] = {"editor": {"other-editor", "other-admin"}, "admin": {"other-admin"}}
EVERYONE = [
    "asker",
    "friend",
    "stranger",
    "editor",
    "admin",
    "member",
    "other-editor",
    "other-admin",
    "moderator",
    "boss",
]
STEPS = sorted(set(TABLE))


class Life(RuleBasedStateMachine):
    """State machine of a request, with its expected state."""

    data_name = ""

    @initialize(private=st.booleans())
    def begin(self, private: bool) -> None:
        forget_requests()
        self.private = private
        target_of = "asker" if private else "friend"
        visibility = "private" if private else "public"
        self.target = opened(target_of, title="Autre", visibility=visibility)
        self.target_owner = target_of
        made = draft("asker", visibility=visibility)
        self.request = made
        self.state, self.organization = "draft", ""
        self.extended, self.reopened, self.due_to_expire = False, 0, False
        self.review_asked = self.review_waits = False
        self.followers: set[str] = set()
        self.supporters: set[str] = set()
        self.sent = self.opened = False

    # --- expectations ---

    def roles(self, person: str) -> set[str]:
        found = {"requester"} if person == "asker" else set()
        if self.sent and person in ("moderator", "boss"):
            found.add("moderator")
        if self.opened:
            staff = STAFF[self.organization]
            found |= {
                role for role in ("editor", "admin") if person == "boss" or person in staff[role]
            }
        return found

    @property
    def listed(self) -> bool:
        return not self.private and self.opened and self.state != "rejected"

    def reads(self, person: str) -> bool:
        return self.listed or bool(self.roles(person))

    def expected_error(self, person: str, name: str) -> Any:
        """Return the type of the expected exception, or None if the transition should succeed."""
        sources, _target, roles, _told = TABLE[name]
        mine = self.roles(person) & roles
        if not self.reads(person):
            return tk.ObjectNotFound
        if not mine:
            return tk.NotAuthorized
        if self.state not in sources or (name == "extend" and self.extended):
            return tk.ValidationError
        if self.has_no_counterpart(name):
            return tk.ValidationError
        reopened_twice = name == "reopen" and mine == {"requester"} and self.reopened
        return tk.ValidationError if reopened_twice or self.has_no_review(name) else None

    def has_no_counterpart(self, name: str) -> bool:
        """Whether the other request is that of another person or service,
        or is not joined (see `happened`).
        """
        elsewhere = name in ("join", "mark_duplicate") and self.organization == "dreal-ara"
        of_another = name == "mark_duplicate" and self.target_owner != "asker"
        return elsewhere or of_another or name == "separate"

    def has_no_review(self, name: str) -> bool:
        """Whether a review transition lacks a decision to review, or a review to answer.

        No request is late here.
        """
        if name == "ask_review":
            return self.review_asked or self.state in DESK
        return name in ("take_up_again", "keep_decision") and not self.review_waits

    def told(self, name: str, actor: str, former: str) -> set[str]:
        groups: dict[str, set[str]] = {
            "requester": {"asker"},
            "moderators": {"moderator"},
            "service": STAFF[self.organization]["editor"] if self.opened else set(),
            # Without a mailbox for late requests, moderators are notified along with the editors.
            "heads": STAFF[self.organization]["editor"] | {"moderator"} if self.opened else set(),
            "former": STAFF[former]["editor"] if former else set(),
            "followers": {each for each in self.followers if self.reads(each)},
            "supporters": {each for each in self.supporters if self.reads(each)},
        }
        found = set[str]().union(*(groups[each] for each in TABLE[name][3]))
        return found if name == "submit" else found - {actor}

    # --- actions ---

    def fields(self, name: str) -> dict[str, Any]:
        day = (clock.today() + timedelta(days=5)).isoformat()
        other = "dreal-ara" if self.organization == "ddt-42" else "ddt-42"
        words = {
            "comment": "Voici",
            "question": "Où ?",
            "missing": "Le sud",
            **EXTENSION,
            **REFUSAL,
        }
        found: dict[str, Any] = {**words, "planned": day, "answer_by": day}
        found |= {
            "organization": other if name == "transfer" else "ddt-42",
            "target": self.target["id"],
        }
        return {**found, "datasets": [self.data_name], "similar_seen": True}

    def attempt(self, person: str, name: str, behind: int = 0) -> None:
        before = row(self.request)
        version, count = before.version, self.events()
        data = {
            "id": self.request["id"],
            "transition": name,
            "version": version - behind,
            **self.fields(name),
        }
        expected = self.expected_error(person, name)
        if behind and expected is None:
            expected = tk.ValidationError
        if expected is None:
            act("transition", person, **data)
            self.happened(person, name)
            return
        with pytest.raises(expected):
            act("transition", person, **data)
        after = row(self.request)
        assert (after.state, after.version, self.events()) == (self.state, version, count)

    def happened(self, actor: str, name: str) -> None:
        former = self.organization
        _sources, target, _roles, _told = TABLE[name]
        roles = self.roles(actor)
        if name == "submit":
            self.sent = True
        elif name == "accept":
            self.opened, self.organization = True, "ddt-42"
        elif name == "transfer":
            self.organization = "dreal-ara" if former == "ddt-42" else "ddt-42"
        elif name == "extend":
            self.extended = True
        elif name == "reconsider":
            self.opened = False
        elif name == "reopen":
            self.extended, self.reopened = False, self.reopened + ("requester" in roles)
        anew = bool(target) and (target in states.CLOSED) != (self.state in states.CLOSED)
        self.review_asked = not anew and (self.review_asked or name == "ask_review")
        self.review_waits = name == "ask_review" or (
            self.review_waits and name not in ENDS_OF_A_REVIEW
        )
        self.state = target or self.state
        self.due_to_expire = False
        if name == "mark_duplicate":
            moved = (self.supporters | {"asker"}) - {self.target_owner}
            assert row(self.target).support_count == len(moved)
        # If `private`, the target is an accepted request of `asker`, so that the next one opens at
        # once.
        accepted_at_once = name == "submit" and self.private
        last = self.last_events(2 if accepted_at_once else 1)
        assert [each.transition for each in last] == [
            name,
            *(["accept"] if accepted_at_once else []),
        ]
        assert self.told_of(last[0]) == self.told(name, actor, former if name == "transfer" else "")
        if accepted_at_once:
            self.opened, self.organization, self.state = True, "ddt-42", "open"
            assert self.told_of(last[1]) == self.told("accept", "", "")
        if name == "mark_duplicate":
            self.supporters, self.followers = set(), set()
        elif (
            name == "join"
        ):  # the other request stays as it is: `test_joined` has the steps of both
            act(
                "transition",
                actor,
                id=self.request["id"],
                transition="separate",
                version=row(self.request).version,
            )

    def events(self) -> int:
        query = (
            sa.select(sa.func.count())
            .select_from(Event)
            .where(Event.request_id == self.request["id"])
        )
        return model.Session.scalar(query) or 0

    def last_events(self, number: int) -> list[Event]:
        query = (
            sa.select(Event)
            .where(Event.request_id == self.request["id"])
            .order_by(Event.id.desc())
            .limit(number)
        )
        return list(model.Session.scalars(query))[::-1]

    def told_of(self, event: Event) -> set[str]:
        query = (
            sa.select(model.User.name, sa.func.count())
            .join(Notification, Notification.user_id == model.User.id)
            .where(Notification.event_id == event.id, Notification.channel == "page")
            .group_by(model.User.name)
        )
        counts = dict(model.Session.execute(query).tuples().all())
        assert set(counts.values()) <= {1}
        return set(counts)

    @rule(person=st.sampled_from(EVERYONE), name=st.sampled_from(STEPS))
    def anything(self, person: str, name: str) -> None:
        self.attempt(person, name)

    @rule(data=st.data())
    def something_possible(self, data: st.DataObject) -> None:
        able = [(p, n) for n in STEPS for p in EVERYONE if self.expected_error(p, n) is None]
        if able:
            # Choose the transition first, so that each is equally likely regardless of how many
            # users may do it.
            name = data.draw(st.sampled_from(sorted({n for _p, n in able})))
            self.attempt(data.draw(st.sampled_from([p for p, n in able if n == name])), name)

    @rule(person=st.sampled_from(EVERYONE), name=st.sampled_from(STEPS))
    def too_late(self, person: str, name: str) -> None:
        self.attempt(person, name, behind=1)

    @rule(person=st.sampled_from(EVERYONE), wanted=st.booleans())
    def follow(self, person: str, wanted: bool) -> None:
        if not self.reads(person):
            with pytest.raises(tk.ObjectNotFound):
                act("follow", person, id=self.request["id"])
            return
        act("follow" if wanted else "unfollow", person, id=self.request["id"])
        self.followers = self.followers | {person} if wanted else self.followers - {person}

    @rule(person=st.sampled_from(EVERYONE))
    def support(self, person: str) -> None:
        if self.listed and person != "asker" and self.state in ACTIVE:
            act("support", person, id=self.request["id"])
            self.supporters.add(person)
        else:
            with pytest.raises((tk.ObjectNotFound, tk.ValidationError)):
                act("support", person, id=self.request["id"])

    @precondition(lambda self: self.state == "needs_info")
    @rule()
    def time_passes(self) -> None:
        late = row(self.request)
        late.answer_by, late.reminders = clock.today() - timedelta(days=1), 2
        model.Session.commit()
        self.due_to_expire = True

    @rule()
    def the_schedule_looks(self) -> None:
        done = transitions.if_possible(self.request["id"], "expire")
        assert (done is not None) == (self.state == "needs_info" and self.due_to_expire)
        if done is not None:
            self.happened("", "expire")

    @invariant()
    def the_events_rebuild_the_state(self) -> None:
        if not hasattr(self, "request"):
            return
        found = row(self.request)
        query = sa.select(Event).where(Event.request_id == found.id).order_by(Event.id)
        history = [
            (each.transition, each.from_state, each.to_state)
            for each in model.Session.scalars(query)
        ]
        assert replay(history) == found.state == self.state
        assert found.listed == self.listed
        assert found.support_count == len(self.supporters)


@pytest.mark.slow("random")
@pytest.mark.usefixtures("portal")
def test_whatever_people_do_the_table_holds():
    Life.data_name = dataset()["name"]
    limits = settings(
        max_examples=10,
        stateful_step_count=25,
        deadline=None,
        database=None,
        # No shrinking: it replays whole histories on the database for minutes, and adds little to
        # the failing example.
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),  # pyright: ignore[reportArgumentType]
    )
    run_state_machine_as_test(Life, settings=limits)


def test_the_table_of_the_tests_names_every_transition():
    assert set(TABLE) == {
        name for name, line in states.TRANSITIONS.items() if states.DATA in line.about
    }
