"""Saved searches and their subscribers: tables, and the only functions that write them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.types import DataDict
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from ckanext.ecosphere.search import config
from ckanext.ecosphere.search.alerts import searches
from ckanext.ecosphere.shared import contact_details, dates
from ckanext.ecosphere.shared.columns import Id, Key, Moment, Stamp, Words, new_id
from ckanext.ecosphere.work.model import PENDING, RUNNING, Work, now
from ckanext.ecosphere.work.outbox import Outbox


class Subscriber(tk.BaseModel):
    """The owner of alerts: an account, or an e-mail address without one; deleted with the last
    alert.

    Attributes:
        email: address in lower case, for subscribers without an account; that of an account is
            looked up when sending.
        mailbox: what the spellings of the address have in common (`email_addresses.mailbox`), for
            counting alerts.
        language: language in which to write to them.
    """

    __tablename__ = "ecosphere_search_subscriber"

    id: Mapped[Id]
    user_id: Mapped[str | None] = mapped_column(sa.Text, unique=True)
    email: Mapped[str | None] = mapped_column(sa.Text, unique=True)
    mailbox: Mapped[str | None] = mapped_column(sa.Text, index=True)
    language: Mapped[Words]
    created: Mapped[Stamp]


class Alert(tk.BaseModel):
    """A saved search.

    Attributes:
        about: key of its subject (`searches.of`).
        search: canonical query string (`AlertSubject.canonical`).
        frequency: daily, weekly, or none for a saved search without e-mails.
        confirmed: time at which its e-mail address was confirmed; None before, and deleted after a
            week.
        told_until: time up to which changes have been reported.
        next_look: time of the next run.
    """

    __tablename__ = "ecosphere_search_alert"
    __table_args__ = (
        sa.UniqueConstraint("subscriber_id", "about", "search", name="uq_ecosphere_search_alert"),
    )

    id: Mapped[Id]
    subscriber_id: Mapped[str] = mapped_column(
        sa.ForeignKey("ecosphere_search_subscriber.id", ondelete="CASCADE"), nullable=False
    )
    about: Mapped[str] = mapped_column(
        sa.Text, nullable=False, server_default="datasets", default="datasets"
    )
    search: Mapped[Key]
    frequency: Mapped[Key]
    created: Mapped[Stamp]
    confirmed: Mapped[Moment | None]
    told_until: Mapped[Moment]
    next_look: Mapped[Moment]


NONE = "none"
#: Frequency → days between runs.
PERIODS = {"daily": 1, "weekly": 7}
FREQUENCIES = (*PERIODS, NONE)
#: Hour, in the portal's time zone, at which alerts are due.
HOUR = 6
#: Time after which unconfirmed alerts and old e-mails are deleted.
KEPT = timedelta(days=7)
#: Kinds of e-mails to a subscriber: to confirm an alert (whose id and frequency are the content),
#: with a link to the alerts, and with new results: `alerts`, each with `about`, `search`, `since`
#: (start of the interval), `count` of results and `ids` of those to list.
CONFIRM, MANAGE, DIGEST = "confirm", "manage", "digest"
OUTBOX = Outbox(
    name="ecosphere-search-mails",
    function="ckanext.ecosphere.search.alerts.mails.deliver",
    title="Search: e-mails",
    queue=config.QUEUE,
    kept=KEPT,
)


def of_user(user_id: str) -> Subscriber | None:
    """Return the subscriber of an account."""
    return model.Session.query(Subscriber).filter_by(user_id=user_id).one_or_none()


def of_email(email: str) -> Subscriber | None:
    """Return the subscriber of an e-mail address without an account."""
    return model.Session.query(Subscriber).filter_by(email=email.lower()).one_or_none()


def alerts(subscriber: Subscriber | None) -> Sequence[Alert]:
    """Return the confirmed alerts of a subscriber, newest first."""
    if subscriber is None:
        return []
    query = model.Session.query(Alert).filter_by(subscriber_id=subscriber.id)
    confirmed = query.filter(Alert.confirmed.is_not(None))
    return confirmed.order_by(Alert.created.desc(), Alert.id).all()


def save(
    *,
    search: str,
    frequency: str,
    language: str,
    about: str = searches.DATASETS,
    user_id: str | None = None,
    email: str | None = None,
) -> Alert:
    """Save an alert, or change the frequency of an existing one; without an account it has to be
    confirmed by e-mail.

    Args:
        search: canonical query string (`AlertSubject.canonical`).
        frequency: daily, weekly or none.
        language: language in which to write to the person.
        about: key of its subject (`searches.of`).
        user_id: id of the account; exclusive with `email`.
        email: address of a person without an account.

    Raises:
        ValidationError: the person has the maximum number of alerts.
    """
    subscriber = _subscriber(language, user_id, email)
    key = {"subscriber_id": subscriber.id, "about": about, "search": search}
    alert = model.Session.query(Alert).filter_by(**key).one_or_none()
    if alert is None:
        _require_room(subscriber)
        alert = Alert(id=new_id(), frequency=frequency, **key)
        alert.created = alert.told_until = now()
        alert.next_look = _next_look(alert.created, frequency)
        alert.confirmed = alert.created if user_id else None
        model.Session.add(alert)
    elif user_id or alert.confirmed is None:
        # An anonymous form must not change an alert that its owner has confirmed.
        _set_frequency(alert, frequency)
    if email:
        _tell(subscriber, CONFIRM, {"alert": alert.id, "frequency": frequency})
    model.Session.commit()
    return alert


def _subscriber(language: str, user_id: str | None, email: str | None) -> Subscriber:
    """Return the row of a person, locked, so that concurrent requests
    are counted one after the other.
    """
    key = {"user_id": user_id, "email": email and email.lower()}
    mailbox = email and contact_details.mailbox(email)
    row = insert(Subscriber).values(
        **key, id=new_id(), mailbox=mailbox, language=language, created=now()
    )
    model.Session.execute(row.on_conflict_do_nothing())
    subscriber = model.Session.query(Subscriber).filter_by(**key).with_for_update().one()
    if user_id:
        subscriber.language = language
    return subscriber


def _require_room(subscriber: Subscriber) -> None:
    """Refuse an alert beyond the maximum. Unconfirmed ones do not count, since strangers may have
    requested them.

    Those of all spellings of an address count together.

    Raises:
        ValidationError: the person has the maximum number of alerts.
    """
    same = Subscriber.id == subscriber.id
    if subscriber.mailbox:
        same = Subscriber.mailbox == subscriber.mailbox
    owned = model.Session.query(Alert).join(Subscriber, Subscriber.id == Alert.subscriber_id)
    number = owned.filter(same, Alert.confirmed.is_not(None)).count()
    if number >= config.alerts_per_person():
        model.Session.rollback()
        raise tk.ValidationError({"search": [no_room()]})


def no_room() -> str:
    """Return the sentence that says that a person has the maximum number of alerts."""
    message = tk._("You have as many alerts as one person may have ({number}): delete one first.")
    return message.format(number=config.alerts_per_person())


def _tell(subscriber: Subscriber, kind: str, content: DataDict) -> None:
    OUTBOX.add([{"recipient": subscriber.id, "kind": kind, "content": content}])


def ask_link(email: str, language: str, *, no_room: bool = False) -> None:
    """Queue an e-mail with a link to the alerts of an address.

    Whether it has any is looked up when the e-mail is written, so that the time of the answer does
    not reveal it. An address without alerts is erased then (`forget_unknown`).

    Args:
        email: the address.
        language: language of the e-mail.
        no_room: whether it also says that there is no room for another alert.
    """
    _tell(_subscriber(language, None, email), MANAGE, {"no_room": no_room})
    model.Session.commit()


def confirm(alert_id: str, frequency: str, language: str) -> None:
    """Confirm an alert, unless it was deleted; idempotent.

    Raises:
        ValidationError: the person has the maximum number of alerts.
    """
    alert = model.Session.get(Alert, alert_id)
    if alert is not None:
        subscriber = model.Session.get_one(Subscriber, alert.subscriber_id, with_for_update=True)
        subscriber.language = language
        if alert.confirmed is None:
            _require_room(subscriber)
            alert.confirmed = alert.told_until = now()
        _set_frequency(alert, frequency)
    model.Session.commit()


def change(subscriber_id: str, alert_id: str, frequency: str) -> bool:
    """Change the frequency of an alert; return whether the alert belongs to the subscriber."""
    alert = _own(subscriber_id, alert_id)
    if alert is not None:
        _set_frequency(alert, frequency)
    model.Session.commit()
    return alert is not None


def _set_frequency(alert: Alert, frequency: str) -> None:
    if alert.frequency == frequency:
        return
    if alert.frequency == NONE:
        alert.told_until = now()  # do not report what was saved while e-mails were off
    alert.frequency = frequency
    alert.next_look = _next_look(now(), frequency)


def delete(subscriber_id: str, alert_id: str) -> bool:
    """Delete an alert, and the subscriber with the last one.

    Return whether the alert belonged to the subscriber.
    """
    alert = _own(subscriber_id, alert_id)
    if alert is not None:
        model.Session.delete(alert)
        model.Session.flush()
        _delete(WITHOUT_ALERTS, Subscriber.id == subscriber_id)
    model.Session.commit()
    return alert is not None


def _own(subscriber_id: str, alert_id: str) -> Alert | None:
    return (
        model.Session.query(Alert).filter_by(id=alert_id, subscriber_id=subscriber_id).one_or_none()
    )


def leave(subscriber_id: str) -> None:
    """Stop all e-mails: delete a subscriber without an account,
    keep the searches of an account without e-mails.
    """
    subscriber = model.Session.get(Subscriber, subscriber_id)
    if subscriber is None:
        return
    if subscriber.user_id is None:
        erase(subscriber_id)
        return
    model.Session.execute(
        sa.update(Alert).where(Alert.subscriber_id == subscriber_id).values(frequency=NONE)
    )
    OUTBOX.drop(subscriber_id)
    model.Session.commit()


def erase(subscriber_id: str) -> None:
    """Delete a subscriber with all alerts and e-mails."""
    _delete(Subscriber.id == subscriber_id)
    model.Session.commit()


def forget_unknown() -> None:
    """Delete the subscribers who have no alerts and to whom nothing is to be sent."""
    unsent = sa.exists().where(
        OUTBOX.rows, Work.recipient == Subscriber.id, Work.status.in_((PENDING, RUNNING))
    )
    _delete(WITHOUT_ALERTS, ~unsent)
    model.Session.commit()


def people_with_due_alerts(moment: datetime, most: int) -> list[str]:
    """Return the ids of subscribers with due alerts, longest known first.

    Args:
        moment: the current time.
        most: maximum number of subscribers.
    """
    tied = sa.exists().where(Alert.subscriber_id == Subscriber.id, *_due(moment))
    query = sa.select(Subscriber.id).where(tied).order_by(Subscriber.created, Subscriber.id)
    return list(model.Session.scalars(query.limit(most)))


def due_alerts(subscriber_id: str, moment: datetime) -> list[Alert]:
    """Return the due alerts of a subscriber, oldest first."""
    query = sa.select(Alert).where(Alert.subscriber_id == subscriber_id, *_due(moment))
    return list(model.Session.scalars(query.order_by(Alert.created, Alert.id)))


def _due(moment: datetime) -> tuple[Any, ...]:
    return (Alert.confirmed.is_not(None), Alert.frequency != NONE, Alert.next_look <= moment)


def is_due(moment: datetime) -> bool:
    """Return whether any alert is due."""
    is_any_due = bool(model.Session.scalar(sa.select(sa.exists().where(*_due(moment)))))
    model.Session.rollback()
    return is_any_due


def looked(
    subscriber_id: str,
    looked_until: dict[str, datetime],
    news: list[DataDict],
    moment: datetime,
) -> None:
    """Record, in one transaction, what is to be reported and that it has been processed.

    Args:
        subscriber_id: id of the subscriber.
        looked_until: alert id → time up to which it was processed.
        news: contents of the e-mail (`DIGEST`); empty if there is nothing to report.
        moment: the current time.
    """
    for alert in model.Session.scalars(sa.select(Alert).where(Alert.id.in_(looked_until))):
        alert.told_until = looked_until[alert.id]
        alert.next_look = _next_look(moment, alert.frequency)
    if news:
        OUTBOX.add([{"recipient": subscriber_id, "kind": DIGEST, "content": {"alerts": news}}])
    model.Session.commit()


def _next_look(moment: datetime, frequency: str) -> datetime:
    """Return the time of the next run: in the morning, a day or a week later."""
    day = dates.day_of(moment) + timedelta(days=PERIODS.get(frequency, 1))
    return datetime.combine(day, time(HOUR), dates.zone())


def purge() -> int:
    """Delete alerts unconfirmed for a week, subscribers of closed accounts,
    and e-mails older than a week.
    """
    old = now() - KEPT
    unconfirmed = model.Session.execute(
        sa.delete(Alert).where(Alert.confirmed.is_(None), Alert.created < old)
    )
    accounts = sa.select(model.User.id).where(model.User.state == model.State.ACTIVE)
    _delete(Subscriber.user_id.is_not(None), Subscriber.user_id.not_in(accounts))
    OUTBOX.purge()
    _delete(WITHOUT_ALERTS)
    model.Session.commit()
    return unconfirmed.rowcount  # pyright: ignore[reportAttributeAccessIssue]


WITHOUT_ALERTS = ~sa.exists().where(Alert.subscriber_id == Subscriber.id)


def _delete(*conditions: Any) -> None:
    """Delete subscribers with their alerts and e-mails."""
    deleted = sa.delete(Subscriber).where(*conditions).returning(Subscriber.id)
    OUTBOX.forget(model.Session.scalars(deleted).all())
