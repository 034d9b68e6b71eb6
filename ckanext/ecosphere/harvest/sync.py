"""Synchronise the portal's sources with a file, through the API actions, one source after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.messages import form_error
from ckanext.ecosphere.harvest.registry import Plan, Wanted
from ckanext.ecosphere.harvest.sources.source_type import type_names
from ckanext.ecosphere.harvest.worker.job import user_name
from ckanext.harvest.model import HarvestSource


def present_sources() -> dict[str, dict[str, Any]]:
    """Return the active sources of our types, in the form compared by `registry.plan`."""
    rows = model.Session.execute(
        sa.select(HarvestSource, model.Package.name, model.Group.name)
        .join(model.Package, model.Package.id == HarvestSource.id)
        .outerjoin(model.Group, model.Group.id == model.Package.owner_org)
        .where(HarvestSource.type.in_(type_names()), model.Package.state == "active")
    )
    return {
        name: {
            "id": source.id,
            "title": source.title,
            "url": source.url,
            "frequency": source.frequency,
            "config": source.config or "",
            "source_type": source.type,
            "owner_org": owner or "",
        }
        for source, name, owner in rows
    }


def describe(plan: Plan) -> Iterator[str]:
    """Yield the plan, one line per step."""
    for wanted in plan.create:
        yield tk._("create {name}: {url}").format(name=wanted.name, url=wanted.url)
    for wanted, what in plan.update:
        yield tk._("update {name}: {what}").format(name=wanted.name, what=", ".join(what))
    for name in plan.retire:
        yield tk._("retire {name}; its datasets stay").format(name=name)
    for name, reason in plan.refused:
        yield tk._("cannot use {name}: {reason}").format(name=name, reason=reason)
    yield tk._(
        "{create} to create, {update} to update, {retire} to retire, {same} unchanged, {refused} refused"
    ).format(
        create=len(plan.create),
        update=len(plan.update),
        retire=len(plan.retire),
        same=plan.same,
        refused=len(plan.refused),
    )


def apply(plan: Plan, tell: Callable[[str], None]) -> bool:
    """Carry out the plan; a source that is refused is reported and does not stop the others.

    Returns:
        whether all steps succeeded.
    """
    good = True
    present = present_sources()
    for wanted in plan.create:
        good &= _step(tell, wanted.name, "harvest_source_create", _values(wanted))
    for wanted, _what in plan.update:
        good &= _step(tell, wanted.name, "harvest_source_update", {**_values(wanted), "id": present[wanted.name]["id"]})
    for name in plan.retire:
        good &= _step(tell, name, "harvest_source_delete", {"id": present[name]["id"]})
    return good and not plan.refused


def _values(wanted: Wanted) -> dict[str, Any]:
    return asdict(wanted)


def _step(tell: Callable[[str], None], name: str, action: str, values: dict[str, Any]) -> bool:
    context: Any = {"ignore_auth": True, "user": user_name(), "model": model, "session": model.Session}
    try:
        tk.get_action(action)(context, values)
    except tk.ValidationError as error:
        model.Session.rollback()
        reason = "; ".join(f"{key}: {_text(texts)}" for key, texts in error.error_dict.items())
    except tk.ObjectNotFound as error:
        model.Session.rollback()
        reason = str(error)
    else:
        return True
    tell(tk._("{name} was refused: {reason}").format(name=name, reason=reason))
    return False


def _text(errors: Any) -> str:
    return " ".join(form_error(str(each)) for each in (errors if isinstance(errors, list) else [errors]))
