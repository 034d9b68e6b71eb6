"""Subscriptions to the letter about the sources, and its schedule."""

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

PERIODS = {"week": timedelta(weeks=1), "day": timedelta(days=1)}
LATEST = {"week": timedelta(days=3), "day": timedelta(hours=12)}
"""Maximum delay of a letter; later, it is skipped in favour of the next one."""
KEPT = timedelta(days=90)
"""How long letters are kept."""


def are_offered() -> bool:
    """Tell whether the portal sends letters about the sources."""
    return config.letter_period() in PERIODS and sending.is_configured()


def period() -> timedelta:
    """Return the time that a letter covers."""
    return PERIODS[config.letter_period()]


def wants(user_id: str) -> bool:
    """Tell whether a user is subscribed to the letter."""
    return model.Session.get(Reader, user_id) is not None


def add(user_id: str, language: str) -> None:
    """Subscribe a user to the letter, in a language; the caller commits."""
    query = insert(Reader).values(user_id=user_id, language=language, since=sa.func.now())
    model.Session.execute(query.on_conflict_do_update(index_elements=["user_id"], set_={"language": language}))


def remove(user_id: str) -> None:
    """Unsubscribe a user from the letter; the caller commits."""
    model.Session.execute(sa.delete(Reader).where(Reader.user_id == user_id))


def forget(user_id: str) -> None:
    """Delete the subscription of a user, and all letters to them; the caller commits."""
    remove(user_id)
    model.Session.execute(sa.delete(Letter).where(Letter.user_id == user_id))


def last_moment(now: datetime) -> datetime:
    """Return the last time at which letters were due, in the portal's time zone.

    Args:
        now: with a time zone.
    """
    here = now.astimezone(dates.zone())
    due = here.replace(hour=config.letter_hour(), minute=0, second=0, microsecond=0)
    if config.letter_period() == "week":
        due -= timedelta(days=(here.isoweekday() - config.letter_day()) % 7)
    return due if due <= here else due - period()


def write(now: datetime) -> int:
    """Add the letters that are due and not yet created to the outbox, commit, and return their number.

    Args:
        now: with a time zone.
    """
    until = last_moment(now)
    if now - until > LATEST[config.letter_period()]:
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
