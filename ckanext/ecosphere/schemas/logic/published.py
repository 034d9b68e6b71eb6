"""Tell people who have just published a dataset in a form where it is seen, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from flask import g, has_request_context
from markupsafe import Markup

WERE_PUBLIC = "ecosphere_were_public"
"""Name in `flask.g` of the ids of the datasets that were public before a save of this request."""
FORMS = ("dataset.new", "dataset.edit", "dataset_resource.new")


def note(package: Any) -> None:
    """Note before a save whether the stored dataset, None for a new one, is public."""
    if has_request_context() and package is not None and _is_public(package):
        g.setdefault(WERE_PUBLIC, set()).add(package.id)


def tell(dataset: Mapping[str, Any]) -> None:
    """Say on the next page that a form has published a dataset; nothing if it was public, or is not."""
    if not has_request_context() or tk.request.endpoint not in FORMS:
        return
    package = model.Package.get(dataset["id"])  # in the session already
    told = g.setdefault(WERE_PUBLIC, set())
    if package is None or package.id in told or not _is_public(package):
        return
    told.add(package.id)
    name = package.name
    links = [
        (tk._("Cite and share"), tk.url_for("dataset.read", id=name, _anchor="cite-title")),
        (tk._("Add a file or a service"), tk.url_for("dataset_resource.new", id=name)),
    ]
    if tk.h.plugin_loaded("ecosphere_quality"):
        links.insert(0, (tk._("See its score"), tk.url_for("ecosphere_quality.dataset_page", id=name)))
    sentence = tk._(
        "It is published: everyone sees it on this page and in the search, and other catalogues can harvest it. Next:"
    )
    written = Markup(", ").join(
        Markup('<a class="alert-link" href="{}">{}</a>').format(url, text) for text, url in links
    )
    tk.h.flash_success(Markup("{} {}").format(sentence, written), allow_html=True)


def _is_public(package: Any) -> bool:
    return not package.private and package.state == model.State.ACTIVE
