"""One database transaction around many CKAN actions.

CKAN's actions roll back the whole session when a dataset is not valid, and leave savepoints open. Here the session
joins a transaction that it does not own: each of its commits and rollbacks applies to a savepoint, so that a failing
record affects no other, and all the others are committed together at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ckan import model
from sqlalchemy.engine import Connection


class SessionReplacedError(RuntimeError):
    """Some code closed the session in the middle of the transaction."""


@contextmanager
def one_transaction() -> Iterator[Connection]:
    """Run a block in one transaction: committed at its end, rolled back on an exception.

    Within it, `model.Session.commit()` completes a record, and `model.Session.rollback()` undoes changes since then.
    """
    assert model.meta.engine is not None  # noqa: S101 - set when CKAN starts
    model.Session.remove()
    with model.meta.engine.connect() as connection, connection.begin():
        # No other transaction changes these rows, so objects need not be reloaded after a savepoint.
        # type: ignore for the keyword arguments, which scoped_session passes on to the session it creates
        model.Session(bind=connection, join_transaction_mode="create_savepoint", expire_on_commit=False)  # type: ignore[call-arg]
        try:
            yield connection
            ensure_joined(connection)
            model.Session.commit()
        finally:
            model.Session.remove()


def ensure_joined(connection: Connection) -> None:
    """Check that the session is still the one of the transaction.

    Raises:
        SessionReplacedError: it is another one, whose changes would not be part of the transaction.
    """
    if model.Session().bind is not connection:
        raise SessionReplacedError("a plugin closed the session while a record was saved")
