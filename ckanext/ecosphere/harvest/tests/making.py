"""Helpers that make records and results for the tests of the normalisation rules."""

from __future__ import annotations

from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise import Context, Result, normalise
from ckanext.ecosphere.harvest.record import Record

DEFAULT = "ddt-80021-01"
FALLBACK = "administration-centrale-ou-ministere_172120"


def result(context: Context | None = None, **fields: Any) -> Result:
    """Normalise a record with the given fields only."""
    record = Record(**{"title": "Un jeu de données", "file_identifier": "id-1", **fields})
    return normalise(record, context or Context(fallback_organisation=FALLBACK))


def dataset(context: Context | None = None, **fields: Any) -> dict[str, Any]:
    """Return the dataset of such a record."""
    return result(context, **fields).dataset


def codes(made: Result) -> set[str]:
    """Return the codes of the problems of a result."""
    return {problem.code for problem in made.problems}


def ids(vocabulary: str, uris: list[str]) -> list[str]:
    """Return the ids of concepts."""
    return [voc.get(vocabulary)[uri].id for uri in uris]
