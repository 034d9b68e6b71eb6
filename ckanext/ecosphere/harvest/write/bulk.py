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
from collections.abc import Iterable
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
_ACTION = "package_create"
_UNFORESEEN = ("groups", "relationships_as_subject", "relationships_as_object", "plugin_data", "tag_string")
_IGNORED_IN_RESOURCES = ("extras", "revision_timestamp", "tracking_summary")


def _innermost(action: Any) -> Any:
    """Return the action below those chained actions that leave the datasets of our harvest as they are."""
    action = inspect.unwrap(action)
    while isinstance(action, partial) and getattr(action.func, "ecosphere_for_earlier_programs", False):
        action = inspect.unwrap(action.args[0])
    return action


class BulkError(Exception):
    """The batch cannot be created this way; nothing is kept, and saving record by record reports the cause."""


class Bulk:
    """Creates datasets of one type in the name of one user.

    Args:
        user: name of the user.
        package_type: type of the datasets.
    """

    def __init__(self, user: str, package_type: str = "dataset"):
        found = model.User.get(user)
        self._user, self._user_id = user, found.id if found else None
        self._type = package_type
        self._form = lib_plugins.lookup_package_plugin(package_type)
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
        if any(dataset.get(name) for name in _UNFORESEEN):
            return None
        schema = self._form.create_package_schema()
        context = self._context()
        data, errors = self._validation.validate(self._form, context, dataset, schema, _ACTION, self._without)
        return None if errors or any(data.get(name) for name in _UNFORESEEN) else data

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
        packages, resources = [], []
        for data in datasets:
            data["creator_user_id"] = self._user_id
            packages.append(_package_row(data, moment))
            data["id"] = packages[-1]["id"]
            resources += _resource_rows(data, moment)
        tags = tag_ids({(tag["name"], tag.get("vocabulary_id")) for data in datasets for tag in data.get("tags") or []})
        _insert(model.package_table, packages)
        _insert(model.resource_table, resources)
        _insert(model.package_tag_table, [row for data in datasets for row in _tag_rows(data, tags)])
        _insert(model.member_table, [_member_row(data) for data in datasets if data.get("owner_org")])
        self._tell(datasets)
        return [data["id"] for data in datasets]

    def _tell(self, datasets: list[Dataset]) -> None:
        """Call the plugin hooks for the new datasets, as `package_create` does before it commits."""
        query = sa.select(model.Package).where(model.Package.id.in_([data["id"] for data in datasets]))
        packages = {package.id: package for package in model.Session.scalars(query)}
        with model.Session.no_autoflush:
            for data in datasets:
                context: Any = {**self._context(), "package": packages[data["id"]]}
                for plugin in p.PluginImplementations(p.IPackageController):
                    plugin.create(packages[data["id"]])
                    plugin.after_dataset_create(context, data)
                if self._views and data.get("resources"):
                    tk.get_action("package_create_default_resource_views")(context, {"package": data})
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


def tag_ids(wanted: Iterable[tuple[str, str | None]]) -> dict[tuple[str, str | None], str]:
    """Return ids of tags, creating missing ones.

    Missing tags are created in a separate transaction, one worker at a time: two workers with the same new keyword
    would otherwise both create it, since neither sees the other's until its batch is committed.
    """
    wanted = set(wanted)
    found = _present_tags(model.Session, wanted)
    if missing := wanted - found.keys():
        assert model.meta.engine is not None  # noqa: S101 - set when CKAN starts
        with model.meta.engine.begin() as connection:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext('ecosphere'), hashtext('tags'))"))
            missing -= _present_tags(connection, missing).keys()
            rows = [{"id": str(uuid4()), "name": name, "vocabulary_id": vocabulary} for name, vocabulary in missing]
            if rows:
                connection.execute(sa.insert(model.tag_table), rows)
        found = _present_tags(model.Session, wanted)
    return found


def _present_tags(connection: Any, wanted: set[tuple[str, str | None]]) -> dict[tuple[str, str | None], str]:
    if not wanted:
        return {}
    tag = model.tag_table
    query = sa.select(tag.c["name"], tag.c["vocabulary_id"], tag.c["id"]).where(
        tag.c["name"].in_({name for name, _vocabulary in wanted})
    )
    found = {(name, vocabulary): id_ for name, vocabulary, id_ in connection.execute(query.order_by(tag.c["id"]))}
    return {key: id_ for key, id_ in found.items() if key in wanted}


# --- rows, filled by CKAN's model classes ---


def _package_row(data: Dataset, moment: datetime) -> Row:
    values = {name: value for name, value in data.items() if name not in ("metadata_created", "plugin_data")}
    values["extras"] = {extra["key"]: extra["value"] for extra in data.get("extras") or []}
    package = model.Package()
    package.from_dict(values)
    package.id = package.id or str(uuid4())
    if not data.get("metadata_modified"):
        package.metadata_modified = moment
    return _row(model.package_table, package)


def _resource_rows(data: Dataset, moment: datetime) -> list[Row]:
    rows = []
    for position, each in enumerate(data.get("resources") or []):
        for name in _IGNORED_IN_RESOURCES:
            each.pop(name, None)
        each["package_id"] = each.get("package_id") or data["id"]
        resource = model.Resource()
        _changed, others = resource.from_dict(each)
        resource.metadata_modified, resource.state = moment, "active"
        resource.position, resource.extras = position, others
        rows.append(_row(model.resource_table, resource))
        each["id"] = resource.id
    return rows


def _tag_rows(data: Dataset, tags: dict[tuple[str, str | None], str]) -> list[Row]:
    ids = dict.fromkeys(tags[tag["name"], tag.get("vocabulary_id")] for tag in data.get("tags") or [])
    return [{"id": str(uuid4()), "package_id": data["id"], "tag_id": id_, "state": "active"} for id_ in ids]


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
