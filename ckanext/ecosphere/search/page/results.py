"""Search results: title and excerpt, places, date, ways of access, producer.

Datasets of one series, and datasets of one service with the same title, are grouped under one result.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from typing import Any

import ckan.plugins.toolkit as tk
from markupsafe import Markup

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import facet_values
from ckanext.ecosphere.search.page import highlight
from ckanext.ecosphere.search.relevance import understanding
from ckanext.ecosphere.shared import contact_details, dates, language, reach, template_helpers
from ckanext.ecosphere.vocabularies import communes

MEMBERS = "ecosphere_members"
"""Key of the datasets grouped under a result."""
RANK = "ecosphere_rank"
"""Key of the rank of a result on the page, from 1."""
_EXCERPT = 180
_MOST_PLACES = 2
_MOST_FORMATS = 4
_YEAR = re.compile(r"\d{4}")
_MONTH = re.compile(r"[1-9]\d{3}-(?:0[1-9]|1[0-2])")

Dataset = dict[str, Any]


@dataclass(frozen=True)
class Way:
    """A way of accessing the data.

    Attributes:
        id: id in the vocabulary `data-access`.
        formats: the first formats available this way.
    """

    id: str
    label: str
    formats: tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """A dataset as a result.

    Attributes:
        title, excerpt: HTML, with the search words marked.
        readable: what a table name used as the title stands for ("DFCI piste – Landes"), else "".
        producer: who made the data, "" if that is unknown.
        publisher: title of the service, if it is not known to have made the data.
    """

    title: Markup
    readable: str
    excerpt: Markup
    places: str
    date: str
    producer: str
    publisher: str
    ways: tuple[Way, ...]


def of_dataset(dataset: Dataset, query: str) -> Result:
    """Return the search result of a dataset.

    Args:
        dataset: as returned by `package_search`.
        query: the words of the search.
    """
    lang = language.current()
    words = highlight.words_of(query)
    notes = tk.h.markdown_extract(tk.h.get_translated(dataset, "notes"), extract_length=0) or ""
    service = dataset.get("organization") or {}
    title = tk.h.get_translated(dataset, "title") or dataset["name"]
    title = template_helpers.shown_title(title, dataset.get("dcat_type"))
    service_title = service.get("title") or service.get("name") or ""
    authorship = contact_details.makers_of(dataset)
    return Result(
        title=highlight.mark(title, words),
        readable=understanding.readable(title),
        excerpt=highlight.mark(highlight.excerpt(unescape(str(notes)), words, _EXCERPT), words),
        places=places(dataset.get("territory"), lang),
        date=date(dataset),
        producer=", ".join(
            filter(None, [service_title if authorship.made_here else "", *authorship.others])
        ),
        publisher="" if authorship.made_here else service_title,
        ways=tuple(ways(dataset, lang)),
    )


def places(value: Any, lang: str) -> str:
    """Return the names of a dataset's territories: the first two, and how many others."""
    keys = facet_values.values(value)
    known = voc.get("territories")
    names = [place.name for key in keys if (place := communes.get(key))]
    names += [concept.label(lang) for key in keys if (concept := known.get(key))]
    more = len(names) - _MOST_PLACES
    if more > 1:
        return tk._("{places} and {number} others").format(
            places=", ".join(names[:_MOST_PLACES]), number=more
        )
    return ", ".join(names)


def date(dataset: Dataset) -> str:
    """Return the date of the data, else that of the record: a record harvested today may describe ten-year-old data."""
    modified = str(dataset.get("modified") or "")
    if _YEAR.fullmatch(modified):
        return tk._("Data updated: {date}").format(date=modified)
    text = dates.month(modified) if _MONTH.fullmatch(modified) else dates.day(modified)
    if text:
        return tk._("Data updated: {date}").format(date=text)
    written = dates.day(dataset.get("metadata_modified"))
    return tk._("Record updated on {date}").format(date=written) if written else ""


def ways(dataset: Dataset, lang: str) -> list[Way]:
    """Return the ways of accessing the data, with the formats of each."""
    formats = reach.formats_by_way(dataset)
    labels = voc.get("data-access")
    return [
        Way(way, labels[way].label(lang), tuple(formats.get(way, ())[:_MOST_FORMATS]))
        for way in reach.ways(dataset)
    ]


def grouped(datasets: list[Dataset]) -> list[Dataset]:
    """Group the datasets of a page that belong together under the first of them, in `MEMBERS`, and number the results.

    A series itself comes first in its group if it is on the page. The order of the others is kept.
    """
    groups: dict[str, list[Dataset]] = {}
    by_name = {name: key for key, names in map(_identity, datasets) for name in names}
    for dataset in datasets:
        groups.setdefault(_key(dataset, by_name), []).append(dataset)
    return [{**_with_members(group), RANK: rank} for rank, group in enumerate(groups.values(), 1)]


def _with_members(group: list[Dataset]) -> Dataset:
    first = next(
        (dataset for dataset in group if template_helpers.is_series(dataset.get("dcat_type"))),
        group[0],
    )
    others = [dataset for dataset in group if dataset is not first]
    return {**first, MEMBERS: others} if others else first


def _key(dataset: Dataset, series: dict[str, str]) -> str:
    own = _identity(dataset)[0]
    if own:
        return own
    for reference in facet_values.values(dataset.get("in_series")):
        return series.get(reference, reference)
    namesake = f"{dataset.get('owner_org')} {voc.normalise(dataset.get('title') or '')}"
    return namesake if dataset.get("title") else str(dataset.get("id"))


def _identity(dataset: Dataset) -> tuple[str, list[str]]:
    """Return the group key of a series and the identifiers by which its members may refer to it."""
    if not template_helpers.is_series(dataset.get("dcat_type")):
        return "", []
    fields = ("metadata_identifier", "name", "id", "identifier", "uri")
    names = [str(dataset[key]) for key in fields if dataset.get(key)]
    return names[0], names
