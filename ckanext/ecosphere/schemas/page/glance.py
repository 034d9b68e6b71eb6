"""Summary at the top of a dataset page: extent, period, freshness, access, licence, main resource."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.dataset.view import View
from ckanext.ecosphere.schemas import wording
from ckanext.ecosphere.schemas.catalogue import inheritance
from ckanext.ecosphere.schemas.fields import places, spatial, urls
from ckanext.ecosphere.schemas.page import uses
from ckanext.ecosphere.shared import dates, once, outlines, reach
from ckanext.ecosphere.vocabularies import freshness

MOST_PLACES = 4
MOST_RECTANGLES = 40
CODE = "SoftwareSourceCode"

Dataset = Mapping[str, Any]


@dataclass(frozen=True)
class ExtentMap:
    """The extent of a dataset drawn on an outline of France.

    Attributes:
        frame: the outline.
        rectangles: bounding boxes of the dataset, in pixels of the drawing.
        text: the extent in words, as the text alternative.
    """

    frame: outlines.Frame
    rectangles: tuple[outlines.Rectangle, ...]
    text: str


def of(dataset: Dataset) -> dict[str, Any]:
    """Return the summary of a dataset.

    Args:
        dataset: the dataset, from `package_show`.

    Returns:
        ``map`` (`ExtentMap` or None), ``places`` (the first labels) and ``more_places`` (number of others),
        ``periods`` (in words), ``dated`` (last change of the data, in words), ``frequency`` (label), ``fresh`` (ok,
        late or ""), ``due`` (last day on which the data count as up to date, in words), ``licence`` (label, href),
        ``access`` (see `access`), ``main`` (resource and use, or None), ``hvd`` (labels of the categories of
        high-value datasets).
    """
    whole = inheritance.completed(dataset)
    view = View(whole)
    labels = [_place(uri) for uri in view.territories]
    if not labels:
        labels = [str(row["text"]) for row in view.rows("spatial_coverage") if row.get("text")]
    periods = map(wording.ecosphere_period_text, view.rows("temporal_coverage"))
    return {
        "map": extent_map(view),
        "places": labels[:MOST_PLACES],
        "more_places": max(len(labels) - MOST_PLACES, 0),
        "periods": [period for period in periods if period],
        "licence": _licence(view.licence),
        "access": access(whole),
        "main": main(whole),
        "hvd": [_label("hvd-category", uri) or uri for uri in view.many("hvd_category")],
        **_age(view),
    }


def _label(vocabulary: str, value: str) -> str:
    """Return the label of a concept in the language of the page, "" for an unknown one."""
    concept = voc.get(vocabulary).get(value)
    if concept is None:
        return ""
    return concept.label(wording.page_language())


def access(dataset: Dataset) -> dict[str, Any]:
    """Return the access to a dataset.

    Returns:
        ``label``, ``restricted``, ``asked`` (whether the data must be asked for: restricted, internal or without a
        resource), ``grounds``, ``conditions`` and ``contacts``.
    """
    view = View(dataset)
    limits = [voc.get("access-limitation").get(uri) for uri in view.many("access_limitation")]
    grounds = [limit for limit in limits if limit and limit.data["restricts"]]
    return {
        "label": _label("access-right", view.text("access_rights")),
        "restricted": reach.is_restricted(dataset),
        "asked": _is_asked_for(dataset),
        "grounds": [ground.label(wording.page_language()) for ground in grounds],
        "conditions": str(dataset.get("access_conditions") or ""),
        "contacts": list(view.rows("contact")),
    }


def _is_asked_for(dataset: Dataset) -> bool:
    """Return whether data must be asked for; a URL recognised as a file or service is enough, whatever its format."""
    way = main(dataset)
    if way and not reach.is_restricted(dataset):
        resource, use = way
        if use.action != uses.OPEN and not links.is_internal(resource):
            return False
    ways = reach.ways(dataset)
    return bool(ways) and not {reach.DOWNLOAD, reach.SERVICE}.intersection(ways)


def main(dataset: Dataset) -> tuple[Mapping[str, Any], uses.Use] | None:
    """Return the main access to a dataset with its use: service endpoint, code repository, or main resource."""
    view = View(dataset)
    for address in view.many("endpoint_url"):
        service = {"url": address, "resource_role": "service", "name": dataset.get("title")}
        return service, uses.of(service)
    repository = view.text("code_repository")
    if view.kind == CODE and urls.is_web_address(repository):
        use = uses.Use(uses.DATA, "", "", False, uses.OPEN, repository, "open_repository")
        return {"url": repository}, use
    return uses.main(entries(dataset))


def resources(dataset: Dataset) -> list[Mapping[str, Any]]:
    """Return the resources of a dataset; one of unknown format gets the media type that its server answered."""
    return [resource for resource, _use in entries(dataset)]


def entries(dataset: Dataset) -> list[uses.Entry]:
    """Return the resources of a dataset (see `resources`) with their uses, computed once per page."""
    return once.of_dataset("entries", dataset, _entries)


def _entries(dataset: Dataset) -> list[uses.Entry]:
    of_dataset = [
        resource for resource in dataset.get("resources") or () if isinstance(resource, Mapping)
    ]
    own = [(resource, uses.of(resource)) for resource in of_dataset]
    if all(use.format for _resource, use in own):
        return own
    states = reach.link_states(dataset)
    return [_completed(resource, use, states) for resource, use in own]


def _completed(
    resource: Mapping[str, Any], use: uses.Use, states: Mapping[str, Mapping[str, Any]]
) -> uses.Entry:
    if use.format:
        return resource, use
    addresses = [str(resource.get(field) or "") for field in ("download_url", "url")]
    answers = [str(states.get(address, {}).get("answered") or "") for address in addresses]
    completed = {**resource, "mimetype": next(filter(None, answers), "")}
    return completed, uses.of(completed)


def extent_map(dataset: View) -> ExtentMap | None:
    """Return the extent of a dataset on the outline that contains most of its boxes, or None when none does."""
    by_frame: dict[str, tuple[outlines.Frame, list[outlines.Box]]] = {}
    for box in _boxes(dataset)[:MOST_RECTANGLES]:
        frame = outlines.frame_of(box) if box[0] <= box[2] else None
        if frame:
            by_frame.setdefault(frame.id, (frame, []))[1].append(box)
    if not by_frame:
        return None
    frame, boxes = max(by_frame.values(), key=lambda pair: len(pair[1]))
    rectangles = tuple(outlines.rectangle(frame, box) for box in boxes)
    whole = spatial.box_to_geometry(spatial.around(boxes))
    return ExtentMap(frame, rectangles, wording.ecosphere_extent_text(whole))


def _boxes(dataset: View) -> list[outlines.Box]:
    """Return the boxes of the spatial coverage, else those of the territories, else that of `spatial`."""
    boxes = [_box([row.get("bbox"), row.get("geom")]) for row in dataset.rows("spatial_coverage")]
    if not any(boxes):
        boxes = list(map(spatial.territory_box, dataset.territories))
    if not any(boxes):
        boxes = [_box([dataset.values.get("spatial")])]
    return [box for box in boxes if box]


def _box(geometries: Iterable[Any]) -> outlines.Box | None:
    """Return the box of the first valid geometry, None without one."""
    for geometry in geometries:
        try:
            shape = spatial.parse_geometry(geometry)
        except spatial.GeometryError:
            continue
        return spatial.sides(shape) or spatial.geometry_to_box(shape)
    return None


def _place(uri: str) -> str:
    label = places.label(uri, wording.page_language())
    level = wording.ecosphere_place_level(uri)
    if not level:
        return label
    return f"{label} ({level})"


def _licence(identifier: str) -> dict[str, str]:
    concept = voc.get("licences").get(identifier) if identifier else None
    label, address = identifier, identifier
    if concept:
        label, address = concept.label(wording.page_language()), concept.uri
    if not urls.is_web_address(address):
        address = ""
    return {"label": label, "href": address}


def _age(dataset: View) -> dict[str, str]:
    """Return the date of the data, the frequency, and whether they are up to date with respect to it."""
    days = (_day(dataset.text(name)) for name in ("modified", "issued", "created"))
    updated = next(filter(None, days), None)
    code = freshness.code(dataset.text("frequency"))
    due = freshness.due_date(code, updated, _day(dataset.text("next_update")))
    frequency, fresh = "", ""
    if freshness.is_stated(code):
        frequency = _label("frequency", code)
    if due:
        fresh = "late" if due < dates.today() else "ok"
    return {
        "dated": dates.day(updated),
        "frequency": frequency,
        "fresh": fresh,
        "due": dates.day(due),
    }


def _day(text: str) -> date | None:
    if not text:
        return None
    try:
        return dates.read(text[: dates.DAY_CHARACTERS])
    except ValueError:
        return None
