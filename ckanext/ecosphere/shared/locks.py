"""Cross-process locks that are released when their process ends, however it ends: PostgreSQL
advisory locks.

Session-level locks need their own connection while they are held. A pooler in transaction mode,
such as PgBouncer's, would lose them: connect CKAN's workers to PostgreSQL directly.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

import sqlalchemy as sa
from ckan import model
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

PAUSE = 0.1
"""Seconds between attempts to take a lock."""


class LockLostError(Exception):
    """The connection that held the lock is gone, so another process may hold it now."""


def _key(name: str) -> int:
    digest = hashlib.sha256(f"ecosphere:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


class Locks:
    """Exclusive locks held through one connection.

    A context manager that releases them at its end.
    """

    def __init__(self) -> None:
        self._connection: Connection | None = None
        self._held: set[str] = set()

    def __enter__(self) -> Locks:
        assert model.meta.engine is not None  # noqa: S101 - set when CKAN starts
        self._connection = model.meta.engine.connect().execution_options(
            isolation_level="AUTOCOMMIT"
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            connection.execute(sa.text("SELECT pg_advisory_unlock_all()"))
        except DBAPIError:
            connection.invalidate()  # the server already released them
        connection.close()

    def take(self, name: str) -> bool:
        """Take a lock if it is free.

        Raises:
            LockLostError: the connection is gone.
        """
        if name in self._held:
            return True
        taken = bool(self._ask("SELECT pg_try_advisory_lock(:key)", name))
        if taken:
            self._held.add(name)
        return taken

    def release(self, name: str) -> None:
        """Release a lock."""
        self._held.discard(name)
        self._ask("SELECT pg_advisory_unlock(:key)", name)

    def check(self) -> None:
        """Check that the locks are still held.

        Raises:
            LockLostError: the connection is gone.
        """
        self._ask("SELECT CAST(:key AS bigint)", "")

    def _ask(self, statement: str, name: str) -> object:
        if self._connection is None:
            raise LockLostError
        try:
            return self._connection.execute(sa.text(statement), {"key": _key(name)}).scalar()
        except DBAPIError as error:
            raise LockLostError from error


@contextmanager
def alone(name: str, seconds: float) -> Iterator[bool]:
    """Hold a lock for a block, after waiting at most `seconds` for it; yield whether it is held."""
    with Locks() as locks:
        last = time.monotonic() + seconds
        while not (taken := locks.take(name)) and time.monotonic() < last:
            time.sleep(PAUSE)
        yield taken


def is_free(name: str) -> bool:
    """Return whether a lock is currently not held."""
    with Locks() as locks:
        return locks.take(name)
