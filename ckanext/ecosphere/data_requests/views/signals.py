"""Form to report a problem with a dataset, on one page, for logged-in and anonymous users."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from flask import Response, request
from werkzeug.wrappers import Response as AnyResponse

from ckanext.ecosphere.data_requests.domain import states, wording
from ckanext.ecosphere.data_requests.views import forms
from ckanext.ecosphere.data_requests.views.viewing import (
    INVALID,
    act,
    is_known,
    messages,
    page,
    rendered,
)
from ckanext.ecosphere.shared.messages import N_

#: Field, in the order of the form → message when it is empty.
MISSING = {
    "kind": N_("Choose what it is about."),
    "description": N_("Say what is wrong, or what you want to know."),
}


@page
def new(dataset: str) -> Response:
    """Show the form; the URL may preselect the kind (``?kind=link``)."""
    return _form(_shown(dataset), {"kind": request.args.get("kind", "")})


@page
def create(dataset: str) -> AnyResponse:
    """Send the report, and show its reference."""
    package = _shown(dataset)
    forms.refuse_machines(request.form)
    values = {
        name: request.form.get(name, "").replace("\r\n", "\n").strip()
        for name in ("kind", "description")
    }
    try:
        report = act("ecosphere_request_signal", dataset=package["id"], **values)
    except tk.ValidationError as error:
        missing = {name: [tk._(MISSING[name])] for name, value in values.items() if not value}
        return _form(
            package, values, forms.in_order({**messages(error), **missing}, MISSING), INVALID
        )
    if report["readable"]:
        tk.h.flash_success(
            tk._("Thank you. The service has it: {reference}.").format(
                reference=report["reference"]
            )
        )
        return tk.redirect_to("ecosphere_requests.read", id=report["reference"])
    words = tk._("Thank you. A moderator reads it first, then the service: {reference}.")
    tk.h.flash_success(words.format(reference=report["reference"]))
    return tk.redirect_to("dataset.read", id=package["name"])


def labels() -> dict[str, str]:
    """Return the labels of the fields."""
    return {
        "kind": tk._("What is it about?"),
        "description": tk._("What is wrong, or what do you want to know?"),
    }


def _shown(dataset: str) -> dict[str, Any]:
    try:
        return act("package_show", id=dataset)
    except tk.NotAuthorized:
        raise tk.ObjectNotFound from None  # does not reveal names of private datasets


def _form(
    dataset: Mapping[str, Any],
    values: Mapping[str, Any],
    errors: forms.Errors | None = None,
    status: int = 200,
) -> Response:
    variables = {
        "pkg": dataset,
        "values": values,
        "errors": errors or {},
        "kinds": [(kind, wording.kind(kind)) for kind in states.SIGNALS],
        "labels": labels(),
        "trap": forms.TRAP,
        "is_known": is_known(),
    }
    return rendered("ecosphere_requests/signal.html", variables, status)
