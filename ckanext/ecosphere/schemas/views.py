"""Views of datasets and vocabularies: exports, SKOS, place suggestions, and forms filled in from other sources.

Among the latter are unsaved forms, restored from values kept by the browser; nothing is saved.
"""

from __future__ import annotations

import json
import re
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.lib.navl.dictization_functions import DataError, unflatten
from ckan.lib.search import SearchError
from ckan.logic import clean_dict, parse_params, tuplize_dict
from ckan.views import dataset as dataset_views
from ckan.views import resource as resource_views
from flask import Blueprint, Response, make_response, send_file, stream_with_context
from markupsafe import Markup

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.schemas import config, iso_record
from ckanext.ecosphere.schemas.catalogue import public_files
from ckanext.ecosphere.schemas.fields import choices, places, spatial, stored
from ckanext.ecosphere.schemas.importing import proposing, review
from ckanext.ecosphere.schemas.importing.documents import decoded
from ckanext.ecosphere.schemas.logic.publication import label_of
from ckanext.ecosphere.schemas.logic.validators import free_name
from ckanext.ecosphere.schemas.rdf import negotiation, skos, structured
from ckanext.ecosphere.shared import language, web_guard

SKOS_FORMATS = {
    "ttl": ("turtle", "text/turtle"),
    "rdf": ("xml", "application/rdf+xml"),
    "jsonld": ("json-ld", "application/ld+json"),
}
MOST_PROBLEMS = 40
KIND = "dcat_type"  # every dataset has one
schemas = Blueprint("ecosphere_schemas", __name__)
web_guard.protect(schemas)
schemas.before_app_request(negotiation.lead)
schemas.after_app_request(negotiation.tell)


@schemas.route("/dataset/<id>/iso19139.xml")
def iso(id: str) -> Response:
    """Return the ISO 19139 record of a dataset."""
    dataset = _shown(id)
    response = Response(iso_record.of(dataset), mimetype="application/xml")
    response.headers["Content-Disposition"] = f'inline; filename="{dataset["name"]}.xml"'
    return response


@schemas.route("/dataset/<id>/schemaorg.jsonld")
def schema_org(id: str) -> Response:
    """Return the schema.org description of a dataset as JSON-LD, as embedded in its page."""
    dataset = _shown(id)
    return Response(
        json.dumps(structured.describe(dataset), ensure_ascii=False, indent=2),
        mimetype="application/ld+json",
    )


@schemas.route("/catalogue.csv")
def catalogue() -> Response:
    """Return the public datasets as CSV in the layout of the schéma de catalogue de données.

    A small result is streamed; the whole catalogue is prepared in the background.
    """
    search = {"q": tk.request.args.get("q", ""), "fq": public_files.PUBLIC}
    if tk.request.args.get("organization"):
        name = str(tk.request.args["organization"]).replace("\\", "").replace('"', "")
        search["fq"] += f' +organization:"{name}"'
    try:
        number = public_files.count(search)
    except SearchError as error:
        return tk.abort(400, str(error))
    if number <= public_files.MOST_LIVE:
        response = Response(
            stream_with_context(public_files.csv_lines(search)), mimetype="text/csv"
        )
    elif search != {"q": "", "fq": public_files.PUBLIC}:
        message = tk._(
            "Too many datasets for one file: {number} at most. Narrow the search, or take the whole catalogue."
        )
        return tk.abort(400, message.format(number=public_files.MOST_LIVE))
    elif public_files.csv_path() is None:
        message = tk._(
            "This portal stores no files, and the catalogue is too large to be written at once: narrow the search to"
            " {number} datasets at most, or take the catalogue as RDF (/catalog.xml)."
        )
        return Response(message.format(number=public_files.MOST_LIVE), 503, mimetype="text/plain")
    else:
        file = public_files.prepared_csv()
        if not file:
            message = tk._("The file is being prepared: ask for it again in a few minutes.")
            return Response(message, 503, {"Retry-After": "120"}, mimetype="text/plain")
        response = send_file(file, mimetype="text/csv", max_age=0)
    response.headers["Content-Disposition"] = 'attachment; filename="catalogue.csv"'
    return response


# --- vocabularies ------------------------------------------------------------------------------------


@schemas.route("/vocabulaires")
def vocabulary_list() -> str:
    """List the vocabularies."""
    lists: list[dict[str, Any]] = []
    for name in voc.names():
        title = voc.title(name, language.current())
        lists.append({"name": name, "title": title, "size": len(voc.get(name))})
    lists.sort(key=lambda row: voc.normalise(row["title"]))
    return tk.render("ecosphere_schemas/vocabularies.html", {"lists": lists})


@schemas.route("/vocabulaires/<name>")
def vocabulary(name: str) -> Any:
    """Show a vocabulary as a page or as SKOS, chosen by the extension (``.ttl``…) or the ``Accept`` header."""
    name, _dot, extension = name.partition(".")
    if name not in voc.names() or (extension and extension not in SKOS_FORMATS):
        return tk.abort(404, tk._("Vocabulary not found"))
    if not extension:
        endings = {mimetype: ending for ending, (_syntax, mimetype) in SKOS_FORMATS.items()}
        accepted = tk.request.accept_mimetypes.best_match(["text/html", *endings], "text/html")
        extension = endings.get(str(accepted), "")
    if not extension:
        variables = {"vocabulary": voc.get(name), "title": voc.title(name, language.current())}
        page = make_response(tk.render("ecosphere_schemas/vocabulary.html", variables))
        page.vary.add("Accept")
        return page
    syntax, mimetype = SKOS_FORMATS[extension]
    address = tk.url_for(
        "ecosphere_schemas.vocabulary", name=name, qualified=True, locale="default"
    )
    response = Response(
        skos.graph(voc.get(name), address).serialize(format=syntax), mimetype=mimetype
    )
    response.vary.add("Accept")
    return response


# --- places --------------------------------------------------------------------------------------------


@schemas.route("/ecosphere/territoires")
def suggest_places() -> Response:
    """Return the territories and communes that match a text (``q``), or the territories around a box (``bbox``)."""
    lang, box = language.current(), tk.request.args.get("bbox", "")
    if not box:
        return _json(places.suggest(tk.request.args.get("q", "")[:100], lang))
    try:
        sides = spatial.geometry_to_box(spatial.parse_box(box[:200]))
    except spatial.GeometryError:
        return _json([])
    return _json(places.territories_of(sides, lang))


@schemas.route("/ecosphere/territoires/intercommunalites")
def suggest_epcis() -> Response:
    """Return the intercommunalities that match a text (``q``), each with its départements and its box."""
    return _json(places.suggest_epcis(tk.request.args.get("q", "")[:100], language.current()))


@schemas.route("/ecosphere/territoires/emprise")
def box_of_places() -> Response:
    """Return the box around territories (``uri``, repeatable): west, south, east, north, or null."""
    return _json(places.box_of(tk.request.args.getlist("uri")[:100]))


def _json(value: Any) -> Response:
    response = Response(json.dumps(value, ensure_ascii=False), mimetype="application/json")
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response


@schemas.route("/ecosphere/listes/<name>/<store>/<version>")
def choice_list(name: str, store: str, version: str) -> Response:
    """Return the choices of a field of the form, fetched by its script; a changed list has another URL."""
    if not choices.is_list(name, store):
        return tk.abort(404, tk._("There is no such list."))
    return _json(json.loads(choices.written(name, store)))


# --- new datasets filled in from other sources ---------------------------------------------------------


@schemas.route("/dataset/importer", methods=["GET", "POST"])
def import_record() -> Any:
    """Ask for URLs or a file, and show the form of a new dataset filled in from them.

    Services are read in the background: the page waits for them and asks which of their layers to use.
    """
    _check_may_describe()
    errors, url = {}, tk.request.form.get("url", "").strip()
    upload = tk.request.files.get("file")
    try:
        if upload and upload.filename:
            content = decoded(upload.stream.read(config.IMPORT_BYTES + 1))
            if content.strip():
                read = tk.get_action("ecosphere_dataset_import")({}, {"content": content})
                return _imported({"described": True, **read})
            errors = {"content": [tk._("The file is empty")]}
        elif tk.request.method == "POST":
            return _proposed(url)
    except tk.ValidationError as error:
        errors = error.error_dict
    return tk.render("ecosphere_schemas/import.html", {"url": url, "errors": errors})


def _proposed(url: str) -> str:
    """Return the form with the proposed dataset, or the page that waits for services or asks for their layers."""
    form = tk.request.form
    layers = form.getlist("layer")[: proposing.MOST_CHOSEN]
    data = {"urls": url, "kinds": form.getlist("kind"), "layers": layers}
    read = tk.get_action("ecosphere_dataset_propose")({}, data)
    if read["state"] == proposing.READY:
        return _imported(read)
    tries = 0
    if re.fullmatch("[0-9]{1,3}", form.get("tries", "")):
        tries = int(form["tries"])
    page = {"url": url, "read": read, "tries": tries + 1, "unanswered": bool(form.get("chosen"))}
    return tk.render(f"ecosphere_schemas/importing/{read['state']}.html", page)


def _imported(read: dict[str, Any]) -> str:
    """Return the form filled in with the imported dataset."""
    if read.get("read", True):
        tk.h.flash_notice(
            tk._("Here is what was read. Look it over, then save: nothing is saved yet.")
        )
    else:
        message = tk._(
            "Nothing could be read there. Check the address, or fill the form in by hand: nothing is saved yet."
        )
        tk.h.flash_error(message)
    for warning in read["warnings"]:
        tk.h.flash_error(warning)
    for dataset in read["already"]:
        url = tk.url_for("dataset.read", id=dataset["name"])
        link = Markup('<a class="alert-link" href="{}">{}</a>').format(url, dataset["title"])
        tk.h.flash_error(Markup("{}{}").format(tk._("See the dataset: "), link), allow_html=True)
    _tell(read["problems"])
    if read["described"]:
        return _new_form(_as_it_is(read["dataset"]))
    return _new_form({**_usual(), **read["dataset"]})


def _usual() -> dict[str, Any]:
    """Return the usual values of the user's only service; empty for users with several."""
    mine = tk.h.ecosphere_own_services()
    if len(mine) != 1:
        return {}
    usual = tk.get_action("ecosphere_dataset_usual_values")({}, {"id": mine[0]["id"]})
    if sheets.as_contact(usual["owner_org"]):
        for field in _fields():
            if field.get("from_contact_sheet"):  # the form fills it in
                usual.pop(field["field_name"], None)
    return usual


def _fields() -> list[dict[str, Any]]:
    return tk.h.scheming_get_dataset_schema("dataset")["dataset_fields"]


@schemas.route("/dataset/<id>/dupliquer")
def duplicate(id: str) -> Any:
    """Show the form of a new dataset, filled in from an existing one."""
    _check_may_describe()
    dataset = _shown(id)
    title = tk._("{title} (copy)").format(title=dataset["title"])
    copied = proposing.copy(dataset, title)
    copied, problems = review.looked_over(copied, {"user": tk.current_user.name})
    _tell(problems)
    return _new_form(_as_it_is(copied))


@schemas.route("/dataset/nouveau/<service>")
def new_of_service(service: str) -> Any:
    """Show the form of a new dataset, filled in with the usual values of a service."""
    try:
        usual = tk.get_action("ecosphere_dataset_usual_values")({}, {"id": service})
    except tk.NotAuthorized:
        return tk.abort(403, tk._("You may not describe datasets of this service"))
    except tk.ObjectNotFound:
        return tk.abort(404, tk._("Service not found"))
    fields = {
        field["field_name"]: field for field in _fields() if field["field_name"] != "owner_org"
    }
    sheet = sheets.as_contact(usual["owner_org"])
    if sheet:
        of_sheet = [name for name, field in fields.items() if field.get("from_contact_sheet")]
        usual |= {name: [sheet] for name in of_sheet}
        labels = [label_of(fields.pop(name)) for name in of_sheet]
        message = tk._("Filled in from the contact sheet of the service: {fields}.")
        tk.h.flash_notice(message.format(fields=", ".join(labels)))
    labels = [label_of(field) for name, field in fields.items() if name in usual]
    if labels:
        message = tk._(
            "Filled in as the latest datasets of the service are, look it over: {fields}."
        )
        tk.h.flash_notice(message.format(fields=", ".join(labels)))
    elif not sheet:
        tk.h.flash_notice(
            tk._(
                "The latest datasets of the service have nothing in common that could be filled in."
            )
        )
    return _new_form(usual)


def _tell(problems: list[str]) -> None:
    sentences = list(dict.fromkeys(problems))
    for sentence in sentences[:MOST_PROBLEMS]:
        tk.h.flash_notice(sentence)
    if len(sentences) > MOST_PROBLEMS:
        tk.h.flash_notice(tk._("And {number} more.").format(number=len(sentences) - MOST_PROBLEMS))


def _check_may_describe() -> None:
    try:
        tk.check_access(
            "package_create", {"user": tk.current_user.name, "auth_user_obj": tk.current_user}
        )
    except tk.NotAuthorized:
        tk.abort(403, tk._("Only the editors of a service describe datasets"))


def _as_it_is(dataset: dict[str, Any]) -> dict[str, Any]:
    """Return a dataset for which the form uses no defaults: a licence or access that is not stated stays empty."""
    with_default = [f for f in _fields() if "form_default" in f or f.get("from_contact_sheet")]
    empty = {field["field_name"]: "" for field in with_default if field["field_name"] != KIND}
    return {**empty, **dataset}


def _new_form(dataset: dict[str, Any]) -> str:
    """Show CKAN's form of a new dataset filled in with values; it is submitted to the usual URL."""
    tk.g.form_action = tk.url_for("dataset.new")
    if dataset.get("title"):
        dataset["name"] = free_name(dataset["title"])
    return dataset_views.CreateView().get("dataset", dict(dataset))


def _shown(id: str) -> dict[str, Any]:
    try:
        return tk.get_action("package_show")({}, {"id": id})
    except tk.ObjectNotFound:
        return tk.abort(404, tk._("Dataset not found"))
    except tk.NotAuthorized:
        # 404 does not reveal that a draft exists.
        return tk.abort(404, tk._("Dataset not found"))


# --- unsaved forms -------------------------------------------------------------------------------------

#: Parameters that identify the form: id or name of the dataset, id of the resource; "new" for one not created yet.
PARTS = ("_dataset", "_resource")
KINDS = ("dataset", "resource")
LONGEST_REFERENCE = 200
NEW = "new"
BAD_REQUEST, ABSENT = 400, 404

forms = Blueprint("ecosphere_forms", __name__)
web_guard.protect(forms)


@forms.route("/dataset/reprendre/<kind>", methods=["POST"])
def restore(kind: str) -> Any:
    """Show a form with the submitted values, as after a validation error, to users who may use that form."""
    dataset, resource = (tk.request.values.get(name, "")[:LONGEST_REFERENCE] for name in PARTS)
    if kind not in KINDS or not dataset or (kind == "resource") != bool(resource):
        return tk.abort(BAD_REQUEST, tk._("It cannot be told which form this was."))
    try:
        parameters = parse_params(tk.request.form, ignore_keys=[*PARTS, "save"])
        values = clean_dict(unflatten(tuplize_dict(parameters)))
    except (DataError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        return tk.abort(BAD_REQUEST, tk._("What was kept cannot be read."))
    values["save"] = ""  # marks the form as submitted: no defaults are filled in
    if kind == "resource":
        return _resource(dataset, resource, values)
    return _dataset(dataset, values)


def _dataset(id_: str, values: dict[str, Any]) -> Any:
    if id_ == NEW:
        tk.g.form_action = tk.url_for("dataset.new")
        return dataset_views.CreateView().get("dataset", {**values, "state": "none"})
    package = _readable(id_)
    tk.g.form_action = tk.url_for("dataset.edit", id=package.name)
    return dataset_views.EditView().get(
        "dataset", package.id, {**values, "id": package.id, "state": package.state}
    )


def _resource(dataset: str, id_: str, values: dict[str, Any]) -> Any:
    package = _readable(dataset)
    if id_ == NEW:
        return resource_views.CreateView().get("dataset", package.name, {**values, "id": ""})
    return resource_views.EditView().get("dataset", package.name, id_, {**values, "id": id_})


def _readable(name: str) -> Any:
    package = stored.package_of(name)
    who: Any = {"user": tk.current_user.name, "auth_user_obj": tk.current_user}
    try:
        if package is None:
            raise tk.ObjectNotFound
        tk.check_access("package_show", who, {"id": package.id})
    except (tk.ObjectNotFound, tk.NotAuthorized):
        tk.abort(ABSENT, tk._("Dataset not found"))
    return package
