"""Classes of attack, outcomes of their attempts, and results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

#: Limits: longest answer, in seconds on an idle machine, and largest process, in bytes.
SLOWEST_SECONDS = 2.0
WORKER_BYTES = 500_000_000


@dataclass(frozen=True)
class Outcome:
    """Outcome of one attempt.

    Attributes:
        what: the attempt, precise enough to repeat it.
        through: whether it succeeded.
        detail: what was observed if it did.
    """

    what: str
    through: bool
    detail: str = ""


@dataclass(frozen=True)
class Attack:
    """A class of attack.

    Attributes:
        name: name, as in `CLASS=`.
        promise: what holds if no attempt succeeds.
        attempts: makes the attempts on a stage and yields an outcome for each.
    """

    name: str
    promise: str
    attempts: Callable[[Any], Iterator[Outcome]]


@dataclass
class Result:
    """Result of a class of attack.

    Attributes:
        name: name of the class.
        attempts: number of attempts made.
        through: the attempts that succeeded.
        slowest: cost of the slowest answer, in seconds, and its request.
        worst_bytes: memory of the largest process meanwhile.
        failure: error that ended the class early; empty if there was none.
    """

    name: str
    attempts: int = 0
    through: list[Outcome] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    worst_bytes: int = 0
    failure: str = ""

    @property
    def good(self) -> bool:
        """Whether attempts were made, none succeeded, and none was too slow or took too much memory."""
        measured = self.slowest[0] <= SLOWEST_SECONDS and self.worst_bytes <= WORKER_BYTES
        return bool(self.attempts) and not self.through and not self.failure and measured
