"""What a line of the log belongs to: a request, a background job, a record of a harvest.

Ids are kept beside the work, not handed from function to function, and added to each line by
whoever writes the log (`operations.logs`). They name nobody: a request has a random id, a record
the identifier of its catalogue.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

from rq.job import get_current_job

REQUEST_HEADER = "X-Request-ID"
_WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}")
_ids: ContextVar[Mapping[str, str]] = ContextVar("ecosphere_log_ids", default=MappingProxyType({}))


@contextmanager
def about(**ids: str) -> Iterator[None]:
    """Add ids to the lines that are logged within the block, in this thread."""
    token = _ids.set({**_ids.get(), **ids})
    try:
        yield
    finally:
        _ids.reset(token)


def current() -> dict[str, str]:
    """Return the ids of what is being done: `request`, `record`, `job`, and `asked_by`,
    the request of the job.
    """
    ids = dict(_ids.get())
    job = get_current_job()
    if job is not None:
        ids["job"] = job.id
        if "request" in job.meta:
            ids["asked_by"] = job.meta["request"]
    return ids


def request_id(proposed: str | None) -> str:
    """Return the id of a request: the one that the proxy proposes if it is well-formed,
    else a random one.
    """
    if proposed and _WELL_FORMED.fullmatch(proposed):
        return proposed
    return uuid.uuid4().hex
