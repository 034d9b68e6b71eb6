"""Measure search relevance with judged queries over the demonstration catalogue.

    COUNT=27897 make demo && make bench-relevance
    make bench-relevance SHOW=0.7     # lists the queries below this NDCG@10

A third of the queries (by a hash of the query) is held out from tuning, and others were written
blind; figures are printed for each part. Each dataset of the generated catalogue is graded by rule:
3 if its subject answers the query and its place is the one asked for, or the smallest around it
that this subject has; 2 if its place is a larger one; 1 for a related subject; else 0.

NDCG@10 with gains 2^grade - 1 (Järvelin and Kekäläinen 2002; Burges et al. 2005), hit@1 and MRR on
the best grade that a dataset has for the query, normally 3; recall@20 on grades from 2; share of
queries without any result. Then, whether the search does what it says: exclusions are excluded,
missing subjects are said to be missing; a subject that the catalogue has after all is left out, and
a third of these queries, marked `aside`, is not used for tuning.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import math
import re
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pysolr
from ckan import plugins
from ckanext.ecosphere.search.relevance.search import KEY
from ckanext.ecosphere.search.relevance.solr import INSIDE_FIELD, PLACE_FIELD
from ckanext.ecosphere.vocabularies import gazetteer

from dev.bench import portal
from dev.stack.settings import LOCAL

import ckan.plugins.toolkit as tk  # isort: skip

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parent / "data"
DEPTH, RECALL_DEPTH, BATCH = 10, 20, 500
_COUNTRYWIDE = ("region", "mer")
TUNED_ON, ASIDE = "tuned on", "aside"
#: Share of right answers about exclusions and missing subjects, and results looked at for each.
TARGET, CHECKED_DEPTH = 0.95, 100
#: Files of judged queries, those written by people who had not seen the search marked.
FILES = {"judged": False, "blind": True, "blind2": True, "blind3": True, "blind4": True}


Row = dict[str, str]


@dataclass(frozen=True)
class Question:
    """A judged query; see `data/judged_queries.csv`."""

    query: str
    kind: str
    subjects: tuple[str, ...]
    also: tuple[str, ...]
    place: str
    blind: bool

    @property
    def part(self) -> str:
        """`tuned on`, `aside` (held out), or `blind`: written by a
        person who had not seen the search.
        """
        return "blind" if self.blind else part_of(self.query)


class Score(NamedTuple):
    """Figures of an answer: NDCG@10, hit@1, reciprocal rank, recall@20,
    and 1 for one without results.
    """

    ndcg: float
    first: float
    reciprocal: float
    recall: float
    empty: float


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


def part_of(text: str) -> str:
    """Return whether something with this text is used for tuning (two thirds) or held out."""
    return ASIDE if hashlib.sha1(text.encode()).digest()[0] % 3 == 0 else TUNED_ON


def rows(name: str) -> list[Row]:
    """Return the queries of a file."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def questions() -> list[Question]:
    """Return the judged queries of all files."""
    found = []
    for name, blind in FILES.items():
        for row in rows(f"{name}_queries.csv"):
            subjects, also = (tuple(filter(None, row[column].split("|"))) for column in ("subjects", "also"))
            found.append(Question(row["query"], row["kind"], subjects, also, row["place"], blind))
    return found


def records(solr: pysolr.Solr) -> list[Record]:
    """Return every public dataset of the index, with its subject."""
    patterns, catalogue = list(_patterns()), []
    for document in _documents(solr, f"name,title,tags,{PLACE_FIELD},{INSIDE_FIELD}"):
        title = str(document.get("title") or "")
        places, inside = (frozenset(document.get(name) or ()) for name in (PLACE_FIELD, INSIDE_FIELD))
        matches = ((slug, level) for slug, level, pattern in patterns if pattern.search(title))
        text = " ".join([title, *document.get("tags", ())])
        catalogue.append(Record(document["name"], text, places, inside, *next(matches, ("", ""))))
    return catalogue


def _patterns() -> Iterator[tuple[str, str, re.Pattern[str]]]:
    with (ROOT / "dev" / "demo" / "subjects.csv").open(encoding="utf-8", newline="") as file:
        for row in sorted(csv.DictReader(file), key=lambda row: -len(row["title"])):  # "type II" before "type I"
            gap = r".{0,80}?"
            parts = [re.sub(r"(?:\\ )?\\\{\w+\\\}(?:\\ )?", gap, re.escape(row[name])) for name in ("title", "table")]
            yield row["slug"], row["level"], re.compile("|".join(parts), re.IGNORECASE)


def _documents(solr: pysolr.Solr, fields: str) -> Iterator[dict[str, Any]]:
    asked = {"fl": fields, "rows": BATCH, "sort": "index_id asc", "cursorMark": "*"}
    asked["fq"] = "+entity_type:package +state:active +capacity:public +dataset_type:dataset"
    while True:
        answer = solr.search("*:*", **asked)
        yield from answer.docs
        if answer.nextCursorMark == asked["cursorMark"]:
            return
        asked["cursorMark"] = answer.nextCursorMark


def grade(question: Question, record: Record) -> int:
    """Grade a dataset for a query, 0 to 3; of several places, the best grade counts."""
    best = 3 if record.subject in question.subjects else 1 if record.subject in question.also else 0
    if not best or not question.place:
        return best
    return max(_at_place(best, value, record) for value in question.place.split("|"))


def _at_place(best: int, value: str, record: Record) -> int:
    """Return the grade of a subject, limited by where the dataset lies."""
    place = gazetteer.of_id(value)
    assert place is not None, value
    places = record.places
    if (places | record.inside).intersection(place.ids):
        return best
    around = places.intersection(place.around).difference(gazetteer.COUNTRIES)
    if any(not each.startswith(("region-", "zone-")) for each in around):
        return best
    if around:
        return best if record.level in _COUNTRYWIDE else min(best, 2)
    return min(best, 1) if places.intersection(gazetteer.COUNTRIES) else 0


def score(names: list[str], grades: dict[str, int]) -> Score:
    """Return the figures of an answer."""
    gains = [2 ** grades.get(name, 0) - 1 for name in names[:DEPTH]]
    ideal = sorted((2**grade - 1 for grade in grades.values()), reverse=True)[:DEPTH]
    top = max(grades.values())
    rank = next((rank for rank, name in enumerate(names, 1) if grades.get(name, 0) == top), 0)
    wanted = {name for name, grade in grades.items() if grade >= min(2, top)}
    recall = len(wanted & set(names[:RECALL_DEPTH])) / min(RECALL_DEPTH, len(wanted))
    return Score(_dcg(gains) / _dcg(ideal), float(rank == 1), 1 / rank if rank else 0.0, recall, float(not names))


def _dcg(gains: list[int]) -> float:
    return sum(gain / math.log2(rank + 2) for rank, gain in enumerate(gains))


def ours(query: str) -> list[str]:
    """Return the names of the datasets that the portal finds."""
    return [dataset["name"] for dataset in answer(query, rows=RECALL_DEPTH, fl=["name"])["results"]]


# --- what the search says of exclusions and missing subjects ---


def answer(query: str, **parameters: Any) -> dict[str, Any]:
    """Return what the portal answers to an anonymous person."""
    asked = {"q": query, "rows": CHECKED_DEPTH, "facet": "false", "fq": "+dataset_type:dataset", **parameters}
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
    """Return whether the catalogue lacks the missing subject of a row at its place,
    or has the other.
    """
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


def measure_said(catalogue: list[Record], *, show: bool) -> None:
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


def main() -> None:
    """Measure and print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--show", type=float, default=0.0, help="name the questions below this NDCG@10")
    parser.add_argument("--ini", default=str(LOCAL / "ckan.ini"), help="configuration of the portal")
    options = parser.parse_args()
    with portal(options.ini):
        assert plugins.plugin_loaded("ecosphere_search")
        catalogue = records(pysolr.Solr(tk.config["solr_url"], timeout=120))
        _measure(catalogue, options.show)
        measure_said(catalogue, show=bool(options.show))


def _measure(catalogue: list[Record], shown_below: float) -> None:
    """Print the figures by part of the questions and by their kind."""
    judged = [(question, _grades(question, catalogue)) for question in questions()]
    unanswered = [question.query for question, grades in judged if not grades]
    scores = [(question, score(ours(question.query), grades)) for question, grades in judged if grades]
    known = sum(bool(record.subject) for record in catalogue)
    print(f"{len(catalogue)} datasets, {known} of a judged subject; {len(scores)} questions", end="")
    print(f"; no answer in this catalogue: {', '.join(unanswered)}" if unanswered else "")
    print(f"\n{'':34}  NDCG@10    hit@1      MRR   rec@20    empty")
    for attribute in ("part", "kind"):
        groups: dict[str, list[Score]] = defaultdict(list)
        for question, figures in scores:
            groups[getattr(question, attribute)].append(figures)
        for name, members in sorted(groups.items()):
            means = [statistics.mean(column) for column in zip(*members, strict=True)]
            print(f"{name:28} {len(members):4}  " + " ".join(f"{mean:8.3f}" for mean in means))
    low = [(figures.ndcg, question.query) for question, figures in scores if question.part == TUNED_ON]
    for ndcg, query in sorted(low):
        if ndcg < shown_below:
            print(f"    {ndcg:.2f}  {query}")


def _grades(question: Question, catalogue: list[Record]) -> dict[str, int]:
    """Return the grade of each dataset that has one, by name."""
    grades = {record.name: grade(question, record) for record in catalogue}
    return {name: value for name, value in grades.items() if value}


if __name__ == "__main__":
    main()
