"""Background jobs that reindex datasets whose terms changed and count the use of each term."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timedelta, timezone
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib import jobs
from ckan.lib.redis import connect_to_redis
from redis.exceptions import RedisError

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.core.lists.model import LocalValue
from ckanext.ecosphere.fast_save import signature
from ckanext.ecosphere.shared.queue import enqueue_once
from ckanext.ecosphere.vocabularies import local, overlay
from ckanext.ecosphere.work.runs import Run

log = logging.getLogger(__name__)

AT_ONCE = 200
"""Datasets indexed between two progress updates."""
KEPT_SECONDS = 7 * 24 * 3600
COUNTED_FOR = timedelta(minutes=10)
"""Age up to which counts are shown without being refreshed."""
LONGEST_SECONDS = 3 * 3600
_HERE = "ckanext.ecosphere.core.lists.indexing"
RUN = Run(
    name="ecosphere-lists-index",
    function=f"{_HERE}.index",
    title="Lists: index the datasets of terms that changed",
    queue=jobs.DEFAULT_QUEUE_NAME,
    seconds=LONGEST_SECONDS,
)


def want() -> None:
    """Schedule the reindexing of datasets whose terms changed."""
    _note("progress", {"done": 0, "total": None})
    RUN.want()


def index() -> None:
    """Reindex the datasets of every term that changed since they were last indexed."""
    with RUN.working() as mine:
        if not mine:
            return
        local.look(now=True)
        rows = waiting()
        ids = datasets([uri for row in rows for uri in _uris(row.area, row.key)])
        done = [(row.area, row.key, row.number) for row in rows]
        model.Session.commit()
        for start in range(0, len(ids), AT_ONCE):
            _note("progress", {"done": start, "total": len(ids)})
            failed = signature.index(ids[start : start + AT_ONCE])
            if failed:
                log.error("Lists: %s datasets could not be indexed", len(failed))
        for area, key, number in done:
            query = sa.update(LocalValue).filter_by(area=area, key=key).where(LocalValue.indexed < number)
            model.Session.execute(query.values(indexed=number))
        model.Session.commit()
        _note("progress", {"done": len(ids), "total": len(ids)})
        _count()


def waiting() -> list[LocalValue]:
    """Return the terms whose datasets have to be reindexed."""
    query = sa.select(LocalValue).where(LocalValue.area.startswith(overlay.AREA, autoescape=True))
    return list(model.Session.scalars(query.where(LocalValue.indexed < LocalValue.number)))


def datasets(uris: list[str]) -> list[str]:
    """Return the ids of active datasets that refer to any of the terms."""
    if not uris:
        return []
    patterns = [f"%{uri.translate(_LIKE)}%" for uri in uris]
    extras = sa.cast(model.Package.extras, sa.Text)
    query = sa.select(model.Package.id).where(model.Package.state == "active", model.Package.type == "dataset")
    return list(model.Session.scalars(query.where(extras.like(sa.any_(sa.literal(patterns, sa.ARRAY(sa.Text)))))))


_LIKE = str.maketrans({"%": r"\%", "_": r"\_", "\\": r"\\"})


def _uris(area: str, key: str) -> list[str]:
    """Return the URIs of a term and of its narrower terms, whose datasets are indexed with its name as well."""
    vocabulary = voc.get(area.removeprefix(overlay.AREA))
    concept = vocabulary.get(key)
    below = [concept] if concept else []
    for each in below:
        below += vocabulary.children(each.uri)
    return [each.uri for each in below]


def progress() -> dict[str, Any] | None:
    """Return the progress of reindexing, or None when nothing is pending.

    Returns:
        `done`, and `total`, which is None until the job starts.
    """
    told = _told("progress")
    return told if told and told["done"] != told["total"] else None


def ask_for_counts() -> bool:
    """Schedule the counting of datasets per term."""
    queue = jobs.DEFAULT_QUEUE_NAME
    return enqueue_once(count, job_id="ecosphere-lists-count", title="Lists: count the use of terms", queue=queue)


def counts(name: str) -> tuple[datetime | None, dict[str, int]]:
    """Return when the use of a list's terms was counted, and the counts by term id; schedule a count if outdated."""
    told = _told("counts")
    at = datetime.fromisoformat(told["at"]) if told else None
    if at is None or datetime.now(timezone.utc) - at > COUNTED_FOR:
        ask_for_counts()
    return at, told["lists"].get(name, {}) if told else {}


def count() -> None:
    """Count the datasets that use each term of the editable lists."""
    local.look(now=True)
    _count()


def _count() -> None:
    lists = {each.name: _used(each) for each in overlay.editable().values()}
    _note("counts", {"at": datetime.now(timezone.utc).isoformat(), "lists": lists})


def _used(edited: overlay.EditableList) -> dict[str, int]:
    vocabulary, found = voc.get(edited.name), dict[str, int]()
    written = model.Package.extras[edited.field].astext
    query = sa.select(written, sa.func.count()).where(model.Package.state == "active", written.is_not(None))
    for text, number in model.Session.execute(query.group_by(written)):
        for concept in {vocabulary.get(each) for each in _values(text)}:
            if concept is not None:
                found[concept.id] = found.get(concept.id, 0) + number
    return found


def _values(text: str) -> list[str]:
    try:
        values = json.loads(text) if text.startswith("[") else text
    except ValueError:
        values = text
    return [each for each in values if isinstance(each, str)] if isinstance(values, list) else [values]


def _key(name: str) -> str:
    return f"ecosphere:lists:{tk.config['ckan.site_id']}:{name}"


def _note(name: str, told: Any) -> None:
    try:
        connect_to_redis().set(_key(name), json.dumps(told), ex=KEPT_SECONDS)
    except RedisError as error:
        log.warning("Lists: progress is not told, Redis does not answer: %s", error)


def _told(name: str) -> Any:
    try:
        kept: Any = connect_to_redis().get(_key(name))
    except RedisError:
        return None
    return json.loads(kept) if kept else None
