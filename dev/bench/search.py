"""Measure the speed of the search with concurrent users, beside CKAN without our plugins on the
same index.

    COUNT=27897 make demo && make bench-search           # 20 people
    ECOSPHERE_STACK=sizing make bench-search             # on the datasets of `make sizing`
    make bench-search PEOPLE=20 SECONDS=60

Each contestant is a gunicorn with as many processes as the demonstration. Users open a page every
two seconds; the API and the suggestions are requested without a pause by as many users as there are
processors. CKAN has no suggestions and none of our facets, so it counts its own five.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import requests

from dev.bench import portal
from dev.stack import ckan
from dev.stack.process import Process, processor_seconds
from dev.stack.settings import LOCAL, ROOT, ports

PAUSE = 2.0
WORDS = ("zones humides", "eau", "données", "plu ain", "inondation", "bruit", "natura 2000", "")
VERY_COMMON = "données"
STARTS = ("zo", "zones hu", "inond", "rhon", "ddt 0", "plan")
Ask = Callable[[requests.Session, random.Random], requests.Response]
STOCK_FACETS = ["organization", "groups", "tags", "res_format", "license_id"]


@contextmanager
def served(ini: Path, port: int) -> Iterator[tuple[str, int]]:
    """Serve the portal of a configuration file.

    Yield its URL and the id of the gunicorn process.
    """
    # Connections live longer than the users' pause, or they are closed just as they are reused.
    command, url = [*ckan.gunicorn(port), f"--keep-alive={round(PAUSE * 3)}"], f"http://127.0.0.1:{port}"
    ready = partial(ckan.answers, url)
    process = Process(f"bench-{ini.stem}", command, ready=ready, env={"CKAN_INI": str(ini)}, cwd=ROOT)
    process.start(quietly=True)
    try:
        yield url, process.pid() or 0
    finally:
        process.stop(quietly=True)


def drive(people: int, seconds: float, pause: float, ask: Ask) -> list[float]:
    """Send requests as concurrent users; return the seconds of each answer."""
    end = time.monotonic() + seconds

    def person(number: int) -> list[float]:
        taken = []
        chance, session = random.Random(number), requests.Session()
        time.sleep(chance.random() * pause)
        while time.monotonic() < end:
            begin = time.monotonic()
            ask(session, chance).raise_for_status()
            taken.append(time.monotonic() - begin)
            time.sleep(max(pause - taken[-1], 0))
        return taken

    with ThreadPoolExecutor(people) as pool:
        return list(itertools.chain.from_iterable(pool.map(person, range(people))))


def told(name: str, taken: list[float], more: str = "") -> None:
    """Print a line of figures."""
    ordered = sorted(taken)
    p50, p95 = statistics.median(ordered) * 1000, ordered[int(len(ordered) * 0.95)] * 1000
    print(f"  {name:34} {len(taken):6} asked   p50 {p50:6.0f} ms   p95 {p95:6.0f} ms   {more}", flush=True)


def _get(url: str, name: str, values: Sequence[str], **more: Any) -> Ask:
    return lambda session, chance: session.get(url, params={**more, name: chance.choice(values)}, timeout=120)


def measure(served_by: tuple[str, int], facets: list[str], chosen: argparse.Namespace, *, ours: bool) -> None:
    """Measure one contestant."""
    (site, parent), session = served_by, requests.Session()
    pages, api = f"{site}/dataset/", f"{site}/api/3/action/package_search"
    for word in WORDS * 2 * ckan.WEB_PROCESSES:  # new connections, since a kept one reaches only one process
        requests.get(pages, params={"q": word}, timeout=120)
    before, number = processor_seconds([parent]), 20
    page = [session.get(pages, timeout=120) for _time in range(number)][-1]
    cpu = (processor_seconds([parent]) - before) / number * 1000
    datasets = session.get(api, params={"rows": 0}, timeout=120).json()["result"]["count"]
    print(f"  {datasets} datasets")
    print(f"  {'a page':34} {len(page.content) / 1000:.0f} kB, {cpu:.0f} ms of processor", flush=True)
    taken = drive(chosen.people, chosen.seconds, PAUSE, _get(pages, "q", WORDS))
    told(f"page, {chosen.people} people, every {PAUSE:.0f} s", taken)
    asked = {"rows": 20, "facet.field": json.dumps(facets), "facet.limit": 500}
    at_once = {
        f"package_search, {len(facets)} facets": _get(api, "q", WORDS, **asked),
        f"the same for “{VERY_COMMON}”": _get(api, "q", [VERY_COMMON], **asked),
    }
    if ours:
        at_once["suggestions"] = _get(f"{site}/recherche/suggestions", "q", STARTS)
    busy = os.cpu_count() or 2
    for name, ask in at_once.items():
        told(f"{name}, {busy} at once", drive(busy, chosen.seconds / 2, 0, ask))


def stock_ini() -> Path:
    """Write the configuration of CKAN without plugins, on the same database and index."""
    path = LOCAL / "bench-stock.ini"
    ckan.write_ini({"ckan.plugins": ""}, path)
    return path


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m dev.bench.search", description=__doc__)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--ini", type=Path, default=ckan.INI, help="configuration of the portal")
    chosen = parser.parse_args()
    with portal(chosen.ini):
        from ckanext.ecosphere.search import facets

        ours = [field for field in facets.table() if field not in facets.KEPT]
    contestants = (("portal", chosen.ini, ours), ("CKAN alone", stock_ini(), STOCK_FACETS))
    for name, ini, fields in contestants:
        with served(ini, ports()["web"] + 40) as served_by:
            print(name, flush=True)
            measure(served_by, fields, chosen, ours=ini == chosen.ini)


if __name__ == "__main__":
    main()
