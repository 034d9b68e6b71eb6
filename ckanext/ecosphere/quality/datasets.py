"""Datasets as dicts that can be scored: from CKAN's save hooks, from a form, and from the database.

`package_create` and `package_update` call the hooks before they index and before they commit, with the validated dict:
fields of the schema are extras. Resources are missing if an update does not change them; they are then taken from the
session, where CKAN needs them anyway to index the dataset.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import sqlalchemy as sa
from ckan import model
from ckan.lib import plugins as lib_plugins
from ckan.types import Context

from ckanext.ecosphere.quality import config, store

#: Columns of a dataset that are scored; all other fields of the schema are extras.
COLUMNS = (
    "name",
    "title",
    "notes",
    "url",
    "license_id",
    "owner_org",
    "maintainer",
    "maintainer_email",
    "author",
    "author_email",
)
#: Columns of a resource that are scored; its other fields are extras.
RESOURCE_COLUMNS = ("id", "url", "url_type", "name", "description", "format", "mimetype", "size")
CHUNK = 500


def after_save(context: Context, data: Mapping[str, Any], *, new: bool) -> None:
    """Score the dataset that was just saved."""
    package = context.get("package") or model.Package.get(data["id"])
    if package is None or not store.is_scored(package.type):
        return
    data = {"owner_org": package.owner_org, **data, "id": package.id, "name": package.name}
    if "resources" not in data:
        data["resources"] = [stored_resource(resource) for resource in package.resources]
    store.save(package.id, data, new=new)


def validated(
    context: Context, package: model.Package | None, data: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the fields `data` as a save would keep them, without saving: a French date becomes an ISO date.

    A value with an error stays as it was given. Resources stay too: they are not in the form, and there may be many.

    Args:
        context: of the action.
        package: the dataset to change, None for a new one.
        data: fields of the dataset, as for `package_update` or as posted by the form.
    """
    kind = str(data.get("type") or "dataset")
    action = "package_create"
    fields = {name: value for name, value in data.items() if name != "resources"}
    if package:
        kind = package.type
        action = "package_update"
        fields |= {"id": package.id, "name": package.name}
    plugin = lib_plugins.lookup_package_plugin(kind)
    schema = plugin.update_package_schema() if package else plugin.create_package_schema()
    about = cast(Context, {**context, "session": model.Session, "package": package})
    checked, errors = lib_plugins.plugin_validate(
        plugin, about, {**fields, "type": kind}, schema, action
    )
    unchecked = {name: data[name] for name in (*errors, "resources") if name in data}
    return {**checked, **unchecked}


def stored_resource(resource: model.Resource) -> dict[str, Any]:
    """Return a stored resource as a dict, with its extras at the top level."""
    columns = {
        name: getattr(resource, name) for name in ("id", "state", *model.Resource.get_columns())
    }
    return {**(resource.extras or {}), **columns}


def stored_dataset(package: model.Package) -> dict[str, Any]:
    """Return a stored dataset as a dict that can be scored."""
    tags = (
        sa.select(model.Tag.name)
        .join(model.PackageTag, model.PackageTag.tag_id == model.Tag.id)
        .where(
            model.PackageTag.package_id == package.id, model.PackageTag.state == model.State.ACTIVE
        )
        .where(model.Tag.vocabulary_id.is_(None))
    )
    return {name: getattr(package, name) for name in ("id", *COLUMNS)} | {
        "extras": dict(package.extras),
        "tags": [{"name": name} for name in model.Session.scalars(tags)],
        "resources": [stored_resource(resource) for resource in package.resources],
    }


# --- many datasets ---


def ids_after(last: str, size: int = CHUNK) -> list[str]:
    """Return the next ids after `last`, in order, of datasets of scored types.

    Deleted datasets are included, since they may be restored.
    """
    package = model.Package
    query = (
        sa.select(package.id)
        .where(package.type.in_(config.dataset_types()), package.id > last)
        .order_by(package.id)
        .limit(size)
    )
    return list(model.Session.scalars(query))


def each_chunk(size: int = CHUNK) -> Iterator[list[str]]:
    """Yield chunks of ids of all datasets of scored types; each chunk is queried when the previous one is done."""
    ids = ids_after("", size)
    while ids:
        yield ids
        ids = ids_after(ids[-1], size)


def count() -> int:
    """Return the number of datasets of scored types."""
    query = sa.select(sa.func.count()).where(model.Package.type.in_(config.dataset_types()))
    return model.Session.scalar(query) or 0


def load(ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the datasets `ids` as dicts, with three queries."""
    package, tag, link, resource = (
        model.package_table,
        model.tag_table,
        model.package_tag_table,
        model.resource_table,
    )
    columns = [package.c.id, package.c.extras, *(package.c[name] for name in COLUMNS)]
    by_id: dict[str, dict[str, Any]] = {}
    for row in model.Session.execute(sa.select(*columns).where(package.c.id.in_(ids))).mappings():
        by_id[row["id"]] = {**row, "tags": [], "resources": []}
    tags = (
        sa.select(link.c.package_id, tag.c.name)
        .join(tag, tag.c.id == link.c.tag_id)
        .where(
            link.c.package_id.in_(ids),
            link.c.state == model.State.ACTIVE,
            tag.c.vocabulary_id.is_(None),
        )
    )
    for package_id, name in model.Session.execute(tags):
        by_id[package_id]["tags"].append({"name": name})
    columns = [
        resource.c.package_id,
        resource.c.extras,
        *(resource.c[name] for name in RESOURCE_COLUMNS),
    ]
    resources = (
        sa.select(*columns)
        .where(resource.c.package_id.in_(ids), resource.c.state == model.State.ACTIVE)
        .order_by(resource.c.package_id, resource.c.position)
    )
    for row in model.Session.execute(resources).mappings():
        values = {**(row["extras"] or {}), **row, "extras": None}
        by_id[row["package_id"]]["resources"].append(values)
    return by_id
