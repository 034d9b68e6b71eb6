"""Store the administrators' changes of lists, and load them in every process.

Each process compares the number of the last change, with one short query every two seconds at most, on its own
connection, see `vocabularies/local.py`. Changes are serialised by an advisory lock held until the transaction ends, so
that a process that has seen a number cannot miss an earlier change committed later.
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
"""Maximum number of values per area."""
_LOCK = 0x6563_6F6C_6973_7473  # "ecolists"
_seen: list[Any] = [None]


class FullError(Exception):
    """The area has reached its maximum number of values."""


class ChangedMeanwhileError(Exception):
    """The change cannot be undone, or the value was changed again since."""


def follow() -> None:
    """Load the stored changes into this process, now and whenever they change."""
    _seen[0] = None
    local.follow(read)


def read() -> local.Changes | None:
    """Return the changes in force; None if nothing changed since the last call or the database is unavailable."""
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
    """Return the value stored under a key, read from the database; None if there is none."""
    return model.Session.scalar(sa.select(LocalValue.value).filter_by(area=area, key=key))


def put(area: str, key: str, value: Any, person: str | None) -> JournalEntry | None:
    """Store a value, record the change in the journal, and commit.

    Args:
        area: the list.
        key: its entry.
        value: a JSON object, None to restore the package's default.
        person: id of the account.

    Returns:
        the journal entry, None if nothing changed.

    Raises:
        FullError: the area has reached its maximum number of values.
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
    """Undo a change of a list; the undoing is recorded as a change, too.

    Args:
        number: id of the journal entry.
        person: id of the account.

    Raises:
        ChangedMeanwhileError: there is no such change, or the value was changed again since.
    """
    entry = model.Session.get(JournalEntry, number)
    if entry is None or not journal.can_be_taken_back(entry) or value(entry.area, entry.key) != entry.after:
        raise ChangedMeanwhileError
    return put(entry.area, entry.key, entry.before, person)


def _held(area: str) -> int:
    query = sa.select(sa.func.count()).select_from(LocalValue).filter_by(area=area)
    return model.Session.scalar(query.where(LocalValue.value.is_not(None))) or 0
