"""Subscriptions to the weekly letter, and its schedule."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.model import Letter, Reader
from ckanext.ecosphere.shared import dates
from ckanext.ecosphere.shared.mailing import sending
from ckanext.ecosphere.shared.mailing.outbox import PENDING

WEEK = timedelta(weeks=1)
LATEST = timedelta(days=3)
"""After this time a letter that nobody wrote is left out: the next one tells more."""
KEPT = timedelta(days=90)
"""For how long it is kept who got which letter."""


def are_offered() -> bool:
    """Whether the portal sends such letters."""
    return config.letter_day() > 0 and sending.is_configured()


def wants(user_id: str) -> bool:
    """Whether somebody wants the letter."""
    return model.Session.get(Reader, user_id) is not None


def add(user_id: str, language: str) -> None:
    """Note that somebody wants the letter, in a language; the caller commits."""
    query = insert(Reader).values(user_id=user_id, language=language, since=sa.func.now())
    model.Session.execute(query.on_conflict_do_update(index_elements=["user_id"], set_={"language": language}))


def remove(user_id: str) -> None:
    """Note that somebody wants the letter no longer; the caller commits."""
    model.Session.execute(sa.delete(Reader).where(Reader.user_id == user_id))


def forget(user_id: str) -> None:
    """Erase that somebody wanted the letter, with those that were sent or wait; the caller commits."""
    remove(user_id)
    model.Session.execute(sa.delete(Letter).where(Letter.user_id == user_id))


def last_moment(now: datetime) -> datetime:
    """Return the last moment at which letters were due, in the time zone of the portal.

    Args:
        now: with a time zone.
    """
    here = now.astimezone(dates.zone())
    days = (here.isoweekday() - config.letter_day()) % 7
    due = here.replace(hour=config.letter_hour(), minute=0, second=0, microsecond=0) - timedelta(days=days)
    return due if due <= here else due - WEEK


def write(now: datetime) -> int:
    """Put the letters into the outbox that are due and not written yet, and commit; return how many.

    Args:
        now: with a time zone.
    """
    until = last_moment(now)
    if now - until > LATEST:
        return 0
    written = sa.exists().where(Letter.user_id == Reader.user_id, Letter.until == until)
    due = sa.select(Reader.user_id).where(Reader.since < until, ~written)
    people = list(model.Session.scalars(due))
    if people:
        row = {"until": until, "status": PENDING, "attempts": 0, "next_try": now, "created": now, "error": ""}
        rows = insert(Letter).values([{"user_id": person, **row} for person in people])
        model.Session.execute(rows.on_conflict_do_nothing(constraint="uq_ecosphere_harvest_letter"))
        model.Session.execute(sa.delete(Letter).where(Letter.created < now - KEPT))
    model.Session.commit()
    return len(people)
