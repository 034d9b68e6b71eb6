"""Rules for conformity reports, the specifications that the data follow, and quality measures."""

from __future__ import annotations

import re
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.dates import parse_date
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.tables import is_placeholder, plain, rows
from ckanext.ecosphere.harvest.normalise.texts import cut, one_line
from ckanext.ecosphere.harvest.record import Conformity, QualityMeasure

MAX_REPORTS, MAX_EXPLANATION = 30, 300
_NOT_EVALUATED = re.compile(
    r"\b(non|pas( ete)?|not) (encore )?(evaluee?s?|evaluated|testee?s?|tested|verifiee?s?)\b|evaluation non realisee"
)
"""Explanation that makes the degree "not evaluated": forms only offer "true" and "false"."""
_DIRECTIVE = "/eli/dir/"
_DEGREES = {True: "conformant", False: "notConformant", None: "notEvaluated"}


def specification_uri(title: str) -> str | None:
    """Return the URI of a specification named in a title (INSPIRE regulations).

    If there are several, the first one, since a regulation names the one that it amends after itself; the directive,
    which all of them implement, only if it is alone.
    """
    bare = f" {plain(title[:500])} "
    found = [(_DIRECTIVE in row["uri"], place, row["uri"]) for row in rows("specifications")
             if (place := bare.find(f" {row['name']} ")) >= 0]  # fmt: skip
    return min(found)[-1] if found else None


def conformity(draft: Draft) -> None:
    """Keep each report once; a specification that the data conform to is also one that they follow."""
    kept: list[dict[str, Any]] = []
    followed: list[str] = []
    for report in draft.record.conformity[:MAX_REPORTS]:
        if is_placeholder(report.title) and not report.href:
            said = (report.title, report.explanation, *(dated.value for dated in report.dates))
            draft.lost("report", [each for each in said if each])
            continue
        item = report_of(report)
        if item not in kept:
            kept.append(item)
        if degree_of(report) and item.get("uri"):
            followed.append(item["uri"])
    if len(draft.record.conformity) > MAX_REPORTS:
        total = len(draft.record.conformity)
        draft.too_many("report", total, MAX_REPORTS)
    draft.set("conformity", kept)
    draft.set("conforms_to", list(dict.fromkeys(followed)))


def _dimension(measure: QualityMeasure) -> str:
    known = voc.get("quality-dimension").find(measure.element)
    return known.id if known else ""


def quality_measures(draft: Draft) -> None:
    """Keep each quality measure once, with its dimension."""
    kept: list[dict[str, Any]] = []
    for measure in draft.record.measures[:MAX_REPORTS]:
        item = {
            "dimension": _dimension(measure),
            "name": cut(one_line(measure.name), 500),
            "value": cut(one_line(measure.value), 500),
            "unit": cut(one_line(measure.unit), 100),
        }
        item = {key: value for key, value in item.items() if value}
        if item not in kept:
            kept.append(item)
    if len(draft.record.measures) > MAX_REPORTS:
        draft.too_many("report", len(draft.record.measures), MAX_REPORTS)
    if kept:
        draft.set("quality_measure", kept)


def degree_of(report: Conformity) -> bool | None:
    """Return whether the data conform; None when the explanation states that it was not evaluated."""
    explained = plain((report.explanation or "")[:MAX_EXPLANATION])
    return None if not report.degree and _NOT_EVALUATED.search(explained) else report.degree


def report_of(report: Conformity) -> dict[str, Any]:
    """Return a report as a row: specification, its URI and date, degree."""
    title = cut(one_line(report.title), 500)
    href = report.href if report.href and report.href.startswith(("http://", "https://")) else None
    by_type = {(dated.type or ""): parse_date(dated.value) for dated in report.dates}
    dates = [by_type.get("publication"), by_type.get("revision"), *by_type.values()]
    return {
        "specification": title or href or "",
        "uri": href or specification_uri(title) or "",
        "date": next(filter(None, dates), ""),
        "degree": voc.get("conformity-degree")[_DEGREES[degree_of(report)]].uri,
    }
