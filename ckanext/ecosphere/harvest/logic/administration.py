"""API actions for managing many sources: run one first, subscribe to the letter."""

from __future__ import annotations

from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.types import Context, DataDict

from ckanext.ecosphere.core.lists import journal
from ckanext.ecosphere.harvest.letter import readers
from ckanext.ecosphere.harvest.logic import schema
from ckanext.ecosphere.harvest.logic.auth import source_id
from ckanext.ecosphere.harvest.sources.source_type import type_names
from ckanext.ecosphere.harvest.worker import queue
from ckanext.ecosphere.harvest.worker.job import RUNNING
from ckanext.ecosphere.harvest.worker.locks import source_lock
from ckanext.ecosphere.shared import authorization, language
from ckanext.ecosphere.shared.locks import is_free
from ckanext.harvest.logic import HarvestJobExists
from ckanext.harvest.model import HarvestJob, HarvestSource

WAITING = "New"
AREA = "harvest:first"
"""Area of the journal for sources that were run first."""


@tk.validate_action_data(schema.source_schema)
def ecosphere_harvest_source_run_first(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Harvest a source with the next free worker, before all waiting harvests, and record it in the journal.

    A waiting harvest of the source moves to the front. Sysadmins only.

    Args:
        context: the context.
        data_dict: `id` or name of the source.

    Returns:
        `id` of the job.

    Raises:
        NotFound: no such source.
        ValidationError: the source is not active, is being harvested already, or is of a type of another extension.
    """
    tk.check_access("ecosphere_harvest_source_run_first", context, data_dict)
    id_ = source_id(data_dict["id"])
    source: Any = HarvestSource.get(id_) if id_ else None
    if source is None:
        raise tk.ObjectNotFound(tk._("Harvest source not found"))
    if source.type not in type_names():
        raise _refused(tk._("Sources of this type wait in a queue of their own: they cannot go first."))
    if not source.active:
        raise _refused(tk._("The source is not active."))
    job: Any = HarvestJob.get(_open_job(source.id) or _new_job(context, source.id))
    if job.status == RUNNING and not is_free(source_lock(source.id)):
        raise _refused(tk._("This source is being harvested already."))
    job.status = RUNNING
    person = authorization.person(context)
    if p.plugin_loaded("ecosphere"):
        journal.note(AREA, source.id, None, {"job": job.id}, person.id if person else None)
    model.Session.commit()
    queue.send_first(job.id)
    return {"id": job.id}


@tk.side_effect_free
@tk.validate_action_data(schema.nothing_schema)
def ecosphere_harvest_letter_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Show whether the user receives the letter about the sources that they manage.

    Args:
        context: the context.
        data_dict: nothing.

    Returns:
        `wanted`; `offered`, false where the portal sends none.
    """
    tk.check_access("ecosphere_harvest_letter_show", context, data_dict)
    return {"wanted": readers.wants(_id(context)), "offered": readers.are_offered()}


@tk.validate_action_data(schema.letter_schema)
def ecosphere_harvest_letter_update(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Subscribe the user to the letter about the sources that they manage, or unsubscribe them.

    It is written in the language of the subscription request.

    Args:
        context: the context.
        data_dict: `wanted`, true or false.

    Returns:
        `wanted`.
    """
    tk.check_access("ecosphere_harvest_letter_update", context, data_dict)
    if data_dict["wanted"]:
        readers.add(_id(context), language.current())
    else:
        readers.remove(_id(context))
    model.Session.commit()
    return {"wanted": data_dict["wanted"]}


def _refused(sentence: str) -> tk.ValidationError:
    return tk.ValidationError({"id": [sentence]})


def _id(context: Context) -> str:
    person = authorization.person(context)
    if person is None:
        raise tk.NotAuthorized
    return person.id


def _open_job(id_: str) -> str | None:
    query = sa.select(HarvestJob.id).where(HarvestJob.source_id == id_, HarvestJob.status.in_((WAITING, RUNNING)))
    return model.Session.scalar(query.order_by(HarvestJob.created).limit(1))


def _new_job(context: Context, id_: str) -> str:
    fresh: Any = {"user": context.get("user"), "auth_user_obj": context.get("auth_user_obj")}
    try:
        return tk.get_action("harvest_job_create")(fresh, {"source_id": id_, "run": False})["id"]
    except HarvestJobExists as error:  # created concurrently
        raise _refused(tk._("This source is being harvested already.")) from error


def get_actions() -> dict[str, Any]:
    """Return the actions of this module."""
    return {name: each for name, each in globals().items() if name.startswith("ecosphere_harvest_")}
