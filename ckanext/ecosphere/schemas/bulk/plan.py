"""What a change to many datasets does to one of them. Pure, no CKAN."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.shared import formulas
from ckanext.ecosphere.shared.contact_details import email_addresses
from ckanext.ecosphere.vocabularies import communes

#: Fields that may be changed: name → (vocabulary or None, attribute that is stored, whether it holds several).
FIELDS: dict[str, tuple[str | None, str, bool]] = {
    "theme": ("themes", "uri", True),
    "territory": ("territories", "uri", True),
    "inspire_theme": ("inspire-theme", "uri", True),
    "tags": (None, "", True),
    "contact": (None, "", True),
    "license_id": ("licences", "id", False),
    "access_rights": ("access-right", "uri", False),
    "frequency": ("frequency", "uri", False),
}
OPERATIONS = ("replace", "add", "remove")
_NAME = re.compile(r"[\w-]{2,100}")
#: Headers of the column that names datasets, the surest first; "url" is that of the catalogue's own CSV file.
_HEADERS = ("name", "nom", "id", "identifiant", "identifier", "url", "adresse")
_LONGEST_SHOWN = 100


class PlanError(ValueError):
    """A value that cannot be used; ``code`` says why, ``value`` is what was written."""

    def __init__(self, code: str, value: str = "") -> None:
        super().__init__(code)
        self.code, self.value = code, value


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes:
        field: key of :data:`FIELDS`.
        operation: one of :data:`OPERATIONS`; a field with one value is only replaced.
        values: as they are stored.
    """

    field: str
    operation: str
    values: tuple[Any, ...]


def change_of(field: str, operation: str, lines: str) -> Change:
    """Return the change that a person asks for.

    Args:
        field: key of :data:`FIELDS`.
        operation: one of :data:`OPERATIONS`.
        lines: one value per line: a label, an id or an address; a contact as ``Name <e-mail>``.

    Raises:
        PlanError: "field", "operation", "empty", "single" (one value only) or "unknown" (with the value).
    """
    if field not in FIELDS:
        raise PlanError("field", field)
    several = FIELDS[field][2]
    if operation not in OPERATIONS or (operation != "replace" and not several):
        raise PlanError("operation", operation)
    given = [line.strip() for line in lines.splitlines() if line.strip()]
    if not given:
        raise PlanError("empty")
    if len(given) > 1 and not several:
        raise PlanError("single")
    return Change(field, operation, tuple(_stored(field, line, taken_out=operation == "remove") for line in given))


def _stored(field: str, line: str, *, taken_out: bool) -> Any:
    vocabulary, attribute, _several = FIELDS[field]
    if field == "contact":
        return _contact(line)
    if vocabulary is None:
        return line
    concept = voc.get(vocabulary).get(line) or voc.get(vocabulary).find(line)
    if field == "territory" and concept is None:
        concept = voc.get(vocabulary).get(f"departement-{line.upper()}")
    if field == "territory" and concept is None and (commune := communes.get(communes.PREFIX + line.upper())):
        return commune.uri
    if concept is None or (concept.data.get("withdrawn") and not taken_out):
        raise PlanError("unknown", line)
    return getattr(concept, attribute)


def _contact(line: str) -> dict[str, str]:
    """Read ``Name <e-mail>``; the name may be missing."""
    name, opened, rest = line.strip().partition("<")
    email, closed, after = rest.partition(">")
    if not (opened and closed) or after or ">" in name or not email_addresses.is_address(email):
        raise PlanError("contact", line)
    return {key: text for key, text in (("name", name.strip()), ("email", email)) if text}


def current(dataset: Mapping[str, Any], field: str) -> Any:
    """Return what a dataset holds in a field, in the form that a change handles."""
    if field == "tags":
        return sorted(str(tag["name"]) for tag in dataset.get("tags") or ())
    value = dataset.get(field)
    return list(value or ()) if FIELDS[field][2] else value or ""


def changed(dataset: Mapping[str, Any], change: Change) -> Any:
    """Return what the dataset would hold after the change."""
    before = current(dataset, change.field)
    if not FIELDS[change.field][2]:
        return change.values[0]
    if change.operation == "replace":
        after = list(change.values)
    elif change.operation == "add":
        after = [*before, *(value for value in change.values if value not in before)]
    else:
        after = [value for value in before if value not in change.values]
    return sorted(after) if change.field == "tags" else after


def patch(field: str, value: Any) -> dict[str, Any]:
    """Return what `package_patch` wants for a value that `changed` or `current` gave."""
    return {"tags": [{"name": name} for name in value]} if field == "tags" else {field: value}


def names_in(text: str) -> list[str]:
    """Return the names, ids or ends of addresses in a CSV file, each once; what is none of these is kept as it is.

    Args:
        text: separated by commas, semicolons or tabs. They stand in the column whose header says so ("name", "id"…), in
            the first one when none does.

    Raises:
        PlanError: "file": it is no text.
    """
    lines = text.lstrip("\ufeff")
    if "\0" in lines:
        raise PlanError("file")
    first = lines.partition("\n")[0]
    try:
        rows = list(csv.reader(io.StringIO(lines), delimiter=max(",;\t", key=first.count)))
    except csv.Error as error:
        raise PlanError("file") from error
    heads = [cell.strip().lower() for cell in rows[0]] if rows else []
    column = next((heads.index(word) for word in _HEADERS if word in heads), None)
    found: dict[str, None] = {}
    for row in rows if column is None else rows[1:]:
        cell = formulas.unmarked(row[column or 0].strip()) if len(row) > (column or 0) else ""
        name = cell.rstrip("/").rsplit("/", 1)[-1]
        found[name if is_name(name) else cell[:_LONGEST_SHOWN]] = None
    return [name for name in found if name]


def is_name(text: str) -> bool:
    """Say whether a text may be the name or id of a dataset."""
    return bool(_NAME.fullmatch(text))


def described(field: str, value: Any, lang: str) -> str:
    """Return a value as people read it."""
    vocabulary = FIELDS[field][0]
    parts: Sequence[Any] = value if isinstance(value, (list, tuple)) else [value]
    texts = []
    for part in parts:
        if isinstance(part, Mapping):
            texts.append(" ".join(str(part[key]) for key in ("name", "email") if part.get(key)))
            continue
        concept = voc.get(vocabulary).get(part) if vocabulary and part else None
        commune = communes.get(str(part)) if field == "territory" else None
        texts.append(concept.label(lang) if concept else commune.label if commune else str(part))
    return ", ".join(text for text in texts if text)
