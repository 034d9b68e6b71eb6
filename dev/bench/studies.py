"""Measure how long a study looks for the datasets of its needs, and whether the first one is right.

    COUNT=27897 make demo && make bench-studies
    make bench-studies RUNS=5

For each site, the first 15, 40 and 60 needs of the catalogue of needs are looked for as an
anonymous visitor; nothing is counted and nothing is stored. Then all needs are judged by rule. The
catalogue answers a need on a site if it has a dataset of a subject that `data/needs.csv` gives for
it, made for a territory in which the site lies: one of these must come first, and nothing at all is
a wrong "nobody publishes it". Otherwise nothing may come first but a related subject. A third of
the needs (by a hash of the id) is held out from tuning; figures are given for each part.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pysolr
import yaml
from ckanext.ecosphere.studies import candidates, frames
from ckanext.ecosphere.studies import site as sites
from ckanext.ecosphere.studies.extents import Ground
from ckanext.ecosphere.studies.frames import Need
from ckanext.ecosphere.studies.site import Site
from ckanext.ecosphere.vocabularies import gazetteer

from dev.bench import portal
from dev.bench.relevance import TUNED_ON, Record, part_of, records, rows
from dev.stack import ckan
from dev.stack.settings import DEV

import ckan.plugins.toolkit as tk  # isort: skip

SIZES = (15, 40, 60)
#: Seconds that a study of 60 needs may take.
LIMIT = 3.0
#: Context of an anonymous visitor.
VISITOR: dict[str, Any] = {"user": "", "auth_user_obj": None}
#: Fault of a need for which nothing is proposed though the catalogue answers it.
NOBODY = "nobody"
#: Whether the catalogue answers needs → their name in the table.
ANSWERED = {True: "needs that the catalogue answers", False: "needs that it does not answer"}
#: Name of a site → codes of its communes, or its polygon.
SITES = yaml.safe_load((DEV / "bench" / "data" / "sites.yaml").read_text(encoding="utf-8"))


def places() -> dict[str, Site]:
    """Return the sites by name."""
    made = {name: sites.of_communes(codes) for name, codes in SITES["communes"].items()}
    return made | {name: sites.of_geojson(json.dumps(polygon)) for name, polygon in SITES["polygons"].items()}


def seconds(needs: list[Need], site: Site) -> float:
    """Return how long the look for needs takes."""
    begin = time.perf_counter()
    candidates.look(needs, site, VISITOR)
    return time.perf_counter() - begin


def faults(needs: list[Need], site: Site, catalogue: list[Record]) -> Iterator[tuple[bool, Need, str]]:
    """Judge the first dataset of each need; datasets of no generated subject are not judged.

    Yields:
        (whether the catalogue answers the need, the need, what is wrong or "").
    """
    judged = {row["need"]: row for row in rows("needs.csv")}
    here = set(Ground(site).values).difference(gazetteer.COUNTRIES)
    by_name = {record.name: record for record in catalogue}
    local = {(record.subject, record.name) for record in catalogue if record.places & here}
    offered = candidates.look(needs, site, VISITOR)
    for need in needs:
        row = judged.get(need.id, {"subjects": "", "also": ""})
        subjects = set(filter(None, row["subjects"].split("|")))
        right = {name for subject, name in local if subject in subjects}
        first = next(iter(offered[need.id]), None)
        fault = ""
        if first is None and right:
            fault = NOBODY
        elif first is not None:
            record = by_name[first.name]
            related = record.subject in subjects.union(row["also"].split("|"))
            if record.subject and first.name not in right and (right or not related):
                fault = first.title
        yield bool(right), need, fault


def measure(runs: int, catalogue: list[Record]) -> bool:
    """Print the figures; return whether the largest study is fast enough."""
    needs = list(frames.needs().values())
    every = places()
    candidates.look(needs[:1], every["Nantes"], VISITOR)  # reads vocabularies and outlines
    slowest = 0.0
    for size in SIZES:
        taken = [seconds(needs[:size], site) for site in every.values() for _run in range(runs)]
        slowest = sorted(taken)[int(len(taken) * 0.95)]
        print(f"{size} needs: p50 {statistics.median(taken):.2f} s, p95 {slowest:.2f} s", flush=True)
    outcomes: dict[tuple[str, bool], list[str]] = defaultdict(list)
    for name, site in every.items():
        for is_answered, need, fault in faults(needs, site, catalogue):
            part = part_of(need.id)
            outcomes[part, is_answered].append(fault)
            if fault and part == TUNED_ON:
                print(f"    {name}, {need.id}: {fault}")
    for (part, is_answered), told in sorted(outcomes.items()):
        share = told.count("") / len(told)
        print(f"{part:8} {ANSWERED[is_answered]:42} {len(told):5}  right {share:.3f}", end="")
        print(f"  wrongly nobody {told.count(NOBODY) / len(told):.3f}")
    return slowest <= LIMIT


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m dev.bench.studies", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="runs for each site and number of needs")
    parser.add_argument("--ini", type=Path, default=ckan.INI, help="configuration of the portal")
    chosen = parser.parse_args()
    context = portal(chosen.ini)
    logging.disable(logging.INFO)
    with context:
        is_fast = measure(chosen.runs, records(pysolr.Solr(tk.config["solr_url"], timeout=120)))
    return int(not is_fast)


if __name__ == "__main__":
    raise SystemExit(main())
