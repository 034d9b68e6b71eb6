"""Hostile sources of every type: without an end, too large, too slow, too deep, lying, or of no known shape."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

from dev.attack.classes import harvesting
from dev.attack.outcome import WORKER_BYTES, Attack, Outcome
from dev.attack.stage import Stage
from dev.attack.tables import table

#: How the portal tells that it did not see something coming.
UNEXPECTED = re.compile(r"unexpected fault|imprévu|Traceback|Error\(", re.IGNORECASE)


def attempts(stage: Stage) -> Iterator[Outcome]:
    """Harvest each source: it ends by itself, within its memory, and takes the honest records."""
    for line in table("sources"):
        url = f"{stage.hostile.url}/{line.get('path') or 'doc/' + line['name']}"
        stage.load.begin()
        seconds = min(line.get("seconds", stage.patience), 4 * stage.patience)
        found = harvesting.run(stage, line["type"], url, config=line.get("config", ""), seconds=seconds)
        yield from _judged(stage, line, url, found)
        _recover(stage)


def _judged(stage: Stage, line: dict[str, Any], url: str, found: harvesting.Harvest) -> Iterator[Outcome]:
    name = f"{line['name']} ({line['type']})"
    if found.refused:
        yield Outcome(f"{name}: the source can be made", not line.get("refused"), found.refused)
        return
    detail = f"{found.status} after {found.seconds:.0f} s, {stage.hostile.questions[url]} questions, "
    detail += f"{stage.hostile.bytes[url] / 1e6:.0f} MB"
    yield Outcome(f"{name} ends by itself", not found.ended, detail)
    heavy = stage.load.peak > WORKER_BYTES
    yield Outcome(f"{name} fits in memory", heavy, f"{stage.load.peak / 1e6:.0f} MB; {detail}" if heavy else "")
    faults = [error for error in found.errors if UNEXPECTED.search(error)]
    yield Outcome(f"{name} is understood", bool(faults), faults[0][:200] if faults else "")
    if line.get("good"):
        added = found.stats.get("added", 0)
        lost = added < line["good"]
        yield Outcome(f"{name}: honest records arrive", lost, f"{found.stats} {found.errors[:2]}"[:300] if lost else "")
    if line.get("incomplete"):
        claims = found.state.get("complete") is True
        yield Outcome(f"{name} is told to be incomplete", claims, "it is called complete" if claims else "")


def _recover(stage: Stage) -> None:
    """Wait until the workers have let go of what they held."""
    deadline = time.monotonic() + stage.patience
    while time.monotonic() < deadline and stage.load.sample() > WORKER_BYTES:
        time.sleep(0.5)


ATTACK = Attack("sources", "A hostile source costs its own harvest only; honest records arrive.", attempts)
