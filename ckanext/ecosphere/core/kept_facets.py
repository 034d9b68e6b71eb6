"""Groups and free keywords of a catalogue that used them before, in the menu and facets beside those of the suite.

Groups are shown as soon as one of them holds a public dataset. Keywords are uncontrolled and come from many catalogues;
they are shown where `ckan ecosphere adopt` found that the portal used them, or if the administrator configures it.
"""

from __future__ import annotations

import json

import sqlalchemy as sa
from ckan import model
from ckan.model.system_info import get_system_info, set_system_info

from ckanext.ecosphere import config
from ckanext.ecosphere.shared import once

#: Key under which `adopt` stores which facets the portal used.
KEY = "ecosphere.kept_facets"
NAMES = ("groups", "tags")


def in_use() -> dict[str, int]:
    """Count the groups and free keywords of public datasets; zero counts are left out."""
    package, member, group, tagged = model.Package, model.Member, model.Group, model.PackageTag
    public = sa.and_(package.type == "dataset", package.state == "active", ~package.private)
    groups = (
        sa.select(sa.func.count(sa.distinct(group.id)))
        .join(member, member.group_id == group.id)
        .join(package, package.id == member.table_id)
        .where(public, ~group.is_organization, group.state == "active", member.state == "active")
    )
    tags = (
        sa.select(sa.func.count(sa.distinct(tagged.tag_id)))
        .join(package, package.id == tagged.package_id)
        .where(public, tagged.state == "active")
    )
    counted = {"groups": model.Session.scalar(groups), "tags": model.Session.scalar(tags)}
    return {name: number for name, number in counted.items() if number}


def remember(names: dict[str, int]) -> None:
    """Store that the portal used these facets when it was adopted; earlier ones are kept."""
    remembered = {*_remembered(), *names}
    if remembered != _remembered():
        set_system_info(KEY, json.dumps(sorted(remembered)))


def shown() -> tuple[str, ...]:
    """Return which of CKAN's facets are shown beside those of the suite (`groups`, `tags`); cached per page."""
    return once.for_page("kept facets", "", _shown)


def _shown() -> tuple[str, ...]:
    configured = config.kept_facets()
    if configured != ["auto"]:
        return tuple(name for name in NAMES if name in configured)
    return tuple(
        name
        for name in NAMES
        if (name == "groups" and has_groups()) or (name == "tags" and tags_kept())
    )


def has_groups() -> bool:
    """Return whether an active group holds a public dataset; a cheap query, for the menu of each page."""
    package, member, group = model.Package, model.Member, model.Group
    query = (
        sa.select(group.id)
        .join(member, member.group_id == group.id)
        .join(package, package.id == member.table_id)
        .where(~group.is_organization, group.state == "active", member.state == "active")
        .where(package.state == "active", ~package.private)
        .limit(1)
    )
    return model.Session.scalar(query) is not None


def tags_kept() -> bool:
    """Return whether `adopt` found that the portal used keywords."""
    return "tags" in _remembered()


def _remembered() -> set[str]:
    return set(json.loads(get_system_info(KEY) or "[]"))
