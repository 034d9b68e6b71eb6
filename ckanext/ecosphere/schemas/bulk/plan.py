"""Compute the effect of a bulk edit on a single dataset. No CKAN imports."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.shared import contact_details, csv_table
from ckanext.ecosphere.vocabularies import communes

#: Editable fields: name → (vocabulary or None, stored attribute of the concept, whether it is multiple).
FIELDS: dict[str, tuple[str | None, str, bool]] = {
    "theme": ("themes", "uri", True),
    "territory": ("territories", "uri", True),
    "inspire_theme": ("inspire-theme", "uri", True),
    "tags": (None, "", True),
    "contact": (None, "", True),
    "in_series": (None, "", True),
    "license_id": ("licences", "id", False),
    "access_rights": ("access-right", "uri", False),
    "frequency": ("frequency", "uri", False),
}
OPERATIONS = ("replace", "add", "remove")
_NAME = re.compile(r"[\w-]{2,100}")
#: Headers of the column with dataset names, in order of preference; "url" is in the catalogue's own CSV file.
_HEADERS = ("name", "nom", "id", "identifiant", "identifier", "url", "adresse")
_LONGEST_SHOWN = 100


class PlanError(ValueError):
    """An invalid value; ``code`` is the reason, ``value`` the input."""

    def __init__(self, code: str, value: str = "") -> None:
        super().__init__(code)
        self.code, self.value = code, value


@dataclass(frozen=True)
class Change:
    """A change to apply to datasets.

    Attributes:
        field: key of :data:`FIELDS`.
        operation: one of :data:`OPERATIONS`; only "replace" for a single-valued field.
        values: values as stored in datasets.
    """

    field: str
    operation: str
    values: tuple[Any, ...]


def change_of(field: str, operation: str, lines: str) -> Change:
    """Return the change for a user's input.

    Args:
        field: key of :data:`FIELDS`.
        operation: one of :data:`OPERATIONS`.
        lines: one value per line: a label, an id or a URI; a contact as ``Name <e-mail>``.

    Raises:
        PlanError: "field", "operation", "empty", "single" (several values for a single-valued field), "unknown" or
            "contact" (both with the value).
    """
    if field not in FIELDS:
        raise PlanError("field", field)
    several = FIELDS[field][2]
    if operation not in OPERATIONS or (operation != "replace" and not several):
        raise PlanError("operation", operation)
    texts = list(filter(None, map(str.strip, lines.splitlines())))
    if not texts:
        raise PlanError("empty")
    if len(texts) > 1 and not several:
        raise PlanError("single")
    values = tuple(_stored(field, text, removed=operation == "remove") for text in texts)
    return Change(field, operation, values)


def _stored(field: str, line: str, *, removed: bool) -> Any:
    """Return the value to store for a line; a withdrawn concept can only be removed."""
    vocabulary, attribute, _several = FIELDS[field]
    if field == "contact":
        return _contact(line)
    if vocabulary is None:
        return line
    concepts = voc.get(vocabulary)
    concept = concepts.get(line) or concepts.find(line)
    if field == "territory" and concept is None:
        code = line.upper()
        concept = concepts.get(f"departement-{code}")
        commune = communes.get(communes.PREFIX + code)
        if concept is None and commune:
            return commune.uri
    if concept is None or (concept.data.get("withdrawn") and not removed):
        raise PlanError("unknown", line)
    return getattr(concept, attribute)


def _contact(line: str) -> dict[str, str]:
    """Parse ``Name <e-mail>``; the name may be missing."""
    name, opened, rest = line.strip().partition("<")
    email, closed, after = rest.partition(">")
    if not (opened and closed) or after or ">" in name or not contact_details.is_address(email):
        raise PlanError("contact", line)
    return {key: text for key, text in (("name", name.strip()), ("email", email)) if text}


def current(dataset: Mapping[str, Any], field: str) -> Any:
    """Return the value of a field of a dataset, in the form used by changes."""
    if field == "tags":
        return sorted(str(tag["name"]) for tag in dataset.get("tags") or ())
    if FIELDS[field][2]:
        return list(dataset.get(field) or ())
    return dataset.get(field) or ""


def changed(dataset: Mapping[str, Any], change: Change) -> Any:
    """Return the value of the field after the change."""
    before = current(dataset, change.field)
    if not FIELDS[change.field][2]:
        return change.values[0]
    if change.operation == "replace":
        after = list(change.values)
    elif change.operation == "add":
        after = [*before, *(value for value in change.values if value not in before)]
    else:
        after = [value for value in before if value not in change.values]
    if change.field == "tags":
        after.sort()
    return after


def patch(field: str, value: Any) -> dict[str, Any]:
    """Return the data of `package_patch` for a value returned by `changed` or `current`."""
    if field == "tags":
        return {"tags": [{"name": name} for name in value]}
    return {field: value}


def names_in(text: str) -> list[str]:
    """Return the distinct names or ids in a CSV file, also from the ends of URLs; other texts are kept, shortened.

    Args:
        text: CSV with commas, semicolons or tabs. The column is the one with a known header ("name", "id"…), else the
            first one.

    Raises:
        PlanError: "file": it is not CSV text.
    """
    lines = text.lstrip("\ufeff")
    if "\0" in lines:
        raise PlanError("file")
    first = lines.partition("\n")[0]
    try:
        rows = list(csv.reader(io.StringIO(lines), delimiter=max(",;\t", key=first.count)))
    except csv.Error as error:
        raise PlanError("file") from error
    heads = [cell.strip().lower() for cell in next(iter(rows), [])]
    columns = [heads.index(word) for word in _HEADERS if word in heads]
    column = 0
    if columns:
        column = columns[0]
        rows = rows[1:]
    names: dict[str, None] = {}
    for row in rows:
        cell = ""
        if len(row) > column:
            cell = csv_table.unmarked(row[column].strip())
        name = cell.rstrip("/").rsplit("/", 1)[-1]
        if not is_name(name):
            name = cell[:_LONGEST_SHOWN]
        names[name] = None
    return [name for name in names if name]


def is_name(text: str) -> bool:
    """Return whether a text may be the name or id of a dataset."""
    return bool(_NAME.fullmatch(text))


def described(field: str, value: Any, lang: str) -> str:
    """Return a value for display."""
    parts = value if isinstance(value, (list, tuple)) else [value]
    texts = (_text(field, part, lang) for part in parts)
    return ", ".join(text for text in texts if text)


def _text(field: str, part: Any, lang: str) -> str:
    if isinstance(part, Mapping):
        return " ".join(str(part[key]) for key in ("name", "email") if part.get(key))
    vocabulary = FIELDS[field][0]
    concept = voc.get(vocabulary).get(part) if vocabulary and part else None
    if concept:
        return concept.label(lang)
    commune = communes.get(str(part)) if field == "territory" else None
    if commune:
        return commune.label
    return str(part)
