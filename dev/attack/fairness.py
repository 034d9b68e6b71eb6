"""Class of attack by amounts: ask for so much that others wait."""

from __future__ import annotations

import itertools
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from dev.attack.accounts import repeats
from dev.attack.asking import judged
from dev.attack.client import Client
from dev.attack.hostile import slowly
from dev.attack.stage import Outcome, Stage
from dev.attack.tables import table

LATER = (HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
#: Longest wait for an honest preview, as a multiple of the stage's patience: one hostile item ends within a minute.
LONGEST = 3
CREATE_SECONDS = 600
AT_ONCE = 50
POINTS = b"a;b\n1;2\n"


def fairness(stage: Stage) -> Iterator[Outcome]:
    """Whoever asks for much delays nobody else by more than a minute."""
    amounts = table("fairness")
    yield from _previews(stage, amounts)
    yield repeats(stage, amounts["signals"], reported=_dataset(stage, []).get("id"))
    yield repeats(stage, amounts["spellings"], mailbox=f"a.ttack-{secrets.token_hex(4)}")
    yield from _combinations(stage, amounts)
    yield from _crowded(stage, amounts)
    yield from _patches(stage, amounts)


def _dataset(stage: Stage, resources: list[dict[str, str]]) -> dict[str, Any]:
    """Create a public dataset; the answer, which may take long, is not measured."""
    editor = stage.fresh("editor")
    name = f"attack-{secrets.token_hex(4)}"
    fields = stage.publishable() | {"name": name, "title": name, "notes": name, "resources": resources}
    headers = {"Authorization": stage.people["editor"].token}
    path = "/api/3/action/package_create"
    return editor.send("POST", path, json=fields, headers=headers, patience=CREATE_SECONDS).result or {}


def _previews(stage: Stage, amounts: dict[str, Any]) -> Iterator[Outcome]:
    """Ask for previews of a server that answers a byte at a time, then for one of another server."""
    drip = stage.hostile.behave(lambda question: question.stream(slowly(POINTS * 1000, 1), "text/csv"))
    slow = [{"url": f"{drip}?{number}", "format": "CSV"} for number in range(amounts["previews"])]
    good = stage.hostile.place(POINTS, "text/csv").replace("127.0.0.1", "localhost")
    made = _dataset(stage, [*slow, {"url": good, "format": "CSV"}])
    resources = made.get("resources", [])
    paths = [f"/dataset/{made['id']}/resource/{resource['id']}/apercu" for resource in resources] or ["/"]
    attackers = [stage.fresh() for _number in range(amounts["addresses"])]
    for client, path in zip(itertools.cycle(attackers), paths[:-1], strict=False):
        client.post(path)
    honest, begin = stage.fresh(), time.monotonic()
    honest.post(paths[-1])

    def rows() -> bool:
        state = honest.get(paths[-1]).json
        return isinstance(state, dict) and "rows" in state

    made_in_time = stage.waits(rows, times=LONGEST, pause=1)
    waited = f"not made after {time.monotonic() - begin:.0f} s"
    yield Outcome(f"a preview beside {len(slow)} of a slow server", not made_in_time, waited)


def _combinations(stage: Stage, amounts: dict[str, Any]) -> Iterator[Outcome]:
    """Walk through combinations of filters from one address."""
    client, begin, told = stage.fresh(), time.monotonic(), 0
    names = itertools.cycle(itertools.combinations(amounts["filters"], 3))
    for number in range(amounts["combinations"]):
        query = urlencode([(name, f"{name}-{number}") for name in next(names)])
        answer = client.get(f"/dataset/?{query}")
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            told += 1
        else:
            yield judged(f"GET /dataset/?{query}", answer)
    fast = time.monotonic() - begin < 60 and not told
    yield Outcome(f"{amounts['combinations']} combinations of filters", fast, "none was told to wait")


def _crowded(stage: Stage, amounts: dict[str, Any]) -> Iterator[Outcome]:
    """Open the pages of a dataset with very many resources."""
    files = [{"url": f"https://a.example/{number}.zip", "format": "ZIP"} for number in range(amounts["resources"])]
    made = _dataset(stage, files)
    yield Outcome(f"a dataset of {len(files)} resources", not made.get("name"), "nothing was tested")
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
    saved, told = statuses[HTTPStatus.OK], sum(statuses[status] for status in LATER)
    failed = not saved or not told or saved + told < len(clients)
    yield Outcome(f"{len(clients)} saves of one dataset at once", failed, str(dict(statuses)))
