"""Measure how long a study looks for the datasets of its needs, and in which states the needs are.

    COUNT=27897 make demo && make bench-studies
    make bench-studies RUNS=5

For each site, the first 15, 40 and 60 needs of the catalogue of needs are looked for as an anonymous visitor; nothing
is counted and nothing is stored. A third of the needs (by a hash of the id) is held out from tuning; the states are
given for each part.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import statistics
import time
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from ckanext.ecosphere.studies import candidates, frames, presence
from ckanext.ecosphere.studies import site as sites
from ckanext.ecosphere.studies.frames import Need
from ckanext.ecosphere.studies.site import Site
from dev.bench import portal
from dev.stack import ckan
from dev.stack.settings import DEV

SIZES = (15, 40, 60)
#: Seconds that a study of 60 needs may take.
LIMIT = 3.0
#: Name of a site → codes of its communes, or its polygon.
SITES = yaml.safe_load((DEV / "bench" / "data" / "sites.yaml").read_text(encoding="utf-8"))


def places() -> dict[str, Site]:
    """Return the sites by name."""
    made = {name: sites.of_communes(codes) for name, codes in SITES["communes"].items()}
    return made | {name: sites.of_geojson(json.dumps(polygon)) for name, polygon in SITES["polygons"].items()}


def is_aside(need: Need) -> bool:
    """Return whether a need is held out from tuning."""
    return hashlib.sha1(need.id.encode()).digest()[0] % 3 == 0


def seconds(needs: list[Need], site: Site) -> float:
    """Return how long the look for needs takes."""
    begin = time.perf_counter()
    candidates.look(needs, site, visitor())
    return time.perf_counter() - begin


def visitor() -> dict[str, Any]:
    """Return the context of an anonymous visitor."""
    return {"user": "", "auth_user_obj": None}


def p95(values: list[float]) -> float:
    """Return the 95th percentile, of few values the largest."""
    return sorted(values)[min(len(values) - 1, round(0.95 * len(values)))]


def state_counts(needs: list[Need], site: Site) -> Counter[str]:
    """Return the number of needs in each state."""
    offered = candidates.look(needs, site, visitor())
    counts: Counter[str] = Counter()
    for need in needs:
        findings = [candidate.finding for candidate in offered[need.id]]
        counts[presence.conclude(findings, requested=False, relevant=True).state] += 1
    return counts


def measure(runs: int) -> bool:
    """Print the figures; return whether the largest study is fast enough."""
    needs = list(frames.needs().values())
    every = places()
    candidates.look(needs[:1], every["Nantes"], visitor())  # reads vocabularies and outlines
    slowest = 0.0
    for size in SIZES:
        taken = [seconds(needs[:size], site) for site in every.values() for _run in range(runs)]
        slowest = p95(taken)
        print(f"{size} needs: p50 {statistics.median(taken):.2f} s, p95 {slowest:.2f} s", flush=True)
    parts = {"tuned on": [], "aside": []}
    for need in needs:
        part = "tuned on"
        if is_aside(need):
            part = "aside"
        parts[part].append(need)
    for part, members in parts.items():
        for name, site in every.items():
            counts = state_counts(members, site)
            shares = [f"{state} {number / len(members):.0%}" for state, number in counts.most_common()]
            print(f"{name}, {len(members)} needs {part}: {', '.join(shares)}")
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
        is_fast = measure(chosen.runs)
    return int(not is_fast)


if __name__ == "__main__":
    raise SystemExit(main())
