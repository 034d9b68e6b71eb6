"""Queries on single harvest objects: content, decisions of the rules, outcome."""

from __future__ import annotations

import json
import re
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest import decisions
from ckanext.ecosphere.harvest.deduplication.explain import JOINED, REASONS
from ckanext.ecosphere.harvest.deduplication.rows import kept_objects
from ckanext.ecosphere.harvest.problems import Problem
from ckanext.ecosphere.harvest.worker.messages import about_record
from ckanext.ecosphere.harvest.write.outcome import IMPORT_LOG
from ckanext.harvest.model import HarvestObject, HarvestObjectError, HarvestObjectExtra, HarvestSource

TYPES = {
    "ecosphere_dcat": ("nt", "application/n-triples"),
    "ecosphere_udata": ("json", "application/json"),
    "ecosphere_ogcapi": ("json", "application/json"),
}
"""Source type → file extension and media type of its stored records; the others are XML."""
XML = ("xml", "application/xml")


def current(package_id: str) -> str | None:
    """Return the harvest object that a dataset was last made of."""
    query = sa.select(HarvestObject.id).where(
        HarvestObject.package_id == package_id, HarvestObject.current.is_(True), HarvestObject.content.is_not(None)
    )
    return model.Session.execute(query.limit(1)).scalar()


def way_of(package_id: str, rule: str) -> tuple[str, str] | None:
    """Return how a rule last decided on a dataset: code of its reason, and the value after.

    Two look-ups by index, whatever the size of the catalogue; None when the record was not harvested here, or its log
    is not kept.
    """
    query = (
        sa.select(sa.cast(HarvestObjectExtra.value, sa.JSON)["changes"])
        .join(HarvestObject, HarvestObject.id == HarvestObjectExtra.harvest_object_id)
        .where(
            HarvestObject.package_id == package_id,
            HarvestObject.current.is_(True),
            HarvestObjectExtra.key == IMPORT_LOG,
        )
        .limit(1)
    )
    changes = model.Session.execute(query).scalar() or ()
    decided = [change for change in changes if change["rule"] == rule]
    if not decided:
        return None
    before, after = decided[-1]["before"], decided[-1]["after"]
    if isinstance(before, dict):  # logs of earlier versions have texts
        before = before["code"]
    return before, after


def show(id_: str) -> dict[str, Any]:
    """Return what is stored about an object; see `ecosphere_harvest_record_show`.

    Raises:
        ObjectNotFound: there is no such object.
    """
    row = model.Session.execute(
        sa.select(HarvestObject, HarvestSource, model.Package.name, model.Package.title, model.Package.state)
        .join(HarvestSource, HarvestSource.id == HarvestObject.harvest_source_id)
        .outerjoin(model.Package, model.Package.id == HarvestObject.package_id)
        .where(HarvestObject.id == id_)
    ).first()
    if row is None:
        raise tk.ObjectNotFound(tk._("Harvest object not found"))
    found, source, name, title, state = row
    extras = dict(
        model.Session.execute(
            sa.select(HarvestObjectExtra.key, HarvestObjectExtra.value).where(
                HarvestObjectExtra.harvest_object_id == id_, HarvestObjectExtra.key.in_([IMPORT_LOG, JOINED])
            )
        )
        .tuples()
        .all()
    )
    errors = model.Session.execute(
        sa.select(HarvestObjectError.message).where(HarvestObjectError.harvest_object_id == id_)
    ).scalars()
    import_log = json.loads(extras.get(IMPORT_LOG) or "{}")
    return {
        "id": id_,
        "guid": found.guid,
        "job_id": found.harvest_job_id,
        "source": {"id": source.id, "title": source.title or source.url, "type": source.type},
        "dataset": {"name": name, "title": title} if name and state == "active" else None,
        "outcome": found.report_status,
        "position": import_log.get("position"),
        "changes": [decisions.in_words(change) for change in import_log.get("changes") or []],
        "problems": [_problem(import_log, found.guid, each) for each in import_log.get("problems") or []],
        "unread": import_log.get("unread") or [],
        "note": import_log.get("note"),
        "errors": list(errors),
        "joined": _sentences(json.loads(extras.get(JOINED) or "{}")),
        "has_content": found.content is not None,
    }


def _problem(import_log: dict[str, Any], guid: str, problem: dict[str, Any] | str) -> str:
    """Return a problem in the user's language; earlier versions stored it as a sentence."""
    if isinstance(problem, str):
        return problem
    return about_record(import_log.get("position") or 0, guid, Problem(**problem), tk._)


def _sentences(told: dict[str, Any]) -> list[str]:
    """Return sentences about the decision on a dataset that several catalogues have."""
    sentences = []
    if why := told.get("published_by"):
        text = tk._("The dataset is published from {source}, record {guid}, because {reason}.")
        sentences.append(text.format(reason=_reason(why), **why))
    for why in told.get("publishes") or ():
        text = tk._("Record {guid} of {source} is the same dataset; this one is published because {reason}.")
        sentences.append(text.format(reason=_reason(why), **why))
    return sentences


def _reason(why: dict[str, Any]) -> str:
    return tk._(REASONS[why.pop("reason")]).format(**why["params"])


def raw(id_: str) -> tuple[str, str, str] | None:
    """Return a record as received.

    Returns:
        its text, a file name and its media type; None when it was not stored. For an unchanged record, the content
        stored when it last changed.
    """
    row = model.Session.execute(
        sa.select(HarvestObject.harvest_source_id, HarvestObject.guid, HarvestObject.content, HarvestSource.type)
        .join(HarvestSource, HarvestSource.id == HarvestObject.harvest_source_id)
        .where(HarvestObject.id == id_)
    ).first()
    if row is None:
        return None
    source_id, guid, content, type_ = row
    if content is None:
        kept = kept_objects([(source_id, guid)]).get((source_id, guid))
        query = sa.select(HarvestObject.content).where(HarvestObject.id == (kept[0] if kept else None))
        content = model.Session.execute(query).scalar()
    if content is None:
        return None
    extension, mimetype = TYPES.get(type_, XML)
    safe = re.sub(r"[^\w.-]+", "-", guid or "", flags=re.ASCII).strip("-.")[:100] or "record"
    return content, f"{safe}.{extension}", mimetype
