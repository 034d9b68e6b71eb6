"""Who is away, and who stands in: what would reach an agent who is away reaches their substitute."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests.desk.tables import Absence
from ckanext.ecosphere.data_requests.domain import clock

#: Substitutes who are away themselves are passed over, so many at most.
LONGEST_CHAIN = 5
LONGEST_ABSENCE = timedelta(days=366)
#: How long before it begins an absence may be announced.
LONGEST_AHEAD = timedelta(days=731)
#: Absences that an agent may have announced at once.
MOST = 20


def current(user_ids: Iterable[str | None], day: date | None = None) -> dict[str, Absence]:
    """Return the absences of people that hold on a day (today when none is given), by the id of the person."""
    wanted, day = {each for each in user_ids if each}, day or clock.day_of(clock.now())
    if not wanted:
        return {}
    holds = (Absence.user_id.in_(wanted), Absence.first <= day, Absence.last >= day)
    # Of two that overlap, the one that ends last holds.
    return {
        each.user_id: each for each in model.Session.scalars(sa.select(Absence).where(*holds).order_by(Absence.last))
    }


def of_people(user_ids: Iterable[str]) -> list[Absence]:
    """Return the absences of people that are not over, the first to begin first."""
    today = clock.day_of(clock.now())
    query = sa.select(Absence).where(Absence.user_id.in_(list(user_ids)), Absence.last >= today)
    return list(model.Session.scalars(query.order_by(Absence.first, Absence.id)))


def stands_in(user_id: str, colleagues: set[str]) -> str:
    """Return who does today what a person would do: themselves, or the first substitute who is there.

    Args:
        user_id: the person.
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
    """Delete the absences of a person, and take them out of those of others; nothing is committed."""
    model.Session.execute(sa.update(Absence).where(Absence.substitute_id == user_id).values(substitute_id=None))
    return model.Session.execute(sa.delete(Absence).where(Absence.user_id == user_id)).rowcount  # pyright: ignore
