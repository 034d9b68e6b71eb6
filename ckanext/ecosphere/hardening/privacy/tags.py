"""Defect 34: tags of private datasets are hidden; CKAN lists every tag to everyone. Not yet accepted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.types import Context, DataDict

from ckanext.ecosphere.hardening.privacy.private_datasets import readable, sees_all
from ckanext.ecosphere.shared import action_input

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
    names = _shown(context)
    return [tag for tag in tags if (tag["name"] if isinstance(tag, dict) else tag) in names]


def _shown(context: Any) -> set[str]:
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
