"""What an attack is and what comes of an attempt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

#: Longest answer, in seconds of an unloaded machine, and largest worker, in bytes.
SLOWEST_SECONDS = 2.0
WORKER_BYTES = 500_000_000


@dataclass(frozen=True)
class Outcome:
    """What came of one attempt.

    Attributes:
        what: the attempt, precise enough to repeat it.
        through: whether it got through.
        detail: what was seen when it did.
    """

    what: str
    through: bool
    detail: str = ""


@dataclass(frozen=True)
class Attack:
    """A class of attack.

    Attributes:
        name: as `CLASS=` takes it.
        promise: what holds when nothing gets through.
        attempts: makes the attempts on a stage, one outcome each.
    """

    name: str
    promise: str
    attempts: Callable[[Any], Iterator[Outcome]]


@dataclass
class Result:
    """What came of a class.

    Attributes:
        name: of the class.
        attempts: how many were made.
        through: the attempts that got through.
        slowest: costliest answer in seconds, and the question.
        worst_bytes: largest worker seen meanwhile.
        failure: why the class could not be carried out to its end, empty when it could.
    """

    name: str
    attempts: int = 0
    through: list[Outcome] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    worst_bytes: int = 0
    failure: str = ""

    @property
    def good(self) -> bool:
        """Whether the portal withstood: attempts were made, none got through, none was slow or heavy."""
        measured = self.slowest[0] <= SLOWEST_SECONDS and self.worst_bytes <= WORKER_BYTES
        return bool(self.attempts) and not self.through and not self.failure and measured
