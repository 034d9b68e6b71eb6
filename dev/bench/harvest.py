"""`make bench-harvest`: compare our CSW harvester with ckanext-spatial's, on the same pycsw and
machine.

ckanext-spatial's runs with the minimal changes needed to run on CKAN 2.12 (`stock_patches`). Each
contestant, in a process of its own (`--contestant`), starts with an empty database and index and
harvests the same catalogue three times: first, again unchanged, and with one record in a hundred
changed. A process that dies is restarted, as by a supervisor, and the restart is reported. CPU is
that of the workers; memory that of the largest process, in the first and the second half of a
harvest. With several runs, contestants alternate, each run begins with an empty portal again, and
the table has the median of each figure, and the shortest and the longest time.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pysolr

from dev import demo
from dev.bench import portal
from dev.stack import ckan, pycsw
from dev.stack.install import venv_program
from dev.stack.process import Process, family, processor_seconds, resident_bytes
from dev.stack.settings import LOCAL, ROOT, TEST_PROCESSES, forget_ckan_variables, local, redis_url, solr_url
from dev.stack.shell import columns

TITLES = {"first": "first harvest", "again": "again, unchanged", "changed": "1 % changed"}
HEAD = (
    *("contestant", "round", "runs", "seconds", "shortest", "longest", "records/s", "CPU ms/record"),
    *("MB, first half", "MB, second half", "counts"),
)
CATALOGUE = "bench"
#: Whose database, core and queue are used: those of the tests, and of this process of the tests if
#: it is run by one.
PURPOSE = TEST_PROCESSES[os.environ.get("PYTEST_XDIST_WORKER", "")]
OWNER = "bench-owner"
STOCK_PLUGINS = "harvest spatial_metadata spatial_query csw_harvester"
OUR_PLAIN_PLUGINS = "ecosphere ecosphere_harvest ecosphere_csw harvest spatial_metadata spatial_query"
_POLL = 0.2
_PATIENCE = 600.0
_STUCK = 45.0
_LOADING = 60.0
"""Seconds in which background processes have loaded CKAN."""
_LOADED, _IDLE = 2.0, 0.05
"""Processor seconds: of loading at least, and of idle processes in a second at most."""
_DATE = re.compile(r"(<gmd:dateStamp>\s*<gco:Date(?:Time)?>)\d{4}-\d\d-\d\d(?:T[\d:]+Z?)?(<)")


@dataclass(frozen=True)
class Contestant:
    """A harvester and the portal in which it runs.

    Attributes:
        source_type: type of source, as ckanext-harvest names it.
        plugins: plugins of the portal; None for all those of the project, as in `dev/portal.ini`.
        workers: returns the command lines of its background processes, for a number.
    """

    source_type: str
    plugins: str | None
    workers: Callable[[int], list[list[str]]]


def _our_workers(number: int) -> list[list[str]]:
    worker = [str(venv_program("ckan")), "-c", str(INI), "jobs", "worker"]
    return [[*worker, *(["--no-scheduler"] if n else []), "ecosphere:harvest"] for n in range(number)]


def _stock_workers(number: int) -> list[list[str]]:
    consumer = [sys.executable, "-m", "dev.bench.stock_patches", str(INI)]
    return [[*consumer, "gather"], *([*consumer, "fetch"] for _ in range(number))]


CONTESTANTS = {
    "ours": Contestant("ecosphere_csw", None, _our_workers),
    "ours-plain": Contestant("ecosphere_csw", OUR_PLAIN_PLUGINS, _our_workers),
    "stock": Contestant("csw", STOCK_PLUGINS, _stock_workers),
}


# --- the catalogue ---


def change_some(folder: Path, every: int = 100) -> int:
    """Change the abstract and date of one record in `every`; return how many were changed.

    The date is changed because the stock harvester compares nothing else.
    """
    chosen = sorted(folder.rglob("*.xml"))[::every]
    for path in chosen:
        text = path.read_text("utf-8")
        place = text.index("CharacterString>", text.index("<gmd:abstract>")) + len("CharacterString>")
        text = f"{text[:place]}Mise à jour. {text[place:]}"
        path.write_text(_DATE.sub(r"\g<1>2026-11-01\g<2>", text), "utf-8")
    return len(chosen)


# --- the portal ---


INI = LOCAL / "bench.ini"


def write_ini(plugins: str | None) -> None:
    """Write the configuration of the contestant's portal, on the database,
    Solr core and queue of the tests.
    """
    options = {
        "ckan.site_id": "ecosphere_bench",
        "ckan.redis.url": redis_url(PURPOSE) + "?socket_timeout=86400",  # see `stock_patches`, 3
        "ckan.storage_path": str(local("bench", "storage")),
        "ckanext.spatial.harvest.continue_on_validation_errors": "true",
    }
    if plugins:
        options["ckan.plugins"] = plugins
    ckan.write_ini(options, INI, PURPOSE)


def prepare(everything: bool) -> None:
    """Empty the database and the index, and create the tables.

    Run `ckan ecosphere init` if `everything`.
    """
    # `ecosphere init` cannot make the core's schema French while documents of other tests are in
    # it.
    pysolr.Solr(solr_url(PURPOSE)).delete(q="*:*", commit=True)
    ckan.command("db", "clean", "--yes", ini=INI)
    ckan.command("db", "upgrade", ini=INI)
    if everything:
        ckan.command("ecosphere", "init", "--yes", ini=INI)


class Crew:
    """Background processes, each restarted when it dies, as a supervisor does in production."""

    def __init__(self, commands: list[list[str]]):
        self.processes = [Process(f"bench-{n}", command, cwd=ROOT) for n, command in enumerate(commands)]
        self.restarts = 0
        self._sizes: list[float] = []
        self._looked = 0.0
        for process in self.processes:
            process.start(quietly=True)
        self._wait_until_idle()

    def _wait_until_idle(self) -> None:
        """Wait until the processes have loaded CKAN: until they have computed,
        and then nothing for a second.
        """
        end = time.monotonic() + _LOADING
        before = -1.0
        while time.monotonic() < end and (self.cpu() < _LOADED or self.cpu() - before > _IDLE):
            before = self.cpu()
            time.sleep(1)

    def forget(self) -> None:
        """Reset the measurements."""
        self.restarts, self._sizes = 0, []

    def _pids(self) -> list[int]:
        return list(filter(None, (process.pid() for process in self.processes)))

    def cpu(self) -> float:
        """Return the processor time of all processes, in seconds."""
        return processor_seconds(self._pids())

    def memory(self) -> tuple[int, int]:
        """Return the size of the largest process in the first half of the
        measurement and in the second, in MB.
        """
        middle = len(self._sizes) // 2
        return round(max(self._sizes[:middle], default=0)), round(max(self._sizes[middle:], default=0))

    def tend(self) -> None:
        """Restart processes that have died, and sample their memory once a second."""
        if time.monotonic() - self._looked > 1:
            self._looked = time.monotonic()
            self._sizes.append(max(map(resident_bytes, family(self._pids())), default=0) / 2**20)
        for process in self.processes:
            if not process.pid():
                process.start(quietly=True)
                self.restarts += 1

    def close(self) -> None:
        """Stop all processes."""
        for process in self.processes:
            process.stop(quietly=True)


class Inside:
    """A CKAN application in this process, to call actions of the portal."""

    def __init__(self):
        self._context = portal(INI)
        self._context.push()

    def call(self, action: str, **data: Any) -> Any:
        """Call an action as the site user."""
        import ckan.plugins.toolkit as tk
        from ckan import model

        user = tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]
        context: Any = {"ignore_auth": True, "user": user, "model": model, "session": model.Session}
        return tk.get_action(action)(context, data)

    def create_source(self, url: str, source_type: str) -> str:
        """Create the owner organisation and the source; return the id of the source."""
        self.call("organization_create", name=OWNER, title="Bench")
        source = {"name": "bench", "title": "Bench", "url": url, "source_type": source_type, "owner_org": OWNER}
        return self.call("harvest_source_create", **source)["id"]

    def harvest(self, source_id: str, tend: Callable[[], None]) -> tuple[float, dict[str, int]]:
        """Run a harvest to its end; return seconds and counts.

        The stock consumers leave finishing the job to a later command, so the harvest counts as
        finished when all of its objects are. When a stock consumer dies, the object being processed
        is never finished: the harvest then ends when nothing has changed for a while, which is not
        counted, and those objects are reported as `stuck`.
        """
        from ckan import model
        from ckanext.harvest.model import HarvestJob, HarvestObject

        begin = time.monotonic()
        job_id = self.call("harvest_job_create", source_id=source_id)["id"]
        seen, seen_at, left = None, begin, 0
        while True:
            time.sleep(_POLL)
            tend()
            model.Session.rollback()
            job: Any = model.Session.get(HarvestJob, job_id)
            gathered, status = job.gather_finished, job.status
            objects = model.Session.query(HarvestObject).filter_by(harvest_job_id=job_id)
            left = objects.filter(HarvestObject.state.not_in(["COMPLETE", "ERROR"])).count()
            if (status, gathered, left) != seen:
                seen, seen_at = (status, gathered, left), time.monotonic()
            if status == "Finished" or (gathered and not left):
                break
            if time.monotonic() - seen_at > (_STUCK if gathered else _PATIENCE):
                break
        seconds = seen_at - begin
        if left:
            self.call("harvest_job_abort", id=job_id)
        elif status != "Finished":
            self.call("harvest_jobs_run")
        stats = self.call("harvest_job_show", id=job_id)["stats"]
        return seconds, {name: count for name, count in {**stats, "stuck": left}.items() if count}


def run(chosen: argparse.Namespace) -> dict[str, Any]:
    """Run the chosen harvests of the catalogue with one contestant; return the measurements."""
    contestant = CONTESTANTS[chosen.contestant]
    write_ini(contestant.plugins)
    prepare(everything=contestant.source_type != "csw" and contestant.plugins is None)
    folder = local("bench", "records")
    shutil.rmtree(folder)
    demo.write(folder, chosen.records)
    served = pycsw.publish(CATALOGUE, folder, "Bench")
    pycsw.start()
    results: dict[str, Any] = {"name": chosen.contestant, "records": served.records, "rounds": []}
    with ExitStack() as stack:
        inside = Inside()
        source_id = inside.create_source(served.url, contestant.source_type)
        crew = stack.enter_context(closing(Crew(contestant.workers(chosen.workers))))
        for what in chosen.rounds.split(","):
            if what == "changed":
                change_some(folder)
                pycsw.publish(CATALOGUE, folder, "Bench")
            crew.forget()
            cpu = crew.cpu()
            seconds, counts = inside.harvest(source_id, crew.tend)
            time.sleep(2)  # the page of the source is indexed after the end
            if crew.restarts:
                counts["restarts of a consumer"] = crew.restarts
            measured = {"what": what, "seconds": seconds, "counts": counts}
            measured |= {"cpu": crew.cpu() - cpu, "memory": crew.memory()}
            results["rounds"].append(measured)
            print(json.dumps(measured), file=sys.stderr, flush=True)
    return results


# --- the comparison ---


def measure(name: str) -> dict[str, Any]:
    """Run one contestant in a subprocess, so that neither benefits from the other's state."""
    command = [sys.executable, "-m", "dev.bench.harvest", *sys.argv[1:], "--contestant", name]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} did not come to its end.")
    return json.loads(done.stdout.strip().splitlines()[-1])


def table(results: list[dict[str, Any]]) -> str:
    """Format the measurements of all runs as a table with a line per contestant and round."""
    by_line: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for result in results:
        for measured in result["rounds"]:
            by_line.setdefault((result["name"], measured["what"]), []).append(measured)
    return columns([HEAD, *(_line(*line, runs, results[0]["records"]) for line, runs in by_line.items())])


def _line(name: str, what: str, runs: list[dict[str, Any]], records: int) -> tuple[str, ...]:
    """Format the runs of one contestant and round."""
    seconds = [run["seconds"] for run in runs]
    middle = median(seconds)
    figures = [f"{figure:.1f}" for figure in (middle, min(seconds), max(seconds), records / middle)]
    figures.append(f"{median(run['cpu'] for run in runs) * 1000 / records:.1f}")
    figures += [f"{median(run['memory'][half] for run in runs):.0f}" for half in (0, 1)]
    counts = {", ".join(f"{number} {status}" for status, number in run["counts"].items()) for run in runs}
    return (name, TITLES[what], str(len(runs)), *figures, " | ".join(sorted(counts)))


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="make bench-harvest", description=__doc__)
    parser.add_argument("--records", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", default="first,again,changed", help="which harvests to run, in this order")
    parser.add_argument("--contestants", default="ours,stock")
    parser.add_argument("--runs", type=int, default=1, help="how often to run each contestant")
    parser.add_argument("--contestant", choices=CONTESTANTS, help="run this one only, and print its figures as JSON")
    chosen = parser.parse_args()
    if chosen.contestant:
        print(json.dumps(run(chosen)))
        return
    forget_ckan_variables()
    contestants = chosen.contestants.split(",") * chosen.runs
    print(table([measure(name) for name in contestants]))


if __name__ == "__main__":
    main()
