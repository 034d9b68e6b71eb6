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
from ckanext.ecosphere.schemas.iso.reading import Reader
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
    known = voc.get(CATEGORIES)
    found = []
    for value in Reader(dataset).texts("hvd_category"):
        concept = known.get(value)
        found.append(concept.id if concept else value)
    return list(dict.fromkeys(found))


def reasons(dataset: Dataset) -> list[Reason]:
    """Return why a dataset that declares no category probably has one, the strongest reason of each category first."""
    read = Reader(dataset)
    judged = read.kind in _WITH_DATA and not read.texts("hvd_category") and not read.texts("in_series")
    return list(_deduced(read)) if judged and not reach.is_restricted(dataset) else []


def _deduced(read: Reader) -> Iterator[Reason]:
    title = voc.normalise(read.text("title"))
    if _beside().search(title):
        return
    for (field, vocabulary), deductions in _deductions().items():
        for value in read.texts(field):
            concept = voc.get(vocabulary).get(value)
            deduction = concept and (deductions.get(concept.id) or deductions.get(_ANY))
            if concept and deduction and deduction.words.search(title):
                section = _requirements()[deduction.category]["section"]
                yield Reason(deduction.category, field, concept.label_fr, concept.label_en, section)


def lacking(dataset: Dataset, categories: Iterable[str]) -> list[str]:
    """Return what the regulation requires for categories and a dataset does not offer: ids of `REQUIREMENTS`."""
    asked = [_requirements()[category] for category in categories if category in _requirements()]
    if not asked:
        asked = list(_requirements().values())  # a narrower category: what all of them require
    return [name for name in REQUIREMENTS if any(row[name] == "yes" for row in asked) and not _HAS[name](dataset)]


def index(document: dict[str, Any], dataset: Dataset) -> None:
    """Add the judgement of a dataset to its index document, in place."""
    said = declared(dataset)
    probable = [] if said else list(dict.fromkeys(reason.category for reason in reasons(dataset)))
    if said or probable:
        found = {DECLARED_FIELD: said, PROBABLE_FIELD: probable, LACKING_FIELD: lacking(dataset, said or probable)}
        document |= {name: values for name, values in found.items() if values}


def apis(dataset: Dataset) -> list[str]:
    """Return the addresses of a dataset from which programs take parts of its data."""
    return [str(each.get("url") or "") for each in _data(dataset) if _format(each) in _column("apis", "format")]


def downloads(dataset: Dataset) -> list[str]:
    """Return the addresses of a dataset at which the data are downloaded as a whole."""
    files = (each for each in _data(dataset) if reach.formats_by_way({"resources": [each]}).keys() == _FILE)
    return [str(each.get("download_url") or each.get("url") or "") for each in files]


def contacts(dataset: Dataset) -> list[str]:
    """Return the mailboxes and web forms of the contacts of a dataset."""
    rows = Reader(dataset).rows("contact")
    return [str(row.get("email") or row.get("url")) for row in rows if row.get("email") or row.get("url")]


def _has_licence(dataset: Dataset) -> bool:
    return Reader(dataset).text("license_id") in _column("licences", "licence")


_FILE = {reach.DOWNLOAD}
_HAS = {"api": apis, "bulk": downloads, "licence": _has_licence, "contact": contacts}


def _data(dataset: Dataset) -> list[Mapping[str, Any]]:
    """Return the resources with data that are reachable from the internet."""
    resources = Reader(dataset).rows("resources")
    return [each for each in resources if not reach.is_document(each) and not links.is_internal(each)]


def _format(resource: Mapping[str, Any]) -> str:
    name = str(resource.get("format") or "")
    known = links.format_called(name)
    return known.id if known else name


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
    found: dict[tuple[str, str], dict[str, _Deduction]] = {}
    for row in _rows("deductions"):
        deduction = _Deduction(row["category"], _beginnings(row["words"]))
        found.setdefault((row["field"], row["vocabulary"]), {})[row["value"]] = deduction
    return found


@cache
def _beside() -> re.Pattern[str]:
    """Return a pattern for titles of pictures and acts, which are no data of a theme."""
    return _beginnings(";".join(row["words"] for row in _rows("beside")))


def _beginnings(words: str) -> re.Pattern[str]:
    """Return a pattern for words that begin like one of these; for any text, if there are none."""
    return re.compile(rf"\b(?:{words.replace(';', '|')})" if words else "")
