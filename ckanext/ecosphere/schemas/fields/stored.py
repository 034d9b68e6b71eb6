"""Read the stored state of a dataset and of its series from the database, before a save."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ckan import model

COLUMNS = ("title", "name", "notes", "owner_org", "license_id", "url", "version")


class Stored:
    """Reader of a stored dataset by field name; empty for a new dataset.

    Args:
        package: the `model.Package`, or None.
    """

    def __init__(self, package: Any) -> None:
        self.package = package
        self.exists = package is not None
        self.private = bool(package.private) if self.exists else False
        self._extras: Mapping[str, Any] = package.extras if self.exists else {}

    def texts(self, name: str) -> list[str]:
        """Return the stored values of a field, as `publication.Dataset.texts` does for the new state."""
        if not self.exists:
            return []
        if name == "tag_string":
            return [tag.name for tag in self.package.get_tags()]
        value = getattr(self.package, name) if name in COLUMNS else self._extras.get(name)
        return list(_texts(value))

    def rows(self, name: str) -> list[Mapping[str, Any]]:
        """Return the stored rows of a repeating group, without nested groups."""
        value = self._extras.get(name)
        try:
            found = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            return []
        rows = [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []
        return [{name: part for name, part in row.items() if not _is_group(part)} for row in rows]

    def resource(self, id_: str) -> Any:
        """Return a reader of the fields of a stored resource, or None for a new one."""
        for resource in self.package.resources if self.exists else ():
            if resource.id == id_:
                return lambda name: list(_texts(getattr(resource, name, None) or resource.extras.get(name)))
        return None

    def series_fields(
        self, names: Iterable[str], fields: Iterable[Mapping[str, Any]], services: Iterable[str]
    ) -> set[str]:
        """Return the names of the fields that a dataset can inherit from its series.

        Private series of other services are ignored, since validation errors would reveal their contents.

        Args:
            names: references to the series.
            fields: fields of the schema.
            services: id or name of the service that owns the dataset.
        """
        wanted = [field["field_name"] for field in fields if field.get("inherited")]
        found, own = set(), set(services)
        for series in packages_of(names):
            if series is None or series.state != "active":
                continue
            owner = model.Group.get(series.owner_org) if series.private and series.owner_org else None
            if not series.private or (owner is not None and {owner.id, owner.name} & own):
                held = Stored(series)
                found |= {field for field in wanted if held.texts(field)}
        return found


def package_of(reference: str) -> Any:
    """Return the package with this name, id, or record identifier in another catalogue, or None."""
    return packages_of([reference])[0]


def packages_of(references: Iterable[Any]) -> list[Any]:
    """Return the package of each reference, or None; in two queries at most.

    Args:
        references: names, ids, or identifiers of records in another catalogue.
    """
    wanted = [str(reference) for reference in references]
    if not wanted:
        return []
    package, identifier = model.Package, model.Package.extras["metadata_identifier"].astext
    rows = model.Session.query(package).filter(package.id.in_(wanted) | package.name.in_(wanted)).all()
    # An id takes precedence over a name, as in CKAN.
    found = {row.name: row for row in rows} | {row.id: row for row in rows}
    if left := set(wanted) - set(found):
        query = model.Session.query(package).filter(identifier.in_(left), package.state == "active")
        for row in query.order_by(package.metadata_created):
            found.setdefault(row.extras["metadata_identifier"], row)
    return [found.get(reference) for reference in wanted]


def _is_group(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(part, Mapping) for part in value)


def _texts(value: Any) -> Iterable[str]:
    """Yield the texts of a stored value: a text, a JSON list, or JSON rows of subfields."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            value = json.loads(value)
        except ValueError:
            yield value
            return
    return (yield from _leaves(value))


def _leaves(value: Any) -> Iterable[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for part in value:
            yield from _leaves(part)
    elif value not in (None, ""):
        yield str(value)
