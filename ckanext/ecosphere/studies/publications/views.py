"""Pages of collections, reuses and opinions, and the files that are taken away from a study."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

import ckan.plugins.toolkit as tk
from flask import Blueprint, Response, make_response, request
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.shared import language, once, rich_text, web_guard
from ckanext.ecosphere.studies import frames, store
from ckanext.ecosphere.studies.logic.publications import ROWS
from ckanext.ecosphere.studies.publications import (
    collections,
    opinions,
    outline,
    reuses,
    take,
)
from ckanext.ecosphere.studies.publications.outline import Outline
from ckanext.ecosphere.studies.publications.processes import anybody, ecosphere_processes
from ckanext.ecosphere.studies.publications.territories import ecosphere_territories
from ckanext.ecosphere.studies.views import context, messages, page

INVALID = 400
BLANK_ITEMS = 3
"""Empty lines at the end of the form of a collection."""
ON_HOME, ON_PAGE = 3, 10
MOST_PAGES = 5_000
OF_ITEM = {"group": "group", "label": "label", "note": "note", "dataset": "package_id"}
"""Part of the name of a field → key of an item."""
TYPES_OF_DCAT = {
    "ttl": "text/turtle",
    "rdf": "application/rdf+xml",
    "jsonld": "application/ld+json",
}
FRENCH = "fr"
View = Callable[..., Any]

ecosphere_collections = Blueprint("ecosphere_collections", __name__)
ecosphere_reuses = Blueprint("ecosphere_reuses", __name__)
ecosphere_take = Blueprint("ecosphere_take", __name__)
BLUEPRINTS = [ecosphere_collections, ecosphere_reuses, ecosphere_take]
for blueprint in BLUEPRINTS:
    web_guard.protect(blueprint)


def blueprints() -> list[Blueprint]:
    """Return the blueprints of what is given to others."""
    return [*BLUEPRINTS, ecosphere_processes, ecosphere_territories]


def sentences(error: tk.ValidationError) -> str:
    """Return what a validation error says, without the names of fields."""
    return " ".join(chain.from_iterable(messages(error).values()))


def act(action: str, **data: Any) -> Any:
    """Call an action as the current user."""
    return tk.get_action(action)(context(), data)


def as_anybody(action: str, **data: Any) -> Any:
    """Call an action as an anonymous visitor, for what caches and programs get."""
    return tk.get_action(action)(anybody(), data)


def _number() -> int:
    text = request.args.get("page", "1")
    if not text.isascii() or not text.isdecimal():
        return 1
    return min(max(int(text[:6]), 1), MOST_PAGES)


def _paged(action: str, **data: Any) -> dict[str, Any]:
    """Return a page of a list, with its number and that of the last page."""
    number = _number()
    part = act(action, rows=ROWS, start=(number - 1) * ROWS, **data)
    return {**part, "number": number, "last": max(1, -(-part["count"] // ROWS))}


def _form(template: str, error: tk.ValidationError | None, **values: Any) -> Response:
    errors, status = {}, 200
    if error is not None:
        errors, status = error.error_dict, INVALID
    return make_response(tk.render(template, {**values, "errors": errors}), status)


def _file(content: bytes | str, media_type: str, name: str = "") -> Response:
    response = Response(content, mimetype=media_type)
    if name:
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


# --- collections ----------------------------------------------------------------------------------


@ecosphere_collections.route("/bouquets")
@page
def index() -> str:
    """List the public collections, and those that the user may edit."""
    listed, own = _paged("ecosphere_collection_list"), []
    if tk.h.check_access("ecosphere_collection_create"):
        own = act("ecosphere_collection_list", mine=True, rows=100)["results"]
    return tk.render("ecosphere_studies/collections/index.html", {"found": listed, "own": own})


@ecosphere_collections.route("/bouquets/flux.atom")
def list_feed() -> Response:
    """Return the public collections as a feed."""
    rows = as_anybody("ecosphere_collection_list", rows=100)["results"]
    return _file(collections.as_feed(rows), "application/atom+xml")


@ecosphere_collections.route("/bouquets/nouveau", methods=["GET", "POST"])
@page
def new() -> AnyResponse:
    """Show the form of a new collection; when sent, create it."""
    tk.check_access("ecosphere_collection_create", context(), {})
    error = None
    if request.method == "POST":
        try:
            collection = act(
                "ecosphere_collection_create", **_typed("title", "organization", "frame_id")
            )
        except tk.ValidationError as wrong:
            error = wrong
        else:
            return tk.redirect_to("ecosphere_collections.edit", name=collection["name"])
    return _form(
        "ecosphere_studies/collections/new.html",
        error,
        values=request.values,
        services=tk.h.organizations_available(collections.RIGHT),
        frames=[(frame.id, outline.text_in(frame.title)) for frame in frames.frames()],
    )


def _typed(*names: str) -> dict[str, str]:
    return {name: request.form.get(name, "") for name in names}


@ecosphere_collections.route("/bouquets/<name>")
@page
def read(name: str) -> str:
    """Show a collection."""
    collection = act("ecosphere_collection_show", id=name)
    can_edit = collections.may_edit(context(), collection["organization"]["id"])
    return tk.render(
        "ecosphere_studies/collections/read.html", {"collection": collection, "can_edit": can_edit}
    )


@ecosphere_collections.route("/bouquets/<name>/modifier", methods=["GET", "POST"])
@page
def edit(name: str) -> AnyResponse:
    """Show the form of a collection; when sent, change it."""
    collection = collections.get(name)
    tk.check_access("ecosphere_collection_update", context(), {"id": name})
    error: tk.ValidationError | None = None
    values: dict[str, Any] = {
        name: getattr(collection, name) for name in ("title", "description", "public")
    }
    items = [*collection.items, *[dict.fromkeys(OF_ITEM.values(), "")] * BLANK_ITEMS]
    if request.method == "POST":
        items = _typed_items()
        filled = [item for item in items if item["label"] or item["package_id"]]
        typed = _typed("title", "description", "public")
        try:
            act("ecosphere_collection_update", id=name, items=filled, **typed)
        except tk.ValidationError as wrong:
            error, values = wrong, typed
        else:
            tk.h.flash_success(tk._("The collection is saved."))
            return tk.redirect_to("ecosphere_collections.read", name=name)
    return _form(
        "ecosphere_studies/collections/edit.html",
        error,
        collection=collection,
        values=values,
        items=_named(items),
    )


def _typed_items() -> list[dict[str, str]]:
    """Return the lines of the form that are not to be removed, in the order of their numbers."""
    lines = []
    for number in range(collections.MOST_ITEMS + BLANK_ITEMS):
        prefix = f"item-{number}-"
        if f"{prefix}label" not in request.form:
            break
        if request.form.get(f"{prefix}remove"):
            continue
        item = {key: request.form.get(prefix + part, "") for part, key in OF_ITEM.items()}
        item["package_id"] = item["package_id"].strip().rstrip("/").rpartition("/")[2]
        place = request.form.get(f"{prefix}place", "")
        if not place.isascii() or not place.isdecimal():
            place = str(number + 1)
        lines.append((int(place[:6]), number, item))
    return [item for _place, _number, item in sorted(lines, key=lambda line: line[:2])]


def _named(items: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return items with the names of datasets instead of their ids, as far as the user may read them."""
    packages = outline.readable(context(), [item["package_id"] for item in items])
    lines = []
    for item in items:
        id_ = item["package_id"]
        if id_ in packages:
            lines.append({**item, "package_id": packages[id_]["name"]})
        else:
            lines.append(item)
    return lines


@ecosphere_collections.route("/bouquets/<name>/supprimer", methods=["POST"])
@page
def delete(name: str) -> AnyResponse:
    """Delete a collection."""
    act("ecosphere_collection_delete", id=name)
    tk.h.flash_success(tk._("The collection is deleted."))
    return tk.redirect_to("ecosphere_collections.index")


@ecosphere_collections.route("/bouquets/ajouter", methods=["POST"])
@page
def add() -> AnyResponse:
    """Add a dataset to a collection, from its page."""
    item = _typed("package_id", "label", "note")
    collection = act("ecosphere_collection_add", id=request.form.get("collection", ""), **item)
    sentence = tk._("Added to the collection “{title}”.")
    tk.h.flash_success(sentence.format(title=collection["title"]))
    return tk.redirect_to("dataset.read", id=item["package_id"])


@ecosphere_collections.route("/bouquets/<name>/flux.atom")
@page
def feed(name: str) -> Response:
    """Return a public collection as a feed."""
    collection = as_anybody("ecosphere_collection_show", id=name)
    return _file(collections.as_atom(collection), "application/atom+xml")


@ecosphere_collections.route("/bouquets/<name>/bouquet.csv")
@page
def table(name: str) -> Response:
    """Return a collection as a table."""
    collection = act("ecosphere_collection_show", id=name)
    table_ = collections.as_csv(collection)
    return _file(table_, "text/csv", f"{collection['name']}.csv")


@ecosphere_collections.route("/bouquets/<name>/catalogue.<ending>")
@page
def catalogue(name: str, ending: str) -> Response:
    """Return a public collection as a catalogue of DCAT."""
    collection = as_anybody("ecosphere_collection_show", id=name)
    if ending not in collections.FORMATS or not tk.h.plugin_loaded("dcat"):
        raise tk.ObjectNotFound(tk._("This form is not offered."))
    lines = collections.lines_of(collection)
    ids = [item["dataset"]["id"] for _group, item in lines if item["dataset"]]
    packages = outline.readable(anybody(), ids).values()
    return _file(collections.as_dcat(collection, packages, ending), TYPES_OF_DCAT[ending])


# --- reuses ---------------------------------------------------------------------------------------


@ecosphere_reuses.route("/reutilisations")
@page
def list_reuses() -> str:
    """List the published reuses, and the user's own."""
    listed, own = _paged("ecosphere_reuse_list"), []
    if tk.current_user.is_authenticated:
        own = act("ecosphere_reuse_list", scope="mine", rows=100)["results"]
    return tk.render("ecosphere_studies/reuses/index.html", {"found": listed, "own": own})


@ecosphere_reuses.route("/reutilisations/nouvelle", methods=["GET", "POST"])
@page
def new_reuse() -> AnyResponse:
    """Show the form of a reuse; when sent, propose it."""
    tk.check_access("ecosphere_reuse_create", context(), {})
    error = None
    if request.method == "POST":
        typed = _typed("kind", "title", "url", "description", "packages")
        try:
            act("ecosphere_reuse_create", **typed)
        except tk.ValidationError as wrong:
            error = wrong
        else:
            return _proposed()
    values = {"packages": request.args.get("dataset", ""), **request.form}
    kinds = {key: tk._(label) for key, label in reuses.KINDS.items()}
    return _form("ecosphere_studies/reuses/new.html", error, values=values, kinds=kinds, study=None)


def _proposed() -> AnyResponse:
    tk.h.flash_success(tk._("Thank you. It is shown once a moderator has read it."))
    return tk.redirect_to("ecosphere_reuses.list_reuses")


@ecosphere_reuses.route("/reutilisations/moderation")
@page
def moderation() -> str:
    """Show the reuses that wait for a moderator."""
    listed = _paged("ecosphere_reuse_list", scope="held")
    return tk.render("ecosphere_studies/reuses/moderation.html", {"found": listed})


@ecosphere_reuses.route("/reutilisations/<id>/moderer", methods=["POST"])
@page
def moderate(id: str) -> AnyResponse:
    """Publish or refuse a reuse."""
    act("ecosphere_reuse_moderate", id=id, **_typed("decision", "reason"))
    return tk.redirect_to("ecosphere_reuses.moderation")


@ecosphere_reuses.route("/reutilisations/<id>/supprimer", methods=["POST"])
@page
def delete_reuse(id: str) -> AnyResponse:
    """Delete a reuse."""
    act("ecosphere_reuse_delete", id=id)
    tk.h.flash_success(tk._("The reuse is deleted."))
    return tk.redirect_to("ecosphere_reuses.list_reuses")


@ecosphere_reuses.route("/dataset/<id>/avis", methods=["POST"])
@page
def opinion(id: str) -> AnyResponse:
    """Store an opinion on the suitability of a dataset, from its page."""
    try:
        act("ecosphere_opinion_save", package_id=id, **_typed("use", "fits", "why"))
    except tk.ValidationError as error:
        tk.h.flash_error(sentences(error))
    else:
        tk.h.flash_success(tk._("Thank you, your opinion counts now."))
    return tk.redirect_to(tk.h.url_for("dataset.read", id=id) + "#aptitude")


# --- taken away from a study ----------------------------------------------------------------------


def _outline(id_: str) -> Outline:
    """Return a study that the user may read.

    Raises:
        NotFound: there is none, or it is not shared with the user.
    """
    tk.check_access("ecosphere_study_show", context(), {"id": id_})
    return outline.of_study(store.get(id_), context())


@ecosphere_take.route("/etudes/<id>/emporter")
@page
def take_page(id: str) -> str:
    """Show what can be taken away from a study, and what is to be done at its end."""
    study = _outline(id)
    is_owner = store.role(store.get(id), tk.current_user.id) == store.OWNER
    variables = {"study": study, "deposits": take.deposits(), "is_owner": is_owner}
    return tk.render("ecosphere_studies/take.html", variables)


@ecosphere_take.route("/etudes/<id>/fichiers/<name>")
@page
def study_file(id: str, name: str) -> AnyResponse:
    """Return one of the files of a study; those for the authorities are in French, whatever the language of the page.

    No cache keeps it, and no search engine reads it.
    """
    if name not in take.FILES:
        raise tk.ObjectNotFound(tk._("This form is not offered."))
    media_type, write = take.FILES[name]
    tk.check_access("ecosphere_study_show", context(), {"id": id})
    is_foreign = language.current()[:2] != FRENCH and language.offered(FRENCH) == FRENCH
    if name in IN_FRENCH and is_foreign:
        return tk.redirect_to("ecosphere_take.study_file", id=id, name=name, locale=FRENCH)
    response = _file(write(_outline(id)), media_type, name)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    if media_type == "text/html":
        del response.headers["Content-Disposition"]
        response.headers["Content-Security-Policy"] = POLICY_OF_ANNEX
    return response


IN_FRENCH = ("annexe.odt", "annexe.docx", "annexe.html", "etude.zip")
POLICY_OF_ANNEX = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"


@ecosphere_take.route("/etudes/<id>/proposer", methods=["GET", "POST"])
@page
def offer(id: str) -> AnyResponse:
    """Show the form with which the owner of a study proposes it as a reuse; when sent, propose it."""
    tk.check_access("ecosphere_study_offer", context(), {"id": id})
    study, error = store.get(id), None
    if request.method == "POST":
        try:
            act("ecosphere_study_offer", id=id, **_typed("title", "url", "description"))
        except tk.ValidationError as wrong:
            error = wrong
        else:
            return _proposed()
    return _form(
        "ecosphere_studies/reuses/new.html", error, values=request.form, kinds={}, study=study
    )


# --- parts of other pages -------------------------------------------------------------------------


def ecosphere_publications_of(pkg: Mapping[str, Any]) -> dict[str, Any]:
    """Return what people made with a dataset, and what they say of it.

    Returns:
        `collections` (name, title), `reuses`, `counts` of opinions, `reasons` for its editors, `uses` to choose from,
        and `own`: the collections to which the reader may add it.
    """
    return once.of_dataset("publications", pkg, _publications_of)


def _publications_of(pkg: Mapping[str, Any]) -> dict[str, Any]:
    judged = act("ecosphere_opinion_list", package_id=pkg["id"])
    own = []
    if tk.h.check_access("ecosphere_collection_create"):
        own = act("ecosphere_collection_list", mine=True, rows=100)["results"]
    return {
        "collections": [collections.brief(row) for row in collections.of_dataset(pkg["id"])],
        "reuses": act("ecosphere_reuse_list", package_id=pkg["id"], rows=ON_PAGE)["results"],
        "counts": judged["counts"],
        "reasons": judged.get("reasons", []),
        "uses": opinions.uses(),
        "own": own,
    }


def ecosphere_publications_of_service(group: Mapping[str, Any]) -> dict[str, Any]:
    """Return the public collections of a service, and the reuses of its datasets."""
    _count, rows = collections.listed(anybody(), group["id"], False, 0, ON_PAGE)
    return {
        "collections": [collections.brief(row) for row in rows],
        "reuses": reuses.shown(reuses.of_service(group["id"], ON_PAGE), anybody()),
    }


def ecosphere_publications_of_home() -> list[dict[str, Any]]:
    """Return the collections shown on the home page."""
    _count, rows = collections.listed(anybody(), "", False, 0, ON_HOME)
    return [collections.brief(row) for row in rows]


def ecosphere_publication_text(text: str) -> Markup:
    """Return a text of outsiders (Markdown) as harmless HTML."""
    return Markup(rich_text.to_html(text))  # noqa: S704 - sanitised there


HELPERS = {
    helper.__name__: helper
    for helper in (
        ecosphere_publications_of,
        ecosphere_publications_of_service,
        ecosphere_publications_of_home,
        ecosphere_publication_text,
    )
}
