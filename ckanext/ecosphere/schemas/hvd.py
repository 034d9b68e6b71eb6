"""High-value datasets (Implementing Regulation (EU) 2023/138): which ones there are, and what they
lack.

Only public datasets count: the regulation is about what is published. The report is a CSV file with
what Member States report (art. 5(3)).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import ckan.plugins.toolkit as tk
from ckan.common import _
from ckan.types import DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.dataset.view import Row, View
from ckanext.ecosphere.schemas import public_files, relations, stored
from ckanext.ecosphere.schemas.logic.publication import label_of
from ckanext.ecosphere.schemas.rdf.parts import HIGH_VALUE_REGULATION
from ckanext.ecosphere.shared import csv_table, language, reach
from ckanext.ecosphere.vocabularies import tables

CATEGORIES = "hvd-category"
REQUIREMENTS = ("api", "bulk", "licence", "contact")
DECLARED_FIELD, PROBABLE_FIELD, LACKING_FIELD = (
    "vocab_ecosphere_hvd",
    "vocab_ecosphere_hvd_probable",
    "vocab_ecosphere_hvd_lacking",
)
"""Fields of the index, with ids of categories and of requirements."""
_ANY = "*"
_WITH_DATA = ("dataset", "series")

Dataset = Row


@dataclass(frozen=True)
class Reason:
    """Why a category is probable.

    Attributes:
        category: id of the category.
        field: the field of the dataset that tells.
        value: its value.
    """

    category: str
    field: str
    value: voc.Concept


def declared(dataset: Dataset) -> list[str]:
    """Return the ids of the categories that a dataset declares.

    A narrower one, which the list lacks, by its URI.
    """
    values = View(dataset).many("hvd_category")
    return list(dict.fromkeys(voc.get(CATEGORIES).as_stored(value, "id") for value in values))


def categories(dataset: Dataset) -> list[str]:
    """Return the categories that a dataset declares, else those that are probable."""
    return declared(dataset) or list(dict.fromkeys(reason.category for reason in reasons(dataset)))


def reasons(dataset: Dataset) -> list[Reason]:
    """Return why a dataset that declares no category probably has one,
    the strongest reason of each category first.
    """
    view = View(dataset)
    if (view.kind or "dataset") not in _WITH_DATA or view.series or view.many("hvd_category"):
        return []
    if reach.is_restricted(dataset):
        return []
    return list(_deduced(view))


def _deduced(dataset: View) -> Iterator[Reason]:
    title = voc.normalise(dataset.title)
    if _beside().search(title):
        return
    for (field, vocabulary), deductions in _deductions().items():
        for value in dataset.many(field):
            concept = voc.get(vocabulary).get(value)
            if concept is None:
                continue
            deduction = deductions.get(concept.id) or deductions.get(_ANY)
            if deduction and deduction.words.search(title):
                yield Reason(deduction.category, field, concept)


def lacking(dataset: Dataset, of_categories: Iterable[str]) -> list[str]:
    """Return what the regulation requires for categories and a dataset does not offer:
    ids of `REQUIREMENTS`.
    """
    rows = [_requirements()[category] for category in of_categories if category in _requirements()]
    if not rows:
        rows = list(_requirements().values())  # a narrower category: what all of them require
    required: set[str] = set()
    for row in rows:
        required.update(name for name in REQUIREMENTS if row[name] == "yes")
    return [name for name in REQUIREMENTS if name in required and not _HAS[name](dataset)]


def index(document: DataDict, dataset: Dataset) -> None:
    """Add the judgement of a dataset to its index document, in place."""
    its_categories = categories(dataset)
    if not its_categories:
        return
    field = DECLARED_FIELD if declared(dataset) else PROBABLE_FIELD
    document[field] = its_categories
    requirements = lacking(dataset, its_categories)
    if requirements:
        document[LACKING_FIELD] = requirements


def apis(dataset: Dataset) -> list[str]:
    """Return the addresses of a dataset from which programs take parts of its data."""
    formats = _column("apis", "format")
    return [
        str(resource.get("url") or "")
        for resource in _data(dataset)
        if _format(resource) in formats
    ]


def downloads(dataset: Dataset) -> list[str]:
    """Return the addresses of a dataset at which the data are downloaded as a whole."""
    addresses = []
    for resource in _data(dataset):
        ways = reach.formats_by_way({"resources": [resource]})
        if ways.keys() == {reach.DOWNLOAD}:
            addresses.append(str(resource.get("download_url") or resource.get("url") or ""))
    return addresses


def contacts(dataset: Dataset) -> list[str]:
    """Return the mailboxes and web forms of the contacts of a dataset."""
    addresses = (row.get("email") or row.get("url") for row in View(dataset).rows("contact"))
    return [str(address) for address in addresses if address]


def _has_licence(dataset: Dataset) -> bool:
    return View(dataset).licence in _column("licences", "licence")


_HAS = {"api": apis, "bulk": downloads, "licence": _has_licence, "contact": contacts}


def _data(dataset: Dataset) -> list[Row]:
    """Return the resources with data that are reachable from the internet."""
    data = []
    for resource in View(dataset).rows("resources"):
        if not reach.is_document(resource) and not links.is_internal(resource):
            data.append(resource)
    return data


def _format(resource: Row) -> str:
    name = str(resource.get("format") or "")
    concept = links.format_called(name)
    if concept is None:
        return name
    return concept.id


@cache
def _rows(name: str) -> tuple[dict[str, str], ...]:
    return tuple(tables.rows(Path(__file__).parent / "data" / f"hvd_{name}.csv"))


@cache
def _column(name: str, column: str) -> frozenset[str]:
    return frozenset(row[column] for row in _rows(name))


@cache
def _requirements() -> dict[str, dict[str, str]]:
    return {row["category"]: row for row in _rows("requirements")}


@dataclass(frozen=True)
class _Deduction:
    """A category that a concept makes probable for titles in which one of the `words` is."""

    category: str
    words: re.Pattern[str]


@cache
def _deductions() -> dict[tuple[str, str], dict[str, _Deduction]]:
    """Return (field, vocabulary) → id of a concept → what it makes probable."""
    deductions: dict[tuple[str, str], dict[str, _Deduction]] = {}
    for row in _rows("deductions"):
        of_field = deductions.setdefault((row["field"], row["vocabulary"]), {})
        of_field[row["value"]] = _Deduction(row["category"], _beginnings(row["words"]))
    return deductions


@cache
def _beside() -> re.Pattern[str]:
    """Return a pattern for titles of pictures and acts, which are no data of a theme."""
    return _beginnings(";".join(row["words"] for row in _rows("beside")))


def _beginnings(words: str) -> re.Pattern[str]:
    """Return a pattern for words that begin like one of these; for any text, if there are none."""
    if not words:
        return re.compile("")
    return re.compile(rf"\b(?:{words.replace(';', '|')})")


# --- numbers, lists and report: from the index, with a fixed number of queries ------------------

DECLARED, PROBABLE = "declared", "probable"
FIELDS = {DECLARED: DECLARED_FIELD, PROBABLE: PROBABLE_FIELD}
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

    def search(self) -> DataDict:
        """Return the parameters of `package_search`."""
        filters = [public_files.PUBLIC, f"+{FIELDS[self.state]}:[* TO *]"]
        if self.lacks:
            filters.append(f'+{LACKING_FIELD}:"{self.lacks}"')
        if self.service:
            filters.append(f'+organization:"{self.service}"')
        return {"q": "", "fq": " ".join(filters)}


def counted(state: str, service: str) -> DataDict:
    """Return the numbers of datasets of a state: in all, by category, by what they lack, and by
    service.

    Returns:
        `count`, `categories` and `lacking` (id → number), and `services` (those with most datasets:
        name, title, number).
    """
    fields = [FIELDS[state], LACKING_FIELD, "organization"]
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
        "lacking": {item["name"]: item["count"] for item in items[LACKING_FIELD]},
        "services": services,
    }


def listed(selection: Selection, page: int) -> tuple[int, list[DataDict]]:
    """Return the number of datasets of a selection, and those of a page,
    each with its judgement (`in_words`).
    """
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


def in_words(dataset: Row) -> DataDict:
    """Return the judgement of a dataset in words of the page's language: `categories`,
    `reasons` and `lacking`.
    """
    its_categories = categories(dataset)
    names = requirement_labels()
    return {
        "categories": [category_label(category) for category in its_categories],
        "reasons": [_sentence(reason) for reason in reasons(dataset)],
        "lacking": [names[name] for name in lacking(dataset, its_categories)],
    }


def _sentence(reason: Reason) -> str:
    schema = tk.h.scheming_get_dataset_schema("dataset")
    label = label_of(tk.h.scheming_field_by_name(schema["dataset_fields"], reason.field))
    value = reason.value.label(language.current())
    section = _requirements()[reason.category]["section"]
    message = _("{field} “{value}” (annex of the regulation, section {section})")
    return message.format(field=label, value=value, section=section)


def category_label(category: str) -> str:
    """Return the label of a category in the language of the page,
    or its URI if the list lacks it.
    """
    return tk.h.ecosphere_concept_label(CATEGORIES, category)


def requirement_labels() -> dict[str, str]:
    """Return what the regulation requires, in the language of the page."""
    return {
        "api": _("an API"),
        "bulk": _("a download of the whole data"),
        "licence": _("a licence as open as CC BY 4.0"),
        "contact": _("a contact"),
    }


# --- report ---

A_PART = 1_000
"""Datasets in one file, which is written while it is sent."""
_SEPARATOR = " | "
COLUMNS = (
    "dataset", "title", "service", "state", "category", "category_label", "legislation",
    "metadata", "licence", "licence_url", "api", "bulk_download", "contact", "documentation",
    "lacking", "lacking_label", "reason",
)  # fmt: skip


def report(selection: Selection, part: int) -> Iterator[str]:
    """Yield the lines of a part of the report, the first one with number 1."""
    datasets = public_files.each_dataset(selection.search(), (part - 1) * A_PART)
    return csv_table.lines(COLUMNS, map(_row, itertools.islice(datasets, A_PART)))


def _row(dataset: Row) -> list[str]:
    words = in_words(dataset)
    its_categories = categories(dataset)
    whole = stored.completed(dataset)
    licence_id, licence_url = View(whole).licence, ""
    licence = voc.get("licences").get(licence_id)
    if licence:
        licence_id, licence_url = licence.id, licence.data["url"]
    state = DECLARED if declared(dataset) else PROBABLE
    cells = {
        "dataset": [dataset["name"]],
        "title": [dataset["title"]],
        "service": [(dataset.get("organization") or {}).get("title") or ""],
        "state": [state],
        "category": map(voc.get(CATEGORIES).as_stored, its_categories),
        "category_label": words["categories"],
        "legislation": [HIGH_VALUE_REGULATION],
        "metadata": [relations.permalink(dataset)],
        "licence": [licence_id],
        "licence_url": [licence_url],
        "api": apis(dataset),
        "bulk_download": downloads(dataset),
        "contact": contacts(whole),
        "documentation": View(dataset).many("documentation"),
        "lacking": lacking(dataset, its_categories),
        "lacking_label": words["lacking"],
        "reason": words["reasons"],
    }
    return [_SEPARATOR.join(filter(None, cells[name])) for name in COLUMNS]
