"""Single records of a harvest: content, decisions of the rules, outcome, and what the source states."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.types import DataDict

from ckanext.ecosphere.harvest import messages
from ckanext.ecosphere.harvest.deduplication import explained, kept_objects
from ckanext.ecosphere.harvest.messages import JOINING, about_record
from ckanext.ecosphere.harvest.model import IMPORT_LOG, Condition
from ckanext.ecosphere.harvest.normalise import Context, RecordError, Result, normalise
from ckanext.ecosphere.harvest.problems import Problem, sentence
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.harvest.source_evidence import Statement, statements
from ckanext.ecosphere.harvest.sources.base import fill_record_url, type_called
from ckanext.harvest.model import (
    HarvestObject,
    HarvestObjectError,
    HarvestObjectExtra,
    HarvestSource,
)

TYPES = {
    "ecosphere_dcat": ("nt", "application/n-triples"),
    "ecosphere_udata": ("json", "application/json"),
    "ecosphere_ogcapi": ("json", "application/json"),
}
"""Source type → file extension and media type of its stored records; the others are XML."""
XML = ("xml", "application/xml")
MAX_CONTENT = 400_000
"""Maximum characters of a record to read for a page; for longer ones the page does not explain
missing values."""
_CACHED = 16


def _is_current(package_id: str) -> Condition:
    return sa.and_(HarvestObject.package_id == package_id, HarvestObject.current.is_(True))


def current(package_id: str) -> str | None:
    """Return the harvest object that a dataset was last made of."""
    query = sa.select(HarvestObject.id).where(
        _is_current(package_id), HarvestObject.content.is_not(None)
    )
    return model.Session.scalar(query.limit(1))


def way_of(package_id: str, rule: str) -> tuple[str, str] | None:
    """Return how a rule last decided on a dataset: code of its reason, and the value after.

    Two look-ups by index, whatever the size of the catalogue; None when the record was not harvested here, or its log
    is not kept.
    """
    query = (
        sa.select(sa.cast(HarvestObjectExtra.value, sa.JSON)["changes"])
        .join(HarvestObject, HarvestObject.id == HarvestObjectExtra.harvest_object_id)
        .where(_is_current(package_id), HarvestObjectExtra.key == IMPORT_LOG)
    )
    for change in reversed(model.Session.scalar(query.limit(1)) or ()):
        if change["rule"] == rule:
            before = change["before"]
            if isinstance(before, dict):  # logs of earlier versions have texts
                before = before["code"]
            return before, change["after"]
    return None


# --- one record ---


def show(id_: str) -> DataDict:
    """Return what is stored about an object; see `ecosphere_harvest_record_show`.

    Raises:
        ObjectNotFound: there is no such object.
    """
    query = (
        sa.select(HarvestObject, HarvestSource, model.Package)
        .join(HarvestSource, HarvestSource.id == HarvestObject.harvest_source_id)
        .outerjoin(model.Package, model.Package.id == HarvestObject.package_id)
        .where(HarvestObject.id == id_)
    )
    row = model.Session.execute(query).first()
    if row is None:
        raise tk.ObjectNotFound(tk._("Harvest object not found"))
    harvest_object, source, package = row
    dataset = None
    if package is not None and package.state == "active":
        dataset = {"name": package.name, "title": package.title}
    extra = HarvestObjectExtra
    query = sa.select(extra.value).where(extra.harvest_object_id == id_, extra.key == IMPORT_LOG)
    import_log = json.loads(model.Session.scalar(query) or "{}")
    errors = sa.select(HarvestObjectError.message).where(
        HarvestObjectError.harvest_object_id == id_
    )
    position, guid = import_log.get("position"), harvest_object.guid
    problems = import_log.get("problems") or []
    return {
        "id": id_,
        "guid": guid,
        "job_id": harvest_object.harvest_job_id,
        "source": {"id": source.id, "title": source.title or source.url, "type": source.type},
        "dataset": dataset,
        "outcome": harvest_object.report_status,
        "position": position,
        "changes": [messages.in_words(change) for change in import_log.get("changes") or []],
        "problems": [_problem(position or 0, guid, problem) for problem in problems],
        "unread": import_log.get("unread") or [],
        "note": import_log.get("note"),
        "errors": list(model.Session.scalars(errors)),
        "joined": _decisions_in_words(explained((source.id, guid))),
        "has_content": harvest_object.content is not None,
    }


def _problem(position: int, guid: str, problem: DataDict | str) -> str:
    """Return a problem in the user's language; earlier versions stored it as a sentence."""
    if isinstance(problem, str):
        return problem
    return about_record(position, guid, Problem(**problem), tk._)


def _decisions_in_words(joined: DataDict) -> list[str]:
    """Return sentences about the decision on a dataset that several catalogues have."""
    sentences = []
    why = joined.get("published_by")
    if why:
        text = tk._("The dataset is published from {source}, record {guid}, because {reason}.")
        sentences.append(text.format(**{**why, "reason": _reason(why)}))
    for why in joined.get("publishes") or ():
        text = tk._(
            "Record {guid} of {source} is the same dataset; this one is published because {reason}."
        )
        sentences.append(text.format(**{**why, "reason": _reason(why)}))
    return sentences


def _reason(why: DataDict) -> str:
    sentence = JOINING[why["reason"]]
    return tk._(sentence).format(**why["params"])


def raw(id_: str) -> tuple[str, str, str] | None:
    """Return a record as received.

    Returns:
        its text, a file name and its media type; None when it was not stored. For an unchanged record, the content
        stored when it last changed.
    """
    harvest_object: Any = HarvestObject.get(id_)
    if harvest_object is None or harvest_object.source is None:
        return None
    record = (harvest_object.harvest_source_id, harvest_object.guid)
    content = harvest_object.content
    if content is None:
        stored_id, _job_id = kept_objects([record]).get(record, (None, None))
        query = sa.select(HarvestObject.content).where(HarvestObject.id == stored_id)
        content = model.Session.scalar(query)
    if content is None:
        return None
    extension, mimetype = TYPES.get(harvest_object.source.type, XML)
    safe = re.sub(r"[^\w.-]+", "-", harvest_object.guid or "", flags=re.ASCII)
    name = safe.strip("-.")[:100] or "record"
    return content, f"{name}.{extension}", mimetype


# --- what the source states ---


def statements_of(id_or_name: str) -> DataDict | None:
    """Return what the source record of a dataset states; see `ecosphere_harvest_statements_show`.

    Returns:
        None when the dataset was not harvested by one of our source types, or its record was not stored.
    """
    package = model.Package.get(id_or_name)
    row = _short_record(package.id) if package else None
    source_type = type_called(row.type) if row else None
    if package is None or row is None or source_type is None:
        return None
    pattern = source_type.record_url(row.url)
    read = _read(row.type, row.content, row.title, pattern)
    if read is None:
        return None
    context: Any = {"ignore_auth": True, "user": "", "use_cache": False}
    dataset = tk.get_action("package_show")(context, {"id": package.id})
    original = dataset.get("source_record")
    if not original and pattern:
        original = fill_record_url(pattern, row.guid)
    fields = statements(*read, dataset)
    return {
        "source": {"title": row.title, "url": row.url},
        "record": original,
        "fields": {name: _statement(statement) for name, statement in fields.items()},
    }


@lru_cache(maxsize=_CACHED)
def _read(
    source_type: str, content: str, title: str, pattern: str | None
) -> tuple[Record, Result] | None:
    """Read and normalise a record; cached for pages that are requested repeatedly."""
    reader = type_called(source_type)
    if reader is None:
        return None
    try:
        record = reader.read(content)
        return record, normalise(record, Context(catalogue_title=title, record_url=pattern))
    except RecordError:
        return None


def _short_record(package_id: str) -> Any:
    """Return the record that a dataset was last made of, with its source, unless it is too long for a page."""
    source = HarvestSource
    query = (
        sa.select(HarvestObject.guid, HarvestObject.content, source.type, source.url, source.title)
        .join(source, source.id == HarvestObject.harvest_source_id)
        .where(_is_current(package_id), sa.func.length(HarvestObject.content) <= MAX_CONTENT)
    )
    return model.Session.execute(query.limit(1)).first()


def _statement(statement: Statement) -> DataDict:
    return {
        "said": list(statement.said),
        "lost": list(statement.lost),
        "problems": [sentence(problem, tk._) for problem in statement.problems],
    }
