"""The table of fields: what `schemas/dataset.yaml` says of each field, for every format.

A field is one entry of that file. Besides the keys of ckanext-scheming and those of the form, an
entry says where the field stands in a record of ISO 19139 and in RDF; the readers and writers of
both formats, and `docs/fields.md`, ask here. What each key means is written at the top of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

SCHEMA = Path(__file__).parents[1] / "schemas" / "dataset.yaml"
DATASET, RESOURCE = "dataset", "resource"
SCOPES = (DATASET, RESOURCE)
_LISTS = (
    "ecosphere_texts",
    "ecosphere_concepts",
    "ecosphere_urls",
    "ecosphere_uris",
)
"""Presets whose fields hold several values."""
TRANSLATED = "ecosphere_translated"
"""Preset of the fields with texts in several languages."""


@dataclass(frozen=True, eq=False)
class Field:
    """A field of datasets or of resources.

    Attributes:
        name: its name.
        scope: `DATASET` or `RESOURCE`.
        entry: all keys of its entry.
    """

    name: str
    scope: str
    entry: Mapping[str, Any]

    @property
    def iso(self) -> Mapping[str, Any]:
        """Where it stands in ISO 19139: ``path``, and how it is written and read; may be empty."""
        return self.entry.get("iso", {})

    @property
    def xpath(self) -> str:
        """Its element in ISO 19139, as an XPath under ``gmd:MD_Metadata``."""
        return "gmd:" + self.iso["path"].replace("/", "/*/gmd:")

    @property
    def dcat(self) -> Mapping[str, Any]:
        """Where it stands in RDF: ``property`` and how it is written and read."""
        return self.entry.get("dcat", {})

    @property
    def record(self) -> str:
        """Attribute of the harvest's neutral record that receives it; may be empty."""
        return self.entry.get("record", "")

    @property
    def vocabulary(self) -> str:
        """Name of the list of its values; empty without one."""
        return self.entry.get("vocabulary", "")

    @property
    def has_several(self) -> bool:
        """Whether it holds a list of values; rows are none."""
        return self.entry.get("preset") in _LISTS

    @property
    def subfields(self) -> list[str]:
        """Names of the columns of its rows, in order; empty for a field without rows."""
        return [part["field_name"] for part in self.entry.get("repeating_subfields", ())]


@cache
def schema() -> dict[str, Any]:
    """Return the schema as written, without the presets of ckanext-scheming; not to be changed."""
    return yaml.load(SCHEMA.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)


@cache
def fields(scope: str = DATASET) -> tuple[Field, ...]:
    """Return the fields of a scope, in the order of the schema."""
    entries = schema()[f"{scope}_fields"]
    return tuple(Field(entry["field_name"], scope, entry) for entry in entries)


def get(name: str, scope: str = DATASET) -> Field:
    """Return a field.

    Raises:
        KeyError: the scope has no such field.
    """
    return _by_name(scope)[name]


@cache
def _by_name(scope: str) -> dict[str, Field]:
    return {field.name: field for field in fields(scope)}


def having(key: str) -> tuple[Field, ...]:
    """Return the fields of datasets whose entry has a key, such as ``fact``."""
    return tuple(field for field in fields() if key in field.entry)


def with_subfield(name: str) -> tuple[Field, ...]:
    """Return the fields of datasets whose rows have a column."""
    return tuple(field for field in fields() if name in field.subfields)


def with_fact(fact: str) -> tuple[str, ...]:
    """Return the names of the fields of datasets that tell a fact, in order."""
    return tuple(field.name for field in having("fact") if fact in field.entry["fact"])


def translated(scope: str = DATASET) -> tuple[str, ...]:
    """Return the names of the fields with texts in several languages."""
    return tuple(field.name for field in fields(scope) if field.entry.get("preset") == TRANSLATED)


def references() -> tuple[str, ...]:
    """Return the names of the fields by which other datasets refer to a dataset."""
    identifying = having("identifies")
    return ("name", "id", *(f.name for f in identifying if f.entry["identifies"] == DATASET))


def with_dcat(key: str, scope: str = DATASET) -> tuple[Field, ...]:
    """Return the fields of a scope whose place in RDF has a key, such as ``reference``."""
    return tuple(field for field in fields(scope) if field.dcat.get(key))


def read_in_iso(path: str) -> Iterator[Field]:
    """Yield the fields that the table reads directly below a path of ISO 19139."""
    for scope in SCOPES:
        for field in fields(scope):
            parent, _slash, _name = field.iso.get("path", "").rpartition("/")
            if parent == path and field.iso.get("read"):
                yield field


def losses() -> Iterator[tuple[Field, Mapping[str, str]]]:
    """Yield what a format cannot hold: each field with the format, the kind of change, and why."""
    for scope in SCOPES:
        for field in fields(scope):
            for loss in field.entry.get("losses", ()):
                yield field, loss


def place_of_subfield(path: str) -> Mapping[str, str]:
    """Return where a subfield stands, below the row of its field, in each format.

    Args:
        path: names of the field and of the subfields, separated by dots; the longest end that the
            table has counts.

    Raises:
        KeyError: the table has no end of it.
    """
    table = schema()["subfields"]
    rest = path
    while rest:
        if rest in table:
            return table[rest]
        rest = rest.partition(".")[2]
    raise KeyError(path)
