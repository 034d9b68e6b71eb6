"""Rules for datasets saved by users; harvests are exempt, since records are often incomplete or contradictory.

A private dataset is a draft and may be incomplete; a public one must have its mandatory fields, and a licence if the
data are public. Contradictions are refused in both cases. Existing faults do not block unrelated changes: a rule
applies only if this save causes the fault, by publishing or by changing one of the fields concerned.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.dates import span
from ckanext.ecosphere.schemas.fields import conditions, rows, spatial
from ckanext.ecosphere.schemas.fields.stored import Stored
from ckanext.ecosphere.schemas.fields.values import as_list, as_object
from ckanext.ecosphere.schemas.logic import grace
from ckanext.ecosphere.schemas.rdf import relations
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.vocabularies.languages import SUFFIX

FlatData = dict[tuple[Any, ...], Any]
Errors = dict[tuple[Any, ...], list[str]]
Field = Mapping[str, Any]


def no_series(name: str) -> str:
    """Return the error for a name that no series has."""
    text = tk._("No series of the portal is called “{name}”: write the name or the identifier of one.")
    return text.format(name=name)


#: Pairs of dates, the first of which cannot be later than the second.
ORDERED_DATES = (("created", "issued"), ("created", "modified"), ("issued", "modified"), ("modified", "next_update"))


def check(data: FlatData, errors: Errors, context: Any, schema: Mapping[str, Any]) -> None:
    """Apply the rules to a flattened dataset saved by a user.

    Args:
        data: the flattened dataset, as in CKAN's validation.
        errors: collects errors by key of ``data``.
        context: ``ignore_auth`` (harvest, background jobs, commands) disables the rules.
        schema: the expanded dataset schema.
    """
    if context.get("ignore_auth"):
        return
    now = Dataset(data)
    before = Stored(context.get("package"))
    public = not _is_private(data, before)
    _check_relevance(schema["dataset_fields"], now, before, errors)
    if public:
        _check_needed(schema["dataset_fields"], now, before, errors)
    _check_rows(schema["dataset_fields"], now, before, errors, public)
    _check_resources(schema.get("resource_fields", ()), now, before, errors)
    _check_series(now, before, errors, context)
    for fields, rule in RULES:
        if (public and before.private) or any(_changed(name, now, before) for name in fields):
            rule(now, errors, public)


def _check_series(now: Dataset, before: Stored, errors: Errors, context: Any) -> None:
    """Refuse names of series that this save adds and that no series of the portal has."""
    known = set(before.texts("in_series"))
    for name in relations.unknown_series((each for each in now.texts("in_series") if each not in known), context):
        add(errors, ("in_series",), no_series(name))


class Dataset:
    """Reader of a flattened dataset by field name."""

    def __init__(self, data: FlatData) -> None:
        self.data = data

    def texts(self, name: str) -> list[str]:
        """Return the values of a field; for a group, those of all its rows."""
        if name == "tag_string":
            return [str(value) for key, value in self.data.items() if key[0] == "tags" and key[-1] == "name"]
        single = self.data.get((name,))
        if name.endswith(SUFFIX) and isinstance(translations := as_object(single), dict):
            return [str(text) for text in translations.values()]
        if isinstance(single, (str, list)) and single:
            return [str(part) for part in as_list(single) if part not in (None, "")]
        rows = (value for key, value in self.data.items() if len(key) > 1 and key[0] == name)
        return [str(value) for value in rows if isinstance(value, (str, int, float)) and value != ""]

    def rows(self, name: str, subfield: str) -> Iterable[tuple[tuple[Any, ...], str]]:
        """Yield the key and value of a subfield in each row of a group."""
        for key, value in list(self.data.items()):
            if len(key) == 3 and key[0] == name and key[2] == subfield and value:  # noqa: PLR2004 - name, row, subfield
                yield key, str(value)

    def resource(self, number: int) -> conditions.Read:
        """Return a reader of the fields of a resource."""

        def read(name: str) -> list[str]:
            value = self.data.get(("resources", number, name))
            return [str(part) for part in as_list(value) if part not in (None, "")] if value else []

        return read


def _changed(name: str, now: Dataset, before: Stored) -> bool:
    return not before.exists or sorted(now.texts(name)) != sorted(before.texts(name))


def _is_private(data: FlatData, before: Stored) -> bool:
    given = data.get(("private",))
    return before.private if given is None or not isinstance(given, (bool, str)) else tk.asbool(given or False)


def label_of(field: Field) -> str:
    """Return the label of a field in the user's language."""
    label = field["label"]
    return label.get(language.current()[:2], label["en"]) if isinstance(label, Mapping) else str(label)


def add(errors: Errors, key: tuple[Any, ...], message: str) -> None:
    """Add a message once; for a group whose rows have errors, at the first of these, as CKAN cannot report both."""
    if len(key) == 1:
        key = next((deep for deep in errors if deep[0] == key[0] and len(deep) > 1), key)
    found = errors.setdefault(key, [])
    if message not in found:
        found.append(message)


def needed() -> str:
    """Return the error message of a field missing for publishing, by which the form lists these fields."""
    return tk._("Needed to publish: fill it in")


def _check_needed(fields: Iterable[Field], now: Dataset, before: Stored, errors: Errors) -> None:
    inherited = before.series_fields(now.texts("in_series"), fields, now.texts("owner_org"))
    was_public = before.exists and not before.private
    missing: list[Field] = []
    for field in fields:
        name = field["field_name"]
        if name == "name" or not conditions.is_required(field, now.texts) or now.texts(name) or name in inherited:
            continue
        was_needed = was_public and conditions.is_required(field, before.texts) and not before.texts(name)
        if not was_needed and not any(errors.get(key) for key in list(errors) if key[0] == name):
            missing.append(field)
    if missing and grace.runs():
        never_filled = [field for field in missing if not before.texts(field["field_name"])]
        labels = [(field["field_name"], label_of(field)) for field in never_filled]
        grace.warn(next(iter(now.texts("name")), ""), labels)
        missing = [field for field in missing if field not in never_filled]
    for field in missing:
        add(errors, (field["field_name"],), needed())


def _check_relevance(fields: Iterable[Field], now: Dataset, before: Stored, errors: Errors) -> None:
    by_name = {field["field_name"]: field for field in fields}
    for field in fields:
        name = field["field_name"]
        harmless = set(field.get("relevant_except") or ())
        values = [value for value in now.texts(name) if value.rsplit("/", 1)[-1] not in harmless]
        because = conditions.reason(field, now.texts) if values else None
        if because is None or not (_changed(name, now, before) or _changed(because["field"], now, before)):
            continue
        add(errors, (name,), _apart(label_of(by_name[because["field"]])))


def _apart(other: str) -> str:
    message = tk._("This field does not go with what “{field}” says: empty it, or change “{field}”")
    return message.format(field=other)


def _needed_beside() -> str:
    return tk._("Needed beside what the other fields say: fill it in")


def _check_rows(fields: Iterable[Field], now: Dataset, before: Stored, errors: Errors, public: bool) -> None:
    known = {field["field_name"]: field for field in fields}
    for key, kind, other in rows.faults(fields, now.data, now.texts, before, public):
        near = {each["field_name"]: each for each in known[key[0]]["repeating_subfields"]}
        add(errors, key, _apart(label_of((known | near)[other])) if kind == "apart" else _needed_beside())


def _check_resources(fields: Iterable[Field], now: Dataset, before: Stored, errors: Errors) -> None:
    numbers = {key[1] for key in now.data if len(key) == 3 and key[0] == "resources"}  # noqa: PLR2004
    for number in numbers:
        read = now.resource(number)
        old = before.resource(str(now.data.get(("resources", number, "id")) or ""))
        for field in fields:
            name = field["field_name"]
            if not field.get("required_when") or read(name) or not conditions.is_required(field, read):
                continue
            if old is None or any(old(c["field"]) != read(c["field"]) for c in field["required_when"]):
                add(errors, ("resources", number, name), _needed_beside())


def _check_dates(now: Dataset, errors: Errors, _public: bool) -> None:
    for first, second in ORDERED_DATES:
        try:
            earlier, later = (span(now.texts(name)[0]) for name in (first, second))
        except (IndexError, ValueError):
            continue
        if later[1] < earlier[0]:
            fields = tk.h.scheming_get_dataset_schema("dataset")["dataset_fields"]
            label = label_of(tk.h.scheming_field_by_name(fields, first))
            add(errors, (second,), tk._("This date comes before “{field}”: correct one of the two").format(field=label))


def _check_access(now: Dataset, errors: Errors, public: bool) -> None:
    """Check the licence against the access right (L311-5 and L311-6 CRPA, INSPIRE art. 13)."""
    access = [value.rsplit("/", 1)[-1] for value in now.texts("access_rights")]
    licence = voc.get("licences").get(next(iter(now.texts("license_id")), ""))
    if not access:
        return
    if licence is None or licence.id == "notspecified":
        if public and access == ["PUBLIC"] and not errors.get(("license_id",)) and not grace.runs():
            add(errors, ("license_id",), tk._("Data that everyone may get need a licence: choose one"))
        return
    if access[0] in ("NON_PUBLIC", "SENSITIVE", "CONFIDENTIAL") and licence.data["open"]:
        message = tk._("An open licence does not go with data that are not public: choose another licence or access")
        add(errors, ("license_id",), message)


def _check_grounds(now: Dataset, errors: Errors, _public: bool) -> None:
    access = [value.rsplit("/", 1)[-1] for value in now.texts("access_rights")]
    if access in ([], ["PUBLIC"]):
        return
    grounds = [voc.get("access-limitation").get(value) for value in now.texts("access_limitation")]
    if grounds and not any(ground is None or ground.data["restricts"] for ground in grounds):
        message = tk._("Access is limited: give the legal ground; “no limitation” is not one")
        add(errors, ("access_limitation",), message)


def _check_place(now: Dataset, errors: Errors, _public: bool) -> None:
    """Refuse a box entirely outside all territories, mostly due to sides in the wrong order."""
    places = [place for uri in now.texts("territory") if (place := voc.get("territories").get(uri))]
    if not places or len(places) < len(now.texts("territory")):
        return
    for key, text in now.rows("spatial_coverage", "bbox"):
        try:
            box = spatial.geometry_to_box(json.loads(text))
        except (spatial.GeometryError, ValueError, KeyError):
            continue
        if not any(spatial.boxes_meet(box, place.data["bbox"]) for place in places):
            message = tk._("This box lies outside of the territories chosen ({places}): correct one of the two")
            add(errors, key, message.format(places=", ".join(place.label(language.current()) for place in places)))


RULES = (
    (("created", "issued", "modified", "next_update"), _check_dates),
    (("access_rights", "license_id"), _check_access),
    (("access_rights", "access_limitation"), _check_grounds),
    (("territory", "spatial_coverage"), _check_place),
)
