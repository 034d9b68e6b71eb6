"""Inventory of the URLs to check and of the datasets that use them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.quality.core.distributions import DATA_ROLES, addresses, format_of_resource, is_intranet, role
from ckanext.ecosphere.quality.core.facts import own_addresses
from ckanext.ecosphere.quality.links.model import Link, LinkCheck, LinkUse
from ckanext.ecosphere.quality.links.probe import SERVICES
from ckanext.ecosphere.quality.storage import bulk
from ckanext.ecosphere.quality.storage.reading import Record

CHUNK = 200


def key_of(url: str) -> str:
    """Return the key of a URL."""
    return hashlib.sha256(url.encode()).hexdigest()


def links_of(data: Mapping[str, Any]) -> dict[str, str]:
    """Return the URLs of a dataset's data and how to check each: URL → kind."""
    record = Record(data)
    found = dict.fromkeys(own_addresses(record), "file")
    for resource in record.resources():
        known = format_of_resource(resource)
        if role(resource, known) not in DATA_ROLES or is_intranet(resource):
            continue
        code = known.code.lower() if known else ""
        kind = code if code in SERVICES else "atom" if code == "atom feed" else "file"
        for address in addresses(resource):
            found.setdefault(address, kind)
    return found


def note(ids: Sequence[str]) -> None:
    """Record the URLs of the datasets `ids`; new ones are due at once. The caller commits.

    Those of deleted datasets are removed, since their results would not be shown.
    """
    now = datetime.now(timezone.utc)
    links: dict[str, dict[str, Any]] = {}
    uses: list[dict[str, str]] = []
    there = sa.select(model.Package.id).where(model.Package.id.in_(ids), model.Package.state == model.State.ACTIVE)
    for package_id, data in bulk.load(model.Session.scalars(there).all()).items():
        for url, kind in links_of(data).items():
            key = key_of(url)
            links[key] = {"key": key, "url": url, "kind": kind, "state": "unchecked", "next_check_at": now}
            uses.append({"package_id": package_id, "key": key})
    if links:
        model.Session.execute(insert(Link).on_conflict_do_nothing(), list(links.values()))
    model.Session.execute(sa.delete(LinkUse).where(LinkUse.package_id.in_(ids)))
    if uses:
        model.Session.execute(insert(LinkUse).on_conflict_do_nothing(), uses)


def note_all() -> int:
    """Record the URLs of all datasets and delete unused ones; return the number of links."""
    for ids in bulk.each_chunk(CHUNK):
        note(ids)
        model.Session.commit()
    gone = ~sa.exists().where(model.Package.id == LinkUse.package_id)
    model.Session.execute(sa.delete(LinkUse).where(gone).execution_options(synchronize_session=False))
    for table in (Link, LinkCheck):
        unused = ~sa.exists().where(LinkUse.key == table.key)
        model.Session.execute(sa.delete(table).where(unused).execution_options(synchronize_session=False))
    model.Session.commit()
    return model.Session.scalar(sa.select(sa.func.count()).select_from(Link)) or 0


def of_dataset(package_id: str) -> list[Link]:
    """Return the links of a dataset, broken ones first."""
    broken_first = sa.case((Link.state == "broken", 0), (Link.state == "unchecked", 1), else_=2)
    query = (
        sa.select(Link)
        .join(LinkUse, LinkUse.key == Link.key)
        .where(LinkUse.package_id == package_id)
        .order_by(broken_first, Link.url)
    )
    return list(model.Session.scalars(query))
