"""Template helpers beside those of the page: its map, ways on when nothing was found, alerts."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import ckan.plugins.toolkit as tk
from ckan.types import DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import area, config, facets, index, page
from ckanext.ecosphere.search.alerts import searches
from ckanext.ecosphere.search.relevance import search
from ckanext.ecosphere.shared import language, mailing, template_helpers

MAX_RELAXATIONS = 5
MAX_REQUESTS = 3
MAX_TITLE = 200


def ecosphere_search_map(packages: list[DataDict]) -> area.Map | None:
    """Return the map of the extents of the page's results, if the map is shown."""
    if not tk.request.args.get(page.MAP):
        return None
    return area.of_results(packages, tk.request.args.get(page.AREA, ""))


def ecosphere_search_relaxations(
    query: str, fields_grouped: dict[str, list[str]], remove_field: Any
) -> list[DataDict]:
    """Return the filters whose removal gives results, for a search that found nothing.

    Args:
        query: the words searched.
        fields_grouped: chosen filters, from CKAN's search page.
        remove_field: CKAN's function that returns the URL of the page without a filter.

    Returns:
        for each such filter or area `facet`, `label`, `count` and `url`, most results first.
    """
    plugins = {name: value for name, value in tk.request.args.items() if name.startswith("ext_")}
    chosen = [(facet, value) for facet, values in fields_grouped.items() for value in values]
    relaxations: list[DataDict] = []
    for facet, value in chosen[:MAX_RELAXATIONS]:
        others = [other for other in fields_grouped[facet] if other != value]
        count = _counted(query, {**fields_grouped, facet: others}, plugins)
        if count:
            label = page.facet_label(facet, value)
            url = remove_field(facet, value)
            relaxations.append({"facet": facet, "label": label, "count": count, "url": url})
    anywhere = {name: value for name, value in plugins.items() if name not in page.OF_AREA}
    if anywhere != plugins:
        count = _counted(query, fields_grouped, anywhere)
        if count:
            chip = page.area_chip(plugins)
            area = {"facet": chip.title, "label": chip.label, "count": count, "url": chip.url}
            relaxations.append(area)
    return sorted(relaxations, key=lambda relaxation: -relaxation["count"])


def _counted(query: str, filters: dict[str, list[str]], plugins: dict[str, str]) -> int:
    """Count the results of a search with other filters, or without its area."""
    parameters = {
        "q": query,
        "fq": "+dataset_type:dataset",
        "rows": 0,
        "facet": "false",
        "ext_facets": filters,
        "extras": plugins,
    }
    return tk.get_action("package_search")({}, parameters)["count"]


def ecosphere_search_nearby(query: str, fields_grouped: dict[str, list[str]]) -> list[DataDict]:
    """Return containing and neighbouring territories with results, for a search that found nothing
    in a territory.

    Args:
        query: the words searched.
        fields_grouped: chosen filters, from CKAN's search page.

    Returns:
        `label`, `count`, `contains` and `url` of each, containing territories first.
    """
    return [
        {
            "label": place.concept.label(language.current()),
            "count": place.count,
            "contains": place.contains,
            "url": page.same_page(index.TERRITORY_FIELD, place.concept.id),
        }
        for place in area.nearby(query, fields_grouped)
    ]


def ecosphere_search_request_url(query: str, fields_grouped: dict[str, list[str]]) -> str | None:
    """Return the URL of a new data request prefilled with a search; None if requests are not
    enabled.

    A commune remains in the words, and its département becomes the territory, since requests are
    sent to the services of the département.
    """
    if not tk.h.plugin_loaded("ecosphere_requests"):
        return None
    summary = getattr(tk.g, search.KEY, {}).get(query) or {}
    place = (summary.get("place") or {}).get("id", "")
    territories = voc.get("territories")
    title, territory = query, ""
    commune = facets.commune_of(place)
    if commune:
        territory = f"departement-{commune.departement}"
    elif place in territories:
        title = " ".join(summary["words"]) or query
        if title != query:
            territory = place
    filters = {facet: values[-1] for facet, values in fields_grouped.items() if values}
    filters |= template_helpers.filter_of_page()
    theme = filters.get(index.THEME_FIELD)
    if not theme and filters.get("groups") in voc.get("themes"):
        theme = filters["groups"]
    filled = {
        "title": title,
        "territory": filters.get(index.TERRITORY_FIELD) or territory,
        "theme": theme,
        "organization": filters.get("organization"),
    }
    parameters = urlencode({name: value for name, value in filled.items() if value})
    return f"{tk.h.url_for('/demandes/nouvelle')}?{parameters}"


def ecosphere_search_similar_requests(query: str) -> list[DataDict]:
    """Return up to three public requests (`reference`, `title`) similar
    to a search that found nothing.
    """
    if not query.strip() or not tk.h.plugin_loaded("ecosphere_requests"):
        return []
    parameters = {
        "q": query[:MAX_TITLE],
        "rows": MAX_REQUESTS,
        "sort": "relevance",
        "facets": False,
    }
    return tk.get_action("ecosphere_request_list")({}, parameters)["results"]


def ecosphere_search_saved() -> str | None:
    """Return the search of the current page, with corrected spelling.

    None if it cannot be saved.
    """
    try:
        pairs = [*tk.request.args.items(multi=True), *template_helpers.filter_of_page().items()]
        saved = searches.canonical(pairs)
    except tk.ValidationError:
        return None
    summary = getattr(tk.g, search.KEY, {}).get(tk.request.args.get("q", ""))
    if summary and summary["corrected"]:
        return searches.with_words(saved, summary["corrected"])
    return saved


def ecosphere_search_alerts() -> bool:
    """Return whether alerts are available."""
    return config.alerts() and mailing.is_configured()


def ecosphere_search_unfound() -> DataDict | None:
    """Return the searches without results, None for users who may not see them."""
    try:
        return tk.get_action("ecosphere_search_unfound_list")({"user": tk.current_user.name}, {})
    except tk.NotAuthorized:
        return None
