"""Remove from an imported description the values that the form would refuse, and explain this in sentences."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.lib.navl.dictization_functions import flatten_dict
from ckan.lib.plugins import lookup_package_plugin, plugin_validate

from ckanext.ecosphere.schemas.catalogue import inheritance
from ckanext.ecosphere.schemas.fields import conditions
from ckanext.ecosphere.schemas.fields.values import as_list
from ckanext.ecosphere.schemas.logic.publication import Dataset as Flat
from ckanext.ecosphere.schemas.logic.publication import label_of

#: Errors of these fields are ignored, since the user fills them in.
_LEFT = ("name", "title", "owner_org", "tag_string")
KIND = "dcat_type"
MOST_ROUNDS = 5
SHOWN = 300
Dataset = dict[str, Any]
Fields = Iterable[Mapping[str, Any]]


def looked_over(dataset: Dataset, context: Any) -> tuple[Dataset, list[str]]:
    """Return the dataset without invalid values, and sentences about what was left out.

    Users did not type these values and could not do anything about validation errors.

    Args:
        dataset: an imported dataset, not saved yet.
        context: context of the calling action.
    """
    schema = tk.h.scheming_get_dataset_schema("dataset")
    fields, kept = schema["dataset_fields"], copy.deepcopy(dataset)
    told: list[str] = []
    errors = _errors(kept, context)
    if KIND in errors:  # first, since the relevance of other fields depends on it
        told += _leave_out(fields, kept, {KIND: errors[KIND]})
    told += _irrelevant(fields, kept)
    for _round in range(MOST_ROUNDS):
        errors = _errors(kept, context)
        told += _leave_out(fields, kept, errors)
        told += _tags_left_out(fields, kept, errors.get("tags") or ())
        told += _files_left_out(schema["resource_fields"], kept, errors.get("resources") or ())
        if not errors:
            break
    return kept, told


def said(errors: Mapping[str, Any]) -> list[str]:
    """Return validation errors as sentences that start with the label of the field.

    Args:
        errors: ``error_dict`` of a ``ValidationError`` of ``package_create`` or ``package_patch``.
    """
    fields = tk.h.scheming_get_dataset_schema("dataset")["dataset_fields"]
    names = {field["field_name"] for field in fields}
    # CKAN has already turned the errors of tags into sentences, and would fail to do so again.
    others = tk.ValidationError({key: errors[key] for key in errors if key not in (*names, "tags")}).error_summary
    if errors.get("tags"):
        others[tk._("Tags")] = "; ".join(map(str, errors["tags"]))
    return [*_problems(fields, errors), *(f"{key}{tk._(': ')}{text}" for key, text in others.items())]


def _errors(dataset: Dataset, context: Any) -> dict[str, Any]:
    """Return the validation errors of saving the dataset as a draft."""
    plugin: Any = lookup_package_plugin("dataset")
    who: Any = {"user": context.get("user"), "model": model, "session": model.Session}
    draft = copy.deepcopy({**dataset, "type": "dataset", "private": True})
    _valid, errors = plugin_validate(plugin, who, draft, plugin.create_package_schema(), "package_create")
    return {key: found for key, found in errors.items() if key not in _LEFT}


def _left_out(label: str, value: Any, reason: str) -> str:
    """Return the sentence about a value left out; the value is quoted unless the reason contains it."""
    text = ", ".join(str(part) for part in as_list(value) if part not in (None, "")) if value else ""
    what = f"{label} ({text[:SHOWN]})" if text and text not in reason else label
    return tk._("Left out, for the form would refuse it: {field}. {reason}").format(field=what, reason=reason)


def _irrelevant(fields: Fields, dataset: Dataset) -> list[str]:
    """Remove the fields that do not apply given the values of other fields."""
    known = {field["field_name"]: field for field in fields}
    read = Flat(flatten_dict(copy.deepcopy(dataset))).texts
    told: list[str] = []
    for name, field in known.items():
        harmless = set(field.get("relevant_except") or ())
        values = [value for value in read(name) if value.rsplit("/", 1)[-1] not in harmless]
        because = conditions.reason(field, read) if values else None
        if because:
            dataset.pop(name, None)
            reason = tk._("It does not go with what “{field}” says.").format(field=label_of(known[because["field"]]))
            told.append(_left_out(label_of(field), values, reason))
    return told


def _leave_out(fields: Fields, values: Dataset, errors: Mapping[str, Any], before: str = "") -> list[str]:
    """Remove the invalid values from a dataset or row; from a list, only the values quoted in the errors."""
    told: list[str] = []
    for field in fields:
        name, label = field["field_name"], before + label_of(field)
        found = errors.get(name)
        if not found or name == "resources":
            continue
        rows = values.get(name)
        if any(isinstance(each, Mapping) for each in found) and isinstance(rows, list):
            for row, fault in zip(rows, found, strict=False):
                told += _leave_out(field.get("repeating_subfields") or (), row, fault, f"{label}, ")
            values[name] = [row for row in rows if inheritance.is_filled(row)]
            continue
        # A missing value that another field requires cannot be supplied: that other field is removed.
        taken = [name] if name in values else [each["field"] for each in field.get("required_when") or ()]
        given, reasons = [values.pop(each, None) for each in taken], [str(each) for each in found]
        value = given[0] if len(given) == 1 else given
        if isinstance(value, list) and taken == [name]:
            good = [part for part in value if not any(str(part) in reason for reason in reasons)]
            values |= {name: good} if 0 < len(good) < len(value) else {}
            value = [part for part in value if part not in values.get(name, ())]
        told.append(_left_out(label, value, "; ".join(reasons)))
    return told


def _tags_left_out(fields: Fields, dataset: Dataset, faults: Iterable[Any]) -> list[str]:
    label = next(label_of(field) for field in fields if field["field_name"] == "tag_string")
    tags: list[Dataset] = dataset.get("tags") or []
    bad = {id(tag): fault for tag, fault in zip(tags, faults, strict=False) if fault}
    dataset["tags"] = [tag for tag in tags if id(tag) not in bad]
    texts = [(str(tag.get("name")), bad[id(tag)]) for tag in tags if id(tag) in bad]
    return [_left_out(label, name, "; ".join(map(str, fault.get("name", ())))) for name, fault in texts]


def _files_left_out(fields: Fields, dataset: Dataset, faults: Iterable[Any]) -> list[str]:
    """Remove the files without a valid URL, and the invalid values of the others."""
    told: list[str] = []
    kept: list[Dataset] = []
    for file, fault in zip(dataset.get("resources") or (), faults, strict=False):
        what = str(file.get("name") or file.get("url") or len(kept) + 1)
        if fault and "url" in fault:
            told += [f"{what} \N{EN DASH} {sentence}" for sentence in _problems(fields, fault)]
            told.append(tk._("The file “{file}” is left out: it has no usable address").format(file=what))
            continue
        told += [f"{what} \N{EN DASH} {sentence}" for sentence in _leave_out(fields, file, fault or {})]
        kept.append(file)
    if faults:
        dataset["resources"] = kept
    return told


def _problems(fields: Fields, errors: Any, before: str = "") -> Iterator[str]:
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
