"""Run of the chaos test: start the portal, kill its processes under load, let it recover,
and check the data.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import random
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from redis import Redis, RedisError

from dev.stack import accounts, ckan, postgres, pycsw, redis, services, solr
from dev.stack.accounts import ADMIN
from dev.stack.process import Process, children
from dev.stack.settings import DATABASES, LOCAL, forget_ckan_variables, local, ports
from dev.stack.shell import StackError, say

from . import checks
from .catalogues import WORK, Catalogue, served
from .checks import Check
from .people import Client, Crowd, client, settled

#: Seconds between two kills; the shortest pause is shorter than the start-up of most processes.
SHORTEST, LONGEST = 2.0, 9.0
LOOK_SECONDS = 0.3


@dataclass(frozen=True)
class Kill:
    """A kill: seconds after the previous one, kind, and a number from 0
    to 1 that selects the process.
    """

    pause: float
    kind: str
    choice: float


_KINDS = WORK["kinds"]
FLUSH = "flushall"


def kinds() -> list[str]:
    """Return the kinds of kills."""
    return [*_KINDS, FLUSH]


def carry_out_one(kind: str, processes: Mapping[str, Process], choice: float) -> bool:
    """Kill one process, or empty Redis; return whether there was anything to kill."""
    if kind == FLUSH:
        return _flush_all()
    name, of_children = _KINDS[kind]
    pids = [process.pid() or 0 for key, process in processes.items() if key.partition("-")[0] == name]
    if of_children:
        pids = list(itertools.chain.from_iterable(map(children, pids)))
    pids = list(filter(None, pids))
    with contextlib.suppress(IndexError, ProcessLookupError):
        os.kill(pids[int(choice * len(pids))], signal.SIGKILL)
        return True
    return False


def plan(seed: int, number: int, names: list[str]) -> list[Kill]:
    """Draw kills, with each kind equally often, in random order."""
    draw = random.Random(seed)
    drawn: list[str] = []
    while len(drawn) < number:
        drawn += draw.sample(names, len(names))
    return [Kill(draw.uniform(SHORTEST, LONGEST), kind, draw.random()) for kind in drawn[:number]]


def carry_out(kills: list[Kill], processes: Mapping[str, Process], tell: Callable[[str], None]) -> Counter[str]:
    """Carry out the kills in order; return the number done of each kind."""
    done = Counter[str]()
    for number, kill in enumerate(kills, 1):
        time.sleep(kill.pause)
        deadline = time.monotonic() + 30
        while not carry_out_one(kill.kind, processes, kill.choice):  # not running, or without children: try again
            if time.monotonic() > deadline:
                tell(f"  {number:>3}. {kill.kind}: there was none")
                break
            time.sleep(0.1)
        else:
            done[kill.kind] += 1
            tell(f"  {number:>3}. {kill.kind}")
    return done


def _flush_all() -> bool:
    with contextlib.suppress(RedisError):
        return Redis(port=ports()["redis"], socket_timeout=2).flushall()
    return False


class Supervisor:
    """Keeps processes running.

    Args:
        processes: the processes, in the order of their first start.
    """

    def __init__(self, processes: Sequence[Process]) -> None:
        self.processes = {process.name: process for process in processes}
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._keep, args=(process,), daemon=True) for process in processes]

    def __enter__(self) -> Supervisor:
        for process in self.processes.values():
            process.start(quietly=True)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join(timeout=120)
        for process in reversed(self.processes.values()):
            process.stop(quietly=True)

    def _keep(self, process: Process) -> None:
        last = process.pid()
        while not self._end.wait(LOOK_SECONDS):
            if pid := process.pid():
                last = pid
                continue
            if last:
                # Kill the rest of the process group, as systemd does for a unit and Docker for a
                # container.
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(last, signal.SIGKILL)
            try:
                process.start(quietly=True)
            except StackError:  # its remains are not gone yet, or it was killed while starting
                time.sleep(LOOK_SECONDS)


#: Limits in seconds after the last kill: for the running harvests to end, and then for everything
#: else.
HARVEST_SECONDS, REST_SECONDS = 60, 90
#: Limits in seconds during the kills: slowest answer to a user, longest wait of an e-mail.
SLOWEST_ANSWER, LONGEST_WAIT = 60, 120
PEOPLE = ("utilisateur", "moderatrice", "producteur-ddt-01")


@dataclass
class Result:
    """Result of a run.

    Attributes:
        kills: kind → number of kills.
        checks: results of the checks.
        seconds: measured duration → (seconds, limit).
        answers: outcome → number of answers, over all users.
    """

    kills: Counter[str]
    checks: list[Check] = field(default_factory=list)
    seconds: dict[str, tuple[float | None, float]] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)

    @property
    def passed(self) -> bool:
        """Whether all checks passed and all limits were met."""
        in_time = all(value is not None and value <= limit for value, limit in self.seconds.values())
        return in_time and not any(check.wrong for check in self.checks)


def main() -> int:
    """Run once for each seed and print the tables; return 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, nargs="+", default=[1], help="one run for each, on the same stack")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--records", type=int, default=60, help="records of the largest catalogue")
    arguments = parser.parse_args()
    forget_ckan_variables()
    begin = time.monotonic()
    try:
        start_afresh()
        with stack() as supervisor:
            people = log_in_people()
            passed = True
            for seed in arguments.seed:
                result = run(supervisor, people, seed, arguments.kills, arguments.records)
                print(table(result, seed, time.monotonic() - begin), flush=True)
                passed = passed and result.passed
                begin = time.monotonic()
    except StackError as error:
        say(f"\nError: {error}")
        return 1
    return 0 if passed else 1


def run(supervisor: Supervisor, people: dict[str, Client], seed: int, number: int, records: int) -> Result:
    """Kill, wait and check, with catalogues, datasets and requests that belong to this seed."""
    sizes = {"csw": records, "waf": records // 2, "dcat": records // 2, "udata": records}
    catalogues = [Catalogue(f"chaos-{seed}-{kind}", kind, size) for kind, size in sizes.items()]
    with served(catalogues) as server:
        crowd = Crowd(people, catalogues, server, seed, readers=2)
        crowd.start()
        say(f"Killing {number} times, seed {seed}")
        kills = plan(seed, number, kinds())
        result = Result(carry_out(kills, supervisor.processes, say))
        crowd.harvests.no_more()
        say("Left to itself")
        ended = settled(HARVEST_SECONDS * 4, checks.harvests_are_over)
        result.seconds["running harvests over after the last kill"] = (ended, HARVEST_SECONDS)
        crowd.stop()
        crowd.harvests.read_the_rest()
        result.seconds["e-mails out after that"] = (settled(REST_SECONDS * 4, checks.emails_are_out), REST_SECONDS)
        settled(REST_SECONDS * 2, crowd.harvests.all_over)
        crowd.harvests.stop()
        begin = time.monotonic()
        while True:
            result.checks = checks.run(catalogues, crowd.producer, crowd.asker, crowd.commenter)
            if not any(check.wrong for check in result.checks) or time.monotonic() - begin > REST_SECONDS:
                break
            time.sleep(3)
        result.seconds["everything agrees after that"] = (time.monotonic() - begin, REST_SECONDS)
        waited = max(crowd.persons, key=lambda person: person.slowest)
        result.seconds[f"slowest answer to a person ({waited.slowest_act})"] = (waited.slowest, SLOWEST_ANSWER)
        result.seconds["longest wait of an e-mail"] = (checks.waited_for_mail(), LONGEST_WAIT)
        result.seconds["longest harvest"] = (crowd.harvests.longest, float("inf"))
        result.answers = crowd.answers
        result.checks.append(Check("what people saw", result.answers.total(), crowd.wrong))
        finished = crowd.harvests.finished
        busy = [f"no harvest of {name} came to its end" for name, number in finished.items() if not number]
        result.checks.append(Check("harvests went on", sum(finished.values()), busy))
    return result


def start_afresh() -> None:
    """Remove the data of an earlier run, so that this one starts with empty tables."""
    services.stop(quietly=True)
    for name in ("postgres", "redis", "solr", "mail", "storage", "pycsw", "catalogue", "log", "run"):
        shutil.rmtree(LOCAL / name, ignore_errors=True)
    (LOCAL / "credentials.json").unlink(missing_ok=True)


@contextmanager
def stack() -> Iterator[Supervisor]:
    """Run the portal and its services under a supervisor for the duration of the block."""
    with services.stopped_on_failure() as started:
        services.up(started)
        # The development stack may lose the last commits in a crash, for speed; here, they are what
        # is tested.
        postgres.execute(f"ALTER DATABASE {DATABASES['demo']} SET synchronous_commit = on")
        ckan.initialise(WORK["options"])
        pycsw.setup()
    backends = [postgres.process(), redis.process(), solr.process()]
    portal: list[Process] = [ckan.post_office(kept=100_000), pycsw.process(), *ckan.processes()]
    local("mail")
    with Supervisor([*backends, *portal]) as supervisor:
        yield supervisor


def log_in_people() -> dict[str, Client]:
    """Create the accounts; return the client of each, with a token."""
    portal = accounts.prepare()
    tokens = {name: portal.call("api_token_create", user=name, name="chaos")["token"] for name in (ADMIN, *PEOPLE)}
    return {name: client(name, token) for name, token in tokens.items()}


def table(result: Result, seed: int, seconds: float) -> str:
    """Format the result as text."""
    kills = ", ".join(f"{kind} {number}" for kind, number in sorted(result.kills.items()))
    answers = ", ".join(f"{outcome} {number}" for outcome, number in result.answers.most_common())
    lines = [f"\nSeed {seed}: {sum(result.kills.values())} kills ({kills})", f"Answers to people: {answers}", ""]
    for check in result.checks:
        lines.append(f"  {'ok   ' if not check.wrong else 'WRONG'} {check.name:<34} {check.compared:>6} compared")
        lines += [f"          {text}" for text in check.wrong[: checks.MOST_TOLD]]
        if len(check.wrong) > checks.MOST_TOLD:
            lines.append(f"          … and {len(check.wrong) - checks.MOST_TOLD} more")
    for name, (value, limit) in result.seconds.items():
        good = value is not None and value <= limit
        told = "never" if value is None else f"{value:6.1f} s"
        bound = f"(limit {limit:.0f} s)" if limit != float("inf") else ""
        lines.append(f"  {'ok   ' if good else 'WRONG'} {name:<42} {told} {bound}")
    lines.append(f"\n{'PASSED' if result.passed else 'FAILED'} after {seconds:.0f} s")
    return "\n".join(lines)
