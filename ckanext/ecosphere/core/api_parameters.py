"""Validate parameters of actions of CKAN and its extensions that would otherwise cause an internal error.

The module also knows which functions offered over the API are not actions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import yaml
from ckan import authz, model
from ckan.lib import plugins
from ckan.logic import auth_audit_exempt
from ckan.types import Context, DataDict
from dateutil.parser import parse as dateutil_parse

from ckanext.ecosphere.shared import action_input

LONGEST_NUMBER, LONGEST_MOMENT = 20, 40
TABLE = Path(__file__).with_name("api_parameters.yaml")
HARVEST = "harvest"


def check(action: str, data: dict[str, Any]) -> None:
    """Refuse a call that would end in an internal error.

    Raises:
        ValidationError: errors by parameter.
    """
    table = _table()
    missing = [
        name
        for name in table["needed"].get(action, ())
        if not any(data.get(each) not in (None, "") for each in name.split("|"))
    ]
    errors: dict[str, list[Any]] = {name.partition("|")[0]: [tk._("Missing value")] for name in missing}
    for name in table["counts"].get(action, ()):
        if data.get(name) != "":
            errors |= _unlike(data, [name], _is_count, tk._("Give a whole number, 0 or more."))
    errors |= _unlike(data, table["texts"].get(action, ()), _is_text, tk._("Give one text here."))
    errors |= _unlike(data, table["lists"].get(action, ()), _is_list_of_texts, tk._("Give a list of texts here."))
    errors |= _unlike(data, table["texts_or_lists"].get(action, ()), _is_texts, tk._("Give a list of texts here."))
    for name, parts in table["mappings"].get(action, {}).items():
        message = tk._("Give an object here, with: {names}.") if parts else tk._("Give an object here.")
        errors |= _unlike(data, [name], _holds(parts), message.format(names=", ".join(parts)))
    errors |= _faults_within(action, data)
    if action == "package_revise" and (faults := _faults_within("package_update", _revised(data))):
        errors["update"] = [faults]
    errors |= _faults_of_choices(action, data) | _without_effect(action, data)
    if action in table["of_members"] and data.get("id") and model.Group.get(str(data["id"])) is None:
        errors["id"] = [tk._("Not found: nothing has this name or identifier.")]
    if action == "resource_search":
        fields = {str(each).partition(":")[0] for each in _as_list(data.get("query"))}
        if not fields.isdisjoint(table["no_text_of_resources"]):
            errors["query"] = [tk._("Only texts of resources can be searched: name, format, url…")]
    if action.startswith("dcat_") and not is_moment(data.get("modified_since") or "2000"):
        errors["modified_since"] = [tk._("Write a date as 2026-11-28.")]
    if errors:
        raise action_input.refused(errors)


def _faults_of_choices(action: str, data: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the errors of parameters that must be empty or one of a list of values."""
    table, faults = _table(), dict[str, list[Any]]()

    def choose(name: str, fits: bool, values: Iterable[str]) -> None:
        if data.get(name) and not fits:
            faults[name] = [tk._("Give one of these: {values}.").format(values=", ".join(values))]

    if action.startswith("package_relationship"):
        name, types = ("rel" if action == "package_relationships_list" else "type"), table["relationship_types"]
        choose(name, data.get(name) in types, types)
    if action == "harvest_object_show":
        choose("attr", data.get("attr") in table["columns_of_records"], table["columns_of_records"])
    if action == "file_owner_scan":
        choose("owner_type", _owns_files(data.get("owner_type")), table["owners_of_files"])
    if action.startswith("dcat_"):
        choose("profiles", _are_rdf_profiles(data.get("profiles")), sorted(_rdf_profiles()))
        choose("format", is_rdf_format(data.get("format")), table["rdf_formats"])
    return faults


def _without_effect(action: str, data: dict[str, Any]) -> dict[str, list[Any]]:
    """Return an error for each parameter that would narrow a token if CKAN did not ignore it without saying so."""
    sentence = tk._("Leave this out: a token of this portal may do all that its person may, until it is revoked.")
    narrowing = _table()["narrowing"].get(action, {})
    names = [each for plugin, some in narrowing.items() if not p.plugin_loaded(plugin) for each in some]
    return {name: [sentence] for name in names if name in data}


def check_by_name(data: dict[str, Any]) -> None:
    """Refuse values, by parameter name, on which any action of CKAN, ckanext-harvest or ckanext-activity fails.

    Raises:
        ValidationError: errors by parameter.
    """
    names = _table()["everywhere"]
    flags = [name for name in data if name in names["flags"] or name.startswith("include_")]
    errors = {
        **_unlike(data, names["texts"], lambda value: value is None or _is_text(value), tk._("Give one text here.")),
        **_unlike(data, names["counts"], _is_count, tk._("Give a whole number, 0 or more.")),
        **_unlike(data, names["lists"], _is_texts, tk._("Give a list of texts here.")),
        **_unlike(data, flags, _is_flag, tk._("Give true or false here.")),
    }
    errors |= {name: [tk._("No parameter begins so.")] for name in data if str(name).startswith("__")}
    if errors:
        raise action_input.refused(errors)


def _unlike(
    data: dict[str, Any], names: Iterable[str], fits: Callable[[Any], bool], message: str
) -> dict[str, list[Any]]:
    """Return the message for each given parameter that does not fit."""
    return {name: [message] for name in names if name in data and not fits(data[name])}


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_list_of_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_texts(value: Any) -> bool:
    return value is None or _is_text(value) or _is_list_of_texts(value)


def _holds(parts: Iterable[str]) -> Callable[[Any], bool]:
    """Return a test whether an object has the given parts or, without parts, holds texts."""

    def holds(value: Any) -> bool:
        if not isinstance(value, dict) or not value:
            return False
        return all(value.get(part) for part in parts) and bool(parts or all(map(_is_texts, value.values())))

    return holds


def _is_flag(value: Any) -> bool:
    try:
        tk.asbool(value)
    except ValueError:
        return False
    return True


def _is_count(value: Any) -> bool:
    if isinstance(value, str) and value.isdecimal() and len(value) <= LONGEST_NUMBER:
        value = int(value)
    return value is None or (isinstance(value, int) and 0 <= value <= action_input.LARGEST_INTEGER)


def _faults_within(action: str, data: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the errors in the texts and lists of objects that an action takes, by parameter."""
    table = _table()
    errors = _not_texts(data, table["texts_or_null"].get(action, ()))
    for name, fields in table["objects"].get(action, {}).items():
        if name in data and (faults := _faults_of_objects(data[name], fields)):
            errors[name] = faults
    if action in table["typed"] and data.get("type") and "type" not in errors:
        known = _types(table["typed"][action])
        if data["type"] not in known:
            errors["type"] = [tk._("Give one of these: {values}.").format(values=", ".join(known))]
    if table["typed"].get(action) == "dataset":
        errors |= _faults_of_dataset(data)
    return errors


def _faults_of_dataset(data: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the errors in the state and relationships of a dataset."""
    table, errors = _table(), dict[str, list[Any]]()
    if not is_state(data.get("state") or "active"):
        errors["state"] = [tk._("Give one of these: {values}.").format(values=", ".join(table["states"]))]
    for name, ends in table["relationships"].items():
        if data.get(name) and not _are_relationships(data[name], ends):
            errors[name] = [tk._("Relate datasets by `package_relationship_create`.")]
    return errors


def is_state(value: Any) -> bool:
    """Return whether a value is a valid dataset state."""
    return value in _table()["states"]


def _are_relationships(value: Any, ends: Iterable[str]) -> bool:
    """Return whether CKAN can index relationships: both ends and the type exist."""
    return isinstance(value, list) and all(
        isinstance(each, dict)
        and each.get("type") in model.PackageRelationship.get_forward_types()
        and all(_is_text(each.get(end)) and model.Package.get(each[end]) for end in ends)
        for each in value
    )


def _owns_files(kind: Any) -> bool:
    """Return whether files can belong to a kind of object: CKAN checks the permission to update or scan it."""
    return f"{kind}_update" in _permissions() or f"{kind}_file_scan" in _permissions()


@cache
def _permissions() -> frozenset[str]:
    return frozenset(authz.auth_functions_list())


def _types(kind: str) -> list[str]:
    """Return the types of datasets, groups or organisations for which CKAN and its plugins have pages."""
    known: Any = plugins._package_plugins if kind == "dataset" else plugins._group_plugins
    others = {"group", "organization"} - {kind}
    return sorted({kind, *known} - others)


def _not_texts(data: dict[str, Any], names: Iterable[str]) -> dict[str, list[Any]]:
    """Return an error for each value that is neither a text nor null, and for a URL that cannot be parsed."""
    errors: dict[str, list[Any]] = {
        name: [tk._("Give one text here.")] for name in names if not isinstance(data.get(name), str | None)
    }
    if "url" in names and "url" not in errors and not _is_readable(data.get("url") or ""):
        message = tk._('"{value}" is not an address: it must start with https://, http:// or ftp://')
        errors["url"] = [message.format(value=data["url"])]
    return errors


def _is_readable(address: str) -> bool:
    """Return whether a URL can be parsed; CKAN parses it before validating it, and fails on "http://["."""
    try:
        urlsplit(address)
    except ValueError:
        return False
    return True


def _faults_of_objects(value: Any, fields: Iterable[str]) -> list[Any]:
    """Return the errors of a list of objects in CKAN's format: a text, or a dict of errors per object."""
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        return [tk._("Give a list of objects here.")]
    faults = [_not_texts(each, fields) for each in value]
    return faults if any(faults) else []


def _revised(data: dict[str, Any]) -> dict[str, Any]:
    """Return the values that `package_revise` puts into a dataset, with all its resources in one list.

    The action takes an object or its JSON as `update`, and parts of it by path, such as `update__resources__0__url`.
    """
    given = data.get("update")
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            given = None  # CKAN reports the invalid JSON
    revised = dict(given) if isinstance(given, dict) else {}
    for name, value in data.items():
        match str(name).split("__"):
            case ["update", single]:
                revised[single] = value
            case ["update", "resources", "extend"]:
                revised["resources"] = [*_as_list(revised.get("resources", [])), *_as_list(value)]
            case ["update", "resources", _number]:
                revised["resources"] = [*_as_list(revised.get("resources", [])), value]
            case ["update", "resources", _number, field]:
                revised["resources"] = [*_as_list(revised.get("resources", [])), {field: value}]
    return revised


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def is_rdf_format(name: Any) -> bool:
    """Return whether ckanext-dcat serialises datasets to a format, given as a file extension."""
    return name in _table()["rdf_formats"]


def is_moment(value: Any) -> bool:
    """Return whether ckanext-dcat can parse a date or timestamp."""
    if not _is_text(value) or len(value) > LONGEST_MOMENT:
        return False
    try:
        dateutil_parse(value)
    except (ValueError, OverflowError):
        return False
    return True


def is_for_accounts(action: str) -> bool:
    """Return whether an action of CKAN checks no access but must be limited to logged-in users."""
    return action in _table()["for_accounts"]


def _are_rdf_profiles(value: Any) -> bool:
    names = value.split(",") if isinstance(value, str) else value or []
    return isinstance(names, list) and all(isinstance(each, str) and each in _rdf_profiles() for each in names)


@cache
def _rdf_profiles() -> frozenset[str]:
    return frozenset(each.name for each in metadata.entry_points(group="ckan.rdf.profiles"))


def is_no_action(name: str) -> bool:
    """Return whether a function that is offered over the API is not an action.

    ckanext-harvest 1.6.3 exposes every function of its modules, including those that write its e-mails.
    """
    return not name.startswith(HARVEST) and p.plugin_loaded(HARVEST) and name in _functions_of_harvest()


@cache
def _functions_of_harvest() -> frozenset[str]:
    plugin: Any = p.get_plugin(HARVEST)
    return frozenset(plugin.get_actions())


@cache
def _table() -> dict[str, Any]:
    return yaml.safe_load(TABLE.read_text(encoding="utf-8"))


def _with_checked_parameters(name: str) -> Callable[..., Any]:
    def action(original_action: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
        if errors := _faults_within(name, data_dict):
            raise action_input.refused(errors)
        return original_action(context, data_dict)

    action.__name__ = name
    action.__doc__ = f"Refuse what `{name}` of CKAN fails on, for its forms as well, then call it."
    return auth_audit_exempt(tk.chained_action(action))  # the original checks access


def get_actions() -> dict[str, Callable[..., Any]]:
    """Return the chained actions by name: those whose forms pass on unchecked values."""
    return {name: _with_checked_parameters(name) for name in ("resource_create", "resource_update")}
