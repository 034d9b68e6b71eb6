"""Defect 40: ids of the accounts that created datasets.

The id of an account is what a forged session or token needs. `creator_user_id` is shown to sysadmins and to the person;
Solr indexes it too, so a search by parts of an id would reveal it value by value. Not yet accepted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.search import SearchQueryError
from ckan.types import Context, DataDict

from ckanext.ecosphere.hardening import private_datasets
from ckanext.ecosphere.shared import action_input, authorization

FIELD = "creator_user_id"
#: Stored fields of the index that contain the whole dataset as JSON.
COPIES = ("data_dict", "validated_data_dict")
#: A filter by one whole id, as on the page of an account: whoever writes it knows the id.
_WHOLE_ID = re.compile(rf'{FIELD}:"?[0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}\b')
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")


def hide(context: Context, dataset: dict[str, Any]) -> None:
    """Remove the creator from a dataset that is shown, unless the reader is a sysadmin or the creator."""
    if FIELD in dataset and not private_datasets.sees_all(context):
        hide_from(authorization.person(context), dataset)


@tk.side_effect_free
@tk.chained_action
def package_search(
    original: Callable[..., Any], context: Context, data_dict: DataDict
) -> dict[str, Any]:
    """Search datasets, without their creators and not by parts of a creator's id.

    Raises:
        SearchQueryError: a parameter names the field.
    """
    if private_datasets.sees_all(context):
        return original(context, data_dict)
    if _asks_for_creators(data_dict):
        raise SearchQueryError(tk._("This cannot be asked here: {names}.").format(names=FIELD))
    reader = authorization.person(context)
    results = original(context, data_dict)
    for dataset in results["results"]:
        hide_from(reader, dataset)
        for copy in COPIES:
            dataset.pop(copy, None)
    return results


@tk.side_effect_free
@tk.chained_action
def current_package_list_with_resources(
    original: Callable[..., Any], context: Context, data_dict: DataDict
) -> list[dict[str, Any]]:
    """List datasets without their creators; CKAN calls its own `package_search` for it, past the one above."""
    datasets = original(context, data_dict)
    for dataset in datasets:
        hide(context, dataset)
    return datasets


def _asks_for_creators(data_dict: DataDict) -> bool:
    """Return whether a parameter of a search names the field, in any spelling that Solr reads."""
    text = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), repr(data_dict)).replace("\\", "")
    return FIELD in _WHOLE_ID.sub("", text)


def hide_from(reader: Any, dataset: dict[str, Any]) -> None:
    """Remove the creator from a dataset, unless that is the reader."""
    if reader is None or dataset.get(FIELD) != reader.id:
        dataset.pop(FIELD, None)


def get_actions() -> dict[str, Any]:
    """Return the chained actions."""
    functions = (package_search, current_package_list_with_resources)
    return action_input.checked({function.__name__: function for function in functions})
