"""Subscriptions to the letter about the sources, and its schedule."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.model import Reader
from ckanext.ecosphere.harvest.worker.queue import QUEUE
from ckanext.ecosphere.shared import dates
from ckanext.ecosphere.shared.mailing import sending
from ckanext.ecosphere.work.model import Work
from ckanext.ecosphere.work.outbox import Outbox

PERIODS = {"week": timedelta(weeks=1), "day": timedelta(days=1)}
LATEST = {"week": timedelta(days=3), "day": timedelta(hours=12)}
"""Maximum delay of a letter; later, it is skipped in favour of the next one."""
OUTBOX = Outbox(
    name="ecosphere-harvest-letters",
    function="ckanext.ecosphere.harvest.letter.letters.deliver",
    title="Harvest: letters about the sources",
    queue=QUEUE,
    kept=timedelta(days=90),
)
"""The letters. Their key is the time at which they are due, in UTC; the content is compiled when they are sent."""


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
    OUTBOX.forget([user_id])


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
    key = until.astimezone(timezone.utc).isoformat()
    written = sa.exists().where(OUTBOX.rows, Work.recipient == Reader.user_id, Work.key == key)
    due = sa.select(Reader.user_id).where(Reader.since < until, ~written)
    added = OUTBOX.add({"recipient": user_id, "key": key} for user_id in model.Session.scalars(due))
    if added:
        OUTBOX.purge()
    model.Session.commit()
    return len(added)
