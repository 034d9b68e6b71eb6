"""Collections ("bouquets"): needs met by datasets that editors of a service chose, and their
outputs for programs.

A collection belongs to a service. A dataset in it that a reader may not read is left out with its
whole item, for the note on it may say what it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import authz, model

from ckanext.ecosphere.core.pages import anybody, facts_of
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import atom, authorization, csv_table, language
from ckanext.ecosphere.shared.characters import one_line
from ckanext.ecosphere.shared.rdf import NAMESPACES
from ckanext.ecosphere.studies import candidates, frames, wording
from ckanext.ecosphere.studies.frames import text_in
from ckanext.ecosphere.studies.model import Collection

MOST_ITEMS, MOST_IN_FEED = 300, 100
#: Text of an item → most characters.
LONGEST = {"group": 200, "label": 300, "note": 1_000, "package_id": 100}
#: Names that are parts of other addresses.
RESERVED = frozenset({"nouveau", "ajouter"})
#: Right in a service that lets its editors curate collections.
RIGHT = "create_dataset"
#: Ending of an address → media type, and name of the syntax in ckanext-dcat.
FORMATS = {
    "ttl": ("text/turtle", "turtle"),
    "rdf": ("application/rdf+xml", "xml"),
    "jsonld": ("application/ld+json", "json-ld"),
}


def unknown() -> str:
    """Return the sentence about a collection that does not exist, or is not public."""
    return tk._("There is no such collection, or it is not public yet.")


def get(key: Any) -> Collection:
    """Return a collection by id or name.

    Raises:
        NotFound: there is none.
    """
    text = str(key or "")
    query = sa.select(Collection).where(sa.or_(Collection.id == text, Collection.name == text))
    collection = model.Session.scalars(query.limit(1)).first()
    if collection is None:
        raise tk.ObjectNotFound(unknown())
    return collection


def may_edit(context: Any, organization_id: str) -> bool:
    """Return whether a person edits the datasets of a service, and so its collections."""
    person = authorization.person(context)
    if person is None:
        return False
    return authz.has_user_permission_for_group_or_org(organization_id, person.name, RIGHT)


def of_dataset(package_id: str) -> list[Collection]:
    """Return the public collections that have a dataset."""
    holds = Collection.items.contains([{"package_id": package_id}])
    query = sa.select(Collection).where(Collection.public, holds)
    return list(model.Session.scalars(query.order_by(Collection.title).limit(MOST_IN_FEED)))


# --- names and items ------------------------------------------------------------------------------


def is_taken(name: str) -> bool:
    """Return whether a name is that of a collection, or a part of other addresses."""
    own = sa.exists().where(Collection.name == name)
    return name in RESERVED or bool(model.Session.scalar(sa.select(own)))


def item_of(data: Row) -> dict[str, str]:
    """Return an item with its four texts, cleaned and cut."""
    return {name: one_line(str(data.get(name) or ""))[:most] for name, most in LONGEST.items()}


def items_of(rows: Any, context: Any, stored: frozenset[str]) -> list[dict[str, str]]:
    """Return items with the ids of their datasets.

    Args:
        rows: as an editor gives them.
        stored: ids of datasets that need not be readable.

    Raises:
        Invalid: they are no list of items, too many, or one has neither a name nor a dataset that
            the user may read.
    """
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise tk.Invalid(tk._("Give a list of objects."))
    if len(rows) > MOST_ITEMS:
        raise tk.Invalid(full_error())
    items = [item_of(row) for row in rows]
    for item in items:
        key = item["package_id"]
        if not key and not item["label"]:
            raise tk.Invalid(tk._("Give each line a name or a dataset."))
        if not key or key in stored:
            continue
        try:
            authorization.dataset_readable(context, key)
        except tk.ObjectNotFound:
            raise tk.Invalid(tk._("There is no dataset {name}.").format(name=key)) from None
        package: Any = model.Package.get(key)
        item["package_id"] = package.id
    return items


def items_of_frame(frame: frames.Frame) -> list[dict[str, str]]:
    """Return the needs of a frame as items without datasets."""
    items = []
    for group in frame.groups:
        for need in group.needs:
            items.append(item_of({"group": text_in(group.label), "label": text_in(need.label)}))
    return items[:MOST_ITEMS]


def full_error() -> str:
    """Return the sentence about a collection that has as many items as it may have."""
    return tk._("A collection has {number} lines at most.").format(number=MOST_ITEMS)


def with_item(items: Iterable[Row], item: dict[str, str]) -> list[dict[str, str]]:
    """Return items with another one: at the need of its name that has no dataset, else at the end
    of its group.

    Raises:
        ValidationError: there are as many as there may be.
    """
    rows = [dict(row) for row in items]
    if any(row["package_id"] == item["package_id"] for row in rows):
        return rows
    for row in rows:
        is_open = not row["package_id"] and item["label"] == row["label"]
        if is_open and item["group"] in ("", row["group"]):
            row["package_id"] = item["package_id"]
            return rows
    if len(rows) >= MOST_ITEMS:
        raise tk.ValidationError({"id": [full_error()]})
    rows.append(item)
    order = list(dict.fromkeys(row["group"] for row in rows))
    return sorted(rows, key=lambda row: order.index(row["group"]))


# --- shown ----------------------------------------------------------------------------------------


def brief(collection: Collection) -> dict[str, Any]:
    """Return a collection for a list."""
    service = {"id": collection.organization_id, "name": "", "title": ""}
    group = model.Group.get(collection.organization_id)
    if group is not None:
        service |= {"name": group.name, "title": group.title or group.name}
    names = ("id", "name", "title", "description", "frame_id", "public")
    return {
        **{name: getattr(collection, name) for name in names},
        "organization": service,
        "modified": collection.modified.isoformat(),
    }


def full(collection: Collection, context: Any) -> dict[str, Any]:
    """Return a collection with its items by group; `dataset` is None for a need without data."""
    packages = candidates.readable([item["package_id"] for item in collection.items], context)
    groups: dict[str, list[dict[str, Any]]] = {}
    for item in collection.items:
        package = packages.get(item["package_id"])
        if item["package_id"] and package is None:
            continue
        dataset = None
        if package:
            dataset = {"id": package["id"], "name": package["name"], **facts_of(package)}
        line = {"label": item["label"], "note": item["note"], "dataset": dataset}
        groups.setdefault(item["group"], []).append(line)
    return {
        **brief(collection),
        "items": sum(map(len, groups.values())),
        "groups": [{"label": label, "items": lines} for label, lines in groups.items()],
    }


# --- outputs --------------------------------------------------------------------------------------


def _lines(collection: Row) -> Iterator[tuple[str, Row, Mapping[str, str]]]:
    """Yield group, item and dataset (empty for none) of each item of a
    collection as `full` returns it.
    """
    for group in collection["groups"]:
        for item in group["items"]:
            yield group["label"], item, item["dataset"] or {}


def as_csv(collection: Row) -> str:
    """Return the items of a collection as a table."""
    rows = []
    for group, item, dataset in _lines(collection):
        facts = [dataset.get(name) for name in ("title", "producer", "licence", "date", "link")]
        rows.append((group, item["label"], item["note"], *facts))
    return csv_table.write(wording.columns("collection_table"), rows)


def as_atom(collection: Row) -> bytes:
    """Return the datasets of a collection as a feed."""
    name = collection["name"]
    entries = []
    for group, item, dataset in _lines(collection):
        if dataset:
            entry = atom.Entry(
                id=dataset["link"],
                title=dataset["title"],
                link=dataset["link"],
                updated=datetime.fromisoformat(collection["modified"]),
                summary=item["note"] or item["label"],
                categories=tuple(filter(None, (group,))),
                author=dataset["producer"],
            )
            entries.append(entry)
    address = tk.h.url_for("ecosphere_collections.feed", name=name, qualified=True)
    return _feed(collection["title"], _page(name), address, entries)


def as_feed(collections: Iterable[Row]) -> bytes:
    """Return the list of public collections as a feed."""
    entries = []
    for row in collections:
        address, changed = _page(row["name"]), datetime.fromisoformat(row["modified"])
        author = row["organization"]["title"]
        entries.append(atom.Entry(address, row["title"], address, changed, author=author))
    page = tk.h.url_for("ecosphere_collections.index", qualified=True)
    address = tk.h.url_for("ecosphere_collections.list_feed", qualified=True)
    return _feed(tk._("Collections"), page, address, entries)


def _feed(title: str, page: str, address: str, entries: list[atom.Entry]) -> bytes:
    site = str(tk.config["ckan.site_title"])
    return atom.feed(title, site, page, address, entries, language=language.current())


def _page(name: str) -> str:
    return tk.h.url_for("ecosphere_collections.read", name=name, qualified=True)


def as_dcat(collection: Row, ending: str) -> str:
    """Return a public collection as `dcat:Catalog` with its datasets (DCAT-AP), as ckanext-dcat
    writes them.

    Args:
        ending: one of `FORMATS`.
    """
    from rdflib import RDF, Literal, URIRef

    from ckanext.dcat.processors import RDFSerializer

    dcat, dct = NAMESPACES["dcat"], NAMESPACES["dct"]
    serializer = RDFSerializer()
    graph = serializer.g
    catalogue = URIRef(_page(collection["name"]))
    graph.add((catalogue, RDF.type, dcat.Catalog))
    graph.add((catalogue, dct.title, Literal(collection["title"])))
    if collection["description"]:
        graph.add((catalogue, dct.description, Literal(collection["description"])))
    ids = [dataset["id"] for _group, _item, dataset in _lines(collection) if dataset]
    for package in candidates.readable(ids, anybody()).values():
        graph.add((catalogue, dcat.dataset, serializer.graph_from_dataset(package)))
    _media_type, syntax = FORMATS[ending]
    return graph.serialize(format=syntax)
