"""Template helpers shared by all rooms; their names begin with `ecosphere_`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape
from itertools import chain
from typing import Any

import ckan.plugins.toolkit as tk
from werkzeug.exceptions import default_exceptions

from ckanext.ecosphere import config
from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.contact import services
from ckanext.ecosphere.core import kept_facets
from ckanext.ecosphere.core.pages import act
from ckanext.ecosphere.shared import language, template_helpers

#: Latest datasets on the home page.
LATEST = 5
NOT_FOUND = 404
#: Characters of the name by which a missing service is searched for.
LONGEST_QUERY = 100
#: Pages with a large search box of their own.
SEARCH_PAGES = {"home.index", "dataset.search"}

#: Theme → symbol of the icon font that CKAN ships.
THEME_ICONS = {
    "amenagement-et-urbanisme": "map",
    "climat": "temperature-half",
    "eau": "droplet",
    "etablissements-d-activites": "shop",
    "foncier-et-occupation-du-sol": "layer-group",
    "habitat-et-politique-de-la-ville": "house-chimney",
    "industrie": "industry",
    "infrastructures-de-transport": "road",
    "mer-et-littoral": "water",
    "nature-paysages-et-biodiversite": "leaf",
    "nuisances-dechets-et-pollution": "volume-high",
    "reseaux-d-energie-et-de-communication": "bolt",
    "risques": "triangle-exclamation",
    "transport-et-deplacements": "train",
}

#: Endpoint of a page of moderation → action and parameters of each list of what waits there.
WAITING: dict[str, list[tuple[str, dict[str, str]]]] = {
    "ecosphere_requests.moderation": [
        ("ecosphere_request_list", {"scope": "moderation"}),
        ("ecosphere_request_held_list", {}),
    ],
    "ecosphere_reuses.moderation": [("ecosphere_reuse_list", {"scope": "held"})],
}


def ecosphere_kept_facets() -> tuple[str, ...]:
    """Return which of CKAN's own facets the portal keeps (`groups`, `tags`)."""
    return kept_facets.shown()


def ecosphere_home() -> dict[str, Any]:
    """Return the contents of the home page.

    Returns:
        `datasets` and `services` (numbers of public datasets and of services that have any),
        `themes` (label, count, url, icon; in the order of the vocabulary), `territories` (heading →
        concepts), `latest` (datasets).
    """
    fields = ["organization", "vocab_ecosphere_theme"]
    search = {
        "rows": LATEST,
        "sort": "metadata_modified desc",
        "fq": "+dataset_type:dataset",
        "facet.limit": -1,
    }
    results = tk.get_action("package_search")({}, {**search, "facet.field": fields})
    counts = results["facets"].get("vocab_ecosphere_theme", {})
    themes = [
        {
            "label": theme.label(language.current()),
            "count": counts.get(theme.id, 0),
            "url": tk.h.url_for("dataset.search", vocab_ecosphere_theme=theme.id),
            "icon": THEME_ICONS.get(theme.id, "circle"),
        }
        for theme in voc.get("themes").roots()
    ]
    return {
        "datasets": results["count"],
        "services": len(results["facets"].get("organization", {})),
        "themes": themes,
        "territories": template_helpers.ecosphere_territories(),
        "latest": results["results"],
    }


def ecosphere_services(query: str = "") -> list[tuple[str, list[services.Service]]]:
    """Return the services that match a query, by kind."""
    return services.by_kind(query)


def ecosphere_portal() -> dict[str, str]:
    """Return the texts and addresses of the portal that the administrator configured."""
    return {
        "announcement": config.announcement(),
        "institution": config.institution(),
        "contact": config.contact(),
        "accessibility_url": config.accessibility_url(),
        "legal_url": config.legal_url(),
        "privacy_url": config.privacy_url(),
    }


def ecosphere_waiting(pages: Iterable[str]) -> int:
    """Return the number of items that wait on some pages, given by their endpoints.

    Only pages of moderation have such items.
    """
    lists = chain.from_iterable(WAITING.get(page, []) for page in pages)
    return sum(act(action, **data, rows=0)["count"] for action, data in lists)


def ecosphere_has_own_search() -> bool:
    """Return whether the page has a search box of its own, so that the header needs none."""
    return tk.request.endpoint in SEARCH_PAGES


def ecosphere_own_extras(extras: list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """Return the extras of an organisation that belong to this suite.

    Forms carry them in hidden inputs, or else CKAN would delete them.
    """
    return [extra for extra in extras or [] if str(extra.get("key", "")).startswith("ecosphere_")]


def ecosphere_is_stock_error(code: int, content: Any) -> bool:
    """Return whether the text of an error page is Werkzeug's own, an English sentence."""
    stock = default_exceptions.get(code)
    return stock is not None and unescape(str(content)).strip() == stock.description


def ecosphere_missing_service(code: int, content: Any) -> str | None:
    """Return the requested name if an error page reports a missing service, None for other errors.

    CKAN 2.12 writes "group" on most pages of an organisation.
    """
    if code != NOT_FOUND or tk.request.blueprint == "group":
        return None
    names = (tk._("Organization not found"), tk._("Group not found"))
    if unescape(str(content)).strip() not in names:
        return None
    view_args = tk.request.view_args or {}
    name = str(view_args.get("organization") or view_args.get("id") or "")
    return re.sub(r"[-_\s]+", " ", name)[:LONGEST_QUERY].strip()
