"""Guides of the portal at `/aide`, and which of them concerns the page that is open.

The Markdown files of `public/ecosphere/help` are also the documentation site (`mkdocs.yml`), so that anchors
are made as Python-Markdown makes them. `data/help.yaml` has their order, and the guide of each page.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import nh3
import yaml
from flask import Blueprint
from markdown_it import MarkdownIt

from ckanext.ecosphere.shared import language, rich_text, web_guard

PACKAGE = Path(__file__).parents[1]
GUIDES = PACKAGE / "public/ecosphere/help"
FIRST = "index"
WRITTEN_IN = "fr"
ENGLISH = "en/index"
TAGS = rich_text.TAGS | {"h1", "h2", "img", "table", "thead", "tbody", "tr", "th", "td"}
ATTRIBUTES = {"a": {"href"}, "img": {"src", "alt"}, "h2": {"id"}, "h3": {"id"}, "ol": {"start"}}

blueprint = Blueprint("ecosphere_help", __name__, url_prefix="/aide")
web_guard.protect(blueprint)


@blueprint.route("", strict_slashes=False)
def index() -> str:
    """Show the overview, in English on English pages."""
    if language.current() == WRITTEN_IN:
        return _page(FIRST, WRITTEN_IN)
    return _page(ENGLISH, "en")


@blueprint.route("/<page>")
def guide(page: str) -> Any:
    """Show a guide, in French."""
    if page not in titles():
        return tk.abort(404, tk._("Page not found"))
    return _page(page, WRITTEN_IN)


def _page(name: str, lang: str) -> str:
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
    """Return `groups` (each a `title` and its `guides`, in order) and `pages` (beginning of a route → guide)."""
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
    """Return the address of a guide on the portal ("demander.md#delais"); others stay as they are."""
    name, hash_, part = target.partition("#")
    if not name.endswith(".md"):
        return target
    page = Path(name).stem
    if page == FIRST:
        return tk.h.url_for("ecosphere_help.index")
    return tk.h.url_for("ecosphere_help.guide", page=page) + hash_ + part


def ecosphere_help_address() -> str:
    """Return the address of the guide about the page that is open: the longest beginning of its route wins.

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


HELPERS = {"ecosphere_help_address": ecosphere_help_address}
