"""Actions of what is given to others: collections, reuses, opinions on suitability."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import authz, model
from ckan.types import Context, DataDict, Schema

from ckanext.ecosphere.shared import action_input, authorization
from ckanext.ecosphere.shared.action_input import action
from ckanext.ecosphere.shared.columns import now
from ckanext.ecosphere.studies import config, frames, store, suitability
from ckanext.ecosphere.studies.logic import actions, auth, schema
from ckanext.ecosphere.studies.model import Collection, Reuse
from ckanext.ecosphere.studies.publications import collections, reuses

#: Collections of a service.
MOST_OF_SERVICE = 200


# --- what they share ------------------------------------------------------------------------------


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


@tk.side_effect_free
@action(schema.collection_list)
def ecosphere_collection_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """List collections ("bouquets"), the last changed first: the public ones, or those that the
    user may edit.

    Args:
        organization (str): name or id of a service; optional.
        mine (bool): those that the user may edit, public or not; False by default.
        start, rows (int): part of the list; 100 rows at most.

    Returns:
        dict: `count` and `results`: id, name, title, description, frame_id, organization, public,
            modified.
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
    count, part = store.part(query, data_dict)
    return {"count": count, "results": [collections.brief(row) for row in part]}


@tk.side_effect_free
@action(schema.by_id)
def ecosphere_collection_show(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return a collection with its needs and datasets by group; items whose dataset the user may
    not read are left out.

    Args:
        id (str): id or name.

    Returns:
        dict: as in the list, `items` (number of those shown) and `groups`: label and items, each
        with label, note and dataset (None without one).

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
    values = _checked(schema.collection_create(), context, data_dict)
    service = values.pop("organization")
    query = sa.select(sa.func.count()).where(Collection.organization_id == service)
    if (model.Session.scalar(query) or 0) >= MOST_OF_SERVICE:
        sentence = tk._("A service has {number} collections at most.")
        raise tk.ValidationError({"title": [sentence.format(number=MOST_OF_SERVICE)]})
    name = action_input.free_name(values["title"], collections.is_taken)
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
    values = _checked(schema.collection(), context, data_dict, stored)
    return _changed(collection, values, context)


def _changed(collection: Collection, values: dict[str, Any], context: Context) -> dict[str, Any]:
    for name, value in {**values, "modified": now()}.items():
        setattr(collection, name, value)
    model.Session.commit()
    return collections.full(collection, context)


def _checked(
    schema_: Schema, context: Context, data: DataDict, stored: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return the values of a collection that are given.

    Args:
        stored: ids of datasets that it has already, perhaps of some that only another editor may
            read.

    Raises:
        ValidationError: what is wrong, by field.
    """
    texts = {name: value for name, value in data.items() if name != "items"}
    values, errors = tk.navl_validate(texts, schema_, {**context})
    if "items" in data:
        try:
            values["items"] = collections.items_of(data["items"], context, stored)
        except tk.Invalid as error:
            errors["items"] = [error.error]
    if errors:
        raise action_input.refused(errors)
    return values


@action(schema.by_id)
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
    """Add a dataset to a collection: to the need of this name, if it has none yet. Allowed for
    editors of its service.

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
@action(schema.reuse_list)
def ecosphere_reuse_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """List reuses, the newest first: the published ones, the user's own, or, for sysadmins, those
    that wait.

    Args:
        package_id (str): id or name of a dataset; optional.
        scope (str): public (default), mine, or held, for sysadmins.
        start, rows (int): part of the list; 100 rows at most.

    Returns:
        dict: `count` and `results`: id, kind, kind_label, title, url, description, state,
        state_label, reason, created, datasets (id, name, title) that the user may read.

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
    count, part = store.part(query, data_dict)
    return {"count": count, "results": reuses.shown(part, context)}


def ecosphere_reuse_create(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Propose a reuse; it is public once a sysadmin has read it. Allowed for everybody with an
    account.

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
    values = action_input.validated(schema.reuse_create, data_dict, context)
    author = auth.person(context).id
    schema.count("studies-reuse", config.limits(config.REUSE_LIMITS), author)
    reuse = Reuse(**values, author_id=author, state=reuses.HELD)
    model.Session.add(reuse)
    model.Session.commit()
    return reuses.shown([reuse], context)[0]


def ecosphere_study_offer(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Propose a study as a reuse of the public datasets that it kept. Allowed for its owner; its
    site is not told.

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
    public = [id_ for id_ in store.chosen(study) if reuses.public_ids([id_])]
    values = {**data_dict, "kind": "study", "packages": public[: reuses.MOST_DATASETS]}
    return tk.get_action("ecosphere_reuse_create")(authorization.same_person(context), values)


@action(schema.reuse_moderate)
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


@action(schema.by_id)
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
@action(schema.opinion_list)
def ecosphere_opinion_list(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Return how many people found a dataset suitable for each kind of use; whoever edits it also
    reads why.

    Args:
        package_id (str): id or name of the dataset.

    Returns:
        dict: `counts`: use, label, fits, not_fits; `reasons`, for editors of the dataset: use,
        label, fits, why, created, without names.

    Raises:
        NotFound: there is no such dataset, or the user may not read it.
    """
    id_ = _dataset(data_dict)
    answer: dict[str, Any] = {"counts": suitability.counts(id_)}
    user = authorization.same_person(context)
    if authz.is_authorized_boolean("package_update", user, {"id": id_}):
        answer["reasons"] = suitability.opinions(id_)
    return answer


@action(schema.opinion_save)
def ecosphere_opinion_save(context: Context, data_dict: DataDict) -> dict[str, Any]:
    """Say whether a dataset was suitable for a kind of use, and why; a later opinion replaces the
    first.

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
    author = auth.person(context).id
    schema.count("studies-opinion", config.limits(config.OPINION_LIMITS), author)
    id_, fits, why = _dataset(data_dict), data_dict["fits"], data_dict["why"]
    if not why and not fits:
        raise tk.ValidationError({"why": [tk._("Say why it is not suitable.")]})
    suitability.save_opinion(id_, author, data_dict["use"], fits, why)
    model.Session.commit()
    return {"counts": suitability.counts(id_)}


def get_actions() -> dict[str, Any]:
    """Return the actions that the plugin registers, those of studies and these."""
    names = vars(actions) | globals()
    own = {name: value for name, value in names.items() if name.startswith("ecosphere_")}
    return action_input.checked(own)
