"""Pages of `ecosphere_access`: previews, map images, QGIS layers, extracts,
and the way to the data.
"""

from __future__ import annotations

import re

import ckan.plugins.toolkit as tk
from ckan.common import _
from ckan.lib.search import SearchError
from ckan.types import DataDict
from flask import Blueprint, g, jsonify, make_response, redirect, request, send_file
from werkzeug.wrappers import Response

from ckanext.ecosphere.access import config, jobs, turns, use
from ckanext.ecosphere.access.auth import ReadableResource, readable, readable_extract
from ckanext.ecosphere.access.helpers import ecosphere_access_layers
from ckanext.ecosphere.access.model import BROKEN, MADE, Extract
from ckanext.ecosphere.access.preview import files, images, messages, samples
from ckanext.ecosphere.access.preview.kinds import SNIFFED, PreviewError, sniff
from ckanext.ecosphere.access.services import presentation, storage
from ckanext.ecosphere.access.take import areas, extracts, form
from ckanext.ecosphere.access.take.areas import DEGREES, formats, names_attributes, snippets
from ckanext.ecosphere.core import pages
from ckanext.ecosphere.shared import authorization, qgis, stored_files, web_guard
from ckanext.ecosphere.shared.http_guard import FetchError, GuardedSession
from ckanext.ecosphere.shared.web_guard import rate_limits
from ckanext.ecosphere.shared.web_guard.visits import asked_by_head
from ckanext.ecosphere.vocabularies import communes

BAD_REQUEST, NOT_FOUND, TOO_MANY, UNAVAILABLE = 400, 404, 429, 503
#: The server of the data failed (RFC 4918, 11.4); 502 would look like a failure of the portal.
FAILED_DEPENDENCY = 424
OF_RESOURCE = "/dataset/<id>/resource/<resource_id>"
INLINE_MEGABYTES, INLINE_SECONDS = 15, 20
IMAGE_SECONDS = 3600
MOST_DATASETS, MOST_FILTERS = 50, 20
MOST_PROPOSED = 8
#: Names of facets; other parameters are not used as filters.
_FACET = re.compile(r"[a-z][a-z0-9_]{1,60}")
_NO_FACETS = frozenset({"q", "page", "sort", "id", "fq"})
_FIELDS_OF_EXTRACT = ("layer", "format", "crs", *areas.FIELDS)
#: First bytes of what is shown within a page → media type.
_MEDIA_TYPES = {
    b"%PDF": "application/pdf",
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
}

ecosphere_access = Blueprint("ecosphere_access", __name__)
web_guard.protect(ecosphere_access)


def _readable(id: str, resource_id: str) -> ReadableResource:
    """Return the resource of a URL if the current user may read it.

    Raises:
        NotFound (HTTP): there is no such resource, it is not in this dataset, or the user may not
            read it.
    """
    try:
        item = readable(authorization.of_page(), resource_id)
    except tk.ObjectNotFound:
        tk.abort(NOT_FOUND, _("Resource not found"))
    if id not in (item.package.name, item.package.id):
        tk.abort(NOT_FOUND, _("Resource not found"))
    return item


def _download_url(item: ReadableResource) -> str:
    """Return the URL of an uploaded file."""
    endpoint = f"{item.package.type}_resource.download"
    return tk.h.url_for(endpoint, id=item.package.name, resource_id=item.resource.id)


def _brake(what: str, option: str) -> Response | None:
    """Count a request against a rate limit; return the response 429 if it is exceeded."""
    try:
        rate_limits.hit(what, config.limits(option), rate_limits.address(), fallback=True)
    except rate_limits.TooMany as error:
        g.ecosphere_retry_after = error.seconds
        return _failure(rate_limits.too_often(error), TOO_MANY)
    return None


def _failure(sentence: str, status: int) -> Response:
    """Return an error message as JSON, for the scripts of the pages."""
    return make_response(jsonify({"state": BROKEN, "message": sentence}), status)


def _image_response(item: ReadableResource, body: bytes, media_type: str, policy: str) -> Response:
    response = make_response(body)
    response.mimetype = media_type
    visibility = "private"
    if item.is_public:
        visibility = "public"
    response.headers["Cache-Control"] = f"{visibility}, max-age={IMAGE_SECONDS}"
    response.headers["Content-Security-Policy"] = f"default-src 'none'; {policy}"
    return response


# --- previews -------------------------------------------------------------------------------------


@ecosphere_access.route(OF_RESOURCE + "/carte/<int:zoom>/<int:column>/<int:row>")
def image(id: str, resource_id: str, zoom: int, column: int, row: int) -> Response:
    """Return a map tile of a service, for one of the resource's layers."""
    busy = _brake("access-image", config.IMAGE_LIMITS)
    if busy:
        return busy
    item = _readable(id, resource_id)
    service = _service(item)
    if service is None:
        return _failure(_("This resource leads to no service"), NOT_FOUND)
    layer = form.layer_named(service["layers"], request.args.get("couche", ""))
    try:
        if layer is None:
            raise images.NoImageError("no-map")
        url = images.address(service, layer, zoom, column, row)
        body, media_type = images.get(url, f"{service['url']} {layer['name']}")
    except images.NoImageError as error:
        return _no_image(error.code, service["trouble"])
    return _image_response(item, body, media_type, "sandbox")


def _service(item: ReadableResource) -> DataDict | None:
    service, asked = storage.of_resources([item.resource.id]).get(item.resource.id, (None, ""))
    if service is None:
        return None
    return presentation.shown(service, asked, item.names)


def _no_image(code: str, trouble: str = "") -> Response:
    if code == "no-map":
        return _failure(_("This layer cannot be shown as a map."), NOT_FOUND)
    if code == "busy":
        g.ecosphere_retry_after = rate_limits.RETRY_SECONDS
        sentence = _("Too many maps are being drawn at this moment. Try again in a moment.")
        return _failure(sentence, UNAVAILABLE)
    if trouble:
        return _failure(trouble, FAILED_DEPENDENCY)
    if code == "no-image":
        sentence = _("The service answers with something else than an image.")
        return _failure(sentence, FAILED_DEPENDENCY)
    return _failure(messages.sentence(code), FAILED_DEPENDENCY)


@ecosphere_access.route(OF_RESOURCE + "/apercu")
def sample(id: str, resource_id: str) -> Response:
    """Return the preview of a resource, or its state if it is not ready."""
    item = _readable(id, resource_id)
    row = samples.of(item.resource)
    if row is None:
        return jsonify({"state": "none"})
    if row.state == BROKEN:
        message = messages.of_failure(row.error, row.facts)
        return jsonify({"state": BROKEN, "message": message})
    if row.state != MADE:
        return jsonify({"state": row.state})
    path = files.sample_file(item.resource.id)
    content = path and stored_files.opened(path)
    if content is None:
        return jsonify({"state": "none"})  # removed by `files.prune`
    return send_file(
        content, mimetype="application/json", conditional=True, last_modified=row.changed
    )


@ecosphere_access.route(OF_RESOURCE + "/apercu", methods=["POST"])
def sample_wanted(id: str, resource_id: str) -> Response:
    """Request the preview of a resource, made in the background."""
    item = _readable(id, resource_id)
    row = samples.of(item.resource)
    path = files.sample_file(item.resource.id)
    if path is None:
        return _failure(_("This portal makes no previews."), UNAVAILABLE)
    is_removed = row is not None and row.state == MADE and not stored_files.exists(path)
    if row is not None and row.state != BROKEN and not is_removed:
        samples.LINE.adopt(row.resource_id, turns.asker())
        return jsonify({"state": row.state})
    busy = _brake("access-sample", config.SAMPLE_LIMITS)
    if busy:
        return busy
    if _way(item) != samples.SAMPLE:
        return _failure(messages.sentence("no-preview"), NOT_FOUND)
    try:
        row = samples.want(item.resource)
    except turns.NoRoomError:
        g.ecosphere_retry_after = turns.RETRY_SECONDS
        sentence = _("Many previews wait already. Try again in a few minutes.")
        return _failure(sentence, TOO_MANY)
    jobs.SAMPLE.enqueue()
    return jsonify({"state": row.state})


def _way(item: ReadableResource) -> str:
    resource = item.resource
    fields = {"url": resource.url, "format": resource.format, "url_type": resource.url_type}
    return samples.way({**fields, **(resource.extras or {})}, _service(item))


@ecosphere_access.route(OF_RESOURCE + "/voir")
def inline(id: str, resource_id: str) -> Response:
    """Return a PDF or an image, fetched through the HTTP guard; anything else is refused."""
    busy = _brake("access-image", config.IMAGE_LIMITS)
    if busy:
        return busy
    item = _readable(id, resource_id)
    url, is_uploaded = str(item.resource.url), item.resource.url_type == "upload"
    if _way(item) != samples.INLINE or not (is_uploaded or config.host_allowed(url)):
        return _failure(messages.sentence("no-preview"), NOT_FOUND)
    if is_uploaded:
        return _inline_upload(item)
    return _inline_fetched(item, url)


def _inline_fetched(item: ReadableResource, url: str) -> Response:
    try:
        with rate_limits.place(rate_limits.FOR_READERS):
            session = GuardedSession(config.guard_settings(INLINE_SECONDS, INLINE_MEGABYTES))
            answer = session.get(url)
    except rate_limits.NoPlaceError:
        return _no_image("busy")
    except FetchError as error:
        return _no_image(messages.code_of(error))
    code = _unfit(answer.body[:SNIFFED], page="html")
    if answer.status != 200:  # noqa: PLR2004
        code = "status"
    if code:
        return _no_image(code)
    policy = "style-src 'unsafe-inline'; frame-ancestors 'self'"
    response = _image_response(item, answer.body, _media_type(answer.body), policy)
    response.headers["Content-Disposition"] = "inline"
    return response


def _inline_upload(item: ReadableResource) -> Response:
    content = stored_files.upload_of(item.resource.id)
    if content:
        with content:
            code = _unfit(content.read(SNIFFED), page="unreadable")
        if code:
            return _failure(messages.sentence(code), FAILED_DEPENDENCY)
    return tk.redirect_to(_download_url(item))


def _unfit(head: bytes, *, page: str) -> str:
    """Return an error code from the first bytes of a file.

    Returns:
        "" for a PDF or image, `page` for a web page.
    """
    kind = sniff(head)
    if kind in ("pdf", "image"):
        return ""
    if not head:
        return "empty"
    if kind == "html":
        return page
    return "unreadable"


def _media_type(body: bytes) -> str:
    for mark, media_type in _MEDIA_TYPES.items():
        if body.startswith(mark):
            return media_type
    return "image/webp"


# --- QGIS -----------------------------------------------------------------------------------------


@ecosphere_access.route(OF_RESOURCE + "/qgis.qlr")
def of_resource(id: str, resource_id: str) -> Response:
    """Return the layers of a resource as a QGIS layer definition."""
    item = _readable(id, resource_id)
    pkg = pages.act("package_show", id=item.package.id)
    title = item.resource.name or pkg["title"] or pkg["name"]
    resources = [resource for resource in pkg["resources"] if resource["id"] == resource_id]
    layers = ecosphere_access_layers({**pkg, "resources": resources})
    return _layer_definition(title, [(pkg["title"], layers)], pkg["name"])


@ecosphere_access.route("/dataset/<id>/qgis.qlr")
def of_dataset_(id: str) -> Response:
    """Return the layers of all resources of a dataset; for a series, also those of its members."""
    try:
        pkg = pages.act("package_show", id=id)
    except (tk.ObjectNotFound, tk.NotAuthorized):
        tk.abort(NOT_FOUND, _("Dataset not found"))
    datasets = [pkg]
    if qgis.is_series(pkg):
        datasets += qgis.members(authorization.of_page(), pkg, MOST_DATASETS)
    return _layer_definition(pkg["title"] or pkg["name"], _groups(datasets), pkg["name"])


@ecosphere_access.route("/recherche.qlr")
def of_search() -> Response:
    """Return the layers of the first datasets of a search, with the parameters of its page."""
    filters = []
    for name, value in request.args.items(multi=True):
        is_facet = _FACET.fullmatch(name) and name not in _NO_FACETS
        if is_facet and not name.startswith("ext_"):
            escaped = value[:300].replace("\\", "\\\\").replace('"', '\\"')
            filters.append(f'+{name}:"{escaped}"')
    extras = {name: value for name, value in request.args.items() if name.startswith("ext_")}
    query: DataDict = {
        "q": request.args.get("q", ""),
        "fq": " ".join([*filters[:MOST_FILTERS], "+dataset_type:dataset"]),
        "rows": MOST_DATASETS,
        "include_private": True,
        "extras": extras,
    }
    try:
        results = pages.act("package_search", **query)["results"]
    except (SearchError, tk.ValidationError):
        tk.abort(BAD_REQUEST, _("This search cannot be understood."))
    return _layer_definition(query["q"] or _("Datasets"), _groups(results), "recherche")


def _groups(datasets: list[DataDict]) -> list[tuple[str, list[qgis.Source]]]:
    return [(pkg["title"] or pkg["name"], ecosphere_access_layers(pkg)) for pkg in datasets]


def _layer_definition(
    title: str, groups: list[tuple[str, list[qgis.Source]]], name: str
) -> Response:
    if not any(sources for _title, sources in groups):
        tk.abort(NOT_FOUND, _("There is no layer here that QGIS can open."))
    return pages.file(qgis.write(title, groups), qgis.MEDIA_TYPE, f"{name[:100]}{qgis.SUFFIX}")


# --- extracts -------------------------------------------------------------------------------------


@ecosphere_access.route(OF_RESOURCE + "/extrait", methods=["GET", "POST"])
def extract_new(id: str, resource_id: str) -> Response:
    """Show the form of an extract, with its request URL; when sent, have the file made."""
    item = _readable(id, resource_id)
    service, layers = form.layers(item)
    if service is None or not layers:
        tk.abort(NOT_FOUND, _("This resource is no service of which a part can be taken."))
    data = _typed()
    shown: DataDict = {"address": "", "area": "", "around": "", "errors": {}}
    try:
        if request.method == "POST" and "make" in request.form:
            row = pages.act("ecosphere_access_extract_create", resource_id=resource_id, **data)
            return tk.redirect_to("ecosphere_access.extract_page", extract=row["id"])
        shown.update(_to_copy(item, service, layers, data))
    except tk.ValidationError as error:
        shown["errors"] = error.error_dict
    except PreviewError:
        pass  # without an address
    address = shown["address"]
    chosen = form.layer_named(layers, data["layer"]) or layers[0]
    language_of_answer = "GeoJSON"
    if service["kind"] == "wfs" and "json" not in address.lower():
        language_of_answer = "GML"
    status = 200
    if shown["errors"]:
        status = BAD_REQUEST
    return pages.rendered(
        "ecosphere_access/extract_new.html",
        status,
        **shown,
        service=service,
        layers=layers,
        typed=data,
        whole=bool(data["attributes"] and address and not names_attributes(address)),
        form=language_of_answer,
        snippets=address and snippets(address),
        package=item.package,
        resource=item.resource,
        formats=list(formats().values()),
        systems=form.crs_of(chosen),
        attributes=form.attributes_of(item),
        communes=bool(config.communes_url()),
        epcis=bool(config.epci_url()),
        most=config.extract_features(),
    )


def _typed() -> DataDict:
    """Return what was chosen in the form of an extract, or in the URL of its page."""
    source = request.args
    if request.method == "POST":
        source = request.form
    typed: DataDict = {}
    for field in _FIELDS_OF_EXTRACT:
        typed[field] = source.get(field, "").strip()[:300]
    typed["format"] = typed["format"] or "gpkg"
    names = source.getlist("attributes")[: form.MOST_ATTRIBUTES]
    typed["attributes"] = [name[:200] for name in names]
    return typed


def _to_copy(
    item: ReadableResource,
    service: DataDict,
    layers: list[DataDict],
    data: DataDict,
) -> DataDict:
    """Return the request URL of an extract as `address`, and what it leaves out of the area.

    Raises:
        ValidationError: a parameter is invalid.
        PreviewError: the service does not offer its features.
    """
    asked = form.checked(item, data)
    layer = form.layer_named(layers, asked["layer"]) or layers[0]
    geometry = ""
    if layer["name"] == service["layers"][0]["name"]:  # the only one that the preview covers
        geometry = form.geometry_of(item)
    if not data["crs"] and asked["crs"] not in layer["crs"]:
        asked["crs"] = DEGREES  # the service need not know the default
    shown = {"address": form.address_to_copy(service, layer, asked, geometry)}
    if asked.get("commune") or asked.get("epci"):
        shown["area"] = asked["label"]
        shown["around"] = areas.around(asked)[1]
    return shown


def _row(id_: str) -> Extract:
    try:
        return readable_extract(authorization.of_page(), id_)
    except tk.ObjectNotFound:
        tk.abort(NOT_FOUND, _("There is no such extract, or it was deleted after a day."))


@ecosphere_access.route("/extraits/communes")
def extract_communes() -> Response:
    """Return suggestions of communes for a typed text (``q``)."""
    text = request.args.get("q", "")[: areas.LONGEST_NAME]
    items = [{"label": commune.label} for commune in communes.suggest(text, MOST_PROPOSED)]
    groups = []
    if items:
        groups.append({"title": _("Communes"), "items": items})
    return jsonify({"groups": groups})


@ecosphere_access.route("/extraits/<extract>")
def extract_page(extract: str) -> Response:
    """Show the progress of an extract."""
    row = _row(extract)
    item = _readable(row.package_id, row.resource_id)
    return pages.rendered(
        "ecosphere_access/extract.html",
        extract=form.shown(row),
        package=item.package,
        resource=item.resource,
        format=formats()[row.asked["format"]],
        system=form.crs_name(row.asked["crs"]),
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
    content = None
    if row.state == MADE and path:
        content = stored_files.opened(path)
    if content is None:
        tk.abort(NOT_FOUND, _("There is no such extract, or it was deleted after a day."))
    chosen = formats()[row.asked["format"]]
    name = f"extrait{chosen.suffix}"
    response = send_file(content, chosen.media_type, as_attachment=True, download_name=name)
    response.headers["Cache-Control"] = "private, no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


# --- use ------------------------------------------------------------------------------------------


@ecosphere_access.route(OF_RESOURCE + "/prendre")
def take(id: str, resource_id: str) -> Response:
    """Redirect to the URL of the resource, and count the use."""
    item = _readable(id, resource_id)
    url = str(item.resource.url or "")
    if item.resource.url_type == "upload":
        url = _download_url(item)
    elif not url.lower().startswith(("http://", "https://")):
        tk.abort(NOT_FOUND, _("This resource has no address that can be opened."))
    if request.method == "GET" and not asked_by_head() and item.is_public:
        use.note(item.package.id, item.resource.id, request.headers)
    response = redirect(url)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response
