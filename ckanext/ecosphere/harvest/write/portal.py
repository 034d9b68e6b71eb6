"""What a harvested dataset becomes on this portal, in the order in which `importer` asks.

1. `Names`: its name (the last part of the URL), readable, unique, and never taken from another
   dataset.
2. `keep_ids`: the ids of its resources, which stay when a record changes. They are matched by
   address and protocol, then by address alone.
3. `SchemaFields`: its fields. With `ecosphere_schemas` every field has its place; without it, or
   with a custom schema, fields that the schema lacks go to the extras as text, instead of being
   lost or refused.
4. `Bulk`: its rows, if it is new, together with those of many others.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
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
from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.model import now
from ckanext.ecosphere.harvest.write.local_edits import Edits
from ckanext.ecosphere.vocabularies import normalise
from ckanext.ecosphere.vocabularies.languages import SUFFIX

Dataset = dict[str, Any]
Row = dict[str, Any]

MAX_SLUG = 80
_MIN_SLUG = 2
_RESERVED = {"new", "edit", "search"}
_MATCHING_KEYS: tuple[Callable[[str, str, str], Any], ...] = (
    lambda url, protocol, name: (url, protocol, name),
    lambda url, protocol, name: (url, protocol),
    lambda url, protocol, name: url,
    # A link whose query has changed: same address without it, protocol and name.
    lambda url, protocol, name: (url.partition("?")[0], protocol, name),
)
"""Keys by which resources of two versions are matched, the strictest first."""
_CORE_FIELDS = {
    "author", "author_email", "extras", "groups", "id", "license_id", "maintainer",
    "maintainer_email", "name", "notes", "owner_org", "private", "resources", "state", "tag_string",
    "tags", "title", "type", "url", "version",
}  # fmt: skip


# --- the name ---


def slug_of(title: str) -> str:
    """Return a title as a name: lower case, no accents, words joined by dashes,
    cut between words.
    """
    words = normalise(title).split()
    slug = ""
    for word in words:
        longer = f"{slug}-{word}" if slug else word
        if len(longer) > MAX_SLUG:
            break
        slug = longer
    slug = slug or "-".join(words)[:MAX_SLUG]
    if len(slug) < _MIN_SLUG or slug in _RESERVED:
        return f"donnees-{slug}".rstrip("-")
    return slug


def slug_with_hash(slug: str, source_id: str, guid: str) -> str:
    """Return a unique name: the slug with a short hash of the record's identity."""
    digest = hashlib.sha256(f"{source_id}|{guid}".encode()).hexdigest()
    return f"{slug}-{digest[:10]}"


class Names:
    """Assigns names to the new datasets of one transaction.

    A name without a hash is assigned only if no dataset has it, including deleted ones (which may
    come back), and no other worker is about to assign it, which a transaction-level lock ensures.

    Args:
        titles: titles of the datasets, whose names are looked up all at once.
    """

    def __init__(self, titles: Iterable[str]) -> None:
        self._assigned: set[str] = set()
        slugs = sorted({slug_of(title) for title in titles})
        if not slugs:
            self._free: set[str] = set()
            return
        locked = model.Session.execute(
            sa.text(
                "SELECT slug FROM unnest(CAST(:slugs AS text[])) AS slug"
                " WHERE pg_try_advisory_xact_lock(hashtext('ecosphere'), hashtext(slug))"
            ),
            {"slugs": slugs},
        )
        query = sa.select(model.Package.name).where(model.Package.name.in_(slugs))
        self._free = set(locked.scalars()) - set(model.Session.scalars(query))

    def assign(self, title: str, source_id: str, guid: str) -> str:
        """Assign a name to a new dataset."""
        slug = slug_of(title)
        if slug in self._free and slug not in self._assigned:
            self._assigned.add(slug)
            return slug
        return slug_with_hash(slug, source_id, guid)

    def release(self, name: str) -> None:
        """Release a name whose dataset was refused after all."""
        self._assigned.discard(name)


# --- the ids of its resources ---


@dataclass(frozen=True, slots=True)
class StoredResource:
    """A resource of a dataset, as it is in the database.

    Attributes:
        local: whether it was added on the portal, and not by the source.
    """

    id: str
    url: str
    protocol: str
    name: str
    local: bool


_RESOURCES = sa.text("""
    SELECT resource.package_id, resource.id, coalesce(resource.url, ''),
        coalesce(CAST(nullif(resource.extras, '') AS json) ->> 'protocol', ''),
        coalesce(resource.name, ''),
        coalesce(resource.url_type = 'upload', false)
            OR coalesce(NOT resource.id = ANY(harvested.resource_ids), false)
    FROM resource
    LEFT JOIN ecosphere_harvest_dataset AS harvested ON harvested.package_id = resource.package_id
    WHERE resource.package_id = ANY(:ids) AND resource.state = :state
        AND (resource.state = 'active' OR resource.url_type IS DISTINCT FROM 'upload')
    ORDER BY resource.position
    """)
"""Resources of datasets, and whether they were added on the portal."""


def stored_resources(package_ids: list[str], state: str) -> dict[str, list[StoredResource]]:
    """Return the resources of some datasets by id of the dataset, in order.

    Args:
        package_ids: ids of the datasets.
        state: "active"; or "deleted" for those that were removed last, which CKAN keeps until
            others are removed. One that comes back, since its record does so or a harvest is
            undone, gets its id again.
    """
    resources: dict[str, list[StoredResource]] = defaultdict(list)
    values = {"ids": package_ids, "state": state}
    for package_id, *resource in model.Session.execute(_RESOURCES, values):
        resources[package_id].append(StoredResource(*resource))
    return resources


def as_harvested(stored: list[StoredResource], edits: Edits) -> list[StoredResource]:
    """Return resources with the URL, protocol and name of the source where
    they were changed on the portal.
    """
    harvested = []
    for resource in stored:
        changes = edits.get(resource.id, {})
        of_source = {}
        for name in ("url", "protocol", "name"):
            if name in changes:
                of_source[name] = changes[name]["source"] or ""
        harvested.append(replace(resource, **of_source))
    return harvested


def keep_ids(resources: list[Row], stored: list[StoredResource]) -> None:
    """Give each new resource the id of the stored one that it continues, if there is one.

    Args:
        resources: resources of the new version; those that continue one receive its `id`.
        stored: resources of the current version.
    """
    remaining = list(stored)
    for key in _MATCHING_KEYS:
        alike: dict[Any, list[StoredResource]] = defaultdict(list)
        for resource in remaining:
            alike[key(resource.url, resource.protocol, resource.name)].append(resource)
        for new in resources:
            if "id" in new:
                continue
            values = (new.get(name) or "" for name in ("url", "protocol", "name"))
            candidates = alike.get(key(*values))
            if candidates:
                match = candidates.pop(0)
                new["id"] = match.id
                remaining.remove(match)


# --- the fields of the schema ---


@dataclass(frozen=True)
class SchemaFields:
    """Names of the fields that a schema has besides CKAN's own.

    Values of other fields are stored as text.
    """

    dataset: frozenset[str] = frozenset()
    resource: frozenset[str] = frozenset()

    @classmethod
    def of_portal(cls) -> SchemaFields:
        """Return those of the ckanext-scheming schema of datasets, if there is one."""
        try:
            show = tk.get_action("scheming_dataset_schema_show")
            schema = show({"ignore_auth": True}, {"type": "dataset", "expanded": True})
        except (KeyError, tk.ObjectNotFound):
            return cls()
        return cls(
            frozenset(field["field_name"] for field in schema["dataset_fields"]),
            frozenset(field["field_name"] for field in schema.get("resource_fields", ())),
        )

    def fit(self, dataset: Dataset) -> Dataset:
        """Return a copy of a dataset, with fields that the schema lacks moved to the extras."""
        fitted: Dataset = {}
        extras = list(dataset.get("extras", ()))
        for name, value in dataset.items():
            if name in self.dataset or name in _CORE_FIELDS:
                fitted[name] = value
            else:
                extras.append({"key": name, "value": _as_text(value)})
        if extras:
            fitted["extras"] = extras
        if "resources" in fitted:
            fitted["resources"] = [self._fit_resource(resource) for resource in fitted["resources"]]
        return fitted

    def _fit_resource(self, resource: Row) -> Row:
        fitted = {}
        for name, value in resource.items():
            if name in self.resource:
                fitted[name] = value
            # CKAN itself expects objects in fields with this suffix.
            elif not name.endswith(SUFFIX):
                fitted[name] = _as_text(value)
        return fitted


def accepts_free_tags() -> bool:
    """Tell whether the portal accepts "cours d'eau" as a tag:
    CKAN's own validator refuses apostrophes and slashes.
    """
    validator: Any = tk.get_validator("tag_name_validator")
    try:
        validator("l'eau/l'air", {})
    except tk.Invalid:
        return False
    return True


def _as_text(value: Any) -> Any:
    """Return a list or an object as JSON text; another value as it is."""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return value


# --- many new datasets at once ---
#
# Write the rows that `package_create` would, with a few statements for all datasets.
#
# Each dataset is validated with its schema, its rows are filled by CKAN's own model classes, and
# the plugins are notified as by `package_create`, in the same transaction. This saves the work that
# CKAN repeats for each dataset: looking for rows that cannot exist yet, flushing object by object,
# querying organisation and tags.
#
# The ordinary way is used when another extension hooks into `package_create`, and for a batch in
# which anything goes wrong: see `Bulk.possible` and `BulkError`. A test compares the rows of both
# ways.

TagKey = tuple[str, str | None]
"""Name of a tag, and id of its vocabulary."""
_ACTION = "package_create"
_UNSUPPORTED_FIELDS = (
    "groups",
    "relationships_as_subject",
    "relationships_as_object",
    "plugin_data",
    "tag_string",
)
_IGNORED_IN_RESOURCES = ("extras", "revision_timestamp", "tracking_summary")


def _below_our_chain(action: Any) -> Any:
    """Return the action below our own chained ones (`schemas/logic/earlier_programs.py`), if there
    are any.

    Those change what older programs send, and leave the datasets of the harvest as they are.
    """
    action = inspect.unwrap(action)
    while isinstance(action, partial) and getattr(
        action.func, "ecosphere_for_earlier_programs", False
    ):
        action = inspect.unwrap(action.args[0])
    return action


@contextmanager
def without_activity() -> Iterator[None]:
    """Run a block without creating activities for saved datasets, unless the portal is configured
    to.

    Each activity would store a full copy of the dataset.
    """
    if config.writes_activity() or not p.plugin_loaded("activity"):
        yield
        return
    from ckanext.activity import subscriptions

    receivers = {
        "package_create": subscriptions.package_changed,
        "package_update": subscriptions.package_updated,
    }
    for action, receiver in receivers.items():
        tk.signals.action_succeeded.disconnect(receiver, sender=action)
    try:
        yield
    finally:
        for action, receiver in receivers.items():
            tk.signals.action_succeeded.connect(receiver, sender=action)


class BulkError(Exception):
    """The batch cannot be created this way.

    Nothing is kept, and saving record by record reports the cause.
    """


class Bulk:
    """Creates datasets in the name of one user."""

    def __init__(self, user: str):
        account = model.User.get(user)
        self._user = user
        self._user_id = None
        if account:
            self._user_id = account.id
        self._form = lib_plugins.lookup_package_plugin("dataset")
        self._validation = Validation()
        # The caller has already checked name and organisation, so the queries of these two are not
        # needed.
        names = ("package_name_validator", "owner_org_validator")
        self._skipped_validators = [tk.get_validator(name) for name in names]
        self._views = bool(datapreview.get_default_view_plugins())

    @staticmethod
    def possible() -> bool:
        """Tell whether no other code replaces or observes `package_create`,
        or observes model changes.
        """
        return (
            _below_our_chain(tk.get_action(_ACTION)) is core_create.package_create
            and not list(p.PluginImplementations(p.IDomainObjectModification))
            and not list(tk.signals.action_succeeded.receivers_for(_ACTION))
        )

    def valid(self, dataset: Dataset) -> Dataset | None:
        """Validate a dataset as `package_create` does, assuming that its name is free and its
        organisation exists.

        Returns:
            the dataset with converted values, or None when it is not valid, or has parts that are
            not supported here.
        """
        if _has_unsupported(dataset):
            return None
        data, errors = self._validation.validate(
            self._form,
            self._context(),
            dataset,
            self._form.create_package_schema(),
            _ACTION,
            self._skipped_validators,
        )
        if errors or _has_unsupported(data):
            return None
        return data

    def create(self, datasets: list[Dataset]) -> list[str]:
        """Create datasets; must run in a transaction whose session can be rolled back to a
        savepoint.

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
        moment = now()
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
        """Call the plugin hooks for the new datasets, as
        `package_create` does before it commits.
        """
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

    Missing tags are created in a separate transaction, one worker at a time: two workers with the
    same new keyword would otherwise both create it, since neither sees the other's until its batch
    is committed.
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


def _has_unsupported(dataset: Dataset) -> bool:
    return any(dataset.get(name) for name in _UNSUPPORTED_FIELDS)


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
