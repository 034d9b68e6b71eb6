"""Numbers, lists and report of high-value datasets, from the index with a fixed number of queries.

The report is a CSV file with what Member States report (Implementing Regulation (EU) 2023/138, art. 5(3)).

Only public datasets count: the regulation is about what is published.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.view import View
from ckanext.ecosphere.schemas import wording
from ckanext.ecosphere.schemas.catalogue import inheritance
from ckanext.ecosphere.schemas.hvd import judging
from ckanext.ecosphere.schemas.logic.publication import label_of
from ckanext.ecosphere.schemas.page.views import permalink
from ckanext.ecosphere.schemas.rdf.terms import HIGH_VALUE_REGULATION
from ckanext.ecosphere.shared import csv_table

PUBLIC = "+dataset_type:dataset +capacity:public"
DECLARED, PROBABLE = "declared", "probable"
FIELDS = {DECLARED: judging.DECLARED_FIELD, PROBABLE: judging.PROBABLE_FIELD}
A_PAGE, MOST_SERVICES = 20, 100


@dataclass(frozen=True)
class Selection:
    """The high-value datasets of a list.

    Attributes:
        state: `DECLARED` or `PROBABLE`.
        lacks: a requirement that they do not meet, "" for all.
        service: name of the service, "" for all.
    """

    state: str = DECLARED
    lacks: str = ""
    service: str = ""

    def search(self) -> dict[str, Any]:
        """Return the parameters of `package_search`."""
        filters = [PUBLIC, f"+{FIELDS[self.state]}:[* TO *]"]
        if self.lacks:
            filters.append(f'+{judging.LACKING_FIELD}:"{self.lacks}"')
        if self.service:
            filters.append(f'+organization:"{self.service}"')
        return {"q": "", "fq": " ".join(filters)}


def counted(state: str, service: str) -> dict[str, Any]:
    """Return the numbers of datasets of a state: in all, by category, by what they lack, and by service.

    Returns:
        `count`, `categories` and `lacking` (id → number), and `services` (those with most datasets: name, title,
        number).
    """
    fields = [FIELDS[state], judging.LACKING_FIELD, "organization"]
    search = {**Selection(state, "", service).search(), "rows": 0}
    result = tk.get_action("package_search")(
        {}, {**search, "facet.field": fields, "facet.limit": MOST_SERVICES}
    )
    items = {name: result["search_facets"].get(name, {}).get("items", []) for name in fields}
    services = []
    for item in items["organization"]:
        services.append(
            {"name": item["name"], "title": item["display_name"], "number": item["count"]}
        )
    services.sort(key=lambda row: (-row["number"], voc.normalise(row["title"])))
    return {
        "count": result["count"],
        "categories": {item["name"]: item["count"] for item in items[FIELDS[state]]},
        "lacking": {item["name"]: item["count"] for item in items[judging.LACKING_FIELD]},
        "services": services,
    }


def listed(selection: Selection, page: int) -> tuple[int, list[dict[str, Any]]]:
    """Return the number of datasets of a selection, and those of a page, each with its judgement (`in_words`)."""
    rows = {
        "rows": A_PAGE,
        "start": (page - 1) * A_PAGE,
        "sort": "title_string asc, id asc",
        "facet": "false",
    }
    result = tk.get_action("package_search")({}, {**selection.search(), **rows})
    return result["count"], [
        {"dataset": dataset, **in_words(dataset)} for dataset in result["results"]
    ]


def in_words(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """Return the judgement of a dataset in words of the page's language: `categories`, `reasons` and `lacking`."""
    categories = judging.categories(dataset)
    names = requirement_labels()
    return {
        "categories": [category_label(category) for category in categories],
        "reasons": [_sentence(reason) for reason in judging.reasons(dataset)],
        "lacking": [names[name] for name in judging.lacking(dataset, categories)],
    }


def _sentence(reason: judging.Reason) -> str:
    schema = tk.h.scheming_get_dataset_schema("dataset")
    label = label_of(tk.h.scheming_field_by_name(schema["dataset_fields"], reason.field))
    value = getattr(reason, f"label_{wording.short_language()}")
    message = tk._("{field} “{value}” (annex of the regulation, section {section})")
    return message.format(field=label, value=value, section=reason.section)


def category_label(category: str) -> str:
    """Return the label of a category in the language of the page, or its URI if the list lacks it."""
    return tk.h.ecosphere_concept_label(judging.CATEGORIES, category)


def requirement_labels() -> dict[str, str]:
    """Return what the regulation requires, in the language of the page."""
    return {
        "api": tk._("an API"),
        "bulk": tk._("a download of the whole data"),
        "licence": tk._("a licence as open as CC BY 4.0"),
        "contact": tk._("a contact"),
    }


# --- report ---

A_PART = 1_000
"""Datasets in one file, which is written while it is sent."""
_A_QUERY = 200
_SEPARATOR = " | "
COLUMNS = (
    "dataset", "title", "service", "state", "category", "category_label", "legislation", "metadata", "licence",
    "licence_url", "api", "bulk_download", "contact", "documentation", "lacking", "lacking_label", "reason",
)  # fmt: skip


def report(selection: Selection, part: int) -> Iterator[str]:
    """Yield the lines of a part of the report, the first one with number 1."""
    return csv_table.lines(COLUMNS, map(_row, _datasets(selection, part)))


def _datasets(selection: Selection, part: int) -> Iterator[dict[str, Any]]:
    first = (part - 1) * A_PART
    for start in range(first, first + A_PART, _A_QUERY):
        rows = {"rows": _A_QUERY, "start": start, "sort": "id asc", "facet": "false"}
        datasets = tk.get_action("package_search")({}, {**selection.search(), **rows})["results"]
        yield from datasets
        if len(datasets) < _A_QUERY:
            return


def _row(dataset: Mapping[str, Any]) -> list[str]:
    words, categories = in_words(dataset), judging.categories(dataset)
    whole = inheritance.completed(dataset)
    licence_id, licence_url = View(whole).licence, ""
    licence = voc.get("licences").get(licence_id)
    if licence:
        licence_id, licence_url = licence.id, licence.data["url"]
    uris = []
    for category in categories:
        concept = voc.get(judging.CATEGORIES).get(category)
        uris.append(concept.uri if concept else category)
    cells = {
        "dataset": [dataset["name"]],
        "title": [dataset["title"]],
        "service": [(dataset.get("organization") or {}).get("title") or ""],
        "state": [DECLARED if judging.declared(dataset) else PROBABLE],
        "category": uris,
        "category_label": words["categories"],
        "legislation": [HIGH_VALUE_REGULATION],
        "metadata": [permalink(dataset)],
        "licence": [licence_id],
        "licence_url": [licence_url],
        "api": judging.apis(dataset),
        "bulk_download": judging.downloads(dataset),
        "contact": judging.contacts(whole),
        "documentation": View(dataset).many("documentation"),
        "lacking": judging.lacking(dataset, categories),
        "lacking_label": words["lacking"],
        "reason": words["reasons"],
    }
    return [_SEPARATOR.join(filter(None, cells[name])) for name in COLUMNS]
