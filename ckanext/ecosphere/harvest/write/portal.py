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
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.write.local_changes import IS_ADDED, active_resources
from ckanext.ecosphere.harvest.write.local_edits import Edits
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
    "author",
    "author_email",
    "extras",
    "groups",
    "id",
    "license_id",
    "maintainer",
    "maintainer_email",
    "name",
    "notes",
    "owner_org",
    "private",
    "resources",
    "state",
    "tag_string",
    "tags",
    "title",
    "type",
    "url",
    "version",
}


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
    return slug if len(slug) >= _MIN_SLUG and slug not in _RESERVED else f"donnees-{slug}".rstrip("-")


def distinct(slug: str, source_id: str, guid: str) -> str:
    """Return a unique name: the slug with a short hash of the record's identity."""
    return f"{slug}-{hashlib.sha256(f'{source_id}|{guid}'.encode()).hexdigest()[:10]}"


class Names:
    """Assigns names to the new datasets of one transaction.

    A name without a hash is assigned only if no dataset has it, including deleted ones (which may come back), and no
    other worker is about to assign it, which a transaction-level lock ensures.
    """

    def __init__(self) -> None:
        self._given: set[str] = set()
        self._free: set[str] = set()

    def prepare(self, titles: list[str]) -> None:
        """Look up the names wanted for these titles, all at once."""
        wanted = sorted({slug_of(title) for title in titles})
        if not wanted:
            return
        locked = model.Session.execute(
            sa.text(
                "SELECT slug FROM unnest(CAST(:slugs AS text[])) AS slug"
                " WHERE pg_try_advisory_xact_lock(hashtext('ecosphere'), hashtext(slug))"
            ),
            {"slugs": wanted},
        ).scalars()
        taken = model.Session.execute(sa.select(model.Package.name).where(model.Package.name.in_(wanted))).scalars()
        self._free = set(locked) - set(taken)

    def give(self, title: str, source_id: str, guid: str) -> str:
        """Assign a name to a new dataset."""
        slug = slug_of(title)
        if slug in self._free and slug not in self._given:
            self._given.add(slug)
            return slug
        return distinct(slug, source_id, guid)

    def free(self, name: str) -> None:
        """Release a name whose dataset was refused after all."""
        self._given.discard(name)


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
    is_removed = sa.and_(
        model.Resource.state == model.State.DELETED, model.Resource.url_type.is_distinct_from("upload")
    )
    return _resources(sa.select(*_PRESENT, sa.false()).where(is_removed), package_ids)


_PRESENT: tuple[Any, ...] = (
    model.Resource.package_id,
    model.Resource.id,
    model.Resource.url,
    model.resource_table.c.extras,
    model.Resource.name,
)


def _resources(query: sa.Select[Any], package_ids: list[str]) -> dict[str, list[Present]]:
    found: dict[str, list[Present]] = defaultdict(list)
    if not package_ids:
        return found
    rows = model.Session.execute(
        query.where(model.Resource.package_id.in_(package_ids)).order_by(model.Resource.position)
    )
    for package_id, id_, url, extras, name, is_added in rows:
        protocol = (extras or {}).get("protocol") or ""
        found[package_id].append(Present(id_, url or "", protocol, name or "", is_added))
    return found


def as_harvested(present: list[Present], edits: Edits) -> list[Present]:
    """Return existing resources with the URL and name of the source where they were changed on the portal."""
    harvested = []
    for resource in present:
        noted = edits.get(resource.id, {})
        said = {name: noted[name]["source"] or "" for name in ("url", "protocol", "name") if name in noted}
        harvested.append(replace(resource, **said))
    return harvested


def keep_ids(resources: list[dict[str, Any]], present: list[Present]) -> None:
    """Give each new resource the id of the existing one that it continues, if there is one.

    Args:
        resources: resources of the new version; those that continue one receive its `id`.
        present: resources of the current version.
    """
    left = list(present)
    for key in _LIKENESSES:
        places: dict[Any, list[Present]] = defaultdict(list)
        for each in left:
            likeness = key(each.url, each.protocol, each.name)
            if likeness is not None:
                places[likeness].append(each)
        for resource in resources:
            if "id" in resource:
                continue
            likeness = key(resource.get("url") or "", resource.get("protocol") or "", resource.get("name") or "")
            same = places.get(likeness) if likeness is not None else None
            if same:
                match = same.pop(0)
                resource["id"] = match.id
                left.remove(match)


# --- the fields of the schema ---


class Fitter:
    """Fits datasets to the schema of their type.

    Args:
        dataset_fields: names of the dataset fields besides CKAN's own.
        resource_fields: names of the resource fields, which keep their values; other values are stored as text.
    """

    def __init__(self, dataset_fields: set[str], resource_fields: set[str]):
        self._dataset_fields = dataset_fields | _CORE_FIELDS
        self._resource_fields = resource_fields

    @classmethod
    def of_portal(cls, dataset_type: str = "dataset") -> Fitter:
        """Create it from the ckanext-scheming schema of the type, if there is one."""
        try:
            show = tk.get_action("scheming_dataset_schema_show")
            schema = show({"ignore_auth": True}, {"type": dataset_type, "expanded": True})
        except (KeyError, tk.ObjectNotFound):
            return cls(set(), set())
        return cls(
            {each["field_name"] for each in schema["dataset_fields"]},
            {each["field_name"] for each in schema.get("resource_fields", [])},
        )

    def fit(self, dataset: dict[str, Any]) -> dict[str, Any]:
        """Return a copy of a dataset, with fields that the schema lacks moved to the extras."""
        fitted = {name: value for name, value in dataset.items() if name in self._dataset_fields}
        others = [
            {"key": name, "value": _text(value)} for name, value in dataset.items() if name not in self._dataset_fields
        ]
        if others:
            fitted["extras"] = [*fitted.get("extras", []), *others]
        if "resources" in fitted:
            fitted["resources"] = [
                {
                    name: value if name in self._resource_fields else _text(value)
                    for name, value in resource.items()
                    # CKAN itself expects objects in fields with this suffix.
                    if name in self._resource_fields or not name.endswith(SUFFIX)
                }
                for resource in fitted["resources"]
            ]
        return fitted


def free_tags() -> bool:
    """Tell whether the portal accepts "cours d'eau" as a tag: CKAN's own validator refuses apostrophes and slashes."""
    validator: Any = tk.get_validator("tag_name_validator")
    try:
        validator("l'eau/l'air", {})
    except tk.Invalid:
        return False
    return True


def _text(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
