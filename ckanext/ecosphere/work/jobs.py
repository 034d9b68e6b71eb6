"""Background jobs that wait at most once, and are queued again when they were lost.

RQ runs them. Its queue is no store: it may be emptied, or restored to an earlier state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ckanext.ecosphere.shared.locks import is_free
from ckanext.ecosphere.shared.queue import enqueue_once, waits


@dataclass(frozen=True, kw_only=True)
class Job:
    """A background job.

    Attributes:
        name: its id in RQ.
        function: dotted path of the function that does it.
        title: what it does, for people.
        queue: name of its queue.
        seconds: RQ's time limit; None for the default of CKAN.
        has_work: whether there is something to do, for a job that is to be queued again; None for any other.
        lock: name of the lock that the function holds, if only one process may do it.
        arguments: arguments of the function, unless `enqueue` is given others.
    """

    name: str
    function: str
    title: str
    queue: str
    seconds: int | None = None
    has_work: Callable[[], bool] | None = None
    lock: str = ""
    arguments: tuple[Any, ...] = ()

    def enqueue(self, *arguments: Any) -> bool:
        """Queue the job, unless it waits already; return whether it waits now (not while Redis is down)."""
        options = {} if self.seconds is None else {"timeout": self.seconds}
        return enqueue_once(
            self.function,
            arguments or self.arguments,
            job_id=self.name,
            title=self.title,
            queue=self.queue,
            **options,
        )

    def waits(self) -> bool:
        """Return whether the job is waiting in its queue.

        Raises:
            RedisError: Redis is down.
        """
        return waits(self.name, self.queue)

    def is_needed(self) -> bool:
        """Return whether there is something to do."""
        return self.has_work is not None and self.has_work()

    def recover(self) -> list[str]:
        """Queue the job if there is something to do, and it neither waits nor runs; return its title if so.

        Raises:
            RedisError: Redis is down.
        """
        if not self.is_needed() or self.waits():
            return []
        if self.lock and not is_free(self.lock):
            return []
        self.enqueue()
        return [self.title]
