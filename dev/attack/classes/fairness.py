"""Attack: ask for so much that others wait: previews, reports, e-mails, combinations of filters, saves."""

from __future__ import annotations

import itertools
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

from dev.attack.classes.slow_questions import judged
from dev.attack.client import Client
from dev.attack.hostile import slowly
from dev.attack.outcome import Attack, Outcome
from dev.attack.stage import Stage
from dev.attack.tables import table

OK, CONFLICT, TOO_MANY, UNAVAILABLE = 200, 409, 429, 503
LATER = (CONFLICT, TOO_MANY, UNAVAILABLE)
#: Longest wait for an honest preview, as a multiple of the stage's patience: one hostile item ends within a minute.
LONGEST = 3
CREATE_SECONDS = 600
AT_ONCE = 50
POINTS = b"a;b\n1;2\n"
DRIP, GOOD = "fair/drip.csv", "fair/good.csv"


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Ask for far too much of each from many addresses, and look whether one honest person is served meanwhile."""
    amounts = table("fairness")
    yield from _previews(stage, amounts)
    yield from _signals(stage, amounts)
    yield from _spellings(stage, amounts)
    yield from _combinations(stage, amounts)
    yield from _crowded(stage, amounts)
    yield from _patches(stage, amounts)


def _dataset(stage: Stage, resources: list[dict[str, str]]) -> dict[str, Any]:
    """Create a public dataset; the answer, which may take long, is not measured."""
    editor = stage.fresh("editor")
    editor.token = stage.people["editor"].token
    fields = stage.filled(table("stage")["dataset"]["data"])
    fields |= {"name": f"attack-{secrets.token_hex(4)}", "resources": resources}
    answer = editor.send(
        "POST",
        "/api/3/action/package_create",
        json=fields,
        headers={"Authorization": editor.token},
        patience=CREATE_SECONDS,
    )
    return answer.result or {}


def _previews(stage: Stage, amounts: dict[str, Any]) -> Iterator[Outcome]:
    """Ask for previews of a server that answers a byte at a time, then for one of another server."""
    stage.hostile.behave(DRIP, lambda question: question.stream(slowly(POINTS * 1000, 1), "text/csv"))
    slow = [{"url": f"{stage.hostile.url}/{DRIP}?{n}", "format": "CSV"} for n in range(amounts["previews"])]
    stage.hostile.behave(GOOD, lambda question: question.answer(POINTS, "text/csv"))
    good = f"{stage.hostile.url}/{GOOD}".replace("127.0.0.1", "localhost")
    made = _dataset(stage, [*slow, {"url": good, "format": "CSV"}])
    paths = [f"/dataset/{made.get('id')}/resource/{each['id']}/apercu" for each in made.get("resources", [])]
    attackers = [stage.fresh() for _number in range(amounts["addresses"])]
    for client, path in zip(itertools.cycle(attackers), paths[:-1], strict=False):
        client.post(path)
    honest, begin = stage.fresh(), time.monotonic()
    last = paths[-1] if paths else "/"
    honest.post(last)
    state: Any = None
    while time.monotonic() - begin < LONGEST * stage.patience:
        state = honest.get(last).json or {}
        if "rows" in state:
            break
        time.sleep(min(1, stage.patience))
    waited = f"not made after {time.monotonic() - begin:.0f} s: {str(state)[:80]}"
    late = not isinstance(state, dict) or "rows" not in state
    yield Outcome(f"a preview beside {len(slow)} of a slow server", late, waited if late else "")


def _signals(stage: Stage, amounts: dict[str, Any]) -> Iterator[Outcome]:
    """Report problems with one dataset from many addresses."""
    dataset = _dataset(stage, []).get("id")
    fields = {"dataset": dataset, "kind": "link", "description": "Attaque"}
    answers = [stage.fresh().action("ecosphere_request_signal", fields) for _number in range(amounts["signals"])]
    taken = [answer.result for answer in answers if answer.success]
    for each in taken:
        stage.people["sysadmin"].action("ecosphere_request_spam", id=each["id"])
    many = len(taken) > amounts["most_signals"]
    yield Outcome(f"{len(answers)} reports from as many addresses", many, f"{len(taken)} were taken" if many else "")


def _spellings(stage: Stage, amounts: dict[str, Any]) -> Iterator[Outcome]:
    """Have e-mails sent to one mailbox in many spellings of its address, from many addresses."""
    path, name = "/recherche/alertes/nouvelle?q=eau", f"a.ttack-{secrets.token_hex(4)}"
    taken = 0
    for number in range(amounts["spellings"]):
        client = stage.fresh()
        fields = {"email": f"{name}+{number}@guichet.example", "frequency": "daily"}
        taken += client.post(path, fields, token_from=path).status == OK
    every = taken == amounts["spellings"]
    yield Outcome("e-mails to one mailbox, its address spelled otherwise", every, f"all {taken} asked" if every else "")


def _combinations(stage: Stage, amounts: dict[str, Any]) -> Iterator[Outcome]:
    """Walk through combinations of filters from one address."""
    client, begin, told = stage.fresh(), time.monotonic(), 0
    pairs = itertools.cycle(itertools.combinations(amounts["filters"], 3))
    for number, names in zip(range(amounts["combinations"]), pairs, strict=False):
        query = urlencode([(name, f"{name}-{number}") for name in names])
        answer = client.get(f"/dataset/?{query}")
        if answer.status == TOO_MANY:
            told += 1
        else:
            yield judged(f"GET /dataset/?{query}", answer)
    fast = time.monotonic() - begin < 60 and not told
    yield Outcome(f"{amounts['combinations']} combinations of filters", fast, "none was told to wait" if fast else "")


def _crowded(stage: Stage, amounts: dict[str, Any]) -> Iterator[Outcome]:
    """Open the pages of a dataset with very many resources."""
    files = [{"url": f"https://a.example/{n}.zip", "format": "ZIP"} for n in range(amounts["resources"])]
    made = _dataset(stage, files)
    absent = not made.get("name")
    yield Outcome(f"a dataset of {len(files)} resources", absent, "nothing was tested" if absent else "")
    for page in amounts["pages"]:
        path = stage.filled(page, crowded=made.get("name", ""))
        yield judged(f"GET {path} of {len(files)} resources", stage.fresh().get(path))


def _patches(stage: Stage, amounts: dict[str, Any]) -> Iterator[Outcome]:
    """Save one dataset very often at once: some are saved, others told to come later, none fails."""
    dataset, token = _dataset(stage, []).get("id", ""), stage.people["editor"].token
    clients = [stage.fresh() for _number in range(amounts["patches"])]

    def patch(client: Client) -> int:
        client.token = token
        return client.action("package_patch", id=dataset, notes=secrets.token_hex(4)).status

    with ThreadPoolExecutor(AT_ONCE) as pool:
        statuses = Counter(pool.map(patch, clients))
    told = sum(statuses[status] for status in LATER)
    failed = not statuses[OK] or not told or statuses[OK] + told < len(clients)
    yield Outcome(f"{len(clients)} saves of one dataset at once", failed, str(dict(statuses)) if failed else "")


ATTACK = Attack("fairness", "Whoever asks for much delays nobody else by more than a minute.", attempts)
