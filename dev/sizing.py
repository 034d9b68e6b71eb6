"""`make sizing`: what portals of several sizes cost: database, index, harvest, pages, night.

The first `BASE` datasets are harvested from generated records. The others are copies of them, made
in SQL, with ids, names, titles and identifiers of their own, and are indexed as
`ckan ecosphere init` does. At each size, a catalogue of `NEW` records that the portal has not seen
is harvested twice. The portal has a stack of its own: `ECOSPHERE_STACK=sizing make stop` stops it.
"""

from __future__ import annotations

import csv
import logging
import os
import random
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from functools import partial

os.environ["ECOSPHERE_STACK"] = "sizing"  # read by dev.stack.settings

import requests
import yaml

from dev import bench, demo
from dev.bench.search import WORDS, drive
from dev.stack import accounts, ckan, postgres, pycsw, services
from dev.stack.accounts import Portal
from dev.stack.demo import OWNER
from dev.stack.process import family, processor_seconds, resident_bytes
from dev.stack.settings import DATABASES, DEV, forget_ckan_variables, local, solr_url

BASE, NEW = 5_000, 1_000
MEGABYTE = 1_000_000
COUNT = "SELECT count(*) FROM package WHERE type = 'dataset' AND state = 'active'"
PEOPLE, PAUSE, SECONDS = 4, 1.0, 30.0
#: Tables whose rows are copied; `own` are the columns of which each copy has its own values, and
#: how these are made.
COPIED = list(csv.DictReader((DEV / "bench" / "data" / "copied.csv").read_text().splitlines()))
#: How a copy's own values are made, and the commands that are timed.
WORK = yaml.safe_load((DEV / "bench" / "data" / "sizing.yaml").read_text(encoding="utf-8"))


def sql(statement: str) -> str:
    """Run a statement on the portal's database."""
    return postgres.execute(statement, database=DATABASES["demo"])


def copy(first: int, last: int) -> None:
    """Copy the harvested datasets, once for each number from `first` to `last`."""
    for row in COPIED:
        table, own = row["table"], dict(word.split(":") for word in row["own"].split())
        where = f"attrelid = 'public.{table}'::regclass AND attnum > 0 AND NOT attisdropped"
        names = sql(f"SELECT attname FROM pg_attribute WHERE {where}").split()
        values = [WORK["renewed"][own.get(name, "same")].format(name) for name in names]
        copied = f"SELECT {', '.join(values)} FROM base.{table}, generate_series({first}, {last}) AS k"
        sql(f"INSERT INTO {table} ({', '.join(names)}) {copied} WHERE {row['condition']} ON CONFLICT DO NOTHING")
    sql("ANALYZE")


def index() -> float:
    """Index all datasets in a process of its own, as `ckan ecosphere init` does.

    Return the seconds.
    """
    from ckanext.ecosphere.fast_save import documents

    ids = sql("SELECT id FROM package WHERE state = 'active'").split()
    begin = time.monotonic()
    documents.index(ids)
    return time.monotonic() - begin


def harvest(portal: Portal, name: str, number: int, seed: int) -> Iterator[tuple[str, float]]:
    """Harvest a catalogue that is new to the portal twice; yield figures."""
    folder = local("records", name)
    for catalogue, share in demo.shares(number).items():
        for stem, xml in demo.records(catalogue, share, seed):
            (folder / f"{catalogue}-{stem}.xml").write_text(xml, "utf-8")
    url = pycsw.publish(name, folder).url
    shutil.rmtree(folder)
    source = {"name": name, "title": name, "url": url, "source_type": "ecosphere_csw", "frequency": "MANUAL"}
    source_id = portal.call("harvest_source_create", **source, owner_org=OWNER)["id"]
    workers = [process for name, process in services.running().items() if name.startswith("worker")]
    for what in ("new", "unchanged"):
        pids = [process.pid() or 0 for process in workers]
        begin, cpu, largest = time.monotonic(), processor_seconds(pids), 0
        job = portal.call("harvest_job_create", source_id=source_id, run=True)["id"]
        while portal.call("harvest_job_show", id=job)["status"] != "Finished":
            time.sleep(1)
            largest = max(largest, *(resident_bytes(pid) for pid in family(pids)))
        yield f"{number} records, {what}: s", time.monotonic() - begin
        yield f"{number} records, {what}: processor ms a record", (processor_seconds(pids) - cpu) * 1000 / number
    yield "largest worker: MB", largest / MEGABYTE


def pages() -> Iterator[tuple[str, float]]:
    """Have people read pages.

    Yield the 95th percentile of the seconds, and the processor time of all services.
    """
    site = ckan.site_url()
    names = sql("SELECT name FROM package WHERE type = 'dataset' AND state = 'active' ORDER BY id LIMIT 300").split()
    kinds = {
        "search page": [f"/dataset/?q={word}" for word in WORDS],
        "dataset page": [f"/dataset/{name}" for name in names],
        "home page": ["/"],
        "API package_search": [f"/api/3/action/package_search?rows=20&q={word}" for word in WORDS],
    }
    serving = [services.running()[name].pid() or 0 for name in ("web", "solr", "postgres")]
    for kind, addresses in kinds.items():
        ask = partial(_ask, [site + address for address in addresses])
        drive(PEOPLE, 5, 0, ask)
        before = processor_seconds(serving)
        durations = sorted(drive(PEOPLE, SECONDS, PAUSE, ask))
        yield f"{kind}: p95 ms", durations[int(len(durations) * 0.95)] * 1000
        yield f"{kind}: processor ms", (processor_seconds(serving) - before) * 1000 / len(durations)


def _ask(addresses: list[str], session: requests.Session, chance: random.Random) -> requests.Response:
    return session.get(chance.choice(addresses), timeout=120)


def database() -> float:
    """Return the size of the database, in MB."""
    return float(sql("SELECT pg_database_size(current_database())")) / MEGABYTE


def sizes() -> Iterator[tuple[str, float]]:
    """Yield what the datasets take."""
    core = solr_url("demo")
    status = f"{core.rpartition('/')[0]}/admin/cores?action=STATUS&core={core.rpartition('/')[2]}"
    (core_status,) = requests.get(status, timeout=60).json()["status"].values()
    yield "index: MB", core_status["index"]["sizeInBytes"] / MEGABYTE
    yield "Solr: MB of memory", resident_bytes(services.running()["solr"].pid() or 0) / MEGABYTE


def main() -> None:
    """Run the command line."""
    targets = [int(number) for number in sys.argv[1].split(",")]
    forget_ckan_variables()
    services.up()
    is_new = "base" not in sql("SELECT nspname FROM pg_namespace").split()  # else an earlier run is continued
    if is_new:
        ckan.initialise()
    for process in (pycsw.process(), *ckan.processes()):
        process.start()
    portal = accounts.prepare()
    if is_new:
        report([*harvest(portal, "base", BASE, 1), ("database: MB", database()), *sizes(), *pages()])
        sql("CREATE SCHEMA base")
        for row in COPIED:
            sql(f"CREATE TABLE base.{row['table']} AS SELECT * FROM {row['table']}")
    harvested, copies = int(sql("SELECT count(*) FROM base.package WHERE type = 'dataset'")), 0
    context = bench.portal(ckan.INI)
    logging.disable(logging.INFO)
    with context:
        for number in targets:
            before, copies = copies, round(number / harvested) - 1
            copy(before + 1, copies)
            report(measured(portal, number))


def measured(portal: Portal, number: int) -> Iterator[tuple[str, float]]:
    """Yield the figures of a portal that has as many datasets."""
    yield "database: MB", database()
    yield "index anew: s", index()
    yield from sizes()
    yield from pages()
    yield from harvest(portal, f"new-{number}", NEW, number)
    for name, words in WORK["commands"].items():
        begin = time.monotonic()
        ckan.command(*words)
        yield f"{name}: s", time.monotonic() - begin


def report(figures: Iterable[tuple[str, float]]) -> None:
    """Print the figures as they come, each with the load of the machine in the last minute."""
    number = sql(COUNT)
    for name, value in figures:
        print(f"{number} datasets\t{name}\t{value:.1f}\tload {os.getloadavg()[0]:.1f}", flush=True)


if __name__ == "__main__":
    main()
