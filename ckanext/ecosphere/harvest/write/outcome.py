"""Outcome of importing one record, in the terms of ckanext-harvest's reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ADDED, UPDATED, UNCHANGED, ERRORED = "added", "updated", "not modified", "errored"
"""What ckanext-harvest's reports call the outcomes."""
IMPORT_LOG = "ecosphere"
"""Key of the extra of a harvest object that tells what the rules did."""


@dataclass(slots=True)
class Outcome:
    """What became of one object.

    Attributes:
        status: one of the outcomes above.
        message: why it failed, or what else is to be told; one sentence.
        import_log: what the rules decided, reported and found no place for.
    """

    object_id: str
    guid: str
    position: int
    status: str = ERRORED
    package_id: str | None = None
    message: str = ""
    import_log: dict[str, Any] = field(default_factory=dict)

    @property
    def written(self) -> bool:
        """Whether a dataset was created or updated."""
        return self.status in {ADDED, UPDATED}
