"""Views of extracts: form, request URL and code to copy, progress, file."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
from flask import jsonify, make_response, request, send_file
from werkzeug.wrappers import Response

from ckanext.ecosphere.access import config
from ckanext.ecosphere.access.logic import extract_form
from ckanext.ecosphere.access.logic.resources import Found, extract
from ckanext.ecosphere.access.model import MADE, Extract
from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.take import areas, extracts, snippets
from ckanext.ecosphere.access.take.request import DEGREES, formats
from ckanext.ecosphere.access.views.blueprint import OF_RESOURCE, absent, context, ecosphere_access, found
from ckanext.ecosphere.vocabularies import communes

INVALID = 400
MOST_PROPOSED = 8
FIELDS = ("layer", "format", "crs", *areas.FIELDS)


@ecosphere_access.route(OF_RESOURCE + "/extrait", methods=["GET", "POST"])
def extract_new(id: str, resource_id: str) -> Response:
    """Show the form of an extract, with its request URL; on submission, have the file made in the background."""
    resource = found(id, resource_id)
    service, layers = extract_form.layers(resource)
    if service is None or not layers:
        absent(tk._("This resource is no service of which a part can be taken."))
    source = request.form if request.method == "POST" else request.args
    typed: dict[str, Any] = {field: source.get(field, "").strip()[:300] for field in FIELDS}
    typed["attributes"] = [name[:200] for name in source.getlist("attributes")][: extract_form.MOST_ATTRIBUTES]
    errors: dict[str, Any] = {}
    address, area, around = "", "", ""
    data = {**typed, "format": typed["format"] or "gpkg", "crs": typed["crs"]}
    try:
        if request.method == "POST" and "make" in request.form:
            row = tk.get_action("ecosphere_access_extract_create")(context(), {**data, "resource_id": resource_id})
            return tk.redirect_to("ecosphere_access.extract_page", extract=row["id"])
        asked = extract_form.checked(resource, data)
        layer = next(each for each in layers if each["name"] == asked["layer"])
        # The preview only covers the first layer.
        geometry = extract_form.geometry_of(resource) if layer["name"] == service["layers"][0]["name"] else ""
        if not typed["crs"] and asked["crs"] not in layer["crs"]:
            asked["crs"] = DEGREES  # the service need not know the default
        address = extracts.address_to_copy(service, layer, asked, geometry)
        if asked.get("commune") or asked.get("epci"):
            area, around = asked["label"], (areas.around(asked) or (None, ""))[1]
    except tk.ValidationError as error:
        errors = error.error_dict
    except PreviewError:
        address = ""
    shown = {"service": service, "layers": layers, "typed": data, "errors": errors, "address": address}
    shown |= {"area": area, "around": around}
    shown["whole"] = bool(data["attributes"] and address and not extracts.names_attributes(address))
    shown["form"] = "GML" if service["kind"] == "wfs" and "json" not in address.lower() else "GeoJSON"
    shown["snippets"] = snippets.of(address) if address else []
    page = tk.render("ecosphere_access/extract_new.html", {**_values(resource, layers, data["layer"]), **shown})
    return make_response(page, INVALID if errors else 200)


def _values(resource: Found, layers: list[dict[str, Any]], name: str) -> dict[str, Any]:
    chosen = next((each for each in layers if each["name"] == name), layers[0])
    return {
        "package": resource.package,
        "resource": resource.resource,
        "formats": list(formats().values()),
        "systems": extract_form.crs_of(chosen),
        "attributes": extract_form.attributes_of(resource),
        "communes": bool(config.communes_url()),
        "epcis": bool(config.epci_url()),
        "most": config.extract_features(),
    }


def _row(id_: str) -> Extract:
    try:
        return extract(context(), id_)
    except tk.ObjectNotFound:
        absent(tk._("There is no such extract, or it was deleted after a day."))


@ecosphere_access.route("/extraits/communes")
def extract_communes() -> Response:
    """Return suggestions of communes for a typed text (``q``)."""
    found = communes.suggest(request.args.get("q", "")[: areas.LONGEST_NAME], MOST_PROPOSED)
    groups = [{"title": tk._("Communes"), "items": [{"label": each.label} for each in found]}] if found else []
    return jsonify({"groups": groups})


@ecosphere_access.route("/extraits/<extract>")
def extract_page(extract: str) -> str:
    """Show the progress of an extract."""
    row = _row(extract)
    resource = found(row.package_id, row.resource_id)
    shown = extract_form.shown(row)
    return tk.render(
        "ecosphere_access/extract.html",
        {
            "extract": shown,
            "package": resource.package,
            "resource": resource.resource,
            "format": formats()[row.asked["format"]],
            "system": extract_form.crs_name(row.asked["crs"]),
        },
    )


@ecosphere_access.route("/extraits/<extract>/etat")
def extract_state(extract: str) -> Response:
    """Return the state of an extract, polled by the script of its page."""
    response = jsonify({"state": _row(extract).state})
    response.headers["Cache-Control"] = "no-store"
    return response


@ecosphere_access.route("/extraits/<extract>/fichier")
def extract_file(extract: str) -> Response:
    """Return the file of an extract."""
    row = _row(extract)
    path = extracts.file_of(row)
    if row.state != MADE or path is None or not path.is_file():
        absent(tk._("There is no such extract, or it was deleted after a day."))
    form = formats()[row.asked["format"]]
    response = send_file(path, form.media_type, as_attachment=True, download_name=f"extrait{form.suffix}")
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response
