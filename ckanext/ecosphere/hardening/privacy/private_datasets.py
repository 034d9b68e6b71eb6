"""Defect 4: 404 for datasets and resources that the reader may not read, so that private names cannot be probed.

CKAN 2.12 and some pages answer 403 for a private dataset, but 404 or a validation error for a missing one; names derive
from titles, so they can be guessed. Here both get the same answer, before CKAN is called. Not yet accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
from ckanext.ecosphere.shared import authorization

TABLE = Path(__file__).with_name("private_datasets.yaml")


def is_absent_for_call(action: str, data: dict[str, Any]) -> bool:
    """Return whether an API call refers to a dataset or resource that is missing or not readable by the caller.

    Args:
        action: name of the action.
        data: its parameters.
    """
    return any(not _readable(dataset) for dataset in _named(action, data))


def is_absent_for_page(endpoint: str, arguments: dict[str, Any]) -> bool:
    """Return whether a URL refers to a dataset or resource that is missing or not readable by the reader.

    Args:
        endpoint: Flask endpoint.
        arguments: URL arguments.
    """
    keys = ((kind, arguments.get(name)) for kind, name in _of_page(endpoint))
    datasets = (
        _dataset_of(name) if kind == "page_of_file" else _identifier(name)
        for kind, name in keys
        if name
    )
    return any(not _readable(dataset) for dataset in datasets)


def _of_page(endpoint: str) -> Iterator[tuple[str, str]]:
    """Yield the kind and the argument of each object that the URL of a page refers to."""
    for kind in ("page", "page_of_file"):
        yield from (
            (kind, name)
            for pattern, name in _table()[kind].items()
            if fnmatchcase(endpoint, pattern)
        )


def _named(action: str, data: dict[str, Any]) -> Iterator[str | None]:
    """Yield the ids of the datasets that a call refers to; None for a missing one."""
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
    if package:
        return package.id
    return None


def _dataset_of(key: str) -> str | None:
    resource = model.Resource.get(key)
    if resource and resource.state != model.State.DELETED:
        return resource.package_id
    return None


def _dataset_of_activity(key: str) -> Iterator[str | None]:
    """Yield the dataset of an activity; nothing for one of a user or organisation."""
    if not p.plugin_loaded("activity"):
        return
    about = sa.select(Activity.object_id, Activity.activity_type).where(Activity.id == key)
    row = model.Session.execute(about).one_or_none()
    if row is None:
        yield None
    elif str(row.activity_type).endswith("package"):
        yield _identifier(row.object_id)


def _readable(id_: str | None) -> bool:
    context: Any = {"user": tk.current_user.name, "auth_user_obj": tk.current_user}
    return id_ is not None and bool(
        authz.is_authorized_boolean("package_show", context, {"id": id_})
    )


def readable(context: Any) -> sa.ColumnElement[bool]:
    """Return the SQL condition for active datasets that are public or belong to a service of the reader."""
    reader, package = authorization.person(context), model.Package
    services: Iterable[str] = reader.get_group_ids("organization") if reader else ()
    return sa.and_(
        package.state == "active", sa.or_(~package.private, package.owner_org.in_(list(services)))
    )


def sees_all(context: Any) -> bool:
    """Return whether nothing is hidden from the reader."""
    return bool(context.get("ignore_auth")) or authz.is_sysadmin(context.get("user"))


@cache
def _table() -> dict[str, dict[str, Any]]:
    return yaml.safe_load(TABLE.read_text(encoding="utf-8"))
