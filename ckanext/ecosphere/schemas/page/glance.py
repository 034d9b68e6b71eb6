"""Summary at the top of a dataset page: extent, period, freshness, access, licence, main resource."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.schemas import wording
from ckanext.ecosphere.schemas.catalogue import inheritance
from ckanext.ecosphere.schemas.fields import places, spatial, urls
from ckanext.ecosphere.schemas.fields.values import as_list
from ckanext.ecosphere.schemas.page import uses
from ckanext.ecosphere.shared import dates, once, outlines, reach
from ckanext.ecosphere.vocabularies import freshness

MOST_PLACES = 4
MOST_RECTANGLES = 40
CODE = "https://schema.org/SoftwareSourceCode"

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
    uris = [str(uri) for uri in as_list(whole.get("territory") or [])]
    labels = [_place(uri) for uri in uris] or [
        str(row["text"]) for row in _rows(whole, "spatial_coverage") if row.get("text")
    ]
    return {
        "map": extent_map(whole),
        "places": labels[:MOST_PLACES],
        "more_places": max(len(labels) - MOST_PLACES, 0),
        "periods": [text for row in _rows(whole, "temporal_coverage") if (text := wording.ecosphere_period_text(row))],
        "licence": _licence(str(whole.get("license_id") or "")),
        "access": access(whole),
        "main": main(whole),
        "hvd": [_category(uri) for uri in as_list(whole.get("hvd_category") or [])],
        **_age(whole),
    }


def _category(uri: Any) -> str:
    concept = voc.get("hvd-category").get(str(uri))
    return concept.label(wording.page_language()) if concept else str(uri)


def access(dataset: Dataset) -> dict[str, Any]:
    """Return the access to a dataset.

    Returns:
        ``label``, ``restricted``, ``asked`` (whether the data must be asked for: restricted, internal or without a
        resource), ``grounds``, ``conditions`` and ``contacts``.
    """
    rights = str(dataset.get("access_rights") or "")
    concept = voc.get("access-right").get(rights) if rights else None
    grounds = [
        voc.get("access-limitation").get(uri) for uri in map(str, as_list(dataset.get("access_limitation") or []))
    ]
    return {
        "label": concept.label(wording.page_language()) if concept else "",
        "restricted": reach.is_restricted(dataset),
        "asked": _is_asked_for(dataset),
        "grounds": [each.label(wording.page_language()) for each in grounds if each and each.data["restricts"]],
        "conditions": str(dataset.get("access_conditions") or ""),
        "contacts": _rows(dataset, "contact"),
    }


def _is_asked_for(dataset: Dataset) -> bool:
    """Return whether data must be asked for; a URL recognised as a file or service is enough, whatever its format."""
    ways = reach.ways(dataset)
    way = main(dataset)
    open_way = way and way[1].action != uses.OPEN and not links.is_internal(way[0])
    if open_way and not reach.is_restricted(dataset):
        return False
    return bool(ways) and not {reach.DOWNLOAD, reach.SERVICE}.intersection(ways)


def main(dataset: Dataset) -> tuple[Mapping[str, Any], uses.Use] | None:
    """Return the main access to a dataset with its use: service endpoint, code repository, or main resource."""
    for address in as_list(dataset.get("endpoint_url") or []):
        service = {"url": str(address), "resource_role": "service", "name": dataset.get("title")}
        return service, uses.of(service)
    if dataset.get("dcat_type") == CODE and urls.is_web_address(str(dataset.get("code_repository") or "")):
        address = str(dataset["code_repository"])
        return {"url": address}, uses.Use(uses.DATA, "", "", False, uses.OPEN, address, "open_repository")
    return uses.main(entries(dataset))


def resources(dataset: Dataset) -> list[Mapping[str, Any]]:
    """Return the resources of a dataset; one of unknown format gets the media type that its server answered."""
    return [resource for resource, _use in entries(dataset)]


def entries(dataset: Dataset) -> list[uses.Entry]:
    """Return the resources of a dataset (see `resources`) with their uses, computed once per page."""
    return once.of_dataset("entries", dataset, _entries)


def _entries(dataset: Dataset) -> list[uses.Entry]:
    known = [(resource, uses.of(resource)) for resource in _rows(dataset, "resources")]
    if all(use.format for _resource, use in known):
        return known
    states = reach.link_states(dataset)
    return [_completed(resource, use, states) for resource, use in known]


def _completed(resource: Mapping[str, Any], use: uses.Use, states: Mapping[str, Mapping[str, Any]]) -> uses.Entry:
    if use.format:
        return resource, use
    addresses = [str(resource.get(field) or "") for field in ("download_url", "url")]
    answers = [str(states.get(address, {}).get("answered") or "") for address in addresses]
    completed = {**resource, "mimetype": next(filter(None, answers), "")}
    return completed, uses.of(completed)


def extent_map(dataset: Dataset) -> ExtentMap | None:
    """Return the extent of a dataset on the outline that contains most of its boxes, or None when none does."""
    boxes = list(_boxes(dataset))[:MOST_RECTANGLES]
    framed = [(frame, box) for box in boxes if box[0] <= box[2] and (frame := outlines.frame_of(box))]
    if not framed:
        return None
    frame = max((each for each, _box in framed), key=lambda one: sum(other is one for other, _box in framed))
    drawn = tuple(outlines.rectangle(frame, box) for each, box in framed if each is frame)
    west, south, east, north = zip(*(box for each, box in framed if each is frame), strict=True)
    whole = spatial.box_to_geometry((min(west), min(south), max(east), max(north)))
    return ExtentMap(frame, drawn, wording.ecosphere_extent_text(whole))


def _boxes(dataset: Dataset) -> Iterator[outlines.Box]:
    """Yield the boxes of the spatial coverage, else those of the territories, else that of `spatial`."""
    found = False
    for row in _rows(dataset, "spatial_coverage"):
        for key in ("bbox", "geom"):
            try:
                shape = spatial.parse_geometry(row[key]) if row.get(key) else None
            except spatial.GeometryError:
                continue
            if shape:
                found = True
                yield spatial.sides(shape) or spatial.geometry_to_box(shape)
                break
    for uri in () if found else map(str, as_list(dataset.get("territory") or [])):
        if box := spatial.territory_box(uri):
            found = True
            yield box
    if not found and dataset.get("spatial"):
        try:
            yield spatial.geometry_to_box(spatial.parse_geometry(dataset["spatial"]))
        except spatial.GeometryError:
            return


def _place(uri: str) -> str:
    label, level = places.label(uri, wording.page_language()), wording.ecosphere_place_level(uri)
    return f"{label} ({level})" if level else label


def _licence(identifier: str) -> dict[str, str]:
    concept = voc.get("licences").get(identifier) if identifier else None
    if concept is None:
        return {"label": identifier, "href": identifier if urls.is_web_address(identifier) else ""}
    return {
        "label": concept.label(wording.page_language()),
        "href": concept.uri if urls.is_web_address(concept.uri) else "",
    }


def _age(dataset: Dataset) -> dict[str, str]:
    """Return the date of the data, the frequency, and whether they are up to date with respect to it."""
    updated = _day(dataset.get("modified")) or _day(dataset.get("issued")) or _day(dataset.get("created"))
    code = freshness.code(str(dataset.get("frequency") or ""))
    due = freshness.due_date(code, updated, _day(dataset.get("next_update")))
    known = voc.get("frequency").get(code) if freshness.is_stated(code) else None
    return {
        "dated": dates.day(updated),
        "frequency": known.label(wording.page_language()) if known else "",
        "fresh": ("late" if due < dates.today() else "ok") if due else "",
        "due": dates.day(due),
    }


def _day(value: Any) -> date | None:
    try:
        return dates.read(str(value)[: dates.DAY_CHARACTERS]) if value else None
    except ValueError:
        return None


def _rows(dataset: Dataset, field: str) -> list[Mapping[str, Any]]:
    return [row for row in dataset.get(field) or () if isinstance(row, Mapping)]
