"""Translate validation errors of the source form: those of ckanext-harvest are English only."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk

LONGEST = 2_000  # characters
_SENTENCES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    # Messages of our source types are translated already; drop the English prefix.
    (re.compile(r"Error parsing the configuration options: (?P<detail>.+)", re.DOTALL), lambda found: found["detail"]),
    (
        re.compile(r"There already is a Harvest Source for this URL .*", re.DOTALL),
        lambda found: tk._("Another source already has this address with the same configuration."),
    ),
    (
        re.compile(r"Frequency (?P<value>.*) not recognised", re.DOTALL),
        lambda found: tk._("“{value}” is no frequency of harvests.").format(value=found["value"]),
    ),
    (
        re.compile(r"Unknown harvester type: (?P<value>.*)\. Registered types: .*", re.DOTALL),
        lambda found: tk._("“{value}” is no type of source of this portal.").format(value=found["value"]),
    ),
)
"""Messages of `ckanext.harvest.logic.validators` 1.6.3, and their translated replacements."""


def sentence(text: str) -> str:
    """Translate an error message; return unknown ones unchanged."""
    for pattern, said in _SENTENCES:
        if found := pattern.fullmatch(text[:LONGEST]):
            return said(found)
    return text


def by_field(errors: Mapping[str, Any] | None) -> dict[str, list[str]]:
    """Return the error messages of a form by field."""
    return {
        field: [sentence(str(each)) for each in (found if isinstance(found, list) else [found])]
        for field, found in (errors or {}).items()
    }


def summary(errors: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the error messages of a form by field label, for the list above the form."""
    labels = {
        "url": tk._("Address"),
        "title": tk._("Title"),
        "name": tk._("Name in the address"),
        "notes": tk._("Description"),
        "source_type": tk._("Source type"),
        "frequency": tk._("Update frequency"),
        "config": tk._("Configuration"),
        "owner_org": tk._("Service"),
        "state": tk._("State"),
    }
    return {labels.get(field, field): " ".join(found) for field, found in by_field(errors).items() if found}
