"""Reads a dataset field by field, whatever is missing in it. Pure, no CKAN."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies import languages


class Reader:
    """A dataset as ``package_show`` gives it.

    Args:
        dataset: the dataset.
        organisation: name of the service, used where no party is named.
        members: identifiers of the records of the datasets that a series holds.
        records: addresses of the records of the datasets that the dataset names, by the name that it gives them.
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
        """Return a field that holds one text, empty when there is none."""
        value = self.dataset.get(name)
        return str(value) if value not in (None, "") and not isinstance(value, (list, dict)) else ""

    def texts(self, name: str) -> list[str]:
        """Return a field that holds several texts."""
        value = self.dataset.get(name)
        parts = value if isinstance(value, (list, tuple)) else [value]
        return [str(part) for part in parts if part not in (None, "") and not isinstance(part, (list, dict))]

    def translations(self, name: str, row: Mapping[str, Any] | None = None) -> dict[str, str]:
        """Return a text by language: of the dataset, or of a row of it; empty when it is in one language."""
        value = (self.dataset if row is None else row).get(f"{name}{languages.SUFFIX}")
        return {str(tag): str(text) for tag, text in value.items()} if isinstance(value, Mapping) else {}

    def languages(self) -> list[str]:
        """Return the languages beside French of the texts that have several."""
        found = {*self.translations("title"), *self.translations("notes")}
        for row in self.rows("resources"):
            found |= {*self.translations("name", row), *self.translations("description", row)}
        return sorted(found - {languages.FRENCH})

    def rows(self, name: str) -> list[Mapping[str, Any]]:
        """Return the rows of a group."""
        value = self.dataset.get(name)
        return [row for row in value if isinstance(row, Mapping)] if isinstance(value, (list, tuple)) else []

    def concept(self, vocabulary: str, name: str) -> str:
        """Return the French label of a field's concept, or the value itself when the list does not know it."""
        value = self.text(name)
        known = voc.get(vocabulary).get(value) if value else None
        return known.label_fr if known else value
