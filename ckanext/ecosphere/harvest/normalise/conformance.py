"""Rules for conformity reports, the specifications that the data follow, and quality measures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.dates import parse_date
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.tables import is_placeholder, plain, rows
from ckanext.ecosphere.harvest.normalise.texts import cut, one_line
from ckanext.ecosphere.harvest.record import Conformity, QualityMeasure

MAX_REPORTS, MAX_EXPLANATION = 30, 300
MAX_NAME, MAX_UNIT = 500, 100
_NOT_EVALUATED = re.compile(
    r"\b(non|pas( ete)?|not) (encore )?"
    r"(evaluee?s?|evaluated|testee?s?|tested|verifiee?s?)\b|evaluation non realisee"
)
"""Explanation that makes the degree "not evaluated": forms only offer "true" and "false"."""
_DIRECTIVE = "/eli/dir/"
_DEGREES = {True: "conformant", False: "notConformant", None: "notEvaluated"}


def specification_uri(title: str) -> str:
    """Return the URI of a specification named in a title (INSPIRE regulations), or "".

    If there are several, the first one, since a regulation names the one that it amends after
    itself; the directive, which all of them implement, only if it is alone.
    """
    bare = f" {plain(title[:MAX_NAME])} "
    candidates = []
    for row in rows("specifications"):
        place = bare.find(f" {row['name']} ")
        if place >= 0:
            candidates.append((_DIRECTIVE in row["uri"], place, row["uri"]))
    return min(candidates, default=(False, 0, ""))[-1]


def conformity(draft: Draft) -> None:
    """Keep each report once; a specification that the data conform to is one that they follow."""
    reports: list[dict[str, Any]] = []
    followed: list[str] = []
    for report in _bounded(draft, draft.record.conformity):
        if is_placeholder(report.title) and not report.href:
            dates = [dated.value for dated in report.dates]
            draft.lost("report", [*filter(None, (report.title, report.explanation, *dates))])
            continue
        row = _row(report)
        if row not in reports:
            reports.append(row)
        if _degree(report) and row["uri"]:
            followed.append(row["uri"])
    draft.set("conformity", reports)
    draft.set("conforms_to", list(dict.fromkeys(followed)))


def _bounded(draft: Draft, items: list[Any]) -> Iterator[Any]:
    yield from items[:MAX_REPORTS]
    if len(items) > MAX_REPORTS:
        draft.too_many("report", len(items), MAX_REPORTS)


def _degree(report: Conformity) -> bool | None:
    """Return whether the data conform; None when it was not evaluated, by the explanation too."""
    explanation = plain((report.explanation or "")[:MAX_EXPLANATION])
    if not report.degree and _NOT_EVALUATED.search(explanation):
        return None
    return report.degree


def _row(report: Conformity) -> dict[str, Any]:
    """Return a report as a row: specification, its URI and date, degree."""
    title = cut(one_line(report.title), MAX_NAME)
    href = report.href or ""
    if not href.startswith(("http://", "https://")):
        href = ""
    by_type = {(dated.type or ""): parse_date(dated.value) for dated in report.dates}
    dates = (by_type.get("publication"), by_type.get("revision"), *by_type.values())
    return {
        "specification": title or href,
        "uri": href or specification_uri(title),
        "date": next(filter(None, dates), ""),
        "degree": voc.get("conformity-degree")[_DEGREES[_degree(report)]].uri,
    }


def quality_measures(draft: Draft) -> None:
    """Keep each quality measure once, with its dimension."""
    measures: list[dict[str, Any]] = []
    for row in _measures(_bounded(draft, draft.record.measures)):
        if row not in measures:
            measures.append(row)
    if measures:
        draft.set("quality_measure", measures)


def _measures(measures: Iterable[QualityMeasure]) -> Iterator[dict[str, Any]]:
    for measure in measures:
        row = {
            "name": cut(one_line(measure.name), MAX_NAME),
            "value": cut(one_line(measure.value), MAX_NAME),
            "unit": cut(one_line(measure.unit), MAX_UNIT),
        }
        dimension = voc.get("quality-dimension").find(measure.element)
        if dimension:
            row["dimension"] = dimension.id
        yield {name: value for name, value in row.items() if value}
