"""Measure whether the search does what it says: exclusions are excluded, missing subjects are said to be missing.

Part of `make bench-relevance`, on any catalogue; a subject that the catalogue has after all is left out. A third of the
queries, marked `aside`, is not used for tuning.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ckanext.ecosphere.search.relevance.search import KEY
from ckanext.ecosphere.search.relevance.solr import INSIDE_FIELD
from ckanext.ecosphere.vocabularies import gazetteer

import ckan.plugins.toolkit as tk  # isort: skip

DATA = Path(__file__).parent / "data"
TARGET = 0.95
DEPTH = 100
"""Results looked at per query."""
ASIDE = "aside"

Row = dict[str, str]


@dataclass(frozen=True)
class Record:
    """A dataset of the index.

    Attributes:
        name: its name.
        text: title and keywords.
        places: its own places.
        inside: all that contains them.
        subject: subject recognised from its title; empty for one that was not generated.
        level: level of that subject.
    """

    name: str
    text: str
    places: frozenset[str]
    inside: frozenset[str]
    subject: str
    level: str


def rows(name: str) -> list[Row]:
    """Return the queries of a file."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def answer(query: str, **parameters: Any) -> dict[str, Any]:
    """Return what the portal answers to an anonymous person."""
    asked = {"q": query, "rows": DEPTH, "facet": "false", "fq": "+dataset_type:dataset", **parameters}
    return tk.get_action("package_search")({"user": ""}, asked)


def exclusion_fault(row: Row) -> str:
    """Return what is wrong with the answer to a query that excludes something, or ""."""
    found = answer(row["query"])
    told = found[KEY]
    place = (told["place"] or {}).get("id", "-")
    excludes = row["without"] or row["format"] or row["not_at"]
    if bool(excludes) != bool(told["excluded"]):
        return f"excluded {told['excluded']}"
    if row["place"] not in ("*", place):
        return f"place {place}"
    for dataset in found["results"]:
        if row["without"] and re.search(row["without"], dataset["title"], re.IGNORECASE):
            return f"shows {dataset['title']}"
        if row["format"] in {each.get("format") for each in dataset["resources"]} - {"", None}:
            return f"shows {row['format']} in {dataset['title']}"
    inside = [f'{INSIDE_FIELD}:"{value}"' for value in row["not_at"].split("|") if value]
    if inside and answer(row["query"], fq=f"+dataset_type:dataset +({' OR '.join(inside)})")["count"]:
        return "shows the excluded place"
    return ""


def applies(row: Row, catalogue: list[Record]) -> bool:
    """Return whether the catalogue lacks the missing subject of a row at its place, or has the other."""
    place = gazetteer.of_id(row["place"]) if row["place"] else None
    around = {*place.ids, *place.around, *gazetteer.COUNTRIES} if place else set()
    pattern = re.compile(row["pattern"], re.IGNORECASE)
    here = (each for each in catalogue if not place or each.places & around or each.inside & set(place.ids))
    return any(pattern.search(each.text) for each in here) != bool(row["missing"])


def missing_fault(row: Row) -> str:
    """Return what is wrong with the answer to a query whose subject may be missing, or ""."""
    told = answer(row["query"])[KEY]
    said = [each["words"] for each in (*told["missing"], *told["unsaid"])]
    if not row["missing"]:
        return f"said to be missing: {said}" if told["missing"] else ""
    named = any(each.lower() in row["missing"].lower() or row["missing"].lower() in each.lower() for each in said)
    return "" if named else f"said to be missing: {said}"


def measure(catalogue: list[Record], *, show: bool) -> None:
    """Print the share of right answers of both sets.

    Args:
        catalogue: all public datasets.
        show: whether to name the queries that fail; not those kept aside.
    """
    lacking = rows("missing_queries.csv")
    apt = [row for row in lacking if applies(row, catalogue)]
    print(f"\nexclusions and missing subjects: share that is right, of {len(catalogue)} datasets", end="")
    print(f"; {len(lacking) - len(apt)} queries do not apply to this catalogue")
    _figures("exclusions", rows("exclusion_queries.csv"), exclusion_fault, show=show)
    _figures("missing subjects", apt, missing_fault, show=show)


def _figures(name: str, asked: list[Row], fault: Callable[[Row], str], *, show: bool) -> None:
    parts: dict[str, list[bool]] = defaultdict(list)
    faults = []
    for row in asked:
        wrong = fault(row)
        parts[row["part"]].append(not wrong)
        if wrong and row["part"] != ASIDE:
            faults.append(f"    {row['query']}: {wrong}")
    for part, right in sorted(parts.items()):
        share = sum(right) / len(right)
        verdict = "" if share >= TARGET else f"  below {TARGET}"
        print(f"{name + ', ' + part:34} {len(right):4}  {share:8.3f}{verdict}")
    if show:
        print("\n".join(faults))
