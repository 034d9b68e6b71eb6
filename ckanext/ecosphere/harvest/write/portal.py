"""Fit a new dataset to the portal: its name, the ids of its resources, the fields of the schema.

A name (the last part of the URL) is readable, unique, and never taken from another dataset. Resources keep their ids
when a record changes: they are matched by address and protocol, then by address alone. With `ecosphere_schemas` every
field has its place; without it, or with a custom schema, fields that the schema lacks go to the extras as text, instead
of being lost or refused.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.write.local_edits import IS_ADDED, Edits, active_resources
from ckanext.ecosphere.vocabularies import normalise
from ckanext.ecosphere.vocabularies.languages import SUFFIX

MAX_SLUG = 80
_MIN_SLUG = 2
_RESERVED = {"new", "edit", "search"}
_LIKENESSES: tuple[Callable[[str, str, str], Any], ...] = (
    lambda url, protocol, name: (url, protocol, name),
    lambda url, protocol, name: (url, protocol),
    lambda url, protocol, name: url,
    # A link whose query has changed: same address without it, protocol and name.
    lambda url, protocol, name: (url.partition("?")[0], protocol, name),
)
"""Keys for matching resources, the strictest first."""
_CORE_FIELDS = {
    "author", "author_email", "extras", "groups", "id", "license_id", "maintainer", "maintainer_email", "name",
    "notes", "owner_org", "private", "resources", "state", "tag_string", "tags", "title", "type", "url", "version",
}  # fmt: skip


# --- the name ---


def slug_of(title: str) -> str:
    """Return a title as a name: lower case, no accents, words joined by dashes, cut between words."""
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


def distinct(slug: str, source_id: str, guid: str) -> str:
    """Return a unique name: the slug with a short hash of the record's identity."""
    digest = hashlib.sha256(f"{source_id}|{guid}".encode()).hexdigest()
    return f"{slug}-{digest[:10]}"


class Names:
    """Assigns names to the new datasets of one transaction.

    A name without a hash is assigned only if no dataset has it, including deleted ones (which may come back), and no
    other worker is about to assign it, which a transaction-level lock ensures.

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

    def give(self, title: str, source_id: str, guid: str) -> str:
        """Assign a name to a new dataset."""
        slug = slug_of(title)
        if slug in self._free and slug not in self._assigned:
            self._assigned.add(slug)
            return slug
        return distinct(slug, source_id, guid)

    def free(self, name: str) -> None:
        """Release a name whose dataset was refused after all."""
        self._assigned.discard(name)


# --- the ids of its resources ---


@dataclass(frozen=True, slots=True)
class Present:
    """An existing resource of a dataset.

    Attributes:
        local: whether it was added on the portal, and not by the source.
    """

    id: str
    url: str
    protocol: str
    name: str
    local: bool = False


def present_resources(package_ids: list[str]) -> dict[str, list[Present]]:
    """Return the resources of some datasets, in order."""
    return _resources(active_resources(*_PRESENT, IS_ADDED), package_ids)


def removed_resources(package_ids: list[str]) -> dict[str, list[Present]]:
    """Return the resources that were removed from some datasets last: CKAN keeps them until others are removed.

    One that comes back, since its record does so or a harvest is undone, gets its id again.
    """
    query = sa.select(*_PRESENT, sa.false()).where(
        model.Resource.state == model.State.DELETED,
        model.Resource.url_type.is_distinct_from("upload"),
    )
    return _resources(query, package_ids)


_PRESENT: tuple[Any, ...] = (
    model.Resource.package_id,
    model.Resource.id,
    model.Resource.url,
    model.resource_table.c.extras,
    model.Resource.name,
)


def _resources(query: sa.Select[Any], package_ids: list[str]) -> dict[str, list[Present]]:
    resources: dict[str, list[Present]] = defaultdict(list)
    if not package_ids:
        return resources
    query = query.where(model.Resource.package_id.in_(package_ids))
    rows = model.Session.execute(query.order_by(model.Resource.position))
    for package_id, id_, url, extras, name, is_added in rows:
        protocol = (extras or {}).get("protocol") or ""
        resources[package_id].append(Present(id_, url or "", protocol, name or "", is_added))
    return resources


def as_harvested(present: list[Present], edits: Edits) -> list[Present]:
    """Return existing resources with the URL and name of the source where they were changed on the portal."""
    harvested = []
    for resource in present:
        notes = edits.get(resource.id, {})
        of_source = {
            name: notes[name]["source"] or ""
            for name in ("url", "protocol", "name")
            if name in notes
        }
        harvested.append(replace(resource, **of_source))
    return harvested


def keep_ids(resources: list[dict[str, Any]], present: list[Present]) -> None:
    """Give each new resource the id of the existing one that it continues, if there is one.

    Args:
        resources: resources of the new version; those that continue one receive its `id`.
        present: resources of the current version.
    """
    remaining = list(present)
    for key in _LIKENESSES:
        alike: dict[Any, list[Present]] = defaultdict(list)
        for existing in remaining:
            alike[key(existing.url, existing.protocol, existing.name)].append(existing)
        for resource in resources:
            if "id" in resource:
                continue
            values = (resource.get(name) or "" for name in ("url", "protocol", "name"))
            candidates = alike.get(key(*values))
            if candidates:
                match = candidates.pop(0)
                resource["id"] = match.id
                remaining.remove(match)


# --- the fields of the schema ---


@dataclass(frozen=True)
class SchemaFields:
    """Names of the fields that a schema has besides CKAN's own. Values of other fields are stored as text."""

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

    def fit(self, dataset: dict[str, Any]) -> dict[str, Any]:
        """Return a copy of a dataset, with fields that the schema lacks moved to the extras."""
        fitted: dict[str, Any] = {}
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

    def _fit_resource(self, resource: dict[str, Any]) -> dict[str, Any]:
        fitted = {}
        for name, value in resource.items():
            if name in self.resource:
                fitted[name] = value
            elif not name.endswith(
                SUFFIX
            ):  # CKAN itself expects objects in fields with this suffix
                fitted[name] = _as_text(value)
        return fitted


def free_tags() -> bool:
    """Tell whether the portal accepts "cours d'eau" as a tag: CKAN's own validator refuses apostrophes and slashes."""
    validator: Any = tk.get_validator("tag_name_validator")
    try:
        validator("l'eau/l'air", {})
    except tk.Invalid:
        return False
    return True


def _as_text(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
