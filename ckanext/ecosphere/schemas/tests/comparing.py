"""Differences of a dataset after export and re-import,
compared with the known losses listed in the table of fields.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.dataset import fields
from dev import reference

RECORDS = Path(__file__).parents[5] / "shared" / "records"
DEGREES = "http://inspire.ec.europa.eu/metadata-codelist/DegreeOfConformity/"
OWN_FIELDS = {field.name for field in fields.fields()} - {
    "name",
    "owner_org",
    "tag_string",
}
FILE_FIELDS = {field.name for field in fields.fields(fields.RESOURCE)}

Change = tuple[str, str, str]
"""Scope ("dataset", "service" or "resource"), field, and "lost", "changed" or "added"."""


def changes(before: dict[str, Any], after: dict[str, Any]) -> dict[Change, str]:
    """Return the differences, each with both values; resources are matched by position."""
    kind = "service" if str(before.get("dcat_type")).endswith("/service") else "dataset"
    found = dict(_differing(kind, before, after, OWN_FIELDS | {"tags"}))
    files = before.get("resources") or [], after.get("resources") or []
    if len(files[0]) != len(files[1]):
        found["dataset", "resources", "changed"] = f"{len(files[0])} → {len(files[1])}"
    for one, other in zip(*files, strict=False):
        found |= _differing("resource", one, other, FILE_FIELDS)
    return found


def untold(found: Iterable[Change], format_name: str) -> set[Change]:
    """Return the differences that the table of fields does not list."""
    return {
        each
        for each in found
        if not any(_tells(row, each, format_name) for row in reference.losses())
    }


def superfluous(found: Iterable[Change], format_name: str) -> list[dict[str, str]]:
    """Return the rows of the table of fields to which no difference corresponds."""
    seen = list(found)
    rows = [row for row in reference.losses() if row["format"] == format_name]
    return [row for row in rows if not any(_tells(row, each, format_name) for each in seen)]


def _tells(row: dict[str, str], change: Change, format_name: str) -> bool:
    """Whether a row lists this difference; rows about datasets apply to services as well."""
    scope, field, how = change
    scopes = {scope, "dataset"} if scope == "service" else {scope}
    return (
        (row["format"], row["field"]) == (format_name, field)
        and row["scope"] in scopes
        and row["change"] in (how, "changed")
    )


def _differing(
    scope: str, before: dict[str, Any], after: dict[str, Any], names: Iterable[str]
) -> Iterator[tuple[Change, str]]:
    for name in names:
        one, other = (comparable(each.get(name)) for each in (before, after))
        if one != other:
            how = "changed" if one and other else "lost" if one else "added"
            yield (scope, name, how), f"{one} → {other}"


def comparable(value: Any) -> str:
    """Return a value as text, regardless of order, duplicates, empty parts,
    and the notation of URLs and codes.
    """
    if isinstance(value, dict):
        kept = {key: comparable(part) for key, part in value.items() if key not in _OF_CKAN}
        return (
            str(sorted((key, part) for key, part in kept.items() if part))
            if any(kept.values())
            else ""
        )
    if isinstance(value, list):
        parts = sorted(set(filter(None, map(comparable, value))))
        return str(parts) if parts else ""
    if isinstance(value, str) and value.startswith('{"'):
        return comparable(json.loads(value))  # a GeoJSON geometry
    if isinstance(value, (int, float)):
        return str(float(value))
    text = str(value or "").replace(DEGREES, "")
    return unquote(text) if text.startswith("http") else text


_OF_CKAN = {"id", "display_name", "state", "vocabulary_id"}
"""Keys that CKAN adds to a tag."""


def real_datasets(act: Callable[..., Any]) -> list[tuple[str, dict[str, Any]]]:
    """Read every record of the folder that is readable, as the harvest would.

    Return names and datasets.
    """
    found = []
    for number, path in enumerate(sorted(RECORDS.glob("*/*.xml"))):
        try:
            read = act("ecosphere_harvest_read", content=path.read_text("utf-8", errors="replace"))
        except tk.ValidationError:
            continue
        found.append((f"{number}-{path.stem}", read["dataset"]))
    return found
