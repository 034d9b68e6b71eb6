"""Titles of datasets as pages show them."""

from __future__ import annotations

import re
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc

_LOT = re.compile(r"Lot\s*:\s*", re.IGNORECASE)
"""Géo-IDE's word for a series at the beginning of a title: it reads as the département."""


def is_series(kind: Any) -> bool:
    """Return whether the type of a resource (`dcat_type`) is that of a series."""
    concept = voc.get("resource-type").get(str(kind or ""))
    return concept is not None and concept.id == "series"


def shown(title: str, kind: Any) -> str:
    """Return the title of a dataset of some type (`dcat_type`); that of a series says so in plain words."""
    lot = _LOT.match(title)
    return tk._("Series: {title}").format(title=title[lot.end() :]) if lot and is_series(kind) else title
