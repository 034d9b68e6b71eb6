"""Keep what administrators change in lists, and have every process read it.

The number of the last change is looked at with one short query every two seconds at most, on a connection of its own,
see `vocabularies/local.py`. Changes are made one after the other (an advisory lock until the transaction ends), so
that a number that was seen never hides an earlier one that was not committed yet.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy.exc import SQLAlchemyError

from ckanext.ecosphere.core.lists import journal
from ckanext.ecosphere.core.lists.model import JournalEntry, LocalValue
from ckanext.ecosphere.vocabularies import local, overlay

log = logging.getLogger(__name__)

MOST = 1_000
"""Values that an area holds, at most."""
_LOCK = 0x6563_6F6C_6973_7473  # "ecolists"
_seen: list[Any] = [None]


class FullError(Exception):
    """An area holds as much as it may."""


class ChangedMeanwhileError(Exception):
    """What is to be taken back was changed again since, or cannot be taken back."""


def follow() -> None:
    """Put what is kept in force in this process, now and whenever it changes."""
    _seen[0] = None
    local.follow(read)


def read() -> local.Changes | None:
    """Return what is in force, None when nothing changed since the last time or the database does not tell."""
    engine = model.meta.engine
    if engine is None:
        return None
    table: Any = LocalValue.__table__
    try:
        with engine.connect() as connection:
            state = connection.execute(sa.select(sa.func.count(), sa.func.max(table.c.number))).one()
            if tuple(state) == _seen[0]:
                return None
            columns = (table.c.area, table.c.key, table.c.value)
            query = sa.select(*columns).where(table.c.value.is_not(None)).order_by(table.c.made, table.c.key)
            rows = connection.execute(query).all()
    except SQLAlchemyError as error:
        log.debug("The lists of the portal cannot be read: %s", error)
        return None
    _seen[0] = tuple(state)
    changes: dict[str, dict[str, Any]] = defaultdict(dict)
    for area, key, value in rows:
        changes[area][key] = value
    return dict(changes)


def value(area: str, key: str) -> Any:
    """Return what is kept under a key, as the database has it now; None for nothing."""
    return model.Session.scalar(sa.select(LocalValue.value).filter_by(area=area, key=key))


def put(area: str, key: str, value: Any, person: str | None) -> JournalEntry | None:
    """Keep a value, note the change in the journal, and commit.

    Args:
        area: list that is changed.
        key: what of it.
        value: a JSON object, None to go back to what the package brings.
        person: id of the account.

    Returns:
        the entry of the journal, None when nothing changed.

    Raises:
        FullError: the area holds as much as it may.
    """
    model.Session.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    row = model.Session.get(LocalValue, (area, key), populate_existing=True)
    before = row.value if row is not None else None
    if before == value:
        model.Session.commit()
        return None
    if before is None and value is not None and _held(area) >= MOST:
        model.Session.rollback()
        raise FullError
    entry = journal.note(area, key, before, value, person)
    if row is None:
        row = LocalValue(area=area, key=key, made=entry.id)
        model.Session.add(row)
    row.value, row.number = value, entry.id
    model.Session.commit()
    local.look(now=True)
    return entry


def take_back(number: int, person: str | None) -> JournalEntry | None:
    """Undo a change of a list, as a change of its own.

    Args:
        number: of the entry of the journal.
        person: id of the account.

    Raises:
        ChangedMeanwhileError: there is no such change, or it was changed again since.
    """
    entry = model.Session.get(JournalEntry, number)
    if entry is None or not can_be_taken_back(entry) or value(entry.area, entry.key) != entry.after:
        raise ChangedMeanwhileError
    return put(entry.area, entry.key, entry.before, person)


def can_be_taken_back(entry: JournalEntry) -> bool:
    """Whether a change is one of the lists; a term that was added is withdrawn instead, datasets may have it."""
    added = entry.area.startswith(overlay.AREA) and entry.before is None and (entry.after or {}).get("uri")
    return entry.area.startswith(journal.LISTS) and not added


def _held(area: str) -> int:
    query = sa.select(sa.func.count()).select_from(LocalValue).filter_by(area=area)
    return model.Session.scalar(query.where(LocalValue.value.is_not(None))) or 0
