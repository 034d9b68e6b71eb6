"""Views of previews: map images, samples, and documents shown by the browser itself."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from flask import Response, g, jsonify, make_response, request, send_file

from ckanext.ecosphere.access import config, jobs, turns
from ckanext.ecosphere.access.logic.resources import Found
from ckanext.ecosphere.access.model import BROKEN, MADE
from ckanext.ecosphere.access.preview import files, images, messages, plan, samples
from ckanext.ecosphere.access.preview.kinds import SNIFFED, beginning, sniff
from ckanext.ecosphere.access.services import presentation, storage
from ckanext.ecosphere.access.views.blueprint import (
    OF_RESOURCE,
    TOO_MANY,
    UNAVAILABLE,
    brake,
    ecosphere_access,
    found,
    told,
)
from ckanext.ecosphere.shared.http_guard import FetchError, GuardedSession
from ckanext.ecosphere.shared.web_guard import waiting

#: The server of the data failed (RFC 4918, 11.4); 502 would look like a failure of the portal.
FAILED_DEPENDENCY = 424
INLINE_MEGABYTES, INLINE_SECONDS = 15, 20
IMAGE_SECONDS = 3600


@ecosphere_access.route(OF_RESOURCE + "/carte/<int:zoom>/<int:column>/<int:row>")
def image(id: str, resource_id: str, zoom: int, column: int, row: int) -> Response:
    """Return a map tile of a service, for one of the resource's layers."""
    if busy := brake("access-image", config.IMAGE_LIMITS):
        return busy
    resource = found(id, resource_id)
    service, asked = storage.of_resources([resource.resource.id]).get(resource.resource.id, (None, ""))
    if service is None:
        return told(tk._("This resource leads to no service"), 404)
    known = presentation.shown(service, asked, resource.names)
    name = request.args.get("couche", "")
    layer = next((each for each in known["layers"] if each["name"] == name or not name), None)
    try:
        if layer is None:
            raise images.NoImageError("no-map")
        address = images.address(known, layer, zoom, column, row)
        body, media_type = images.get(address, f"{known['url']} {layer['name']}")
    except images.NoImageError as error:
        return _no_image(error.code, known["trouble"])
    response = make_response(body)
    response.mimetype = media_type
    response.headers["Cache-Control"] = f"{'public' if resource.is_public else 'private'}, max-age={IMAGE_SECONDS}"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _no_image(code: str, trouble: str) -> Response:
    if code == "no-map":
        return told(tk._("This layer cannot be shown as a map."), 404)
    if code == "busy":
        g.ecosphere_retry_after = waiting.RETRY_SECONDS
        return told(tk._("Too many maps are being drawn at this moment. Try again in a moment."), UNAVAILABLE)
    sentence = tk._("The service answers with something else than an image.") if code == "no-image" else ""
    return told(trouble or sentence or messages.sentence(code), FAILED_DEPENDENCY)


@ecosphere_access.route(OF_RESOURCE + "/apercu")
def sample(id: str, resource_id: str) -> Response:
    """Return the preview of a resource, or its state if it is not ready."""
    resource = found(id, resource_id)
    row = samples.of(resource.resource)
    if row is None:
        return jsonify({"state": "none"})
    if row.state == BROKEN:
        return jsonify({"state": BROKEN, "message": messages.of_failure(row.error, row.facts)})
    path = files.sample_file(resource.resource.id)
    if row.state != MADE:
        return jsonify({"state": row.state})
    if path is None or not path.is_file():
        return jsonify({"state": "none"})  # removed by `files.prune`
    return send_file(path, mimetype="application/json", conditional=True)


@ecosphere_access.route(OF_RESOURCE + "/apercu", methods=["POST"])
def sample_wanted(id: str, resource_id: str) -> Response:
    """Request the preview of a resource, made in the background."""
    resource = found(id, resource_id)
    row = samples.of(resource.resource)
    path = files.sample_file(resource.resource.id)
    if path is None:
        return told(tk._("This portal makes no previews."), UNAVAILABLE)
    if row is not None and row.state != BROKEN and (row.state != MADE or path.is_file()):
        samples.LINE.adopt(row.resource_id, turns.asker())
        return jsonify({"state": row.state})
    if busy := brake("access-sample", config.SAMPLE_LIMITS):
        return busy
    if _way(resource) != plan.SAMPLE:
        return told(messages.sentence("no-preview"), 404)
    try:
        row = samples.want(resource.resource)
    except turns.NoRoomError:
        g.ecosphere_retry_after = turns.RETRY_SECONDS
        return told(tk._("Many previews wait already. Try again in a few minutes."), TOO_MANY)
    jobs.want_samples()
    return jsonify({"state": row.state})


def _way(resource: Found) -> str:
    row, extras = resource.resource, resource.resource.extras or {}
    known = {"url": row.url, "format": row.format, "url_type": row.url_type, **extras}
    service, asked = storage.of_resources([row.id]).get(row.id, (None, ""))
    return plan.way(known, presentation.shown(service, asked, resource.names) if service else None)


@ecosphere_access.route(OF_RESOURCE + "/voir")
def inline(id: str, resource_id: str) -> Response:  # noqa: PLR0911
    """Return a PDF or an image, fetched through the HTTP guard; anything else is refused."""
    if busy := brake("access-image", config.IMAGE_LIMITS):
        return busy
    resource = found(id, resource_id)
    uploaded = resource.resource.url_type == "upload"
    if _way(resource) != plan.INLINE or not (uploaded or config.host_allowed(str(resource.resource.url))):
        return told(messages.sentence("no-preview"), 404)
    if uploaded:
        path = samples.uploaded(resource.resource)
        if path and (why := _unfit(beginning(path), page="unreadable")):
            return told(messages.sentence(why), FAILED_DEPENDENCY)
        url = tk.h.url_for(
            f"{resource.package.type}_resource.download", id=resource.package.name, resource_id=resource_id
        )
        return tk.redirect_to(url)
    try:
        with waiting.place(waiting.FOR_READERS):
            session = GuardedSession(config.guard_settings(INLINE_SECONDS, INLINE_MEGABYTES))
            answer = session.get(str(resource.resource.url))
    except waiting.NoPlaceError:
        return _no_image("busy", "")
    except FetchError as error:
        return told(messages.sentence(messages.code_of(error)), FAILED_DEPENDENCY)
    if why := "status" if answer.status != 200 else _unfit(answer.body[:SNIFFED], page="html"):  # noqa: PLR2004
        return told(messages.sentence(why), FAILED_DEPENDENCY)
    response = make_response(answer.body)
    response.mimetype = "application/pdf" if answer.body.startswith(b"%PDF") else _image_type(answer.body)
    response.headers["Content-Disposition"] = "inline"
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
    )
    response.headers["Cache-Control"] = f"{'public' if resource.is_public else 'private'}, max-age={IMAGE_SECONDS}"
    return response


def _unfit(head: bytes, *, page: str) -> str:
    """Return an error code from the first bytes of a file: "" for a PDF or image, `page` for a web page."""
    kind = sniff(head)
    if kind in ("pdf", "image"):
        return ""
    return "empty" if not head else page if kind == "html" else "unreadable"


def _image_type(body: bytes) -> str:
    marks = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
    return next((kind for mark, kind in marks.items() if body.startswith(mark)), "image/webp")
