"""`make bench-harvest`: compare our CSW harvester with ckanext-spatial's, on the same pycsw and machine.

ckanext-spatial's runs with the minimal changes needed to run on CKAN 2.12 (`stock_patches`). Each contestant starts
with an empty database and index and harvests the same catalogue three times: first, again unchanged, and with one
record in a hundred changed. A process that dies is restarted, as by a supervisor, and the restart is reported. CPU is
that of the workers; memory that of the largest process, in the first and the second half of a harvest. Prints a table
and applies no limits. With several runs, contestants alternate, each run begins with an empty portal again, and the
table has the median of each figure, and the shortest and the longest time.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from statistics import median
from typing import Any

from dev.bench.contest import add_options
from dev.stack.settings import ROOT, forget_ckan_variables

TITLES = {"first": "first harvest", "again": "again, unchanged", "changed": "1 % changed"}


def measure(name: str, chosen: argparse.Namespace) -> dict[str, Any]:
    """Run one contestant in a subprocess, so that neither benefits from the other's state."""
    command = [sys.executable, "-m", "dev.bench.contest", name, "--records", str(chosen.records)]
    command += ["--workers", str(chosen.workers), "--latency", str(chosen.latency), "--rounds", chosen.rounds]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} did not come to its end.")
    return json.loads(done.stdout.strip().splitlines()[-1])


HEAD = (
    *("contestant", "round", "runs", "seconds", "shortest", "longest", "records/s", "CPU ms/record"),
    *("MB, first half", "MB, second half", "load", "HTTP requests", "Solr adds", "Solr commits", "counts"),
)


def table(results: list[dict[str, Any]]) -> str:
    """Format the measurements of all runs as a table with a line per contestant and round."""
    by_line: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for result in results:
        for measured in result["rounds"]:
            by_line.setdefault((result["name"], measured["what"]), []).append(measured)
    rows = [HEAD, *(_line(name, what, runs, results[0]["records"]) for (name, what), runs in by_line.items())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(cells))
    return "\n".join(lines)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {status}" for status, number in counts.items())


def _line(name: str, what: str, runs: list[dict[str, Any]], records: int) -> tuple[str, ...]:
    """Format the runs of one contestant and round."""
    seconds = [run["seconds"] for run in runs]
    middle = median(seconds)
    first_half = median(run["memory"][0] for run in runs)
    second_half = median(run["memory"][1] for run in runs)
    counts = {_counts(run["counts"]) for run in runs}
    figures = [f"{figure:.1f}" for figure in (middle, min(seconds), max(seconds), records / middle)]
    figures.append(f"{median(run['cpu'] for run in runs) * 1000 / records:.1f}")
    figures += [f"{first_half:.0f}", f"{second_half:.0f}", f"{median(run['load'] for run in runs):.1f}"]
    for key in ("requests", "adds", "commits"):
        figures.append(f"{median(run[key] for run in runs):.0f}")
    return (name, TITLES[what], str(len(runs)), *figures, " | ".join(sorted(counts)))


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="make bench-harvest", description=__doc__)
    add_options(parser)
    parser.add_argument("--contestants", default="ours,stock")
    parser.add_argument("--runs", type=int, default=1, help="how often to run each contestant")
    chosen = parser.parse_args()
    forget_ckan_variables()
    contestants = chosen.contestants.split(",") * chosen.runs
    print(table([measure(name, chosen) for name in contestants]))


if __name__ == "__main__":
    main()
