"""Auth functions of data requests. Requests that a user may not read raise NotFound, not
NotAuthorized.

Anonymous users are refused before any request is looked up, except where reading is allowed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from ckan.types import AuthResult, Context, DataDict

from ckanext.ecosphere.data_requests import attachments, conversation, history
from ckanext.ecosphere.data_requests.domain import people, states
from ckanext.ecosphere.data_requests.domain.people import Reader
from ckanext.ecosphere.data_requests.model import (
    Absence,
    Attachment,
    Comment,
    Delivery,
    Request,
    by_id_or_reference,
)
from ckanext.ecosphere.shared import authorization

YES: AuthResult = {"success": True}


def no(message: str) -> AuthResult:
    """Return a refusal with its reason."""
    return {"success": False, "msg": message}


def readable(context: Context, key: Any) -> tuple[Request, Reader]:
    """Return a request and its reader.

    Raises:
        NotFound: there is no such request, or the reader may not know of it.
    """
    reader = people.reader_of_context(context)
    request = by_id_or_reference(str(key or ""))
    if request is None or not reader.may_read(request):
        raise tk.ObjectNotFound(_("Request not found"))
    return request, reader


def organization(key: Any) -> model.Group:
    """Return an active organisation.

    Raises:
        NotFound: there is none.
    """
    group = people.active_service(key)
    if group is None:
        raise tk.ObjectNotFound(_("Organization not found"))
    return group


def _row(table: Any, data_dict: DataDict, message: str) -> Any:
    """Return the row of a table with the id in the parameters.

    Raises:
        NotFound: there is none, with this message.
    """
    row = model.Session.get(table, str(data_dict.get("id") or ""))
    if row is None:
        raise tk.ObjectNotFound(message)
    return row


def _reads(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow all who may read the request."""
    readable(context, data_dict.get("id"))
    return YES


def _anyone(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow everyone: the action returns public data only."""
    return YES


def _logged_in(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow all logged-in users; anonymous ones are refused by CKAN."""
    return YES


def _moderates(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow moderators, for requests that they may read."""
    readable(context, data_dict.get("id"))
    return held_list(context, data_dict)


def _works_for(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow editors and administrators of the service."""
    reader, group = people.reader_of_context(context), organization(data_dict.get("organization"))
    if reader.sysadmin or group.id in reader.editor_of:
        return YES
    return no(_("Only the editors of this service may see its desk."))


def _oneself(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow users for their own data, and sysadmins."""
    reader = people.reader_of_context(context)
    user = data_dict.get("user")
    if reader.sysadmin or not user or user in (reader.id, reader.name):
        return YES
    return no(_("Only the person concerned may do this."))


def update(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow the requester."""
    request, reader = readable(context, data_dict.get("id"))
    if states.REQUESTER in reader.roles(request):
        return YES
    return no(_("Only the requester may change a request."))


def transition(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow users with a role that the table gives for the transition.

    Its state is checked later, under the lock.
    """
    request, reader = readable(context, data_dict.get("id"))
    line = states.TRANSITIONS.get(str(data_dict.get("transition")))
    if line is not None and not reader.roles(request) & set(line.roles):
        return no(_("You may not do this: it is for others to do."))
    return YES


def listing(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow everyone the public list, and those concerned their own,
    a service's or the moderators'.
    """
    scope = data_dict.get("scope") or "public"
    reader = people.reader_of_context(context)
    if scope == "desk":
        return _works_for(context, data_dict)
    if scope == "moderation":
        return held_list(context, {})
    if scope == "mine" and not reader.id:
        return no(_("Log in to see your requests."))
    return YES


def comment(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow comments by all who may read the request, internal notes by those who handle it."""
    request, reader = readable(context, data_dict.get("id"))
    reason = conversation.obstacle(reader, request, bool(data_dict.get("internal")))
    if reason:
        return no(reason)
    return YES


def comment_hide(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow moderators."""
    comment = _row(Comment, data_dict, _("Comment not found"))
    return _moderates(context, {"id": comment.request_id})


def attachment_show(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow all who may read the comment of the attachment."""
    attachment = _row(Attachment, data_dict, _("File not found"))
    request, reader = readable(context, attachment.request_id)
    comment = model.Session.get_one(Comment, attachment.comment_id)
    if not history.may_read_attachments(comment, request, reader):
        raise tk.ObjectNotFound(_("File not found"))
    return YES


def delivery_show(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow all who may read the request.

    For a private delivery, the requester and those who handle the request.
    """
    delivery = _row(Delivery, data_dict, _("File not found"))
    request, reader = readable(context, delivery.request_id)
    if not attachments.may_read_answer(delivery, request, reader):
        raise tk.ObjectNotFound(_("File not found"))
    return YES


def held_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow moderators."""
    if people.reader_of_context(context).moderator:
        return YES
    return no(_("Only moderators may do this."))


def moderate(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow moderators, for texts of requests that they may read.

    For others, the text is not found.
    """
    kind, key = str(data_dict.get("kind")), str(data_dict.get("id") or "")
    return _moderates(context, {"id": conversation.request_of_text(kind, key).id})


def letter_preview(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow logged-in users who may do the transition."""
    if not people.reader_of_context(context).id:
        return no(_("Log in to write a decision."))
    if str(data_dict.get("transition")) in states.TRANSITIONS:
        return transition(context, data_dict)
    return no(_("You may not do this: it is for others to do."))


def letter_show(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow logged-in users; the action returns letters only to those whom they concern."""
    if people.reader_of_context(context).id:
        return YES
    return no(_("Log in to read your letters."))


def assign(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow editors of any service; the action checks each request."""
    if people.reader_of_context(context).sysadmin:
        return YES
    return works(context, data_dict)


def dataset_list(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow all who may read the dataset."""
    package = model.Package.get(str(data_dict.get("id") or ""))
    if package is None or not people.may_read_dataset(package, people.reader_of_context(context)):
        raise tk.ObjectNotFound(_("Dataset not found"))
    return YES


def signal(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow all who may read the dataset, logged in or not."""
    return dataset_list(context, {"id": data_dict.get("dataset")})


def agent(reader: Reader, key: Any) -> model.User:
    """Return the agent whose absence it is: the reader, or a colleague in a service that the reader
    administers.

    Raises:
        NotAuthorized: the user is someone else, or does not exist.
    """
    if not key or key in (reader.id, reader.name):
        user = model.User.get(reader.id)
        is_allowed = bool(reader.editor_of)
    else:
        user = model.User.get(str(key))
        is_allowed = user is not None and _administers(reader, user)
    if user is None or not is_allowed:
        raise tk.NotAuthorized(
            _("Only administrators of a service may announce the absence of a colleague.")
        )
    return user


def _administers(reader: Reader, user: model.User) -> bool:
    """Return whether a user is an editor of a service that the reader administers."""
    return any(user.id in people.editors_of(group) for group in reader.admin_of)


def works(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow editors of a service."""
    if people.reader_of_context(context).editor_of:
        return YES
    return no(_("Only the editors of a service may do this."))


def absence_create(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow editors of a service for themselves, and its administrators for their colleagues."""
    try:
        agent(people.reader_of_context(context), data_dict.get("user"))
    except tk.NotAuthorized as error:
        return no(str(error.message))
    return YES


def absence_delete(context: Context, data_dict: DataDict) -> AuthResult:
    """Allow the absent agent and administrators of their service.

    For others, the absence is not found.
    """
    absence = _row(Absence, data_dict, _("There is no such absence."))
    try:
        agent(people.reader_of_context(context), absence.user_id)
    except tk.NotAuthorized:
        raise tk.ObjectNotFound(_("There is no such absence.")) from None
    return YES


#: Action, without the prefix `ecosphere_request_` → auth function.
RULES: dict[str, Callable[[Context, DataDict], AuthResult]] = {
    "create": _logged_in,
    "update": update,
    "show": _reads,
    "signal": signal,
    "list": listing,
    "transition": transition,
    "letter_preview": letter_preview,
    "letter_show": letter_show,
    "batch_add": update,
    "batch_show": _reads,
    "referral": update,
    "satisfaction": update,
    "similar": _anyone,
    "route": _anyone,
    "comment": comment,
    "comment_hide": comment_hide,
    "held_list": held_list,
    "moderate": moderate,
    "attachment_show": attachment_show,
    "delivery_show": delivery_show,
    "support": _reads,
    "unsupport": _reads,
    "follow": _reads,
    "unfollow": _reads,
    "assign": assign,
    "desk": _works_for,
    "absence_list": works,
    "absence_create": absence_create,
    "absence_delete": absence_delete,
    "saved_answer_list": _works_for,
    "saved_answer_save": _works_for,
    "saved_answer_delete": _works_for,
    "suggestions": _works_for,
    "stats": _anyone,
    "dataset_list": dataset_list,
    "settings_show": _logged_in,
    "settings_update": _logged_in,
    "notification_list": _logged_in,
    "notification_seen": _logged_in,
    "spam": _moderates,
    "hide": _moderates,
    "export": _oneself,
    "erase": _oneself,
}
FOR_ANYONE = {
    "signal",
    "show",
    "list",
    "similar",
    "route",
    "stats",
    "dataset_list",
    "attachment_show",
    "delivery_show",
    "batch_show",
}


def _function(
    name: str, rule: Callable[[Context, DataDict], AuthResult]
) -> Callable[..., AuthResult]:
    def allowed(context: Context, data_dict: DataDict | None) -> AuthResult:
        return rule(context, data_dict or {})

    allowed.__name__ = f"ecosphere_request_{name}"
    allowed.__doc__ = rule.__doc__
    # The rules also apply to sysadmins: they may moderate, but not act in someone's name.
    checked = tk.auth_sysadmins_check(allowed)
    if name in FOR_ANYONE:
        return tk.auth_allow_anonymous_access(checked)
    return checked


def get_auth_functions() -> DataDict:
    """Return the auth functions that the plugin registers."""
    functions = {f"ecosphere_request_{name}": _function(name, rule) for name, rule in RULES.items()}
    return authorization.deny_by_default(functions)
