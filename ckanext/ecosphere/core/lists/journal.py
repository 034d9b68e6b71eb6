"""Append-only journal of administrative changes: who changed what, and when.

It records administrators' decisions (lists, weights, settings, roles, contact sheets of services), never what people
write in requests, searches or profiles. People are stored by account id: names are looked up when the journal is
shown, so that a name disappears with its account.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.core.lists.model import JournalEntry
from ckanext.ecosphere.vocabularies import overlay

LISTS = ("vocabulary:", "search:everyday")
"""Prefixes of the areas whose changes are stored in `LocalValue` and can be undone."""
LONGEST_TOLD = 500
"""Maximum characters of a setting's value in the journal."""


def note(area: str, key: str, before: Any, after: Any, person: str | None) -> JournalEntry:
    """Add an entry to the caller's transaction and return it with its id."""
    entry = JournalEntry(area=area, key=key, before=before, after=after, person=person)
    model.Session.add(entry)
    model.Session.flush()
    return entry


def insert(connection: Any, area: str, key: str, *, before: Any, after: Any, person: str | None) -> None:
    """Add an entry through a connection, for use while a session is being flushed."""
    table: Any = JournalEntry.__table__
    connection.execute(table.insert().values(area=area, key=key, before=before, after=after, person=person))


def shortened(value: Any) -> Any:
    """Return a value as stored in the journal: long texts are cut."""
    text = value if isinstance(value, str | int | float | bool | None) else str(value)
    return f"{text[:LONGEST_TOLD]}…" if isinstance(text, str) and len(text) > LONGEST_TOLD else text


def count(areas: Iterable[str] = ()) -> int:
    """Return the number of entries, of some areas or of all."""
    return model.Session.scalar(_of(sa.select(sa.func.count()).select_from(JournalEntry), areas)) or 0


def page(number: int, size: int, areas: Iterable[str] = ()) -> list[JournalEntry]:
    """Return a page of entries, latest first.

    Args:
        number: page number, from 1.
        size: entries per page.
        areas: prefixes of areas; all when empty.
    """
    query = _of(sa.select(JournalEntry), areas).order_by(JournalEntry.id.desc())
    return list(model.Session.scalars(query.offset((number - 1) * size).limit(size)))


def all_entries(most: int) -> Iterator[tuple[int, datetime, str | None, str, str, Any, Any]]:
    """Yield the latest entries: id, time, person, area, key, before, after."""
    table: Any = JournalEntry.__table__
    query = sa.select(table).order_by(table.c.id.desc()).limit(most)
    for row in model.Session.execute(query):
        yield row.id, row.at, row.person, row.area, row.key, row.before, row.after


def names(people: Iterable[str | None]) -> dict[str, str]:
    """Return the names of accounts by id; deleted accounts are left out."""
    ids = {each for each in people if each}
    if not ids:
        return {}
    user: Any = model.User
    rows = model.Session.execute(sa.select(user.id, user.fullname, user.name).where(user.id.in_(ids)))
    return {id_: fullname or name for id_, fullname, name in rows}


def _of(query: Any, areas: Iterable[str]) -> Any:
    wanted = [JournalEntry.area.startswith(area, autoescape=True) for area in areas]
    return query.where(sa.or_(*wanted)) if wanted else query


def can_be_taken_back(entry: JournalEntry) -> bool:
    """Return whether a change can be undone; an added term cannot, since datasets may use it: withdraw it instead."""
    added = entry.area.startswith(overlay.AREA) and entry.before is None and (entry.after or {}).get("uri")
    return entry.area.startswith(LISTS) and not added
