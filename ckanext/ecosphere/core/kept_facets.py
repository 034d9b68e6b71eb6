"""CKAN's own facets, groups and free keywords, beside those of the suite: which ones are shown.

Unless the administrator chooses them (`ecosphere.kept_facets`), groups are shown as soon as one of
them holds a public dataset. Keywords are uncontrolled and come from many catalogues; they are shown
where `ckan ecosphere adopt` found that the portal used them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa
from ckan import model
from ckan.model.system_info import get_system_info, set_system_info

from ckanext.ecosphere import config
from ckanext.ecosphere.shared import once

#: Key under which `adopt` stores which facets the portal used.
KEY = "ecosphere.kept_facets"
#: CKAN's facets that may be kept, in the order in which they are shown.
NAMES = ("groups", "tags")


def in_use() -> dict[str, int]:
    """Count the groups and free keywords of public datasets; zero counts are left out."""
    package, tagged = model.Package, model.PackageTag
    groups = _of_groups(sa.func.count(sa.distinct(model.Group.id)))
    groups = groups.where(package.type == "dataset")
    tags = (
        sa.select(sa.func.count(sa.distinct(tagged.tag_id)))
        .join(package, package.id == tagged.package_id)
        .where(package.type == "dataset", package.state == "active", ~package.private)
        .where(tagged.state == "active")
    )
    numbers = {"groups": model.Session.scalar(groups), "tags": model.Session.scalar(tags)}
    return {name: number for name, number in numbers.items() if number}


def remember(names: Iterable[str]) -> None:
    """Store that the portal used these facets when it was adopted, beside those stored earlier."""
    earlier = _remembered()
    all_names = earlier.union(names)
    if all_names != earlier:
        set_system_info(KEY, json.dumps(sorted(all_names)))


def shown() -> tuple[str, ...]:
    """Return the names of the facets that are shown, of `NAMES`; cached per page."""
    return once.for_page("kept facets", "", _shown)


def _shown() -> tuple[str, ...]:
    configured = config.kept_facets()
    if configured != ["auto"]:
        return tuple(name for name in NAMES if name in configured)
    names = []
    if _has_groups():
        names.append("groups")
    if "tags" in _remembered():
        names.append("tags")
    return tuple(names)


def _has_groups() -> bool:
    """Return whether an active group holds a public dataset: the menu of each page asks it, so the
    query stops at the first one.
    """
    return model.Session.scalar(_of_groups(model.Group.id).limit(1)) is not None


def _of_groups(column: Any) -> sa.Select[Any]:
    """Return a query of the active groups: a row for each public package that they hold."""
    package, member, group = model.Package, model.Member, model.Group
    return (
        sa.select(column)
        .select_from(group)
        .join(member, member.group_id == group.id)
        .join(package, package.id == member.table_id)
        .where(~group.is_organization, group.state == "active", member.state == "active")
        .where(package.state == "active", ~package.private)
    )


def _remembered() -> set[str]:
    """Return the facets that the portal used when it was adopted."""
    return set(json.loads(get_system_info(KEY) or "[]"))
