"""Actions on the settings, notifications and personal data of a user."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import Context, DataDict

from ckanext.ecosphere.data_requests import calendars, privacy
from ckanext.ecosphere.data_requests.decisions import authors
from ckanext.ecosphere.data_requests.domain import people
from ckanext.ecosphere.data_requests.logic import schema
from ckanext.ecosphere.data_requests.model import Setting
from ckanext.ecosphere.data_requests.notifications import outbox, texts
from ckanext.ecosphere.work import steps


def _settings(user_id: str) -> dict[str, Any]:
    setting = model.Session.get(Setting, user_id)
    author = authors.of(user_id)
    digest = setting.digest if setting else "immediate"
    language = setting.language if setting else ""
    return {
        "digest": digest,
        "language": language,
        **{name: getattr(author, name) for name in authors.NAMES},
        "calendar": calendars.token_of(user_id),
    }


@tk.side_effect_free
def ecosphere_request_settings_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return the user's settings for data requests.

    Returns:
        dict: `digest` (immediate, daily, weekly, none), `language` ("" for that of the request or the portal), and
        `first_name`, `last_name`, `quality` (job title) as stated in decisions of the user; `calendar`, the token in
        the private URLs of their calendars, "" before one was requested.
    """
    tk.check_access("ecosphere_request_settings_show", context, data_dict)
    return _settings(people.reader_of_context(context).id)


@tk.validate_action_data(schema.settings_update)
def ecosphere_request_settings_update(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Change the user's settings for data requests; those not given keep their values.

    Args:
        digest (str): immediate, daily, weekly or none.
        language (str): of the e-mails: fr, en, or "".
        first_name, last_name, quality (str): of the author of decisions (CRPA, L. 212-1).
        new_calendar (bool): create a new private URL of the calendars; the former one no longer works.

    Returns:
        dict: the settings.
    """
    tk.check_access("ecosphere_request_settings_update", context, data_dict)
    user_id = people.reader_of_context(context).id
    setting = model.Session.get(Setting, user_id) or Setting(
        user_id=user_id, digest="immediate", language=""
    )
    setting.digest = data_dict.get("digest") or setting.digest
    setting.language = data_dict.get("language", setting.language)
    model.Session.add(setting)
    if data_dict.get("new_calendar"):
        model.Session.flush()
        calendars.renew(user_id)
    names = {name: data_dict[name] for name in authors.NAMES if name in data_dict}
    if names:
        authors.keep(user_id, names)
    model.Session.commit()
    return _settings(user_id)


@tk.side_effect_free
@schema.flat
@tk.validate_action_data(schema.notification_list)
def ecosphere_request_notification_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return the user's notifications about data requests, the latest first, up to 1 000.

    Args:
        start (int): number of notifications to skip.
        rows (int): maximum number of notifications, by default 20.

    Returns:
        dict: `count`, `older` (whether there are others than the latest 1 000), `unseen` (up to 1 000), `results` (id,
            kind, sentence, created, seen, request as id, reference, title, and whether the user may still read it:
            `readable`).
    """
    tk.check_access("ecosphere_request_notification_list", context, data_dict)
    reader = people.reader_of_context(context)
    notifications = outbox.of_person(reader, data_dict["start"], data_dict["rows"])
    numbers = {
        "count": notifications.count,
        "older": notifications.older,
        "unseen": notifications.unseen,
    }
    return {**numbers, "results": texts.on_page(notifications.rows, reader)}


@tk.validate_action_data(schema.notification_seen)
def ecosphere_request_notification_seen(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Mark all of the user's notifications, or those about one request, as seen.

    Args:
        request (str): id of a request; by default, all.

    Returns:
        dict: `seen`, how many were not.
    """
    tk.check_access("ecosphere_request_notification_seen", context, data_dict)
    number = outbox.mark_seen(people.reader_of_context(context).id, data_dict.get("request"))
    model.Session.commit()
    return {"seen": number}


def ecosphere_request_anonymise(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Anonymise the requests that were closed long enough ago (`ecosphere.requests.anonymise_months`).

    Returns:
        dict: `anonymised`, how many requests.

    Raises:
        NotAuthorized: the user is not a sysadmin.
        ValidationError: some could not be anonymised; all others were.
    """
    tk.check_access("ecosphere_request_anonymise", context, data_dict)
    try:
        return {"anonymised": privacy.anonymise_old()}
    except steps.SomeFailed as error:
        message = tk._(
            "{failed} requests could not be anonymised, {done} were: the log of the portal says "
            "why."
        )
        raise tk.ValidationError(
            {"message": [message.format(failed=error.failed, done=error.done)]}
        ) from error


@tk.side_effect_free
@tk.validate_action_data(schema.of_user)
def ecosphere_request_export(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return all personal data of a user in data requests (GDPR, articles 15 and 20).

    Args:
        user (str): name or id; by default, oneself.

    Returns:
        dict: `person`, `requests`, `comments`, `events`, `edits`, `mutes`, `supports`, `follows`, `notifications`,
        `answers`, `letters`, `absences`, `desk`, `saved_answers`, `mails`, `author`, `settings`.

    Raises:
        NotFound: there is no such user.
        NotAuthorized: it is another user.
    """
    tk.check_access("ecosphere_request_export", context, data_dict)
    return privacy.export(_person(context, data_dict))


@tk.validate_action_data(schema.of_user)
def ecosphere_request_erase(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Erase the personal data of a user in data requests (GDPR, article 17).

    Drafts are deleted, open requests withdrawn; requests and comments remain without the user.

    Args:
        user (str): name or id; by default, oneself.

    Returns:
        dict: `drafts`, `requests`, `comments`, `supports`, `follows`, `notifications`: how many.

    Raises:
        NotFound: there is no such user.
        NotAuthorized: it is another user.
    """
    tk.check_access("ecosphere_request_erase", context, data_dict)
    return privacy.erase(_person(context, data_dict))


def _person(context: Context, data_dict: DataDict) -> model.User:
    user = model.User.get(data_dict.get("user") or people.reader_of_context(context).id)
    if user is None:
        raise tk.ObjectNotFound(tk._("User not found"))
    return user
