"""Changes that administrators of a portal made to its lists, on top of those of the package. No CKAN imports.

A change is a value under an area (``vocabulary:themes``) and a key (the id of a concept). This module does not store
changes: the module that does registers a function to read them with :func:`follow`. That function is called at most
every :data:`SECONDS`, when a list is used, so that changes reach every process.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

SECONDS = 2.0
"""Time for which changes are used without being read again."""

Changes = Mapping[str, Mapping[str, Any]]
"""{area: {key: value}}."""
_AnswerT_co = TypeVar("_AnswerT_co", covariant=True)
_NONE: Mapping[str, Any] = MappingProxyType({})


class _Kept(Protocol[_AnswerT_co]):
    def __call__(self, *args: Any) -> _AnswerT_co: ...

    def cache_clear(self) -> None: ...


_forgetting: list[Callable[[], None]] = []
_lock = threading.Lock()
_clock = time.monotonic
_state: dict[str, Any] = {"changes": {}, "read": None, "again": False}
_due = [math.inf]
"""Time of the next read, on the clock of `time.monotonic`."""


def follow(read: Callable[[], Changes | None] | None) -> None:
    """Read changes with this function, which returns None when there are no new ones; pass None to drop all changes."""
    _state["read"], _due[0] = read, 0.0 if read else math.inf
    if read is None:
        apply({})


def of(area: str) -> Mapping[str, Any]:
    """Return the changes of an area as {key: value}, in the order in which they were first made."""
    look()
    return _state["changes"].get(area, _NONE)


def look(now: bool = False) -> None:
    """Read the changes again if they are due, or at once with `now`.

    Only one thread reads; the others continue with the known changes.
    """
    if (not now and time.monotonic() < _due[0]) or _state["read"] is None or not _lock.acquire(blocking=False):
        return
    try:
        _due[0] = time.monotonic() + SECONDS
        if _state["again"]:
            # Discard what another thread derived from the previous lists while they changed.
            _state["again"] = False
            forget()
        changes = _state["read"]()
        if changes is not None:
            apply(changes)
    finally:
        _lock.release()


def apply(changes: Changes) -> None:
    """Set the changes, and clear the caches derived from the lists."""
    if changes != _state["changes"]:
        _state["changes"], _state["again"] = changes, True
        forget()


def forget() -> None:
    """Clear the caches of functions marked with :func:`derived`."""
    for clear in _forgetting:
        clear()


@contextmanager
def tried(area: str, key: str, value: Any) -> Iterator[None]:
    """Apply a change in this process for the duration of a block, to see its effects; None removes the value.

    For worker processes only: in a multi-threaded process, all threads would see the change.
    """
    read, before, due = _state["read"], _state["changes"], _due[0]
    kept = {each: known for each, known in before.get(area, {}).items() if each != key}
    _state["read"], _due[0] = None, math.inf
    apply({**before, area: kept if value is None else {**kept, key: value}})
    try:
        yield
    finally:
        apply(before)
        _state["read"], _due[0] = read, due


def derived(kept: _Kept[_AnswerT_co]) -> _Kept[_AnswerT_co]:
    """Mark a cached function (``functools.cache``) that depends on the lists: a change clears its cache."""
    _forgetting.append(kept.cache_clear)
    due = _due  # a local variable: used hundreds of times for each harvested record

    @wraps(kept)
    def asked(*args: Any) -> _AnswerT_co:
        if _clock() >= due[0]:
            look()
        return kept(*args)

    setattr(asked, "cache_clear", kept.cache_clear)  # noqa: B010 - for the type checker
    return asked  # pyright: ignore[reportReturnType]
