"""Typed access to the fields of a dataset, tolerant of missing values. No CKAN imports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies import languages


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
        return str(value) if value not in (None, "") and not isinstance(value, (list, dict)) else ""

    def texts(self, name: str) -> list[str]:
        """Return the texts of a multiple field."""
        value = self.dataset.get(name)
        parts = value if isinstance(value, (list, tuple)) else [value]
        return [str(part) for part in parts if part not in (None, "") and not isinstance(part, (list, dict))]

    def translations(self, name: str, row: Mapping[str, Any] | None = None) -> dict[str, str]:
        """Return the translations of a text of the dataset, or of one of its rows, by language; empty without any."""
        value = (self.dataset if row is None else row).get(f"{name}{languages.SUFFIX}")
        return {str(tag): str(text) for tag, text in value.items()} if isinstance(value, Mapping) else {}

    def languages(self) -> list[str]:
        """Return the languages other than French that texts are translated into."""
        found = {*self.translations("title"), *self.translations("notes")}
        for row in self.rows("resources"):
            found |= {*self.translations("name", row), *self.translations("description", row)}
        return sorted(found - {languages.FRENCH})

    def rows(self, name: str) -> list[Mapping[str, Any]]:
        """Return the rows of a repeating group."""
        value = self.dataset.get(name)
        return [row for row in value if isinstance(row, Mapping)] if isinstance(value, (list, tuple)) else []

    def concept(self, vocabulary: str, name: str) -> str:
        """Return the French label of a field's concept, or the value itself when it is not in the vocabulary."""
        value = self.text(name)
        known = voc.get(vocabulary).get(value) if value else None
        return known.label_fr if known else value
