"""`make soak`: a portal under steady load for an hour; whether memory, connections, open files or
queues grow.

The portal and the people are those of `make chaos`, without kills: harvests of four types of
source, saves of datasets, data requests with e-mails, comments, readers. Health and metrics are
read meanwhile. Each figure is sampled; the median of the last quarter must not exceed that of the
second by more than its allowance (the first quarter warms up). Exits with code 1 if a figure grew,
or an answer was an error.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

os.environ["ECOSPHERE_STACK"] = "chaos"  # read by dev.stack.settings

import requests
from prometheus_client.parser import text_string_to_metric_families

from dev.chaos import checks, run
from dev.chaos.catalogues import WORK, Catalogue, served
from dev.chaos.people import Crowd
from dev.stack.ckan import site_url
from dev.stack.process import Process, family, resident_bytes
from dev.stack.settings import forget_ckan_variables
from dev.stack.shell import say

TOKEN = "soak"
SAMPLES = 60
MEGABYTE = 1024 * 1024
READERS = 3
#: Kind of figure → growth that is allowed: share of the second quarter, and a fixed part.
ALLOWED = {"memory MB": (0.10, 20), "open files": (0.10, 10), "connections": (0.0, 5), "waiting": (0.0, 20)}
CONNECTIONS = "SELECT count(*) AS number FROM pg_stat_activity WHERE datname = current_database()"
QUEUES = ("ecosphere_queue_jobs", "ecosphere_emails", "ecosphere_work_rows")


def sample(processes: Mapping[str, Process]) -> Iterator[tuple[str, str, float]]:
    """Yield (kind of figure, its name, value)."""
    for name in ("web", "worker-1", "worker-2", "watch", "solr", "redis"):
        pids = family([processes[name].pid() or 0])
        yield "memory MB", name, sum(resident_bytes(pid) for pid in pids) / MEGABYTE
        yield "open files", name, sum(_open_files(pid) for pid in pids)
    yield "connections", "postgres", checks.rows(CONNECTIONS)[0]["number"]
    answer = requests.get(f"{site_url()}/ecosphere/metrics", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60)
    for metric in text_string_to_metric_families(answer.text):
        if metric.name in QUEUES:
            waiting = [one.value for one in metric.samples if one.labels.get("status") != "failed"]
            yield "waiting", metric.name.removeprefix("ecosphere_"), sum(waiting)


def _open_files(pid: int) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:  # it has ended
        return 0


def table(samples: Mapping[tuple[str, str], list[float]]) -> tuple[str, bool]:
    """Return the table of all figures, and whether one grew."""
    lines, has_grown = [f"{'':32}{'2nd quarter':>12}{'last quarter':>13}{'most':>10}"], False
    for (kind, name), values in samples.items():
        quarter = max(1, len(values) // 4)
        before = statistics.median(values[quarter : 2 * quarter])
        after = statistics.median(values[-quarter:])
        share, fixed = ALLOWED[kind]
        most = before * (1 + share) + fixed
        mark = "  GREW" if after > most else ""
        has_grown = has_grown or bool(mark)
        lines.append(f"{kind + ', ' + name:32}{before:>12.0f}{after:>13.0f}{most:>10.0f}{mark}")
    return "\n".join(lines), has_grown


def main() -> int:
    """Run the portal under load and print the table."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    seconds = parser.parse_args().minutes * 60
    forget_ckan_variables()
    WORK["options"]["ecosphere.metrics.token"] = TOKEN
    samples: dict[tuple[str, str], list[float]] = {}
    run.start_afresh()
    catalogues = [Catalogue(f"soak-{kind}", kind, 60) for kind in ("csw", "waf", "dcat", "udata")]
    with run.stack() as supervisor, served(catalogues) as server:
        crowd = Crowd(run.log_in_people(), catalogues, server, 1, READERS)
        crowd.start()
        say(f"Under load for {seconds / 60:.0f} minutes")
        for _number in range(SAMPLES):
            time.sleep(seconds / SAMPLES)
            for kind, name, value in sample(supervisor.processes):
                samples.setdefault((kind, name), []).append(value)
        crowd.stop()
        crowd.harvests.stop()
    text, has_grown = table(samples)
    harvested, wrong = sum(crowd.harvests.finished.values()), crowd.wrong
    print(text, f"{crowd.answers.total()} answers, {harvested} harvests, {len(wrong)} errors", sep="\n\n")
    print(*wrong[: checks.MOST_TOLD], sep="\n")
    return int(has_grown or bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
