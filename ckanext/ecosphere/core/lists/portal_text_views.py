"""Administration pages for editing texts of the portal."""

from __future__ import annotations

import ckan.plugins.toolkit as tk
from flask import Blueprint, make_response, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from ckanext.ecosphere.core import console
from ckanext.ecosphere.core.lists import portal_texts, store
from ckanext.ecosphere.shared import rich_text
from ckanext.ecosphere.vocabularies import local

SHOWN = 160
"""Characters of each text shown in the list."""

blueprint = Blueprint("ecosphere_texts", __name__, url_prefix="/ecosphere/admin/textes")
blueprint.before_request(console.administrators_only)


@blueprint.before_request
def as_it_is_now() -> None:
    """Reload the texts, so that changes from other processes are visible at once."""
    local.look(now=True)


@blueprint.route("")
def overview() -> str:
    """List the editable texts, with the beginning of those that were written."""
    texts = [
        {"text": each, "written": {lang: rich_text.excerpt(said, SHOWN) for lang, said in portal_texts.of(key).items()}}
        for key, each in portal_texts.known().items()
    ]
    return tk.render("ecosphere_texts/overview.html", {"texts": texts})


@blueprint.route("/<key>", methods=["GET", "POST"])
def text(key: str) -> Response:
    """Show and process the form of a text; "Preview" renders it without saving."""
    known = portal_texts.known().get(key)
    if known is None:
        tk.abort(404, tk._("There is no such text."))
    values, errors, preview = portal_texts.of(key), {}, {}
    if request.method == "POST":
        values = {each: request.form.get(each, "") for each in portal_texts.LANGUAGES}
        try:
            value = portal_texts.read(known, values)
        except tk.ValidationError as error:
            errors = error.error_dict
        else:
            if request.form.get("do") != "preview":
                return _kept(known, value)
            preview = {lang: Markup(rich_text.to_html(said)) for lang, said in (value or {}).items()}  # noqa: S704
    shown = {"text": known, "values": values, "errors": errors, "preview": preview}
    return make_response(tk.render("ecosphere_texts/text.html", shown), 400 if errors else 200)


def _kept(known: portal_texts.Text, value: dict[str, str] | None) -> Response:
    if store.put(portal_texts.AREA, known.key, value, tk.current_user.id):
        tk.h.flash_success(tk._("The text is in force. The journal has what stood there before, and can undo it."))
    else:
        tk.h.flash_notice(tk._("Nothing was changed."))
    return tk.redirect_to("ecosphere_texts.overview")
