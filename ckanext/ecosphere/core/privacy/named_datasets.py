"""What a reader may not see is not there, over the API as well, where CKAN tells a private dataset from a missing one.

CKAN 2.12 answers 403 for a private dataset and 404, or an error of validation, where there is none, so that names can
be tried: and names come from titles. Some pages do so, too. Both get the same answer here, before CKAN is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
import yaml
from ckan import authz, model

from ckanext.activity.model import Activity

TABLE = Path(__file__).with_name("named_datasets.yaml")


def is_absent_for_call(action: str, data: dict[str, Any]) -> bool:
    """Whether a call of the API names a dataset or a file that is not there, or that the caller may not read.

    Args:
        action: name of the action.
        data: its parameters.
    """
    return any(not _readable(each) for each in _named(action, data))


def is_absent_for_page(endpoint: str, arguments: dict[str, Any]) -> bool:
    """Whether the address of a page names a dataset or a file that is not there, or that the reader may not read.

    Args:
        endpoint: of Flask.
        arguments: of the address.
    """
    named = ((kind, arguments.get(name)) for kind, name in _of_page(endpoint))
    found = (_dataset_of(name) if kind == "page_of_file" else _identifier(name) for kind, name in named if name)
    return any(not _readable(each) for each in found)


def _of_page(endpoint: str) -> Iterator[tuple[str, str]]:
    """What the address of a page names, and its argument."""
    for kind in ("page", "page_of_file"):
        yield from ((kind, name) for pattern, name in _table()[kind].items() if fnmatchcase(endpoint, pattern))


def _named(action: str, data: dict[str, Any]) -> Iterator[str | None]:
    """Identifiers of the datasets that a call names; None for one that is not there."""
    for kind in ("dataset", "member", "resource", "activity"):
        actions = _table()[kind]
        if kind == "member" and data.get("object_type") != "package":
            continue
        for path in actions.get(action, ()):
            value = _at(data, path)
            if isinstance(value, str) and value and kind == "activity":
                yield from _dataset_of_activity(value)
            elif isinstance(value, str) and value:
                yield _dataset_of(value) if kind == "resource" else _identifier(value)


def _at(data: Any, path: str) -> Any:
    for part in path.split("."):
        data = data.get(part) if isinstance(data, dict) else None
    return data


def _identifier(key: str) -> str | None:
    package = model.Package.get(key)
    return package.id if package else None


def _dataset_of(key: str) -> str | None:
    resource = model.Resource.get(key)
    return resource.package_id if resource and resource.state != model.State.DELETED else None


def _dataset_of_activity(key: str) -> Iterator[str | None]:
    """The dataset that an activity is about, none for that of a person or a service."""
    if not p.plugin_loaded("activity"):
        return
    about = sa.select(Activity.object_id, Activity.activity_type).where(Activity.id == key)
    found = model.Session.execute(about).one_or_none()
    if found is None:
        yield None
    elif str(found.activity_type).endswith("package"):
        yield _identifier(found.object_id)


def _readable(id_: str | None) -> bool:
    context: Any = {"user": tk.current_user.name, "auth_user_obj": tk.current_user}
    return id_ is not None and bool(authz.is_authorized_boolean("package_show", context, {"id": id_}))


@cache
def _table() -> dict[str, dict[str, Any]]:
    return yaml.safe_load(TABLE.read_text(encoding="utf-8"))
