"""Measure search relevance with judged queries over the demonstration catalogue, ours beside stock CKAN.

    COUNT=27897 make demo && make bench-relevance
    make bench-relevance ONLY=ours SHOW=0.7     # lists the queries below this NDCG@10

A third of the queries (by a hash of the query) is held out from tuning, and others were written blind; figures are
printed for each part. Each dataset of the generated catalogue is graded by rule: 3 if its subject answers the query and
its place is the one asked for, or the smallest around it that this subject has; 2 if its place is a larger one; 1 for a
related subject; else 0.

NDCG@10 with gains 2^grade - 1 (Järvelin and Kekäläinen 2002; Burges et al. 2005), hit@1 and MRR on the best grade that
a dataset has for the query, normally 3; recall@20 on grades from 2; share of queries without any result. Then,
for queries that exclude something and for missing subjects (`said.py`), the share that is right.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import math
import re
import shutil
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pysolr
import requests
from ckan import plugins
from ckan.config.middleware import make_app
from ckan.lib.search.query import QUERY_FIELDS

from ckanext.ecosphere.search.relevance.solr import INSIDE_FIELD, PLACE_FIELD
from ckanext.ecosphere.search.relevance.understanding import FEATURES
from ckanext.ecosphere.vocabularies import gazetteer
from dev.bench import said
from dev.stack.settings import LOCAL, ports

import ckan.plugins.toolkit as tk  # isort: skip
from ckan.cli import load_config  # isort: skip

ROOT = Path(__file__).parents[2]
DEPTH, RECALL_DEPTH, BATCH = 10, 20, 500
STOCK_CORE = "bench_stock"
_COUNTRYWIDE = ("region", "mer")


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
        """`tuned on`, `aside` (held out), or `blind`: written by a person who had not seen the search."""
        return "blind" if self.blind else "aside" if self._is_aside() else "tuned on"

    def _is_aside(self) -> bool:
        return hashlib.sha1(self.query.encode()).digest()[0] % 3 == 0


@dataclass(frozen=True)
class Record:
    """A dataset of the index, with the subject recognised from its title; empty for one that was not generated."""

    name: str
    subject: str
    level: str
    places: frozenset[str]
    inside: frozenset[str]


@dataclass
class Scores:
    """Figures of a contestant, one per query.

    Attributes:
        ndcg: NDCG@10.
        first: hit@1.
        reciprocal: reciprocal rank.
        recall: recall@20.
        empty: 1 for a query without results.
    """

    ndcg: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    reciprocal: list[float] = field(default_factory=list)
    recall: list[float] = field(default_factory=list)
    empty: list[float] = field(default_factory=list)

    def row(self) -> str:
        """Return the means as columns."""
        columns = (self.ndcg, self.first, self.reciprocal, self.recall, self.empty)
        return " ".join(f"{statistics.mean(values) if values else 0:8.3f}" for values in columns)


def questions() -> list[Question]:
    """Return the judged queries of all files."""
    split = lambda text: tuple(each for each in text.split("|") if each)  # noqa: E731
    found = []
    for name, blind in (
        ("judged_queries.csv", False),
        ("blind_queries.csv", True),
        ("blind2_queries.csv", True),
        ("blind3_queries.csv", True),
        ("blind4_queries.csv", True),
    ):
        with (Path(__file__).parent / "data" / name).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(line for line in file if not line.startswith("#")):
                subjects, also = split(row["subjects"]), split(row["also"])
                found.append(Question(row["query"], row["kind"], subjects, also, row["place"], blind))
    return found


def records(solr: pysolr.Solr) -> list[Record]:
    """Return every public dataset of the index with its subject."""
    patterns = list(_patterns())
    found = []
    for document in _documents(solr, f"name,title,{PLACE_FIELD},{INSIDE_FIELD}"):
        title = str(document.get("title") or "")
        slug, level = next(((slug, level) for slug, level, pattern in patterns if pattern.search(title)), ("", ""))
        places = frozenset(document.get(PLACE_FIELD) or ())
        found.append(Record(document["name"], slug, level, places, frozenset(document.get(INSIDE_FIELD) or ())))
    return found


def _patterns() -> Iterator[tuple[str, str, re.Pattern[str]]]:
    with (ROOT / "dev" / "demo" / "subjects.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            gap = r".{0,80}?"
            parts = [re.sub(r"(?:\\ )?\\\{\w+\\\}(?:\\ )?", gap, re.escape(row[name])) for name in ("title", "table")]
            yield row["slug"], row["level"], re.compile("|".join(parts), re.IGNORECASE)


def _documents(solr: pysolr.Solr, fields: str) -> Iterator[dict[str, Any]]:
    mark = "*"
    while True:
        answer = solr.search(
            "*:*",
            fq="+entity_type:package +state:active +capacity:public +dataset_type:dataset",
            fl=fields,
            rows=BATCH,
            sort="index_id asc",
            cursorMark=mark,
        )
        yield from answer.docs
        if answer.nextCursorMark == mark:
            return
        mark = answer.nextCursorMark


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
    if record.places & set(place.ids) or record.inside & set(place.ids):
        return best
    around = [each for each in place.around if each not in gazetteer.COUNTRIES]
    if record.places & {each for each in around if not each.startswith(("region-", "zone-"))}:
        return best
    if record.places & set(around):
        return best if record.level in _COUNTRYWIDE else min(best, 2)
    return min(best, 1) if record.places & set(gazetteer.COUNTRIES) else 0


def score(scores: Scores, names: list[str], grades: dict[str, int]) -> float:
    """Add the figures of one answer; return its NDCG@10."""
    gains = [2 ** grades.get(name, 0) - 1 for name in names[:DEPTH]]
    ideal = sorted((2**each - 1 for each in grades.values()), reverse=True)[:DEPTH]
    dcg = lambda values: sum(gain / math.log2(rank + 2) for rank, gain in enumerate(values))  # noqa: E731
    top = max(grades.values())
    ndcg = dcg(gains) / dcg(ideal)
    rank = next((rank for rank, name in enumerate(names, 1) if grades.get(name, 0) == top), 0)
    wanted = [name for name, each in grades.items() if each >= min(2, top)]
    scores.ndcg.append(ndcg)
    scores.first.append(float(rank == 1))
    scores.reciprocal.append(1 / rank if rank else 0.0)
    scores.recall.append(len(set(names[:RECALL_DEPTH]) & set(wanted)) / min(RECALL_DEPTH, len(wanted)))
    scores.empty.append(float(not names))
    return ndcg


def ours(query: str) -> list[str]:
    """Return the names of the datasets that the portal finds."""
    asked = {"q": query, "rows": RECALL_DEPTH, "fl": ["name"], "facet": "false", "fq": "+dataset_type:dataset"}
    return [each["name"] for each in tk.get_action("package_search")({"user": ""}, asked)["results"]]


def stock(solr: pysolr.Solr) -> Callable[[str], list[str]]:
    """Return a search function that works as CKAN 2.12 without extensions: its schema, fields and query parser."""

    def answer(query: str) -> list[str]:
        words = {} if ":" in query else {"defType": "dismax", "tie": "0.1", "mm": "2<-1 5<80%", "qf": QUERY_FIELDS}
        asked = {"fl": "name", "rows": RECALL_DEPTH, "q.op": "AND", "df": "text", **words}
        asked["sort"] = "score desc, metadata_modified desc"
        try:
            return [each["name"] for each in solr.search(query, **asked).docs]
        except pysolr.SolrError:
            return []

    return answer


def stock_core(source: pysolr.Solr) -> pysolr.Solr:
    """Return a core with CKAN's own schema and the portal's documents as CKAN alone would have written them."""
    base = f"http://127.0.0.1:{ports()['solr']}/solr"
    home = LOCAL / "solr" / "home" / STOCK_CORE
    if not (home / "core.properties").exists():
        shutil.copytree(LOCAL / "solr" / "home" / "ckan" / "conf", home / "conf", dirs_exist_ok=True)
        for left in (home / "conf").glob("_schema_analysis*"):
            left.unlink()
        shutil.copy(
            next((ROOT / ".venv").glob("lib/python3*/site-packages/ckan/config/solr/schema.xml")),
            home / "conf" / "managed-schema.xml",
        )
        params = {"action": "CREATE", "name": STOCK_CORE, "instanceDir": STOCK_CORE}
        requests.get(f"{base}/admin/cores", params=params, timeout=60).raise_for_status()
    core = pysolr.Solr(f"{base}/{STOCK_CORE}", always_commit=False, timeout=120)
    if (
        core.search("*:*", rows=0).hits
        != source.search("*:*", fq="+capacity:public +dataset_type:dataset", rows=0).hits
    ):
        core.delete(q="*:*")
        batch = []
        for document in _documents(source, "*"):
            batch.append({key: value for key, value in document.items() if not _is_ours(key)})
            if len(batch) == BATCH:
                core.add(batch)
                batch = []
        core.add(batch, commit=True)
    return core


def _is_ours(key: str) -> bool:
    return "ecosphere" in key or key in ("_version_", "minx", "maxx", "miny", "maxy", "spatial_geom", "score")


def main() -> None:
    """Measure and print the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--only", choices=("ours", "said"), help="leave out stock CKAN and the ablation, or all but what is said"
    )
    parser.add_argument("--show", type=float, default=0.0, help="name the questions below this NDCG@10")
    parser.add_argument("--parts", nargs="+", default=["tuned on"], help="parts whose questions are named")
    options = parser.parse_args()
    app: Any = make_app(load_config(str(LOCAL / "ckan.ini")))
    with app._wsgi_app.test_request_context():
        _measure(options)


def _measure(options: argparse.Namespace) -> None:
    assert plugins.plugin_loaded("ecosphere_search")
    source = pysolr.Solr(tk.config["solr_url"], timeout=120)
    if options.only != "said":
        _compare(source, options)
    said.measure(described(source), show=bool(options.show))


def described(solr: pysolr.Solr) -> list[said.Described]:
    """Return title with keywords, and places, of every public dataset of the index."""
    return [
        said.Described(
            " ".join([str(each.get("title") or ""), *each.get("tags", ())]),
            frozenset(each.get(PLACE_FIELD, ())),
            frozenset(each.get(INSIDE_FIELD, ())),
        )
        for each in _documents(solr, f"title,tags,{PLACE_FIELD},{INSIDE_FIELD}")
    ]


def _grades(question: Question, catalogue: list[Record]) -> dict[str, int]:
    """Return the grade of each dataset that has one, by name."""
    grades = {record.name: grade(question, record) for record in catalogue}
    return {name: value for name, value in grades.items() if value}


def _compare(source: pysolr.Solr, options: argparse.Namespace) -> None:
    catalogue = records(source)
    judged = [(question, _grades(question, catalogue)) for question in questions()]
    unanswered = [question.query for question, grades in judged if not grades]
    judged = [(question, grades) for question, grades in judged if grades]
    known = sum(bool(each.subject) for each in catalogue)
    print(f"{len(catalogue)} datasets, {known} of a judged subject; {len(judged)} questions", end="")
    print(f"; no answer in this catalogue: {', '.join(unanswered)}" if unanswered else "")
    contestants: list[tuple[str, Callable[[str], list[str]], str]] = []
    if not options.only:
        contestants.append(("stock CKAN 2.12", stock(stock_core(source)), ""))
        contestants += [(f"without {feature}", ours, feature) for feature in FEATURES]
    contestants.append(("the portal", ours, ""))
    print(f"\n{'':34}  NDCG@10    hit@1      MRR   rec@20    empty")
    for name, answer, without in contestants:
        tk.config["ecosphere.search.without"] = [without] if without else []
        parts: dict[str, Scores] = {}
        low = []
        for question, grades in judged:
            names = answer(question.query)
            result = 0.0
            for key in (question.part, *([f"  {question.kind}"] if name == "the portal" else [])):
                result = score(parts.setdefault(key, Scores()), names, grades)
            if result < options.show and question.part in options.parts and name == "the portal":
                low.append((result, question.query))
        for key, scores in sorted(parts.items(), key=lambda item: (item[0].startswith(" "), item[0])):
            print(f"{name + ', ' + key if not key.startswith(' ') else key:28} {len(scores.ndcg):4}  {scores.row()}")
        for result, query in sorted(low):
            print(f"    {result:.2f}  {query}")
    tk.config["ecosphere.search.without"] = []


if __name__ == "__main__":
    main()
