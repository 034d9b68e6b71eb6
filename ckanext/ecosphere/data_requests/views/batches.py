"""Views of batches, one question to several services: page of the answers, and form to add services."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.data_requests.views import forms, limits
from ckanext.ecosphere.data_requests.views.viewing import INVALID, act, known, messages, page, rendered


@page
def batch(id: str) -> Response:
    """Show the services that were asked, and their answers."""
    return _shown(id)


@page
@known
def batch_add(id: str) -> AnyResponse:
    """Put the question to the selected services."""
    chosen = request.form.getlist("organizations")
    try:
        act("ecosphere_request_batch_add", id=id, organizations=chosen)
    except tk.ValidationError as error:
        return _shown(id, chosen, messages(error))
    message = tk.ungettext(
        "Your question is sent to {number} more service.",
        "Your question is sent to {number} more services.",
        len(chosen),
    )
    tk.h.flash_success(message.format(number=len(chosen)))
    return tk.redirect_to("ecosphere_requests.batch", id=id)


def _shown(id: str, chosen: list[str] | None = None, errors: forms.Errors | None = None) -> Response:
    found = act("ecosphere_request_batch_show", id=id)
    variables = {"batch": found, "request_": act("ecosphere_request_show", id=id), "chosen": chosen or []}
    variables["limit"] = limits.of_next(None) if found["may_grow"] else None
    return rendered("ecosphere_requests/batch.html", {**variables, "errors": errors or {}}, INVALID if errors else 200)
