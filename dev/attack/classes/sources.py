"""Attack: hostile harvest sources of every type: endless, huge, slow, deeply nested, inconsistent or malformed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from dev.attack.classes import harvesting
from dev.attack.outcome import WORKER_BYTES, Attack, Outcome
from dev.attack.stage import Stage
from dev.attack.tables import table

#: Messages that show an error which the portal did not expect.
UNEXPECTED = re.compile(r"unexpected fault|imprévu|Traceback|Error\(", re.IGNORECASE)

#: Sources harvested at a time: there are two workers, and a slow source must not delay too many others.
BATCH = 8
#: Longest wait for a batch, as a multiple of the stage's patience.
LONGEST = 8


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Harvest the sources in batches: each job must end by itself, within its memory, and import the valid records."""
    for lines in batched(table("sources"), BATCH):
        stage.load.begin()
        begun = []
        for line in lines:
            url = f"{stage.hostile.url}/{line.get('path') or 'doc/' + line['name']}"
            # ckanext-harvest refuses a second source with the same URL and settings.
            address = f"{url}/{line['type']}" if "path" in line else url
            begun.append((line, url, harvesting.start(stage, line["type"], address, config=line.get("config", ""))))
        longest = stage.patience * LONGEST
        ended = [(line, url, harvesting.finish(stage, each, seconds=longest)) for line, url, each in begun]
        for line, url, found in ended:
            yield from _judged(stage, line, url, found)
        heavy = stage.load.peak > WORKER_BYTES
        names = ", ".join(line["name"] for line in lines)
        yield Outcome(f"{names} fit in memory", heavy, f"{stage.load.peak / 1e6:.0f} MB" if heavy else "")
        _recover(stage)


def batched(lines: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Yield the lines in groups of `size`."""
    rest = iter(lines)
    while group := list(islice(rest, size)):
        yield group


def _judged(stage: Stage, line: dict[str, Any], url: str, found: harvesting.Harvest) -> Iterator[Outcome]:
    name = f"{line['name']} ({line['type']})"
    if found.refused:
        yield Outcome(f"{name}: the source can be made", not line.get("refused"), found.refused)
        return
    unread = not stage.hostile.questions[url]
    yield Outcome(f"{name} is read", unread, "nobody asked for it: nothing was tested" if unread else "")
    detail = f"{found.status} after {found.seconds:.0f} s, {stage.hostile.questions[url]} questions, "
    detail += f"{stage.hostile.bytes[url] / 1e6:.0f} MB"
    yield Outcome(f"{name} ends by itself", not found.ended, detail)
    faults = [error for error in found.errors if UNEXPECTED.search(error)]
    yield Outcome(f"{name} is understood", bool(faults), faults[0][:200] if faults else "")
    if line.get("good"):
        # Another source of the batch may already have imported the same valid record.
        arrived = sum(found.stats.get(what, 0) for what in ("added", "updated", "not modified"))
        lost = arrived < line["good"]
        yield Outcome(f"{name}: honest records arrive", lost, f"{found.stats} {found.errors[:2]}"[:300] if lost else "")
    if line.get("incomplete"):
        claims = found.state.get("complete") is True
        yield Outcome(f"{name} is told to be incomplete", claims, "it is called complete" if claims else "")


def _recover(stage: Stage) -> None:
    """Wait until the workers have released their memory."""
    deadline = time.monotonic() + stage.patience
    while time.monotonic() < deadline and stage.load.sample() > WORKER_BYTES:
        time.sleep(0.5)


ATTACK = Attack("sources", "A hostile source costs its own harvest only; honest records arrive.", attempts)
