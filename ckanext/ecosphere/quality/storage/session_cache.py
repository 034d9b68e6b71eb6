"""Cache of the badge just written by a save, for indexing in the same transaction.

It is valid only within the transaction (or savepoint) that wrote it; afterwards the database is queried.
"""

from __future__ import annotations

from typing import Any

from ckan import model

from ckanext.ecosphere.quality.reports.badge import Badge

_KEY = "ecosphere_quality_fresh"


def note(package_id: str, badge: Badge) -> None:
    """Store the badge just written by the current transaction; only the last dataset is kept."""
    model.Session().info[_KEY] = (_transaction(), package_id, badge)


def forget() -> None:
    """Clear the cache, after rows were written in another way."""
    model.Session().info.pop(_KEY, None)


def of(package_id: str) -> Badge | None:
    """Return the badge last written by the current transaction, None if it was for another dataset."""
    transaction, noted, badge = model.Session().info.get(_KEY, (None, None, None))
    return badge if noted == package_id and transaction is not None and transaction is _transaction() else None


def _transaction() -> Any:
    session = model.Session()
    return session.get_nested_transaction() or session.get_transaction()
