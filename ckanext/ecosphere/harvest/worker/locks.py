"""Names of the harvest locks; a process that is killed loses its locks, see `ckanext.ecosphere.shared.locks`."""

from __future__ import annotations

TURN = "harvest:turn"
"""The lock of the one worker that works, or rests after its work, while people use the portal."""


def source_lock(source_id: str) -> str:
    """The lock of whoever runs a job of this source."""
    return f"harvest:source:{source_id}"


def batch_lock(batch_id: int) -> str:
    """The lock of whoever imports and indexes this batch."""
    return f"harvest:batch:{batch_id}"
