"""Run of the chaos test: start the portal, kill its processes under load, let it recover, and check the data."""

from __future__ import annotations

import argparse
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dev.stack import accounts, ckan, postgres, pycsw, redis, services, solr
from dev.stack.accounts import ADMIN, passwords
from dev.stack.process import Process
from dev.stack.settings import DATABASES, LOCAL, forget_ckan_variables, local
from dev.stack.shell import StackError, say

from . import checks, sabotage
from .catalogues import WORK, Catalogue, served
from .checks import Check
from .client import Client
from .people import Asker, Commenter, Harvests, Producer, Visitor, settled

#: Limits in seconds after the last kill: for the running harvests to end, and then for everything else.
HARVEST_SECONDS, REST_SECONDS = 60, 90
#: Limits in seconds during the kills: slowest answer to a user, longest wait of an e-mail.
SLOWEST_ANSWER, LONGEST_WAIT = 60, 120
#: Timeout in seconds for the start of a process; long, since the machine may be busy.
PATIENCE = 300.0
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
        _start_afresh()
        with stack() as supervisor:
            people = _people()
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


def run(supervisor: sabotage.Supervisor, people: dict[str, Client], seed: int, number: int, records: int) -> Result:
    """Kill, wait and check, with catalogues, datasets and requests that belong to this seed."""
    sizes = {"csw": records, "waf": records // 2, "dcat": records // 2, "udata": records}
    catalogues = [Catalogue(f"chaos-{seed}-{kind}", kind, size) for kind, size in sizes.items()]
    with served(catalogues) as server:
        harvests = Harvests(people[ADMIN], catalogues, server, seed)
        producer = Producer(people["producteur-ddt-01"], seed)
        asker = Asker(people, seed)
        commenter = Commenter("utilisateur", passwords()["utilisateur"], asker, seed)
        at_work = [producer, asker, commenter, Visitor(Client(), seed), Visitor(Client(), seed + 1)]
        harvests.prepare()
        for each in (harvests, *at_work):
            each.start()
        say(f"Killing {number} times, seed {seed}")
        kills = sabotage.plan(seed, number, sabotage.kinds())
        result = Result(sabotage.carry_out(kills, supervisor.processes, say))
        harvests.no_more()
        say("Left to itself")
        ended = settled(HARVEST_SECONDS * 4, checks.harvests_are_over)
        result.seconds["running harvests over after the last kill"] = (ended, HARVEST_SECONDS)
        for each in at_work:
            each.stop()
        harvests.read_the_rest()
        result.seconds["e-mails out after that"] = (settled(REST_SECONDS * 4, checks.emails_are_out), REST_SECONDS)
        settled(REST_SECONDS * 2, harvests.all_over)
        harvests.stop()
        begin = time.monotonic()
        while True:
            result.checks = checks.run(catalogues, producer, asker, commenter)
            if not any(check.wrong for check in result.checks) or time.monotonic() - begin > REST_SECONDS:
                break
            time.sleep(3)
        result.seconds["everything agrees after that"] = (time.monotonic() - begin, REST_SECONDS)
        waited = max(at_work, key=lambda person: person.slowest)
        result.seconds[f"slowest answer to a person ({waited.slowest_act})"] = (waited.slowest, SLOWEST_ANSWER)
        result.seconds["longest wait of an e-mail"] = (checks.waited_for_mail(), LONGEST_WAIT)
        result.seconds["longest harvest"] = (harvests.longest, float("inf"))
        for each in at_work:
            result.answers += each.answers
        wrong = [text for each in (harvests, *at_work) for text in each.wrong]
        result.checks.append(Check("what people saw", sum(result.answers.values()), wrong))
        busy = [f"no harvest of {name} came to its end" for name, n in harvests.finished.items() if not n]
        result.checks.append(Check("harvests went on", sum(harvests.finished.values()), busy))
    return result


def _start_afresh() -> None:
    """Remove the data of an earlier run, so that this one starts with empty tables."""
    services.stop(quietly=True)
    for name in ("postgres", "redis", "solr", "mail", "storage", "pycsw", "catalogue", "log", "run"):
        shutil.rmtree(LOCAL / name, ignore_errors=True)
    (LOCAL / "credentials.json").unlink(missing_ok=True)


@contextmanager
def stack() -> Iterator[sabotage.Supervisor]:
    """Run the portal and its services under a supervisor for the duration of the block."""
    with services.stopped_on_failure() as started:
        services.up(started)
        # The development stack may lose the last commits in a crash, for speed; here, they are what is tested.
        postgres.execute(f"ALTER DATABASE {DATABASES['demo']} SET synchronous_commit = on")
        ckan.initialise(WORK["options"])
        pycsw.setup()
    backends = [postgres.process(), redis.process(), solr.process()]
    portal: list[Process] = [ckan.post_office(kept=100_000), pycsw.process(), *ckan.processes()]
    local("mail")
    for process in (*backends, *portal):
        process.patience = PATIENCE
    supervisor = sabotage.Supervisor([*backends, *portal])
    with supervisor:
        yield supervisor


def _people() -> dict[str, Client]:
    portal = accounts.prepare()
    tokens = {name: portal.call("api_token_create", user=name, name="chaos")["token"] for name in (ADMIN, *PEOPLE)}
    return {name: Client(token) for name, token in tokens.items()}


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
