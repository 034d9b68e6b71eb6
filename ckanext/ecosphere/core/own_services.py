"""Cache `organization_list_for_user` for the duration of a read-only request.

CKAN 2.12 calls it, with half a dozen queries, for each dataset that it checks and each search: a dozen times on the
page of a dataset.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.logic import auth_audit_exempt
from ckan.types import Context, DataDict
from flask import g, has_request_context, request

from ckanext.ecosphere.shared import action_input

_KEPT = "ecosphere_own_services"


def keep(_sender: Any = None, **_more: Any) -> None:
    """Start caching for a request, unless it may change something."""
    if request.method in ("GET", "HEAD"):
        setattr(g, _KEPT, {})


@tk.side_effect_free
@tk.chained_action
@auth_audit_exempt
def organization_list_for_user(
    original: Callable[..., list[dict[str, Any]]], context: Context, data_dict: DataDict
) -> list[dict[str, Any]]:
    """List the organisations of a user, as CKAN does, cached during a read-only request."""
    kept = g.get(_KEPT) if has_request_context() else None
    if kept is None:
        return original(context, data_dict)
    key = (context.get("user"), repr(sorted(data_dict.items())))
    if key not in kept:
        kept[key] = original(context, data_dict)
    return [dict(each) for each in kept[key]]


def get_actions() -> dict[str, Any]:
    """Return the chained action."""
    return action_input.checked({"organization_list_for_user": organization_list_for_user})
