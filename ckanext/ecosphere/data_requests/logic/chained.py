"""Chained actions that refuse to delete an organisation with open requests, which no one would answer any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.logic import auth_audit_exempt
from ckan.types import Context, DataDict

from ckanext.ecosphere.data_requests.model import Request
from ckanext.ecosphere.data_requests.search import desk
from ckanext.ecosphere.shared import action_input


def _refused_while_requests_wait(name: str) -> Callable[..., Any]:
    def action(original: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
        tk.check_access(name, Context(**context), {**data_dict})
        group = model.Group.get(str(data_dict["id"])) if data_dict.get("id") else None
        if group is not None and group.is_organization and (number := _waiting(group.id)):
            message = tk.ungettext(
                "{number} data request is on the desk of this service: answer it or transfer it first.",
                "{number} data requests are on the desk of this service: answer them or transfer them first.",
                number,
            )
            raise tk.ValidationError({"message": message.format(number=number)})
        return original(context, data_dict)

    action.__name__ = name
    action.__doc__ = f"Do what `{name}` of CKAN does, once no request waits for the service."
    return auth_audit_exempt(tk.chained_action(action))  # access is checked here, and by the original


def _waiting(organization_id: str) -> int:
    query = sa.select(sa.func.count()).select_from(Request).where(*desk.waiting(organization_id))
    return model.Session.scalar(query) or 0


def get_actions() -> dict[str, Any]:
    """Return the chained actions."""
    names = ("organization_delete", "organization_purge")
    return action_input.checked({name: _refused_while_requests_wait(name) for name in names})
