"""Views of the letters of a request: page and PDF."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import ckan.plugins.toolkit as tk
from flask import Response, send_file
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.data_requests.decisions import pdf
from ckanext.ecosphere.data_requests.views.viewing import act, known, page, rendered


@page
@known
def letter(id: str, letter: str) -> Response:
    """Show a letter as it was sent."""
    return rendered("ecosphere_requests/letter.html", {"letter": _letter(id, letter)})


@page
@known
def letter_pdf(id: str, letter: str) -> AnyResponse:
    """Serve the PDF of a letter, generated from the stored HTML."""
    found = _letter(id, letter)
    try:
        content = pdf.render(found["subject"], found["html"], found["addressee"])
    except pdf.Unavailable:
        tk.h.flash_error(tk._("This portal cannot make PDF files: print the page instead."))
        return tk.redirect_to("ecosphere_requests.letter", id=id, letter=letter)
    name = pdf.file_name(found["request"]["reference"], found["kind"])
    response = send_file(BytesIO(content), mimetype="application/pdf", as_attachment=True, download_name=name)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.cache_control.no_store = True
    return response


def _letter(id: str, letter: str) -> dict[str, Any]:
    """Return a letter of this request; raise NotFound for a letter of another one."""
    found = act("ecosphere_request_letter_show", id=letter)
    if id not in (found["request"]["id"], found["request"]["reference"]):
        raise tk.ObjectNotFound
    return found
