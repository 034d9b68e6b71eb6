"""Bulk edits: the change that a user asks for, and the runs that carry it out and undo it."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import logging
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import fields
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.schemas import places
from ckanext.ecosphere.schemas.importing.proposing import error_sentences
from ckanext.ecosphere.shared import contact_details, csv_table, language
from ckanext.ecosphere.shared.locks import Locks
from ckanext.ecosphere.vocabularies import communes
from ckanext.ecosphere.work.jobs import Job

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EditableField:
    """A field that bulk edits can change.

    Attributes:
        vocabulary: name of its vocabulary, "" for free values.
        stored_attribute: attribute of a concept that datasets store ("uri" or "id").
        is_multiple: whether it holds a list of values.
    """

    vocabulary: str
    stored_attribute: str
    is_multiple: bool


#: The fields that bulk edits can change: CKAN's tags, and those with `bulk` in the schema.
FIELDS = {"tags": EditableField("", "", is_multiple=True)}
for _field in fields.having("bulk"):
    FIELDS[_field.name] = EditableField(
        _field.vocabulary,
        _field.entry.get("vocabulary_store", "uri"),
        is_multiple=_field.has_several or bool(_field.subfields),
    )
OPERATIONS = ("replace", "add", "remove")
_NAME = re.compile(r"[\w-]{2,100}")
#: Headers of the column with dataset names, in order of preference; "url" is in the catalogue's own
#: CSV file.
_HEADERS = ("name", "nom", "id", "identifiant", "identifier", "url", "adresse")
_LONGEST_SHOWN = 100


class PlanError(ValueError):
    """An invalid value; ``code`` is the reason, ``value`` the input."""

    def __init__(self, code: str, value: str = "") -> None:
        super().__init__(code)
        self.code, self.value = code, value


@dataclass(frozen=True)
class Change:
    """A change to apply to datasets.

    Attributes:
        field: key of :data:`FIELDS`.
        operation: one of :data:`OPERATIONS`; only "replace" for a single-valued field.
        values: values as stored in datasets.
    """

    field: str
    operation: str
    values: tuple[Any, ...]


def change_of(field: str, operation: str, lines: str) -> Change:
    """Return the change for a user's input.

    Args:
        field: key of :data:`FIELDS`.
        operation: one of :data:`OPERATIONS`.
        lines: one value per line: a label, an id or a URI; a contact as ``Name <e-mail>``.

    Raises:
        PlanError: "field", "operation", "empty", "single" (several values for a single-valued
            field), "unknown" or "contact" (both with the value).
    """
    if field not in FIELDS:
        raise PlanError("field", field)
    is_multiple = FIELDS[field].is_multiple
    if operation not in OPERATIONS or (operation != "replace" and not is_multiple):
        raise PlanError("operation", operation)
    texts = list(filter(None, map(str.strip, lines.splitlines())))
    if not texts:
        raise PlanError("empty")
    if len(texts) > 1 and not is_multiple:
        raise PlanError("single")
    values = tuple(_stored(field, text, removed=operation == "remove") for text in texts)
    return Change(field, operation, values)


def _stored(field: str, line: str, *, removed: bool) -> Any:
    """Return the value to store for a line; a withdrawn concept can only be removed."""
    if field == "contact":
        return _contact(line)
    if not FIELDS[field].vocabulary:
        return line
    concepts = voc.get(FIELDS[field].vocabulary)
    concept = concepts.lookup(line)
    if field == "territory" and concept is None:
        code = line.upper()
        concept = concepts.get(f"departement-{code}")
        commune = communes.get(communes.PREFIX + code)
        if concept is None and commune:
            return commune.uri
    if concept is None or (concept.data.get("withdrawn") and not removed):
        raise PlanError("unknown", line)
    return getattr(concept, FIELDS[field].stored_attribute)


def _contact(line: str) -> dict[str, str]:
    """Parse ``Name <e-mail>``; the name may be missing."""
    name, opened, rest = line.strip().partition("<")
    email, closed, after = rest.partition(">")
    if not (opened and closed) or after or ">" in name or not contact_details.is_address(email):
        raise PlanError("contact", line)
    return {key: text for key, text in (("name", name.strip()), ("email", email)) if text}


def value_of(dataset: Row, field: str) -> Any:
    """Return the value of a field of a dataset as changes have it: the names of tags, a list,
    or one value.
    """
    if field == "tags":
        return sorted(str(tag["name"]) for tag in dataset.get("tags") or ())
    if FIELDS[field].is_multiple:
        return list(dataset.get(field) or ())
    return dataset.get(field) or ""


def value_after(dataset: Row, change: Change) -> Any:
    """Return the value of the field after the change."""
    before = value_of(dataset, change.field)
    if not FIELDS[change.field].is_multiple:
        return change.values[0]
    if change.operation == "replace":
        after = list(change.values)
    elif change.operation == "add":
        after = [*before, *(value for value in change.values if value not in before)]
    else:
        after = [value for value in before if value not in change.values]
    if change.field == "tags":
        after.sort()
    return after


def patch(field: str, value: Any) -> DataDict:
    """Return the data of `package_patch` for a value returned by `value_after` or `value_of`."""
    if field == "tags":
        return {"tags": [{"name": name} for name in value]}
    return {field: value}


def names_in(text: str) -> list[str]:
    """Return the distinct names or ids in a CSV file, also from the ends of URLs; other texts are
    kept, shortened.

    Args:
        text: CSV with commas, semicolons or tabs. The column is the one with a known header
            ("name", "id"…), else the first one.

    Raises:
        PlanError: "file": it is not CSV text.
    """
    lines = text.lstrip("\ufeff")
    if "\0" in lines:
        raise PlanError("file")
    first = lines.partition("\n")[0]
    try:
        rows = list(csv.reader(io.StringIO(lines), delimiter=max(",;\t", key=first.count)))
    except csv.Error as error:
        raise PlanError("file") from error
    heads = [cell.strip().lower() for cell in next(iter(rows), [])]
    columns = [heads.index(word) for word in _HEADERS if word in heads]
    column = 0
    if columns:
        column = columns[0]
        rows = rows[1:]
    names: dict[str, None] = {}
    for row in rows:
        cell = ""
        if len(row) > column:
            cell = csv_table.unmarked(row[column].strip())
        name = cell.rstrip("/").rsplit("/", 1)[-1]
        if not is_name(name):
            name = cell[:_LONGEST_SHOWN]
        names[name] = None
    return [name for name in names if name]


def is_name(text: str) -> bool:
    """Return whether a text may be the name or id of a dataset."""
    return bool(_NAME.fullmatch(text))


def described(field: str, value: Any, lang: str) -> str:
    """Return a value for display."""
    parts = value if isinstance(value, (list, tuple)) else [value]
    texts = (_text(field, part, lang) for part in parts)
    return ", ".join(text for text in texts if text)


def _text(field: str, part: Any, lang: str) -> str:
    if isinstance(part, Mapping):
        return " ".join(str(part[key]) for key in ("name", "email") if part.get(key))
    if field == "territory":
        return places.label(str(part), lang)
    label = ""
    if FIELDS[field].vocabulary:
        label = voc.get(FIELDS[field].vocabulary).label(part, lang)
    return label or str(part)


# --- runs, stored in CKAN's ``task_status`` table, and their background jobs ---------------------

QUEUE = "ecosphere:schemas"
#: Type of the rows that hold runs.
KIND = "ecosphere_bulk_edit"
#: Keys of a run that follow from the columns of its row, and are not in its JSON text.
NOT_STORED = ("id", "state", "last_updated", "interrupted")
#: Outcome of a dataset whose change was started, but not confirmed.
BEGUN = "begun"
#: Time after which a job is stopped.
LONGEST_SECONDS = 3600
#: A run is saved for each dataset; without an update for this time, its worker counts as dead.
SILENT_SECONDS = 120
#: Runs in the list, the latest of all users.
MOST_LISTED = 200
#: Characters of an error message that are stored for a dataset.
LONGEST_MESSAGE = 500


def _now() -> dt.datetime:
    """Return the current time in UTC without time zone, as in CKAN's database."""
    return dt.datetime.now(dt.timezone.utc).replace(tzinfo=None)


class TakenOverError(Exception):
    """Another worker has taken over the run, or it has ended."""


def create(user: str, ids: list[str], change: Change) -> str:
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
        id=id_,
        entity_id=id_,
        entity_type="user",
        task_type=KIND,
        key="run",
        value=json.dumps(run),
        state="queued",
    )
    model.Session.add(task)
    model.Session.commit()
    _job(id_, "queued").enqueue()
    return id_


def load(id_: str) -> DataDict | None:
    """Return a run, or None.

    In addition to the values set by `create`: ``state`` (queued, running, done, undoing, undone),
    ``last_updated`` and ``interrupted`` (whether its worker has died).
    """
    task: Any = model.TaskStatus.get(id_)
    return _run_of(task) if task is not None and task.task_type == KIND else None


def listed(user: str | None) -> list[DataDict]:
    """Return the runs of a user, or of all users for None, among the latest ones, newest first."""
    query: Any = model.Session.query(model.TaskStatus).filter_by(task_type=KIND)
    tasks = query.order_by(model.TaskStatus.last_updated.desc().nullsfirst()).limit(MOST_LISTED)
    return [run for run in map(_run_of, tasks) if user is None or run["user"] == user]


def _run_of(task: Any) -> DataDict:
    """Return the run in a row of the table: its stored values,
    and the columns of the row (`NOT_STORED`).
    """
    interrupted = False
    if task.state in ("running", "undoing") and task.last_updated is not None:
        interrupted = (_now() - task.last_updated).total_seconds() > SILENT_SECONDS
    return {
        **json.loads(task.value),
        "id": task.id,
        "state": task.state,
        "last_updated": task.last_updated,
        "interrupted": interrupted,
    }


def _save_progress(run: DataDict, state: str, expected: tuple[str, ...] = ()) -> None:
    """Save the progress of a run.

    Raises:
        TakenOverError: its state is not among ``expected``.
    """
    model.Session.expire_all()
    task: Any = model.TaskStatus.get(run["id"])
    if expected and task.state not in expected:
        raise TakenOverError(run["id"])
    stored = {key: value for key, value in run.items() if key not in NOT_STORED}
    task.value = json.dumps(stored)
    task.state = state
    task.last_updated = _now()
    model.Session.commit()


def start_undo(run: DataDict) -> None:
    """Queue the undo of a run."""
    _save_progress({**run, "done": 0, "lang": language.current()}, "undoing")
    _job(run["id"], "undoing").enqueue()


def resume(run: DataDict) -> None:
    """Queue an interrupted run again; datasets already processed are skipped."""
    _save_progress(run, run["state"])
    _job(run["id"], run["state"]).enqueue()


def unfinished() -> list[Job]:
    """Return the jobs of the unfinished runs, to be queued again if they were lost.

    A run that has started must also be interrupted (`SILENT_SECONDS`), so that one that always
    fails is retried only after a pause.
    """
    query: Any = model.Session.query(model.TaskStatus).filter_by(task_type=KIND)
    jobs = [
        _job(task.id, task.state)
        for task in query.filter(model.TaskStatus.state.in_(JOBS))
        if task.state == "queued" or _run_of(task)["interrupted"]
    ]
    model.Session.rollback()
    return jobs


#: Unfinished state of a run → function and title of its job.
JOBS = {
    "queued": ("carry_out", "Bulk edit"),
    "running": ("carry_out", "Bulk edit"),
    "undoing": ("undo", "Undo a bulk edit"),
}


def _job(id_: str, state: str) -> Job:
    """Return the job that goes on with a run in an unfinished state."""
    function, title = JOBS[state]
    return Job(
        name=f"ecosphere-bulk-{id_}",
        function=f"ckanext.ecosphere.schemas.bulk.{function}",
        title=title,
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
    _with_lock(id_, ("queued", "running"), _change_all)


def undo(id_: str) -> None:
    """Undo the changes of a run (background job), except in datasets changed since then."""
    _with_lock(id_, ("undoing",), _undo_all)


def _with_lock(id_: str, states: tuple[str, ...], process: Callable[[DataDict], None]) -> None:
    """Process a run that is in one of the states, in the language of its user,
    unless another worker does.
    """
    with Locks() as locks:
        if not locks.take(_lock(id_)):
            return
        run = load(id_)
        if run is None or run["state"] not in states:
            return
        try:
            with language.speaking(run["lang"]):
                process(run)
        except TakenOverError:
            log.info("Bulk edit %s goes on elsewhere", id_)


def _change_all(run: DataDict) -> None:
    change = Change(run["field"], run["operation"], tuple(run["values"]))
    entries = {entry["id"]: entry for entry in run["entries"]}
    for number, dataset_id in enumerate(run["ids"], 1):
        entry = entries.get(dataset_id)
        if entry is None:
            entry = {"id": dataset_id, "title": dataset_id, "outcome": BEGUN}
            run["entries"].append(entry)
        if entry["outcome"] == BEGUN:
            with _recording_failures(entry):
                _change_one(run, change, entry)
        run["done"] = number
    _save_progress(run, "done", ("queued", "running"))


def _undo_all(run: DataDict) -> None:
    to_undo = [entry for entry in run["entries"] if entry["outcome"] in ("changed", BEGUN)]
    undone = {entry["id"] for entry in run["undone"]}
    for number, entry in enumerate(to_undo, 1):
        if entry["id"] not in undone:
            result = {"id": entry["id"], "title": entry["title"]}
            with _recording_failures(result):
                result["outcome"] = _undo_one(run["user"], run["field"], entry)
            run["undone"].append(result)
        run["done"] = number
        _save_progress(run, "undoing", ("undoing",))
    _save_progress(run, "undone", ("undoing",))


@contextmanager
def _recording_failures(entry: DataDict) -> Iterator[None]:
    """Record why a dataset could not be changed, so that the run goes on."""
    try:
        yield
    except TakenOverError:
        raise
    except (tk.ObjectNotFound, tk.NotAuthorized):
        model.Session.rollback()
        entry["outcome"] = "forbidden"
    except tk.ValidationError as error:
        model.Session.rollback()
        errors: Any = error.error_dict
        entry.update(outcome="failed", message="; ".join(error_sentences(errors))[:LONGEST_MESSAGE])
    except Exception:
        log.exception("Bulk edit of %s", entry["id"])
        model.Session.rollback()
        entry.update(outcome="failed", message="")  # the page then reports an internal error


def _context(user: str) -> Any:
    return {"user": user, "use_cache": False}


def _change_one(run: DataDict, change: Change, entry: DataDict) -> None:
    """Change a dataset; its values before and after are saved first,
    so that the change can be undone.
    """
    dataset = tk.get_action("package_show")(_context(run["user"]), {"id": entry["id"]})
    entry["title"] = dataset["title"]
    before, after = value_of(dataset, change.field), value_after(dataset, change)
    if "after" in entry and before == entry["after"]:
        entry["outcome"] = "changed"  # by the worker that died
        return
    if before == after:
        entry["outcome"] = "unchanged"
        return
    entry.update(before=before, after=after)
    _save_progress(run, "running", ("queued", "running"))
    _save(run["user"], dataset["id"], change.field, after)
    entry["outcome"] = "changed"


def _undo_one(user: str, field: str, entry: DataDict) -> str:
    """Restore the value of a dataset; return the outcome."""
    dataset = tk.get_action("package_show")(_context(user), {"id": entry["id"]})
    now = value_of(dataset, field)
    if entry["outcome"] == BEGUN and now == entry["before"]:
        return "unchanged"
    if now != entry["after"]:
        return "changed-since"
    _save(user, dataset["id"], field, entry["before"])
    return "restored"


def _save(user: str, dataset_id: str, field: str, value: Any) -> None:
    data = {"id": dataset_id, **patch(field, value)}
    tk.get_action("package_patch")(_context(user), data)
