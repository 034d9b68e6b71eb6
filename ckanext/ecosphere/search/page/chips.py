"""Chips of the chosen filters of a page, each with the URL that removes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.search import facet_counts
from ckanext.ecosphere.search.page.address import Address
from ckanext.ecosphere.shared import language

AREA = "ext_bbox"
OF_AREA = (AREA, "ext_area")
"""Parameters of an area: box and name."""


@dataclass(frozen=True)
class Chip:
    """A chosen filter.

    Attributes:
        title: title of the facet.
        url: URL of the page without it.
    """

    title: str
    label: str
    url: str


def of_page(
    titles: dict[str, str],
    search_facets: dict[str, Any],
    label: Callable[[str, str, dict[str, Any]], str],
) -> list[Chip]:
    """Return the chips of the current page.

    Args:
        titles: field → title of the facet.
        search_facets: as returned by `package_search`.
        label: returns the label of a facet value.
    """
    address = Address.current()
    chips = []
    for field, value in dict.fromkeys(address.filters):
        title = titles.get(field) or _title(field)
        chips.append(
            Chip(title, label(field, value, search_facets), address.without((field, value)).url())
        )
    plugins = dict(address.pairs)
    if place := plugins.get(facet_counts.COVERS):
        url = address.without((facet_counts.COVERS, None)).url()
        chips.append(
            Chip(tk._("Covers"), facet_counts.place_label(place, language.current()) or place, url)
        )
    if AREA in plugins:
        chips.append(area(plugins))
    return chips


def area(plugins: dict[str, str]) -> Chip:
    """Return the chip of the area of the current page.

    Args:
        plugins: URL parameters that begin with `ext_`.
    """
    url = Address.current().without(*((name, None) for name in OF_AREA)).url()
    return Chip(tk._("Area"), plugins.get("ext_area") or tk._("as on the map"), url)


def _title(field: str) -> str:
    """Return the title of a filter that is not a facet of the page, from an external link."""
    names = {
        "res_format": tk._("Format"),
        "tags": tk._("Keywords"),
        "vocab_ecosphere_in_series": tk._("Series"),
    }
    return names.get(field, field)
