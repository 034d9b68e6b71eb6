"""What happens once: values that several parts of a page need,
and registration with SQLAlchemy's events.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

from flask import has_request_context, request
from sqlalchemy import event

from ckanext.ecosphere.shared import language

_KEPT = "ecosphere.once"
T = TypeVar("T")


def for_page(what: str, key: Hashable, make: Callable[[], T]) -> T:
    """Return a value from the cache of a read-only request; compute it each time in other requests
    and outside of one.

    Args:
        what: name of the value, unique in the portal.
        key: its subject, and whatever else it depends on that may vary within a page (reader,
            language).
        make: computes it.
    """
    if not has_request_context() or request.method not in ("GET", "HEAD"):
        return make()
    cache: dict[Hashable, Any] = request.environ.setdefault(_KEPT, {})
    if (what, key) not in cache:
        cache[what, key] = make()
    return cache[what, key]


def listen(target: Any, **listeners: Callable[..., Any]) -> None:
    """Register listeners of SQLAlchemy, by the name of their event.

    Repeated calls have no effect.
    """
    for name, listener in listeners.items():
        if not event.contains(target, name, listener):
            event.listen(target, name, listener)


def of_dataset(what: str, dataset: Mapping[str, Any], make: Callable[[Mapping[str, Any]], T]) -> T:
    """Return a value derived from a dataset in the language of the page,
    cached by dataset id as in `for_page`.
    """
    return for_page(what, (dataset.get("id"), language.current()), lambda: make(dataset))
