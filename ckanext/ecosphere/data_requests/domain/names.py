"""Names of people and services, and days and moments as text, for what the API shows."""

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
    """Names of people, services and datasets, read in one query each."""

    users: dict[str, model.User] = field(default_factory=dict)
    groups: dict[str, model.Group] = field(default_factory=dict)

    @classmethod
    def of(cls, users: Iterable[str | None], groups: Iterable[str | None]) -> Names:
        """Read the names of these people and services."""
        return cls(
            {each.id: each for each in by_ids(model.User, users)},
            {each.id: each for each in by_ids(model.Group, groups)},
        )

    def group(self, group_id: str | None) -> dict[str, str] | None:
        """A service as {id, name, title}."""
        found = self.groups.get(group_id or "")
        return {"id": found.id, "name": found.name, "title": found.title or found.name} if found else None

    def person(self, user_id: str | None) -> str:
        """Name of a person, "" when there is none any more."""
        found = self.users.get(user_id or "")
        return person_name(found) if found else ""


def person_name(user: model.User) -> str:
    """Return the name of a person; that of the account where the full name gives an e-mail address away."""
    return user.name if EMAIL.search(user.display_name) else user.display_name


def by_ids(table: Any, ids: Iterable[Any]) -> Sequence[Any]:
    """Return the rows with these ids."""
    wanted = {each for each in ids if each}
    return model.Session.scalars(sa.select(table).where(table.id.in_(wanted))).all() if wanted else []


def iso(value: date | datetime | None) -> str | None:
    """A day or moment as text."""
    return value.isoformat() if value else None


def iso_for(value: date | datetime | None, exact: bool) -> str | None:
    """Return a day or moment as text; of moments that not everyone may know exactly, the day in Paris.

    Beside the list of accounts, moments of requests would tell whose they are.
    """
    return iso(clock.day_of(value) if isinstance(value, datetime) and not exact else value)
