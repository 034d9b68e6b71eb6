"""Actions of alerts for users with an account; others use the pages and signed links."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from ckan.types import AuthResult, Context, DataDict, Schema, Validator, ValidatorFactory

from ckanext.ecosphere.interfaces import AlertSubject
from ckanext.ecosphere.search import config
from ckanext.ecosphere.search.alerts import model as storage
from ckanext.ecosphere.search.alerts import searches
from ckanext.ecosphere.search.alerts.model import Alert
from ckanext.ecosphere.shared import authorization, language
from ckanext.ecosphere.shared.action_input import action


def frequency(value: Any) -> str:
    """Validate a frequency; CKAN's own `one_of` fails on a tuple and accepts an empty text."""
    if value not in storage.FREQUENCIES:
        raise tk.Invalid(
            _("Choose how often: {choices}.").format(choices=", ".join(storage.FREQUENCIES))
        )
    return value


@tk.validator_args
def create_schema(default: ValidatorFactory, unicode_safe: Validator) -> Schema:
    """Return the schema of `ecosphere_search_alert_create`."""
    return {
        "about": [default(searches.DATASETS), unicode_safe],
        "search": [default(""), unicode_safe],
        "frequency": [default("weekly"), frequency],
    }


@tk.validator_args
def update_schema(not_empty: Validator, unicode_safe: Validator) -> Schema:
    """Return the schema of `ecosphere_search_alert_update`."""
    return {"id": [not_empty, unicode_safe], "frequency": [not_empty, frequency]}


@tk.validator_args
def delete_schema(not_empty: Validator, unicode_safe: Validator) -> Schema:
    """Return the schema of `ecosphere_search_alert_delete`."""
    return {"id": [not_empty, unicode_safe]}


@action(create_schema)
def ecosphere_search_alert_create(context: Context, data_dict: DataDict) -> DataDict:
    """Save a search, with e-mails about new or changed results.

    Args:
        context: action context.
        data_dict: `search` (str, default ""): query string of the page of datasets, e.g.
            "q=zones+humides&res_format=WMS"; `about` (str, default "datasets"): subject of the
            search, datasets or requests (then `search` is the query string of the list of
            requests); `frequency` (str, default "weekly"): daily, weekly, or none to save it
            without e-mails.

    Returns:
        the alert: `id`, `about`, `search`, `title`, `url`, `frequency`, `created`. If the user has
        already saved the search, its frequency is changed.

    Raises:
        ValidationError: the search is invalid, or the user has the maximum number of alerts
            (`ecosphere.search.alerts_per_person`).
        NotAuthorized: the caller is anonymous; anonymous people save searches through the page.
    """
    user = _person(context)
    subject = searches.required(data_dict["about"])
    search = subject.checked(subject.canonical(searches.parsed(data_dict["search"])), user)
    alert = storage.save(
        search=search,
        frequency=data_dict["frequency"],
        language=language.current(),
        about=subject.key,
        user_id=_person(context).id,
    )
    return dictized(alert, subject)


@tk.side_effect_free
def ecosphere_search_alert_list(context: Context, data_dict: DataDict) -> list[DataDict]:
    """List the user's saved searches, newest first.

    Args:
        context: action context.
        data_dict: ignored.

    Returns:
        alerts in the format of `ecosphere_search_alert_create`.
    """
    tk.check_access("ecosphere_search_alert_list", context, data_dict)
    return listed(storage.alerts(storage.of_user(_person(context).id)))


@action(update_schema)
def ecosphere_search_alert_update(context: Context, data_dict: DataDict) -> DataDict:
    """Change the frequency of e-mails about a saved search.

    Args:
        context: action context.
        data_dict: `id` (str) of the alert; `frequency` (str): daily, weekly or none.

    Returns:
        `id` and `frequency`.

    Raises:
        NotFound: the user has no such alert.
    """
    subscriber = storage.of_user(_person(context).id)
    if subscriber is None or not storage.change(
        subscriber.id, data_dict["id"], data_dict["frequency"]
    ):
        raise tk.ObjectNotFound(_("You have no such alert."))
    return {"id": data_dict["id"], "frequency": data_dict["frequency"]}


@action(delete_schema)
def ecosphere_search_alert_delete(context: Context, data_dict: DataDict) -> DataDict:
    """Delete one of the user's saved searches.

    Args:
        context: action context.
        data_dict: `id` (str) of the alert.

    Returns:
        `id`.

    Raises:
        NotFound: the user has no such alert.
    """
    subscriber = storage.of_user(_person(context).id)
    if subscriber is None or not storage.delete(subscriber.id, data_dict["id"]):
        raise tk.ObjectNotFound(_("You have no such alert."))
    return {"id": data_dict["id"]}


def listed(alerts: Iterable[Alert]) -> list[DataDict]:
    """Return alerts in the format of the actions, without those of rooms that are not enabled."""
    dicts = []
    for alert in alerts:
        subject = searches.of(alert.about)
        if subject:
            dicts.append(dictized(alert, subject))
    return dicts


def dictized(alert: Alert, subject: AlertSubject) -> DataDict:
    """Return an alert in the format of actions and pages."""
    return {
        "id": alert.id,
        "about": alert.about,
        "search": alert.search,
        "title": subject.title(alert.search),
        "url": subject.address(alert.search),
        "frequency": alert.frequency,
        "created": alert.created.isoformat(),
    }


def _person(context: Context) -> model.User:
    user = authorization.person(context)
    if user is None:
        raise tk.NotAuthorized
    return user


def own_alerts(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow everyone with an account: the actions only handle the user's own alerts."""
    return {"success": authorization.person(context) is not None and config.alerts()}


_OWN = (
    ecosphere_search_alert_create,
    ecosphere_search_alert_list,
    ecosphere_search_alert_update,
    ecosphere_search_alert_delete,
)
ACTIONS = {action.__name__: action for action in _OWN}
AUTH = dict.fromkeys(ACTIONS, own_alerts)
