"""Guards of transitions, and the facts of a request that they examine. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

from ckanext.ecosphere.data_requests.domain import kinds

REQUESTER = "requester"
DUPLICATE = "duplicate"
REOPEN_DAYS = 30
REMINDERS_BEFORE_EXPIRY = 2


@dataclass(frozen=True)
class Facts:
    """Facts of a request that guards examine.

    Attributes:
        state: current state.
        kind: of the request (`kinds`).
        extended: whether the period was already extended.
        first_month_ends: last day of the first period, None before the receipt.
        closed: when it was last closed.
        reopened: how often the requester reopened it.
        reminders: reminders sent to the requester since details were asked for.
        answer_by: last day for the requester's answer.
        review_asked: when the requester asked for an internal review of the current decision, None before.
        review_due: day by which the service answers a pending review, None without one.
        review_until: last day on which a review can be asked for, None when there is nothing to review.
        joined_id: shared by the requests treated together, None for a single one.
    """

    state: str
    kind: str = kinds.DATA
    extended: bool = False
    first_month_ends: date | None = None
    closed: datetime | None = None
    reopened: int = 0
    reminders: int = 0
    answer_by: date | None = None
    review_asked: datetime | None = None
    review_due: date | None = None
    review_until: date | None = None
    joined_id: str | None = None

    @classmethod
    def of(cls, request: Any) -> Facts:
        """Build the facts from a request."""
        return cls(**{each.name: getattr(request, each.name) for each in fields(cls)})


def _once_in_the_first_month(facts: Facts, role: str, now: datetime, today: date) -> str:
    if facts.extended:
        return "extended_already"
    return "" if facts.first_month_ends and today <= facts.first_month_ends else "first_month_over"


def _soon_after_closing(facts: Facts, role: str, now: datetime, today: date) -> str:
    if facts.closed is None or now - facts.closed > timedelta(days=REOPEN_DAYS):
        return "closed_too_long"
    return "reopened_already" if role == REQUESTER and facts.reopened else ""


def _closed_lately_or_merged(facts: Facts, role: str, now: datetime, today: date) -> str:
    # A merge is no decision: what it closed can be put back at any time.
    return "" if facts.state == DUPLICATE else _soon_after_closing(facts, role, now, today)


def _is_joined(facts: Facts, role: str, now: datetime, today: date) -> str:
    return "" if facts.joined_id else "not_joined"


def _reminded_twice(facts: Facts, role: str, now: datetime, today: date) -> str:
    late = facts.answer_by is None or today > facts.answer_by
    return "" if late and facts.reminders >= REMINDERS_BEFORE_EXPIRY else "still_waiting"


def _may_be_reviewed(facts: Facts, role: str, now: datetime, today: date) -> str:
    if facts.review_asked is not None:
        return "review_asked_already"
    if facts.review_until is None:
        return "nothing_to_review"
    return "" if today <= facts.review_until else "too_late_to_review"


def _review_waits(facts: Facts, role: str, now: datetime, today: date) -> str:
    return "" if facts.review_due else "no_review_waits"


#: Guards by name; each returns "" when it holds, else the code of a reason (`wording.REASONS`).
GUARDS = {
    "once_in_the_first_month": _once_in_the_first_month,
    "soon_after_closing": _soon_after_closing,
    "closed_lately_or_merged": _closed_lately_or_merged,
    "is_joined": _is_joined,
    "reminded_twice": _reminded_twice,
    "may_be_reviewed": _may_be_reviewed,
    "review_waits": _review_waits,
}
