"""Absences of agents and their substitutes, who get what would reach an absent agent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests.desk.tables import Absence
from ckanext.ecosphere.data_requests.domain import clock

#: Maximum number of successive substitutes, where a substitute is also absent.
LONGEST_CHAIN = 5
LONGEST_ABSENCE = timedelta(days=366)
#: Maximum time between today and the first day of an absence.
LONGEST_AHEAD = timedelta(days=731)
#: Maximum number of current and future absences of an agent.
MOST = 20


def current(user_ids: Iterable[str | None], day: date | None = None) -> dict[str, Absence]:
    """Return the absences of users on a day (by default today), by id of the user."""
    wanted, day = {each for each in user_ids if each}, day or clock.day_of(clock.now())
    if not wanted:
        return {}
    holds = (Absence.user_id.in_(wanted), Absence.first <= day, Absence.last >= day)
    # If absences overlap, the one that ends last is kept.
    return {
        each.user_id: each for each in model.Session.scalars(sa.select(Absence).where(*holds).order_by(Absence.last))
    }


def of_people(user_ids: Iterable[str]) -> list[Absence]:
    """Return the current and future absences of users, by first day."""
    today = clock.day_of(clock.now())
    query = sa.select(Absence).where(Absence.user_id.in_(list(user_ids)), Absence.last >= today)
    return list(model.Session.scalars(query.order_by(Absence.first, Absence.id)))


def stands_in(user_id: str, colleagues: set[str]) -> str:
    """Return who replaces a user today: the first substitute who is present, or the user themselves.

    Args:
        user_id: the user.
        colleagues: editors of the service; a substitute who has left it does not count.
    """
    seen, here = {user_id}, user_id
    for _step in range(LONGEST_CHAIN):
        absence = current([here]).get(here)
        if absence is None:
            return here
        following = absence.substitute_id
        if not following or following in seen or following not in colleagues:
            break
        seen.add(following)
        here = following
    return user_id


def forget(user_id: str) -> int:
    """Delete the absences of a user, and the user as substitute in others, without committing."""
    model.Session.execute(sa.update(Absence).where(Absence.substitute_id == user_id).values(substitute_id=None))
    return model.Session.execute(sa.delete(Absence).where(Absence.user_id == user_id)).rowcount  # pyright: ignore
