"""What is looked up once for a page, though each of its parts asks for it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

from flask import has_request_context, request

_KEPT = "ecosphere.requests.once"
T = TypeVar("T")


def for_page(key: Hashable, look_up: Callable[[], T]) -> T:
    """Return what is looked up; anew each time in a request that may change something, and in no request.

    Args:
        key: names it within the room.
        look_up: finds it.
    """
    if not has_request_context() or request.method not in ("GET", "HEAD"):
        return look_up()
    kept = request.environ.setdefault(_KEPT, {})
    if key not in kept:
        kept[key] = look_up()
    return kept[key]
