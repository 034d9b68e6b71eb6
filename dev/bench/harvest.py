"""`make bench-harvest`: compare our CSW harvester with ckanext-spatial's, on the same pycsw and machine.

ckanext-spatial's runs with the minimal changes needed to run on CKAN 2.12 (`stock_patches`). Each contestant starts
with an empty database and index and harvests the same catalogue three times: first, again unchanged, and with one
record in a hundred changed. A process that dies is restarted, as by a supervisor, and the restart is reported. CPU is
that of the workers; memory that of the largest process, in the first and the second half of a harvest. Prints a table
and applies no limits.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from typing import Any

from dev.bench.contest import add_options
from dev.stack.settings import ROOT, forget_ckan_variables

TITLES = {"first": "first harvest", "again": "again, unchanged", "changed": "1 % changed"}


def measure(name: str, chosen: argparse.Namespace) -> dict[str, Any]:
    """Run one contestant in a subprocess, so that neither benefits from the other's state."""
    command = [sys.executable, "-m", "dev.bench.contest", name, "--records", str(chosen.records)]
    command += ["--workers", str(chosen.workers), "--latency", str(chosen.latency), "--rounds", chosen.rounds]
    command += ["--streamed"] if chosen.streamed else []
    done = subprocess.run(command, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} did not come to its end.")
    return json.loads(done.stdout.strip().splitlines()[-1])


def table(results: list[dict[str, Any]]) -> str:
    """Format the measurements as a table with a line per contestant and round."""
    head = ("contestant", "round", "seconds", "records/s", "CPU ms/record", "MB, first half", "MB, second half")
    head += ("load", "HTTP requests", "Solr adds", "Solr commits", "counts")
    rows: list[tuple[str, ...]] = [head]
    for result in results:
        for each in result["rounds"]:
            counts = ", ".join(f"{number} {what}" for what, number in each["counts"].items())
            rate = f"{result['records'] / each['seconds']:.1f}"
            cpu = f"{each['cpu'] * 1000 / result['records']:.1f}"
            figures = (f"{each['seconds']:.1f}", rate, cpu, *each["memory"], f"{each['load']:.1f}")
            figures += (each["requests"], each["adds"], each["commits"])
            rows.append((result["name"], TITLES[each["what"]], *map(str, figures), counts))
    widths = [max(len(row[n]) for row in rows) for n in range(len(head))]
    return "\n".join("  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)) for row in rows)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="make bench-harvest", description=__doc__)
    add_options(parser)
    parser.add_argument("--contestants", default="ours,stock")
    chosen = parser.parse_args()
    forget_ckan_variables()
    results = [measure(name, chosen) for name in chosen.contestants.split(",")]
    print(table(results))


if __name__ == "__main__":
    main()
