"""Load many datasets from the database at once, in a form that can be scored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.quality import config
from ckanext.ecosphere.quality.storage.saving import COLUMNS

#: Columns of a resource that are scored; its other fields are extras.
RESOURCE_COLUMNS = ("id", "url", "url_type", "name", "description", "format", "mimetype", "size")
CHUNK = 500


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
    last = ""
    while ids := ids_after(last, size):
        yield ids
        last = ids[-1]


def count() -> int:
    """Return the number of datasets of scored types."""
    query = sa.select(sa.func.count()).where(model.Package.type.in_(config.dataset_types()))
    return model.Session.scalar(query) or 0


def load(ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the datasets `ids` as dicts, with three queries."""
    package, tag, link, resource = model.package_table, model.tag_table, model.package_tag_table, model.resource_table
    columns = [package.c.id, package.c.extras, *(package.c[name] for name in COLUMNS)]
    found: dict[str, dict[str, Any]] = {
        row["id"]: {**row, "tags": [], "resources": []}
        for row in model.Session.execute(sa.select(*columns).where(package.c.id.in_(ids))).mappings()
    }
    tags = (
        sa.select(link.c.package_id, tag.c.name)
        .join(tag, tag.c.id == link.c.tag_id)
        .where(link.c.package_id.in_(ids), link.c.state == model.State.ACTIVE, tag.c.vocabulary_id.is_(None))
    )
    for package_id, name in model.Session.execute(tags):
        found[package_id]["tags"].append({"name": name})
    columns = [resource.c.package_id, resource.c.extras, *(resource.c[name] for name in RESOURCE_COLUMNS)]
    resources = (
        sa.select(*columns)
        .where(resource.c.package_id.in_(ids), resource.c.state == model.State.ACTIVE)
        .order_by(resource.c.package_id, resource.c.position)
    )
    by_package: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in model.Session.execute(resources).mappings():
        by_package[row["package_id"]].append({**(row["extras"] or {}), **row, "extras": None})
    for package_id, listed in by_package.items():
        found[package_id]["resources"] = listed
    return found
