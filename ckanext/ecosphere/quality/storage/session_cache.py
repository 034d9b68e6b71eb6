"""The badge that a save just wrote, for the index that is told in the same transaction.

A badge is believed only within the very transaction (or savepoint) that wrote it: once that one is committed or undone,
the database is asked.
"""

from __future__ import annotations

from typing import Any

from ckan import model

from ckanext.ecosphere.quality.reports.badge import Badge

_KEY = "ecosphere_quality_fresh"


def note(package_id: str, badge: Badge) -> None:
    """Note the badge that the transaction in progress just wrote; only the last dataset is remembered."""
    model.Session().info[_KEY] = (_transaction(), package_id, badge)


def forget() -> None:
    """Forget what was noted, after rows were written another way."""
    model.Session().info.pop(_KEY, None)


def of(package_id: str) -> Badge | None:
    """Return the badge that the transaction in progress wrote last, None when that was about another dataset."""
    transaction, noted, badge = model.Session().info.get(_KEY, (None, None, None))
    return badge if noted == package_id and transaction is not None and transaction is _transaction() else None


def _transaction() -> Any:
    session = model.Session()
    return session.get_nested_transaction() or session.get_transaction()
