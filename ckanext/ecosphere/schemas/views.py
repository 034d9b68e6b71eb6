"""Views of the room: exports, vocabularies, places, forms filled in, citations,
high-value datasets, bulk edits.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from ckan.lib.navl.dictization_functions import DataError, unflatten
from ckan.lib.search import SearchError
from ckan.logic import clean_dict, parse_params, tuplize_dict
from ckan.types import DataDict
from ckan.views import dataset as dataset_views
from ckan.views import resource as resource_views
from flask import Blueprint, Response, make_response, redirect, send_file, stream_with_context
from markupsafe import Markup

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.schemas import (
    bulk,
    config,
    form,
    hvd,
    page,
    places,
    public_files,
    relations,
    schemaorg,
    stored,
)
from ckanext.ecosphere.schemas.importing import proposing
from ckanext.ecosphere.schemas.importing.documents import decoded
from ckanext.ecosphere.schemas.iso import writer
from ckanext.ecosphere.schemas.logic.bulk import MOST_DATASETS, describe_filters
from ckanext.ecosphere.schemas.logic.publication import label_of
from ckanext.ecosphere.schemas.rdf import skos
from ckanext.ecosphere.schemas.rdf.parts import HIGH_VALUE_REGULATION
from ckanext.ecosphere.shared import action_input, authorization, language, web_guard

SKOS_FORMATS = {
    "ttl": ("turtle", "text/turtle"),
    "rdf": ("xml", "application/rdf+xml"),
    "jsonld": ("json-ld", "application/ld+json"),
}
MOST_PROBLEMS = 40
KIND = "dcat_type"  # every dataset has one
schemas = Blueprint("ecosphere_schemas", __name__)
forms = Blueprint("ecosphere_forms", __name__)
pages = Blueprint("ecosphere_page", __name__)
high_value = Blueprint("ecosphere_hvd", __name__)
bulk_edits = Blueprint("ecosphere_bulk", __name__, url_prefix="/dataset/modification-groupee")
BLUEPRINTS = [schemas, forms, pages, high_value, bulk_edits]
for blueprint in BLUEPRINTS:
    web_guard.protect(blueprint)


@schemas.route("/dataset/<id>/iso19139.xml")
def iso(id: str) -> Response:
    """Return the ISO 19139 record of a dataset."""
    dataset = _dataset_or_404(id)
    response = Response(writer.record_of(dataset), mimetype="application/xml")
    response.headers["Content-Disposition"] = f'inline; filename="{dataset["name"]}.xml"'
    return response


@schemas.route("/dataset/<id>/schemaorg.jsonld")
def schema_org(id: str) -> Response:
    """Return the schema.org description of a dataset as JSON-LD, as embedded in its page."""
    dataset = _dataset_or_404(id)
    return Response(
        json.dumps(schemaorg.structured_data(dataset), ensure_ascii=False, indent=2),
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
        return _table(public_files.csv_lines(search), "catalogue.csv")
    if search != {"q": "", "fq": public_files.PUBLIC}:
        message = _(
            "Too many datasets for one file: {number} at most. Narrow the search, or take the "
            "whole catalogue."
        )
        return tk.abort(400, message.format(number=public_files.MOST_LIVE))
    if public_files.csv_path() is None:
        message = _(
            "This portal stores no files, and the catalogue is too large to be written at once: "
            "narrow the search to"
            " {number} datasets at most, or take the catalogue as RDF (/catalog.xml)."
        )
        return Response(message.format(number=public_files.MOST_LIVE), 503, mimetype="text/plain")
    file = public_files.prepared_csv()
    if not file:
        message = _("The file is being prepared: ask for it again in a few minutes.")
        return Response(message, 503, {"Retry-After": "120"}, mimetype="text/plain")
    response = send_file(file, mimetype="text/csv", max_age=0)
    response.headers["Content-Disposition"] = 'attachment; filename="catalogue.csv"'
    return response


def _table(lines: Iterator[str], name: str) -> Response:
    """Return a CSV file, written while it is sent."""
    response = Response(stream_with_context(lines), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


# --- vocabularies --------------------------------------------------------------------------------


@schemas.route("/vocabulaires")
def vocabulary_list() -> str:
    """List the vocabularies."""
    lists: list[DataDict] = []
    for name in voc.names():
        title = voc.title(name, language.current())
        lists.append({"name": name, "title": title, "size": len(voc.get(name))})
    lists.sort(key=lambda row: voc.normalise(row["title"]))
    return tk.render("ecosphere_schemas/vocabularies.html", {"lists": lists})


@schemas.route("/vocabulaires/<name>")
def vocabulary(name: str) -> Any:
    """Show a vocabulary as a page or as SKOS, chosen by the extension
    (``.ttl``…) or the ``Accept`` header.
    """
    name, _dot, extension = name.partition(".")
    if name not in voc.names() or (extension and extension not in SKOS_FORMATS):
        return tk.abort(404, _("Vocabulary not found"))
    if not extension:
        endings = {mimetype: ending for ending, (_syntax, mimetype) in SKOS_FORMATS.items()}
        accepted = tk.request.accept_mimetypes.best_match(["text/html", *endings], "text/html")
        extension = endings.get(str(accepted), "")
    if not extension:
        variables = {"vocabulary": voc.get(name), "title": voc.title(name, language.current())}
        response = make_response(tk.render("ecosphere_schemas/vocabulary.html", variables))
        response.vary.add("Accept")
        return response
    syntax, mimetype = SKOS_FORMATS[extension]
    address = tk.url_for(
        "ecosphere_schemas.vocabulary", name=name, qualified=True, locale="default"
    )
    response = Response(
        skos.graph(voc.get(name), address).serialize(format=syntax), mimetype=mimetype
    )
    response.vary.add("Accept")
    return response


# --- places --------------------------------------------------------------------------------------


@schemas.route("/ecosphere/territoires")
def suggest_places() -> Response:
    """Return the territories and communes that match a text (``q``),
    or the territories around a box (``bbox``).
    """
    lang, box = language.current(), tk.request.args.get("bbox", "")
    if not box:
        return _json(places.suggest(tk.request.args.get("q", "")[:100], lang))
    try:
        sides = places.geometry_to_box(places.parse_box(box[:200]))
    except places.GeometryError:
        return _json([])
    return _json(places.territories_of(sides, lang))


@schemas.route("/ecosphere/territoires/intercommunalites")
def suggest_epcis() -> Response:
    """Return the intercommunalities that match a text (``q``),
    each with its départements and its box.
    """
    return _json(places.suggest_epcis(tk.request.args.get("q", "")[:100], language.current()))


@schemas.route("/ecosphere/territoires/emprise")
def box_of_places() -> Response:
    """Return the box around territories (``uri``, repeatable): west, south, east, north,
    or null.
    """
    return _json(places.box_of(tk.request.args.getlist("uri")[:100]))


def _json(value: Any) -> Response:
    response = Response(json.dumps(value, ensure_ascii=False), mimetype="application/json")
    response.headers["Cache-Control"] = "public, max-age=3600"
    return response


@schemas.route("/ecosphere/listes/<name>/<store>/<version>")
def choice_list(name: str, store: str, version: str) -> Response:
    """Return the choices of a field of the form, fetched by its script.

    A changed list has another URL.
    """
    if not form.is_list(name, store):
        return tk.abort(404, _("There is no such list."))
    return _json(json.loads(form.list_as_json(name, store)))


# --- new datasets filled in from other sources ---------------------------------------------------


@schemas.route("/dataset/importer", methods=["GET", "POST"])
def import_record() -> Any:
    """Ask for URLs or a file, and show the form of a new dataset filled in from them.

    Services are read in the background: the page waits for them and asks which of their layers to
    use.
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
            errors = {"content": [_("The file is empty")]}
        elif tk.request.method == "POST":
            return _proposed(url)
    except tk.ValidationError as error:
        errors = error.error_dict
    return tk.render("ecosphere_schemas/import.html", {"url": url, "errors": errors})


def _proposed(url: str) -> str:
    """Return the form with the proposed dataset, or the page that waits for
    services or asks for their layers.
    """
    sent = tk.request.form
    layers = sent.getlist("layer")[: proposing.MOST_LAYERS]
    data = {"urls": url, "kinds": sent.getlist("kind"), "layers": layers}
    read = tk.get_action("ecosphere_dataset_propose")({}, data)
    if read["state"] == proposing.READY:
        return _imported(read)
    tries = 0
    if re.fullmatch("[0-9]{1,3}", sent.get("tries", "")):
        tries = int(sent["tries"])
    variables = {
        "url": url,
        "read": read,
        "tries": tries + 1,
        "unanswered": bool(sent.get("chosen")),
    }
    return tk.render(f"ecosphere_schemas/importing/{read['state']}.html", variables)


def _imported(read: DataDict) -> str:
    """Return the form filled in with the imported dataset."""
    if read.get("read", True):
        tk.h.flash_notice(
            _("Here is what was read. Look it over, then save: nothing is saved yet.")
        )
    else:
        message = _(
            "Nothing could be read there. Check the address, or fill the form in by hand: nothing "
            "is saved yet."
        )
        tk.h.flash_error(message)
    for warning in read["warnings"]:
        tk.h.flash_error(warning)
    for dataset in read["already"]:
        url = tk.url_for("dataset.read", id=dataset["name"])
        link = Markup('<a class="alert-link" href="{}">{}</a>').format(url, dataset["title"])
        tk.h.flash_error(Markup("{}{}").format(_("See the dataset: "), link), allow_html=True)
    _flash_problems(read["problems"])
    if read["described"]:
        return _new_form(_without_defaults(read["dataset"]))
    return _new_form({**_usual_values(), **read["dataset"]})


def _usual_values() -> DataDict:
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


def _fields() -> list[DataDict]:
    return tk.h.scheming_get_dataset_schema("dataset")["dataset_fields"]


@schemas.route("/dataset/<id>/dupliquer")
def duplicate(id: str) -> Any:
    """Show the form of a new dataset, filled in from an existing one."""
    _check_may_describe()
    dataset = _dataset_or_404(id)
    title = _("{title} (copy)").format(title=dataset["title"])
    copied = proposing.duplicate(dataset, title)
    copied, problems = proposing.without_invalid(copied, {"user": tk.current_user.name})
    _flash_problems(problems)
    return _new_form(_without_defaults(copied))


@schemas.route("/dataset/nouveau/<service>")
def new_of_service(service: str) -> Any:
    """Show the form of a new dataset, filled in with the usual values of a service."""
    try:
        usual = tk.get_action("ecosphere_dataset_usual_values")({}, {"id": service})
    except tk.NotAuthorized:
        return tk.abort(403, _("You may not describe datasets of this service"))
    except tk.ObjectNotFound:
        return tk.abort(404, _("Service not found"))
    fields = [field for field in _fields() if field["field_name"] != "owner_org"]
    sheet = sheets.as_contact(usual["owner_org"])
    if sheet:
        of_sheet = [field for field in fields if field.get("from_contact_sheet")]
        usual |= {field["field_name"]: [sheet] for field in of_sheet}
        message = _("Filled in from the contact sheet of the service: {fields}.")
        tk.h.flash_notice(message.format(fields=", ".join(map(label_of, of_sheet))))
        fields = [field for field in fields if field not in of_sheet]
    labels = [label_of(field) for field in fields if field["field_name"] in usual]
    if labels:
        message = _("Filled in as the latest datasets of the service are, look it over: {fields}.")
        tk.h.flash_notice(message.format(fields=", ".join(labels)))
    elif not sheet:
        tk.h.flash_notice(
            _("The latest datasets of the service have nothing in common that could be filled in.")
        )
    return _new_form(usual)


def _flash_problems(problems: list[str]) -> None:
    sentences = list(dict.fromkeys(problems))
    for sentence in sentences[:MOST_PROBLEMS]:
        tk.h.flash_notice(sentence)
    if len(sentences) > MOST_PROBLEMS:
        tk.h.flash_notice(_("And {number} more.").format(number=len(sentences) - MOST_PROBLEMS))


def _check_may_describe() -> None:
    try:
        tk.check_access("package_create", authorization.of_page())
    except tk.NotAuthorized:
        tk.abort(403, _("Only the editors of a service describe datasets"))


def _without_defaults(dataset: DataDict) -> DataDict:
    """Return a dataset for which the form uses no defaults:
    a licence or access that is not stated stays empty.
    """
    empty = {}
    for field in _fields():
        has_default = "form_default" in field or field.get("from_contact_sheet")
        if has_default and field["field_name"] != KIND:
            empty[field["field_name"]] = ""
    return {**empty, **dataset}


def _new_form(dataset: DataDict) -> str:
    """Show CKAN's form of a new dataset filled in with values; it is submitted to the usual URL."""
    tk.g.form_action = tk.url_for("dataset.new")
    if dataset.get("title"):
        dataset["name"] = action_input.free_name(dataset["title"], model.Package.get)
    return dataset_views.CreateView().get("dataset", dict(dataset))


def _dataset_or_404(id: str) -> DataDict:
    try:
        return tk.get_action("package_show")({}, {"id": id})
    except (tk.ObjectNotFound, tk.NotAuthorized):
        # 404 does not reveal that a draft exists.
        return tk.abort(404, _("Dataset not found"))


# --- unsaved forms -------------------------------------------------------------------------------

#: Parameters that identify the form: id or name of the dataset, id of the resource; "new" for one
#: not created yet.
PARTS = ("_dataset", "_resource")
KINDS = ("dataset", "resource")
LONGEST_REFERENCE = 200
NEW = "new"


@forms.route("/dataset/reprendre/<kind>", methods=["POST"])
def restore(kind: str) -> Any:
    """Show a form with the submitted values, as after a validation error,
    to users who may use that form.
    """
    dataset, resource = (tk.request.values.get(name, "")[:LONGEST_REFERENCE] for name in PARTS)
    if kind not in KINDS or not dataset or (kind == "resource") != bool(resource):
        return tk.abort(400, _("It cannot be told which form this was."))
    try:
        parameters = parse_params(tk.request.form, ignore_keys=[*PARTS, "save"])
        values = clean_dict(unflatten(tuplize_dict(parameters)))
    except (DataError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        return tk.abort(400, _("What was kept cannot be read."))
    values["save"] = ""  # marks the form as submitted: no defaults are filled in
    if kind == "resource":
        return _form_of_resource(dataset, resource, values)
    return _form_of_dataset(dataset, values)


def _form_of_dataset(id_: str, values: DataDict) -> Any:
    if id_ == NEW:
        tk.g.form_action = tk.url_for("dataset.new")
        return dataset_views.CreateView().get("dataset", {**values, "state": "none"})
    package = _readable(id_)
    tk.g.form_action = tk.url_for("dataset.edit", id=package.name)
    return dataset_views.EditView().get(
        "dataset", package.id, {**values, "id": package.id, "state": package.state}
    )


def _form_of_resource(dataset: str, id_: str, values: DataDict) -> Any:
    package = _readable(dataset)
    if id_ == NEW:
        return resource_views.CreateView().get("dataset", package.name, {**values, "id": ""})
    return resource_views.EditView().get("dataset", package.name, id_, {**values, "id": id_})


def _readable(name: str) -> Any:
    """Return a package, of which the form's own view checks whether the user may change it."""
    package = stored.package_of(name)
    try:
        if package is None:
            raise tk.ObjectNotFound
        tk.check_access("package_show", authorization.of_page(), {"id": package.id})
    except (tk.ObjectNotFound, tk.NotAuthorized):
        tk.abort(404, _("Dataset not found"))
    return package


# --- citations, sitemap --------------------------------------------------------------------------


PART_NUMBER = re.compile(r"[1-9][0-9]{0,5}")


@pages.route("/dataset/<id>/citation.<extension>")
def cite(id: str, extension: str) -> Response:
    """Return the citation of a dataset as txt, bib or ris."""
    citation_format = page.FORMATS.get(extension)
    if citation_format is None:
        return tk.abort(404, _("There is no citation in this format."))
    dataset = _dataset_or_404(id)
    cited = page.citation_of(dataset, tk.config["ckan.site_title"], relations.permalink(dataset))
    content_type = f"{citation_format.media_type}; charset=utf-8"
    response = Response(citation_format.write(cited), content_type=content_type)
    if extension != "txt":
        response.headers["Content-Disposition"] = (
            f'attachment; filename="{dataset["name"]}.{extension}"'
        )
    return response


@pages.route("/sitemap.xml")
def sitemap_index() -> Response:
    """Return the sitemap index."""
    return _xml(public_files.sitemap_index())


@pages.route("/sitemap-<number>.xml")
def sitemap_part(number: str) -> Response:
    """Return a sitemap of a thousand public datasets, in order of creation."""
    part = ""
    if PART_NUMBER.fullmatch(number):
        part = public_files.sitemap_part(int(number))
    if not part:
        return tk.abort(404, _("The site map has no such part."))
    return _xml(part)


def _xml(body: str) -> Response:
    document = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'
    return Response(document, content_type="application/xml; charset=utf-8")


# --- high-value datasets -------------------------------------------------------------------------

MOST_PAGES = 500


@high_value.route("/donnees-de-forte-valeur")
def portal() -> str:
    """Show the high-value datasets of the portal."""
    return tk.render("ecosphere_schemas/hvd.html", _variables_of(""))


@high_value.route("/donnees-de-forte-valeur.csv")
def portal_csv() -> Response:
    """Return a part of the report of the portal (`state`, `part`)."""
    return _csv("")


@high_value.route("/organization/<id>/donnees-de-forte-valeur")
def service(id: str) -> str:
    """Show the high-value datasets of a service."""
    group = _service(id)
    variables = {"group_dict": group, "group_type": group["type"], **_variables_of(group["name"])}
    return tk.render("ecosphere_schemas/hvd_of_service.html", variables)


@high_value.route("/organization/<id>/donnees-de-forte-valeur.csv")
def service_csv(id: str) -> Response:
    """Return a part of the report of a service (`state`, `part`)."""
    return _csv(_service(id)["name"])


def _variables_of(name: str) -> DataDict:
    """Return the variables of the page of a service, by its name; "" for the whole portal."""
    selection = _selection(name)
    number = _number("page", MOST_PAGES)
    count, datasets = hvd.listed(selection, number)
    states = {state: hvd.counted(state, name) for state in hvd.FIELDS}
    categories = [concept.id for concept in voc.get(hvd.CATEGORIES)]
    return {
        "asked": selection,
        "states": states,
        "categories": [(category, hvd.category_label(category)) for category in categories],
        "requirements": hvd.requirement_labels(),
        "datasets": datasets,
        "count": count,
        "page_number": number,
        "pages": min(math.ceil(count / hvd.A_PAGE), MOST_PAGES),
        "parts": {
            state: math.ceil(numbers["count"] / hvd.A_PART) for state, numbers in states.items()
        },
        "regulation": HIGH_VALUE_REGULATION,
    }


def _selection(name: str) -> hvd.Selection:
    state = tk.request.args.get("state", hvd.DECLARED)
    lacks = tk.request.args.get("lacks", "")
    if state not in hvd.FIELDS or lacks not in ("", *hvd.REQUIREMENTS):
        tk.abort(404, _("There is no such list."))
    return hvd.Selection(state, lacks, name)


def _number(name: str, most: int) -> int:
    return min(max(1, tk.request.args.get(name, 1, type=int)), most)


def _csv(name: str) -> Response:
    selection = _selection(name)
    part = _number("part", MOST_PAGES)
    names = ["hvd", name, selection.state]
    if part > 1:
        names.append(str(part))
    return _table(hvd.report(selection, part), f"{'-'.join(filter(None, names))}.csv")


def _service(id: str) -> DataDict:
    try:
        query = {"id": id, "include_users": False, "include_followers": False}
        return tk.get_action("organization_show")({}, query)
    except (tk.ObjectNotFound, tk.NotAuthorized):
        return tk.abort(404, _("Organization not found"))


# --- bulk edits ----------------------------------------------------------------------------------

MOST_BYTES = 5 * 1024 * 1024
TEXTS = ("q", "filters", "names", "field", "operation", "values")


@bulk_edits.route("", methods=["GET", "POST"])
def edit() -> Any:
    """Ask for the datasets and the change, show the preview, then start the run."""
    try:
        tk.check_access("ecosphere_bulk_edit_preview", authorization.of_page(), {})
    except tk.NotAuthorized:
        return tk.abort(403, _("Only the editors of a service change its datasets"))
    is_post = tk.request.method == "POST"
    sent = tk.request.args
    if is_post:
        sent = tk.request.form
    data: DataDict = {name: sent.get(name, "") for name in TEXTS}
    data |= {
        "left_out": sent.getlist("left_out"),
        "without_harvested": bool(sent.get("without_harvested")),
    }
    upload = tk.request.files.get("file")
    preview, errors = None, {}
    try:
        if upload and upload.filename:
            data["names"] = _names_in(upload)
        # Another page may submit datasets (`choose`), without a change yet.
        if is_post and sent.get("action") == "start":
            run = tk.get_action("ecosphere_bulk_edit_start")({}, data)
            return tk.redirect_to("ecosphere_bulk.run", id=run["id"])
        if is_post and sent.get("action") != "choose":
            preview = tk.get_action("ecosphere_bulk_edit_preview")({}, data)
    except tk.ValidationError as error:
        errors = error.error_dict
    labels = _labels()
    fields = [(name, labels.get(name, name)) for name in bulk.FIELDS]
    used = [(label, bulk.FIELDS[name].vocabulary) for name, label in fields]
    lists = [(label, vocabulary) for label, vocabulary in used if vocabulary]
    variables = {
        "data": data,
        "preview": preview,
        "errors": errors,
        "fields": fields,
        "lists": lists,
        "filters": describe_filters(data["filters"]),
        "limit": MOST_DATASETS,
    }
    return tk.render("ecosphere_schemas/bulk.html", variables)


def _names_in(upload: Any) -> str:
    """Return the text of an uploaded file.

    Raises:
        ValidationError: it is empty or too large.
    """
    content = upload.stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        message = _("The file is larger than {limit} MB").format(limit=MOST_BYTES // (1024 * 1024))
        raise tk.ValidationError({"names": [message]})
    if not content.strip():
        raise tk.ValidationError({"names": [_("The file is empty")]})
    return decoded(content)


def _labels() -> dict[str, str]:
    """Return the labels of the fields in the user's language, as in the form."""
    labels = {
        field["field_name"]: tk.h.scheming_language_text(field["label"]) for field in _fields()
    }
    return {**labels, "tags": _("Keywords")}


@bulk_edits.route("/suivi")
def runs() -> Any:
    """List the bulk edits."""
    try:
        rows = tk.get_action("ecosphere_bulk_edit_list")({}, {})
    except tk.NotAuthorized:
        return tk.abort(403, _("Only the editors of a service change its datasets"))
    users = {row["user"]: tk.h.linked_user(row["user"], 0, 0) for row in rows}
    variables = {"runs": rows, "labels": _labels(), "users": users}
    return tk.render("ecosphere_schemas/bulk_runs.html", variables)


@bulk_edits.route("/<id>", methods=["GET", "POST"])
def run(id: str) -> Any:
    """Show the progress and outcome of a run; undo or resume it."""
    try:
        if tk.request.method == "POST":
            action = "undo"
            if tk.request.form.get("action") == "resume":
                action = "resume"
            tk.get_action(f"ecosphere_bulk_edit_{action}")({}, {"id": id})
            return tk.redirect_to("ecosphere_bulk.run", id=id)
        progress = tk.get_action("ecosphere_bulk_edit_show")({}, {"id": id})
    except (tk.ObjectNotFound, tk.NotAuthorized):
        # 404 does not reveal that the run of another user exists.
        return tk.abort(404, _("Run not found"))
    except tk.ValidationError as error:
        tk.h.flash_error(" ".join(error.error_summary.values()))
        return tk.redirect_to("ecosphere_bulk.run", id=id)
    return tk.render("ecosphere_schemas/bulk_run.html", {"run": progress})


# --- content negotiation -------------------------------------------------------------------------
# Clients that ask for RDF at the address of a dataset, a resource or the portal are redirected: the
# RDF graphs identify these by the addresses of their HTML pages. The answer is 303 See Other, as in
# W3C's "Cool URIs for the Semantic Web", section 4.2.

#: Media type → file extension in the URLs of ckanext-dcat.
ENDINGS = {
    "text/turtle": "ttl",
    "application/rdf+xml": "rdf",
    "application/ld+json": "jsonld",
    "text/n3": "n3",
}
HTML = "text/html"
CATALOGUE = "home.index"
DATASET = ("dataset.read", "dataset_resource.read")


@schemas.before_app_request
def redirect_to_rdf() -> Any:
    """Redirect a request that prefers RDF; return None when HTML is accepted as well or better."""
    if not _has_both() or tk.request.method not in ("GET", "HEAD"):
        return None
    ending = ENDINGS.get(str(tk.request.accept_mimetypes.best_match([HTML, *ENDINGS], HTML)))
    if ending is None:
        return None
    if tk.request.endpoint == CATALOGUE:
        address = tk.url_for("dcat.read_catalog", _format=ending, locale="default")
    else:
        dataset = str((tk.request.view_args or {})["id"])
        address = tk.url_for("dcat.read_dataset", _id=dataset, _format=ending, locale="default")
    return redirect(address, 303)


@schemas.after_app_request
def tell_caches(response: Response) -> Response:
    """Tell caches that the response depends on the Accept header."""
    if _has_both():
        response.vary.add("Accept")
    return response


def _has_both() -> bool:
    return tk.request.endpoint in (CATALOGUE, *DATASET) and bool(tk.h.plugin_loaded("dcat"))
