"""Actions and authorization of what is given to others: collections, reuses, opinions on suitability."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import authz, model
from ckan.types import AuthResult, Context, DataDict
from flask import has_request_context

from ckanext.ecosphere.shared import action_input, authorization
from ckanext.ecosphere.shared.web_guard import rate_limits
from ckanext.ecosphere.studies import collections, config, opinions, reuses, store
from ckanext.ecosphere.studies.model import Collection

ROWS, MOST_ROWS, MOST_START = 20, 100, 100_000
DENIED: AuthResult = {"success": False}
ALLOWED: AuthResult = {"success": True}


def _page(data: Mapping[str, Any]) -> tuple[int, int]:
    """Return start and number of rows.

    Raises:
        ValidationError: they are no numbers, or out of bounds.
    """
    numbers = []
    for name, default, most in (("start", 0, MOST_START), ("rows", ROWS, MOST_ROWS)):
        text = str(data.get(name, default))
        if not text.isascii() or not text.isdecimal() or int(text[:9]) > most:
            sentence = tk._("Give a number from 0 to {most}.").format(most=most)
            raise tk.ValidationError({name: [sentence]})
        numbers.append(int(text))
    return numbers[0], numbers[1]


def _user_id(context: Context) -> str:
    person = authorization.person(context)
    if person is None:
        raise tk.NotAuthorized
    return person.id


def _count(context: Context, name: str, option: str) -> None:
    """Count something that a person does.

    Raises:
        ValidationError: too often.
    """
    if not has_request_context():
        return
    try:
        rate_limits.hit(name, config.limits(option), _user_id(context), fallback=True)
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


def _service(data: DataDict) -> str:
    """Return the id of the service of a new collection.

    Raises:
        ValidationError: there is none.
    """
    group = model.Group.get(str(data.get("organization") or ""))
    if group is None or not group.is_organization or group.state != model.State.ACTIVE:
        raise tk.ValidationError({"organization": [tk._("Choose the service that publishes it.")]})
    return group.id


# --- collections ----------------------------------------------------------------------------------


@tk.side_effect_free
def ecosphere_collection_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """List collections ("bouquets"), the last changed first: the public ones, or those that the user may edit.

    Args:
        organization (str): name or id of a service; optional.
        mine (bool): those that the user may edit, public or not; False by default.
        start, rows (int): part of the list; 100 rows at most.

    Returns:
        dict: `count` and `results`: id, name, title, description, frame_id, organization, public, modified.
    """
    tk.check_access("ecosphere_collection_list", context, data_dict)
    start, rows = _page(data_dict)
    service = ""
    if data_dict.get("organization"):
        service = _service(data_dict)
    mine = collections.is_true(data_dict.get("mine"))
    count, part = collections.listed(context, service, mine, start, rows)
    return {"count": count, "results": [collections.brief(row) for row in part]}


@tk.side_effect_free
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
    tk.check_access("ecosphere_collection_show", context, data_dict)
    return collections.full(collections.get(data_dict.get("id")), context)


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
    values = collections.checked(data_dict, whole=True)
    values["items"] = _readable_items(context, values.get("items", []), frozenset())
    return _kept(context, collections.create(_service(data_dict), values))


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
    values = collections.checked(data_dict, whole=False)
    if "items" in values:
        stored = frozenset(item["package_id"] for item in collection.items)
        values["items"] = _readable_items(context, values["items"], stored)
    collections.change(collection, values)
    return _kept(context, collection)


def _readable_items(
    context: Context, items: list[dict[str, str]], stored: frozenset[str]
) -> list[dict[str, str]]:
    """Return items with the ids of their datasets.

    Args:
        stored: ids that the collection has already, perhaps of datasets that only another editor may read.

    Raises:
        ValidationError: a dataset is unknown to the user.
    """
    user, checked = authorization.same_person(context), []
    for item in items:
        id_ = item["package_id"]
        if id_ and id_ not in stored:
            try:
                authorization.dataset_readable(user, id_)
            except tk.ObjectNotFound as error:
                sentence = tk._("There is no dataset {name}.").format(name=id_)
                raise tk.ValidationError({"items": [sentence]}) from error
            package: Any = model.Package.get(id_)
            id_ = package.id
        checked.append({**item, "package_id": id_})
    return checked


def _kept(context: Context, collection: Collection) -> dict[str, Any]:
    model.Session.commit()
    return collections.full(collection, context)


def ecosphere_collection_delete(context: Context, data_dict: DataDict) -> None:
    """Delete a collection. Allowed for editors of its service.

    Args:
        id (str): id or name.

    Raises:
        NotFound: there is none, or the user may not read it.
    """
    tk.check_access("ecosphere_collection_delete", context, data_dict)
    model.Session.delete(collections.get(data_dict.get("id")))
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
    collections.add(collection, item)
    return _kept(context, collection)


# --- reuses ---------------------------------------------------------------------------------------


@tk.side_effect_free
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
    tk.check_access("ecosphere_reuse_list", context, data_dict)
    start, rows = _page(data_dict)
    scope, packages = data_dict.get("scope") or "public", []
    state, author = reuses.PUBLISHED, ""
    if scope == "mine":
        state, author = "", _user_id(context)
    elif scope == "held":
        state = reuses.HELD
    if data_dict.get("package_id"):
        packages = [_dataset(data_dict)]
    count, part = reuses.listed(state, author, packages, start, rows)
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
    tk.check_access("ecosphere_reuse_create", context, data_dict)
    values = reuses.checked(data_dict)
    _count(context, "studies-reuse", config.REUSE_LIMITS)
    reuse = reuses.create(values, _user_id(context))
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
    tk.check_access("ecosphere_reuse_moderate", context, data_dict)
    reuse = reuses.get(data_dict.get("id"))
    reuses.moderate(reuse, str(data_dict.get("decision")), str(data_dict.get("reason") or ""))
    model.Session.commit()
    return reuses.shown([reuse], context)[0]


def ecosphere_reuse_delete(context: Context, data_dict: DataDict) -> None:
    """Delete a reuse. Allowed for its author and for sysadmins.

    Args:
        id (str): the reuse.

    Raises:
        NotFound: there is none, or it is neither public nor the user's.
    """
    tk.check_access("ecosphere_reuse_delete", context, data_dict)
    model.Session.delete(reuses.get(data_dict.get("id")))
    model.Session.commit()


# --- opinions -------------------------------------------------------------------------------------


@tk.side_effect_free
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
    tk.check_access("ecosphere_opinion_list", context, data_dict)
    id_ = _dataset(data_dict)
    answer: dict[str, Any] = {"counts": opinions.counts(id_)}
    user = authorization.same_person(context)
    if authz.is_authorized_boolean("package_update", user, {"id": id_}):
        answer["reasons"] = opinions.of_dataset(id_)
    return answer


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
    tk.check_access("ecosphere_opinion_save", context, data_dict)
    _count(context, "studies-opinion", config.OPINION_LIMITS)
    id_, use = _dataset(data_dict), str(data_dict.get("use") or "")
    fits, why = str(data_dict.get("fits")).lower(), str(data_dict.get("why") or "")
    if fits not in ("true", "false"):
        raise tk.ValidationError({"fits": [tk._("Say whether it was suitable.")]})
    opinions.save(id_, _user_id(context), use, fits == "true", why)
    model.Session.commit()
    return {"counts": opinions.counts(id_)}


# --- who may do it --------------------------------------------------------------------------------


@tk.auth_allow_anonymous_access
def _auth_collection_list(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow everybody the public collections; those that one may edit are asked of CKAN."""
    if collections.is_true((data_dict or {}).get("mine")) and authorization.person(context) is None:
        return DENIED
    return ALLOWED


@tk.auth_allow_anonymous_access
def _auth_collection_show(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow everybody a public collection, and editors of its service the others."""
    if not collections.may_read(context, collections.get((data_dict or {}).get("id"))):
        raise tk.ObjectNotFound(collections.unknown())
    return ALLOWED


def _auth_collection_create(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow editors of the service; of any service while none is given."""
    service, person = (data_dict or {}).get("organization"), authorization.person(context)
    if person is None:
        return DENIED
    if service:
        return {"success": collections.may_edit(context, str(service))}
    return {"success": authz.has_user_permission_for_some_org(person.name, collections.RIGHT)}


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
    scope, person = data.get("scope") or "public", authorization.person(context)
    if data.get("package_id"):
        authorization.dataset_readable(context, data["package_id"])
    if scope == "mine":
        return {"success": person is not None}
    if scope == "held":
        return {"success": person is not None and bool(person.sysadmin)}
    return {"success": scope == "public"}


def _auth_known(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow everybody with an account."""
    return {"success": authorization.person(context) is not None}


@tk.auth_sysadmins_check
def _auth_study_offer(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow the owner; for those with whom it is not shared, sysadmins too, the study does not exist."""
    person, study = authorization.person(context), store.get((data_dict or {}).get("id"))
    if person is None:
        return DENIED
    role = store.role(study, person.id)
    if not role:
        raise tk.ObjectNotFound(store.unknown())
    return {"success": role == store.OWNER}


def _auth_sysadmin(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow sysadmins only, whom CKAN lets pass."""
    return DENIED


def _auth_reuse_delete(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow the author; to others, one that is not public does not exist."""
    person, reuse = authorization.person(context), reuses.get((data_dict or {}).get("id"))
    if person is not None and reuse.author_id == person.id:
        return ALLOWED
    if reuse.state != reuses.PUBLISHED:
        raise tk.ObjectNotFound(reuses.unknown())
    return DENIED


@tk.auth_allow_anonymous_access
def _auth_opinion_list(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow those who may read the dataset."""
    return authorization.dataset_readable(context, (data_dict or {}).get("package_id"))


def _auth_opinion_save(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow everybody with an account who may read the dataset."""
    return authorization.dataset_readable(context, (data_dict or {}).get("package_id"))


AUTH = {
    "ecosphere_collection_list": _auth_collection_list,
    "ecosphere_collection_show": _auth_collection_show,
    "ecosphere_collection_create": _auth_collection_create,
    "ecosphere_collection_update": _auth_collection_change,
    "ecosphere_collection_delete": _auth_collection_change,
    "ecosphere_collection_add": _auth_collection_dataset,
    "ecosphere_reuse_list": _auth_reuse_list,
    "ecosphere_reuse_create": _auth_known,
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
