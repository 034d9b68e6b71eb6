"""Defects 7, 8, 13, 19 and 39: fields, types, states, addresses and views of datasets with which
CKAN fails later.

7, 8: CKAN 2.12.0 indexes extras under their own names. An extra `_root_` would make the Solr
document a nested one, which later saves do not replace: a dataset made private would remain
publicly searchable. The same holds for a field named `…_date` whose value CKAN turns into a date
that Solr refuses: the dataset is saved, its document is not replaced.

13: CKAN 2.12.0 accepts any type, and every list that shows the object then ends in an internal
error; a dataset in an unknown state is nowhere, not even in the trash; relationships that cannot be
indexed fail after everything else is saved. Chaining `package_create` would end the fast saves of
harvests, so calls are checked where they enter the API.

19: CKAN 2.12.0 takes the URL of a resource apart before anything is validated, and fails on
"http://["; it also fails on a new resource without any value, after it has saved the dataset. What
other addresses must be, our own schemas check.

39: CKAN asks for the views of resources one by one: a page of 8 000 resources took twenty seconds.

Not yet accepted by CKAN.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.lib import datapreview, plugins
from ckan.lib.dictization import model_dictize
from ckan.lib.search.index import KEY_CHARS
from ckan.logic import auth_audit_exempt
from ckan.logic.validators import extra_key_not_in_root_schema as not_in_root_schema_of_ckan
from ckan.types import Context, DataDict
from dateutil.parser import ParserError, parse
from flask import g, has_request_context

from ckanext.ecosphere.shared import action_input

# --- 7, 8: extras ---

#: Prefixes of internal Solr fields, of CKAN vocabularies and of this suite.
_BEGINNINGS = ("_", "vocab_", "ecosphere_")
#: Fields that CKAN and ckanext-spatial compute for the index.
_FIELDS = frozenset(
    [
        "index_id",
        "site_id",
        "entity_type",
        "dataset_type",
        "capacity",
        "permission_labels",
        "text",
        "urls",
        "title_string",
        "title_ngram",
        "name_ngram",
        "ckan_url",
        "download_url",
        "revision_id",
        "indexed_ts",
        "data_dict",
        "validated_data_dict",
        "views_total",
        "views_recent",
        "resources_accessed_total",
        "resources_accessed_recent",
        "bbox_area",
        "minx",
        "maxx",
        "miny",
        "maxy",
        "spatial_geom",
        "spatial_bbox",
    ]
)


def is_of_the_index(name: str) -> bool:
    """Return whether an extra of this name would be indexed as a reserved field."""
    # CKAN leaves all other characters out of the name.
    indexed = "".join(character for character in name if character in KEY_CHARS)
    return indexed in _FIELDS or indexed.startswith(_BEGINNINGS)


def extra_key_not_in_root_schema(key: Any, data: dict[Any, Any], errors: Any, context: Any) -> None:
    """Refuse an extra named like a field of the schema, as CKAN does, or one that breaks the index.

    Raises:
        Invalid: the name is reserved, or promises a date that the value is not.
    """
    not_in_root_schema_of_ckan(key, data, errors, context)
    if ("is_organization",) in data:  # groups use this validator too but are not indexed
        return
    if is_of_the_index(str(data[key])):
        raise tk.Invalid(tk._("This name is the portal's own: choose another one."))
    if not _can_be_indexed(str(data[key]), data.get((*key[:-1], "value"))):
        raise tk.Invalid(
            tk._("The value is no date: write it as 2026-11-30, or give the field another name.")
        )


def _can_be_indexed(name: str, value: Any) -> bool:
    """Return whether Solr takes the value of an extra; CKAN makes a date of one named `…_date`."""
    if not name.endswith("_date") or not isinstance(value, str):
        return True
    try:
        return parse(value).tzinfo is None
    except ParserError:
        return True  # CKAN leaves it out of the index
    except (OverflowError, ValueError, TypeError):
        return False


def get_validators() -> dict[str, Any]:
    """Return the validator that replaces CKAN's of the same name."""
    return {extra_key_not_in_root_schema.__name__: extra_key_not_in_root_schema}


# --- 13: types, states and relationships ---

#: Prefix of the actions on a kind of object → default type of this kind.
KINDS = {"package": "dataset", "group": "group", "organization": "organization"}
VERBS = ("create", "update", "patch")
STATES = ("active", "draft", "deleted")
RELATIONSHIPS = ("relationships_as_subject", "relationships_as_object")
ENDS = ("subject_package_id", "object_package_id")


def faults(action: str, data: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the errors of an API call, by parameter, if it saves a dataset, group or organisation.

    Args:
        action: name of the action.
        data: its parameters.
    """
    if action == "package_revise":
        errors = _faults_of_dataset(_revised(data))
        if errors:
            return {"update": [errors]}
        return {}
    entity, _separator, verb = action.partition("_")
    if entity not in KINDS or verb not in VERBS:
        return {}
    if entity == "package":
        return _faults_of_dataset(data)
    return _faults_of_type(KINDS[entity], data)


def is_state(value: Any) -> bool:
    """Return whether a value is a valid state of a dataset."""
    return value in STATES


def _faults_of_type(kind: str, data: dict[str, Any]) -> dict[str, list[Any]]:
    types = _types(kind)
    if not data.get("type") or data["type"] in types:
        return {}
    return {"type": [_one_of(types)]}


def _faults_of_dataset(data: dict[str, Any]) -> dict[str, list[Any]]:
    errors = _faults_of_type("dataset", data)
    if not is_state(data.get("state") or "active"):
        errors["state"] = [_one_of(STATES)]
    for name in RELATIONSHIPS:
        if data.get(name) and not _can_relationships_be_indexed(data[name]):
            errors[name] = [tk._("Relate datasets by `package_relationship_create`.")]
    return errors


def _one_of(values: Iterable[str]) -> str:
    return tk._("Give one of these: {values}.").format(values=", ".join(values))


def _types(kind: str) -> list[str]:
    """Return the types of a kind of object for which CKAN and its plugins have pages."""
    registered: Any = plugins._package_plugins if kind == "dataset" else plugins._group_plugins
    # CKAN registers groups and organisations together.
    others = {"group", "organization"} - {kind}
    return sorted({kind, *registered} - others)


def _can_relationships_be_indexed(relationships: Any) -> bool:
    """Return whether each relationship has a known type, and both its ends exist."""
    return isinstance(relationships, list) and all(map(_is_relationship, relationships))


def _is_relationship(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    if value.get("type") not in model.PackageRelationship.get_forward_types():
        return False
    ends = [value.get(end) for end in ENDS]
    return all(isinstance(end, str) and model.Package.get(end) for end in ends)


def _revised(data: dict[str, Any]) -> dict[str, Any]:
    """Return the values that `package_revise` puts into a dataset, as far as they are checked.

    They are in `update`, or in parameters such as `update__state`.
    """
    update = data.get("update")
    if isinstance(update, str):
        try:
            update = json.loads(update)
        except (ValueError, RecursionError):
            update = None  # CKAN reports the invalid JSON
    revised = dict(update) if isinstance(update, dict) else {}
    for name in ("type", "state", *RELATIONSHIPS):
        path = f"update__{name}"
        if path in data:
            revised[name] = data[path]
    return revised


# --- 19: addresses of resources ---

ACTIONS = ("resource_create", "resource_update")


def _with_readable_url(name: str) -> Callable[..., Any]:
    """Return the chained action of this name, which refuses what CKAN would fail on."""

    def action(original_action: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
        if name == "resource_create" and not _has_value(data_dict):
            raise tk.ValidationError({"url": [tk._("Missing value")]})
        url = data_dict.get("url")
        if isinstance(url, str) and not _is_readable_address(url):
            message = tk._(
                '"{value}" is not an address: it must start with https://, http:// or ftp://'
            )
            raise tk.ValidationError({"url": [message.format(value=url[:100])]})
        return original_action(context, data_dict)

    action.__name__ = name
    action.__doc__ = f"Refuse an address that cannot be parsed, then do what `{name}` of CKAN does."
    return auth_audit_exempt(tk.chained_action(action))  # the original checks access


def _has_value(resource: DataDict) -> bool:
    """Return whether a new resource has any value: CKAN drops an empty one, then misses it."""
    return any(value for name, value in resource.items() if name != "package_id")


def _is_readable_address(url: str) -> bool:
    try:
        urlsplit(url)
    except ValueError:
        return False
    return True


# --- 39: views of resources ---

FEW = 20
"""Number of resources up to which CKAN may ask for the views of each."""
PAGE = "read"
"""Name of the view that makes the page of a dataset, whatever its type."""


@tk.side_effect_free
@tk.chained_action
@auth_audit_exempt
def resource_view_list(
    original: Callable[..., Any], context: Context, data_dict: DataDict
) -> list[dict[str, Any]]:
    """Return the views of a resource.

    On the page of a dataset, which CKAN shows only to those who may read it, one query reads the
    views of all its resources.
    """
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
    views = (
        model.Session.query(model.ResourceView)
        .join(model.Resource, model.Resource.id == model.ResourceView.resource_id)
        .filter(model.Resource.package_id == dataset["id"])
        .order_by(model.ResourceView.order)
    )
    by_resource: dict[str, list[dict[str, Any]]] = {
        resource["id"]: [] for resource in dataset["resources"]
    }
    for view in views:
        if view.resource_id in by_resource and datapreview.get_view_plugin(view.view_type):
            by_resource[view.resource_id].append(model_dictize.resource_view_dictize(view, context))
    return by_resource


def get_actions() -> dict[str, Any]:
    """Return the chained actions."""
    of_urls = {name: _with_readable_url(name) for name in ACTIONS}
    return {**of_urls, **action_input.checked({"resource_view_list": resource_view_list})}
