"""Typed access to the fields of a dataset, tolerant of missing values. No CKAN imports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies import languages

Row = Mapping[str, Any]
_EMPTY = (None, "")


class Reader:
    """Reader of a dataset.

    Args:
        dataset: the dataset, from ``package_show``.
        organisation: name of the service, used where no party is named.
        members: record identifiers of the members of a series.
        records: URLs of the records of referenced datasets, by the reference used in the dataset.
    """

    def __init__(
        self,
        dataset: Mapping[str, Any],
        organisation: str = "",
        members: Iterable[str] = (),
        records: Mapping[str, str] | None = None,
    ) -> None:
        self.dataset = dataset
        self.organisation = organisation
        self.members = tuple(members)
        self.records = records or {}

    @property
    def kind(self) -> str:
        """Last part of ``dcat_type``: dataset, series, service or SoftwareSourceCode."""
        return self.text("dcat_type").rsplit("/", 1)[-1] or "dataset"

    def text(self, name: str) -> str:
        """Return a single text, empty when there is none."""
        value = self.dataset.get(name)
        if value in _EMPTY or isinstance(value, (list, dict)):
            return ""
        return str(value)

    def texts(self, name: str) -> list[str]:
        """Return the texts of a multiple field."""
        parts = self.dataset.get(name)
        if not isinstance(parts, (list, tuple)):
            parts = [parts]
        return [
            str(part) for part in parts if part not in _EMPTY and not isinstance(part, (list, dict))
        ]

    def translations(self, name: str, row: Row | None = None) -> dict[str, str]:
        """Return the translations of a text of the dataset, or of one of its rows, by language."""
        owner = self.dataset
        if row is not None:
            owner = row
        value = owner.get(f"{name}{languages.SUFFIX}")
        if not isinstance(value, Mapping):
            return {}
        return {str(tag): str(text) for tag, text in value.items()}

    def languages(self) -> list[str]:
        """Return the languages other than French that texts are translated into."""
        tags = {*self.translations("title"), *self.translations("notes")}
        for row in self.rows("resources"):
            tags.update(self.translations("name", row), self.translations("description", row))
        return sorted(tags - {languages.FRENCH})

    def rows(self, name: str) -> list[Row]:
        """Return the rows of a repeating group."""
        value = self.dataset.get(name)
        if not isinstance(value, (list, tuple)):
            return []
        return [row for row in value if isinstance(row, Mapping)]

    def concept(self, vocabulary: str, name: str) -> str:
        """Return the French label of a field's concept, or the value itself without one."""
        value = self.text(name)
        concept = voc.get(vocabulary).get(value) if value else None
        if concept is None:
            return value
        return concept.label_fr
