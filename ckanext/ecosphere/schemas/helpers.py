"""Template helpers of the dataset form and page: concepts, sections, relations, texts in other languages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from jinja2 import Undefined

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.schemas import wording
from ckanext.ecosphere.schemas.bulk.filters import ecosphere_bulk_filters  # noqa: F401 - for the templates
from ckanext.ecosphere.schemas.catalogue import inheritance
from ckanext.ecosphere.schemas.catalogue.core_fields import ecosphere_core_inputs, ecosphere_core_people  # noqa: F401 - for the templates
from ckanext.ecosphere.schemas.fields import conditions, places, spatial, urls
from ckanext.ecosphere.schemas.fields.choices import (  # noqa: F401 - for the templates
    ecosphere_concept_choices,
    ecosphere_late_list,
    ecosphere_late_services,
    ecosphere_media_types,
    ecosphere_registry_services,
    ecosphere_whole_form,
)
from ckanext.ecosphere.schemas.fields.values import as_list
from ckanext.ecosphere.schemas.importing import services
from ckanext.ecosphere.schemas.logic import publication
from ckanext.ecosphere.schemas.logic.drafts import ecosphere_unfinished  # noqa: F401 - for the templates
from ckanext.ecosphere.schemas.logic.locked_fields import CARRIED, ecosphere_locked, ecosphere_locked_fields  # noqa: F401 - for the templates
from ckanext.ecosphere.schemas.rdf import relations
from ckanext.ecosphere.vocabularies import languages

Field = Mapping[str, Any]

MOST_SERVICES = 5
LANGUAGES = "languages"
"""Form section of the texts in other languages."""


#: Helpers defined in other modules.
ecosphere_service_kinds = services.kinds


def ecosphere_concept_label(vocabulary: str, value: str) -> str:
    """Return the label of a concept in the language of the page, or ``value`` when it is unknown.

    A withdrawn concept is marked as such.
    """
    concept = voc.get(vocabulary).get(value) if isinstance(value, str) else None
    if vocabulary == "territories":
        label = places.label(str(value), wording.page_language())
    else:
        label = concept.label(wording.page_language()) if concept else str(value)
    return tk._("{label} (withdrawn)").format(label=label) if concept and concept.data.get("withdrawn") else label


def ecosphere_concept_items(field: Field, value: Any) -> list[dict[str, str]]:
    """Return the concepts of a field for display: ``label``, and ``href`` for a web address that is not a concept."""
    vocabulary = voc.get(field["vocabulary"])
    items = []
    for part in as_list(value):
        concept = vocabulary.get(part) if isinstance(part, str) else None
        known = ecosphere_concept_label(field["vocabulary"], str(part))
        items.append({"label": known, "href": "" if concept or not urls.is_web_address(known) else known})
    return items


def ecosphere_is_web_address(value: Any) -> bool:
    """Return whether ``value`` may be shown as a link (http, https, ftp, ftps)."""
    return isinstance(value, str) and urls.is_web_address(value, urls.WEB_AND_FTP)


def ecosphere_is_filled(value: Any) -> bool:
    """Return whether a value, possibly nested, has anything to show."""
    return not isinstance(value, Undefined) and inheritance.is_filled(value)


def ecosphere_form_sections(
    schema: Mapping[str, Any], data: Mapping[str, Any], errors: Any, kind: str = "dataset"
) -> list[dict[str, Any]]:
    """Return the sections of the form of a dataset, or of a resource when ``kind`` is "resource".

    Each has ``id``, ``label``, ``description``, ``fields``, ``filled`` (number of filled fields), ``faulty`` (whether
    a field has an error), ``open`` and ``late`` (whether the page leaves out its fields). Fields without a section
    are in the first one. A field hidden by the administrator becomes a hidden input: the form replaces the whole
    dataset and would otherwise empty the field.
    """
    key = "form_sections" if kind == "dataset" else "resource_form_sections"
    sections = schema.get(key) or [{"id": "", "open": True, "label": "", "description": ""}]
    known = {section["id"] for section in sections}
    series = relations.find(as_list(data.get("in_series") or [])) if kind == "dataset" and data.get("in_series") else []
    found = []
    for section in sections:
        fields = [
            {**field, "lender": inheritance.lender(field, data, series)} if series else field
            for field in map(_carried_if_hidden, schema[f"{kind}_fields"])
            if _section_of(field, known, sections[0]["id"]) == section["id"]
        ]
        faulty = any(field["field_name"] in (errors or {}) for field in fields)
        is_open = section.get("open") or faulty
        filled = sum(ecosphere_is_filled(data.get(field["field_name"])) for field in fields)
        found.append(
            {
                **section,
                "fields": fields,
                "filled": filled,
                "faulty": faulty,
                "open": is_open,
                "late": kind == "dataset" and not (is_open or ecosphere_whole_form(section["id"])),
            }
        )
    return found


def ecosphere_missing_fields(fields: Iterable[Field], errors: Mapping[str, Any]) -> list[Field]:
    """Return the fields whose only error is that publishing requires them."""
    return [field for field in fields if errors.get(field["field_name"]) == [publication.needed()]]


def ecosphere_form_data(schema: Mapping[str, Any], data: Mapping[str, Any], form_style: str) -> Mapping[str, Any]:
    """Return the initial values of the dataset form; a new dataset gets the defaults of the schema.

    The contact is filled in from the contact sheet of the chosen service, or of the user's only service. Values of the
    query string (``?dcat_type=series``) take precedence; a form that is shown again with errors stays as submitted.
    """
    if form_style == "edit" or "save" in data:
        return data
    defaults = {
        field["field_name"]: field["form_default"] for field in schema["dataset_fields"] if "form_default" in field
    }
    services = tk.h.organizations_available("create_dataset")
    chosen = data.get("owner_org") or data.get("group_id") or (services[0]["id"] if len(services) == 1 else None)
    if chosen and (sheet := sheets.as_contact(str(chosen))):
        defaults |= {f["field_name"]: [sheet] for f in schema["dataset_fields"] if f.get("from_contact_sheet")}
    return {**defaults, **data}


def _carried_if_hidden(field: Field) -> Field:
    return {**field, "form_snippet": CARRIED} if field.get("form_snippet", "") is None else field


def _section_of(field: Field, known: set[str], fallback: str) -> str:
    section = field.get("form_section", fallback)
    return section if section in known else fallback


def ecosphere_is_in_form(field: Field, values: Mapping[str, Any]) -> bool:
    """Return whether the form shows a field, given the other values of the dataset or resource."""
    if field.get("form_snippet", "") is None:
        return False
    applies = conditions.is_relevant(field, lambda name: ecosphere_texts(values.get(name)))
    return applies or ecosphere_is_filled(values.get(field["field_name"]))


def ecosphere_taken_from_series(dataset: Mapping[str, Any], series: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the values that a dataset inherits from its series, as {field: value}.

    Args:
        dataset: the dataset, from `package_show`.
        series: its series; the first one with a value for a field lends it.
    """
    schema = tk.h.scheming_get_dataset_schema(dataset.get("type") or "dataset") or {"dataset_fields": ()}
    lenders = list(series)
    return {
        field["field_name"]: lender[field["field_name"]]
        for field in schema["dataset_fields"]
        if (lender := inheritance.lender(field, dataset, lenders))
    }


def ecosphere_shown_sections(schema: Mapping[str, Any], dataset: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the sections of the dataset page that have something to show, with their filled fields only.

    ``lender`` of a field is the series that its value is inherited from, if any.
    """
    lenders = relations.find(as_list(dataset.get("in_series") or []))
    shown = []
    for section in ecosphere_form_sections(schema, {}, {}):
        fields = [
            {**field, "lender": lender}
            for field in section["fields"]
            if field.get("display_snippet", "") is not None
            and field["field_name"] not in ("title", "name", "notes", "tag_string", "owner_org")
            and (section["id"] != LANGUAGES or ecosphere_in_languages(field, dataset))
            and (
                (lender := inheritance.lender(field, dataset, lenders))
                or ecosphere_is_filled(dataset.get(field["field_name"]))
            )
        ]
        if fields:
            shown.append({**section, "fields": fields})
    return shown


def ecosphere_relations(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """Return the related datasets: series, members, services and served datasets.

    Returns:
        ``kind`` (dataset, series, service or code), ``series`` and ``served`` (lists of datasets), ``members`` (only
        of a series) and ``services`` (of anything but a series), both with ``count`` and the first ``results``.
    """
    kinds = {relations.SERIES: "series", relations.SERVICE: "service", relations.CODE: "code"}
    kind = kinds.get(dataset.get("dcat_type") or "", "dataset")
    nothing = {"count": 0, "results": []}
    return {
        "kind": kind,
        "series": relations.find(as_list(dataset.get("in_series") or [])),
        "served": relations.find(as_list(dataset.get("serves_dataset") or [])),
        "members": relations.referring(dataset, relations.SERIES_FIELD) if kind == "series" else nothing,
        "services": relations.referring(dataset, relations.SERVES_FIELD) if kind != "series" else nothing,
    }


def ecosphere_referred(value: Any) -> list[dict[str, str]]:
    """Return references to datasets for display: ``title`` and, for datasets of this portal, ``name``."""
    references = [str(reference) for reference in as_list(value or [])]
    found = relations.find(references)
    known = {name: dataset for dataset in found for name in relations.own_references(dataset)}
    return [
        {"title": tk.h.dataset_display_name(known[reference]), "name": known[reference]["name"]}
        if reference in known
        else {"title": reference, "name": ""}
        for reference in references
    ]


def ecosphere_obligation_label(field: Field) -> str:
    """Return the obligation of a field in the language of the page; empty for an optional one."""
    return {
        "mandatory": tk._("expected"),
        "conditional": tk._("expected in some cases"),
        "recommended": tk._("recommended"),
    }.get(field.get("obligation", ""), "")


def ecosphere_when(field: Field, row: str = "", siblings: Iterable[Field] = ()) -> str:
    """Return the conditions under which a field applies, as JSON for the form's script; empty if it always does.

    Args:
        field: the field or subfield.
        row: for a subfield, the prefix of the input names of its row (``contact__0``).
        siblings: for a subfield, all subfields of the row.
    """
    names = {each["field_name"] for each in siblings}
    found = [
        {**condition, "field": f"{row}__{condition['field']}" if condition["field"] in names else condition["field"]}
        for condition in field.get("relevant_when") or ()
    ]
    return json.dumps(found) if found else ""


def ecosphere_input_name(field: Field) -> str:
    """Return the name of a field's input: its own, or its path inside a repeated group."""
    return field.get("input_name") or field["field_name"]


def ecosphere_own_services() -> list[dict[str, Any]]:
    """Return the first few services for which the current user may create datasets."""
    return tk.h.organizations_available("create_dataset")[:MOST_SERVICES]


def ecosphere_carried_inputs(name: str, value: Any, subfields: Iterable[Field] = ()) -> list[tuple[str, str]]:
    """Return the (name, value) pairs of the hidden inputs that keep ``value``, possibly nested, in a form.

    Names use the notations of CKAN, ``contact__0__name``, and of ckanext-fluent, ``title_translated-en``.

    Args:
        name: name of the input.
        value: value of the field.
        subfields: of a repeated group. CKAN refuses a row that has nothing but rows: it gets an empty subfield.
    """
    if isinstance(value, Mapping):
        # Subfields if the name ends with the number of a row, else languages of a text.
        sign = "__" if name.rpartition("__")[2].isdigit() else "-"
        parts = [pair for key, part in value.items() for pair in ecosphere_carried_inputs(f"{name}{sign}{key}", part)]
        own = [pair for pair in parts if pair[0].rpartition(sign)[0] == name]
        plain = [each["field_name"] for each in subfields if "repeating_subfields" not in each]
        return [(f"{name}__{plain[0]}", ""), *parts] if parts and plain and not own else parts
    if isinstance(value, (list, tuple)):
        groups = any(isinstance(part, Mapping) for part in value)
        return [
            pair
            for index, part in enumerate(value)
            for pair in ecosphere_carried_inputs(f"{name}__{index}" if groups else name, part, subfields)
        ]
    return [(name, str(value))] if ecosphere_is_filled(value) else []


def ecosphere_late_inputs(fields: Iterable[Field], values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the (name, value) pairs of the hidden inputs that keep the values of a section without its fields."""
    pairs: list[tuple[str, str]] = []
    for field in fields:
        name = field["field_name"]
        if name == "spatial":
            pairs += ecosphere_carried_inputs(name, ecosphere_own_footprint(values))
        elif name.endswith(languages.SUFFIX):
            texts = ecosphere_language_inputs(field, values)
            pairs += [(text["name"], str(text["value"])) for text in texts if text["value"]]
        else:
            pairs += ecosphere_carried_inputs(name, values.get(name), field.get("repeating_subfields", ()))
    return pairs


def ecosphere_in_languages(field: Field, values: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the translations of a text other than the one shown on the page.

    Args:
        field: a field whose name ends with ``_translated``.
        values: the dataset or resource.

    Returns:
        dicts with ``tag``, ``name`` (of the language) and ``text``.
    """
    texts = values.get(field["field_name"])
    if not isinstance(texts, Mapping):
        return []
    spoken = wording.page_language()
    shown = tk.h.get_translated(values, field["field_name"].removesuffix(languages.SUFFIX))
    return [
        {"tag": tag, "name": languages.name(tag, spoken), "text": text} for tag, text in texts.items() if text != shown
    ]


def ecosphere_language_inputs(field: Field, values: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the inputs of a multilingual text: English and all existing languages except French.

    Args:
        field: a field whose name ends with ``_translated``.
        values: the values of the form: a dataset, or submitted data.

    Returns:
        dicts with ``name``, ``tag``, ``label`` and ``value``.
    """
    name = field["field_name"]
    held = values.get(name)
    sent = {key.removeprefix(f"{name}-"): text for key, text in values.items() if key.startswith(f"{name}-")}
    texts = {languages.ENGLISH: "", **(held if isinstance(held, Mapping) else {}), **sent}
    return [
        {
            "name": f"{ecosphere_input_name(field)}-{tag}",
            "tag": tag,
            "label": languages.name(tag, wording.page_language()),
            "value": text,
        }
        for tag, text in texts.items()
        if tag != languages.FRENCH
    ]


def ecosphere_own_footprint(dataset: Mapping[str, Any]) -> str:
    """Return the ``spatial`` of a dataset unless it is derived from its other fields."""
    given = dataset.get("spatial") or ""
    derived = spatial.footprint(dataset)
    return "" if derived and json.dumps(derived) == given else str(given)


def ecosphere_texts(value: Any) -> list[str]:
    """Return the non-empty values of a multiple field as strings."""
    return [str(part) for part in as_list(value) if part not in (None, "")] if value else []


def get_helpers() -> dict[str, Any]:
    """Return the helpers of this module and of `wording.py` by name, for CKAN."""
    found = {**vars(wording), **globals()}
    return {name: function for name, function in found.items() if name.startswith("ecosphere_") and callable(function)}
