"""Progress of a harvest job or its undo, as numbers and as a sentence, for pages, their script and the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

import ckan.plugins.toolkit as tk

_LEAST_SECONDS = 1.0


def progress(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the progress of a job.

    Args:
        state: as returned by `ecosphere_harvest_job_show`.

    Returns:
        `done` and `total` (None while the source has not announced it), `rate` in records per second (None at the
        beginning), and `text`, a sentence with all of it and the number of held withdrawals.
    """
    reading = state["stage"] == "gather"
    done = state["received"] if reading else state["waiting"] - state["left"]
    total = state["announced"] if reading else state["waiting"]
    rate = _rate(done, state.get("started"))
    sentence = tk._("{done} of {total} records read") if reading else tk._("{done} of {total} changed records imported")
    parts = [sentence.format(done=done, total=total if total is not None else "?")]
    if rate:
        parts.append(tk._("{rate} records/s").format(rate=f"{rate:.1f}"))
    if state.get("held"):
        parts.append(tk._("{number} withdrawals held").format(number=state["held"]))
    return {"done": done, "total": total, "rate": rate, "text": ", ".join(parts)}


def of_undo(undo: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the progress of the undo of a job, as its page asks for it.

    Args:
        undo: as returned by `ecosphere_harvest_changes_list`.

    Returns:
        `stage` ("done" once it is over), `done`, `total`, and `text`, a sentence.
    """
    if undo is None or undo["finished"]:
        return {"stage": "done"}
    numbers = {name: undo[name] for name in ("done", "total")}
    return {"stage": "undo", "text": tk._("{done} of {total} datasets looked at").format(**numbers), **numbers}


def _rate(done: int, started: str | None) -> float | None:
    if not started or not done:
        return None
    seconds = (datetime.now(timezone.utc).replace(tzinfo=None) - datetime.fromisoformat(started)).total_seconds()
    return done / max(seconds, _LEAST_SECONDS)
