"""Fit a dataset to the schema that the portal really has.

With `ecosphere_schemas` every field has its place. Without it, or with a schema of one's own, what has none goes
to the extras, as text, rather than being lost or refused.
"""

from __future__ import annotations

import json
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.vocabularies.languages import SUFFIX

_CORE = {
    "author",
    "author_email",
    "extras",
    "groups",
    "id",
    "license_id",
    "maintainer",
    "maintainer_email",
    "name",
    "notes",
    "owner_org",
    "private",
    "resources",
    "state",
    "tag_string",
    "tags",
    "title",
    "type",
    "url",
    "version",
}


class Fitter:
    """Knows the fields of the dataset type.

    Args:
        dataset_fields: names of the fields of a dataset beyond CKAN's own.
        resource_fields: names of the fields of a resource; None when any text may be kept.
    """

    def __init__(self, dataset_fields: set[str], resource_fields: set[str]):
        self._dataset_fields = dataset_fields | _CORE
        self._resource_fields = resource_fields

    @classmethod
    def of_portal(cls, dataset_type: str = "dataset") -> Fitter:
        """Ask ckanext-scheming for the fields, if it is there and knows the type."""
        try:
            show = tk.get_action("scheming_dataset_schema_show")
            schema = show({"ignore_auth": True}, {"type": dataset_type, "expanded": True})
        except (KeyError, tk.ObjectNotFound):
            return cls(set(), set())
        return cls(
            {each["field_name"] for each in schema["dataset_fields"]},
            {each["field_name"] for each in schema.get("resource_fields", [])},
        )

    def fit(self, dataset: dict[str, Any]) -> dict[str, Any]:
        """Move what the schema has no field for to the extras; the dataset given is not changed."""
        fitted = {name: value for name, value in dataset.items() if name in self._dataset_fields}
        others = [
            {"key": name, "value": _text(value)} for name, value in dataset.items() if name not in self._dataset_fields
        ]
        if others:
            fitted["extras"] = [*fitted.get("extras", []), *others]
        if "resources" in fitted:
            fitted["resources"] = [
                {
                    name: value if name in self._resource_fields else _text(value)
                    for name, value in resource.items()
                    # CKAN itself reads these as objects.
                    if name in self._resource_fields or not name.endswith(SUFFIX)
                }
                for resource in fitted["resources"]
            ]
        return fitted


def free_tags() -> bool:
    """Whether the portal accepts "cours d'eau" as a keyword: CKAN's own rule refuses apostrophes and slashes."""
    validator: Any = tk.get_validator("tag_name_validator")
    try:
        validator("l'eau/l'air", {})
    except tk.Invalid:
        return False
    return True


def _text(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
