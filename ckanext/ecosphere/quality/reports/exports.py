"""Figures as CSV, safe to open in a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ckanext.ecosphere.quality import config
from ckanext.ecosphere.shared.csv_table import write

MEASURES = ("datasets", "mean", "median", "mean_mqa", "mean_inspire")


def services(found: Mapping[str, Any]) -> str:
    """Return all services of `overview.overview` as CSV, those too small to compare included and marked."""
    return _groups(found, "services", {"service": "name", "title": "title"})


def themes(found: Mapping[str, Any]) -> str:
    """Return all themes of `overview.overview` as CSV, those too small to compare included and marked."""
    return _groups(found, "themes", {"theme": "id", "title": "label"})


def territories(found: Mapping[str, Any]) -> str:
    """Return all territories of `overview.overview` as CSV, those too small to compare included and marked."""
    return _groups(found, "territories", {"territory": "id", "title": "label", "kind": "kind"})


def evolution(found: Mapping[str, Any]) -> str:
    """Return the mean score over time of `overview.overview` as CSV, one row per day of change."""
    columns = ("day", "datasets", "mean")
    return write(columns, ([point[name] for name in columns] for point in found["trend"]))


def losses(found: Mapping[str, Any]) -> str:
    """Return what harvested datasets fail, of `overview.overview`, as CSV, one row per criterion."""
    columns = ("criterion", "label", "failing", "lost")
    return write(columns, ([each[name] for name in columns] for each in (found["losses"] or {}).get("criteria", ())))


#: Table of the open data → how it is written.
TABLES = {"services": services, "themes": themes, "territories": territories, "evolution": evolution, "losses": losses}


def _groups(found: Mapping[str, Any], name: str, names: Mapping[str, str]) -> str:
    levels = config.model().level_codes
    rows = (
        [
            *(group[key] for key in names.values()),
            *(group[measure] for measure in MEASURES),
            *(level["datasets"] for level in group["levels"]),
            compared,
        ]
        for part, compared in ((name, "yes"), (f"small_{name}", "no"))
        for group in found[part]
    )
    return write((*names, *MEASURES, *levels, "compared"), rows)


def datasets(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the datasets of a service as CSV, one row each, one column per criterion."""
    criteria = [criterion.id for criterion in config.model().criteria]
    columns = ("dataset", "title", "private", "score", "level", "mqa", "inspire", *criteria)
    return write(
        columns,
        (
            [
                row["name"],
                row["title"],
                "yes" if row["private"] else "no",
                row["score"],
                row["level"],
                row["mqa"],
                row["inspire"],
                *(row["results"].get(criterion, "") for criterion in criteria),
            ]
            for row in rows
        ),
    )
