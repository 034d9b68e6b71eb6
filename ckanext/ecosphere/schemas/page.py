"""The page of a dataset: its summary, the main actions of its resources, and its citation.

The helpers, which the templates call, come first. What they show is computed below, in the order of
the page.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import yaml
from ckan.lib.search import SearchError
from ckan.types import DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import links, outlines
from ckanext.ecosphere.dataset.dates import days_of, due_date, frequency_code, is_stated
from ckanext.ecosphere.dataset.geometry import box_to_geometry, hull
from ckanext.ecosphere.dataset.links import DATA, METADATA, SERVICE, VIEWER, Nature
from ckanext.ecosphere.dataset.services import endpoint
from ckanext.ecosphere.dataset.view import Row, View
from ckanext.ecosphere.schemas import places, relations, schemaorg, stored, urls, wording
from ckanext.ecosphere.schemas.rdf.parts import HIGH_VALUE_REGULATION
from ckanext.ecosphere.schemas.relations import (  # noqa: F401 - for the templates
    ecosphere_address_text,
)
from ckanext.ecosphere.shared import (
    characters,
    contact_details,
    dates,
    language,
    once,
    reach,
    template_helpers,
)
from ckanext.ecosphere.vocabularies import Concept

Dataset = Row
RESOURCES_SHOWN = 100
"""Resources on one page of a dataset."""


def ecosphere_glance(dataset: Dataset) -> DataDict:
    """Return the summary of a dataset (`glance`), computed once per page."""
    return once.of_dataset("glance", dataset, glance)


def ecosphere_hvd_regulation() -> str:
    """Return the URL of the regulation about high-value datasets."""
    return HIGH_VALUE_REGULATION


def ecosphere_access(dataset: Dataset) -> DataDict:
    """Return the access conditions of a dataset (`access`)."""
    return access(dataset)


def ecosphere_resources_by_use(dataset: Dataset) -> DataDict:
    """Return one page of the resources of a dataset, grouped by kind of use.

    Returns:
        ``groups`` (``kind``, ``label``, ``icon``, ``help``, ``resources``), ``page``, ``pages``
        (number of pages), ``first`` and ``last`` (numbers of the resources shown, from 1),
        ``number`` (of all resources).
    """
    ordered = in_order(entries(dataset))
    pages = max(1, math.ceil(len(ordered) / RESOURCES_SHOWN))
    page = min(max(1, tk.request.args.get("page", 1, type=int)), pages)
    first = (page - 1) * RESOURCES_SHOWN
    of_page = ordered[first : first + RESOURCES_SHOWN]
    groups: dict[str, DataDict] = {}
    for resource, use in of_page:
        if use.kind not in groups:
            groups[use.kind] = _group(use.kind)
        groups[use.kind]["resources"].append(resource)
    return {
        "groups": list(groups.values()),
        "page": page,
        "pages": pages,
        "first": first + 1,
        "last": first + len(of_page),
        "number": len(ordered),
    }


def _group(kind: str) -> DataDict:
    entry = texts()["kinds"][kind]
    return {
        "kind": kind,
        "label": _text(entry["label"]),
        "icon": entry["icon"],
        "help": _text(entry.get("help", {})),
        "resources": [],
    }


def ecosphere_resource_use(resource: Row, dataset: Dataset | None = None) -> DataDict:
    """Return the use of a resource and the text of its main button.

    Args:
        resource: the resource, from `package_show` or `resources`.
        dataset: its dataset, whose link checks may tell the format; not needed for a resource from
            `resources`.

    Returns:
        the fields of `Use`, ``kind_label`` and ``text`` ("Télécharger GeoPackage, 12 Mo").
    """
    by_id = once.of_dataset("uses by id", dataset, _uses_by_id) if dataset else {}
    return _shown(resource, by_id.get(resource.get("id")) or use_of(resource))


def _uses_by_id(dataset: Dataset) -> dict[Any, Use]:
    return {resource.get("id"): use for resource, use in entries(dataset)}


def ecosphere_structured_data(dataset: Dataset) -> DataDict:
    """Return the structured data of a page (`schemaorg.structured_data`).

    They contain only the first `RESOURCES_SHOWN` resources.
    """
    return schemaorg.structured_data({**dataset, "resources": resources(dataset)[:RESOURCES_SHOWN]})


def ecosphere_main_way(dataset: Dataset) -> DataDict | None:
    """Return the main ``resource`` of a dataset and its use (`ecosphere_resource_use`), or None."""
    way = ecosphere_glance(dataset)["main"]
    if way is None:
        return None
    resource, use = way
    return {"resource": resource, **_shown(resource, use)}


def ecosphere_link_state(dataset: Dataset, resource: Row) -> DataDict | None:
    """Return the result of the last link check of a resource, None without one.

    It is a row of `ecosphere_quality_links`.
    """
    states = reach.link_states(dataset)
    for field in ("download_url", "url"):
        link = states.get(str(resource.get(field) or ""))
        if link:
            return link if link["checked_at"] else None
    return None


def ecosphere_around(dataset: Dataset) -> dict[str, list[DataDict]]:
    """Return the datasets around one (`relations.related`) except its editions.

    There are none when the search fails.
    """
    try:
        parts = once.of_dataset("around", dataset, relations.related)
    except SearchError:
        return relations.nothing()
    editions = ecosphere_editions(dataset)
    names = {edition["name"] for edition in (*editions["older"], *editions["newer"])}
    others = {}
    for part, datasets in parts.items():
        others[part] = [other for other in datasets if other["name"] not in names]
    return others


def ecosphere_editions(dataset: Dataset) -> DataDict:
    """Return the other editions of a dataset (`relations.editions`), computed once per page.

    There are none when the search fails.
    """
    try:
        return once.of_dataset("editions", dataset, relations.editions)
    except SearchError:
        return {"older": [], "newer": [], "newest": None}


def ecosphere_collections(dataset: Dataset) -> DataDict:
    """Return the collections that use a dataset (`relations.collections`), once per page."""
    return once.of_dataset("collections", dataset, relations.collections)


def ecosphere_makers(dataset: Dataset) -> contact_details.Makers:
    """Return who made a dataset (`contact_details.makers_of`), computed once per page."""
    return once.of_dataset("makers", dataset, contact_details.makers_of)


def ecosphere_citation(dataset: Dataset) -> DataDict:
    """Return the citation of a dataset: ``text``, ``permalink``, ``formats`` (label, extension)."""
    address = relations.permalink(dataset)
    citation = citation_of(dataset, tk.config["ckan.site_title"], address)
    formats = [(form.label, ending) for ending, form in FORMATS.items() if ending != "txt"]
    return {"text": plain_text(citation), "permalink": address, "formats": formats}


def _shown(resource: Row, use: Use) -> DataDict:
    """Return a use with its texts, see `ecosphere_resource_use`."""
    text = ""
    if use.button:
        text = _text(texts()["buttons"][use.button]).format(format=use.name, name=use.name)
    if resource.get("size") and use.action in (DOWNLOAD, OPEN):
        text += f", {template_helpers.ecosphere_size_text(resource['size'])}"
    return {**vars(use), "kind_label": _text(texts()["kinds"][use.kind]["label"]), "text": text}


def _text(labels: Mapping[str, str]) -> str:
    """Return a text of `uses.yaml` in the language of the page."""
    return labels.get(language.of_tables(), "")


# --- summary: extent, period, freshness, access, licence, main resource --------------------------

#: Places that the summary names, and boxes that its map shows.
MOST_PLACES, MOST_RECTANGLES = 4, 40
#: Kind of the datasets that are source code.
CODE = "SoftwareSourceCode"


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


def glance(dataset: Dataset) -> DataDict:
    """Return the summary of a dataset.

    Args:
        dataset: the dataset, from `package_show`.

    Returns:
        ``map`` (`ExtentMap` or None), ``places`` (the first labels) and ``more_places`` (number of
        others), ``periods`` (in words), ``dated`` (last change of the data, in words),
        ``frequency`` (label), ``fresh`` (ok, late or ""), ``due`` (last day on which the data count
        as up to date, in words), ``licence`` (label, href), ``access`` (see `access`), ``main``
        (resource and use, or None), ``hvd`` (labels of the categories of high-value datasets).
    """
    whole = stored.completed(dataset)
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
        "main": main_way(whole),
        "hvd": [_label("hvd-category", uri) or uri for uri in view.many("hvd_category")],
        **_age(view),
    }


def _label(vocabulary: str, value: str) -> str:
    """Return the label of a concept in the language of the page, "" for an unknown one."""
    return voc.get(vocabulary).label(value, language.current())


def access(dataset: Dataset) -> DataDict:
    """Return the access to a dataset.

    Returns:
        ``label``, ``restricted``, ``asked`` (whether the data must be asked for: restricted,
        internal or without a resource), ``grounds``, ``conditions`` and ``contacts``.
    """
    view = View(dataset)
    limits = [voc.get("access-limitation").get(uri) for uri in view.many("access_limitation")]
    grounds = [limit for limit in limits if limit and limit.data["restricts"]]
    return {
        "label": _label("access-right", view.text("access_rights")),
        "restricted": reach.is_restricted(dataset),
        "asked": _is_asked_for(dataset),
        "grounds": [ground.label(language.current()) for ground in grounds],
        "conditions": str(dataset.get("access_conditions") or ""),
        "contacts": list(view.rows("contact")),
    }


def _is_asked_for(dataset: Dataset) -> bool:
    """Return whether the data must be asked for.

    They need not be if the main resource leads to a file or service, whatever its format.
    """
    way = main_way(dataset)
    if way and not reach.is_restricted(dataset):
        resource, use = way
        if use.action != OPEN and not links.is_internal(resource):
            return False
    ways = reach.ways(dataset)
    return bool(ways) and not {reach.DOWNLOAD, reach.SERVICE}.intersection(ways)


def main_way(dataset: Dataset) -> tuple[Row, Use] | None:
    """Return the main access to a dataset with its use: endpoint, code repository or resource."""
    view = View(dataset)
    for address in view.many("endpoint_url"):
        service = {"url": address, "resource_role": "service", "name": dataset.get("title")}
        return service, use_of(service)
    repository = view.text("code_repository")
    if view.kind == CODE and urls.is_web_address(repository):
        use = Use(DATA, "", "", False, OPEN, repository, "open_repository")
        return {"url": repository}, use
    return main_entry(entries(dataset))


def resources(dataset: Dataset) -> list[Row]:
    """Return the resources of a dataset.

    Those of unknown format get the media type with which their server answered the link check.
    """
    return [resource for resource, _use in entries(dataset)]


def entries(dataset: Dataset) -> list[Entry]:
    """Return the resources of a dataset (see `resources`) with their uses, once per page."""
    return once.of_dataset("entries", dataset, _entries)


def _entries(dataset: Dataset) -> list[Entry]:
    rows = [row for row in dataset.get("resources") or () if isinstance(row, Mapping)]
    as_stated = [(resource, use_of(resource)) for resource in rows]
    if all(use.format for _resource, use in as_stated):
        return as_stated
    states = reach.link_states(dataset)
    return [_completed(resource, use, states) for resource, use in as_stated]


def _completed(resource: Row, use: Use, states: Mapping[str, Row]) -> Entry:
    """Return a resource and its use, with the answered media type if its format is unknown."""
    if use.format:
        return resource, use
    addresses = [str(resource.get(field) or "") for field in ("download_url", "url")]
    answers = [str(states.get(address, {}).get("answered") or "") for address in addresses]
    completed = {**resource, "mimetype": next(filter(None, answers), "")}
    return completed, use_of(completed)


def extent_map(dataset: View) -> ExtentMap | None:
    """Return the extent of a dataset on the outline that contains most of its boxes, or None."""
    boxes_by_frame: dict[outlines.Frame, list[outlines.Box]] = {}
    for box in _boxes(dataset)[:MOST_RECTANGLES]:
        west, _south, east, _north = box
        frame = outlines.frame_of(box) if west <= east else None  # not across the antimeridian
        if frame:
            boxes_by_frame.setdefault(frame, []).append(box)
    if not boxes_by_frame:
        return None
    frame, boxes = max(boxes_by_frame.items(), key=lambda item: len(item[1]))
    rectangles = tuple(outlines.rectangle(frame, box) for box in boxes)
    whole = box_to_geometry(hull(boxes))
    return ExtentMap(frame, rectangles, wording.ecosphere_extent_text(whole))


def _boxes(dataset: View) -> list[outlines.Box]:
    """Return the boxes of the spatial coverage, else of the territories, else of `spatial`."""
    boxes = [_box(row, "bbox") or _box(row, "geom") for row in dataset.rows("spatial_coverage")]
    if not any(boxes):
        boxes = list(map(places.territory_box, dataset.territories))
    if not any(boxes):
        boxes = [_box(dataset.values, "spatial")]
    return [box for box in boxes if box]


def _box(row: Row, key: str) -> outlines.Box | None:
    shape = places.shape(row, key)
    if shape is None:
        return None
    return places.sides(shape) or places.geometry_to_box(shape)


def _place(uri: str) -> str:
    label = places.label(uri, language.current())
    level = wording.ecosphere_place_level(uri)
    if not level:
        return label
    return f"{label} ({level})"


def _licence(identifier: str) -> dict[str, str]:
    """Return the label of a licence, and its web address as `href`, "" without one."""
    concept = voc.get("licences").get(identifier) if identifier else None
    label = address = identifier
    if concept:
        label = concept.label(language.current())
        address = concept.uri
    if not urls.is_web_address(address):
        address = ""
    return {"label": label, "href": address}


def _age(dataset: View) -> dict[str, str]:
    """Return the date of the data, the frequency of updates, and whether they are up to date."""
    texts = (dataset.text(name) for name in ("modified", "issued", "created"))
    updated = next(filter(_first_day, texts), "")
    code = frequency_code(dataset.text("frequency"))
    due = due_date(code, _first_day(updated), _first_day(dataset.text("next_update")))
    frequency, fresh = "", ""
    if is_stated(code):
        frequency = _label("frequency", code)
    if due:
        fresh = "late" if due < dates.today() else "ok"
    return {
        "dated": wording.ecosphere_date_text(updated[: dates.DAY_CHARACTERS]),
        "frequency": frequency,
        "fresh": fresh,
        "due": dates.day(due),
    }


def _first_day(text: str) -> date | None:
    """Return a day, or the first one of a month or year, as the quality counts it."""
    days = days_of(text)
    if days is None:
        return None
    return days[0]


def _day(text: str) -> date | None:
    """Return the day with which a text begins, None if there is none."""
    if not text:
        return None
    try:
        return dates.read(text[: dates.DAY_CHARACTERS])
    except ValueError:
        return None


# --- main action of a resource (download, copy, open) and its button, after what its link is -----

TEXTS = Path(__file__).parent / "data" / "uses.yaml"
DOWNLOAD, COPY, OPEN = "download", "copy", "open"
#: Words of an address or name that show that a viewer is a map.
_MAP = re.compile(r"\bcartes?\b|/map\b|\bmap|wms|lizmap|viewer|cartograph")


@dataclass(frozen=True)
class Use:
    """Use of a resource on the dataset page.

    Attributes:
        kind: data, service, viewer, documentation, sample or metadata.
        format: id in the vocabulary `format`, "" when unknown.
        name: name of the format or service on a button ("Shapefile", "WFS"), "" when unknown.
        zipped: whether the file is an archive that contains this format.
        action: download, copy or open; "" without an address.
        address: address to download, copy or open.
        button: key of the button's text in `uses.yaml`.
    """

    kind: str
    format: str
    name: str
    zipped: bool
    action: str
    address: str
    button: str


@cache
def texts() -> DataDict:
    """Return the labels of kinds and buttons, and the short names of formats."""
    return yaml.safe_load(TEXTS.read_text(encoding="utf-8"))


def use_of(resource: Row) -> Use:
    """Return the use of a resource.

    Args:
        resource: the resource, from `package_show`; any field may be missing.
    """
    url = str(resource.get("url") or resource.get("download_url") or "")
    nature = links.nature(resource)
    concept = nature.format
    if nature.kind == SERVICE:
        address = endpoint(url)
        name = _service_name(nature)
    else:
        address = str(resource.get("download_url") or url)
        name = _name(concept)
    zipped = (
        concept is not None
        and concept.data["kind"] != "archive"
        and links.is_zip(resource, address)
    )
    action, button = "", ""
    if address:
        action, button = _button(nature, address, _is_file(nature.protocol, resource))
    if button == "copy" and not name:
        button = "copy_plain"
    words = f"{resource.get('name')} {address}"[: links.LONGEST_URL].lower()
    if button == "open_map" and not _MAP.search(words):
        button = "open_plain"
    format_id = concept.id if concept else ""
    return Use(nature.kind, format_id, name, zipped, action, address, button)


Entry = tuple[Row, Use]
"""A resource with its use."""


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Return the resources of a dataset with their uses, by kind in the order of `uses.yaml`."""
    kinds = list(texts()["kinds"])
    return sorted(entries, key=lambda entry: kinds.index(entry[1].kind))


def main_entry(entries: Iterable[Entry]) -> Entry | None:
    """Return the main resource with its use: the first file, else service, else page.

    Intranet resources come last.
    """
    usable = [entry for entry in entries if entry[1].kind in (DATA, SERVICE) and entry[1].action]
    actions = (DOWNLOAD, COPY, OPEN)

    def rank(entry: Entry) -> tuple[bool, int]:
        resource, use = entry
        return links.is_internal(resource), actions.index(use.action)

    return min(usable, key=rank, default=None)


def _name(concept: Concept | None) -> str:
    if concept is None:
        return ""
    return str(texts()["short"].get(concept.id, concept.id))


def _service_name(nature: Nature) -> str:
    """Return the name of a service for a button: of its interface rather than its answers."""
    if "API" in nature.protocol:
        return "OGC API"
    if nature.format is None and links.is_service_protocol(nature.protocol):
        return nature.protocol.removeprefix("OGC:")
    return _name(nature.format)


#: Buttons of the kinds whose address is a page to open.
_PAGES = {VIEWER: "open_map", METADATA: "open_record"}


def _button(nature: Nature, address: str, is_file: bool) -> tuple[str, str]:
    """Return the action of the main button and the key of its text."""
    kind, concept = nature.kind, nature.format
    is_page = concept is not None and concept.id == "HTML"
    if kind == SERVICE:
        return COPY, "copy"
    if not urls.is_web_address(address):
        return COPY, "copy_plain"  # browsers open neither FTP URLs nor network paths
    if kind == DATA and (is_page or _is_folder(address) or not (concept or is_file)):
        return OPEN, "open_source"
    if kind in _PAGES or is_page:
        return OPEN, _PAGES.get(kind, "open_page")
    return _button_of_file(kind, concept)


def _button_of_file(kind: str, concept: Concept | None) -> tuple[str, str]:
    """Return the action and the text of a file: documents are opened, data are downloaded."""
    if concept is None and kind == DATA:
        return DOWNLOAD, "download_plain"
    if concept is None:
        return OPEN, "open_plain"
    if kind != DATA and concept.data["kind"] in links.DOCUMENT_KINDS:
        return OPEN, "open"
    return DOWNLOAD, "download"


def _is_folder(url: str) -> bool:
    """Return whether a URL is a directory listing rather than a file."""
    parts = links.split(url)
    return not parts.query and (parts.path.endswith("/") or not parts.path)


def _is_file(protocol: str, resource: Row) -> bool:
    """Return whether a resource of unknown format is a file rather than a page."""
    uploaded = resource.get("url_type") == "upload" or bool(resource.get("download_url"))
    return uploaded or protocol == "HTTP:DOWNLOAD"


# --- citation ------------------------------------------------------------------------------------

#: Characters with a meaning in BibTeX → how they are written.
_BIBTEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\textbraceleft{}",  # BibTeX counts braces, whatever stands before them
        "}": r"\textbraceright{}",
        "%": r"\%",
        "&": r"\&",
        "_": r"\_",
        "#": r"\#",
        "$": r"\$",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
    }
)
#: Characters that a BibTeX key cannot contain.
_NOT_IN_KEY = re.compile(r"[^A-Za-z0-9]+")
MOST_AUTHORS = 10


@dataclass(frozen=True)
class Citation:
    """Content of a citation.

    Attributes:
        key: name of the dataset, as the citation key.
        authors: names of those who made the data; empty if the dataset does not say.
        title: title of the dataset.
        day: day of its last revision, publication or creation; None when unknown.
        version: the producer's version number, "" without one.
        portal: title of the portal, as the publisher.
        address: permanent URL, which does not change when the dataset is renamed.
    """

    key: str
    authors: tuple[str, ...]
    title: str
    day: date | None
    version: str
    portal: str
    address: str


def citation_of(dataset: Row, portal: str, address: str) -> Citation:
    """Return the citation of a dataset.

    Args:
        dataset: the dataset, from ``package_show``.
        portal: title of the portal.
        address: permanent URL of its page.
    """
    authors = [_line(name) for name in contact_details.makers_of(dataset).names[:MOST_AUTHORS]]
    title = dataset.get("title") or dataset.get("name") or ""
    days = [_day(str(dataset.get(field) or "")) for field in ("modified", "issued", "created")]
    return Citation(
        str(dataset.get("name") or ""),
        tuple(authors),
        _line(template_helpers.shown_title(title, dataset.get("dcat_type"))),
        next(filter(None, days), None),
        _line(dataset.get("version") or ""),
        _line(portal),
        address,
    )


def plain_text(citation: Citation) -> str:
    """Return a citation as a sentence, in the style of French publications."""
    parts = [", ".join(citation.authors), citation.title]
    if not citation.authors:
        parts = [citation.title]
    if citation.day:  # after the authors, or else after the title
        parts[0] += f" ({citation.day.year})"
    if citation.version:
        parts.append(f"Version {citation.version}")
    parts.append(citation.portal)
    return ". ".join(part.rstrip(".") for part in parts if part) + f". {citation.address}"


def bibtex(citation: Citation) -> str:
    """Return a citation in BibTeX."""
    year, day = "", ""
    if citation.day:
        year, day = str(citation.day.year), citation.day.isoformat()
    fields = {
        "author": " and ".join(f"{{{author.translate(_BIBTEX)}}}" for author in citation.authors),
        "title": f"{{{citation.title.translate(_BIBTEX)}}}",
        "year": year,
        "date": day,
        "version": citation.version.translate(_BIBTEX),
        "publisher": citation.portal.translate(_BIBTEX),
        "url": citation.address,
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    key = _NOT_IN_KEY.sub("-", citation.key)
    return f"@dataset{{{key},\n" + ",\n".join(lines) + "\n}\n"


def ris(citation: Citation) -> str:
    """Return a citation in RIS; lines end with CR LF, as the format requires."""
    lines = [
        "TY  - DATA",
        *(f"AU  - {author}" for author in citation.authors),
        f"TI  - {citation.title}",
    ]
    if citation.day:
        lines += [f"PY  - {citation.day.year}", f"DA  - {citation.day:%Y/%m/%d}"]
    if citation.version:
        lines.append(f"ET  - {citation.version}")
    lines += [f"PB  - {citation.portal}", f"UR  - {citation.address}", "ER  - "]
    return "\r\n".join(lines) + "\r\n"


@dataclass(frozen=True)
class Format:
    """A citation format: function that writes it, label on the page, media type."""

    write: Callable[[Citation], str]
    label: str
    media_type: str


#: Citation formats by extension of the URL.
FORMATS = {
    "txt": Format(plain_text, "Texte", "text/plain"),
    "bib": Format(bibtex, "BibTeX", "application/x-bibtex"),
    "ris": Format(ris, "RIS", "application/x-research-info-systems"),
}


def _line(value: Any) -> str:
    """Return a text on one line: in RIS, a line break would start a new field."""
    return characters.one_line(str(value))
