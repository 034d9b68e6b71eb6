"""What a person who looks over an imported description is told: what the form will not take as it stands."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.lib.plugins import lookup_package_plugin, plugin_validate

from ..publication import label_of

#: Asked of the person anyway.
_LEFT = ("name", "title", "owner_org", "tag_string")
Dataset = dict[str, Any]


def looked_over(dataset: Dataset, context: Any) -> tuple[Dataset, list[str]]:
    """Return the dataset without the files that cannot be kept, and sentences on what is wrong.

    Fields of the form keep what they hold, for the person to correct it; files are not in it, so those without a usable
    address go, and of the others what no list has.

    Args:
        dataset: what was read from a document, not yet saved.
        context: of the action that asks.
    """
    plugin: Any = lookup_package_plugin("dataset")
    who: Any = {"user": context.get("user"), "model": model, "session": model.Session}
    draft = copy.deepcopy({**dataset, "type": "dataset", "private": True})
    _valid, errors = plugin_validate(plugin, who, draft, plugin.create_package_schema(), "package_create")
    schema = tk.h.scheming_get_dataset_schema("dataset")
    told = [*_problems(schema["dataset_fields"], {k: v for k, v in errors.items() if k not in _LEFT})]
    resources: list[Dataset] = []
    faults: Any = errors.get("resources") or []
    files: Any = dataset.get("resources") or ()
    for number, resource in enumerate(files):
        fault: Any = faults[number] if number < len(faults) and isinstance(faults[number], Mapping) else {}
        what = str(resource.get("name") or resource.get("url") or number + 1)
        told += [f"{what} \N{EN DASH} {sentence}" for sentence in _problems(schema["resource_fields"], fault)]
        if "url" in fault:
            told.append(tk._("The file “{file}” is left out: it has no usable address").format(file=what))
        else:
            resources.append({key: value for key, value in resource.items() if key not in fault})
    return ({**dataset, "resources": resources} if dataset.get("resources") else dataset), told


def said(errors: Mapping[str, Any]) -> list[str]:
    """Return what a dataset is refused for as sentences that begin with the label of the field.

    Args:
        errors: ``error_dict`` of a ``ValidationError`` of ``package_create`` or ``package_patch``.
    """
    fields = tk.h.scheming_get_dataset_schema("dataset")["dataset_fields"]
    names = {field["field_name"] for field in fields}
    others = tk.ValidationError({key: errors[key] for key in errors if key not in names}).error_summary
    return [*_problems(fields, errors), *(f"{key}{tk._(': ')}{text}" for key, text in others.items())]


def _problems(fields: Iterable[Mapping[str, Any]], errors: Any, before: str = "") -> Iterator[str]:
    for field in fields:
        found = errors.get(field["field_name"])
        if not found or field["field_name"] == "resources":
            continue
        label = before + label_of(field)
        for each in found if isinstance(found, list) else [found]:
            if isinstance(each, Mapping):
                yield from _problems(field.get("repeating_subfields") or [], each, f"{label}, ")
            else:
                yield label + tk._(": ") + str(each)
