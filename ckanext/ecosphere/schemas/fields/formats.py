"""Guess the format of a resource from its URL or media type, with the vocabulary of formats."""

from __future__ import annotations

from functools import cache
from typing import Any
from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.shared.http_guard import taken_apart


@cache
def _by(part: str) -> dict[str, str]:
    """Return the ids of formats by "extensions" or "media_type", without values shared by several formats."""
    found: dict[str, set[str]] = {}
    for concept in voc.get("format"):
        values = concept.data[part]
        for value in [values] if isinstance(values, str) else values:
            found.setdefault(value, set()).add(concept.id)
    return {value: next(iter(ids)) for value, ids in found.items() if value and len(ids) == 1}


def ecosphere_guess_format(key: Any, data: dict[Any, Any], errors: Any, context: Any) -> None:
    """Set a missing format from the extension of the URL, and replace a media type by its format.

    CKAN's own guess, which runs later, yields media types, and "GeoPackage" reads better than
    "application/geopackage+sqlite3". A missing format of an existing resource is left as it is.
    """
    value = data.get(key)
    if isinstance(value, str) and value.strip():
        data[key] = _by("media_type").get(value.strip().lower(), value)
        return
    if data.get((*key[:-1], "id")):
        return
    path = taken_apart(str(data.get((*key[:-1], "url")) or "")).path
    known = _by("extensions").get(path.rpartition("/")[2].rpartition(".")[2].lower()) if "." in path else None
    if known:
        data[key] = known


def ecosphere_address_to_guess_from(key: Any, data: dict[Any, Any], errors: Any, context: Any) -> None:
    """Stop validation before CKAN guesses the format from an invalid URL, which would be an internal error.

    Raises:
        StopOnError: the URL cannot be parsed.
    """
    try:
        urlsplit(str(data.get((*key[:-1], "url")) or ""))
    except ValueError:
        raise tk.StopOnError from None
