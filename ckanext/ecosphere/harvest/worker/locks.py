"""Names of the harvest locks; a process that is killed loses its locks, see `ckanext.ecosphere.shared.locks`."""

from __future__ import annotations

TURN = "harvest:turn"
"""Lock of the one worker that may work, or rests after its work, while people use the portal."""


def source_lock(source_id: str) -> str:
    """Return the name of the lock for running a job of this source."""
    return f"harvest:source:{source_id}"


def batch_lock(batch_id: int) -> str:
    """Return the name of the lock for importing and indexing this batch."""
    return f"harvest:batch:{batch_id}"
