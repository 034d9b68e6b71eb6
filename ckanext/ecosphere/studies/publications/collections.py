"""Collections ("bouquets"): needs met by datasets that editors of a service chose, and their outputs for programs.

A collection belongs to a service. A dataset in it that a reader may not read is left out with its whole item, for the
note on it may say what it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import authz, model
from ckan.lib.munge import munge_title_to_name

from ckanext.ecosphere.shared import atom, authorization, csv_table, language
from ckanext.ecosphere.shared.characters import clean, one_line
from ckanext.ecosphere.shared.columns import now
from ckanext.ecosphere.shared.rdf import NAMESPACES
from ckanext.ecosphere.studies import frames
from ckanext.ecosphere.studies.model import Collection
from ckanext.ecosphere.studies.publications.outline import facts_of, readable, text_in

MOST_ITEMS, MOST_OF_SERVICE = 300, 200
LONGEST_TITLE, LONGEST_TEXT, LONGEST_NAME = 200, 5_000, 80
MOST_IN_FEED = 100
LONGEST = {"group": 200, "label": 300, "note": 1_000, "package_id": 100}
"""Text of an item → most characters."""
RESERVED = frozenset({"nouveau", "ajouter"})
"""Names that are parts of other addresses."""
RIGHT = "create_dataset"
"""Right in a service that lets its editors curate collections."""
FORMATS = {"ttl": "turtle", "rdf": "xml", "jsonld": "json-ld"}
"""Ending of an address → name of the syntax in ckanext-dcat."""
Row = Mapping[str, Any]


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


def may_read(context: Any, collection: Collection) -> bool:
    """Return whether a person may read a collection: everybody a public one, editors those of their service."""
    return collection.public or may_edit(context, collection.organization_id)


def listed(
    context: Any, organization_id: str, mine: bool, start: int, rows: int
) -> tuple[int, Sequence[Collection]]:
    """Return how many collections there are, and some of them, the last changed first.

    Args:
        organization_id: of this service only, "" for all.
        mine: those that the person may edit, whether public or not; else the public ones.
    """
    query = sa.select(Collection)
    if organization_id:
        query = query.where(Collection.organization_id == organization_id)
    if mine:
        query = query.where(Collection.organization_id.in_(_services_of(context)))
    else:
        query = query.where(Collection.public)
    count = model.Session.scalar(sa.select(sa.func.count()).select_from(query.subquery()))
    page = query.order_by(Collection.modified.desc(), Collection.id).offset(start).limit(rows)
    return count or 0, model.Session.scalars(page).all()


def _services_of(context: Any) -> list[str]:
    user = authorization.same_person(context)
    services = tk.get_action("organization_list_for_user")(user, {"permission": RIGHT})
    return [service["id"] for service in services]


# --- changing -------------------------------------------------------------------------------------


def create(organization_id: str, values: Row) -> Collection:
    """Create a collection from checked values; with a frame and no items, it has the needs of the frame.

    Raises:
        ValidationError: the service has as many as it may have.
    """
    query = sa.select(sa.func.count()).select_from(Collection)
    number = model.Session.scalar(query.where(Collection.organization_id == organization_id))
    if (number or 0) >= MOST_OF_SERVICE:
        sentence = tk._("A service has {number} collections at most.")
        raise tk.ValidationError({"title": [sentence.format(number=MOST_OF_SERVICE)]})
    collection = Collection(organization_id=organization_id, name=_name(values["title"]), **values)
    if collection.frame_id and not collection.items:
        collection.items = items_of_frame(collection.frame_id)
    model.Session.add(collection)
    return collection


def _name(title: str) -> str:
    """Return a free name for a title."""
    base = munge_title_to_name(title)[:LONGEST_NAME].strip("-_") or "bouquet"
    name, number = base, 1
    while name in RESERVED or model.Session.query(Collection.id).filter_by(name=name).first():
        number += 1
        name = f"{base}-{number}"
    return name


def items_of_frame(id_: str) -> list[dict[str, str]]:
    """Return the needs of a frame as items without datasets; empty for an unknown frame."""
    frame = frames.frame(id_)
    if frame is None:
        return []
    items = []
    for group in frame.groups:
        for need in group.needs:
            label = text_in(need.label)
            items.append(
                {"group": text_in(group.label), "label": label, "note": "", "package_id": ""}
            )
    return items[:MOST_ITEMS]


def change(collection: Collection, values: Row) -> None:
    """Change a collection to checked values."""
    for name, value in values.items():
        setattr(collection, name, value)
    collection.modified = now()


def is_true(value: Any) -> bool:
    """Return whether a parameter or a box of a form says yes."""
    return str(value).lower() in ("true", "1", "yes", "on")


def checked(data: Row, *, whole: bool) -> dict[str, Any]:
    """Return the values of a collection that are given, bounded and cleaned.

    Args:
        whole: whether a title is required.

    Raises:
        ValidationError: what is wrong, by field.
    """
    errors: dict[str, list[str]] = {}
    values: dict[str, Any] = {}
    for name, most in (("title", LONGEST_TITLE), ("description", LONGEST_TEXT)):
        if name in data:
            values[name] = clean(str(data[name] or ""))
            if len(values[name]) > most:
                sentence = tk._("Too long: {number} characters at most.")
                errors[name] = [sentence.format(number=most)]
    values["title"] = one_line(values.get("title", ""))
    if not values["title"] and (whole or "title" in data):
        errors["title"] = [tk._("Give it a title.")]
    elif "title" not in data:
        del values["title"]
    if "public" in data:
        values["public"] = is_true(data["public"])
    if "frame_id" in data:
        values["frame_id"] = str(data["frame_id"] or "")
        if values["frame_id"] and frames.frame(values["frame_id"]) is None:
            errors["frame_id"] = [tk._("There is no such frame.")]
    if "items" in data:
        values["items"] = _items(data["items"], errors)
    if errors:
        raise tk.ValidationError(errors)  # pyright: ignore[reportArgumentType]
    return values


def _items(rows: Any, errors: dict[str, list[str]]) -> list[dict[str, str]]:
    if not isinstance(rows, list) or not all(isinstance(item, Mapping) for item in rows):
        errors["items"] = [tk._("Give a list of objects.")]
        return []
    if len(rows) > MOST_ITEMS:
        errors["items"] = [_full()]
        return []
    items = [item_of(item) for item in rows]
    if not all(item["label"] or item["package_id"] for item in items):
        errors["items"] = [tk._("Give each line a name or a dataset.")]
    return items


def _full() -> str:
    return tk._("A collection has {number} lines at most.").format(number=MOST_ITEMS)


def item_of(data: Row) -> dict[str, str]:
    """Return an item with its four texts, cleaned and cut."""
    return {name: one_line(str(data.get(name) or ""))[:most] for name, most in LONGEST.items()}


def add(collection: Collection, item: dict[str, str]) -> None:
    """Add a dataset: to the need of this name that has none yet, else after the last item of its group.

    Raises:
        ValidationError: the collection has as many items as it may have.
    """
    items = [dict(row) for row in collection.items]
    if any(row["package_id"] == item["package_id"] for row in items):
        return
    for row in items:
        is_open = not row["package_id"] and item["label"] == row["label"]
        if is_open and item["group"] in ("", row["group"]):
            row["package_id"] = item["package_id"]
            break
    else:
        if len(items) >= MOST_ITEMS:
            raise tk.ValidationError({"id": [_full()]})
        items.append(item)
        order = list(dict.fromkeys(row["group"] for row in items))
        items.sort(key=lambda row: order.index(row["group"]))
    change(collection, {"items": items})


# --- shown ----------------------------------------------------------------------------------------


def brief(collection: Collection) -> dict[str, Any]:
    """Return a collection for a list."""
    group = model.Group.get(collection.organization_id)
    service = {"id": collection.organization_id, "name": "", "title": ""}
    if group is not None:
        service |= {"name": group.name, "title": group.title or group.name}
    return {
        "id": collection.id,
        "name": collection.name,
        "title": collection.title,
        "description": collection.description,
        "frame_id": collection.frame_id,
        "organization": service,
        "public": collection.public,
        "modified": collection.modified.isoformat(),
    }


def full(collection: Collection, context: Any) -> dict[str, Any]:
    """Return a collection with its items by group; `dataset` is None for a need without data."""
    ids = [item["package_id"] for item in collection.items if item["package_id"]]
    packages = readable(context, ids)
    groups: dict[str, list[dict[str, Any]]] = {}
    number = 0
    for item in collection.items:
        id_, dataset = item["package_id"], None
        if id_:
            if id_ not in packages:
                continue
            dataset = {"id": id_, "name": packages[id_]["name"], **facts_of(packages[id_])}
        number += 1
        line = {"label": item["label"], "note": item["note"], "dataset": dataset}
        groups.setdefault(item["group"], []).append(line)
    parts = [{"label": label, "items": lines} for label, lines in groups.items()]
    return {**brief(collection), "items": number, "groups": parts}


def of_dataset(package_id: str) -> list[Collection]:
    """Return the public collections that have a dataset."""
    holds = Collection.items.contains([{"package_id": package_id}])
    query = sa.select(Collection).where(Collection.public, holds)
    return list(model.Session.scalars(query.order_by(Collection.title).limit(MOST_IN_FEED)))


# --- outputs --------------------------------------------------------------------------------------


def page_of(name: str) -> str:
    """Return the absolute address of the page of a collection."""
    return tk.h.url_for("ecosphere_collections.read", name=name, qualified=True)


def lines_of(collection: Row) -> Iterable[tuple[str, Row]]:
    """Yield the group and each item of a collection as `full` returns it."""
    for group in collection["groups"]:
        for item in group["items"]:
            yield group["label"], item


def as_csv(collection: Row) -> str:
    """Return the items of a collection as a table."""
    columns = (
        tk._("Group"),
        tk._("Need"),
        tk._("Note"),
        tk._("Dataset"),
        tk._("Producer"),
        tk._("Licence"),
        tk._("Date of the data"),
        tk._("Address"),
    )
    rows = []
    for group, item in lines_of(collection):
        dataset = item["dataset"] or {}
        facts = [dataset.get(name) for name in ("title", "producer", "licence", "date", "link")]
        rows.append((group, item["label"], item["note"], *facts))
    return csv_table.write(columns, rows)


def as_atom(collection: Row) -> bytes:
    """Return the datasets of a collection as a feed."""
    changed = _moment(collection["modified"])
    entries = []
    for group, item in lines_of(collection):
        dataset = item["dataset"]
        if dataset is None:
            continue
        entries.append(
            atom.Entry(
                id=dataset["link"],
                title=dataset["title"],
                link=dataset["link"],
                updated=changed,
                summary=item["note"] or item["label"],
                categories=tuple(filter(None, (group,))),
                author=dataset["producer"],
            )
        )
    feed = tk.h.url_for("ecosphere_collections.feed", name=collection["name"], qualified=True)
    return atom.feed(
        collection["title"],
        str(tk.config["ckan.site_title"]),
        page_of(collection["name"]),
        feed,
        entries,
        identifier=feed,
        language=language.current(),
    )


def as_feed(collections: Iterable[Row]) -> bytes:
    """Return the list of public collections as a feed."""
    entries = []
    for row in collections:
        address = page_of(row["name"])
        service = row["organization"]["title"]
        entries.append(
            atom.Entry(address, row["title"], address, _moment(row["modified"]), author=service)
        )
    page = tk.h.url_for("ecosphere_collections.index", qualified=True)
    feed = tk.h.url_for("ecosphere_collections.list_feed", qualified=True)
    site = str(tk.config["ckan.site_title"])
    return atom.feed(tk._("Collections"), site, page, feed, entries, language=language.current())


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def as_dcat(collection: Row, packages: Iterable[dict[str, Any]], ending: str) -> str:
    """Return a collection as `dcat:Catalog` with its datasets (DCAT-AP), as ckanext-dcat writes them.

    Args:
        packages: its datasets, as `package_search` gives them.
        ending: one of `FORMATS`.
    """
    from rdflib import RDF, Literal, URIRef

    from ckanext.dcat.processors import RDFSerializer

    dcat, dct = NAMESPACES["dcat"], NAMESPACES["dct"]
    serializer = RDFSerializer()
    catalogue = URIRef(page_of(collection["name"]))
    graph = serializer.g
    graph.add((catalogue, RDF.type, dcat.Catalog))
    for term, text in (
        (dct.title, collection["title"]),
        (dct.description, collection["description"]),
    ):
        if text:
            graph.add((catalogue, term, Literal(text)))
    for package in packages:
        dataset = serializer.graph_from_dataset(package)
        graph.add((catalogue, dcat.dataset, dataset))
    return graph.serialize(format=FORMATS[ending])
