"""Validators that set the format of a resource from its media type or URL."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.dataset import links


def ecosphere_guess_format(key: Any, data: dict[Any, Any], errors: Any, context: Any) -> None:
    """Set a missing format from the extension of the URL, and replace a media type by its format.

    CKAN's own guess, which runs later, yields media types, and "GeoPackage" reads better than
    "application/geopackage+sqlite3". A missing format of an existing resource is left as it is.
    """
    value = data.get(key)
    if isinstance(value, str) and value.strip():
        concept = links.format_of_media_type(value)
        data[key] = concept.id if concept else value
        return
    if data.get((*key[:-1], "id")):
        return
    concept = links.format_of_file(str(data.get((*key[:-1], "url")) or ""))
    if concept:
        data[key] = concept.id


def ecosphere_address_to_guess_from(key: Any, data: dict[Any, Any], errors: Any, context: Any) -> None:
    """Stop validation before CKAN guesses the format from an invalid URL, which would be an internal error.

    Raises:
        StopOnError: the URL cannot be parsed.
    """
    try:
        urlsplit(str(data.get((*key[:-1], "url")) or ""))
    except ValueError:
        raise tk.StopOnError from None
