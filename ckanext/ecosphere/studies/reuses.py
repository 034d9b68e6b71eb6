"""Reuses: studies, services, articles, maps and programs made with datasets; held until a moderator has read them.

Their author is not named. A reuse is public, so it may only name public datasets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.shared.characters import clean, one_line
from ckanext.ecosphere.shared.language import N_
from ckanext.ecosphere.studies.model import Reuse
from ckanext.ecosphere.studies.outline import readable

KINDS = {
    "study": N_("Study"),
    "service": N_("Service"),
    "article": N_("Article"),
    "map": N_("Map"),
    "code": N_("Program"),
}
HELD, PUBLISHED, REFUSED = "held", "published", "refused"
STATES = {
    HELD: N_("Waits for a moderator"),
    PUBLISHED: N_("Published"),
    REFUSED: N_("Refused"),
}
MOST_DATASETS = 50
LONGEST_TITLE, LONGEST_TEXT, LONGEST_URL = 200, 2_000, 2_000
Row = Mapping[str, Any]


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
    if links.is_internal_host(host) or " " in url or "\\" in url:
        return ""
    return url


def checked(data: Row) -> dict[str, Any]:
    """Return the values of a reuse, bounded and cleaned.

    Raises:
        ValidationError: what is wrong, by field.
    """
    errors: dict[str, list[str]] = {}
    title, text = one_line(str(data.get("title") or "")), clean(str(data.get("description") or ""))
    kind, url = str(data.get("kind") or ""), safe_address(str(data.get("url") or ""))
    if not title or len(title) > LONGEST_TITLE:
        errors["title"] = [
            tk._("Give a title of {number} characters at most.").format(number=LONGEST_TITLE)
        ]
    if len(text) > LONGEST_TEXT:
        sentence = tk._("Too long: {number} characters at most.")
        errors["description"] = [sentence.format(number=LONGEST_TEXT)]
    if kind not in KINDS:
        errors["kind"] = [tk._("Choose what it is.")]
    if not url:
        errors["url"] = [tk._("Give the address of a public web page, with https://.")]
    packages = public_ids(data.get("packages"))
    if not packages:
        errors["packages"] = [tk._("Name the public datasets that it uses, fifty at most.")]
    if errors:
        raise tk.ValidationError(errors)  # pyright: ignore[reportArgumentType]
    return {"title": title, "description": text, "kind": kind, "url": url, "packages": packages}


def public_ids(keys: Any) -> list[str]:
    """Return the ids of public datasets by their names or ids; empty if one is unknown, or they are too many.

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


def create(values: Row, author_id: str) -> Reuse:
    """Create a reuse that waits for a moderator."""
    reuse = Reuse(**values, author_id=author_id, state=HELD)
    model.Session.add(reuse)
    return reuse


def moderate(reuse: Reuse, decision: str, reason: str) -> None:
    """Publish or refuse a reuse.

    Raises:
        ValidationError: neither of them, or a refusal without a reason.
    """
    if decision not in (PUBLISHED, REFUSED):
        raise tk.ValidationError({"decision": [tk._("Publish it or refuse it.")]})
    reuse.reason = clean(reason)[:LONGEST_TEXT]
    if decision == REFUSED and not reuse.reason:
        raise tk.ValidationError({"reason": [tk._("Say why it is refused.")]})
    reuse.state = decision


def listed(
    state: str, author_id: str, packages: Iterable[str], start: int, rows: int
) -> tuple[int, Sequence[Reuse]]:
    """Return how many reuses there are, and some of them, the newest first.

    Args:
        state: "" for all.
        author_id: of this person, "" for anybody.
        packages: with any of these datasets; none for all.
    """
    query = sa.select(Reuse)
    if state:
        query = query.where(Reuse.state == state)
    if author_id:
        query = query.where(Reuse.author_id == author_id)
    holds = [Reuse.packages.contains([id_]) for id_ in packages]
    if holds:
        query = query.where(sa.or_(*holds))
    count = model.Session.scalar(sa.select(sa.func.count()).select_from(query.subquery()))
    page = query.order_by(Reuse.created.desc(), Reuse.id).offset(start).limit(rows)
    return count or 0, model.Session.scalars(page).all()


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
    packages = readable(context, [id_ for row in rows for id_ in row.packages])
    return [_shown(row, packages) for row in rows]


def _shown(row: Reuse, packages: Mapping[str, Row]) -> dict[str, Any]:
    used = [packages[id_] for id_ in row.packages if id_ in packages]
    return {
        "id": row.id,
        "kind": row.kind,
        "kind_label": tk._(KINDS.get(row.kind, row.kind)),
        "title": row.title,
        "url": row.url,
        "description": row.description,
        "state": row.state,
        "state_label": tk._(STATES.get(row.state, row.state)),
        "reason": row.reason,
        "created": row.created.isoformat(),
        "datasets": [
            {"id": package["id"], "name": package["name"], "title": package["title"]}
            for package in used
        ],
    }


def forget_person(user_id: str) -> None:
    """Delete what a person proposed and nobody published, and their name from the rest; the caller commits."""
    own = Reuse.author_id == user_id
    model.Session.execute(sa.delete(Reuse).where(own, Reuse.state != PUBLISHED))
    model.Session.execute(sa.update(Reuse).where(own).values(author_id=""))
