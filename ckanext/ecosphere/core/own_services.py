"""The services of a person are looked up once for a page.

CKAN 2.12 asks for them, by half a dozen queries, for each dataset that it checks and each search that it makes: a dozen
times on the page of a dataset.
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
    """Begin a request: what is looked up is kept until its end, when it is one that changes nothing."""
    if request.method in ("GET", "HEAD"):
        setattr(g, _KEPT, {})


@tk.side_effect_free
@tk.chained_action
@auth_audit_exempt
def organization_list_for_user(
    original: Callable[..., list[dict[str, Any]]], context: Context, data_dict: DataDict
) -> list[dict[str, Any]]:
    """List the services of a person, as CKAN does; once while a page is made.

    Raises:
        NotAuthorized: those of somebody else are asked for, and the reader may not see people. CKAN 2.12.0 tells them
            everybody.
    """
    if data_dict.get("id") and not context.get("ignore_auth"):
        tk.check_access("user_show", Context(**context), {"id": data_dict["id"]})
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
