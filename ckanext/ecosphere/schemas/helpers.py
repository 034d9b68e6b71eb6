"""Template helpers of the dataset form and page: values, sections, hidden inputs, relations.

Those of `form`, `page`, `wording` and `logic.locked_fields` are in these modules.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.common import _
from ckan.types import DataDict
from jinja2 import Undefined

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.contact import sheets
from ckanext.ecosphere.dataset.view import Row, as_list
from ckanext.ecosphere.schemas import form, page, places, relations, stored, urls, wording
from ckanext.ecosphere.schemas.adopting import (  # noqa: F401 - for the templates
    ecosphere_core_inputs,
    ecosphere_core_people,
)
from ckanext.ecosphere.schemas.importing import services
from ckanext.ecosphere.schemas.logic import locked_fields, publication
from ckanext.ecosphere.schemas.logic.bulk import (  # noqa: F401 - for the templates
    ecosphere_bulk_filters,
)
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.vocabularies import languages

Field = Row

MOST_SERVICES = 5
"""Services of the user that the form offers."""
LANGUAGES = "languages"
"""Form section of the texts in other languages."""
SHOWN_ABOVE = ("title", "name", "notes", "tag_string", "owner_org")
"""Fields that the dataset page shows above its sections."""

#: Helpers defined in other modules.
ecosphere_service_kinds = services.kinds
ecosphere_taken_from_series = stored.taken_from_series


# --- values ---


def ecosphere_concept_label(vocabulary: str, value: str) -> str:
    """Return the label of a concept in the language of the page, or ``value`` when it is unknown.

    A withdrawn concept is marked as such.
    """
    concept = voc.get(vocabulary).get(value) if isinstance(value, str) else None
    label = str(value)
    if vocabulary == "territories":
        label = places.label(label, language.current())
    elif concept:
        label = concept.label(language.current())
    if concept and concept.data.get("withdrawn"):
        return _("{label} (withdrawn)").format(label=label)
    return label


def ecosphere_concept_items(field: Field, value: Any) -> list[dict[str, str]]:
    """Return the concepts of a field for display: ``label`` and ``href``.

    Only a web address that is not a concept has a ``href``.
    """
    vocabulary = voc.get(field["vocabulary"])
    items = []
    for part in map(str, as_list(value)):
        href = ""
        label = ecosphere_concept_label(field["vocabulary"], part)
        if vocabulary.get(part) is None and urls.is_web_address(label):
            href = label
        items.append({"label": label, "href": href})
    return items


def ecosphere_is_web_address(value: Any) -> bool:
    """Return whether ``value`` may be shown as a link (http, https, ftp, ftps)."""
    return isinstance(value, str) and urls.is_web_address(value, urls.WEB_AND_FTP)


def ecosphere_is_filled(value: Any) -> bool:
    """Return whether a value, possibly nested, has anything to show."""
    return not isinstance(value, Undefined) and stored.is_filled(value)


def ecosphere_texts(value: Any) -> list[str]:
    """Return the non-empty values of a multiple field as strings."""
    if not value:
        return []
    return [str(part) for part in as_list(value) if part not in (None, "")]


# --- the form ---


def ecosphere_form_data(schema: Row, data: Row, form_style: str) -> Row:
    """Return the initial values of the dataset form.

    A new dataset gets the defaults of the schema, and as its contact the contact sheet of the
    chosen service, or of the user's only service. Values of the query string
    (``?dcat_type=series``) take precedence. A form that is shown again with errors stays as
    submitted.
    """
    if form_style == "edit" or "save" in data:
        return data
    services = tk.h.organizations_available("create_dataset")
    service = data.get("owner_org") or data.get("group_id")
    if not service and len(services) == 1:
        service = services[0]["id"]
    sheet = sheets.as_contact(str(service)) if service else None
    defaults: DataDict = {}
    for field in schema["dataset_fields"]:
        if sheet and field.get("from_contact_sheet"):
            defaults[field["field_name"]] = [sheet]
        elif "form_default" in field:
            defaults[field["field_name"]] = field["form_default"]
    return {**defaults, **data}


def ecosphere_form_sections(
    schema: Row, data: Row, errors: Any, kind: str = "dataset"
) -> list[DataDict]:
    """Return the sections of the form of a dataset, or of a resource when ``kind`` is "resource".

    Fields without a section are in the first one. A field hidden by the administrator becomes a
    hidden input: the form replaces the whole dataset and would otherwise empty the field.

    Returns:
        dicts with ``id``, ``label``, ``description``, ``fields``, ``filled`` (number of filled
        fields), ``faulty`` (whether a field has an error), ``open``, and ``late`` (whether the page
        leaves out the fields, which the form's script then fetches). A field has a ``lender`` if
        its value is inherited.
    """
    is_dataset = kind == "dataset"
    series = []
    if is_dataset and data.get("in_series"):
        series = relations.find(as_list(data["in_series"]))
    sections = []
    for section, fields_of_section in _by_section(schema, kind):
        fields = []
        for field in map(dict, fields_of_section):
            if _is_hidden(field):
                field["form_snippet"] = locked_fields.CARRIED
            if series:
                field["lender"] = stored.lender(field, data, series)
            fields.append(field)
        names = [field["field_name"] for field in fields]
        faulty = any(name in (errors or {}) for name in names)
        is_open = section.get("open") or faulty
        sections.append(
            {
                **section,
                "fields": fields,
                "filled": sum(ecosphere_is_filled(data.get(name)) for name in names),
                "faulty": faulty,
                "open": is_open,
                "late": is_dataset and not (is_open or form.ecosphere_whole_form(section["id"])),
            }
        )
    return sections


def _by_section(schema: Row, kind: str) -> list[tuple[DataDict, list[Field]]]:
    """Return each section with its fields; those without a section are in the first one."""
    name = "form_sections" if kind == "dataset" else "resource_form_sections"
    declared = schema.get(name) or [{"id": "", "open": True, "label": "", "description": ""}]
    first = declared[0]["id"]
    by_section: dict[str, list[Field]] = {section["id"]: [] for section in declared}
    for field in schema[f"{kind}_fields"]:
        by_section.get(field.get("form_section", first), by_section[first]).append(field)
    return [(section, by_section[section["id"]]) for section in declared]


def _is_hidden(field: Field) -> bool:
    """Return whether the administrator has hidden a field in the form."""
    return field.get("form_snippet", "") is None


def ecosphere_is_in_form(field: Field, values: Row) -> bool:
    """Return whether the form shows a field, given the other values of the dataset or resource."""
    if _is_hidden(field):
        return False
    applies = form.is_relevant(field, lambda name: ecosphere_texts(values.get(name)))
    return applies or ecosphere_is_filled(values.get(field["field_name"]))


def ecosphere_missing_fields(fields: Iterable[Field], errors: Row) -> list[Field]:
    """Return the fields whose only error is that publishing requires them."""
    return [
        field
        for field in fields
        if errors.get(field["field_name"]) == [publication.missing_message()]
    ]


def ecosphere_obligation_label(field: Field) -> str:
    """Return the obligation of a field in the language of the page; empty for an optional one."""
    return {
        "mandatory": _("expected"),
        "conditional": _("expected in some cases"),
        "recommended": _("recommended"),
    }.get(field.get("obligation", ""), "")


def ecosphere_when(field: Field, row: str = "", siblings: Iterable[Field] = ()) -> str:
    """Return the conditions under which a field applies, as JSON for the form's script.

    Empty if it always does.

    Args:
        field: the field or subfield.
        row: for a subfield, the prefix of the input names of its row (``contact__0``).
        siblings: for a subfield, all subfields of the row.
    """
    names = {sibling["field_name"] for sibling in siblings}
    conditions_of_form = []
    for condition in field.get("relevant_when") or ():
        other = condition["field"]
        if other in names:
            other = f"{row}__{other}"
        conditions_of_form.append({**condition, "field": other})
    if not conditions_of_form:
        return ""
    return json.dumps(conditions_of_form)


def ecosphere_input_name(field: Field) -> str:
    """Return the name of a field's input: its own, or its path inside a repeated group."""
    return field.get("input_name") or field["field_name"]


def ecosphere_language_inputs(field: Field, values: Row) -> list[dict[str, str]]:
    """Return the inputs of a text's translations: English, and the other languages that it has.

    French is the language of the field itself.

    Args:
        field: a field whose name ends with ``_translated``.
        values: the values of the form: a dataset, or submitted data.

    Returns:
        dicts with ``name``, ``tag``, ``label`` and ``value``.
    """
    name = field["field_name"]
    texts = {languages.ENGLISH: ""}
    if isinstance(values.get(name), Mapping):
        texts |= values[name]
    for key, text in values.items():
        if key.startswith(f"{name}-"):
            texts[key.removeprefix(f"{name}-")] = text
    texts.pop(languages.FRENCH, None)
    inputs = []
    for tag, text in texts.items():
        inputs.append(
            {
                "name": f"{ecosphere_input_name(field)}-{tag}",
                "tag": tag,
                "label": languages.name(tag, language.current()),
                "value": text,
            }
        )
    return inputs


def ecosphere_own_services() -> list[DataDict]:
    """Return the first few services for which the current user may create datasets."""
    return tk.h.organizations_available("create_dataset")[:MOST_SERVICES]


def ecosphere_unfinished() -> list[DataDict]:
    """Return the unfinished descriptions of the current user."""
    try:
        return tk.get_action("ecosphere_dataset_unfinished")({}, {})
    except tk.NotAuthorized:
        return []


# --- hidden inputs of the form ---


def ecosphere_late_inputs(fields: Iterable[Field], values: Row) -> list[tuple[str, str]]:
    """Return the hidden inputs that keep the values of a section whose fields are left out."""
    pairs: list[tuple[str, str]] = []
    for field in fields:
        name = field["field_name"]
        if name == "spatial":
            pairs += ecosphere_carried_inputs(name, ecosphere_own_footprint(values))
        elif name.endswith(languages.SUFFIX):
            texts = ecosphere_language_inputs(field, values)
            pairs += [(text["name"], str(text["value"])) for text in texts if text["value"]]
        else:
            pairs += ecosphere_carried_inputs(
                name, values.get(name), field.get("repeating_subfields", ())
            )
    return pairs


def ecosphere_carried_inputs(
    name: str, value: Any, subfields: Iterable[Field] = ()
) -> list[tuple[str, str]]:
    """Return the (name, value) pairs of the hidden inputs that keep a value, possibly nested.

    Names use the notations of CKAN, ``contact__0__name``, and of ckanext-fluent, ``<field>-en``.

    Args:
        name: name of the input.
        value: value of the field.
        subfields: of a repeated group. CKAN refuses a row that has nothing but nested rows: such a
            row gets an empty subfield.
    """
    inputs: list[tuple[str, str]] = []
    if isinstance(value, Mapping):
        # Subfields if the name ends with the number of a row, else languages of a text.
        separator = "__" if name.rpartition("__")[2].isdigit() else "-"
        for key, part in value.items():
            inputs += ecosphere_carried_inputs(f"{name}{separator}{key}", part)
        plain = [part["field_name"] for part in subfields if "repeating_subfields" not in part]
        has_own = any(input_name.rpartition(separator)[0] == name for input_name, _value in inputs)
        if inputs and plain and not has_own:
            inputs.insert(0, (f"{name}__{plain[0]}", ""))
    elif isinstance(value, (list, tuple)):
        is_group = any(isinstance(part, Mapping) for part in value)
        for number, part in enumerate(value):
            part_name = f"{name}__{number}" if is_group else name
            inputs += ecosphere_carried_inputs(part_name, part, subfields)
    elif ecosphere_is_filled(value):
        inputs.append((name, str(value)))
    return inputs


def ecosphere_own_footprint(dataset: Row) -> str:
    """Return the ``spatial`` of a dataset unless it is derived from its other fields."""
    if places.is_derived(dataset):
        return ""
    return str(dataset.get("spatial") or "")


# --- the page ---


def ecosphere_shown_sections(schema: Row, dataset: Row) -> list[DataDict]:
    """Return the sections of the dataset page that have filled fields, with only these fields.

    ``lender`` of a field is the series that its value is inherited from, None if it has its own.
    """
    lenders = relations.find(as_list(dataset.get("in_series") or []))
    sections = []
    for section, fields_of_section in _by_section(schema, "dataset"):
        fields = []
        for field in fields_of_section:
            name = field["field_name"]
            if field.get("display_snippet", "") is None or name in SHOWN_ABOVE:
                continue
            if section["id"] == LANGUAGES and not ecosphere_in_languages(field, dataset):
                continue
            lender = stored.lender(field, dataset, lenders)
            if lender or ecosphere_is_filled(dataset.get(name)):
                fields.append({**field, "lender": lender})
        if fields:
            sections.append({**section, "fields": fields})
    return sections


def ecosphere_in_languages(field: Field, values: Row) -> list[dict[str, str]]:
    """Return the translations of a text except the one that the page shows.

    Args:
        field: a field whose name ends with ``_translated``.
        values: the dataset or resource.

    Returns:
        dicts with ``tag``, ``name`` (of the language) and ``text``.
    """
    texts = values.get(field["field_name"])
    if not isinstance(texts, Mapping):
        return []
    language_of_page = language.current()
    text_of_page = tk.h.get_translated(values, field["field_name"].removesuffix(languages.SUFFIX))
    return [
        {"tag": tag, "name": languages.name(tag, language_of_page), "text": text}
        for tag, text in texts.items()
        if text != text_of_page
    ]


def ecosphere_relations(dataset: Row) -> DataDict:
    """Return the related datasets: series, members, services and served datasets.

    Returns:
        ``kind`` (dataset, series, service or code), ``series`` and ``served`` (lists of datasets),
        ``members`` (only of a series) and ``services`` (of anything but a series), both with
        ``count`` and the first ``results``.
    """
    kinds = {relations.SERIES: "series", relations.SERVICE: "service", relations.CODE: "code"}
    kind = kinds.get(dataset.get("dcat_type") or "", "dataset")
    members = services = {"count": 0, "results": []}
    if kind == "series":
        members = relations.referring(dataset, relations.SERIES_FIELD)
    else:
        services = relations.referring(dataset, relations.SERVES_FIELD)
    return {
        "kind": kind,
        "series": relations.find(as_list(dataset.get("in_series") or [])),
        "served": relations.served(dataset),
        "members": members,
        "services": services,
    }


def ecosphere_referred(value: Any) -> list[dict[str, str]]:
    """Return references to datasets for display: ``title``, and ``name`` of those of the portal."""
    references = [str(reference) for reference in as_list(value or [])]
    titles: dict[str, dict[str, str]] = {}
    for dataset in relations.find(references):
        title = {"title": tk.h.dataset_display_name(dataset), "name": dataset["name"]}
        titles |= dict.fromkeys(relations.own_references(dataset), title)
    return [titles.get(reference) or {"title": reference, "name": ""} for reference in references]


# --- all helpers ---


def get_helpers() -> DataDict:
    """Return the helpers of this module and of the other ones, by name, for CKAN."""
    variables = {**vars(form), **vars(locked_fields), **vars(page), **vars(wording), **globals()}
    return {
        name: value
        for name, value in variables.items()
        if name.startswith("ecosphere_") and callable(value)
    }
