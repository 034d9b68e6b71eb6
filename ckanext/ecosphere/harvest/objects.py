"""What is stored about single records of a harvest, for their pages and actions.

- `show`: what became of a record: its outcome, the decisions of the rules, and its problems.
- `raw`: the record as received.
- `statements_of`: what the record of a dataset states about each field.

ckanext-harvest has a harvest object for each record that a job read.
"""

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
from ckanext.ecosphere.harvest.sources.base import original_url, type_called
from ckanext.harvest.model import (
    HarvestObject,
    HarvestObjectError,
    HarvestObjectExtra,
    HarvestSource,
)

FILE_TYPES = {
    "ecosphere_dcat": ("nt", "application/n-triples"),
    "ecosphere_udata": ("json", "application/json"),
    "ecosphere_ogcapi": ("json", "application/json"),
}
"""Source type → file extension and media type of its stored records; the others are XML."""
XML = ("xml", "application/xml")
MAX_CONTENT = 400_000
"""Maximum length in characters of a record that is read again for a page; pages do not explain
missing values of longer ones."""
_IS_LOG = sa.and_(
    HarvestObjectExtra.harvest_object_id == HarvestObject.id, HarvestObjectExtra.key == IMPORT_LOG
)
"""SQL condition that joins an object with its log."""

# --- the object of a dataset ---


def current(package_id: str) -> str | None:
    """Return the id of the harvest object that a dataset was last made of.

    None if there is none, or its content was not stored.
    """
    query = sa.select(HarvestObject.id).where(
        _is_current(package_id), HarvestObject.content.is_not(None)
    )
    return model.Session.scalar(query.limit(1))


def last_decision(package_id: str, rule: str) -> tuple[str, str] | None:
    """Return the last decision of a rule on a dataset: code of its reason, and the value it set.

    None when the dataset was not harvested, the rule changed nothing, or the log is not kept.
    """
    query = (
        sa.select(sa.cast(HarvestObjectExtra.value, sa.JSON)["changes"])
        .join(HarvestObject, _IS_LOG)
        .where(_is_current(package_id))
    )
    for change in reversed(model.Session.scalar(query.limit(1)) or ()):
        if change["rule"] == rule:
            reason = change["before"]
            if isinstance(reason, dict):  # earlier versions logged a text
                reason = reason["code"]
            return reason, change["after"]
    return None


def _is_current(package_id: str) -> Condition:
    return sa.and_(HarvestObject.package_id == package_id, HarvestObject.current.is_(True))


# --- one record ---


def show(id_: str) -> DataDict:
    """Return what became of a record, for `ecosphere_harvest_record_show`.

    Args:
        id_: id of its harvest object.

    Raises:
        ObjectNotFound: there is no such object.
    """
    query = (
        sa.select(HarvestObject, HarvestSource, model.Package, HarvestObjectExtra.value)
        .join(HarvestSource, HarvestSource.id == HarvestObject.harvest_source_id)
        .outerjoin(model.Package, model.Package.id == HarvestObject.package_id)
        .outerjoin(HarvestObjectExtra, _IS_LOG)
        .where(HarvestObject.id == id_)
    )
    row = model.Session.execute(query).first()
    if row is None:
        raise tk.ObjectNotFound(tk._("Harvest object not found"))
    harvest_object, source, package, import_log = row
    notes = json.loads(import_log or "{}")
    dataset = None
    if package is not None and package.state == "active":
        dataset = {"name": package.name, "title": package.title}
    errors = sa.select(HarvestObjectError.message).where(
        HarvestObjectError.harvest_object_id == id_
    )
    position = notes.get("position")
    guid = harvest_object.guid
    return {
        "id": id_,
        "guid": guid,
        "job_id": harvest_object.harvest_job_id,
        "source": {"id": source.id, "title": source.title or source.url, "type": source.type},
        "dataset": dataset,
        "outcome": harvest_object.report_status,
        "position": position,
        "changes": list(map(messages.in_words, notes.get("changes", ()))),
        "problems": [_problem(position, guid, problem) for problem in notes.get("problems", ())],
        "unread": notes.get("unread", []),
        "note": notes.get("note"),
        "errors": list(model.Session.scalars(errors)),
        "joined": _decisions_in_words(explained((source.id, guid))),
        "has_content": harvest_object.content is not None,
    }


def _problem(position: int, guid: str, problem: DataDict | str) -> str:
    """Return a problem as a sentence in the user's language."""
    if isinstance(problem, str):  # earlier versions logged the sentence
        return problem
    return about_record(position, guid, Problem(**problem), tk._)


def _decisions_in_words(joined: DataDict) -> list[str]:
    """Return sentences about the decision on a dataset that several catalogues have.

    Args:
        joined: the decision, see `explained`.
    """
    theirs = tk._("The dataset is published from {source}, record {guid}, because {reason}.")
    ours = tk._(
        "Record {guid} of {source} is the same dataset; this one is published because {reason}."
    )
    decisions = [(ours, explanation) for explanation in joined.get("publishes", ())]
    if "published_by" in joined:
        decisions.append((theirs, joined["published_by"]))
    sentences = []
    for text, explanation in decisions:
        because = JOINING[explanation["reason"]]
        reason = tk._(because).format(**explanation["params"])
        sentences.append(
            text.format(source=explanation["source"], guid=explanation["guid"], reason=reason)
        )
    return sentences


def raw(id_: str) -> tuple[str, str, str] | None:
    """Return a record as received.

    Args:
        id_: id of its harvest object.

    Returns:
        its text, a file name and its media type; None when it was not stored.
    """
    harvest_object: Any = HarvestObject.get(id_)
    if harvest_object is None or harvest_object.source is None:
        return None
    content = harvest_object.content
    if content is None:  # of an unchanged record, only the object of its last change has the text
        record = (harvest_object.harvest_source_id, harvest_object.guid)
        for stored_id, _job_id in kept_objects([record]).values():
            stored: Any = HarvestObject.get(stored_id)
            content = stored.content
    if content is None:
        return None
    extension, mimetype = FILE_TYPES.get(harvest_object.source.type, XML)
    safe_guid = re.sub(r"[^\w.-]+", "-", harvest_object.guid or "", flags=re.ASCII)
    name = safe_guid.strip("-.")[:100] or "record"
    return content, f"{name}.{extension}", mimetype


# --- what the source states ---


def statements_of(id_or_name: str) -> DataDict | None:
    """Return what the record of a dataset states, for `ecosphere_harvest_statements_show`.

    Returns:
        None when the dataset was not harvested by one of our source types, or its record was not
        stored, is too long or cannot be read.
    """
    package = model.Package.get(id_or_name)
    if package is None:
        return None
    values = {"id": package.id, "longest": MAX_CONTENT}
    row: Any = model.Session.execute(_SHORT_RECORD, values).first()
    if row is None:
        return None
    reading = _read(row.type, row.content, row.title, row.url)
    if reading is None:
        return None
    record, result = reading
    context: Any = {"ignore_auth": True, "user": "", "use_cache": False}
    dataset = tk.get_action("package_show")(context, {"id": package.id})
    fields = statements(record, result, dataset)
    return {
        "source": {"title": row.title, "url": row.url},
        "record": dataset.get("source_record") or original_url(row.type, row.url, row.guid),
        "fields": {name: _statement(statement) for name, statement in fields.items()},
    }


@lru_cache(maxsize=16)  # pages of the same dataset are often requested one after the other
def _read(source_type: str, content: str, title: str, url: str) -> tuple[Record, Result] | None:
    """Return a record, read and normalised again; None if its type is disabled or it is unreadable.

    Args:
        source_type: type of its source.
        content: its text.
        title: title of its source.
        url: URL of its source.
    """
    reader = type_called(source_type)
    if reader is None:
        return None
    context = Context(catalogue_title=title, record_url=reader.record_url(url))
    try:
        record = reader.read(content)
        return record, normalise(record, context)
    except RecordError:
        return None


_SHORT_RECORD = sa.text("""
    SELECT object.guid, object.content, source.type, source.url, source.title
    FROM harvest_object AS object
    JOIN harvest_source AS source ON source.id = object.harvest_source_id
    WHERE object.package_id = :id AND object.current AND length(object.content) <= :longest
    LIMIT 1
    """)
"""The record that a dataset was last made of, with its source, unless it is too long for a page."""


def _statement(statement: Statement) -> DataDict:
    return {
        "said": list(statement.said),
        "lost": list(statement.lost),
        "problems": [sentence(problem, tk._) for problem in statement.problems],
    }
