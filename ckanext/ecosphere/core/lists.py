"""Changes of administrators to the vocabularies: their storage, and what follows for the datasets
that use the terms.

Each process compares the number of the last change, with one short query every two seconds at most,
on its own connection, see `vocabularies/local.py`. Changes are serialised by an advisory lock held
until the transaction ends, so that a process that has seen a number cannot miss an earlier change
committed later.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib import jobs
from ckan.lib.redis import connect_to_redis
from ckan.types import DataDict
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.core import journal
from ckanext.ecosphere.core.journal import JournalEntry, LocalValue
from ckanext.ecosphere.fast_save import documents
from ckanext.ecosphere.shared.queue import enqueue_once
from ckanext.ecosphere.vocabularies import local
from ckanext.ecosphere.work.outbox import Run

log = logging.getLogger(__name__)

MOST = 1_000
"""Maximum number of values per area."""
_LOCK = 0x6563_6F6C_6973_7473  # "ecolists"
_state_read: list[Any] = [None]
"""The one item: number of values and last change when this process last read them; None before."""


class FullError(Exception):
    """The area has reached its maximum number of values."""


class ChangedMeanwhileError(Exception):
    """The change cannot be undone, or the value was changed again since."""


def follow() -> None:
    """Load the stored changes into this process, now and whenever they change."""
    _state_read[0] = None
    local.follow(read_changes)


def read_changes() -> local.Changes | None:
    """Return the changes in force, by area and key; None if nothing changed since the last call.

    Also None while the database does not answer: the changes read before stay in force.
    """
    engine = model.meta.engine
    if engine is None:
        return None
    table: Any = LocalValue.__table__
    try:
        with engine.connect() as connection:
            state = connection.execute(
                sa.select(sa.func.count(), sa.func.max(table.c.number))
            ).one()
            if tuple(state) == _state_read[0]:
                return None
            columns = (table.c.area, table.c.key, table.c.value)
            query = (
                sa.select(*columns)
                .where(table.c.value.is_not(None))
                .order_by(table.c.made, table.c.key)
            )
            rows = connection.execute(query).all()
    except SQLAlchemyError as error:
        log.debug("The lists of the portal cannot be read: %s", error)
        return None
    _state_read[0] = tuple(state)
    changes: dict[str, DataDict] = defaultdict(dict)
    for area, key, value in rows:
        changes[area][key] = value
    return dict(changes)


def stored_value(area: str, key: str) -> Any:
    """Return the value stored under a key, read from the database; None if there is none."""
    return model.Session.scalar(sa.select(LocalValue.value).filter_by(area=area, key=key))


def store(area: str, key: str, value: Any, person: str | None) -> JournalEntry | None:
    """Store a value, record the change in the journal, and commit.

    Args:
        area: the list.
        key: its entry.
        value: a JSON object, None to restore the package's default.
        person: id of the account.

    Returns:
        the journal entry, None if nothing changed.

    Raises:
        FullError: the area has reached its maximum number of values.
    """
    model.Session.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    row = model.Session.get(LocalValue, (area, key), populate_existing=True)
    before = row.value if row is not None else None
    if before == value:
        model.Session.commit()
        return None
    if before is None and value is not None and _number_of(area) >= MOST:
        model.Session.rollback()
        raise FullError
    entry = journal.note(area, key, before, value, person)
    if row is None:
        row = LocalValue(area=area, key=key, made=entry.id)
        model.Session.add(row)
    row.value, row.number = value, entry.id
    model.Session.commit()
    local.look(now=True)
    return entry


def take_back(number: int, person: str | None) -> JournalEntry | None:
    """Undo a change of a list; the undoing is recorded as a change, too.

    Args:
        number: id of the journal entry.
        person: id of the account.

    Raises:
        ChangedMeanwhileError: there is no such change, or the value was changed again since.
    """
    entry = model.Session.get(JournalEntry, number)
    if entry is None or not journal.can_be_taken_back(entry):
        raise ChangedMeanwhileError
    if stored_value(entry.area, entry.key) != entry.after:
        raise ChangedMeanwhileError
    return store(entry.area, entry.key, entry.before, person)


def _number_of(area: str) -> int:
    query = sa.select(sa.func.count()).select_from(LocalValue).filter_by(area=area)
    return model.Session.scalar(query.where(LocalValue.value.is_not(None))) or 0


# Datasets are indexed again after a change, since their documents have the names of their terms.

AT_ONCE = 200
"""Datasets indexed between two progress updates."""
KEPT_SECONDS = 7 * 24 * 3600
"""How long Redis has progress and counts."""
COUNTS_FRESH = timedelta(minutes=10)
"""Age up to which counts are shown without being refreshed."""
LONGEST_SECONDS = 3 * 3600
_HERE = "ckanext.ecosphere.core.lists"
RUN = Run(
    name="ecosphere-lists-index",
    function=f"{_HERE}.index_datasets",
    title="Lists: index the datasets of terms that changed",
    queue=jobs.DEFAULT_QUEUE_NAME,
    seconds=LONGEST_SECONDS,
)


def want_index() -> None:
    """Schedule the reindexing of datasets whose terms changed."""
    _keep("progress", {"done": 0, "total": None})
    RUN.request()


def index_datasets() -> None:
    """Reindex the datasets of every term that changed since they were last indexed."""
    with RUN.working() as mine:
        if not mine:
            return
        local.look(now=True)
        rows = waiting()
        ids = datasets([uri for row in rows for uri in _uris(row.area, row.key)])
        indexed = [(row.area, row.key, row.number) for row in rows]
        model.Session.commit()
        for start in range(0, len(ids), AT_ONCE):
            _keep("progress", {"done": start, "total": len(ids)})
            failed = documents.index(ids[start : start + AT_ONCE])
            if failed:
                log.error("Lists: %s datasets could not be indexed", len(failed))
        for area, key, number in indexed:
            query = (
                sa.update(LocalValue)
                .filter_by(area=area, key=key)
                .where(LocalValue.indexed < number)
            )
            model.Session.execute(query.values(indexed=number))
        model.Session.commit()
        _keep("progress", {"done": len(ids), "total": len(ids)})
        count_uses()


def waiting() -> list[LocalValue]:
    """Return the terms whose datasets have to be reindexed."""
    query = sa.select(LocalValue).where(LocalValue.area.startswith(local.AREA, autoescape=True))
    return list(model.Session.scalars(query.where(LocalValue.indexed < LocalValue.number)))


def datasets(uris: list[str]) -> list[str]:
    """Return the ids of active datasets that refer to any of the terms."""
    if not uris:
        return []
    patterns = [f"%{uri.translate(_LIKE)}%" for uri in uris]
    extras = sa.cast(model.Package.extras, sa.Text)
    has_term = extras.like(sa.any_(sa.literal(patterns, sa.ARRAY(sa.Text))))
    query = sa.select(model.Package.id).where(
        model.Package.state == "active", model.Package.type == "dataset", has_term
    )
    return list(model.Session.scalars(query))


_LIKE = str.maketrans({"%": r"\%", "_": r"\_", "\\": r"\\"})


def _uris(area: str, key: str) -> list[str]:
    """Return the URIs of a term and of its narrower terms,
    whose datasets are indexed with its name as well.
    """
    vocabulary = voc.get(area.removeprefix(local.AREA))
    concept = vocabulary.get(key)
    if concept is None:
        return []
    below = [concept]
    for term in below:
        below += vocabulary.children(term.uri)
    return [term.uri for term in below]


def progress() -> DataDict | None:
    """Return the progress of reindexing, or None when nothing is pending.

    Returns:
        `done`, and `total`, which is None until the job starts.
    """
    progress_now = _kept("progress")
    if progress_now and progress_now["done"] != progress_now["total"]:
        return progress_now
    return None


def ask_for_counts() -> None:
    """Schedule the counting of datasets per term."""
    enqueue_once(
        count_uses,
        job_id="ecosphere-lists-count",
        title="Lists: count the use of terms",
        queue=jobs.DEFAULT_QUEUE_NAME,
    )


def counts(name: str) -> tuple[datetime | None, dict[str, int]]:
    """Return when the use of a list's terms was counted, and the counts by term id.

    Schedule a count if outdated.
    """
    counted = _kept("counts")
    if not counted:
        ask_for_counts()
        return None, {}
    at = datetime.fromisoformat(counted["at"])
    if datetime.now(timezone.utc) - at > COUNTS_FRESH:
        ask_for_counts()
    return at, counted["lists"].get(name, {})


def count_uses() -> None:
    """Count the datasets that use each term of the editable lists,
    and keep the counts with their time.
    """
    local.look(now=True)
    lists = {edited.name: _used(edited) for edited in local.editable().values()}
    _keep("counts", {"at": datetime.now(timezone.utc).isoformat(), "lists": lists})


def _used(edited: local.EditableList) -> dict[str, int]:
    """Return the number of datasets that use each term of a list, by id.

    Unused ones are left out.
    """
    vocabulary, numbers = voc.get(edited.name), dict[str, int]()
    written = model.Package.extras[edited.field].astext
    query = sa.select(written, sa.func.count()).where(
        model.Package.state == "active", written.is_not(None)
    )
    for text, number in model.Session.execute(query.group_by(written)):
        for concept in {vocabulary.get(key) for key in _values(text)}:
            if concept is not None:
                numbers[concept.id] = numbers.get(concept.id, 0) + number
    return numbers


def _values(text: str) -> list[str]:
    """Return the terms in a stored field, which has one, or a JSON list."""
    if not text.startswith("["):
        return [text]
    try:
        values = json.loads(text)
    except ValueError:
        return [text]
    return [part for part in values if isinstance(part, str)]


def _key(name: str) -> str:
    return f"ecosphere:lists:{tk.config['ckan.site_id']}:{name}"


def _keep(name: str, value: Any) -> None:
    """Keep progress or counts for the pages of other processes."""
    try:
        connect_to_redis().set(_key(name), json.dumps(value), ex=KEPT_SECONDS)
    except RedisError as error:
        log.warning("Lists: progress is not told, Redis does not answer: %s", error)


def _kept(name: str) -> Any:
    """Return what `_keep` kept; None if there is nothing, or Redis does not answer."""
    try:
        stored: Any = connect_to_redis().get(_key(name))
    except RedisError:
        return None
    if stored:
        return json.loads(stored)
    return None
