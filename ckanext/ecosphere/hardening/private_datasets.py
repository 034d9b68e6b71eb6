"""Defects 4 and 34: what CKAN tells of private datasets: that they exist, and their tags.

4: CKAN 2.12 and some pages answer 403 for a private dataset, but 404 or a validation error for a
missing one; names derive from titles, so they can be guessed. Here both get the same answer, before
CKAN is called.

34: CKAN lists every tag to everyone. Not yet accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
import yaml
from ckan import authz, model
from ckan.types import Context, DataDict

from ckanext.activity.model import Activity
from ckanext.ecosphere.shared import action_input, authorization

TABLE = Path(__file__).with_name("private_datasets.yaml")


def is_absent_for_call(action: str, data: dict[str, Any]) -> bool:
    """Return whether an API call refers to a dataset or resource that is missing or not readable by
    the caller.

    Args:
        action: name of the action.
        data: its parameters.
    """
    return any(not _readable(dataset) for dataset in _named(action, data))


def is_absent_for_page(endpoint: str, arguments: dict[str, Any]) -> bool:
    """Return whether a URL refers to a dataset or resource that is missing or not readable by the
    reader.

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
    """Return the SQL condition for active datasets that are public or
    belong to a service of the reader.
    """
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


#: Suggestions fetched, then filtered by what the reader may see.
LOOKED_AT = 1000
SUGGESTIONS = 10


@tk.side_effect_free
@tk.chained_action
def tag_list(original: Callable[..., Any], context: Context, data_dict: DataDict) -> list[Any]:
    """List the tags of the datasets that the reader may see."""
    _check_words(data_dict)
    return _visible(original(context, data_dict), context)


@tk.side_effect_free
@tk.chained_action
def tag_search(
    original: Callable[..., Any], context: Context, data_dict: DataDict
) -> dict[str, Any]:
    """Search the tags of the datasets that the reader may see."""
    _check_words(data_dict)
    everything = {key: value for key, value in data_dict.items() if key not in ("limit", "offset")}
    tags = _visible(original(context, everything)["results"], context)
    begin, limit = _number(data_dict.get("offset"), 0), _number(data_dict.get("limit"), len(tags))
    return {"count": len(tags), "results": tags[begin : begin + limit]}


@tk.side_effect_free
@tk.chained_action
def tag_autocomplete(
    original: Callable[..., Any], context: Context, data_dict: DataDict
) -> list[str]:
    """Suggest tags of the datasets that the reader may see."""
    _check_words(data_dict)
    parameters = {
        key: value for key, value in data_dict.items() if key != "offset"
    }  # meaningless for suggestions
    tags = original(context, {**parameters, "limit": LOOKED_AT})
    return _visible(tags, context)[: _number(data_dict.get("limit"), SUGGESTIONS)]


@tk.side_effect_free
@tk.chained_action
def tag_show(original: Callable[..., Any], context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Show a tag that is used by a dataset the reader may see, or that belongs to a vocabulary.

    Raises:
        ObjectNotFound: no such dataset uses it.
    """
    tag = original(context, data_dict)
    if not tag.get("vocabulary_id") and not _visible([tag], context):
        raise tk.ObjectNotFound(tk._("Not found: nothing has this name or identifier."))
    return tag


def _check_words(data_dict: DataDict) -> None:
    """Refuse a query that is neither a text nor, as CKAN allows, a list of texts."""
    for name in ("q", "query"):
        value = data_dict.get(name) or ""
        if not all(
            isinstance(word, str) for word in (value if isinstance(value, list) else [value])
        ):
            raise tk.ValidationError({name: [tk._("Give one text here.")]})


def _number(value: Any, otherwise: int) -> int:
    text = str(value)
    if text.isascii() and text.isdigit() and len(text) <= len(str(LOOKED_AT)) + 2:
        return int(text)
    return otherwise


def _visible(tags: list[Any], context: Any) -> list[Any]:
    """Remove the tags (names or dicts) that no dataset visible to the reader uses."""
    if not tags or sees_all(context):
        return tags
    names = _shown_tags(context)
    return [tag for tag in tags if (tag["name"] if isinstance(tag, dict) else tag) in names]


def _shown_tags(context: Any) -> set[str]:
    package, tagged = model.Package, model.PackageTag
    query = (
        sa.select(model.Tag.name)
        .join(tagged, tagged.tag_id == model.Tag.id)
        .join(package, package.id == tagged.package_id)
        .where(tagged.state == "active", readable(context))
        .distinct()
    )
    return set(model.Session.scalars(query))


def get_actions() -> dict[str, Any]:
    """Return the chained actions."""
    return action_input.checked(
        {
            function.__name__: function
            for function in (tag_list, tag_search, tag_autocomplete, tag_show)
        }
    )
