"""Pages about the portal itself: guides, accessibility statement, interfaces for programs, outlines
of EPCI for maps.

The guides (`/aide`) are the Markdown files of `public/ecosphere/help`, which are also the
documentation site (`mkdocs.yml`), so that anchors are made as Python-Markdown makes them.
`data/help.yaml` has their order, and the guide of each page. The statement is required of French
public websites (law 2005-102, article 47; RGAA 4.1).
"""

from __future__ import annotations

import json
import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import nh3
import yaml
from ckan.lib.search import SearchError
from ckan.types import DataDict
from flask import Blueprint, Response
from markdown_it import MarkdownIt

from ckanext.ecosphere import config
from ckanext.ecosphere.shared import dates, language, rich_text, web_guard
from ckanext.ecosphere.vocabularies import epcis, gazetteer

PACKAGE = Path(__file__).parents[1]
GUIDES = PACKAGE / "public/ecosphere/help"
FIRST = "index"
WRITTEN_IN = "fr"
ENGLISH = "en/index"
TAGS = rich_text.TAGS | {"h1", "h2", "img", "table", "thead", "tbody", "tr", "th", "td"}
ATTRIBUTES = {"a": {"href"}, "img": {"src", "alt"}, "h2": {"id"}, "h3": {"id"}, "ol": {"start"}}
KNOWN_FAULTS = PACKAGE / "data/accessibility.yaml"

accessibility = Blueprint("ecosphere_accessibility", __name__)
interfaces = Blueprint("ecosphere_api", __name__)
epci_map = Blueprint("ecosphere_epci_map", __name__)
guides = Blueprint("ecosphere_help", __name__, url_prefix="/aide")
BLUEPRINTS = (accessibility, interfaces, epci_map, guides)
for blueprint in BLUEPRINTS:
    web_guard.protect(blueprint)


@accessibility.route("/accessibilite")
def statement() -> str:
    """Show the accessibility statement: what an audit found, and what the developers know."""
    audit = config.accessibility()
    known = yaml.safe_load(KNOWN_FAULTS.read_text(encoding="utf-8"))
    variables = {
        "audit": {**audit, "date": dates.day(audit["date"])},
        "known": {**known, "checked": dates.day(known["checked"].isoformat())},
        "contact": config.contact(),
    }
    return tk.render("ecosphere/accessibility.html", variables)


@interfaces.route("/api", strict_slashes=False)
def page() -> str:
    """Show the portal's interfaces for programs, with examples to follow."""
    return tk.render("ecosphere/api.html", {"name": _example(), "csw": config.csw_url()})


def _example() -> str:
    """Return the name of the latest public dataset, "" if there is none."""
    query = {
        "rows": 1,
        "sort": "metadata_modified desc",
        "fq": "+dataset_type:dataset",
        "facet": "false",
    }
    try:
        datasets = tk.get_action("package_search")({"user": ""}, query)["results"]
    except SearchError:
        return ""
    return next((dataset["name"] for dataset in datasets), "")


@epci_map.route("/ecosphere/territoires/intercommunalites/<departement>")
def of_departement(departement: str) -> Any:
    """Return the EPCI of a département (INSEE code) with their simplified outlines, as JSON.

    The answer is a list: for each EPCI, the keys of `epcis.described`, and `path`, the `d`
    attribute of an SVG path in thousandths of a degree (WGS 84), eastward and northward.
    """
    if departement not in gazetteer.departements():
        return tk.abort(404, tk._("Territory not found"))
    lang, outlines = language.current(), epcis.outlines()
    shapes = [
        {**epcis.described(epci, lang), "path": outlines[epci.code].path}
        for epci in epcis.of_departement(departement)
        if epci.code in outlines
    ]
    # `hardening.web.cookies` sets how long browsers cache it.
    return Response(json.dumps(shapes, ensure_ascii=False), mimetype="application/json")


def ecosphere_map_departements() -> list[DataDict]:
    """Return the départements whose EPCI are shown on maps (`code`, `label`, `box`), by code."""
    lang = language.current()
    return [
        {"code": code, "label": f"{concept.label(lang)} ({code})", "box": concept.data["bbox"]}
        for code, concept in sorted(gazetteer.departements().items())
        if epcis.of_departement(code)
    ]


# --- guides ---


@guides.route("", strict_slashes=False)
def index() -> str:
    """Show the overview, in English on English pages."""
    if language.current() == WRITTEN_IN:
        return _guide(FIRST, WRITTEN_IN)
    return _guide(ENGLISH, "en")


@guides.route("/<page>")
def guide(page: str) -> Any:
    """Show a guide, in French."""
    if page not in titles():
        return tk.abort(404, tk._("Page not found"))
    return _guide(page, WRITTEN_IN)


def _guide(name: str, lang: str) -> str:
    text = (GUIDES / f"{name}.md").read_text(encoding="utf-8")
    variables = {
        "name": name,
        "text": to_html(text),
        "lang": lang,
        "groups": table()["groups"],
        "titles": titles(),
    }
    return tk.render("ecosphere_help/page.html", variables)


@cache
def table() -> dict[str, Any]:
    """Return `groups` (each a `title` and its `guides`, in order) and `pages`
    (beginning of a route → guide).
    """
    return yaml.safe_load((PACKAGE / "data/help.yaml").read_text(encoding="utf-8"))


@cache
def titles() -> dict[str, str]:
    """Return the title of each guide by its name, in order."""
    names = [name for group in table()["groups"] for name in group["guides"]]
    return {name: (GUIDES / f"{name}.md").open(encoding="utf-8").readline()[2:-1] for name in names}


def to_html(text: str) -> str:
    """Return a guide as HTML: links to guides and pictures lead to those of the portal."""
    parser = MarkdownIt("commonmark").enable("table")
    tokens = parser.parse(text)
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", anchor(tokens[number + 1].content))
        for child in token.children or []:
            if child.type == "link_open":
                child.attrSet("href", address(str(child.attrs["href"])))
            if child.type == "image":
                picture = Path(str(child.attrs["src"])).name
                child.attrSet("src", tk.h.url_for_static(f"/ecosphere/help/images/{picture}"))
    rendered = parser.renderer.render(tokens, parser.options, {})
    return nh3.clean(rendered, tags=TAGS, attributes=ATTRIBUTES, link_rel="noopener")


def anchor(heading: str) -> str:
    """Return the anchor of a heading, as Python-Markdown makes it."""
    plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


def address(target: str) -> str:
    """Return the address of a guide on the portal ("demander.md#delais").

    Others stay as they are.
    """
    name, hash_, part = target.partition("#")
    if not name.endswith(".md"):
        return target
    page = Path(name).stem
    if page == FIRST:
        return tk.h.url_for("ecosphere_help.index") + hash_ + part
    return tk.h.url_for("ecosphere_help.guide", page=page) + hash_ + part


def ecosphere_help_address() -> str:
    """Return the address of the guide about the page that is open: the longest beginning of its
    route wins.

    Steps of a request share one route; each is looked up by its own name.
    """
    route = "/"
    if tk.request.url_rule is not None:
        route = tk.request.url_rule.rule
        step = tk.request.view_args.get("transition", "")
        route = route.replace("<transition>", step)
    pages = table()["pages"]
    beginnings = [beginning for beginning in pages if route.startswith(beginning)]
    return address(pages[max(beginnings, key=len)])


HELPERS = {
    "ecosphere_help_address": ecosphere_help_address,
    "ecosphere_map_departements": ecosphere_map_departements,
}
