"""Display names of users and services, and dates as ISO 8601 text, for answers of the API."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.data_requests.domain import clock

EMAIL = re.compile(r"\S@\S")


@dataclass
class Names:
    """Users and services by id, each read in one query, for their display names."""

    users: dict[str, model.User] = field(default_factory=dict)
    groups: dict[str, model.Group] = field(default_factory=dict)

    @classmethod
    def of(cls, users: Iterable[str | None], groups: Iterable[str | None]) -> Names:
        """Read these users and services."""
        return cls(
            {each.id: each for each in by_ids(model.User, users)},
            {each.id: each for each in by_ids(model.Group, groups)},
        )

    def group(self, group_id: str | None) -> dict[str, str] | None:
        """Return a service as {id, name, title}."""
        found = self.groups.get(group_id or "")
        return {"id": found.id, "name": found.name, "title": found.title or found.name} if found else None

    def person(self, user_id: str | None) -> str:
        """Return the display name of a user, "" when the account no longer exists."""
        found = self.users.get(user_id or "")
        return person_name(found) if found else ""


def person_name(user: model.User) -> str:
    """Return the full name of a user, or the account name where the full name contains an e-mail address."""
    return user.name if EMAIL.search(user.display_name) else user.display_name


def by_ids(table: Any, ids: Iterable[Any]) -> Sequence[Any]:
    """Return the rows with these ids."""
    wanted = {each for each in ids if each}
    return model.Session.scalars(sa.select(table).where(table.id.in_(wanted))).all() if wanted else []


def iso(value: date | datetime | None) -> str | None:
    """Return a date or datetime in ISO 8601."""
    return value.isoformat() if value else None


def iso_for(value: date | datetime | None, exact: bool) -> str | None:
    """Return a date or datetime in ISO 8601; only the day in Paris of a datetime unless `exact`.

    Exact times, compared with the list of accounts, would reveal who made a request.
    """
    return iso(clock.day_of(value) if isinstance(value, datetime) and not exact else value)
