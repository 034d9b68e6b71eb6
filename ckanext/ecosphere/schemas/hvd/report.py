"""High-value datasets as CSV, with what Member States report (Implementing Regulation (EU) 2023/138, art. 5(3))."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas.catalogue import inheritance
from ckanext.ecosphere.schemas.hvd import figures, judging
from ckanext.ecosphere.schemas.iso.reading import Reader
from ckanext.ecosphere.schemas.page.views import permalink
from ckanext.ecosphere.schemas.rdf.terms import HIGH_VALUE_REGULATION
from ckanext.ecosphere.shared import csv_table

A_PART = 1_000
"""Datasets in one file, which is written while it is sent."""
_A_QUERY = 200
_SEPARATOR = " | "
COLUMNS = (
    "dataset", "title", "service", "state", "category", "category_label", "legislation", "metadata", "licence",
    "licence_url", "api", "bulk_download", "contact", "documentation", "lacking", "lacking_label", "reason",
)  # fmt: skip


def lines(asked: figures.Asked, part: int) -> Iterator[str]:
    """Yield the lines of a part of the report, the first one with number 1."""
    return csv_table.lines(COLUMNS, map(_row, _datasets(asked, part)))


def _datasets(asked: figures.Asked, part: int) -> Iterator[dict[str, Any]]:
    first = (part - 1) * A_PART
    for start in range(first, first + A_PART, _A_QUERY):
        rows = {"rows": _A_QUERY, "start": start, "sort": "id asc", "facet": "false"}
        found = tk.get_action("package_search")({}, {**asked.search(), **rows})
        yield from found["results"]
        if len(found["results"]) < _A_QUERY:
            return


def _row(dataset: Mapping[str, Any]) -> list[str]:
    said = judging.declared(dataset)
    told = figures.told(dataset)
    probable = [reason.category for reason in judging.reasons(dataset)]
    categories = list(dict.fromkeys(said or probable))
    known = voc.get(judging.CATEGORIES)
    concepts = [known.get(each) for each in categories]
    whole = inheritance.completed(dataset)
    licence = voc.get("licences").get(str(whole.get("license_id") or ""))
    cells = {
        "dataset": [dataset["name"]],
        "title": [dataset["title"]],
        "service": [(dataset.get("organization") or {}).get("title") or ""],
        "state": [figures.DECLARED if said else figures.PROBABLE],
        "category": [concept.uri if concept else each for concept, each in zip(concepts, categories, strict=True)],
        "category_label": told["categories"],
        "legislation": [HIGH_VALUE_REGULATION],
        "metadata": [permalink(dataset)],
        "licence": [licence.id if licence else str(whole.get("license_id") or "")],
        "licence_url": [licence.data["url"] if licence else ""],
        "api": judging.apis(dataset),
        "bulk_download": judging.downloads(dataset),
        "contact": judging.contacts(whole),
        "documentation": Reader(dataset).texts("documentation"),
        "lacking": judging.lacking(dataset, categories),
        "lacking_label": told["lacking"],
        "reason": told["reasons"],
    }
    return [_SEPARATOR.join(part for part in cells[name] if part) for name in COLUMNS]
