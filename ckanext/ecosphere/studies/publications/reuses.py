"""Reuses: studies, services, articles, maps and programs made with datasets; held until a moderator
has read them.

Their author is not named. A reuse is public, so it may only name public datasets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared.characters import one_line
from ckanext.ecosphere.studies import candidates
from ckanext.ecosphere.studies.model import Reuse
from ckanext.ecosphere.studies.wording import MESSAGES

#: Names by id.
KINDS, STATES = MESSAGES["reuse_kinds"], MESSAGES["reuse_states"]
HELD, PUBLISHED, REFUSED = "held", "published", "refused"
MOST_DATASETS = 50
LONGEST_URL = 2_000


def get(id_: Any) -> Reuse:
    """Return a reuse.

    Raises:
        NotFound: there is none.
    """
    reuse = model.Session.get(Reuse, str(id_ or ""))
    if reuse is None:
        raise tk.ObjectNotFound(unknown())
    return reuse


def unknown() -> str:
    """Return the sentence about a reuse that does not exist, or is not public."""
    return tk._("There is no such reuse, or it is not public.")


def safe_address(text: str) -> str:
    """Return a web address that anybody can follow; "" for any other text.

    Only http and https, with a host of the public network, without name and password.
    """
    url = one_line(text)
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return ""
    is_web = parts.scheme in ("http", "https") and "." in host.strip(".")
    if not is_web or len(url) > LONGEST_URL or parts.username is not None:
        return ""
    is_loopback = host.startswith("127.")
    if is_loopback or links.is_internal_host(host) or " " in url or "\\" in url:
        return ""
    return url


def public_ids(keys: Any) -> list[str]:
    """Return the ids of public datasets by their names or ids; empty if one is unknown, or they are
    too many.

    A private dataset is unknown to everybody, so that nothing can be found out about it here.
    """
    if isinstance(keys, str):
        keys = keys.replace(",", " ").split()
    if not isinstance(keys, list) or not 0 < len(keys) <= MOST_DATASETS:
        return []
    ids = []
    for key in keys:
        package: Any = model.Package.get(str(key))
        if package is None or package.type != "dataset" or package.private:
            return []
        if package.state != model.State.ACTIVE:
            return []
        ids.append(package.id)
    return list(dict.fromkeys(ids))


def of_service(organization_id: str, rows: int) -> Sequence[Reuse]:
    """Return the newest published reuses of the public datasets of a service."""
    package: Any = model.Package
    ids = sa.select(package.id).where(
        package.owner_org == organization_id, package.private.is_(False), package.state == "active"
    )
    used = sa.func.jsonb_array_elements_text(Reuse.packages).table_valued("value")
    holds = sa.select(used.c.value).where(used.c.value.in_(ids)).exists()
    query = sa.select(Reuse).where(Reuse.state == PUBLISHED, holds)
    return model.Session.scalars(query.order_by(Reuse.created.desc()).limit(rows)).all()


def shown(rows: Sequence[Reuse], context: Any) -> list[dict[str, Any]]:
    """Return reuses as the user of a context may see them, with the datasets that they may read."""
    packages = candidates.readable([id_ for row in rows for id_ in row.packages], context)
    return [_shown(row, packages) for row in rows]


def _shown(row: Reuse, packages: Mapping[str, Row]) -> dict[str, Any]:
    names = ("id", "kind", "title", "url", "description", "state", "reason")
    datasets = []
    for package in filter(None, map(packages.get, row.packages)):
        datasets.append({name: package[name] for name in ("id", "name", "title")})
    return {
        **{name: getattr(row, name) for name in names},
        "kind_label": tk._(KINDS[row.kind]),
        "state_label": tk._(STATES[row.state]),
        "created": row.created.isoformat(),
        "datasets": datasets,
    }


def forget_person(user_id: str) -> None:
    """Delete what a person proposed and nobody published, and their name from the rest.

    The caller commits.
    """
    own = Reuse.author_id == user_id
    model.Session.execute(sa.delete(Reuse).where(own, Reuse.state != PUBLISHED))
    model.Session.execute(sa.update(Reuse).where(own).values(author_id=""))
