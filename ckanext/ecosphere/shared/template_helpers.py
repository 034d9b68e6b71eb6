"""Template helpers for the pages of every room: territories and their maps, labels, titles,
file sizes, URLs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from ckan.types import DataDict
from dominate import tags
from werkzeug.routing import BuildError

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import links, outlines
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import config, language, once, reach
from ckanext.ecosphere.vocabularies import languages

BYTES_PER_STEP = 1000
#: Pages that list the datasets of a service or group → the equivalent search filter.
LISTS = {"organization.read": "organization", "group.read": "groups"}


def ecosphere_territories() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the territories to choose from by type: heading,
    and (id, label) in alphabetical order.
    """
    headings = {
        "region": _("Régions"),
        "departement": _("Départements"),
        "outre-mer": _("Overseas"),
        "zone-maritime": _("Maritime zones"),
    }
    lang = language.current()
    choices: dict[str, list[tuple[str, str]]] = {kind: [] for kind in headings}
    for place in sorted(voc.get("territories"), key=_alphabetical):
        kind = place.data.get("type")
        if kind in choices:
            choices[kind].append((place.id, _numbered(place, lang)))
    return [(heading, choices[kind]) for kind, heading in headings.items()]


def ecosphere_map_frames() -> tuple[outlines.Frame, ...]:
    """Return the maps on which a rectangle can be drawn, mainland France first."""
    return outlines.frames()


def ecosphere_map_background() -> dict[str, str]:
    """Return the background map: `tiles` (URL with {z}, {x} and {y}, "" for none) and `credit`."""
    return {"tiles": config.map_tiles(), "credit": config.map_credit()}


def ecosphere_labels(vocabulary: str, keys: list[str] | str | None) -> list[str]:
    """Return labels of concepts in the language of the page; unknown concepts are left out."""
    concepts = voc.get(vocabulary)
    labels = [concepts.label(key, language.current()) for key in _list(keys)]
    return [label for label in labels if label]


def _list(value: list[str] | str | None) -> list[str]:
    if isinstance(value, str):
        return [value]
    return value or []


def ecosphere_size_text(value: Any) -> str:
    """Format a size in bytes: "1,5 Mo" in French, "1.5 MB" in English."""
    from babel.numbers import format_decimal

    try:
        size = float(value)
    except (TypeError, ValueError, OverflowError):
        return str(value)
    units = (_("bytes"), _("kB"), _("MB"), _("GB"), _("TB"))
    step = 0
    while size >= BYTES_PER_STEP and step < len(units) - 1:
        size, step = size / BYTES_PER_STEP, step + 1
    locale = language.current().replace("-", "_")
    return f"{format_decimal(round(size, 1), locale=locale)} {units[step]}"


def ecosphere_page_of(kind: str, name: str) -> str:
    """Return the URL of a dataset, service or group;
    "" for a type whose plugin is no longer loaded.
    """
    try:
        return tk.url_for(f"{kind}.read", id=name)
    except BuildError:
        return ""


def ecosphere_text_language(dataset: Row, field: str) -> str:
    """Return the language of a dataset's text as shown on its page: a BCP 47 tag, for `lang`.

    It is the language of the translation shown, else that of the dataset; if there are several,
    French is preferred, as in `vocabularies.languages`.

    Args:
        dataset: as returned by `package_show`.
        field: `title` or `notes`.

    Returns:
        "" if it is the language of the page, or unknown.
    """
    texts = dataset.get(f"{field}{languages.SUFFIX}")
    title = tk.h.get_translated(dataset, field)
    tags = []
    if isinstance(texts, Mapping):
        tags = [tag for tag, text in texts.items() if text == title]
    if not tags:
        uris = _list(dataset.get("language"))
        tags = [languages.tag(str(uri).rstrip("/").rpartition("/")[2]) for uri in uris]
    spoken = next(filter(None, tags), "")
    if languages.FRENCH in tags:
        spoken = languages.FRENCH
    if spoken.partition("-")[0] == language.current()[:2]:
        return ""
    return spoken


def ecosphere_is_internal(resource: Row) -> bool:
    """Return whether a resource is reachable only within the State's own network."""
    return links.is_internal(resource)


def ecosphere_closed(dataset: Row, resource: Row) -> str:
    """Return why the reader cannot get data from a resource: "restricted", "internal" (the State's
    network), or "".

    Documents about restricted data are open. Those who may edit a dataset have a right to its data.
    """
    if links.is_internal(resource):
        return "internal"
    if reach.is_document(resource) or not reach.is_restricted(dataset):
        return ""
    if once.of_dataset("may edit", dataset, _may_edit):
        return ""
    return "restricted"


def _may_edit(dataset: Row) -> bool:
    return bool(tk.h.check_access("package_update", {"id": dataset["id"]}))


def ecosphere_pager_symbols() -> DataDict:
    """Return the symbols of the previous and next links, with names for screen readers (CKAN's have
    none).

    Returns:
        `symbol_previous` and `symbol_next`, arguments of CKAN's `Page.pager`.
    """
    names = {"previous": ("‹", _("Previous page")), "next": ("›", _("Next page"))}
    return {
        f"symbol_{key}": tags.span(
            tags.span(sign, aria_hidden="true"), tags.span(name, cls="visually-hidden")
        )
        for key, (sign, name) in names.items()
    }


def _numbered(place: voc.Concept, lang: str) -> str:
    """Return the label of a territory, with the number of a département: "Ain (01)"."""
    label = place.label(lang)
    if place.data.get("type") == "departement":
        return f"{label} ({place.data['code']})"
    return label


def _alphabetical(place: voc.Concept) -> str:
    return voc.normalise(place.label_fr)


_LOT = re.compile(r"Lot\s*:\s*", re.IGNORECASE)
"""Géo-IDE's word for a series at the beginning of a title: it reads as the département."""


def is_series(kind: Any) -> bool:
    """Return whether the type of a resource (`dcat_type`) is that of a series."""
    concept = voc.get("resource-type").get(str(kind or ""))
    return concept is not None and concept.id == "series"


def shown_title(title: str, kind: Any) -> str:
    """Return the title of a dataset of some type (`dcat_type`).

    That of a series says so in plain words.
    """
    lot = _LOT.match(title)
    if lot and is_series(kind):
        return _("Series: {title}").format(title=title[lot.end() :])
    return title


#: By name, for `ITemplateHelpers`.
HELPERS = {
    helper.__name__: helper
    for helper in (
        ecosphere_territories,
        ecosphere_map_frames,
        ecosphere_map_background,
        ecosphere_labels,
        ecosphere_size_text,
        ecosphere_page_of,
        ecosphere_text_language,
        ecosphere_is_internal,
        ecosphere_closed,
        ecosphere_pager_symbols,
    )
}


def filter_of_page() -> dict[str, str]:
    """Return the search filter equivalent to the current page of a service or group.

    Empty for other pages.
    """
    name = LISTS.get(tk.request.endpoint or "")
    group = model.Group.get((tk.request.view_args or {}).get("id")) if name else None
    if name and group:
        return {name: str(group.name)}
    return {}
