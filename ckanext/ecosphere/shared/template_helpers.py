"""Template helpers for the pages of every room: lists, labels and maps of territories, sizes of files, addresses."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from dominate import tags
from werkzeug.routing import BuildError

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.shared import language, outlines
from ckanext.ecosphere.vocabularies import languages

BYTES_PER_STEP = 1000


def ecosphere_territories() -> list[tuple[str, list[tuple[str, str]]]]:
    """Territories to choose from: (heading, (id, label) in alphabetical order) for each type."""
    headings = {
        "region": tk._("Régions"),
        "departement": tk._("Départements"),
        "outre-mer": tk._("Overseas"),
        "zone-maritime": tk._("Maritime zones"),
    }
    lang = language.current()
    ordered = sorted(voc.get("territories"), key=lambda place: str(place.data.get("type")))
    groups = {key: list(each) for key, each in itertools.groupby(ordered, lambda place: place.data.get("type"))}
    return [
        (heading, [(place.id, _numbered(place, lang)) for place in sorted(groups.get(kind, []), key=_alphabetical)])
        for kind, heading in headings.items()
    ]


def ecosphere_map_frames() -> tuple[outlines.Frame, ...]:
    """Return the maps on which a rectangle is drawn, that of the mainland first."""
    return outlines.frames()


def ecosphere_labels(vocabulary: str, keys: list[str] | str | None) -> list[str]:
    """Labels of concepts in the language of the page; those that the vocabulary does not know are left out."""
    known = voc.get(vocabulary)
    found = (known.get(key) for key in ([keys] if isinstance(keys, str) else keys or []))
    return [concept.label(language.current()) for concept in found if concept]


def ecosphere_size_text(value: Any) -> str:
    """Return a size in bytes as people write it: "1,5 Mo" in French, "1.5 MB" in English."""
    from babel.numbers import format_decimal

    try:
        size = float(value)
    except (TypeError, ValueError, OverflowError):
        return str(value)
    units = (tk._("bytes"), tk._("kB"), tk._("MB"), tk._("GB"), tk._("TB"))
    step = 0
    while size >= BYTES_PER_STEP and step < len(units) - 1:
        size, step = size / BYTES_PER_STEP, step + 1
    locale = language.current().replace("-", "_")
    return f"{format_decimal(round(size, 1), locale=locale)} {units[step]}"


def ecosphere_page_of(kind: str, name: str) -> str:
    """Return the address of a dataset, service or group, "" for a type without pages (of a plugin that is gone)."""
    try:
        return tk.url_for(f"{kind}.read", id=name)
    except BuildError:
        return ""


def ecosphere_text_language(dataset: Mapping[str, Any], field: str) -> str:
    """Return the language of a text of a dataset as its page shows it: a BCP 47 tag, for `lang`.

    That of the translation which is shown, else that of the dataset; French where it is one of several, as in
    `vocabularies.languages`.

    Args:
        dataset: as `package_show` gives it.
        field: `title` or `notes`.

    Returns:
        "" where it is that of the page, or not known.
    """
    texts = dataset.get(f"{field}{languages.SUFFIX}")
    shown = tk.h.get_translated(dataset, field)
    found = [tag for tag, text in texts.items() if text == shown] if isinstance(texts, Mapping) else []
    if not found:
        given = dataset.get("language") or []
        uris = [given] if isinstance(given, str) else given
        found = [languages.tag(str(uri).rstrip("/").rpartition("/")[2]) for uri in uris]
    spoken = languages.FRENCH if languages.FRENCH in found else next(filter(None, found), "")
    return "" if spoken.partition("-")[0] == language.current()[:2] else spoken


def ecosphere_pager_symbols() -> dict[str, Any]:
    """Signs of the links to the previous and next page, with a name for readers of screens (CKAN's have none).

    Returns:
        `symbol_previous` and `symbol_next`, arguments of CKAN's `Page.pager`.
    """
    names = {"previous": ("‹", tk._("Previous page")), "next": ("›", tk._("Next page"))}
    return {
        f"symbol_{key}": tags.span(tags.span(sign, aria_hidden="true"), tags.span(name, cls="visually-hidden"))
        for key, (sign, name) in names.items()
    }


def _numbered(place: voc.Concept, lang: str) -> str:
    """Label of a territory, with its number for a département, as people know it: "Ain (01)"."""
    label = place.label(lang)
    return f"{label} ({place.data['code']})" if place.data.get("type") == "departement" else label


def _alphabetical(place: voc.Concept) -> str:
    return voc.normalise(place.label_fr)


#: By name, as plugins hand them to CKAN.
HELPERS = {
    each.__name__: each
    for each in (
        ecosphere_territories,
        ecosphere_map_frames,
        ecosphere_labels,
        ecosphere_size_text,
        ecosphere_page_of,
        ecosphere_text_language,
        ecosphere_pager_symbols,
    )
}
