"""Attack the running portal of this checkout.

    python -m dev.attack [--classes xss,ssrf] [--seed 7]

Prints a table: class, attempts, how many got through, slowest answer, largest worker. Exit code 1
when anything got through, any answer took more than two seconds, or any process of the portal held
more than 500 MB. Answers are timed by the clock less the time that the portal's threads waited for
a processor (see `load`).
"""

from __future__ import annotations

import argparse
import contextlib
import random
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ckanext.ecosphere.data_requests.tests.imap_server import Imap

from dev.attack import accounts, asking, credentials, files, mails, routes, sources, stage, texts
from dev.attack.asking import SLOWEST_SECONDS
from dev.attack.client import Client
from dev.attack.hostile import BEHAVIOURS, canaries, hostile
from dev.attack.load import Load
from dev.attack.stage import WORKER_BYTES, Absent, Outcome, Stage
from dev.attack.tables import table as rows_of
from dev.stack import accounts as demo_accounts
from dev.stack import ckan, demo, services
from dev.stack.install import venv_program
from dev.stack.settings import LOCAL, ports
from dev.stack.shell import columns, run, say, write_private

Attack = Callable[[Stage], Iterator[Outcome]]
_ATTACKS: tuple[Attack, ...] = (
    *(asking.headers, asking.private, asking.studies, asking.forged, accounts.sessions, asking.redirects, mails.mail),
    *(accounts.tokens, asking.formulas, texts.exports, files.uploads, files.files, texts.xss, texts.odd_forms),
    *(asking.slow_questions, texts.slow_texts, sources.ssrf, sources.sources, accounts.brakes, accounts.fairness),
    credentials.credentials,
)
CLASSES: dict[str, Attack] = {attack.__name__: attack for attack in _ATTACKS}


def chosen(names: str) -> dict[str, Attack]:
    """Return the attacks with these comma-separated names, or all of them if none is given.

    Raises:
        SystemExit: a class does not exist.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()] or list(CLASSES)
    for name in wanted:
        if name not in CLASSES:
            raise SystemExit(f"There is no class {name}: choose among {', '.join(CLASSES)}.")
    return {name: CLASSES[name] for name in wanted}


ANSWERING = ("web", "solr", "postgres")
#: A web server that does not stop within this many seconds is killed.
FROZEN_SECONDS = 5.0
#: Maximum number of successful attempts shown per class.
SHOWN = 400


@dataclass
class Result:
    """Result of a class of attack.

    Attributes:
        name: name of the class.
        attempts: number of attempts made.
        through: the attempts that succeeded.
        slowest: cost of the slowest answer, in seconds, and its request.
        worst_bytes: memory of the largest process meanwhile.
        failure: error that ended the class early; empty if there was none.
        absent: what the portal has not, and so was not attacked; empty if it has it.
    """

    name: str
    attempts: int = 0
    through: list[Outcome] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    worst_bytes: int = 0
    failure: str = ""
    absent: str = ""

    @property
    def good(self) -> bool:
        """Whether attempts were made, none succeeded, and none was
        too slow or took too much memory.
        """
        if self.absent:
            return True
        measured = self.slowest[0] <= SLOWEST_SECONDS and self.worst_bytes <= WORKER_BYTES
        return bool(self.attempts) and not self.through and not self.failure and measured


def main() -> int:
    """Run the attacks, print the table and return the exit code."""
    parser = argparse.ArgumentParser(prog="make attack", description=__doc__)
    parser.add_argument("--classes", default="", help="names, with commas between them; all by default")
    parser.add_argument("--seed", type=int, default=13)
    options = parser.parse_args()
    attacks = chosen(options.classes)
    before = set(services.running())
    if "web" not in before or not ckan.answers():
        demo.run()
    started = set(services.running()) - before
    try:
        return _attack(attacks, options.seed)
    finally:
        services.stop(started, quietly=True)


def _attack(attacks: dict[str, Attack], seed: int) -> int:
    load = Load(lambda: _pids(*ANSWERING), lambda: _pids("web", "worker"))
    doors = routes.of_portal(venv_program("python"), ckan.INI)
    results: list[Result] = []
    load.watch()
    with _with_options(), canaries() as birds, hostile(load, birds, BEHAVIOURS) as server:
        for name, attack in attacks.items():  # a fresh stage for each, so that none depends on what another left behind
            setting = Stage(
                *(ckan.site_url(), load, *_known(load), doors, birds, server),
                mail=_mails_since(time.time_ns()),
                random=random.Random(seed),
                services={name: ports()[name] for name in ("postgres", "redis", "solr")},
                revive=_revive,
                deliver=_deliver,
            )
            with stage.prepared(setting):
                results.append(carry_out(name, attack, setting, say))
    load.stop()
    print(table(results))
    return 0 if all(result.good for result in results) else 1


def _known(load: Load) -> tuple[dict[str, Client], dict[str, str]]:
    """Return the clients and passwords of people who are there before."""
    url, known = ckan.site_url(), demo_accounts.known()
    site = Client(url, load, name=demo_accounts.ADMIN, token=known["token"])
    people = {"sysadmin": site, "nobody": Client(url, load, source="127.99.0.1")}
    return people, {"sysadmin": known["passwords"][demo_accounts.ADMIN]}


def _mails_since(begin: int) -> Callable[[], list[bytes]]:
    """Return a function that returns the e-mails that the portal has
    sent since a time in nanoseconds.
    """
    folder = LOCAL / "mail"
    return lambda: [path.read_bytes() for path in sorted(folder.glob("*.eml")) if int(path.stem) > begin]


@contextlib.contextmanager
def _with_options() -> Iterator[None]:
    """Run the portal with the options of the table `options` within the block."""
    say("Restarting the portal with the options of dev/attack/data/options.yaml")
    _restart({name: str(value) for name, value in rows_of("options").items()})
    try:
        yield
    finally:
        _restart({})


def _restart(options: dict[str, str]) -> None:
    """Write the configuration file with these options and restart
    the web server and the workers.
    """
    ckan.write_ini(options)
    for process in ckan.processes():
        if process.name.startswith(("web", "worker")):
            process.start(quietly=True)


def _pids(*names: str) -> list[int]:
    """Return the ids of the running processes of this checkout with these names;
    `worker` stands for `worker-1` too.
    """
    return [process.pid() or 0 for name, process in services.running().items() if name.partition("-")[0] in names]


def _revive() -> None:
    """Restart the web server: a request that never returned would
    hold one of its threads for ever.
    """
    say("  the web server is frozen and is started anew")
    web = services.running().get("web")
    if web:
        web.patience = FROZEN_SECONDS
        web.stop(quietly=True)
    next(process for process in ckan.processes() if process.name == "web").start()


def _deliver(mails: list[bytes]) -> None:
    """Serve e-mails over IMAP, and have the portal fetch them as replies."""
    with Imap(mails, "reply", "secret") as mailbox:
        address = f"imap://reply@127.0.0.1:{mailbox.port}/INBOX"
        options = {"use": f"config:{ckan.INI.name}", "ecosphere.requests.imap": address}
        options["ecosphere.requests.imap_password"] = "secret"
        lines = [f"{name} = {value}" for name, value in options.items()]
        ini = LOCAL / "replies.ini"
        write_private(ini, "\n".join(["[app:main]", *lines, ""]))
        command = [venv_program("ckan"), "-c", ini, "ecosphere", "requests", "mail-fetch"]
        run(command, what="fetch the replies", cwd=LOCAL)


def carry_out(name: str, attack: Attack, prepared: Stage, tell: Callable[[str], None]) -> Result:
    """Run one class of attack and report each successful attempt at once."""
    result, load, begin = Result(name), prepared.load, time.monotonic()
    load.begin()
    clients = [*prepared.people.values(), *prepared.clients]
    for client in clients:
        client.slowest = (0.0, "")
    tell(f"\n{name}")
    try:
        for outcome in attack(prepared):
            result.attempts += 1
            if outcome.through:
                result.through.append(outcome)
                if len(result.through) <= SHOWN:
                    tell(f"  through: {outcome.what}: {outcome.detail}")
    except Absent as reason:
        result.absent = str(reason)
    except Exception as error:
        result.failure = repr(error)
        tell(traceback.format_exc())
    everybody = {*clients, *prepared.clients, *prepared.people.values()}
    result.slowest = max(client.slowest for client in everybody)
    result.worst_bytes = load.peak
    seconds = time.monotonic() - begin
    tell(f"  {result.attempts} attempts, {len(result.through)} through, {seconds:.0f} s; slowest: {result.slowest[1]}")
    return result


def table(results: Sequence[Result]) -> str:
    """Format the results as a plain-text table."""
    head = ("class", "attempts", "got through", "slowest answer (s)", "largest process (MB)", "")
    rows: list[tuple[object, ...]] = [head]
    for result in results:
        verdict = result.absent or result.failure[:60] or "NOT OK"
        if result.good and not result.absent:
            verdict = "ok"
        figures = (result.attempts, len(result.through), f"{result.slowest[0]:.2f}", f"{result.worst_bytes / 1e6:.0f}")
        rows.append((result.name, *figures, verdict))
    return columns(rows, right=range(1, 5))


if __name__ == "__main__":
    sys.exit(main())
