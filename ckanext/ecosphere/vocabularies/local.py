"""What the administrators of a portal changed in its lists, over what the package brings. Pure.

A change is a value under an area (``vocabulary:themes``) and a key (the id of a concept). Where changes are kept is
unknown here: whoever keeps them gives :func:`follow` a function that reads them. It is called again at most every
:data:`SECONDS`, when something of the lists is asked, so that every process, whatever it does, knows of a change.
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
"""Time for which what was read is in force without being looked at again."""

Changes = Mapping[str, Mapping[str, Any]]
"""Area → key → value."""
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
"""When to look next, on the clock `time.monotonic`."""


def follow(read: Callable[[], Changes | None] | None) -> None:
    """Take changes from a function, which returns None when there is nothing new; None stops that and forgets all."""
    _state["read"], _due[0] = read, 0.0 if read else math.inf
    if read is None:
        apply({})


def of(area: str) -> Mapping[str, Any]:
    """Return the changes of an area: key → value, in the order in which they were first made."""
    look()
    return _state["changes"].get(area, _NONE)


def look(now: bool = False) -> None:
    """Read the changes again when it is time to, or at once.

    Only one thread looks; the others go on with what is known.
    """
    if (not now and time.monotonic() < _due[0]) or _state["read"] is None or not _lock.acquire(blocking=False):
        return
    try:
        _due[0] = time.monotonic() + SECONDS
        if _state["again"]:
            # What a thread was deriving from the former lists while they changed.
            _state["again"] = False
            forget()
        changes = _state["read"]()
        if changes is not None:
            apply(changes)
    finally:
        _lock.release()


def apply(changes: Changes) -> None:
    """Put changes in force, and have what was derived from the lists derived again."""
    if changes != _state["changes"]:
        _state["changes"], _state["again"] = changes, True
        forget()


def forget() -> None:
    """Have what was derived from the lists derived again."""
    for clear in _forgetting:
        clear()


@contextmanager
def tried(area: str, key: str, value: Any) -> Iterator[None]:
    """Put a change in force in this process while a block runs, to see what it does; None takes the value away.

    For a worker's process: where several threads answer, all of them would try it.
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
    """Mark a function whose answers are kept (``functools.cache``) and rest on the lists: a change forgets them."""
    _forgetting.append(kept.cache_clear)
    due = _due  # asked for hundreds of times for each record of a harvest

    @wraps(kept)
    def asked(*args: Any) -> _AnswerT_co:
        if _clock() >= due[0]:
            look()
        return kept(*args)

    setattr(asked, "cache_clear", kept.cache_clear)  # noqa: B010 - for the type checker
    return asked  # pyright: ignore[reportReturnType]
