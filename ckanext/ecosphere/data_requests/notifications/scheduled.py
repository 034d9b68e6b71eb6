"""Scheduled tasks of requests: reminders, escalation, expiry, publication of answers on their day,
notice of silence.

`STEPS` lists them all, with those of other modules. Idempotent: each thing is done once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from ckan import model
from ckan.model.system_info import get_system_info, set_system_info

from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.data_requests import (
    attachments,
    config,
    mail_in,
    matching,
    privacy,
    transitions,
)
from ckanext.ecosphere.data_requests.attachments import EVERYONE, REQUESTER
from ckanext.ecosphere.data_requests.decisions import letters
from ckanext.ecosphere.data_requests.domain import clock, states
from ckanext.ecosphere.data_requests.model import (
    ESCALATED,
    Delivery,
    Notification,
    Request,
    Trace,
    is_any,
)
from ckanext.ecosphere.data_requests.notifications import delivery, outbox
from ckanext.ecosphere.work import jobs

WEEK = 7
#: Reminders per query.
AT_ONCE = 1000
#: Days between the first reminder and the requester's last day to answer.
FIRST_REMINDER_DAYS = 7
#: Key in CKAN's `system_info` of the time of the last run.
LAST_RUN = "ecosphere.requests.last_run"


def tick() -> dict[str, int]:
    """Run all tasks; return how much each did (`work.jobs.in_steps`)."""
    numbers = jobs.in_steps("Data requests", STEPS)
    set_system_info(LAST_RUN, clock.now().isoformat())
    return numbers


def last_tick() -> datetime | None:
    """Return the time of the last run, None when there was none."""
    stored = get_system_info(LAST_RUN)
    if stored:
        return datetime.fromisoformat(stored)
    return None


def remind_services() -> int:
    """Remind services a week before an answer is due, the day before, and each week once it is
    late.

    Reminders go to the assignee or their stand-in, and to the whole service when there is neither
    or once it is late.
    """
    today = clock.today()
    query = sa.select(Request.id, Request.due).where(
        Request.state.in_(states.ON_DESK), Request.due <= today + timedelta(days=WEEK)
    )
    reminders = [(id_, *_reminder(id_, due, today)) for id_, due in model.Session.execute(query)]
    # There may be many late requests, most of them already reminded of this week.
    written = _written([key for _id, kind, key in reminders if kind == "overdue"])
    unwritten = [reminder for reminder in reminders if reminder[2] not in written]
    return jobs.one_by_one(unwritten, _remind_service)


def _remind_service(reminder: tuple[str, str, str]) -> int:
    id_, kind, key = reminder
    request = model.Session.get(Request, id_)
    audience = states.SERVICE if kind == "overdue" else states.ASSIGNEE
    reminded = request is not None and outbox.of_reminder(request, kind, key, audience)
    model.Session.commit()
    return int(reminded)


def _written(keys: list[str]) -> set[str]:
    """Return those of the reminders that were already written."""
    written: set[str] = set()
    for start in range(0, len(keys), AT_ONCE):
        some = Notification.key.in_(keys[start : start + AT_ONCE])
        written.update(model.Session.scalars(sa.select(Notification.key).where(some).distinct()))
    return written


def _reminder(request_id: str, due: date, today: date) -> tuple[str, str]:
    """Return the kind of the day's reminder and its key, which is unique.

    A new due date gives new keys.
    """
    days_left = (due - today).days
    stem = f"{request_id}:{due.isoformat()}"
    if days_left < 0:
        return "overdue", f"overdue:{stem}:{(-days_left - 1) // WEEK}"
    kind = "due_day" if days_left <= 1 else "due_week"
    return kind, f"{kind}:{stem}"


def remind_of_reviews() -> int:
    """Remind the administrators and the head of a service of pending reviews, once in the week
    before the due date and once after it.
    """
    query = sa.select(Request.id).where(Request.review_due <= clock.today() + timedelta(days=WEEK))
    return jobs.one_by_one(model.Session.scalars(query).all(), _remind_of_review)


def _remind_of_review(request_id: str) -> int:
    request = model.Session.get(Request, request_id)
    if request is None or request.review_due is None:
        return 0
    kind = "review_late" if request.review_due < clock.today() else "review_soon"
    key = f"{kind}:{request.id}:{request.review_due}"
    number = 0
    for audience in (states.ADMINISTRATORS, states.CHIEF):
        number += outbox.of_reminder(request, kind, key, audience)
    model.Session.commit()
    return number


def remind_requesters() -> int:
    """Remind requesters twice, on different days, of the details asked for."""
    query = sa.select(Request.id).where(
        Request.state == states.NEEDS_INFO,
        Request.reminders < states.REMINDERS_BEFORE_EXPIRY,
        Request.answer_by <= clock.today() + timedelta(days=FIRST_REMINDER_DAYS),
    )
    return jobs.one_by_one(model.Session.scalars(query).all(), _remind_requester)


def _remind_requester(request_id: str) -> int:
    with transitions.changing(request_id) as request:
        today = clock.today()
        is_due = request.state == states.NEEDS_INFO and _wants_reminder(request, today)
        if is_due:
            request.reminders += 1
            request.last_reminded = today
            kind = "details_first" if request.reminders == 1 else "details_last"
            key = f"{kind}:{request.id}:{clock.iso(request.details_asked) or ''}"
            outbox.of_reminder(request, kind, key, states.REQUESTER)
    return int(is_due)


def _wants_reminder(request: Request, today: date) -> bool:
    """Return whether a reminder is due: the first a week before the last day, the second the day
    before.

    They follow later where the time is shorter, but on separate days, and none on the day of the
    question. Expiry comes after both.
    """
    if request.answer_by is None or request.reminders >= states.REMINDERS_BEFORE_EXPIRY:
        return False
    if request.details_asked:
        asked_on = clock.day_of(request.details_asked)
    else:
        asked_on = today
    if today <= asked_on or (request.last_reminded and today <= request.last_reminded):
        return False
    days = FIRST_REMINDER_DAYS if request.reminders == 0 else 1
    return today >= request.answer_by - timedelta(days=days)


def expire() -> int:
    """Close requests whose requester did not answer,
    at the earliest a day after the second reminder.
    """
    today = clock.today()
    query = sa.select(Request.id).where(
        Request.state == states.NEEDS_INFO, Request.answer_by < today, Request.last_reminded < today
    )
    return jobs.one_by_one(
        model.Session.scalars(query).all(),
        lambda request_id: int(transitions.if_possible(request_id, "expire") is not None),
    )


def tell_of_silence() -> int:
    """Notify requesters once the period ends that silence is a refusal, and how to contest it.

    Once per due date.
    """
    # Skip periods that ended long ago.
    near = Request.due.between(clock.today() - timedelta(days=WEEK), clock.today())
    query = sa.select(Request.id).where(Request.state.in_(states.ACTIVE), near)
    return jobs.one_by_one(model.Session.scalars(query).all(), _tell_of_silence)


def _tell_of_silence(request_id: str) -> int:
    with transitions.changing(request_id) as request:
        due = request.due
        if request.state not in states.ACTIVE or due is None or due > clock.today():
            return 0
        if not letters.of_silence(request):
            return 0
        key = f"silence:{request_id}:{due}"
        outbox.of_reminder(request, letters.SILENCE, key, states.REQUESTER)
    return 1


def escalate() -> int:
    """Notify the administrators of a service, then its head, of requests due or late; return the
    number of escalations.

    Raises:
        SomeFailed: some failed; all others were done.
    """
    return jobs.one_by_one(_due_escalations(clock.today()), _escalate_one)


def _due_escalations(today: date) -> Iterator[tuple[str, str, date]]:
    """Yield for each escalation its audience, the id of the request and
    the latest due date concerned.
    """
    days_of = {
        states.ADMINISTRATORS: config.escalation_administrators(),
        states.CHIEF: config.escalation_chief(),
    }
    for audience, days in days_of.items():
        if days is not None:
            last = today - timedelta(days=days)
            for request_id in _unescalated(audience, last):
                yield audience, request_id, last


def _unescalated(audience: str, last: date) -> Sequence[str]:
    """Return the ids of the requests due until a day of which an audience was not told,
    those due first before.
    """
    key = sa.func.concat(_escalation_key(audience, ""), sa.cast(Request.due, sa.Text))
    traces = sa.exists().where(Trace.request_id == Request.id, Trace.key == key)
    query = sa.select(Request.id).where(
        Request.state.in_(states.ON_DESK), Request.due <= last, ~traces
    )
    return model.Session.scalars(query.order_by(Request.due, Request.id)).all()


def _escalation_key(audience: str, due: date | str) -> str:
    return f"{ESCALATED}:{audience}:{due}"


def _escalate_one(escalation: tuple[str, str, date]) -> int:
    audience, request_id, last = escalation
    with transitions.changing(request_id) as request:
        due = request.due
        if request.state not in states.ON_DESK or due is None or due > last:
            return 0
        key = _escalation_key(audience, due)
        if is_any(Trace.request_id == request_id, Trace.key == key):
            return 0
        informed = audience
        if audience == states.CHIEF and not sheets.chief(request.organization_id):
            informed = states.MODERATORS
        trace = Trace(
            request_id=request_id, kind=ESCALATED, key=key, told=informed, created=clock.now()
        )
        model.Session.add(trace)
        kind = "escalated_late" if due < clock.today() else "escalated_soon"
        outbox.of_reminder(request, kind, f"{key}:{request_id}", audience)
    return 1


def publish_answers() -> int:
    """Publish the deliveries that are due, where the request is answered at present.

    Return of how many requests.
    """
    query = sa.select(Delivery.request_id).where(*_due_deliveries()).distinct()
    return jobs.one_by_one(model.Session.scalars(query).all(), _publish_answer)


def _due_deliveries() -> tuple[sa.ColumnElement[bool], ...]:
    return (Delivery.reach == REQUESTER, Delivery.public_from <= clock.today())


def _publish_answer(request_id: str) -> int:
    with transitions.changing(request_id) as request:
        is_given = request.state in states.GIVEN
        if is_given:
            update = sa.update(Delivery).where(
                Delivery.request_id == request_id, *_due_deliveries()
            )
            model.Session.execute(update.values(reach=EVERYONE))
            outbox.of_public_answer(request, f"public_answer:{request_id}:{clock.today()}")
    return int(is_given)


STEPS: dict[str, Callable[[], int]] = {
    "replies_read": mail_in.fetch,
    "services_reminded": remind_services,
    "escalated": escalate,
    "reviews_reminded": remind_of_reviews,
    "requesters_reminded": remind_requesters,
    "requesters_told_of_silence": tell_of_silence,
    "expired": expire,
    "answers_made_public": publish_answers,
    "anonymised": privacy.anonymise_old,
    "files_removed": attachments.remove_strays,
    "datasets_compared": matching.match_saved,
    "emails_taken_up": outbox.OUTBOX.resume,
    "digests": delivery.digests,
    "emails": delivery.deliver,
}
