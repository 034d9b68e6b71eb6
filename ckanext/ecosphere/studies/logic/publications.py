"""Actions and authorization of what is given to others: collections, reuses, opinions on suitability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import authz, model
from ckan.types import AuthResult, Context, DataDict, Schema
from flask import has_request_context

from ckanext.ecosphere.shared import action_input, authorization
from ckanext.ecosphere.shared.action_input import action
from ckanext.ecosphere.shared.columns import now
from ckanext.ecosphere.shared.web_guard import rate_limits
from ckanext.ecosphere.studies import config, frames, store, suitability
from ckanext.ecosphere.studies.logic import auth
from ckanext.ecosphere.studies.logic.schema import LINE, TEXT, by_id, get
from ckanext.ecosphere.studies.model import Collection, Reuse
from ckanext.ecosphere.studies.publications import collections, opinions, reuses

ROWS, MOST_ROWS = 20, 100
MOST_OF_SERVICE = 200
"""Collections of a service."""
LONGEST_WHY = 1_000
DENIED: AuthResult = {"success": False}
ALLOWED: AuthResult = {"success": True}


# --- parameters -----------------------------------------------------------------------------------


def _listed() -> Schema:
    """Schema of the parameters of a list."""
    number = get("natural_number_validator")
    return {"start": [get("default")(0), number], "rows": [get("default")(ROWS), number]}


def _collection() -> Schema:
    """Schema of a collection but for its items; what is not given stays as it is."""
    return {
        "__extras": [get("ignore")],
        "title": [get("ignore_missing"), LINE, get("not_empty")],
        "description": [get("ignore_missing"), TEXT],
        "frame_id": [get("ignore_missing"), _frame_id],
        "public": [get("ignore_missing"), get("boolean_validator")],
    }


def _collection_create() -> Schema:
    return {
        **_collection(),
        "title": [get("not_empty"), LINE, get("not_empty")],
        "organization": [get("not_empty"), _service],
    }


def _reuse_list() -> Schema:
    return {
        **_listed(),
        "scope": [get("default")("public"), get("one_of")(["public", "mine", "held"])],
        "package_id": [get("ignore_empty"), LINE],
    }


def _reuse_create() -> Schema:
    return {
        "__extras": [get("ignore")],
        "kind": [get("not_empty"), get("one_of")(list(reuses.KINDS))],
        "title": [get("not_empty"), LINE, get("not_empty")],
        "url": [get("not_empty"), _web_address],
        "description": [get("default")(""), TEXT],
        "packages": [get("default")([]), _public_ids],
    }


def _reuse_moderate() -> Schema:
    decisions = [reuses.PUBLISHED, reuses.REFUSED]
    return {
        **by_id(),
        "decision": [get("not_empty"), get("one_of")(decisions)],
        "reason": [get("default")(""), TEXT],
    }


def _opinion_list() -> Schema:
    return {"package_id": [get("not_empty"), LINE]}


def _opinion_save() -> Schema:
    return {
        **_opinion_list(),
        "use": [get("not_empty"), get("one_of")(list(suitability.uses()))],
        "fits": [get("not_missing"), _yes_or_no],
        "why": [get("default")(""), TEXT],
    }


def _frame_id(value: Any) -> str:
    if value and frames.frame(LINE(value)) is None:
        raise tk.Invalid(tk._("There is no such frame."))
    return value or ""


def _service(value: Any) -> str:
    """Return the id of a service."""
    group = model.Group.get(LINE(value))
    if group is None or not group.is_organization or group.state != model.State.ACTIVE:
        raise tk.Invalid(tk._("Choose the service that publishes it."))
    return group.id


def _web_address(value: Any) -> str:
    url = reuses.safe_address(str(value))
    if not url:
        raise tk.Invalid(tk._("Give the address of a public web page, with https://."))
    return url


def _public_ids(value: Any) -> list[str]:
    ids = reuses.public_ids(value)
    if not ids:
        raise tk.Invalid(tk._("Name the public datasets that it uses, fifty at most."))
    return ids


def _yes_or_no(value: Any) -> bool:
    try:
        return tk.asbool(value)
    except ValueError:
        raise tk.Invalid(tk._("Say whether it was suitable.")) from None


# --- what they share ------------------------------------------------------------------------------


def _part(query: sa.Select[Any], data: Mapping[str, Any]) -> tuple[int, Sequence[Any]]:
    """Return how many rows a query has, and a part of them."""
    count = model.Session.scalar(sa.select(sa.func.count()).select_from(query.subquery()))
    part = query.offset(data["start"]).limit(min(data["rows"], MOST_ROWS))
    return count or 0, model.Session.scalars(part).all()


def _count(context: Context, name: str, option: str) -> None:
    """Count something that a person does.

    Raises:
        ValidationError: too often.
    """
    if not has_request_context():
        return
    try:
        rate_limits.hit(name, config.limits(option), auth.person(context).id, fallback=True)
    except rate_limits.TooMany as error:
        sentence = tk._("This was done too often in a short time.")
        again = rate_limits.try_again(error.seconds)
        raise tk.ValidationError({"message": [f"{sentence} {again}"]}) from error


def _dataset(data: DataDict) -> str:
    """Return the id of a dataset that the user may read, as the auth function found.

    Raises:
        NotFound: there is none, which only sysadmins get to hear here.
    """
    package: Any = model.Package.get(str(data.get("package_id") or ""))
    if package is None:
        raise tk.ObjectNotFound(tk._("Dataset not found"))
    return package.id


# --- collections ----------------------------------------------------------------------------------


def _collection_list() -> Schema:
    return {
        **_listed(),
        "organization": [get("ignore_empty"), _service],
        "mine": [get("default")(False), get("boolean_validator")],
    }


@tk.side_effect_free
@action(_collection_list)
def ecosphere_collection_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """List collections ("bouquets"), the last changed first: the public ones, or those that the user may edit.

    Args:
        organization (str): name or id of a service; optional.
        mine (bool): those that the user may edit, public or not; False by default.
        start, rows (int): part of the list; 100 rows at most.

    Returns:
        dict: `count` and `results`: id, name, title, description, frame_id, organization, public, modified.
    """
    query = sa.select(Collection)
    if "organization" in data_dict:
        query = query.where(Collection.organization_id == data_dict["organization"])
    if data_dict["mine"]:
        user = authorization.same_person(context)
        right = {"permission": collections.RIGHT}
        own = tk.get_action("organization_list_for_user")(user, right)
        ids = [service["id"] for service in own]
        query = query.where(Collection.organization_id.in_(ids))
    else:
        query = query.where(Collection.public)
    query = query.order_by(Collection.modified.desc(), Collection.id)
    count, part = _part(query, data_dict)
    return {"count": count, "results": [collections.brief(row) for row in part]}


@tk.side_effect_free
@action(by_id)
def ecosphere_collection_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return a collection with its needs and datasets by group; items whose dataset the user may not read are left out.

    Args:
        id (str): id or name.

    Returns:
        dict: as in the list, `items` (number of those shown) and `groups`: label and items, each with label, note and
        dataset (None without one).

    Raises:
        NotFound: there is none, or it is not public and the user is no editor of its service.
    """
    return collections.full(collections.get(data_dict["id"]), context)


def ecosphere_collection_create(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Create a collection. Allowed for editors of the service.

    Args:
        title (str): required.
        organization (str): name or id of the service; required.
        description (str): in Markdown.
        frame_id (str): frame whose needs are the items, if none are given.
        items (list): objects with group, label, note and package_id ("" for a need without data).
        public (bool): False by default.

    Returns:
        dict: the collection, as `ecosphere_collection_show`.

    Raises:
        ValidationError: what is wrong, by field.
    """
    tk.check_access("ecosphere_collection_create", context, data_dict)
    values = _checked(_collection_create(), context, data_dict)
    service = values.pop("organization")
    query = sa.select(sa.func.count()).where(Collection.organization_id == service)
    if (model.Session.scalar(query) or 0) >= MOST_OF_SERVICE:
        sentence = tk._("A service has {number} collections at most.")
        raise tk.ValidationError({"title": [sentence.format(number=MOST_OF_SERVICE)]})
    name = collections.free_name(values["title"])
    collection = Collection(organization_id=service, name=name, **values)
    frame = frames.frame(values.get("frame_id", ""))
    if frame is not None and not collection.items:
        collection.items = collections.items_of_frame(frame)
    model.Session.add(collection)
    model.Session.commit()
    return collections.full(collection, context)


def ecosphere_collection_update(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Change what is given of a collection. Allowed for editors of its service.

    Args:
        id (str): id or name.
        title, description, frame_id, items, public: as for `ecosphere_collection_create`.

    Returns:
        dict: the collection, as `ecosphere_collection_show`.

    Raises:
        NotFound: there is none, or the user may not read it.
        ValidationError: what is wrong, by field.
    """
    tk.check_access("ecosphere_collection_update", context, data_dict)
    collection = collections.get(data_dict.get("id"))
    stored = frozenset(item["package_id"] for item in collection.items)
    values = _checked(_collection(), context, data_dict, stored)
    return _changed(collection, values, context)


def _changed(collection: Collection, values: dict[str, Any], context: Context) -> dict[str, Any]:
    for name, value in {**values, "modified": now()}.items():
        setattr(collection, name, value)
    model.Session.commit()
    return collections.full(collection, context)


def _checked(
    schema: Schema, context: Context, data: DataDict, stored: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return the values of a collection that are given.

    Args:
        stored: ids of datasets that it has already, perhaps of some that only another editor may read.

    Raises:
        ValidationError: what is wrong, by field.
    """
    texts = {name: value for name, value in data.items() if name != "items"}
    values, errors = tk.navl_validate(texts, schema, {**context})
    if "items" in data:
        rows = data["items"]
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            errors["items"] = [tk._("Give a list of objects.")]
        elif len(rows) > collections.MOST_ITEMS:
            errors["items"] = [collections.full_error()]
        elif not all(row.get("label") or row.get("package_id") for row in rows):
            errors["items"] = [tk._("Give each line a name or a dataset.")]
        else:
            items = [collections.item_of(row) for row in rows]
            values["items"] = [_with_id(item, context, stored, errors) for item in items]
    if errors:
        raise action_input.refused(errors)
    return values


def _with_id(
    item: dict[str, str], context: Context, stored: frozenset[str], errors: dict[str, Any]
) -> dict[str, str]:
    """Return an item with the id of its dataset; note an error if it is unknown to the user."""
    key = item["package_id"]
    if not key or key in stored:
        return item
    try:
        authorization.dataset_readable(context, key)
    except tk.ObjectNotFound:
        errors["items"] = [tk._("There is no dataset {name}.").format(name=key)]
        return item
    return {**item, "package_id": _dataset(item)}


@action(by_id)
def ecosphere_collection_delete(context: Context, data_dict: DataDict) -> None:
    """Delete a collection. Allowed for editors of its service.

    Args:
        id (str): id or name.

    Raises:
        NotFound: there is none, or the user may not read it.
    """
    model.Session.delete(collections.get(data_dict["id"]))
    model.Session.commit()


def ecosphere_collection_add(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Add a dataset to a collection: to the need of this name, if it has none yet. Allowed for editors of its service.

    Args:
        id (str): id or name of the collection.
        package_id (str): id or name of the dataset.
        group, label, note (str): of its item; optional.

    Returns:
        dict: the collection, as `ecosphere_collection_show`.

    Raises:
        NotFound: the user may not read the collection, or the dataset.
        ValidationError: the collection is full.
    """
    tk.check_access("ecosphere_collection_add", context, data_dict)
    collection = collections.get(data_dict.get("id"))
    item = collections.item_of({**data_dict, "package_id": _dataset(data_dict)})
    items = collections.with_item(collection.items, item)
    return _changed(collection, {"items": items}, context)


# --- reuses ---------------------------------------------------------------------------------------


@tk.side_effect_free
@action(_reuse_list)
def ecosphere_reuse_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """List reuses, the newest first: the published ones, the user's own, or, for sysadmins, those that wait.

    Args:
        package_id (str): id or name of a dataset; optional.
        scope (str): public (default), mine, or held, for sysadmins.
        start, rows (int): part of the list; 100 rows at most.

    Returns:
        dict: `count` and `results`: id, kind, kind_label, title, url, description, state, state_label, reason, created,
        datasets (id, name, title) that the user may read.

    Raises:
        NotFound: there is no such dataset, or the user may not read it.
        NotAuthorized: the scope is not for the user.
    """
    query = sa.select(Reuse).order_by(Reuse.created.desc(), Reuse.id)
    match data_dict["scope"]:
        case "mine":
            query = query.where(Reuse.author_id == auth.person(context).id)
        case "held":
            query = query.where(Reuse.state == reuses.HELD)
        case _:
            query = query.where(Reuse.state == reuses.PUBLISHED)
    if "package_id" in data_dict:
        query = query.where(Reuse.packages.contains([_dataset(data_dict)]))
    count, part = _part(query, data_dict)
    return {"count": count, "results": reuses.shown(part, context)}


def ecosphere_reuse_create(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Propose a reuse; it is public once a sysadmin has read it. Allowed for everybody with an account.

    Args:
        kind (str): study, service, article, map or code.
        title (str): required.
        url (str): address of a public web page.
        description (str): plain text.
        packages (list): names or ids of the public datasets that it uses; fifty at most.

    Returns:
        dict: the reuse, as in `ecosphere_reuse_list`.

    Raises:
        ValidationError: what is wrong, by field; or too many in a short time.
    """
    # Not before: what is public is looked up for people with an account only.
    tk.check_access("ecosphere_reuse_create", context, data_dict)
    values, errors = tk.navl_validate(data_dict, _reuse_create(), {**context})
    if errors:
        raise action_input.refused(errors)
    _count(context, "studies-reuse", config.REUSE_LIMITS)
    reuse = Reuse(**values, author_id=auth.person(context).id, state=reuses.HELD)
    model.Session.add(reuse)
    model.Session.commit()
    return reuses.shown([reuse], context)[0]


def ecosphere_study_offer(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Propose a study as a reuse of the public datasets that it kept. Allowed for its owner; its site is not told.

    Args:
        id (str): the study.
        title, url, description (str): as for `ecosphere_reuse_create`.

    Returns:
        dict: the reuse, as in `ecosphere_reuse_list`.

    Raises:
        NotFound: there is no such study, or it is not shared with the user.
        ValidationError: what is wrong, by field; or too many in a short time.
    """
    tk.check_access("ecosphere_study_offer", context, data_dict)
    study = store.get(data_dict.get("id"))
    chosen = []
    for rows in store.datasets(store.needs(study)).values():
        chosen += [row.package_id for row in rows if row.decision in (store.KEPT, store.ADDED)]
    public = [id_ for id_ in dict.fromkeys(chosen) if reuses.public_ids([id_])]
    values = {**data_dict, "kind": "study", "packages": public[: reuses.MOST_DATASETS]}
    return tk.get_action("ecosphere_reuse_create")(authorization.same_person(context), values)


@action(_reuse_moderate)
def ecosphere_reuse_moderate(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Publish or refuse a reuse. Allowed for sysadmins.

    Args:
        id (str): the reuse.
        decision (str): published or refused.
        reason (str): told to its author; required for a refusal.

    Raises:
        NotFound: there is none.
        ValidationError: what is wrong, by field.
    """
    reuse = reuses.get(data_dict["id"])
    if data_dict["decision"] == reuses.REFUSED and not data_dict["reason"]:
        raise tk.ValidationError({"reason": [tk._("Say why it is refused.")]})
    reuse.state, reuse.reason = data_dict["decision"], data_dict["reason"]
    model.Session.commit()
    return reuses.shown([reuse], context)[0]


@action(by_id)
def ecosphere_reuse_delete(context: Context, data_dict: DataDict) -> None:
    """Delete a reuse. Allowed for its author and for sysadmins.

    Args:
        id (str): the reuse.

    Raises:
        NotFound: there is none, or it is neither public nor the user's.
    """
    model.Session.delete(reuses.get(data_dict["id"]))
    model.Session.commit()


# --- opinions -------------------------------------------------------------------------------------


@tk.side_effect_free
@action(_opinion_list)
def ecosphere_opinion_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return how many people found a dataset suitable for each kind of use; whoever edits it also reads why.

    Args:
        package_id (str): id or name of the dataset.

    Returns:
        dict: `counts`: use, label, fits, not_fits; `reasons`, for editors of the dataset: use, label, fits, why,
        created, without names.

    Raises:
        NotFound: there is no such dataset, or the user may not read it.
    """
    id_ = _dataset(data_dict)
    answer: dict[str, Any] = {"counts": opinions.counts(id_)}
    user = authorization.same_person(context)
    if authz.is_authorized_boolean("package_update", user, {"id": id_}):
        answer["reasons"] = opinions.of_dataset(id_)
    return answer


@action(_opinion_save)
def ecosphere_opinion_save(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Say whether a dataset was suitable for a kind of use, and why; a later opinion replaces the first.

    Allowed for everybody with an account who may read the dataset.

    Args:
        package_id (str): id or name of the dataset.
        use (str): kind of use, key of `data/suitability.yaml`.
        fits (bool): whether it was suitable.
        why (str): read by those who edit the dataset; required if it was not.

    Returns:
        dict: `counts`, as in `ecosphere_opinion_list`.

    Raises:
        NotFound: there is no such dataset, or the user may not read it.
        ValidationError: what is wrong, by field; or too many in a short time.
    """
    _count(context, "studies-opinion", config.OPINION_LIMITS)
    id_, fits, why = _dataset(data_dict), data_dict["fits"], data_dict["why"]
    if not why and not fits:
        raise tk.ValidationError({"why": [tk._("Say why it is not suitable.")]})
    if len(why) > LONGEST_WHY:
        sentence = tk._("Too long: {number} characters at most.").format(number=LONGEST_WHY)
        raise tk.ValidationError({"why": [sentence]})
    opinions.save(id_, auth.person(context).id, data_dict["use"], fits, why)
    model.Session.commit()
    return {"counts": opinions.counts(id_)}


# --- who may do it --------------------------------------------------------------------------------


@tk.auth_allow_anonymous_access
def _auth_collection_list(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow everybody the public collections; those that one may edit are asked of CKAN."""
    mine = (data_dict or {}).get("mine")
    return {"success": not mine or authorization.person(context) is not None}


@tk.auth_allow_anonymous_access
def _auth_collection_show(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow everybody a public collection, and editors of its service the others."""
    collection = collections.get((data_dict or {}).get("id"))
    if collection.public or collections.may_edit(context, collection.organization_id):
        return ALLOWED
    raise tk.ObjectNotFound(collections.unknown())


def _auth_collection_create(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow editors of the service; of any service while none is given."""
    service = (data_dict or {}).get("organization")
    if service:
        return {"success": collections.may_edit(context, str(service))}
    name = auth.person(context).name
    return {"success": authz.has_user_permission_for_some_org(name, collections.RIGHT)}


def _auth_collection_change(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow editors of the service of the collection; to others who may not read it, it does not exist."""
    collection = collections.get((data_dict or {}).get("id"))
    if collections.may_edit(context, collection.organization_id):
        return ALLOWED
    if not collection.public:
        raise tk.ObjectNotFound(collections.unknown())
    return DENIED


def _auth_collection_dataset(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow editors of the service of the collection, with datasets that they may read."""
    allowed = _auth_collection_change(context, data_dict)
    if allowed is ALLOWED:
        authorization.dataset_readable(context, (data_dict or {}).get("package_id"))
    return allowed


@tk.auth_allow_anonymous_access
def _auth_reuse_list(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow everybody the published ones, people their own, and sysadmins those that wait."""
    data = data_dict or {}
    person = authorization.person(context)
    if data.get("package_id"):
        authorization.dataset_readable(context, data["package_id"])
    match data.get("scope"):
        case "mine":
            return {"success": person is not None}
        case "held":
            return {"success": person is not None and bool(person.sysadmin)}
    return ALLOWED


@tk.auth_sysadmins_check
def _auth_study_offer(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow the owner; for those with whom it is not shared, sysadmins too, the study does not exist."""
    study = store.get((data_dict or {}).get("id"))
    role = store.role(study, auth.person(context).id)
    if not role:
        raise tk.ObjectNotFound(store.unknown())
    return {"success": role == store.OWNER}


def _auth_sysadmin(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow sysadmins only, whom CKAN lets pass."""
    return DENIED


def _auth_reuse_delete(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow the author; to others, one that is not public does not exist."""
    reuse = reuses.get((data_dict or {}).get("id"))
    if reuse.author_id == auth.person(context).id:
        return ALLOWED
    if reuse.state != reuses.PUBLISHED:
        raise tk.ObjectNotFound(reuses.unknown())
    return DENIED


def _auth_opinion_save(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow those with an account who may read the dataset."""
    return authorization.dataset_readable(context, (data_dict or {}).get("package_id"))


@tk.auth_allow_anonymous_access
def _auth_opinion_list(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow those who may read the dataset."""
    return _auth_opinion_save(context, data_dict)


AUTH = {
    "ecosphere_collection_list": _auth_collection_list,
    "ecosphere_collection_show": _auth_collection_show,
    "ecosphere_collection_create": _auth_collection_create,
    "ecosphere_collection_update": _auth_collection_change,
    "ecosphere_collection_delete": _auth_collection_change,
    "ecosphere_collection_add": _auth_collection_dataset,
    "ecosphere_reuse_list": _auth_reuse_list,
    "ecosphere_reuse_create": auth.with_account,
    "ecosphere_study_offer": _auth_study_offer,
    "ecosphere_reuse_moderate": _auth_sysadmin,
    "ecosphere_reuse_delete": _auth_reuse_delete,
    "ecosphere_opinion_list": _auth_opinion_list,
    "ecosphere_opinion_save": _auth_opinion_save,
}


def get_actions() -> dict[str, Any]:
    """Return the actions that the plugin registers."""
    return action_input.checked({name: globals()[name] for name in AUTH})


def get_auth_functions() -> dict[str, Any]:
    """Return the auth functions that the plugin registers."""
    return authorization.deny_by_default(AUTH)
