"""Runs of bulk edits, stored in CKAN's ``task_status`` table, and their background jobs."""

from __future__ import annotations

import datetime as dt
import json
import logging
import uuid
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere.schemas.bulk import plan
from ckanext.ecosphere.schemas.importing.review import said
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.shared.locks import Locks
from ckanext.ecosphere.work.jobs import Job

log = logging.getLogger(__name__)
QUEUE = "ecosphere:schemas"
KIND = "ecosphere_bulk_edit"
BEGUN = "begun"
LONGEST_SECONDS = 3600
#: A run is saved for each dataset; without an update for this time, its worker counts as dead.
SILENT_SECONDS = 120
MOST_LISTED = 200
MOST_TOLD = 500


def _now() -> dt.datetime:
    """Return the current time in UTC without time zone, as in CKAN's database."""
    return dt.datetime.now(dt.timezone.utc).replace(tzinfo=None)


class TakenOverError(Exception):
    """Another worker has taken over the run, or it has ended."""


def create(user: str, ids: list[str], change: plan.Change) -> str:
    """Save a run and queue its job; return the id of the run."""
    id_ = str(uuid.uuid4())
    run = {
        "user": user,
        "lang": language.current(),
        "started": _now().isoformat(timespec="seconds"),
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
    _job(id_, "queued").enqueue()
    return id_


def load(id_: str) -> dict[str, Any] | None:
    """Return a run, or None.

    In addition to the values set by `create`: ``state`` (queued, running, done, undoing, undone), ``last_updated`` and
    ``interrupted`` (whether its worker has died).
    """
    task: Any = model.TaskStatus.get(id_)
    return _shown(task) if task is not None and task.task_type == KIND else None


def listed(user: str | None) -> list[dict[str, Any]]:
    """Return the runs of a user, or of all users for None, among the latest ones, newest first."""
    query: Any = model.Session.query(model.TaskStatus).filter_by(task_type=KIND)
    tasks = query.order_by(model.TaskStatus.last_updated.desc().nullsfirst()).limit(MOST_LISTED)
    return [run for run in map(_shown, tasks) if user is None or run["user"] == user]


def _shown(task: Any) -> dict[str, Any]:
    silent = task.last_updated is not None and (_now() - task.last_updated).total_seconds() > SILENT_SECONDS
    interrupted = task.state in ("running", "undoing") and silent
    known = {"id": task.id, "state": task.state, "last_updated": task.last_updated, "interrupted": interrupted}
    return {"started": None, **json.loads(task.value), **known}


def _note(id_: str, run: dict[str, Any], state: str, expected: tuple[str, ...] = ()) -> None:
    """Save the progress of a run.

    Raises:
        TakenOverError: its state is not among ``expected``.
    """
    model.Session.expire_all()
    task: Any = model.TaskStatus.get(id_)
    if expected and task.state not in expected:
        raise TakenOverError(id_)
    kept = {key: value for key, value in run.items() if key not in ("id", "state", "last_updated", "interrupted")}
    task.value, task.state, task.last_updated = json.dumps(kept), state, _now()
    model.Session.commit()


def start_undo(id_: str) -> None:
    """Queue the undo of a run."""
    run = load(id_)
    if run is not None:
        _note(id_, {**run, "done": 0, "lang": language.current()}, "undoing")
        _job(id_, "undoing").enqueue()


def resume(id_: str) -> None:
    """Queue an interrupted run again; datasets already processed are skipped."""
    run = load(id_)
    if run is not None and run["interrupted"]:
        _note(id_, run, run["state"])
        _job(id_, run["state"]).enqueue()


def unfinished() -> list[Job]:
    """Return the jobs of the unfinished runs, to be queued again if they were lost.

    A run that has started must also be interrupted (`SILENT_SECONDS`), so that one that always fails is retried only
    after a pause.
    """
    query: Any = model.Session.query(model.TaskStatus).filter_by(task_type=KIND)
    jobs = [
        _job(task.id, task.state)
        for task in query.filter(model.TaskStatus.state.in_(TITLES))
        if task.state == "queued" or _shown(task)["interrupted"]
    ]
    model.Session.rollback()
    return jobs


#: Unfinished state of a run → title of its job.
TITLES = {"queued": "Bulk edit", "running": "Bulk edit", "undoing": "Undo a bulk edit"}


def _job(id_: str, state: str) -> Job:
    """Return the job that goes on with a run in an unfinished state."""
    function = "carry_out"
    if state == "undoing":
        function = "undo"
    return Job(
        name=f"ecosphere-bulk-{id_}",
        function=f"ckanext.ecosphere.schemas.bulk.runs.{function}",
        title=TITLES[state],
        queue=QUEUE,
        seconds=LONGEST_SECONDS,
        has_work=lambda: True,
        lock=_lock(id_),
        arguments=(id_,),
    )


def _lock(id_: str) -> str:
    return f"schemas:bulk:{id_}"


def carry_out(id_: str) -> None:
    """Change the datasets of a run one by one (background job); a failure does not stop the run."""
    with Locks() as locks:
        run = load(id_) if locks.take(_lock(id_)) else None
        if run is not None and run["state"] in ("queued", "running"):
            with language.speaking(run.get("lang")):
                _carry_out(id_, run)


def _carry_out(id_: str, run: dict[str, Any]) -> None:
    change = plan.Change(run["field"], run["operation"], tuple(run["values"]))
    told = {entry["id"]: entry for entry in run["entries"]}
    try:
        for number, dataset_id in enumerate(run["ids"], 1):
            entry = told.get(dataset_id)
            if entry is None or entry["outcome"] == BEGUN:
                _change_one(id_, run, dataset_id, change, entry)
            run["done"] = number
        _note(id_, run, "done", ("queued", "running"))
    except TakenOverError:
        log.info("Bulk edit %s goes on elsewhere", id_)


def undo(id_: str) -> None:
    """Undo the changes of a run (background job), except in datasets changed since then."""
    with Locks() as locks:
        run = load(id_) if locks.take(_lock(id_)) else None
        if run is not None and run["state"] == "undoing":
            with language.speaking(run.get("lang")):
                _undo(id_, run)


def _undo(id_: str, run: dict[str, Any]) -> None:
    entries = [entry for entry in run["entries"] if entry["outcome"] in ("changed", BEGUN)]
    told = {entry["id"] for entry in run["undone"]}
    try:
        for number, entry in enumerate(entries, 1):
            if entry["id"] not in told:
                run["undone"].append(_undo_one(run["user"], run["field"], entry))
            run["done"] = number
            _note(id_, run, "undoing", ("undoing",))
        _note(id_, run, "undone", ("undoing",))
    except TakenOverError:
        log.info("Undo of bulk edit %s goes on elsewhere", id_)


def _context(user: str) -> Any:
    return {"user": user, "ignore_auth": False, "model": model, "session": model.Session, "use_cache": False}


def _change_one(
    id_: str, run: dict[str, Any], dataset_id: str, change: plan.Change, begun: dict[str, Any] | None
) -> None:
    """Change a dataset; its values before and after are saved first, so that the change can be undone."""
    entry: dict[str, Any] = begun or {"id": dataset_id, "title": dataset_id, "outcome": "failed"}
    if begun is None:
        run["entries"].append(entry)
    try:
        dataset = tk.get_action("package_show")(_context(run["user"]), {"id": dataset_id})
        entry["title"] = dataset["title"]
        before, after = plan.current(dataset, change.field), plan.changed(dataset, change)
        if begun is not None and before == entry["after"]:
            entry["outcome"] = "changed"  # by the worker that died
            return
        if before == after:
            entry["outcome"] = "unchanged"
            return
        entry.update(outcome=BEGUN, before=before, after=after)
        _note(id_, run, "running", ("queued", "running"))
        tk.get_action("package_patch")(_context(run["user"]), {"id": dataset["id"], **plan.patch(change.field, after)})
        entry["outcome"] = "changed"
    except TakenOverError:
        raise
    except (tk.ObjectNotFound, tk.NotAuthorized):
        model.Session.rollback()
        entry["outcome"] = "forbidden"
    except tk.ValidationError as error:
        model.Session.rollback()
        entry["outcome"] = "failed"
        entry["message"] = _told(error)
    except Exception:
        log.exception("Bulk edit of %s", dataset_id)
        model.Session.rollback()
        entry.update(outcome="failed", message="")  # the page then reports an internal error


def _undo_one(user: str, field: str, entry: dict[str, Any]) -> dict[str, Any]:
    told = {"id": entry["id"], "title": entry["title"], "outcome": "failed"}
    try:
        dataset = tk.get_action("package_show")(_context(user), {"id": entry["id"]})
        if entry["outcome"] == BEGUN and plan.current(dataset, field) == entry["before"]:
            told["outcome"] = "unchanged"
            return told
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
        told["message"] = _told(error) if isinstance(error, tk.ValidationError) else ""
    return told


def _told(error: Any) -> str:
    return "; ".join(said(error.error_dict))[:MOST_TOLD]
