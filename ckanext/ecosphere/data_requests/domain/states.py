"""State machine of data requests: the table of transitions, and the guards of some. Pure.

All else derives from `TRANSITIONS`: what is possible, who may do it, which fields it takes, who is
notified, and the table in `docs/requests.md`, which also gives the legal reasons.

A signal (report about a dataset) goes through the same desk, moderation, conversation and history
as a request, but it is no request for a document in the sense of the law: no legal period runs, no
decision is due and no letter is written.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

DATA, ACCESS = "data", "access"
LINK, OUTDATED, ERROR, QUESTION = "link", "outdated", "error", "question"
#: Requests in the sense of the law: the clock runs.
DEMANDS = (DATA, ACCESS)
#: Reports of a problem with a dataset, or questions about it.
SIGNALS = (LINK, OUTDATED, ERROR, QUESTION)
KINDS = (*DEMANDS, *SIGNALS)


DRAFT, SUBMITTED, OPEN, NEEDS_INFO, IN_PROGRESS = (
    "draft",
    "submitted",
    "open",
    "needs_info",
    "in_progress",
)
FULFILLED, PARTIAL, REFUSED, NOT_HELD = "fulfilled", "partial", "refused", "not_held"
DUPLICATE, REJECTED, WITHDRAWN, EXPIRED = "duplicate", "rejected", "withdrawn", "expired"
RESOLVED, DISMISSED = "resolved", "dismissed"

STATES = (
    DRAFT,
    SUBMITTED,
    OPEN,
    NEEDS_INFO,
    IN_PROGRESS,
    FULFILLED,
    PARTIAL,
    REFUSED,
    NOT_HELD,
    DUPLICATE,
    REJECTED,
    WITHDRAWN,
    EXPIRED,
    RESOLVED,
    DISMISSED,
)
#: The service has to deal with it.
ON_DESK = (OPEN, NEEDS_INFO, IN_PROGRESS)
#: Received and not closed: the clock runs.
ACTIVE = (SUBMITTED, *ON_DESK)
#: A decision that gives the data, gives a part of it, or refuses with reasons.
DECIDED = (FULFILLED, PARTIAL, REFUSED)
#: Closed with all or part of the data given.
GIVEN = (FULFILLED, PARTIAL)
#: Closed by an answer of the service.
ANSWERED = (*DECIDED, NOT_HELD)
#: The requester may still edit the request.
STILL_EDITABLE = (SUBMITTED, OPEN, NEEDS_INFO)
#: Closed states of a signal.
SETTLED = (RESOLVED, DISMISSED)
CLOSED = (*ANSWERED, DUPLICATE, REJECTED, WITHDRAWN, EXPIRED, *SETTLED)

# Roles.
REQUESTER, EDITOR, ADMIN, MODERATOR, SYSTEM = "requester", "editor", "admin", "moderator", "system"
ROLES = (REQUESTER, EDITOR, ADMIN, MODERATOR, SYSTEM)

# Audiences of notifications.
SERVICE, FORMER_SERVICE, MODERATORS = "service", "former_service", "moderators"
FOLLOWERS, SUPPORTERS = "followers", "supporters"
#: Within a service: the assignee, the administrators, and the head, to whom late requests are
#: escalated last.
ASSIGNEE, ADMINISTRATORS, CHIEF = "assignee", "administrators", "chief"

#: Transitions that send the requester a letter of decision, which names its author.
LETTERS = ("refuse", "fulfil_partly", "not_held", "reject", "extend", "keep_decision")
#: States after a decision that can be reviewed internally.
CONTESTED = (PARTIAL, REFUSED, NOT_HELD)
#: Steps of the work on a request, which also go to the requests treated together with it
#: (`transitions.transition`).
SHARED = ("start", "transfer", "extend", "fulfil", "fulfil_partly", "refuse", "not_held")
#: Steps that only the service and the moderators see: who asks for the same is nobody else's
#: business.
INTERNAL = ("join", "separate")
#: Transitions of an internal review that leave the decision in force.
REVIEW = ("ask_review", "keep_decision")


@dataclass(frozen=True)
class Audience:
    """Whom a transition is told to.

    Attributes:
        name: requester, service, former_service, moderators, followers, supporters, assignee,
            administrators or chief.
        neutral: whether it gets only the outcome, without the reasons addressed to the requester.
        unless: name of a field; when it is set, this audience is not notified.
        receipt: whether the acting user is notified too, as a proof; normally users are not
            notified of their own acts.
    """

    name: str
    neutral: bool = False
    unless: str = ""
    receipt: bool = False


@dataclass(frozen=True)
class Transition:
    """A row of the table.

    Attributes:
        name: name in the API.
        sources: states from which it is possible.
        target: state to which it leads; "" when the state does not change.
        roles: who may do it; one of these roles is enough.
        required: fields that must be filled in.
        optional: fields that may be.
        audiences: who is notified.
        guard: name of a further condition (`GUARDS`), "" for none.
        about: kinds of requests (`KINDS`) that have it.
    """

    name: str
    sources: tuple[str, ...]
    target: str
    roles: tuple[str, ...]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    audiences: tuple[Audience, ...] = ()
    guard: str = ""
    about: tuple[str, ...] = KINDS

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields, the required ones first."""
        return self.required + self.optional


def _audiences(*names: str) -> tuple[Audience, ...]:
    return tuple(Audience(name) for name in names)


_EDITORS = (EDITOR, ADMIN)
_ADMINS = (ADMIN,)
#: Further fields of a refusal, whole or partial, some of which may be needed
#: (`fields.contradictions`).
_OF_A_REFUSAL = (
    "other_ground",
    "emissions",
    "balance",
    "completion",
    "separable",
    "ground_confirmed",
    "unnamed",
)
#: Fields of a refusal, whole or in part, in the order of its form.
REFUSAL_FORM = (
    "missing",
    "ground",
    "other_ground",
    "kind",
    "emissions",
    "law",
    "facts",
    "ground_confirmed",
    "unnamed",
    "balance",
    "completion",
    "separable",
)
#: Those that say on what ground and for which reasons.
REFUSAL = tuple(
    name for name in REFUSAL_FORM if name not in ("missing", "ground_confirmed", "unnamed")
)
#: How a request was passed on to an authority outside the portal.
TRANSMISSION = ("transmitted_to", "transmitted_by", "transmitted_on", "transmitted_how")
#: Files and links besides datasets of the portal, who may read them, and the day on which they
#: become public.
_DELIVERED = ("links", "files", "reach", "public_from")
#: Required field → fields any of which may replace it.
INSTEAD = {"datasets": ("links", "files")}
#: People who follow a request may support it too: `recipients` counts each person once, in this
#: order.
_WATCHERS = (FOLLOWERS, SUPPORTERS)

TRANSITIONS: dict[str, Transition] = {
    transition.name: transition
    for transition in (
        # `similar_seen` is required when similar requests or datasets exist
        # (`matching.must_be_seen`).
        Transition(
            "submit",
            (DRAFT,),
            SUBMITTED,
            (REQUESTER,),
            optional=("similar_seen",),
            audiences=(Audience(REQUESTER, receipt=True), Audience(MODERATORS)),
        ),
        # Requests of trusted users are accepted automatically.
        Transition(
            "accept",
            (SUBMITTED,),
            OPEN,
            (MODERATOR, SYSTEM),
            ("organization",),
            audiences=_audiences(SERVICE, REQUESTER),
        ),
        # From `open` too: requests of trusted users are opened before a moderator has read them.
        Transition(
            "reject",
            (SUBMITTED, OPEN),
            REJECTED,
            (MODERATOR,),
            ("reason",),
            ("spam",),
            audiences=(Audience(REQUESTER, unless="spam"), Audience(SERVICE)),
        ),
        Transition(
            "ask_details",
            (OPEN, IN_PROGRESS),
            NEEDS_INFO,
            _EDITORS,
            ("question", "answer_by"),
            audiences=_audiences(REQUESTER),
            about=DEMANDS,
        ),
        Transition(
            "answer_details",
            (NEEDS_INFO,),
            OPEN,
            (REQUESTER,),
            ("comment",),
            audiences=_audiences(SERVICE),
        ),
        Transition(
            "expire",
            (NEEDS_INFO,),
            EXPIRED,
            (SYSTEM,),
            audiences=_audiences(REQUESTER, FOLLOWERS),
            guard="reminded_twice",
        ),
        Transition(
            "start",
            (OPEN,),
            IN_PROGRESS,
            _EDITORS,
            ("planned",),
            audiences=_audiences(REQUESTER, FOLLOWERS),
        ),
        Transition(
            "transfer",
            ON_DESK,
            OPEN,
            (ADMIN, MODERATOR),
            ("organization", "reason"),
            audiences=_audiences(REQUESTER, SERVICE, FORMER_SERVICE),
        ),
        Transition(
            "extend",
            (OPEN, IN_PROGRESS),
            "",
            _ADMINS,
            ("reason", "environmental"),
            ("due",),
            audiences=_audiences(REQUESTER, FOLLOWERS),
            guard="once_in_the_first_month",
            about=DEMANDS,
        ),
        Transition(
            "fulfil",
            (OPEN, IN_PROGRESS),
            FULFILLED,
            _EDITORS,
            ("datasets",),
            _DELIVERED,
            audiences=_audiences(REQUESTER, *_WATCHERS),
            about=DEMANDS,
        ),
        Transition(
            "fulfil_partly",
            (OPEN, IN_PROGRESS),
            PARTIAL,
            _EDITORS,
            ("datasets", "missing", "ground", "facts"),
            (*_DELIVERED, "law", *_OF_A_REFUSAL),
            audiences=_audiences(REQUESTER, *_WATCHERS),
            about=DEMANDS,
        ),
        Transition(
            "refuse",
            (OPEN, IN_PROGRESS),
            REFUSED,
            _ADMINS,
            ("ground", "law", "facts"),
            ("kind", *_OF_A_REFUSAL),
            audiences=(
                Audience(REQUESTER),
                Audience(FOLLOWERS, neutral=True),
                Audience(SUPPORTERS, neutral=True),
            ),
            about=DEMANDS,
        ),
        Transition(
            "not_held",
            (OPEN, IN_PROGRESS),
            NOT_HELD,
            _ADMINS,
            ("reason",),
            TRANSMISSION,
            audiences=_audiences(REQUESTER, MODERATORS),
            about=DEMANDS,
        ),
        # Internal review: optional, independent of the CADA; the decision stays in force until the
        # service changes it.
        Transition(
            "ask_review",
            (*CONTESTED, *ON_DESK),
            "",
            (REQUESTER,),
            ("reason",),
            audiences=_audiences(ADMINISTRATORS, SERVICE, CHIEF),
            guard="may_be_reviewed",
            about=DEMANDS,
        ),
        Transition(
            "take_up_again",
            CONTESTED,
            IN_PROGRESS,
            _ADMINS,
            ("planned",),
            audiences=_audiences(REQUESTER, FOLLOWERS),
            guard="review_waits",
            about=DEMANDS,
        ),
        Transition(
            "keep_decision",
            CONTESTED,
            "",
            _ADMINS,
            ("reason",),
            audiences=_audiences(REQUESTER),
            guard="review_waits",
            about=DEMANDS,
        ),
        # Signals only: the problem is fixed, or nothing has to change; either way with a public
        # comment.
        Transition(
            "resolve",
            (OPEN, IN_PROGRESS),
            RESOLVED,
            _EDITORS,
            ("comment",),
            audiences=_audiences(REQUESTER, FOLLOWERS),
            about=SIGNALS,
        ),
        Transition(
            "dismiss",
            (OPEN, IN_PROGRESS),
            DISMISSED,
            _EDITORS,
            ("comment",),
            audiences=_audiences(REQUESTER, FOLLOWERS),
            about=SIGNALS,
        ),
        # Treat requests for the same thing together: each keeps its author, period, letters and
        # remedies.
        Transition(
            "join",
            ACTIVE,
            "",
            (MODERATOR, EDITOR, ADMIN),
            ("target",),
            audiences=_audiences(SERVICE),
            about=DEMANDS,
        ),
        Transition(
            "separate", ACTIVE, "", (MODERATOR, EDITOR, ADMIN), guard="is_joined", about=DEMANDS
        ),
        # Only of two requests of one author, or of two signals: nobody loses an answer.
        Transition(
            "mark_duplicate",
            ACTIVE,
            DUPLICATE,
            (MODERATOR,),
            ("target",),
            audiences=(Audience(REQUESTER), Audience(SERVICE, neutral=True)),
        ),
        Transition(
            "withdraw",
            (DRAFT, *ACTIVE),
            WITHDRAWN,
            (REQUESTER,),
            optional=("reason",),
            audiences=_audiences(SERVICE, FOLLOWERS),
        ),
        # Undo a mistaken closing by a moderator; the period still counts from the receipt.
        Transition(
            "reconsider",
            (REJECTED, DUPLICATE),
            SUBMITTED,
            (MODERATOR,),
            ("reason",),
            audiences=_audiences(REQUESTER),
            guard="closed_lately_or_merged",
        ),
        Transition(
            "reopen",
            (*ANSWERED, EXPIRED, *SETTLED),
            OPEN,
            (REQUESTER, MODERATOR),
            ("reason",),
            audiences=_audiences(SERVICE),
            guard="soon_after_closing",
        ),
    )
}


def obstacle(facts: Facts, name: str, roles: Collection[str], now: datetime, today: date) -> str:
    """Return what prevents a person from doing a transition.

    Args:
        facts: about the request.
        name: of the transition.
        roles: roles of the person for this request.
        now: current time, with a time zone.
        today: current day in Paris.

    Returns:
        "" when nothing does, else "unknown", "kind", "state", "role" or the code of a guard.
    """
    transition = TRANSITIONS.get(name)
    if transition is None:
        return "unknown"
    if facts.kind not in transition.about:
        return "kind"
    if facts.state not in transition.sources:
        return "state"
    own_roles = [role for role in transition.roles if role in roles]
    if not own_roles:
        return "role"
    if not transition.guard:
        return ""
    obstacles = [GUARDS[transition.guard](facts, role, now, today) for role in own_roles]
    # One role without an obstacle is enough.
    return min(obstacles, key=bool)


def acting_role(name: str, roles: Collection[str]) -> str:
    """Return the role in which a person does a transition:
    the first one in the table that they have.
    """
    return next(role for role in TRANSITIONS[name].roles if role in roles)


def audiences(name: str, fields: Mapping[str, Any]) -> list[Audience]:
    """Return the audiences to notify of a transition with these fields."""
    return [audience for audience in TRANSITIONS[name].audiences if not fields.get(audience.unless)]


REOPEN_DAYS = 30
REMINDERS_BEFORE_EXPIRY = 2


@dataclass(frozen=True)
class Facts:
    """Facts of a request that guards examine.

    Attributes:
        state: current state.
        kind: of the request (`KINDS`).
        extended: whether the period was already extended.
        first_month_ends: last day of the first period, None before the receipt.
        closed: when it was last closed.
        reopened: how often the requester reopened it.
        reminders: reminders sent to the requester since details were asked for.
        answer_by: last day for the requester's answer.
        review_asked: when the requester asked for an internal review of the current decision, None
            before.
        review_due: day by which the service answers a pending review, None without one.
        review_until: last day on which a review can be asked for, None when there is nothing to
            review.
        joined_id: shared by the requests treated together, None for a single one.
        anonymised: when the people of the request were forgotten, None before.
    """

    state: str
    kind: str = DATA
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
    anonymised: datetime | None = None

    @classmethod
    def of(cls, request: Any) -> Facts:
        """Build the facts from a request."""
        return cls(**{fact.name: getattr(request, fact.name) for fact in fields(cls)})


def _once_in_the_first_month(facts: Facts, role: str, now: datetime, today: date) -> str:
    if facts.extended:
        return "extended_already"
    if facts.first_month_ends and today <= facts.first_month_ends:
        return ""
    return "first_month_over"


def _closed_lately(facts: Facts, now: datetime) -> str:
    if facts.anonymised:
        return "anonymised"
    if facts.closed is None or now - facts.closed > timedelta(days=REOPEN_DAYS):
        return "closed_too_long"
    return ""


def _soon_after_closing(facts: Facts, role: str, now: datetime, today: date) -> str:
    # The opinion of the CADA, or a judgment, comes after these days: moderators are not bound to
    # them.
    if role == MODERATOR and not facts.anonymised:
        return ""
    if facts.reopened:
        return _closed_lately(facts, now) or "reopened_already"
    return _closed_lately(facts, now)


def _closed_lately_or_merged(facts: Facts, role: str, now: datetime, today: date) -> str:
    # A merge is no decision: what it closed can be put back at any time.
    if facts.state == DUPLICATE and not facts.anonymised:
        return ""
    return _closed_lately(facts, now)


def _is_joined(facts: Facts, role: str, now: datetime, today: date) -> str:
    if facts.joined_id:
        return ""
    return "not_joined"


def _reminded_twice(facts: Facts, role: str, now: datetime, today: date) -> str:
    late = facts.answer_by is None or today > facts.answer_by
    if late and facts.reminders >= REMINDERS_BEFORE_EXPIRY:
        return ""
    return "still_waiting"


def _may_be_reviewed(facts: Facts, role: str, now: datetime, today: date) -> str:
    if facts.review_asked is not None:
        return "review_asked_already"
    if facts.review_until is None:
        return "nothing_to_review"
    if today <= facts.review_until:
        return ""
    return "too_late_to_review"


def _review_waits(facts: Facts, role: str, now: datetime, today: date) -> str:
    if facts.review_due:
        return ""
    return "no_review_waits"


#: Guards by name; each returns "" when it holds, else the code of a reason (`obstacles` in
#: `data/messages.yaml`).
GUARDS = {
    "once_in_the_first_month": _once_in_the_first_month,
    "soon_after_closing": _soon_after_closing,
    "closed_lately_or_merged": _closed_lately_or_merged,
    "is_joined": _is_joined,
    "reminded_twice": _reminded_twice,
    "may_be_reviewed": _may_be_reviewed,
    "review_waits": _review_waits,
}
