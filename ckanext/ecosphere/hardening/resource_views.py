"""Defect 39: the views of all resources of a dataset come in one query, on its page.

CKAN asks for them resource by resource: a page of 8 000 resources took twenty seconds. Not yet accepted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.lib import datapreview
from ckan.lib.dictization import model_dictize
from ckan.logic import auth_audit_exempt
from ckan.types import Context, DataDict
from flask import g, has_request_context

from ckanext.ecosphere.shared import action_input

FEW = 20
"""Resources up to which CKAN asks one by one."""
PAGE = "read"


@tk.side_effect_free
@tk.chained_action
@auth_audit_exempt
def resource_view_list(
    original: Callable[..., Any], context: Context, data_dict: DataDict
) -> list[dict[str, Any]]:
    """Return the views of a resource; on the page of its dataset, which the reader may read, from one query for all."""
    dataset = _of_page()
    if dataset is None:
        return original(context, data_dict)
    if "ecosphere_resource_views" not in g:
        g.ecosphere_resource_views = _by_resource(dataset, context)
    views = g.ecosphere_resource_views.get(str(data_dict.get("id")))
    if views is None:
        return original(context, data_dict)
    return views


def _of_page() -> dict[str, Any] | None:
    """Return the dataset with many resources whose page is being made."""
    if not has_request_context() or tk.get_endpoint()[1] != PAGE:
        return None
    dataset = g.get("pkg_dict")
    if not dataset or len(dataset.get("resources", [])) <= FEW:
        return None
    return dataset


def _by_resource(dataset: dict[str, Any], context: Context) -> dict[str, list[dict[str, Any]]]:
    """Return id of each resource of a dataset → its views."""
    of_resource = model.Resource.id == model.ResourceView.resource_id
    query = model.Session.query(model.ResourceView).join(model.Resource, of_resource)
    views = query.filter(model.Resource.package_id == dataset["id"]).order_by(
        model.ResourceView.order
    )
    by_resource: dict[str, list[dict[str, Any]]] = {
        resource["id"]: [] for resource in dataset["resources"]
    }
    for view in views:
        if view.resource_id in by_resource and datapreview.get_view_plugin(view.view_type):
            by_resource[view.resource_id].append(model_dictize.resource_view_dictize(view, context))
    return by_resource


def get_actions() -> dict[str, Any]:
    """Return the chained action."""
    return action_input.checked({"resource_view_list": resource_view_list})
