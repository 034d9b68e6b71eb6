"""Measure the speed of pages on the portal of `make demo`, one visit at a time, each as the account that opens it.

    COUNT=27897 make demo && make bench-pages            # VISITS=40 of each
    make bench-pages PAGE=/dataset/                      # only paths that contain this
    make bench-pages REQUESTS=50000                      # with that many data requests, removed afterwards

Prints wall-clock milliseconds, and the processor time of the web server, on which other work on the machine has little
influence. Exit code 1 if a page is over its limit (`data/pages.csv`).
"""

from __future__ import annotations

import argparse
import csv
import json
import signal
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

from dev.attack.client import Answer, Client
from dev.attack.load import Load
from dev.bench.many_requests import on_the_demonstration
from dev.bench.search import processor_seconds
from dev.stack import accounts, ckan

PAGES = Path(__file__).parent / "data" / "pages.csv"
DATASETS = 200
WARM_UP = 5
#: Timeout for a worker to compute the figures of a page, which refreshes itself meanwhile.
COUNTING_SECONDS = 180


@dataclass(frozen=True)
class Page:
    """A page, the account that opens it ("" for none), and the limit of its 95th percentile in milliseconds."""

    path: str
    account: str
    limit: int


def pages(part: str) -> list[Page]:
    """Return the pages of the table whose path contains a text."""
    with PAGES.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    return [Page(row["path"], row["account"], int(row["limit"])) for row in rows if part in row["path"]]


def clients() -> dict[str, Client]:
    """Return a client for each account, logged in through the form, and an anonymous one under "".

    Raises:
        SystemExit: the portal is not running.
    """
    if not ckan.answers():
        raise SystemExit("The portal does not run: make demo")
    passwords = json.loads(accounts.CREDENTIALS.read_text(encoding="utf-8"))["passwords"]
    found = {"": Client(ckan.site_url(), Load())}
    for name in {page.account for page in pages("")} - {""}:
        found[name] = Client(ckan.site_url(), Load(), name=name)
        found[name].log_in(passwords[name])
    return found


def filled(page: Page, datasets: list[dict[str, str]], chance: Random) -> str:
    """Return the path of a page, with a random dataset filled in where it needs one."""
    return page.path.format(**chance.choice(datasets))


def is_counted(answer: Answer) -> bool:
    """Return whether a page is a placeholder while its figures are being computed."""
    return "Refresh" in answer.headers


def arrive(client: Client, path: str) -> None:
    """Open a page until its figures are computed, or `COUNTING_SECONDS` have passed."""
    end = time.monotonic() + COUNTING_SECONDS
    while is_counted(client.get(path)) and time.monotonic() < end:
        time.sleep(1)


def measure(page: Page, client: Client, datasets: list[dict[str, str]], visits: int, web: int) -> bool:
    """Open a page repeatedly and print its line; return whether it is within its limit.

    Raises:
        SystemExit: an answer was not the page, e.g. since the account may not see it.
    """
    chance = Random(7)
    for _visit in range(WARM_UP):
        arrive(client, filled(page, datasets, chance))
    taken, size, before = [], 0, processor_seconds(web)
    for _visit in range(visits):
        begin = time.monotonic()
        answer = client.get(filled(page, datasets, chance))
        taken.append((time.monotonic() - begin) * 1000)
        size = max(size, len(answer.content))
        if answer.status != 200 or is_counted(answer):
            raise SystemExit(f"{page.path} as {page.account or 'nobody'}: {answer.status}")
    processor = (processor_seconds(web) - before) / visits * 1000
    p50, p95 = statistics.median(taken), sorted(taken)[int(visits * 0.95)]
    figures = f"{p50:6.0f} {p95:6.0f} {page.limit:6} {processor:10.0f} {size / 1000:6.0f}"
    print(f"{page.path:48} {page.account:18} {figures}{'' if p95 <= page.limit else '  over'}", flush=True)
    return p95 <= page.limit


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="make bench-pages", description=__doc__)
    parser.add_argument("--visits", type=int, default=40)
    parser.add_argument("--page", default="")
    parser.add_argument("--requests", type=int, default=0)
    chosen = parser.parse_args()
    visitors = clients()
    # Remove the requests on SIGTERM too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    with on_the_demonstration(chosen.requests) as written:
        if written:
            print(written, flush=True)
        return 0 if run(visitors, chosen.visits, chosen.page) else 1


def run(visitors: dict[str, Client], visits: int, part: str) -> bool:
    """Measure the pages whose path contains a text; return whether all are within their limits."""
    web = next(process.pid() for process in ckan.processes() if process.name == "web")
    found = visitors[""].must("package_search", rows=DATASETS, start=300, fq="res_format:*")
    datasets = [
        {"dataset": each["name"], "resource": each["resources"][0]["id"]}
        for each in found["results"]
        if each["resources"]
    ]
    print(f"{found['count']} datasets with files or services; {visits} visits each, milliseconds")
    print(f"{'page':48} {'account':18} {'p50':>6} {'p95':>6} {'limit':>6} {'processor':>10} {'kB':>6}")
    within = [measure(page, visitors[page.account], datasets, visits, web or 0) for page in pages(part)]
    return all(within)


if __name__ == "__main__":
    sys.exit(main())
