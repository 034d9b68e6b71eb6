"""Runs of changes, kept in CKAN's own table of tasks (``task_status``), and the jobs that carry them out."""

from __future__ import annotations

import datetime as dt
import json
import logging
import uuid
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model

from . import plan

log = logging.getLogger(__name__)
QUEUE = "ecosphere:schemas"
KIND = "ecosphere_bulk_edit"
LONGEST_SECONDS = 3600
NOTED_EVERY = 10


def create(user: str, ids: list[str], change: plan.Change) -> str:
    """Keep a run and queue its work; return its id."""
    id_ = str(uuid.uuid4())
    run = {
        "user": user,
        "ids": ids,
        "field": change.field,
        "operation": change.operation,
        "values": list(change.values),
        "done": 0,
        "entries": [],
        "undone": [],
    }
    task: Any = model.TaskStatus(
        id=id_, entity_id=id_, entity_type="user", task_type=KIND, key="run", value=json.dumps(run), state="queued"
    )
    model.Session.add(task)
    model.Session.commit()
    tk.enqueue_job(carry_out, [id_], title="Bulk edit", queue=QUEUE, rq_kwargs={"timeout": LONGEST_SECONDS})
    return id_


def load(id_: str) -> dict[str, Any] | None:
    """Return a run with its ``state`` (queued, running, done, undoing, undone, failed), or None."""
    task: Any = model.TaskStatus.get(id_)
    if task is None or task.task_type != KIND:
        return None
    return {**json.loads(task.value), "id": id_, "state": task.state, "last_updated": task.last_updated}


def _note(id_: str, run: dict[str, Any], state: str) -> None:
    task: Any = model.TaskStatus.get(id_)
    kept = {key: value for key, value in run.items() if key not in ("id", "state", "last_updated")}
    task.value, task.state, task.last_updated = json.dumps(kept), state, dt.datetime.now()
    model.Session.commit()


def start_undo(id_: str) -> None:
    """Queue the undoing of a run."""
    run = load(id_)
    if run is not None:
        _note(id_, {**run, "done": 0}, "undoing")
        tk.enqueue_job(undo, [id_], title="Undo a bulk edit", queue=QUEUE, rq_kwargs={"timeout": LONGEST_SECONDS})


def carry_out(id_: str) -> None:
    """Change the datasets of a run, one after the other; one that is refused stops none."""
    run = load(id_)
    if run is None or run["state"] not in ("queued", "running"):
        return
    change = plan.Change(run["field"], run["operation"], tuple(run["values"]))
    told = {entry["id"] for entry in run["entries"]}
    for number, dataset_id in enumerate(run["ids"], 1):
        if dataset_id not in told:
            run["entries"].append(_change_one(run["user"], dataset_id, change))
        run["done"] = number
        if number % NOTED_EVERY == 0:
            _note(id_, run, "running")
    _note(id_, run, "done")


def undo(id_: str) -> None:
    """Put back what a run changed, except in datasets that somebody has changed since."""
    run = load(id_)
    if run is None or run["state"] != "undoing":
        return
    entries = [entry for entry in run["entries"] if entry["outcome"] == "changed"]
    for number, entry in enumerate(entries, 1):
        run["undone"].append(_undo_one(run["user"], run["field"], entry))
        run["done"] = number
        if number % NOTED_EVERY == 0:
            _note(id_, run, "undoing")
    _note(id_, run, "undone")


def _context(user: str) -> Any:
    return {"user": user, "ignore_auth": False, "model": model, "session": model.Session, "use_cache": False}


def _change_one(user: str, id_: str, change: plan.Change) -> dict[str, Any]:
    entry: dict[str, Any] = {"id": id_, "title": id_, "outcome": "failed"}
    try:
        dataset = tk.get_action("package_show")(_context(user), {"id": id_})
        entry["title"] = dataset["title"]
        before, after = plan.current(dataset, change.field), plan.changed(dataset, change)
        if before == after:
            entry["outcome"] = "unchanged"
            return entry
        tk.get_action("package_patch")(_context(user), {"id": dataset["id"], **plan.patch(change.field, after)})
        entry.update(outcome="changed", before=before, after=after)
    except (tk.ObjectNotFound, tk.NotAuthorized):
        model.Session.rollback()
        entry["outcome"] = "forbidden"
    except tk.ValidationError as error:
        model.Session.rollback()
        entry["message"] = "; ".join(f"{key}: {value}" for key, value in error.error_summary.items())[:500]
    except Exception as error:
        log.exception("Bulk edit of %s", id_)
        model.Session.rollback()
        entry["message"] = type(error).__name__
    return entry


def _undo_one(user: str, field: str, entry: dict[str, Any]) -> dict[str, Any]:
    told = {"id": entry["id"], "title": entry["title"], "outcome": "failed"}
    try:
        dataset = tk.get_action("package_show")(_context(user), {"id": entry["id"]})
        if plan.current(dataset, field) != entry["after"]:
            told["outcome"] = "changed-since"
            return told
        tk.get_action("package_patch")(_context(user), {"id": dataset["id"], **plan.patch(field, entry["before"])})
        told["outcome"] = "restored"
    except (tk.ObjectNotFound, tk.NotAuthorized):
        model.Session.rollback()
        told["outcome"] = "forbidden"
    except Exception as error:
        log.exception("Undo of a bulk edit of %s", entry["id"])
        model.Session.rollback()
        told["message"] = str(getattr(error, "error_summary", "") or type(error).__name__)[:500]
    return told
