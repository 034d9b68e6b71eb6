"""Actions of people: assignment, absences, saved answers; settings, notifications and personal
data.

Deleting an organisation is refused while requests wait for it, which no one would answer any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.common import _
from ckan.logic import auth_audit_exempt
from ckan.types import Context, DataDict

from ckanext.ecosphere.data_requests import calendars, listing, privacy, transitions
from ckanext.ecosphere.data_requests.decisions import letters
from ckanext.ecosphere.data_requests.domain import clock, people, states, wording
from ckanext.ecosphere.data_requests.domain.clock import iso
from ckanext.ecosphere.data_requests.domain.people import Names, Reader
from ckanext.ecosphere.data_requests.logic import auth, schema
from ckanext.ecosphere.data_requests.model import (
    ASSIGNED,
    Absence,
    Request,
    SavedAnswer,
    Setting,
    Trace,
    by_id_or_reference,
    number_of,
    setting_of,
)
from ckanext.ecosphere.data_requests.notifications import outbox, texts
from ckanext.ecosphere.shared import action_input
from ckanext.ecosphere.shared.action_input import action
from ckanext.ecosphere.shared.columns import new_id

#: Maximum number of saved answers of a service.
MOST_SAVED = 200


def _absences(absences: list[Absence]) -> list[DataDict]:
    """Return absences with the names of the people."""
    user_ids: list[str | None] = []
    for absence in absences:
        user_ids += [absence.user_id, absence.substitute_id]
    names = Names.of(user_ids, [])
    accounts = {user.id: user.name for user in names.users.values()}
    return [
        {
            "id": absence.id,
            "user": accounts.get(absence.user_id, ""),
            "name": names.person(absence.user_id),
            "first": iso(absence.first),
            "last": iso(absence.last),
            "substitute": accounts.get(absence.substitute_id or "", ""),
            "substitute_name": names.person(absence.substitute_id),
        }
        for absence in absences
    ]


@tk.side_effect_free
def ecosphere_request_absence_list(context: Context, data_dict: DataDict) -> list[DataDict]:
    """Return the current and future absences of the user and their colleagues.

    Returns:
        list: for each: `id`, `user` and `name` of the absent agent, `first` and `last` day,
        `substitute` and `substitute_name` ("" without one).

    Raises:
        NotAuthorized: the user is not an editor of any service.
    """
    tk.check_access("ecosphere_request_absence_list", context, data_dict)
    reader = people.reader_of_context(context)
    colleagues = {user_id for group in reader.editor_of for user_id in people.editors_of(group)}
    return _absences(people.absences_of({reader.id, *colleagues}))


@action(schema.absence_create)
def ecosphere_request_absence_create(context: Context, data_dict: DataDict) -> DataDict:
    """Announce an absence and its substitute, who gets new assignments and reminders during it.

    Args:
        first, last (str): first and last day, as YYYY-MM-DD.
        substitute (str): name or id of a colleague of the same service; by default, no one.
        user (str): absent agent, given by an administrator of their service; by default, the user.

    Returns:
        dict: the absence, as returned by `ecosphere_request_absence_list`.

    Raises:
        NotAuthorized: the user is not an editor of any service, or not an administrator of a
            service of the colleague.
        ValidationError: what is wrong, by field.
    """
    user = auth.agent(people.reader_of_context(context), data_dict.get("user"))
    first, last, today = data_dict["first"], data_dict["last"], clock.today()
    errors: Any = {}
    if last < first:
        errors["last"] = [_("The last day comes before the first.")]
    elif last < today:
        errors["last"] = [_("Choose a day from today on.")]
    elif first - today > people.LONGEST_AHEAD:
        errors["first"] = [_("Two years ahead at most.")]
    elif last - first > people.LONGEST_ABSENCE:
        errors["last"] = [_("A year at most.")]
    substitute = _substitute(user, data_dict.get("substitute"), errors)
    announced = [] if errors else people.absences_of([user.id])
    if any((other.first, other.last) == (first, last) for other in announced):
        errors["first"] = [
            _("An absence on these days is announced already: take it back to change it.")
        ]
    elif len(announced) >= people.MOST_ABSENCES:
        errors["first"] = [
            _("Too many absences: {number} at most.").format(number=people.MOST_ABSENCES)
        ]
    if errors:
        raise tk.ValidationError(errors)
    absence = Absence(
        id=new_id(),
        user_id=user.id,
        first=first,
        last=last,
        substitute_id=substitute,
        created=clock.now(),
    )
    model.Session.add(absence)
    model.Session.commit()
    return _absences([absence])[0]


def _substitute(user: model.User, key: Any, errors: dict[str, list[str]]) -> str | None:
    if not key:
        return None
    colleague = model.User.get(str(key))
    if colleague is not None and colleague.id == user.id:
        errors["substitute"] = [_("Nobody stands in for themselves: choose a colleague.")]
    elif colleague is None or colleague.id not in people.colleagues_of(user.id):
        errors["substitute"] = [_("There is no such colleague.")]
    if colleague:
        return colleague.id
    return None


@action(schema.by_id)
def ecosphere_request_absence_delete(context: Context, data_dict: DataDict) -> DataDict:
    """Delete an absence.

    Args:
        id (str): of the absence.

    Returns:
        dict: `id`.

    Raises:
        NotFound: there is no such absence, or the user may not delete it.
    """
    model.Session.execute(sa.delete(Absence).where(Absence.id == data_dict["id"]))
    model.Session.commit()
    return {"id": data_dict["id"]}


def _saved(answer: SavedAnswer) -> DataDict:
    result = {name: getattr(answer, name) for name in ("id", "title", "ground", "law", "facts")}
    ground_label = wording.ground(answer.ground) if answer.ground else ""
    return {**result, "ground_label": ground_label, "modified": iso(answer.modified)}


@tk.side_effect_free
@action(schema.of_organization)
def ecosphere_request_saved_answer_list(context: Context, data_dict: DataDict) -> list[DataDict]:
    """Return the saved answers (reasons for refusals) of a service, by title.

    Args:
        organization (str): name or id of the service.

    Returns:
        list: for each: `id`, `title`, `ground`, `ground_label`, `law`, `facts`, `modified`.

    Raises:
        NotFound: there is no such service.
        NotAuthorized: the user is not an editor of it.
    """
    group = auth.organization(data_dict["organization"])
    query = sa.select(SavedAnswer).where(SavedAnswer.organization_id == group.id)
    return [
        _saved(answer)
        for answer in model.Session.scalars(query.order_by(SavedAnswer.title, SavedAnswer.id))
    ]


@action(schema.saved_answer_save)
def ecosphere_request_saved_answer_save(context: Context, data_dict: DataDict) -> DataDict:
    """Create or change a saved answer: reasons that a service often gives.

    Args:
        organization (str): name or id of the service.
        id (str): of the answer to change; by default, a new one is created.
        title (str): name of the answer, for agents.
        ground (str): ground of the refusal to which it applies; by default, any.
        law, facts (str): reasons in law and in fact.

    Returns:
        dict: the answer, as returned by `ecosphere_request_saved_answer_list`.

    Raises:
        NotFound: there is no such service, or it has no such answer.
        NotAuthorized: the user is not an editor of it.
        ValidationError: what is wrong, by field; or the service has too many answers.
    """
    group = auth.organization(data_dict["organization"])
    if data_dict.get("id"):
        answer = _of_service(group, data_dict["id"])
    else:
        answer = _new_answer(group)
    for name in ("title", "ground", "law", "facts"):
        setattr(answer, name, data_dict.get(name) or "")
    if not (answer.law or answer.facts):
        model.Session.rollback()
        raise tk.ValidationError({"law": [_("Write reasons in law or in fact.")]})
    answer.modified, answer.author_id = clock.now(), people.reader_of_context(context).id
    model.Session.add(answer)
    model.Session.commit()
    return _saved(answer)


def _new_answer(group: model.Group) -> SavedAnswer:
    if number_of(SavedAnswer, SavedAnswer.organization_id == group.id) >= MOST_SAVED:
        message = _("Your service keeps {number} answers, which is the limit: delete one first.")
        raise tk.ValidationError({"title": [message.format(number=MOST_SAVED)]})
    return SavedAnswer(id=new_id(), organization_id=group.id)


def _of_service(group: model.Group, key: str) -> SavedAnswer:
    answer = model.Session.get(SavedAnswer, key)
    if answer is None or answer.organization_id != group.id:
        raise tk.ObjectNotFound(_("There is no such answer."))
    return answer


@action(schema.saved_answer_delete)
def ecosphere_request_saved_answer_delete(context: Context, data_dict: DataDict) -> DataDict:
    """Delete a saved answer of a service; decisions that used it are not changed.

    Args:
        organization (str): name or id of the service.
        id (str): of the answer.

    Returns:
        dict: `id`.

    Raises:
        NotFound: there is no such service, or it has no such answer.
        NotAuthorized: the user is not an editor of it.
    """
    model.Session.delete(_of_service(auth.organization(data_dict["organization"]), data_dict["id"]))
    model.Session.commit()
    return {"id": data_dict["id"]}


@action(schema.assign)
def ecosphere_request_assign(context: Context, data_dict: DataDict) -> DataDict:
    """Assign requests on the desk to an editor of their service, or to no one.

    Args:
        ids (list): ids or references.
        user (str): name or id of the colleague; by default, no one.

    Returns:
        dict: `assigned` and `refused`: ids as given; refused are those that are not on a desk of
        the user's services, and those whose service the colleague does not belong to.
        `substitutes`: names of those who got requests instead of an absent colleague.

    Raises:
        NotAuthorized: the user is not an editor of any service.
        ValidationError: there is no such colleague.
    """
    user = model.User.get(data_dict["user"]) if data_dict.get("user") else None
    if data_dict.get("user") and (user is None or user.state != model.State.ACTIVE):
        raise tk.ValidationError({"user": [_("There is no such colleague.")]})
    return _assign(people.reader_of_context(context), data_dict["ids"], user)


def _assign(reader: Reader, ids: list[str], user: model.User | None) -> dict[str, list[str]]:
    """Assign requests to a colleague, or to no one; refuse those that the reader may not assign.

    Returns:
        `assigned` and `refused`: the given ids or references; `substitutes`: names of those who got
        requests instead of an absent colleague.
    """
    outcome: dict[str, list[str]] = {"assigned": [], "refused": [], "substitutes": []}
    for key in map(str, ids):
        target = _assign_one(reader, by_id_or_reference(key), user)
        if target is None:
            outcome["refused"].append(key)
            continue
        outcome["assigned"].append(key)
        substitute = None
        if user is not None and target != user.id:
            substitute = model.User.get(target)
        if substitute and substitute.display_name not in outcome["substitutes"]:
            outcome["substitutes"].append(substitute.display_name)
    if outcome["assigned"]:
        outbox.OUTBOX.enqueue()
    return outcome


def _assign_one(reader: Reader, request: Request | None, user: model.User | None) -> str | None:
    """Assign a request; return the account that got it, as `_target` does."""
    if request is None or _target(reader, request, user) is None:
        return None
    with transitions.changing(request.id) as locked:
        # It may have been transferred or answered since.
        target = _target(reader, locked, user)
        if target is not None:
            _give(reader, locked, target, user)
    return target


def _target(reader: Reader, request: Request, user: model.User | None) -> str | None:
    """Return the id of the account that gets the request, "" for no one,
    None when the reader may not assign it.
    """
    if request.state not in states.ON_DESK or states.EDITOR not in reader.roles(request):
        return None
    if user is None:
        return ""
    colleagues = people.editors_of(request.organization_id)
    if user.id in colleagues:
        return people.stands_in(user.id, colleagues)
    return None


def _give(reader: Reader, request: Request, target: str, user: model.User | None) -> None:
    if (request.assigned_to or "") == target:
        return
    request.assigned_to = target or None
    instead_of_id = user.id if user is not None and user.id != target else None
    trace = Trace(
        request_id=request.id,
        kind=ASSIGNED,
        actor_id=reader.id,
        user_id=target or None,
        instead_of_id=instead_of_id,
        created=clock.now(),
    )
    model.Session.add(trace)
    model.Session.flush()
    outbox.of_assignment(request, trace.id, reader.id)


def _refused_while_requests_wait(name: str) -> Callable[..., Any]:
    def action(original: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
        tk.check_access(name, Context(**context), {**data_dict})
        group = model.Group.get(str(data_dict.get("id") or ""))
        number = 0
        if group is not None and group.is_organization:
            number = number_of(Request, *listing.waiting(group.id))
        if number:
            message = tk.ungettext(
                "{number} data request is on the desk of this service: answer it or transfer it "
                "first.",
                "{number} data requests are on the desk of this service: answer them or transfer "
                "them first.",
                number,
            )
            raise tk.ValidationError({"message": message.format(number=number)})
        return original(context, data_dict)

    action.__name__ = name
    action.__doc__ = f"Do what `{name}` of CKAN does, once no request waits for the service."
    return auth_audit_exempt(
        tk.chained_action(action)
    )  # access is checked here, and by the original


def chained_actions() -> DataDict:
    """Return the chained actions."""
    names = ("organization_delete", "organization_purge")
    return action_input.checked({name: _refused_while_requests_wait(name) for name in names})


def _settings(user_id: str) -> DataDict:
    setting = model.Session.get(Setting, user_id)
    author = letters.author_of(user_id)
    digest = setting.digest if setting else "immediate"
    language = setting.language if setting else ""
    return {
        "digest": digest,
        "language": language,
        **{name: getattr(author, name) for name in letters.NAMES},
        "calendar": calendars.token_of(user_id),
    }


@tk.side_effect_free
def ecosphere_request_settings_show(context: Context, data_dict: DataDict) -> DataDict:
    """Return the user's settings for data requests.

    Returns:
        dict: `digest` (immediate, daily, weekly, none), `language` ("" for that of the request or
        the portal), and `first_name`, `last_name`, `quality` (job title) as stated in decisions of
        the user; `calendar`, the token in the private URLs of their calendars, "" before one was
        requested.
    """
    tk.check_access("ecosphere_request_settings_show", context, data_dict)
    return _settings(people.reader_of_context(context).id)


@action(schema.settings_update)
def ecosphere_request_settings_update(context: Context, data_dict: DataDict) -> DataDict:
    """Change the user's settings for data requests; those not given keep their values.

    Args:
        digest (str): immediate, daily, weekly or none.
        language (str): of the e-mails: fr, en, or "".
        first_name, last_name, quality (str): of the author of decisions (CRPA, L. 212-1).
        new_calendar (bool): create a new private URL of the calendars; the former one no longer
            works.

    Returns:
        dict: the settings.
    """
    user_id = people.reader_of_context(context).id
    setting = setting_of(user_id)
    setting.digest = data_dict.get("digest") or setting.digest
    setting.language = data_dict.get("language", setting.language)
    if data_dict.get("new_calendar"):
        model.Session.flush()
        calendars.renew(user_id)
    names = {name: data_dict[name] for name in letters.NAMES if name in data_dict}
    if names:
        letters.keep_author(user_id, names)
    model.Session.commit()
    return _settings(user_id)


@tk.side_effect_free
@schema.flat
@action(schema.notification_list)
def ecosphere_request_notification_list(context: Context, data_dict: DataDict) -> DataDict:
    """Return the user's notifications about data requests, the latest first.

    Args:
        start (int): number of notifications to skip.
        rows (int): maximum number of notifications, by default 20.

    Returns:
        dict: `count`, `unseen`, `results` (id, kind, sentence, created, seen, request as id,
            reference, title, and whether the user may still read it: `readable`).
    """
    reader = people.reader_of_context(context)
    count, rows = outbox.of_person(reader, data_dict["start"], data_dict["rows"])
    results = texts.on_page(rows, reader)
    return {"count": count, "unseen": outbox.unseen(reader), "results": results}


@action(schema.notification_seen)
def ecosphere_request_notification_seen(context: Context, data_dict: DataDict) -> DataDict:
    """Mark all of the user's notifications, or those about one request, as seen.

    Args:
        request (str): id of a request; by default, all.

    Returns:
        dict: `seen`, how many were not.
    """
    number = outbox.mark_seen(people.reader_of_context(context).id, data_dict.get("request"))
    model.Session.commit()
    return {"seen": number}


@tk.side_effect_free
@action(schema.of_user)
def ecosphere_request_export(context: Context, data_dict: DataDict) -> DataDict:
    """Return all personal data of a user in data requests (GDPR, articles 15 and 20).

    Args:
        user (str): name or id; by default, oneself.

    Returns:
        dict: `person`, `requests`, `comments`, `events`, `edits`, `mutes`, `supports`, `follows`,
        `notifications`, `answers`, `letters`, `absences`, `desk`, `saved_answers`, `mails`,
        `author`, `settings`.

    Raises:
        NotFound: there is no such user.
        NotAuthorized: it is another user.
    """
    return privacy.export(_person(context, data_dict))


@action(schema.of_user)
def ecosphere_request_erase(context: Context, data_dict: DataDict) -> DataDict:
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
    return privacy.erase(_person(context, data_dict))


def _person(context: Context, data_dict: DataDict) -> model.User:
    user = model.User.get(data_dict.get("user") or people.reader_of_context(context).id)
    if user is None:
        raise tk.ObjectNotFound(_("User not found"))
    return user
