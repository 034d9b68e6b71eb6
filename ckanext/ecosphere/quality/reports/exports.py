"""CSV exports of quality figures, safe to open in a spreadsheet.

Columns are named by stable codes; for coded values (level, kind, yes or no), a column `…_label` holds the text in the
reader's language.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.quality import config
from ckanext.ecosphere.quality.reports import presentation
from ckanext.ecosphere.shared.csv_table import write

MEASURES = ("datasets", "mean", "median", "mean_mqa", "mean_inspire")


def services(found: Mapping[str, Any]) -> str:
    """Return all services of `overview.overview` as CSV, including those too small to compare, which are marked."""
    return _groups(found, "services", {"service": "name", "title": "title"})


def themes(found: Mapping[str, Any]) -> str:
    """Return all themes of `overview.overview` as CSV, including those too small to compare, which are marked."""
    return _groups(found, "themes", {"theme": "id", "title": "label"})


def territories(found: Mapping[str, Any]) -> str:
    """Return all territories of `overview.overview` as CSV, including those too small to compare, which are marked."""
    kinds = {"region": tk._("Région"), "departement": tk._("Département")}
    words = {"kind_label": lambda group: kinds.get(group["kind"], "")}
    return _groups(found, "territories", {"territory": "id", "title": "label", "kind": "kind"}, words)


def evolution(found: Mapping[str, Any]) -> str:
    """Return the mean score over time of `overview.overview` as CSV, one row per day of change."""
    columns = ("day", "datasets", "mean")
    return write(columns, ([point[name] for name in columns] for point in found["trend"]))


def losses(found: Mapping[str, Any]) -> str:
    """Return the failures of harvested datasets of `overview.overview` as CSV, one row per criterion."""
    columns = ("criterion", "label", "failing", "lost")
    return write(columns, ([each[name] for name in columns] for each in (found["losses"] or {}).get("criteria", ())))


#: Name of a table → function that returns it as CSV.
TABLES = {"services": services, "themes": themes, "territories": territories, "evolution": evolution, "losses": losses}


def _groups(
    found: Mapping[str, Any],
    name: str,
    names: Mapping[str, str],
    words: Mapping[str, Callable[[Mapping[str, Any]], str]] = MappingProxyType({}),
) -> str:
    levels = config.model().level_codes
    rows = (
        [
            *(group[key] for key in names.values()),
            *(group[measure] for measure in MEASURES),
            *(level["datasets"] for level in group["levels"]),
            compared,
            _yes_or_no(compared == "yes"),
            *(word(group) for word in words.values()),
        ]
        for part, compared in ((name, "yes"), (f"small_{name}", "no"))
        for group in found[part]
    )
    return write((*names, *MEASURES, *levels, "compared", "compared_label", *words), rows)


def datasets(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the datasets of a service as CSV, one row each.

    Each criterion has two columns: its result in words, and as a code.
    """
    criteria = [criterion.id for criterion in config.model().criteria]
    states = presentation.state_labels()
    columns = ("dataset", "title", "private", "private_label", "score", "level", "level_label", "mqa", "inspire")
    columns += tuple(f"{criterion}_label" for criterion in criteria) + tuple(criteria)
    return write(
        columns,
        (
            [
                row["name"],
                row["title"],
                "yes" if row["private"] else "no",
                _yes_or_no(row["private"]),
                row["score"],
                row["level"],
                presentation.level_label(row["level"]),
                row["mqa"],
                row["inspire"],
                *(states.get(row["results"].get(criterion), "") for criterion in criteria),
                *(row["results"].get(criterion, "") for criterion in criteria),
            ]
            for row in rows
        ),
    )


def _yes_or_no(value: bool) -> str:
    return tk._("Yes") if value else tk._("No")
