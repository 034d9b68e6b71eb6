"""Tell people who have just published a dataset in a form where it is seen, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from flask import has_request_context
from markupsafe import Markup

WAS_PUBLIC = "ecosphere_was_public"
"""Key of the context of a save: whether the dataset was public before it."""
FORMS = ("dataset.new", "dataset.edit", "dataset_resource.new")


def note(context: Any, package: Any) -> None:
    """Note in the context of a save whether the stored dataset, None for a new one, is public."""
    context[WAS_PUBLIC] = package is not None and not package.private and package.state == model.State.ACTIVE


def tell(context: Any, dataset: Mapping[str, Any]) -> None:
    """Say on the next page that a form has published a dataset; nothing if it was public, or is not."""
    if not has_request_context() or tk.request.endpoint not in FORMS or context.get(WAS_PUBLIC) is not False:
        return
    package = model.Package.get(dataset["id"])  # in the session already
    if package is None or package.private or package.state != model.State.ACTIVE:
        return
    context[WAS_PUBLIC] = True
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
