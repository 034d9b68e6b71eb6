"""What is made or looked up once for a page, though several of its parts ask for it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

from flask import has_request_context, request

from ckanext.ecosphere.shared import language

_KEPT = "ecosphere.once"
T = TypeVar("T")


def for_page(what: str, key: Hashable, make: Callable[[], T]) -> T:
    """Return what is made; anew each time in a request that may change something, and in no request.

    Args:
        what: names what is made, in the whole portal.
        key: of whom or what it is made; what else it rests on (the reader, the language) where a page may have several.
        make: makes it.
    """
    if not has_request_context() or request.method not in ("GET", "HEAD"):
        return make()
    kept: dict[Hashable, Any] = request.environ.setdefault(_KEPT, {})
    if (what, key) not in kept:
        kept[what, key] = make()
    return kept[what, key]


def of_dataset(what: str, dataset: Mapping[str, Any], make: Callable[[Mapping[str, Any]], T]) -> T:
    """Return what is made of a dataset in the language of the page, as `for_page`; two of one id are the same."""
    return for_page(what, (dataset.get("id"), language.current()), lambda: make(dataset))
