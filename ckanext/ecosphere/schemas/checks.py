"""This room's part of `ckan ecosphere check`."""

from __future__ import annotations

import ckan.plugins as p
import ckan.plugins.toolkit as tk

from ckanext.ecosphere.interfaces import Check, CheckStatus


def run() -> list[Check]:
    """Say whether ckanext-scheming works with the schema of the access desk."""
    name = tk._("Dataset schema")
    if not p.plugin_loaded("scheming_datasets"):
        return [
            Check(
                name,
                CheckStatus.ERROR,
                tk._("ckanext-scheming is not enabled"),
                tk._("Add scheming_datasets after ecosphere_schemas in ckan.plugins"),
            )
        ]
    schema = tk.h.scheming_get_dataset_schema("dataset")
    if not schema or "form_sections" not in schema:
        return [
            Check(
                name,
                CheckStatus.ERROR,
                tk._("Datasets do not follow the schema of the access desk"),
                tk._("Name ckanext.ecosphere.schemas:dataset.yaml, or a copy of it, in scheming.dataset_schemas"),
            )
        ]
    plugins = tk.aslist(tk.config["ckan.plugins"])
    if plugins.index("ecosphere_schemas") > plugins.index("scheming_datasets"):
        return [
            Check(
                name,
                CheckStatus.ERROR,
                tk._("The templates of the form and page are those of ckanext-scheming"),
                tk._("Put ecosphere_schemas before scheming_datasets in ckan.plugins"),
            )
        ]
    count = len(schema["dataset_fields"]) + len(schema["resource_fields"])
    return [Check(name, CheckStatus.OK, tk._("{count} fields").format(count=count))]
