"""States of a need on a site: a closed list, and how one is concluded from evidence.

Absence is never concluded from an empty or failed answer: `NOTHING_HERE` needs an answered count on
the site, from a dataset whose extent contains it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

COVERS = "covers"
COVERS_PART = "covers-part"
NOTHING_HERE = "nothing-here"
NOT_MAPPED = "not-mapped"
RESTRICTED = "restricted"
NO_ANSWER = "no-answer"
NOBODY = "nobody"
REQUESTED = "requested"
NOT_RELEVANT = "not-relevant"


@dataclass(frozen=True)
class Finding:
    """What is known of one dataset, or of one need, on a site.

    Attributes:
        state: one of the above; `states` in `data/messages.yaml` has their names.
        code: key of the sentence that says why (`findings` in `data/messages.yaml`), with `params`.
        extent: how the extent of the dataset is known, from the surest: territory, geometry, box,
            title, unknown; "" without a dataset.
        share: share of the site that the extent contains, 0 to 1.
        count: objects counted on the site, None if they were not counted.
        nearest: metres to the nearest object, at most 20 000, None if not known.
        at: ISO moment (UTC) of the evidence.
        attempts: how often the service was asked.
    """

    state: str
    code: str
    params: dict[str, Any] = field(default_factory=dict)
    extent: str = ""
    share: float = 0.0
    count: int | None = None
    nearest: float | None = None
    at: str = ""
    attempts: int = 0
