"""Simulated users who work during the kills and record which of their writes were acknowledged; and
harvests.

Acknowledged writes must be stored at the end. Others may be stored or not, but never partially.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from ckanext.ecosphere.quality.tests import cases

from dev.attack.client import Answer, Client
from dev.attack.load import Load
from dev.attack.tables import filled
from dev.stack.accounts import ADMIN, passwords
from dev.stack.ckan import site_url

from .catalogues import WORK, Catalogue, Served

DONE, REFUSED, AWAY, BROKEN, CUT = "done", "refused", "away", "broken", "cut"
"""Outcomes: answered; refused (4xx); 503; any other 5xx; connection lost without an answer."""
TIMEOUT_SECONDS = 60
_TRACES = ("Traceback (most recent call last)", "sqlalchemy.exc", "psycopg2.", "File &#34;/", 'File "/')


def client(name: str = "", token: str = "") -> Client:
    """Return a client of a person, with a token or to log in with, or of somebody anonymous."""
    made = Client(site_url(), Load(), name=name, token=token, patience=TIMEOUT_SECONDS)
    made.session.headers["Connection"] = "close"  # a kept one would be cut by each kill of the server
    return made


def outcome(answer: Answer) -> str:
    """Return the outcome of a request."""
    if not answer.status:
        return CUT
    if answer.status < 400:
        return DONE
    if answer.status == 503:
        return AWAY
    return BROKEN if answer.status > 499 else REFUSED


SERVICE = "ddt-01053-01"
OWNER = "administration-centrale-ou-ministere_172120"
_OVER = ("Finished", "Aborted")
_PAUSE_AFTER_FAILURE = 0.5


class Person(threading.Thread):
    """Thread of a user who acts repeatedly until stopped.

    Args:
        seed: seed of the random choices.
        pause: seconds between two acts.

    Attributes:
        answers: outcome → number of answers.
        wrong: answers that a user should never see.
        slowest: duration of the slowest answer, in seconds.
        slowest_act: what that answer was to, and its outcome.
    """

    def __init__(self, seed: int, pause: float) -> None:
        super().__init__(daemon=True)
        self.seed = seed
        self.draw = random.Random(f"{type(self).__name__} {seed}")
        self.answers: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.slowest = 0.0
        self.slowest_act = ""
        self._pause = pause
        self._end = threading.Event()

    def stop(self) -> None:
        """Stop after the current act."""
        self._end.set()
        self.join(timeout=180)

    def run(self) -> None:
        """Act until stopped."""
        for act in self.acts():
            if self._end.is_set():
                return
            try:
                answer = act()
            except Exception as error:  # an error of this program must not go unnoticed
                self.wrong.append(f"{type(self).__name__}: {type(error).__name__}: {error}")
                answer = None
            self._end.wait(self._pause if answer and outcome(answer) == DONE else _PAUSE_AFTER_FAILURE)

    def acts(self) -> Any:
        """Yield acts, as functions, endlessly."""
        raise NotImplementedError

    def saw(self, what: str, answer: Answer) -> Answer:
        """Count an answer, and record what is wrong with it."""
        self.answers[outcome(answer)] += 1
        if answer.cost > self.slowest:
            self.slowest, self.slowest_act = answer.cost, f"{what}, {outcome(answer)}"
        if any(trace in answer.body for trace in _TRACES):
            self.wrong.append(f"{what}: a stack trace or the name of a library in the page (HTTP {answer.status})")
        elif outcome(answer) == BROKEN:
            self.wrong.append(f"{what}: HTTP {answer.status}: {' '.join(answer.body.split())[:160]}")
        return answer


@dataclass
class Saved:
    """Versions of a dataset: the one acknowledged last, and those sent since without an answer.

    Attributes:
        acknowledged: version acknowledged last; -1 for none.
        unknown: versions sent since, of which it is unknown whether they were stored.
    """

    id: str = ""
    acknowledged: int = -1
    unknown: set[int] = field(default_factory=set)

    def note(self, version: int, answer: Answer) -> None:
        """Record the outcome of a save."""
        if outcome(answer) == DONE:
            self.acknowledged, self.unknown = version, set()
        elif outcome(answer) != REFUSED:
            self.unknown.add(version)

    @property
    def possible(self) -> set[int]:
        """Versions that may be stored."""
        return {self.acknowledged} | self.unknown


class Producer(Person):
    """User who saves datasets through the API; each save writes one number into description, tag
    and resource.

    Args:
        client: client with the token of an editor.
        seed: see `Person`.
    """

    MOST = 12

    def __init__(self, client: Client, seed: int) -> None:
        super().__init__(seed, pause=0.3)
        self._client = client
        self.saved: dict[str, Saved] = {}

    def acts(self) -> Any:
        """Create datasets and change existing ones."""
        for number in itertools.count():
            if len(self.saved) < self.MOST and self.draw.random() < 0.4:
                yield lambda number=number: self._save(f"chaos-{self.seed}-{len(self.saved)}", number, new=True)
            elif self.saved:
                name = self.draw.choice(sorted(self.saved))
                yield lambda name=name, number=number: self._save(name, number, new=self.saved[name].acknowledged < 0)
            else:
                yield lambda: None

    def _save(self, name: str, number: int, *, new: bool) -> Answer:
        saved = self.saved.setdefault(name, Saved())
        values = filled(WORK["dataset"], {"name": name, "number": number})
        if new:
            answer = self._client.action("package_create", **complete(name=name, owner_org=SERVICE, **values))
            # Stored by an earlier attempt without an answer: change it.
            if outcome(answer) == REFUSED and saved.unknown:
                answer = self._client.action("package_patch", id=name, **values)
        else:
            answer = self._client.action("package_patch", id=name, **values)
        if outcome(answer) == REFUSED:
            self.wrong.append(f"save of {name} refused: {answer.body[:200]}")
        saved.note(number, answer)
        return self.saw(f"save of {name}", answer)


class Asker(Person):
    """User who creates data requests and has them processed, through the API with the tokens of
    three people.

    Args:
        people: account → client of requester, moderator and editor of the service.
        seed: see `Person`.
    """

    def __init__(self, people: dict[str, Client], seed: int) -> None:
        super().__init__(seed, pause=0.3)
        self._people = people
        self.done: dict[str, Counter[str]] = {}
        self.created: dict[str, Answer] = {}

    def acts(self) -> Any:
        """Create requests and take each through its transitions,
        according to the state that the portal shows.
        """
        for number in itertools.count():
            title = f"Demande du chaos {self.seed}-{number}"
            yield lambda title=title: self._create(title)
            answer = self.created.get(title)
            if answer is None or outcome(answer) != DONE:
                continue
            for _step in range(40):
                result: dict[str, Any] = {}
                yield lambda id_=answer.result["id"], result=result: self._advance(id_, result)
                if result.get("over"):
                    break

    def _create(self, title: str) -> Answer:
        fields = filled(WORK["request"], {"title": title, **_days()})
        answer = self._people["utilisateur"].action("ecosphere_request_create", **fields)
        self.created[title] = answer
        if outcome(answer) == REFUSED:
            self.wrong.append(f"request refused: {answer.body[:200]}")
        return self.saw("new request", answer)

    def _advance(self, id_: str, result: dict[str, Any]) -> Answer:
        shown = self._people["producteur-ddt-01"].action("ecosphere_request_show", id=id_)
        if outcome(shown) == REFUSED:  # still a draft, or waiting for the moderator
            shown = self._people["utilisateur"].action("ecosphere_request_show", id=id_)
        self.saw("request", shown)
        if outcome(shown) != DONE:
            return shown
        request = shown.result
        step = WORK["steps"].get(request["state"])
        if step is None:
            result["over"] = True
            return shown
        fields = filled(step["fields"], _days())
        answer = self._people[step["as"]].action(
            "ecosphere_request_transition", id=id_, version=request["version"], **fields
        )
        if outcome(answer) == DONE:
            self.done.setdefault(id_, Counter())[fields["transition"]] += 1
        elif outcome(answer) == REFUSED and answer.status != 409:
            self.wrong.append(f"{fields['transition']} refused: {answer.body[:200]}")
        return self.saw(str(fields["transition"]), answer)


class Commenter(Person):
    """User who writes comments through the form of the page, logged in with a session.

    Args:
        name: user name.
        password: password of the account.
        asker: user whose requests are commented on.
        seed: see `Person`.
    """

    def __init__(self, name: str, password: str, asker: Asker, seed: int) -> None:
        super().__init__(seed, pause=1.0)
        self._name, self._password, self._asker = name, password, asker
        self._client = client(name)
        self.sent: dict[str, str] = {}

    def acts(self) -> Any:
        """Log in once, then comment."""
        while not self._is_in():
            yield lambda: self.saw("log-in", self._client.log_in(self._password))
        for number in itertools.count():
            ids = sorted(id_ for id_, steps in self._asker.done.items() if steps["accept"])
            if ids:
                chosen = self.draw.choice(ids)
                yield lambda number=number, id_=chosen: self._comment(id_, f"Remarque du chaos {self.seed}-{number}")
            else:
                yield lambda: self.saw("list of requests", self._client.get("/demandes"))

    def _is_in(self) -> bool:
        return f"/user/{self._name}" in self._client.get("/demandes").body

    def _comment(self, id_: str, text: str) -> Answer:
        page = f"/demandes/{id_}"
        answer = self._client.post(f"{page}/message", {"text": text}, token_from=page, allow_redirects=True)
        self.sent[text] = outcome(answer)
        if text not in answer.body and self.sent[text] == DONE:
            self.sent[text] = REFUSED
        return self.saw("comment", answer)


class Visitor(Person):
    """User who reads pages, whose answers must be 200, 404 or a 503 with an explanation.

    Args:
        client: client, anonymous or with a session.
        seed: see `Person`.
    """

    def __init__(self, client: Client, seed: int) -> None:
        super().__init__(seed, pause=0.5)
        self._client = client

    def acts(self) -> Any:
        """Read random pages."""
        while True:
            chosen = self.draw.choice(WORK["pages"])
            yield lambda path=chosen: self._read(path)

    def _read(self, path: str) -> Answer:
        answer = self._client.get(path, allow_redirects=True)
        if outcome(answer) == AWAY and not any(word in answer.body for word in ("indisponible", "unavailable")):
            self.wrong.append(f"{path}: a 503 that does not say what is the matter: {answer.body[:100]}")
        return self.saw(path, answer)


class Harvests(threading.Thread):
    """Thread that starts harvests of all catalogues through the API, as a sysadmin.

    Args:
        client: client with the token of a sysadmin.
        catalogues: catalogues to harvest.
        served: server of the catalogues.
        seed: seed of the choice of records to change.

    Attributes:
        jobs: catalogue → id of its last known job.
        finished: catalogue → number of harvests that ended.
        longest: duration of the longest harvest, in seconds.
        wrong: errors.
    """

    def __init__(self, client: Client, catalogues: list[Catalogue], served: Served, seed: int) -> None:
        super().__init__(daemon=True)
        self._client, self._served = client, served
        self._draw = random.Random(f"harvests {seed}")
        self.catalogues = {catalogue.name: catalogue for catalogue in catalogues}
        self.jobs: dict[str, str] = {}
        self.finished = dict.fromkeys(self.catalogues, 0)
        self.longest = 0.0
        self.wrong: list[str] = []
        self._begun: dict[str, float] = {}
        self._unread: set[str] = set()
        self._sources: dict[str, str] = {}
        self._no_more = threading.Event()
        self._end = threading.Event()

    def prepare(self) -> None:
        """Create the sources and start their first harvests."""
        for catalogue in self.catalogues.values():
            source = {"name": catalogue.name, "title": f"Catalogue {catalogue.name}", "owner_org": OWNER}
            source |= {"url": self._served.url(catalogue), "source_type": catalogue.source_type}
            source |= {"config": catalogue.config, "frequency": "MANUAL"}
            answer = self._client.action("harvest_source_create", source)
            if outcome(answer) != DONE:
                raise RuntimeError(f"the source {catalogue.name} cannot be made: {answer.body[:300]}")
            self._sources[catalogue.name] = answer.result["id"]
            self._start(catalogue.name)

    def no_more(self) -> None:
        """Start no more harvests; let the running ones finish."""
        self._no_more.set()

    def stop(self) -> None:
        """Stop this thread, not the harvests."""
        self._end.set()
        self.join(timeout=60)

    def run(self) -> None:
        """Monitor and restart harvests until `stop`."""
        while not self._end.is_set():
            for name in self.catalogues:
                try:
                    self._look(name)
                except Exception as error:
                    self.wrong.append(f"harvest of {name}: {type(error).__name__}: {error}")
            time.sleep(0.5)

    def all_over(self) -> bool:
        """Return whether no harvest is running any more."""
        return all(self._status(name) in _OVER for name in self.catalogues)

    def read_the_rest(self) -> None:
        """Start a harvest of the catalogues that changed while the
        portal was unavailable to start one.
        """
        for name in sorted(self._unread):
            self._start(name)

    def _status(self, name: str) -> str | None:
        """Return the status of a source's last job; None if the portal gives none."""
        answer = self._client.action("harvest_source_show_status", id=self._sources[name])
        last = (answer.result or {}).get("last_job")
        if not last:
            return None
        self.jobs[name] = last["id"]
        return last["status"]

    def _look(self, name: str) -> None:
        if self._status(name) not in _OVER:
            return
        if name in self._begun:
            self.finished[name] += 1
            self.longest = max(self.longest, time.monotonic() - self._begun.pop(name))
        if not self._no_more.is_set():
            catalogue = self.catalogues[name]
            numbers = self._draw.sample(sorted(catalogue.versions), max(1, catalogue.size * 3 // 4))
            self._unread.add(name)
            catalogue.change(numbers)
            self._start(name)

    def _start(self, name: str) -> None:
        answer = self._client.action("harvest_job_create", source_id=self._sources[name], run=True)
        if outcome(answer) == DONE:
            self._begun[name] = time.monotonic()
            self._unread.discard(name)
        if outcome(answer) == REFUSED and "unfinished" not in answer.body and "already" not in answer.body:
            self.wrong.append(f"harvest of {name} refused: {answer.body[:200]}")


class Crowd:
    """Everybody who is at work on the portal, and the harvests.

    Args:
        clients: account → client with a token.
        catalogues: catalogues to harvest.
        server: server of the catalogues.
        seed: see `Person`.
        readers: number of anonymous visitors.
    """

    def __init__(
        self, clients: dict[str, Client], catalogues: list[Catalogue], server: Served, seed: int, readers: int
    ) -> None:
        self.harvests = Harvests(clients[ADMIN], catalogues, server, seed)
        self.producer = Producer(clients["producteur-ddt-01"], seed)
        self.asker = Asker(clients, seed)
        self.commenter = Commenter("utilisateur", passwords()["utilisateur"], self.asker, seed)
        visitors = [Visitor(client(), seed + number) for number in range(readers)]
        self.persons: list[Person] = [self.producer, self.asker, self.commenter, *visitors]

    def start(self) -> None:
        """Create the sources, start their harvests, and let everybody act."""
        self.harvests.prepare()
        for thread in (self.harvests, *self.persons):
            thread.start()

    def stop(self) -> None:
        """Let everybody stop after their current act; harvests go on."""
        for person in self.persons:
            person.stop()

    @property
    def answers(self) -> Counter[str]:
        """Outcome → number of answers."""
        return sum((person.answers for person in self.persons), Counter())

    @property
    def wrong(self) -> list[str]:
        """What nobody should have seen."""
        return [text for thread in (self.harvests, *self.persons) for text in thread.wrong]


def complete(**values: Any) -> dict[str, Any]:
    """Return a dataset with everything required for publication."""
    topic = "http://inspire.ec.europa.eu/metadata-codelist/TopicCategory/biota"
    return cases.dataset(topic_category=[topic], use_conditions="Citer la source.", **values)


def _days() -> dict[str, str]:
    """Return the dates that the table of work names, as `in_20_days`."""
    return {f"in_{number}_days": (date.today() + timedelta(days=number)).isoformat() for number in (15, 20, 60)}


def settled(seconds: float, look: Any, every: float = 1.0) -> float | None:
    """Wait until `look` returns true; return the seconds it took, or None on timeout."""
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        if look():
            return time.monotonic() - begin
        time.sleep(every)
    return None
