"""Template helpers of the search room; their names begin with `ecosphere_search_`."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.search import area, config, facets, index, page
from ckanext.ecosphere.search.alerts import searches
from ckanext.ecosphere.search.relevance import search, understanding
from ckanext.ecosphere.shared import dates, language, organisations
from ckanext.ecosphere.shared.mailing import sending
from ckanext.ecosphere.vocabularies import communes

_ = tk._

MAX_RELAXATIONS = 5
MAX_REQUESTS = 3
MAX_TITLE = 200
MAX_MARKED = 500
_REPORTED = ("place", "corrected", "fewer_words", "unsaid", "excluded", "missing")
"""Parts of the interpretation of a query that the page reports."""


#: Aliases for templates.
ecosphere_search_grouped = page.grouped
ecosphere_search_month = dates.month


def ecosphere_search_facets(
    facet_titles: dict[str, str], search_facets: dict[str, Any] | None
) -> list[page.ShownFacet]:
    """Return the facets of the page that have values, ready for display."""
    return page.facet_views(facet_titles, search_facets or {})


def ecosphere_search_facet_label(
    facet: str, value: str, search_facets: dict[str, Any] | None = None
) -> str:
    """Return the label of a chosen facet value, even if no result has it any more."""
    items = (search_facets or {}).get(facet, {}).get("items", [])
    default = next((item["display_name"] for item in items if item["name"] == value), "")
    if not default and facet == "organization":
        service = tk.h.get_organization(value)
        default = service["title"] if service else ""
    elif not default and facet == "id":
        default = _title_of(value)
    return facets.label(facet, value, language.current(), default)


def _title_of(dataset: str) -> str:
    """Return the title of a followed dataset, "" if the reader may not see it."""
    try:
        package = tk.get_action("package_show")({}, {"id": dataset})
    except (tk.ObjectNotFound, tk.NotAuthorized, tk.ValidationError):
        return ""
    return str(package.get("title") or "")


def ecosphere_search_result(package: dict[str, Any]) -> page.Result:
    """Return a dataset as a search result, with the words of the page's search marked."""
    typed = tk.request.args.get("q", "")
    summary = getattr(tk.g, search.KEY, {}).get(typed) or {}
    return page.of_dataset(package, (summary.get("marked") or typed)[:MAX_MARKED])


def ecosphere_search_map(packages: list[dict[str, Any]]) -> area.Map | None:
    """Return the map of the extents of the page's results, if the map is shown."""
    if not tk.request.args.get(page.MAP):
        return None
    return area.of_results(packages, tk.request.args.get(page.AREA, ""))


def ecosphere_search_map_urls() -> dict[str, str]:
    """Return the URLs that show or hide the map, and that of the page on which an area is chosen.

    Returns:
        `toggle`; `area`, "" without search by area or on other pages than that of all datasets.
    """
    here = page.Address.current()
    is_map_open = bool(tk.request.args.get(page.MAP))
    if is_map_open:
        toggled = here.without((page.MAP, None)).url()
    else:
        toggled = here.url(**{page.MAP: "1"})
    area = ""
    if tk.request.endpoint == "dataset.search" and tk.h.plugin_loaded("spatial_query"):
        area = tk.h.url_for("ecosphere_search.area") + here.url()
    return {"toggle": toggled, "area": area}


def ecosphere_search_chips(
    facet_titles: dict[str, str], search_facets: dict[str, Any] | None
) -> list[page.Chip]:
    """Return the chosen filters of the page, with the URLs that remove them."""
    return page.chips(facet_titles, search_facets or {}, ecosphere_search_facet_label)


def ecosphere_search_parameters() -> list[tuple[str, str]]:
    """Return the parameters that the search form of the page keeps: all filters, but neither words nor order."""
    return [pair for pair in page.Address.current().pairs if pair[0] not in ("q", "sort")]


def ecosphere_search_sorting() -> list[tuple[str, str]]:
    """Return the choices of the sort menu: (label, Solr sort)."""
    choices = [(_("Relevance"), "score desc, metadata_modified desc")]
    if tk.h.plugin_loaded("ecosphere_quality"):
        choices.append((_("Quality"), "ecosphere_quality_score desc, metadata_modified desc"))
    return [
        *choices,
        (_("Most recently updated"), f"{index.UPDATED_FIELD} desc, metadata_modified desc"),
        (_("Title, A to Z"), "title_string asc"),
        (_("Title, Z to A"), "title_string desc"),
    ]


def ecosphere_search_understood(query: str) -> dict[str, Any] | None:
    """Return how the query of this page was interpreted, with URLs to change that; None if there is nothing to show.

    Args:
        query: the query, as typed.
    """
    summary = getattr(tk.g, search.KEY, {}).get(query)
    if not summary or not any(summary[name] for name in _REPORTED):
        return None
    places = [
        {**place, "url": _same_page(search.PLACE_PARAMETER, place["id"])}
        for place in summary["other_places"]
    ]
    return {
        **summary,
        "other_places": places,
        "everywhere_url": _same_page(search.PLACE_PARAMETER, search.EVERYWHERE),
        "typed_url": _same_page(search.TYPED_PARAMETER, "1"),
        "around_url": _same_page(search.PLACE_PARAMETER, understanding.AROUND),
        "included_url": _same_page("q", summary["wanted"]),
    }


def _same_page(name: str, value: str) -> str:
    """Return the URL of the first page of these results, with one parameter changed."""
    others = [
        (key, text) for key, text in tk.request.args.items(multi=True) if key not in (name, "page")
    ]
    return f"{tk.h.url_for(tk.request.path)}?{urlencode([*others, (name, value)])}"


def ecosphere_search_relaxations(
    query: str, fields_grouped: dict[str, list[str]], remove_field: Any
) -> list[dict[str, Any]]:
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
    relaxations: list[dict[str, Any]] = []
    for facet, value in chosen[:MAX_RELAXATIONS]:
        others: dict[str, list[str]] = {}
        for pair in chosen:
            if pair != (facet, value):
                others.setdefault(pair[0], []).append(pair[1])
        count = _counted(query, others, plugins)
        if count:
            label, url = ecosphere_search_facet_label(facet, value), remove_field(facet, value)
            relaxations.append({"facet": facet, "label": label, "count": count, "url": url})
    areas = {name: value for name, value in plugins.items() if name in page.OF_AREA}
    if areas:
        anywhere = {name: value for name, value in plugins.items() if name not in areas}
        count = _counted(query, fields_grouped, anywhere)
        if count:
            chip = page.area_chip(areas)
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
    }
    return tk.get_action("package_search")({}, {**parameters, "extras": plugins})["count"]


def ecosphere_search_nearby(
    query: str, fields_grouped: dict[str, list[str]]
) -> list[dict[str, Any]]:
    """Return containing and neighbouring territories with results, for a search that found nothing in a territory.

    Args:
        query: the words searched.
        fields_grouped: chosen filters, from CKAN's search page.

    Returns:
        `label`, `count`, `contains` and `url` of each, containing territories first.
    """
    replaced = (index.TERRITORY_FIELD, "page")
    others = [
        (key, value) for key, value in tk.request.args.items(multi=True) if key not in replaced
    ]
    return [
        {
            "label": place.concept.label(language.current()),
            "count": place.count,
            "contains": place.contains,
            "url": f"{tk.h.url_for(tk.request.path)}?{urlencode([*others, (index.TERRITORY_FIELD, place.id)])}",
        }
        for place in area.nearby(query, fields_grouped)
    ]


def ecosphere_search_request_url(query: str, fields_grouped: dict[str, list[str]]) -> str | None:
    """Return the URL of a new data request prefilled with a search; None if requests are not enabled.

    A commune remains in the words, and its département becomes the territory, since requests are sent to the services
    of the département.
    """
    if not tk.h.plugin_loaded("ecosphere_requests"):
        return None
    summary = getattr(tk.g, search.KEY, {}).get(query) or {}
    place = (summary.get("place") or {}).get("id", "")
    if place in voc.get("territories"):
        subject = " ".join(summary.get("words") or ())
    else:
        subject = query
    commune = None
    if place.startswith("commune-"):
        commune = communes.of_code(place.removeprefix("commune-"))
    place = f"departement-{commune.departement}" if commune else place
    filled = {"title": subject or query, "territory": ""}
    if place in voc.get("territories") and (commune or subject != query):
        filled["territory"] = place
    for name, facet in (("territory", index.TERRITORY_FIELD), ("theme", index.THEME_FIELD)):
        if fields_grouped.get(facet):
            filled[name] = fields_grouped[facet][-1]
    listed = {name: values[-1] for name, values in fields_grouped.items() if values}
    listed |= organisations.filter_of_page()
    filled["organization"] = listed.get("organization", "")
    if listed.get("groups") in voc.get("themes"):
        filled.setdefault("theme", listed["groups"])
    return (
        f"{tk.h.url_for('/demandes/nouvelle')}?{urlencode({k: v for k, v in filled.items() if v})}"
    )


def ecosphere_search_similar_requests(query: str) -> list[dict[str, Any]]:
    """Return up to three public requests (`reference`, `title`) similar to a search that found nothing."""
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
    """Return the search of the current page, with corrected spelling; None if it cannot be saved."""
    try:
        pairs = [*tk.request.args.items(multi=True), *organisations.filter_of_page().items()]
        saved = searches.canonical(pairs)
    except tk.ValidationError:
        return None
    summary = getattr(tk.g, search.KEY, {}).get(tk.request.args.get("q", ""))
    if summary and summary["corrected"]:
        return searches.with_words(saved, summary["corrected"])
    return saved


def ecosphere_search_alerts() -> bool:
    """Return whether alerts are available."""
    return config.alerts() and sending.is_configured()


def ecosphere_search_unfound() -> dict[str, Any] | None:
    """Return the searches without results, None for users who may not see them."""
    try:
        return tk.get_action("ecosphere_search_unfound_list")({"user": tk.current_user.name}, {})
    except tk.NotAuthorized:
        return None
