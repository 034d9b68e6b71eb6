"""Measure the speed of the search with concurrent users, beside CKAN without our plugins on the same index.

    make demo && make bench-search                       # 27 000 datasets, 20 people
    make bench-search DATASETS=100000 PEOPLE=20 SECONDS=60

The datasets of `make demo` are copied within the index, with other names, services, territories and years; the copies
are removed at the end. Each contestant is a gunicorn with as many processes as the demonstration. Users open a page
every two seconds; the API and the suggestions are requested without a pause by as many users as there are processors.
CKAN has no suggestions and none of our facets, so it counts its own five.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import os
import random
import signal
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.quality.model import QualityRow
from dev.bench import portal
from dev.stack import ckan
from dev.stack.process import Process, processor_seconds
from dev.stack.settings import LOCAL, ROOT, ports

STOCK_INI = LOCAL / "bench-stock.ini"
PAUSE = 2.0
BATCH = 500
COPY = "bench-search"
WORDS = ("zones humides", "eau", "données", "plu ain", "inondation", "bruit", "natura 2000", "")
VERY_COMMON = "données"
STARTS = ("zo", "zones hu", "inond", "rhon", "ddt 0", "plan")
Ask = Callable[[requests.Session, random.Random], requests.Response]
STOCK_FACETS = ["organization", "groups", "tags", "res_format", "license_id"]


def documents() -> list[dict[str, Any]]:
    """Make the index documents of the portal's public datasets."""
    from ckanext.ecosphere.fast_save.documents import Documents

    ids = [row[0] for row in model.Session.query(model.Package.id).filter_by(state="active", type="dataset")]
    made = Documents().make(ids, lambda name, error: print(f"{name}: {error}", file=sys.stderr))
    return [document for document in made if document["capacity"] == "public"]


def copies(originals: list[dict[str, Any]], number: int) -> Iterator[dict[str, Any]]:
    """Yield varied copies: other names, and the service, territory, year and licence of random other documents."""
    chance = random.Random(7)
    for count in range(number):
        document, other = dict(originals[count % len(originals)]), chance.choice(originals)
        document["id"] = document["index_id"] = f"{COPY}-{count}"
        document["name"] = f"{document['name'][:80]}-{count}"
        for field in ("organization", "vocab_ecosphere_territory", "ecosphere_data_year", "license_id"):
            if field in other:
                document[field] = other[field]
        for field in ("validated_data_dict", "data_dict"):
            shown = json.loads(document[field])
            shown |= {"id": document["id"], "name": document["name"], "title": f"{shown['title']} {count}"}
            document[field] = json.dumps(shown | {"ecosphere_quality_level": "silver", "ecosphere_quality_score": 80})
        yield document


@contextmanager
def filled(number: int) -> Iterator[None]:
    """Add that many copies to the index for the duration of the block."""
    from ckan.lib.search.common import make_connection

    from ckanext.ecosphere.fast_save import solr

    connection, batch, originals = make_connection(), [], documents()
    try:
        _add_badges([document["id"] for document in originals], number)
        for document in copies(originals, number):
            batch.append(document)
            if len(batch) == BATCH:
                solr.add(batch, commit=False)
                batch = []
        solr.add(batch)
        connection.commit()
        print(f"{number} copies in the index", flush=True)
        yield
    finally:
        connection.delete(q=f"id:{COPY}-*", commit=True)
        _take_badges_out()


def _add_badges(originals: list[str], number: int) -> None:
    """Copy the quality rows of the originals; without them, a list would score the copies at each visit."""
    _take_badges_out()
    others = ", ".join(column.name for column in QualityRow.__table__.columns if column.name != "package_id")
    asked = sa.text(
        f"INSERT INTO ecosphere_quality (package_id, {others}) SELECT copied.id, {others} FROM ecosphere_quality"
        " JOIN unnest(CAST(:copies AS text[]), CAST(:originals AS text[])) AS copied (id, original)"
        " ON package_id = copied.original"
    )
    names = [f"{COPY}-{count}" for count in range(number)]
    model.Session.execute(asked, {"copies": names, "originals": [originals[n % len(originals)] for n in range(number)]})
    model.Session.commit()


def _take_badges_out() -> None:
    model.Session.execute(sa.delete(QualityRow).where(QualityRow.package_id.like(f"{COPY}-%")))
    model.Session.commit()


@contextmanager
def served(ini: Path, port: int) -> Iterator[tuple[str, int]]:
    """Serve the portal of a configuration file; yield its URL and the id of the gunicorn process."""
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


def stock_ini(ini: Path) -> Path:
    """Write the configuration of CKAN without plugins, on the same database and index."""
    kept = ("ckan.site_id", "SECRET_KEY", "sqlalchemy.url", "ckan.redis.url", "solr_url", "ckan.storage_path")
    lines = [line for line in ini.read_text().splitlines() if line.partition("=")[0].strip() in kept]
    plain = ["[app:main]", "use =", "ckan.plugins =", "ckan.locale_default = fr", "ckan.site_url = http://127.0.0.1"]
    logging_ = (ROOT / "dev" / "portal.ini").read_text().partition("[loggers]")
    STOCK_INI.write_text("\n".join([*plain, *lines, "", logging_[1] + logging_[2]]))
    STOCK_INI.chmod(0o600)
    return STOCK_INI


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m dev.bench.search", description=__doc__)
    parser.add_argument("--datasets", type=int, default=27_000)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--ini", type=Path, default=ckan.INI, help="configuration of the portal")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped: the copies are taken out"))

    context = portal(chosen.ini)
    logging.disable(logging.INFO)  # the harvest tells each document that it looks at
    from ckanext.ecosphere.search import facets

    ours = [field for field in facets.table() if field not in facets.KEPT]
    contestants = (("portal", chosen.ini, ours), ("CKAN alone", stock_ini(chosen.ini), STOCK_FACETS))
    with context, filled(chosen.datasets):
        for name, ini, fields in contestants:
            with served(ini, ports()["web"] + 40) as served_by:
                print(f"{name}, {chosen.datasets} datasets", flush=True)
                measure(served_by, fields, chosen, ours=ini == chosen.ini)


if __name__ == "__main__":
    main()
