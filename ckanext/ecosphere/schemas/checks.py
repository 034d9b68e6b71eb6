"""Checks of the dataset schema and the index for `ckan ecosphere check`."""

from __future__ import annotations

from collections.abc import Iterator

import ckan.plugins.toolkit as tk
from ckan.common import _
from flask import current_app
from jinja2 import TemplateNotFound

from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.fast_save import documents
from ckanext.ecosphere.interfaces import Check, CheckStatus


def run() -> list[Check]:
    """Check that ckanext-scheming uses a schema of the access desk whose
    templates and validators all exist.
    """
    name = _("Dataset schema")
    schema = tk.h.scheming_get_dataset_schema("dataset")
    if not schema or "form_sections" not in schema:
        message = _("Datasets do not follow the schema of the access desk")
        remedy = _(
            "Name ckanext.ecosphere.schemas:dataset.yaml, or a copy of it, in "
            "scheming.dataset_schemas"
        )
        return [Check(name, CheckStatus.ERROR, message, remedy)]
    missing = [*_missing(schema["dataset_fields"]), *_missing(schema["resource_fields"])]
    if missing:
        message = _("The schema names what does not exist: {names}").format(
            names=", ".join(missing)
        )
        remedy = _(
            "Correct the file that ecosphere.schemas.overlay or scheming.dataset_schemas names"
        )
        return [Check(name, CheckStatus.ERROR, message, remedy)]
    count = len(schema["dataset_fields"]) + len(schema["resource_fields"])
    return [Check(name, CheckStatus.OK, _("{count} fields").format(count=count))]


def index() -> list[Check]:
    """Check that all datasets were indexed with the current schema,
    since CKAN edits datasets as indexed.
    """
    number = len(documents.stale())
    name = _("Index and schema")
    if not number:
        return [
            Check(name, CheckStatus.OK, _("Every dataset was indexed with the schema in force"))
        ]
    message = tk.ungettext(
        "{number} dataset was indexed without the schema in force: a save may lose fields",
        "{number} datasets were indexed without the schema in force: a save may lose fields",
        number,
    ).format(number=number)
    remedy = _("Run: {command}").format(command="ckan ecosphere init")
    return [Check(name, CheckStatus.ERROR, message, remedy)]


def _missing(fields: list[Row]) -> Iterator[str]:
    """Yield the templates and validators that fields refer to but that do not exist."""
    for field in fields:
        name = field["field_name"]
        for kind in ("form", "display"):
            snippet = field.get(f"{kind}_snippet")
            if not snippet:
                continue
            path = snippet if "/" in snippet else f"scheming/{kind}_snippets/{snippet}"
            try:
                current_app.jinja_env.get_template(path)
            except TemplateNotFound:
                yield f"{name}: {snippet}"
        validators = (field.get(key) or "" for key in ("validators", "output_validators"))
        for word in " ".join(validators).split():
            try:
                tk.get_validator(word.partition("(")[0])
            except tk.UnknownValidator:
                yield f"{name}: {word}"
