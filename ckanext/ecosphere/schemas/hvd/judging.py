"""Judge a dataset: categories that it declares, those that are probable and why, and what it lacks.

The rules are the tables of this folder. Data that not everyone may have are never probable, nor are services, code, and
members of a series, which is judged itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.dataset.view import View
from ckanext.ecosphere.shared import reach
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

Dataset = Mapping[str, Any]


@dataclass(frozen=True)
class Reason:
    """Why a category is probable.

    Attributes:
        category: id of the category.
        field: the field of the dataset that tells.
        label_fr, label_en: its value.
        section: section of the annex of the regulation.
    """

    category: str
    field: str
    label_fr: str
    label_en: str
    section: str


def declared(dataset: Dataset) -> list[str]:
    """Return the ids of the categories that a dataset declares; a narrower one, which the list lacks, by its URI."""
    categories = []
    for value in View(dataset).many("hvd_category"):
        concept = voc.get(CATEGORIES).get(value)
        categories.append(concept.id if concept else value)
    return list(dict.fromkeys(categories))


def categories(dataset: Dataset) -> list[str]:
    """Return the categories that a dataset declares, else those that are probable."""
    return declared(dataset) or list(dict.fromkeys(reason.category for reason in reasons(dataset)))


def reasons(dataset: Dataset) -> list[Reason]:
    """Return why a dataset that declares no category probably has one, the strongest reason of each category first."""
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
                section = _requirements()[deduction.category]["section"]
                yield Reason(deduction.category, field, concept.label_fr, concept.label_en, section)


def lacking(dataset: Dataset, of_categories: Iterable[str]) -> list[str]:
    """Return what the regulation requires for categories and a dataset does not offer: ids of `REQUIREMENTS`."""
    rows = [_requirements()[category] for category in of_categories if category in _requirements()]
    if not rows:
        rows = list(_requirements().values())  # a narrower category: what all of them require
    required = [name for name in REQUIREMENTS if "yes" in {row[name] for row in rows}]
    return [name for name in required if not _HAS[name](dataset)]


def index(document: dict[str, Any], dataset: Dataset) -> None:
    """Add the judgement of a dataset to its index document, in place."""
    found = categories(dataset)
    if found:
        field = DECLARED_FIELD if declared(dataset) else PROBABLE_FIELD
        document[field] = found
        requirements = lacking(dataset, found)
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


def _data(dataset: Dataset) -> list[Mapping[str, Any]]:
    """Return the resources with data that are reachable from the internet."""
    data = []
    for resource in View(dataset).rows("resources"):
        if not reach.is_document(resource) and not links.is_internal(resource):
            data.append(resource)
    return data


def _format(resource: Mapping[str, Any]) -> str:
    name = str(resource.get("format") or "")
    concept = links.format_called(name)
    if concept is None:
        return name
    return concept.id


@cache
def _rows(name: str) -> tuple[dict[str, str], ...]:
    return tuple(tables.rows(Path(__file__).with_name(f"{name}.csv")))


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
