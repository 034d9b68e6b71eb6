"""Remove from an imported description the values that the form would refuse, and explain this in sentences."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.lib.plugins import lookup_package_plugin, plugin_validate

from ckanext.ecosphere.dataset.view import View
from ckanext.ecosphere.schemas.catalogue import inheritance
from ckanext.ecosphere.schemas.fields.values import as_list
from ckanext.ecosphere.schemas.logic.publication import irrelevant, label_of

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
    fields, valid = schema["dataset_fields"], copy.deepcopy(dataset)
    sentences: list[str] = []
    errors = _errors(valid, context)
    if KIND in errors:  # first, since the relevance of other fields depends on it
        sentences += _leave_out(fields, valid, {KIND: errors[KIND]})
    sentences += _leave_out_irrelevant(fields, valid)
    for _round in range(MOST_ROUNDS):
        errors = _errors(valid, context)
        sentences += _leave_out(fields, valid, errors)
        sentences += _leave_out_tags(fields, valid, errors.get("tags") or ())
        sentences += _leave_out_files(
            schema["resource_fields"], valid, errors.get("resources") or ()
        )
        if not errors:
            break
    return valid, sentences


def said(errors: Mapping[str, Any]) -> list[str]:
    """Return validation errors as sentences that start with the label of the field.

    Args:
        errors: ``error_dict`` of a ``ValidationError`` of ``package_create`` or ``package_patch``.
    """
    fields = tk.h.scheming_get_dataset_schema("dataset")["dataset_fields"]
    sentences = list(_problems(fields, errors))
    # CKAN has already turned the errors of tags into sentences, and would fail to do so again.
    names = {field["field_name"] for field in fields} | {"tags"}
    others = tk.ValidationError(
        {key: errors[key] for key in errors if key not in names}
    ).error_summary
    if errors.get("tags"):
        others[tk._("Tags")] = "; ".join(map(str, errors["tags"]))
    for key, text in others.items():
        sentences.append(f"{key}{tk._(': ')}{text}")
    return sentences


def _errors(dataset: Dataset, context: Any) -> dict[str, Any]:
    """Return the validation errors of saving the dataset as a draft."""
    plugin: Any = lookup_package_plugin("dataset")
    who: Any = {"user": context.get("user"), "model": model, "session": model.Session}
    draft = copy.deepcopy({**dataset, "type": "dataset", "private": True})
    _valid, errors = plugin_validate(
        plugin, who, draft, plugin.create_package_schema(), "package_create"
    )
    return {name: messages for name, messages in errors.items() if name not in _LEFT}


def _left_out(label: str, value: Any, reason: str) -> str:
    """Return the sentence about a value left out; the value is quoted unless the reason contains it."""
    parts = as_list(value) if value else []
    text = ", ".join(str(part) for part in parts if part not in (None, ""))
    if text and text not in reason:
        label = f"{label} ({text[:SHOWN]})"
    message = tk._("Left out, for the form would refuse it: {field}. {reason}")
    return message.format(field=label, reason=reason)


def _leave_out_irrelevant(fields: Fields, dataset: Dataset) -> list[str]:
    """Remove the fields that do not apply given the values of other fields."""
    labels = {field["field_name"]: label_of(field) for field in fields}
    sentences: list[str] = []
    for name, values, other in irrelevant(fields, View(dataset)):
        dataset.pop(name, None)
        reason = tk._("It does not go with what “{field}” says.").format(field=labels[other])
        sentences.append(_left_out(labels[name], values, reason))
    return sentences


def _leave_out(
    fields: Fields, values: Dataset, errors: Mapping[str, Any], before: str = ""
) -> list[str]:
    """Remove the invalid values from a dataset or row; from a list, only the values quoted in the errors."""
    sentences: list[str] = []
    for field in fields:
        name, label = field["field_name"], before + label_of(field)
        faults = errors.get(name)
        if not faults or name == "resources":
            continue
        rows = values.get(name)
        if isinstance(rows, list) and any(isinstance(fault, Mapping) for fault in faults):
            for row, fault in zip(rows, faults, strict=False):
                sentences += _leave_out(
                    field.get("repeating_subfields") or (), row, fault, f"{label}, "
                )
            values[name] = [row for row in rows if inheritance.is_filled(row)]
            continue
        reasons = [str(fault) for fault in faults]
        sentences.append(_left_out(label, _remove(field, values, reasons), "; ".join(reasons)))
    return sentences


def _remove(field: Mapping[str, Any], values: Dataset, reasons: list[str]) -> Any:
    """Remove an invalid value, of a list only the parts quoted in the reasons; return what was removed.

    A missing value that another field requires cannot be supplied: that other field is removed.
    """
    name = field["field_name"]
    if name not in values:
        others = [condition["field"] for condition in field.get("required_when") or ()]
        removed = [values.pop(other, None) for other in others]
        return removed[0] if len(removed) == 1 else removed
    value = values.pop(name)
    if not isinstance(value, list):
        return value
    bad = [part for part in value if any(str(part) in reason for reason in reasons)]
    good = [part for part in value if part not in bad]
    if bad and good:
        values[name] = good
        return bad
    return value


def _leave_out_tags(fields: Fields, dataset: Dataset, faults: Iterable[Any]) -> list[str]:
    label = next(label_of(field) for field in fields if field["field_name"] == "tag_string")
    tags: list[Dataset] = dataset.get("tags") or []
    sentences: list[str] = []
    bad = set()
    for number, (tag, fault) in enumerate(zip(tags, faults, strict=False)):
        if fault:
            bad.add(number)
            reason = "; ".join(map(str, fault.get("name", ())))
            sentences.append(_left_out(label, str(tag.get("name")), reason))
    dataset["tags"] = [tag for number, tag in enumerate(tags) if number not in bad]
    return sentences


def _leave_out_files(fields: Fields, dataset: Dataset, faults: Iterable[Any]) -> list[str]:
    """Remove the files without a valid URL, and the invalid values of the others."""
    sentences: list[str] = []
    files: list[Dataset] = []
    for file, fault in zip(dataset.get("resources") or (), faults, strict=False):
        name = str(file.get("name") or file.get("url") or len(files) + 1)
        if fault and "url" in fault:
            problems = list(_problems(fields, fault))
            problem = tk._("The file “{file}” is left out: it has no usable address").format(
                file=name
            )
        else:
            problems, problem = _leave_out(fields, file, fault or {}), ""
            files.append(file)
        sentences += [f"{name} \N{EN DASH} {sentence}" for sentence in problems]
        if problem:
            sentences.append(problem)
    if faults:
        dataset["resources"] = files
    return sentences


def _problems(fields: Fields, errors: Any, before: str = "") -> Iterator[str]:
    for field in fields:
        faults = errors.get(field["field_name"])
        if not faults or field["field_name"] == "resources":
            continue
        label = before + label_of(field)
        if not isinstance(faults, list):
            faults = [faults]
        for fault in faults:
            if isinstance(fault, Mapping):
                yield from _problems(field.get("repeating_subfields") or [], fault, f"{label}, ")
            else:
                yield label + tk._(": ") + str(fault)
