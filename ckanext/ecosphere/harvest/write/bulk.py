"""Create many datasets at once: write the rows that `package_create` would, with a few statements for all of them.

Each dataset is validated with its schema, its rows are filled by CKAN's own model classes, and the plugins are notified
as by `package_create`, in the same transaction. This saves the work that CKAN repeats for each dataset: looking for
rows that cannot exist yet, flushing object by object, querying organisation and tags.

The ordinary way is used when another extension hooks into `package_create`, and for a batch in which anything goes
wrong: see `Bulk.possible` and `BulkError`. A test compares the rows of both ways.
"""

from __future__ import annotations

import inspect
import logging
from datetime import datetime, timezone
from functools import partial
from typing import Any
from uuid import uuid4

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib import datapreview
from ckan.lib import plugins as lib_plugins
from ckan.logic.action import create as core_create
from sqlalchemy.exc import DBAPIError

from ckanext.ecosphere.fast_save.validation import Validation

log = logging.getLogger(__name__)

Dataset = dict[str, Any]
Row = dict[str, Any]
TagKey = tuple[str, str | None]
"""Name of a tag, and id of its vocabulary."""
_ACTION = "package_create"
_UNFORESEEN = (
    "groups",
    "relationships_as_subject",
    "relationships_as_object",
    "plugin_data",
    "tag_string",
)
_IGNORED_IN_RESOURCES = ("extras", "revision_timestamp", "tracking_summary")


def _innermost(action: Any) -> Any:
    """Return the action below those chained actions that leave the datasets of our harvest as they are."""
    action = inspect.unwrap(action)
    while isinstance(action, partial) and getattr(
        action.func, "ecosphere_for_earlier_programs", False
    ):
        action = inspect.unwrap(action.args[0])
    return action


class BulkError(Exception):
    """The batch cannot be created this way; nothing is kept, and saving record by record reports the cause."""


class Bulk:
    """Creates datasets in the name of one user."""

    def __init__(self, user: str):
        account = model.User.get(user)
        self._user = user
        self._user_id = account.id if account else None
        self._form = lib_plugins.lookup_package_plugin("dataset")
        self._validation = Validation()
        # The caller has already checked name and organisation, so the queries of these two are not needed.
        names = ("package_name_validator", "owner_org_validator")
        self._without = [tk.get_validator(name) for name in names]
        self._views = bool(datapreview.get_default_view_plugins())

    @staticmethod
    def possible() -> bool:
        """Tell whether no other code replaces or observes `package_create`, or observes model changes."""
        return (
            _innermost(tk.get_action(_ACTION)) is core_create.package_create
            and not list(p.PluginImplementations(p.IDomainObjectModification))
            and not list(tk.signals.action_succeeded.receivers_for(_ACTION))
        )

    def valid(self, dataset: Dataset) -> Dataset | None:
        """Validate a dataset as `package_create` does, assuming that its name is free and its organisation exists.

        Returns:
            the dataset with converted values, or None when it is not valid, or has parts that are not supported here.
        """
        if _is_unforeseen(dataset):
            return None
        data, errors = self._validation.validate(
            self._form,
            self._context(),
            dataset,
            self._form.create_package_schema(),
            _ACTION,
            self._without,
        )
        return None if errors or _is_unforeseen(data) else data

    def create(self, datasets: list[Dataset]) -> list[str]:
        """Create datasets; must run in a transaction whose session can be rolled back to a savepoint.

        Args:
            datasets: as returned by `valid`.

        Returns:
            their ids, in order.

        Raises:
            BulkError: something went wrong; the caller rolls back.
        """
        try:
            return self._create(datasets)
        except DBAPIError as error:
            if error.connection_invalidated:
                raise  # the database is away: the batch will be repeated
            raise BulkError(str(error)) from error
        except Exception as error:  # a hook of any plugin
            raise BulkError(str(error)) from error

    def _create(self, datasets: list[Dataset]) -> list[str]:
        moment = datetime.now(timezone.utc).replace(tzinfo=None)
        packages: list[Row] = []
        resources: list[Row] = []
        names: set[TagKey] = set()
        for data in datasets:
            data["creator_user_id"] = self._user_id
            package = _package_row(data, moment)
            packages.append(package)
            data["id"] = package["id"]
            resources += _resource_rows(data, moment)
            names.update(_tag_keys(data))
        ids_of_tags = tag_ids(names)
        tags: list[Row] = []
        members: list[Row] = []
        for data in datasets:
            tags += _tag_rows(data, ids_of_tags)
            if data.get("owner_org"):
                members.append(_member_row(data))
        _insert(model.package_table, packages)
        _insert(model.resource_table, resources)
        _insert(model.package_tag_table, tags)
        _insert(model.member_table, members)
        self._call_hooks(datasets)
        return [data["id"] for data in datasets]

    def _call_hooks(self, datasets: list[Dataset]) -> None:
        """Call the plugin hooks for the new datasets, as `package_create` does before it commits."""
        ids = [data["id"] for data in datasets]
        query = sa.select(model.Package).where(model.Package.id.in_(ids))
        packages = {package.id: package for package in model.Session.scalars(query)}
        with model.Session.no_autoflush:
            for data in datasets:
                package = packages[data["id"]]
                context: Any = {**self._context(), "package": package}
                for plugin in p.PluginImplementations(p.IPackageController):
                    plugin.create(package)
                    plugin.after_dataset_create(context, data)
                if self._views and data.get("resources"):
                    add_views = tk.get_action("package_create_default_resource_views")
                    add_views(context, {"package": data})
        model.Session.flush()

    def _context(self) -> Any:
        return {
            "model": model,
            "session": model.Session,
            "user": self._user,
            "ignore_auth": True,
            "defer_commit": True,
            "return_id_only": True,
        }


def tag_ids(tags: set[TagKey]) -> dict[TagKey, str]:
    """Return ids of tags, creating missing ones.

    Missing tags are created in a separate transaction, one worker at a time: two workers with the same new keyword
    would otherwise both create it, since neither sees the other's until its batch is committed.
    """
    present = _present_tags(model.Session, tags)
    missing = tags - present.keys()
    if not missing:
        return present
    assert model.meta.engine is not None  # noqa: S101 - set when CKAN starts
    with model.meta.engine.begin() as connection:
        lock = "SELECT pg_advisory_xact_lock(hashtext('ecosphere'), hashtext('tags'))"
        connection.execute(sa.text(lock))
        missing -= _present_tags(connection, missing).keys()
        rows = [
            {"id": str(uuid4()), "name": name, "vocabulary_id": vocabulary}
            for name, vocabulary in missing
        ]
        if rows:
            connection.execute(sa.insert(model.tag_table), rows)
    return _present_tags(model.Session, tags)


def _present_tags(connection: Any, tags: set[TagKey]) -> dict[TagKey, str]:
    if not tags:
        return {}
    tag = model.tag_table
    names = {name for name, _vocabulary in tags}
    query = sa.select(tag.c["name"], tag.c["vocabulary_id"], tag.c["id"])
    rows = connection.execute(query.where(tag.c["name"].in_(names)).order_by(tag.c["id"]))
    return {(name, vocabulary): id_ for name, vocabulary, id_ in rows if (name, vocabulary) in tags}


# --- rows, filled by CKAN's model classes ---


def _is_unforeseen(dataset: Dataset) -> bool:
    return any(dataset.get(name) for name in _UNFORESEEN)


def _package_row(data: Dataset, moment: datetime) -> Row:
    values = dict(data)
    values.pop("metadata_created", None)
    values.pop("plugin_data", None)
    values["extras"] = {extra["key"]: extra["value"] for extra in data.get("extras") or []}
    package = model.Package()
    package.from_dict(values)
    package.id = package.id or str(uuid4())
    if not data.get("metadata_modified"):
        package.metadata_modified = moment
    return _row(model.package_table, package)


def _resource_rows(data: Dataset, moment: datetime) -> list[Row]:
    rows = []
    for position, values in enumerate(data.get("resources") or []):
        for name in _IGNORED_IN_RESOURCES:
            values.pop(name, None)
        values["package_id"] = values.get("package_id") or data["id"]
        resource = model.Resource()
        _changed, extras = resource.from_dict(values)
        resource.extras = extras
        resource.metadata_modified = moment
        resource.state = "active"
        resource.position = position
        rows.append(_row(model.resource_table, resource))
        values["id"] = resource.id
    return rows


def _tag_keys(data: Dataset) -> list[TagKey]:
    return [(tag["name"], tag.get("vocabulary_id")) for tag in data.get("tags") or []]


def _tag_rows(data: Dataset, ids_of_tags: dict[TagKey, str]) -> list[Row]:
    return [
        {
            "id": str(uuid4()),
            "package_id": data["id"],
            "tag_id": ids_of_tags[key],
            "state": "active",
        }
        for key in dict.fromkeys(_tag_keys(data))
    ]


def _member_row(data: Dataset) -> Row:
    return {
        "id": str(uuid4()),
        "table_name": "package",
        "table_id": data["id"],
        "capacity": "organization",
        "group_id": data["owner_org"],
        "state": "active",
    }


def _row(table: sa.Table, entity: Any) -> Row:
    """Return the column values of an object for a multi-row insert, including column defaults."""
    row = {}
    for column in table.c:
        value = getattr(entity, column.name)
        if value is None and column.default is not None:
            default: Any = column.default
            value = default.arg(None) if default.is_callable else default.arg
        row[column.name] = value
    return row


def _insert(table: sa.Table, rows: list[Row]) -> None:
    if rows:
        model.Session.execute(sa.insert(table), rows)
