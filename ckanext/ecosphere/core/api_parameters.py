"""What actions of CKAN and its extensions fail on instead of saying what is wrong; functions that are no actions."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import yaml

TABLE = Path(__file__).with_name("api_parameters.yaml")
HARVEST = "harvest"


def check(action: str, data: dict[str, Any]) -> None:
    """Refuse a call that would end in an internal error.

    Raises:
        ValidationError: by parameter, what is wrong with it.
    """
    table = _table()
    missing = [
        name
        for name in table["needed"].get(action, ())
        if not any(data.get(each) not in (None, "") for each in name.split("|"))
    ]
    errors = {name.partition("|")[0]: [tk._("Missing value")] for name in missing}
    for name in table["counts"].get(action, ()):
        if not _is_count(data.get(name)):
            errors[name] = [tk._("Give a whole number, 0 or more.")]
    for name in table["texts"].get(action, ()):
        if not isinstance(data.get(name, ""), str):
            errors[name] = [tk._("Give one text here.")]
    if action.startswith("package_relationship_") and data.get("type") not in (None, *table["relationship_types"]):
        errors["type"] = [tk._("Give one of these: {values}.").format(values=", ".join(table["relationship_types"]))]
    if action.startswith("dcat_") and data.get("format") and not is_rdf_format(data["format"]):
        errors["format"] = [tk._("Give one of these: {values}.").format(values=", ".join(table["rdf_formats"]))]
    if errors:
        raise tk.ValidationError(errors)  # pyright: ignore[reportArgumentType]


def _is_count(value: Any) -> bool:
    if isinstance(value, int):
        return value >= 0
    return value in (None, "") or (isinstance(value, str) and value.isdecimal())


def is_rdf_format(name: Any) -> bool:
    """Whether ckanext-dcat gives a description in a format, by the ending of its address."""
    return name in _table()["rdf_formats"]


def is_no_action(name: str) -> bool:
    """Whether a function is called over the API that is none of its actions.

    ckanext-harvest 1.6.3 offers every function of its modules, those that write its e-mails among them.
    """
    return not name.startswith(HARVEST) and p.plugin_loaded(HARVEST) and name in _functions_of_harvest()


@cache
def _functions_of_harvest() -> frozenset[str]:
    plugin: Any = p.get_plugin(HARVEST)
    return frozenset(plugin.get_actions())


@cache
def _table() -> dict[str, Any]:
    return yaml.safe_load(TABLE.read_text(encoding="utf-8"))
