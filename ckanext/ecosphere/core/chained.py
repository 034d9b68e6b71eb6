"""CKAN's template helpers and list of a person's services, corrected and made faster.

- CKAN formats a date with its time in English order in every language: "novembre 24, 2026, 22:31
  (UTC)".
- Its templates check six times per page whether the reader may edit the dataset, with as many
  queries each time.
- To draw the placeholder picture beside the name of the logged-in user, it reads their account
  again and counts their datasets, on every page.
- It calls `organization_list_for_user`, with half a dozen queries, for each dataset that it checks
  and each search: a dozen times on the page of a dataset.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.lib.pagination import Page
from ckan.logic import auth_audit_exempt
from ckan.types import Context, DataDict
from flask import has_request_context
from markupsafe import escape

from ckanext.ecosphere.shared import action_input, dates, once, template_helpers


def name_pagers() -> None:
    """Give the links to the previous and next page of every list an accessible name. Idempotent.

    CKAN's templates pass no symbols to `Page.pager`, so the method itself is wrapped.
    """
    original: Any = Page.pager
    if hasattr(original, "ecosphere"):
        return

    def pager(self: Page, *args: Any, **kwargs: Any) -> Any:
        kwargs = {**template_helpers.ecosphere_pager_symbols(), **kwargs}
        return original(self, *args, **kwargs)

    pager.ecosphere = True  # type: ignore[attr-defined]
    Page.pager = pager


@tk.chained_helper
def render_datetime(original: Any, datetime_: Any, *args: Any, **kwargs: Any) -> str:
    """Format a date, with its time if asked; a custom format is left to CKAN.

    Args:
        original: CKAN's helper, which formats everything else.
        datetime_: a datetime, or its text as stored by CKAN.
        args: as for `original`.
        kwargs: as for `original`.
    """
    if args or kwargs.keys() - {"with_hours"}:
        return original(datetime_, *args, **kwargs)
    if kwargs.get("with_hours"):
        return dates.moment(datetime_)
    return dates.day(datetime_)


@tk.chained_helper
def check_access(original: Any, action: str, data_dict: DataDict | None = None) -> bool:
    """Return whether the reader may do something; cached for the duration of a read-only request.

    Calls with other parameters than `id` are not cached, as the key does not have them.

    Args:
        original: CKAN's helper.
        action: name of the action.
        data_dict: its parameters.
    """
    parameters = data_dict or {}
    if parameters.keys() - {"id"} or not has_request_context():
        return original(action, data_dict)
    key = (action, tk.current_user.name, str(parameters.get("id")))
    return once.for_page("access", key, lambda: original(action, data_dict))


@tk.chained_helper
def dataset_display_name(original: Any, dataset: Any) -> str:
    """Return the title of a dataset; that of a series begins with "Series", not with "Lot".

    Lot is a département, too.

    Args:
        original: CKAN's helper.
        dataset: the dataset, as a dict or a model object.
    """
    fields = dataset
    if isinstance(dataset, model.Package):
        fields = dataset.extras or {}
    kind = fields.get("dcat_type")
    return template_helpers.shown_title(original(dataset), kind)


@tk.chained_helper
def linked_user(original: Any, user: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the name of an account, linked to its page if the reader may open it.

    Args:
        original: CKAN's helper, which always links.
        user: the account, its id or name.
        args: as for `original`.
        kwargs: as for `original`.
    """
    if has_request_context() and tk.current_user.is_authenticated:
        return original(user, *args, **kwargs)
    account = user if isinstance(user, model.User) else model.User.get(str(user))
    if account:
        return escape(account.display_name)
    return str(user)


@tk.chained_helper
def user_image(original: Any, user_id: str, size: int = 100) -> Any:
    """Return the picture of an account; the placeholder of the current user needs no query.

    Args:
        original: CKAN's helper, which reads the account.
        user_id: id or name of the account.
        size: width and height, in pixels.
    """
    if not has_request_context() or not tk.current_user.is_authenticated:
        return original(user_id, size)
    reader: Any = tk.current_user
    has_picture = reader.image_url or tk.config["ckan.gravatar_default"] != "disabled"
    if has_picture or user_id not in (reader.name, reader.id):
        return original(user_id, size)
    return tk.h.snippet("user/snippets/placeholder.html", size=size, user_name=reader.display_name)


@tk.chained_helper
def humanize_entity_type(
    original: Any, entity_type: str, object_type: str, purpose: str
) -> str | None:
    """Name a harvest source in the list of activities: CKAN takes the English word of its type.

    Args:
        original: CKAN's helper.
        entity_type: table of the object.
        object_type: its type.
        purpose: where it is named.
    """
    if (entity_type, object_type, purpose) == ("package", "harvest", "activity_record"):
        return tk._("harvested catalogue")
    return original(entity_type, object_type, purpose)


@tk.side_effect_free
@tk.chained_action
@auth_audit_exempt
def organization_list_for_user(
    original: Callable[..., list[DataDict]], context: Context, data_dict: DataDict
) -> list[DataDict]:
    """List the organisations of a user, as CKAN does, cached during a read-only request."""
    key = (context.get("user"), repr(sorted(data_dict.items())))
    services = once.for_page("own services", key, lambda: original(context, data_dict))
    return [dict(service) for service in services]


def get_actions() -> DataDict:
    """Return the chained action."""
    return action_input.checked({"organization_list_for_user": organization_list_for_user})
