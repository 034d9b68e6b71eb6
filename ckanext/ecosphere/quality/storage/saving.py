"""Convert the data of CKAN's save hooks to what the score needs.

`package_create` and `package_update` call the hooks before they index and before they commit, with the validated dict:
fields of the schema are extras. Resources are missing if an update does not change them; they are then taken from the
session, where CKAN needs them anyway to index the dataset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import sqlalchemy as sa
from ckan import model
from ckan.lib import plugins as lib_plugins
from ckan.types import Context

from ckanext.ecosphere.quality.storage import store

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


def after_save(context: Context, data: Mapping[str, Any], *, new: bool) -> None:
    """Score the dataset that was just saved."""
    package = context.get("package") or model.Package.get(data["id"])
    if package is None or not store.is_scored(package.type):
        return
    if "resources" not in data:
        data = {**data, "resources": [stored_resource(r) for r in package.resources]}
    if "owner_org" not in data:
        data = {**data, "owner_org": package.owner_org}
    store.save(package.id, {**data, "id": package.id, "name": package.name}, new=new)


def validated(context: Context, package: model.Package | None, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields `data` as a save would keep them, without saving: a French date becomes an ISO date.

    A value with an error stays as it was given. Resources stay too: they are not in the form, and there may be many.

    Args:
        context: of the action.
        package: the dataset to change, None for a new one.
        data: fields of the dataset, as for `package_update` or as posted by the form.
    """
    kind = package.type if package else str(data.get("type") or "dataset")
    plugin = lib_plugins.lookup_package_plugin(kind)
    schema = plugin.update_package_schema() if package else plugin.create_package_schema()
    fields = {name: value for name, value in data.items() if name != "resources"}
    if package:
        fields |= {"id": package.id, "name": package.name}
    action = "package_update" if package else "package_create"
    about = cast(Context, {**context, "session": model.Session, "package": package})
    checked, errors = lib_plugins.plugin_validate(plugin, about, {**fields, "type": kind}, schema, action)
    given = {name: data[name] for name in (*errors, "resources") if name in data}
    return {**checked, **given}


def stored_resource(resource: model.Resource) -> dict[str, Any]:
    """Return a stored resource as a dict, with its extras at the top level."""
    columns = {name: getattr(resource, name) for name in ("id", "state", *model.Resource.get_columns())}
    return {**(resource.extras or {}), **columns}


def stored_dataset(package: model.Package) -> dict[str, Any]:
    """Return a stored dataset as a dict that can be scored."""
    tags = (
        sa.select(model.Tag.name)
        .join(model.PackageTag, model.PackageTag.tag_id == model.Tag.id)
        .where(model.PackageTag.package_id == package.id, model.PackageTag.state == model.State.ACTIVE)
        .where(model.Tag.vocabulary_id.is_(None))
    )
    return {name: getattr(package, name) for name in ("id", *COLUMNS)} | {
        "extras": dict(package.extras),
        "tags": [{"name": name} for name in model.Session.scalars(tags)],
        "resources": [stored_resource(r) for r in package.resources],
    }
