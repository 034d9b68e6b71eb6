"""Stored datasets: as they were before a save, found by reference, and what series lend them."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.types import DataDict

from ckanext.ecosphere.dataset.view import Row, View
from ckanext.ecosphere.shared import once

#: Columns of a package that are fields of a dataset; all other fields are extras.
COLUMNS = ("title", "name", "notes", "owner_org", "license_id", "url", "version")


class Stored(View):
    """A stored dataset, read field by field; empty for a new one.

    Args:
        package: the `model.Package`, or None.

    Attributes:
        package: the same.
        exists: whether there is one.
        private: whether it is private; false for a new dataset.
    """

    def __init__(self, package: Any) -> None:
        data: DataDict = {}
        private = False
        if package is not None:
            data = {name: getattr(package, name) for name in COLUMNS}
            data["extras"] = package.extras
            private = bool(package.private)
        super().__init__(data)
        self.package: Any = package
        self.exists = package is not None
        self.private = private

    @functools.cached_property
    def keywords(self) -> tuple[str, ...]:
        """The free tags."""
        if not self.exists:
            return ()
        return tuple(tag.name for tag in self.package.get_tags())

    def resource(self, id_: str) -> View | None:
        """Return a stored resource by its id, None for a new one."""
        resources = self.package.resources if self.exists else ()
        for resource in resources:
            if resource.id == id_:
                columns = {name: getattr(resource, name) for name in model.Resource.get_columns()}
                return View({**columns, "extras": resource.extras})
        return None


def package_of(reference: str) -> Any:
    """Return the package with this name, id, or record identifier in another catalogue, or None."""
    return packages_of([reference])[0]


def packages_of(references: Iterable[Any]) -> list[Any]:
    """Return the package of each reference, or None; in two queries at most.

    Args:
        references: names, ids, or identifiers of records in another catalogue.
    """
    names = [str(reference) for reference in references]
    if not names:
        return []
    package = model.Package
    is_named = package.id.in_(names) | package.name.in_(names)
    rows = model.Session.query(package).filter(is_named).all()
    # An id takes precedence over a name, as in CKAN.
    by_name = {row.name: row for row in rows} | {row.id: row for row in rows}
    unknown = set(names) - set(by_name)
    if unknown:
        identifier = package.extras["metadata_identifier"].astext
        query = model.Session.query(package).filter(
            identifier.in_(unknown), package.state == "active"
        )
        # Of datasets with the same identifier, the oldest counts.
        for row in query.order_by(package.metadata_created):
            by_name.setdefault(row.extras["metadata_identifier"], row)
    return [by_name.get(name) for name in names]


# --- what a member takes from its series ---------------------------------------------------------

#: Inherited field → more detailed fields, whose values prevent the inheritance.
DETAILED_BY = {"territory": ("spatial_coverage",)}


def is_filled(value: Any) -> bool:
    """Return whether a stored value, possibly nested, is not empty."""
    if isinstance(value, Mapping):
        return any(map(is_filled, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(is_filled, value))
    return value not in (None, "", False)


def lender(field: Row, dataset: Row, series: Iterable[Row]) -> Row | None:
    """Return the series that lends a dataset a field.

    None if the field is not inherited, if the dataset has a value of its own, or if no series has
    one.

    Args:
        field: the field of the schema.
        dataset: the dataset, from `package_show`.
        series: its series; the first one with a value is returned.
    """
    name = field["field_name"]
    if not field.get("inherited"):
        return None
    if any(is_filled(dataset.get(other)) for other in (name, *DETAILED_BY.get(name, ()))):
        return None
    for candidate in series:
        if is_filled(candidate.get(name)):
            return candidate
    return None


def inherited_fields(
    series: Iterable[str], fields: Iterable[Row], services: Iterable[str]
) -> set[str]:
    """Return the names of the fields that a dataset can inherit from its series.

    Private series of other services are ignored, since validation errors would reveal their
    contents.

    Args:
        series: references to the series.
        fields: fields of the schema.
        services: id or name of the service that owns the dataset.
    """
    inheritable = [field["field_name"] for field in fields if field.get("inherited")]
    own_services = set(services)
    inherited: set[str] = set()
    for package in packages_of(series):
        if package is not None and package.state == "active" and _may_lend(package, own_services):
            stored = Stored(package)
            inherited.update(name for name in inheritable if stored.texts(name))
    return inherited


def _may_lend(series: Any, services: set[str]) -> bool:
    """Return whether a series is public, or owned by one of the services (ids or names)."""
    if not series.private:
        return True
    owner = model.Group.get(series.owner_org) if series.owner_org else None
    return owner is not None and not services.isdisjoint((owner.id, owner.name))


def completed(dataset: Row) -> DataDict:
    """Return a dataset with the inherited fields filled in, for exports.

    Only public series lend values, since exports are public.

    Args:
        dataset: the dataset, from `package_show`.
    """
    series = list(filter(None, map(_public, View(dataset).series)))
    return {**dataset, **taken_from_series(dataset, series)}


def taken_from_series(dataset: Row, series: Iterable[Row]) -> DataDict:
    """Return the values that a dataset inherits from its series, as {field: value}.

    Args:
        dataset: the dataset, from `package_show`.
        series: its series; the first one with a value for a field lends it.
    """
    lenders = list(series)
    schema = tk.h.scheming_get_dataset_schema(dataset.get("type") or "dataset")
    if not lenders or not schema:
        return {}
    values: DataDict = {}
    for field in schema["dataset_fields"]:
        source = lender(field, dataset, lenders)
        if source is not None:
            values[field["field_name"]] = source[field["field_name"]]
    return values


def is_public(package: Any) -> bool:
    """Return whether anyone may see a `model.Package`."""
    return not package.private and package.state == model.State.ACTIVE


def _public(reference: str) -> Row | None:
    """Return a public series, read once per page, or None."""
    return once.for_page("public series", reference, lambda: _read_public(reference))


def _read_public(reference: str) -> Row | None:
    package = package_of(reference)
    if package is None or not is_public(package):
        return None
    return tk.get_action("package_show")({"ignore_auth": True}, {"id": package.id})
