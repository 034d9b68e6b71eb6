"""What the administrators of a portal changed in its lists, over what the package brings. Pure.

A change is a value under an area (``vocabulary:themes``) and a key (the id of a concept). Where changes are kept is
unknown here: whoever keeps them gives :func:`follow` a function that reads them. It is called again at most every
:data:`SECONDS`, when something of the lists is asked, so that every process, whatever it does, knows of a change.
"""

from __future__ import annotations

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
_state: dict[str, Any] = {"changes": {}, "read": None, "next": 0.0}


def follow(read: Callable[[], Changes | None] | None) -> None:
    """Take changes from a function, which returns None when there is nothing new; None stops that and forgets all."""
    _state["read"], _state["next"] = read, 0.0
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
    if _state["read"] is None or (not now and time.monotonic() < _state["next"]) or not _lock.acquire(blocking=False):
        return
    try:
        _state["next"] = time.monotonic() + SECONDS
        changes = _state["read"]()
        if changes is not None:
            apply(changes)
    finally:
        _lock.release()


def apply(changes: Changes) -> None:
    """Put changes in force, and have what was derived from the lists derived again."""
    if changes != _state["changes"]:
        _state["changes"] = changes
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
    read, before = _state["read"], _state["changes"]
    kept = {each: known for each, known in before.get(area, {}).items() if each != key}
    _state["read"] = None
    apply({**before, area: kept if value is None else {**kept, key: value}})
    try:
        yield
    finally:
        apply(before)
        _state["read"] = read


def derived(kept: _Kept[_AnswerT_co]) -> _Kept[_AnswerT_co]:
    """Mark a function whose answers are kept (``functools.cache``) and rest on the lists: a change forgets them."""
    _forgetting.append(kept.cache_clear)

    @wraps(kept)
    def asked(*args: Any) -> _AnswerT_co:
        look()
        return kept(*args)

    setattr(asked, "cache_clear", kept.cache_clear)  # noqa: B010 - for the type checker
    return asked  # pyright: ignore[reportReturnType]
