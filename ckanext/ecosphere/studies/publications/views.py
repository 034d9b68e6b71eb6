"""Pages of collections, reuses and opinions, and the files that are taken away from a study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from flask import Response, request
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.core.pages import (
    GET_POST,
    Form,
    Pages,
    act,
    anybody,
    context,
    file,
    part_of_list,
    press,
    rendered,
)
from ckanext.ecosphere.shared import atom, language, once, rich_text
from ckanext.ecosphere.studies import candidates, frames, store, suitability
from ckanext.ecosphere.studies.publications import clipping, collections, outline, reuses, take

#: Empty lines at the end of the form of a collection.
BLANK_ITEMS = 3
ON_HOME, ON_PAGE, MOST_OWN = 3, 10, 100
#: Part of the name of a field → key of an item.
ITEM_FIELDS = {"group": "group", "label": "label", "note": "note", "dataset": "package_id"}
FRENCH = "fr"
IN_FRENCH = ("annexe.odt", "annexe.docx", "annexe.html", "etude.zip")
POLICY_OF_ANNEX = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"

ecosphere_collections = Pages(
    "ecosphere_collections", public=("index", "list_feed", "read", "feed", "table", "catalogue")
)
ecosphere_reuses = Pages("ecosphere_reuses", public=("list_reuses",))
ecosphere_take = Pages("ecosphere_take")
BLUEPRINTS = (ecosphere_collections, ecosphere_reuses, ecosphere_take)


def _typed(*names: str) -> dict[str, str]:
    return {name: request.form.get(name, "") for name in names}


# --- collections ----------------------------------------------------------------------------------


@ecosphere_collections.route("/bouquets")
def index() -> Response:
    """List the public collections, and those of the user's services that are not public."""
    drafts = [row for row in _own_collections() if not row["public"]]
    listed = part_of_list("ecosphere_collection_list")
    return rendered("ecosphere_studies/collections/index.html", found=listed, drafts=drafts)


def _own_collections() -> list[dict[str, Any]]:
    """Return the collections that the user may edit, public or not."""
    if tk.h.check_access("ecosphere_collection_create"):
        return act("ecosphere_collection_list", mine=True, rows=MOST_OWN)["results"]
    return []


@ecosphere_collections.route("/bouquets/nouveau", methods=GET_POST)
def new() -> AnyResponse:
    """Show the form of a new collection; when sent, create it."""
    tk.check_access("ecosphere_collection_create", context(), {})
    form = Form("title", "organization", frame_id=request.args.get("frame_id", ""))
    if form.sends("ecosphere_collection_create"):
        return tk.redirect_to("ecosphere_collections.edit", name=form.result["name"])
    return form.page(
        "ecosphere_studies/collections/new.html",
        services=tk.h.organizations_available(collections.RIGHT),
        frames=[(frame.id, frames.text_in(frame.title)) for frame in frames.frames()],
    )


@ecosphere_collections.route("/bouquets/<name>")
def read(name: str) -> Response:
    """Show a collection."""
    collection = act("ecosphere_collection_show", id=name)
    can_edit = collections.may_edit(context(), collection["organization"]["id"])
    return rendered(
        "ecosphere_studies/collections/read.html", collection=collection, can_edit=can_edit
    )


@ecosphere_collections.route("/bouquets/<name>/modifier", methods=GET_POST)
def edit(name: str) -> AnyResponse:
    """Show the form of a collection; when sent, change it."""
    collection = collections.get(name)
    tk.check_access("ecosphere_collection_update", context(), {"id": name})
    form = Form(
        title=collection.title, description=collection.description, public=collection.public
    )
    items = [*collection.items, *[dict.fromkeys(collections.LONGEST, "")] * BLANK_ITEMS]
    if request.method == "POST":
        items = _typed_items()
    filled = [item for item in items if item["label"] or item["package_id"]]
    if form.sends("ecosphere_collection_update", id=name, items=filled):
        tk.h.flash_success(tk._("The collection is saved."))
        return tk.redirect_to("ecosphere_collections.read", name=name)
    return form.page(
        "ecosphere_studies/collections/edit.html", collection=collection, items=_named(items)
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
        item = {key: request.form.get(prefix + part, "") for part, key in ITEM_FIELDS.items()}
        item["package_id"] = item["package_id"].strip().rstrip("/").rpartition("/")[2]
        place = request.form.get(f"{prefix}place", "")
        if not place.isascii() or not place.isdecimal():
            place = str(number + 1)
        lines.append((int(place[:6]), number, item))
    return [item for _place, _number, item in sorted(lines, key=lambda line: line[:2])]


def _named(items: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return items with the names of datasets instead of their ids,
    as far as the user may read them.
    """
    packages = candidates.readable([item["package_id"] for item in items], context())
    names = {id_: package["name"] for id_, package in packages.items()}
    return [
        {**item, "package_id": names.get(item["package_id"], item["package_id"])} for item in items
    ]


@ecosphere_collections.post("/bouquets/<name>/supprimer")
def delete(name: str) -> AnyResponse:
    """Delete a collection."""
    press("ecosphere_collection_delete", tk._("The collection is deleted."), id=name)
    return tk.redirect_to("ecosphere_collections.index")


@ecosphere_collections.post("/bouquets/ajouter")
def add() -> AnyResponse:
    """Add a dataset to a collection, from its page."""
    item = _typed("package_id", "label", "note")
    collection = press("ecosphere_collection_add", id=request.form.get("collection", ""), **item)
    if collection:
        sentence = tk._("Added to the collection “{title}”.")
        tk.h.flash_success(sentence.format(title=collection["title"]))
    return tk.redirect_to("dataset.read", id=item["package_id"])


# Feeds and catalogues are kept by caches: they have what anybody may read, whoever asks.


@ecosphere_collections.route("/bouquets/flux.atom")
def list_feed() -> Response:
    """Return the public collections as a feed."""
    rows = tk.get_action("ecosphere_collection_list")(anybody(), {"rows": collections.MOST_IN_FEED})
    return file(collections.as_feed(rows["results"]), atom.MIMETYPE)


@ecosphere_collections.route("/bouquets/<name>/flux.atom")
def feed(name: str) -> Response:
    """Return a public collection as a feed."""
    collection = tk.get_action("ecosphere_collection_show")(anybody(), {"id": name})
    return file(collections.as_atom(collection), atom.MIMETYPE)


@ecosphere_collections.route("/bouquets/<name>/catalogue.<ending>")
def catalogue(name: str, ending: str) -> Response:
    """Return a public collection as a catalogue of DCAT."""
    collection = tk.get_action("ecosphere_collection_show")(anybody(), {"id": name})
    if ending not in collections.FORMATS or not tk.h.plugin_loaded("dcat"):
        raise tk.ObjectNotFound(tk._("This form is not offered."))
    media_type, _syntax = collections.FORMATS[ending]
    return file(collections.as_dcat(collection, ending), media_type)


@ecosphere_collections.route("/bouquets/<name>/bouquet.csv")
def table(name: str) -> Response:
    """Return a collection as a table."""
    collection = act("ecosphere_collection_show", id=name)
    return file(collections.as_csv(collection), "text/csv", f"{collection['name']}.csv")


# --- reuses and opinions --------------------------------------------------------------------------


@ecosphere_reuses.route("/reutilisations")
def list_reuses() -> Response:
    """List the published reuses, and the user's own."""
    own = []
    if tk.current_user.is_authenticated:
        own = act("ecosphere_reuse_list", scope="mine", rows=MOST_OWN)["results"]
    return rendered(
        "ecosphere_studies/reuses/index.html", found=part_of_list("ecosphere_reuse_list"), own=own
    )


@ecosphere_reuses.route("/reutilisations/nouvelle", methods=GET_POST)
def new_reuse() -> AnyResponse:
    """Show the form of a reuse; when sent, propose it."""
    dataset = request.args.get("dataset", "")
    form = Form("kind", "title", "url", "description", packages=dataset)
    if form.sends("ecosphere_reuse_create"):
        return _proposed()
    kinds = {key: tk._(label) for key, label in reuses.KINDS.items()}
    return form.page("ecosphere_studies/reuses/new.html", kinds=kinds, study=None)


def _proposed() -> AnyResponse:
    tk.h.flash_success(tk._("Thank you. It is shown once a moderator has read it."))
    return tk.redirect_to("ecosphere_reuses.list_reuses")


@ecosphere_reuses.route("/reutilisations/moderation")
def moderation() -> Response:
    """Show the reuses that wait for a moderator."""
    listed = part_of_list("ecosphere_reuse_list", scope="held")
    return rendered("ecosphere_studies/reuses/moderation.html", found=listed)


@ecosphere_reuses.post("/reutilisations/<id>/moderer")
def moderate(id: str) -> AnyResponse:
    """Publish or refuse a reuse."""
    recorded = tk._("The decision is recorded.")
    press("ecosphere_reuse_moderate", recorded, id=id, **_typed("decision", "reason"))
    return tk.redirect_to("ecosphere_reuses.moderation")


@ecosphere_reuses.post("/reutilisations/<id>/supprimer")
def delete_reuse(id: str) -> AnyResponse:
    """Delete a reuse."""
    press("ecosphere_reuse_delete", tk._("The reuse is deleted."), id=id)
    return tk.redirect_to("ecosphere_reuses.list_reuses")


@ecosphere_reuses.post("/dataset/<id>/avis")
def opinion(id: str) -> AnyResponse:
    """Store an opinion on the suitability of a dataset, from its page."""
    thanks = tk._("Thank you, your opinion counts now.")
    press("ecosphere_opinion_save", thanks, package_id=id, **_typed("use", "fits", "why"))
    return tk.redirect_to(tk.h.url_for("dataset.read", id=id) + "#aptitude")


# --- taken away from a study ----------------------------------------------------------------------


@ecosphere_take.route("/etudes/<id>/emporter")
def take_page(id: str) -> Response:
    """Show what can be taken away from a study, and what is to be done at its end."""
    tk.check_access("ecosphere_study_show", context(), {"id": id})
    study = store.get(id)
    return rendered(
        "ecosphere_studies/take.html",
        study=outline.of_study(study, context()),
        extracts=clipping.outcomes(study, context()),
        may_extract=tk.h.check_access("ecosphere_study_extract", {"id": id}),
        deposits=take.deposits(),
        is_owner=store.role(study, tk.current_user.id) == store.OWNER,
    )


@ecosphere_take.route("/etudes/<id>/extraits", methods=["POST"])
def extract(id: str) -> AnyResponse:
    """Have the data around the site of a study extracted."""
    press("ecosphere_study_extract", id=id)
    return tk.redirect_to("ecosphere_take.take_page", id=id, _anchor="extraits")


@ecosphere_take.route("/etudes/<id>/fichiers/<name>")
def study_file(id: str, name: str) -> AnyResponse:
    """Return one of the files of a study; those for the authorities are in French, whatever the
    language of the page.

    No cache keeps it, and no search engine reads it.
    """
    if name not in take.FILES:
        raise tk.ObjectNotFound(tk._("This form is not offered."))
    tk.check_access("ecosphere_study_show", context(), {"id": id})
    is_foreign = language.current()[:2] != FRENCH and language.offered(FRENCH) == FRENCH
    if name in IN_FRENCH and is_foreign:
        return tk.redirect_to("ecosphere_take.study_file", id=id, name=name, locale=FRENCH)
    media_type, write = take.FILES[name]
    study = store.get(id)
    extracts = clipping.outcomes(study, context())
    content = write({**outline.of_study(study, context()), "extracts": extracts})
    response = file(content, media_type, name)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    if media_type == "text/html":
        del response.headers["Content-Disposition"]
        response.headers["Content-Security-Policy"] = POLICY_OF_ANNEX
    return response


@ecosphere_take.route("/etudes/<id>/proposer", methods=GET_POST)
def offer(id: str) -> AnyResponse:
    """Show the form with which the owner of a study proposes it as a reuse.

    When sent, propose it.
    """
    tk.check_access("ecosphere_study_offer", context(), {"id": id})
    form = Form("title", "url", "description")
    if form.sends("ecosphere_study_offer", id=id):
        return _proposed()
    return form.page("ecosphere_studies/reuses/new.html", kinds={}, study=store.get(id))


# --- parts of other pages -------------------------------------------------------------------------


def ecosphere_publications_of(pkg: Mapping[str, Any]) -> dict[str, Any]:
    """Return what people made with a dataset, and what they say of it.

    Returns:
        `collections` (name, title), `reuses`, `counts` of opinions, `reasons` for its editors,
        `uses` to choose from, and `own`: the collections to which the reader may add it.
    """
    return once.of_dataset("publications", pkg, _publications_of)


def _publications_of(pkg: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "collections": [collections.brief(row) for row in collections.of_dataset(pkg["id"])],
        "reuses": act("ecosphere_reuse_list", package_id=pkg["id"], rows=ON_PAGE)["results"],
        "uses": suitability.labels(),
        "own": _own_collections(),
        **act("ecosphere_opinion_list", package_id=pkg["id"]),
    }


def ecosphere_publications_of_service(group: Mapping[str, Any]) -> dict[str, Any]:
    """Return the public collections of a service, reuses of its datasets,
    and for its editors `studies` (number).
    """
    studies = 0
    if tk.h.check_access("ecosphere_study_dataset_stats", {"organization": group["id"]}):
        studies = act("ecosphere_study_dataset_stats", organization=group["id"])["studies"]
    return {
        "studies": studies,
        "collections": _public_collections(ON_PAGE, organization=group["id"]),
        "reuses": reuses.shown(reuses.of_service(group["id"], ON_PAGE), anybody()),
    }


def ecosphere_publications_of_home() -> list[dict[str, Any]]:
    """Return the collections shown on the home page."""
    return _public_collections(ON_HOME)


def _public_collections(rows: int, **data: Any) -> list[dict[str, Any]]:
    listed = tk.get_action("ecosphere_collection_list")(anybody(), {"rows": rows, **data})
    return listed["results"]


def ecosphere_publication_text(text: str) -> Markup:
    """Return a text of outsiders (Markdown) as harmless HTML."""
    return Markup(rich_text.to_html(text))  # noqa: S704 - sanitised there


HELPERS = {name: value for name, value in globals().items() if name.startswith("ecosphere_public")}
