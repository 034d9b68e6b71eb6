"""Outcome of importing one record, in the terms of ckanext-harvest's reports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ADDED, UPDATED, UNCHANGED, ERRORED = "added", "updated", "not modified", "errored"
"""Outcomes, as named in ckanext-harvest's reports."""
IMPORT_LOG = "ecosphere"
"""Key of the harvest object extra with the log of the rules."""


@dataclass(slots=True)
class Outcome:
    """Outcome for one harvest object.

    Attributes:
        status: one of the outcomes above.
        message: the reason of a failure, or another remark; one sentence.
        import_log: decisions and problems of the rules, and values without a place.
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
