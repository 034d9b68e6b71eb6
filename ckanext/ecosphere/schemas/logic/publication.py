"""Rules across the fields of a dataset, and rules for publishing it.

They run after the validators of single fields, before ckanext-scheming stores them. At that stage
the dataset is flattened: ``("temporal_coverage", 0, "end")`` is a key, and fields that are not
columns of the package table have already been copied to ``("extras", n, ...)``.

A private dataset is a draft and may be incomplete. A public one must have its mandatory fields, and
a licence if everyone may get the data; during a period of grace, fields that were never filled in
only cause a warning. Contradictions are refused in both cases. Existing faults do not block
unrelated changes: a rule applies only if this save causes the fault, by publishing or by changing
one of the fields concerned. Harvests, whose records are often incomplete or contradictory, are
exempt from all but the rules of every save.

People who have just published a dataset are told where it is seen.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model
from ckan.common import _
from flask import after_this_request, g, has_request_context, request
from markupsafe import Markup

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import geometry
from ckanext.ecosphere.dataset.dates import days_of
from ckanext.ecosphere.dataset.view import Row, View, as_list, flat_rows
from ckanext.ecosphere.interfaces import Check, CheckStatus
from ckanext.ecosphere.schemas import adopting, config, form, places, relations
from ckanext.ecosphere.schemas.logic import locked_fields
from ckanext.ecosphere.schemas.logic.validators import Errors, FlatData, add_error
from ckanext.ecosphere.schemas.stored import Stored, inherited_fields, is_public
from ckanext.ecosphere.shared import dates, language

log = logging.getLogger(__name__)

Field = Row

#: Pairs of dates, the first of which cannot be later than the second.
ORDERED_DATES = (
    ("created", "issued"),
    ("created", "modified"),
    ("issued", "modified"),
    ("modified", "next_update"),
)
#: Lists of CKAN, which are no groups of the schema.
CORE_LISTS = (
    "resources",
    "tags",
    "groups",
    "extras",
    "relationships_as_subject",
    "relationships_as_object",
)
#: Access rights with which an open licence is a contradiction.
CLOSED = ("NON_PUBLIC", "SENSITIVE", "CONFIDENTIAL")
#: Length of the key of a subfield: group, number of the row, subfield.
_SUBFIELD_KEY_LENGTH = 3
#: Name in `flask.g` of the ids of the datasets that were public before a save of this request.
WERE_PUBLIC = "ecosphere_were_public"
#: Endpoints of the forms by which people publish datasets.
FORMS = ("dataset.new", "dataset.edit", "dataset_resource.new")


def ecosphere_dataset_rules(key: Any, data: FlatData, errors: Errors, context: Any) -> None:
    """Apply all rules across fields to a flattened dataset.

    Args:
        key: unused; CKAN passes it to all validators.
        data: the flattened dataset, changed in place.
        errors: collects errors by key of ``data``.
        context: context of the save; ``package`` is the stored dataset.
    """
    _note_whether_public(context.get("package"))
    adopting.keep(data, context)
    adopting.spare_unchanged(data, errors, context)
    _drop_unknown_subfields(data)
    coverage = flat_rows(data, "spatial_coverage")
    _check_periods(data, errors)
    schema = tk.h.scheming_get_dataset_schema("dataset")
    if schema:
        _hold_nested_rows(data, schema)
        _check_rules(data, errors, context, schema)
        locked_fields.check(data, errors, context, schema)
    _derive_spatial(data, coverage, errors, context)


# --- rules of every save ---


def _drop_unknown_subfields(data: FlatData) -> None:
    """Drop empty groups and undeclared subfields, which ckanext-scheming would store."""
    for key, value in list(data.items()):
        is_empty_group = value == [] and key[-1] not in CORE_LISTS
        if is_empty_group or (key[-1] in ("__extras", "__junk") and _is_in_group(key)):
            del data[key]


def _is_in_group(key: tuple[Any, ...]) -> bool:
    """Return whether a key is that of a subfield, of a dataset or of a resource."""
    inner = key[2:] if key[0] == "resources" else key
    return len(inner) >= _SUBFIELD_KEY_LENGTH and inner[0] not in ("extras", "tags", "groups")


def _hold_nested_rows(data: FlatData, schema: Any) -> None:
    """Add an empty subfield to rows that only contain nested rows.

    CKAN's output validation fails on them without it.
    """
    parents = {key[:-1] for key in data}
    nested = {key[:-3] for key in data if len(key) > _SUBFIELD_KEY_LENGTH and key[:-3]}
    for row in nested - parents:  # a key in which names of groups alternate with numbers of rows
        if row[0] == "resources":
            fields, names = schema["resource_fields"], row[2::2]
        else:
            fields, names = schema["dataset_fields"], row[::2]
        for name in names:
            field = next((field for field in fields if field["field_name"] == name), {})
            fields = field.get("repeating_subfields") or ()
        for field in fields:
            if "repeating_subfields" not in field:
                data[(*row, field["field_name"])] = ""
                break


def _check_periods(data: FlatData, errors: Errors) -> None:
    for number, period in flat_rows(data, "temporal_coverage").items():
        start, end = days_of(period.get("start")), days_of(period.get("end"))
        if start and end and end[1] < start[0]:
            key = ("temporal_coverage", number, "end")
            add_error(errors, key, _("The period ends before it starts"))


def _derive_spatial(
    data: FlatData, coverage: Mapping[int, Any], errors: Errors, context: Any
) -> None:
    """Derive ``spatial`` from the spatial coverage or territories, unless a user has set it."""
    value = data.get(("spatial",))
    if value and not _was_derived(value, context):
        return
    dataset = {
        "spatial_coverage": [coverage[number] for number in sorted(coverage)],
        "territory": as_list(data.get(("territory",)) or []),
    }
    derived = places.footprint(dataset)
    text = json.dumps(derived) if derived else None
    if text != value:
        _set_extra(data, "spatial", text, errors, context)


def _was_derived(text: str, context: Any) -> bool:
    """Return whether a footprint is the stored one and had itself been derived."""
    package = context.get("package")
    if package is None or package.extras.get("spatial") != text:
        return False
    before = {"spatial": text}
    for name in ("spatial_coverage", "territory"):
        before[name] = json.loads(package.extras.get(name) or "[]")
    return places.is_derived(before)


def _set_extra(data: FlatData, name: str, value: str | None, errors: Errors, context: Any) -> None:
    """Set a field, and its copy among the extras; None removes both."""
    keys = [key for key in data if key[0] == "extras" and key[-1] == "key" and data[key] == name]
    for key in keys:
        del data[key]
        data.pop((*key[:-1], "value"), None)
    if value is None:
        data.pop((name,), None)
        return
    data[(name,)] = value
    convert_to_extras: Any = tk.get_converter("convert_to_extras")
    convert_to_extras((name,), data, errors, context)


# --- rules of saves by users ---


def _check_rules(data: FlatData, errors: Errors, context: Any, schema: Row) -> None:
    """Apply the rules to a flattened dataset saved by a user.

    Args:
        data: the flattened dataset, as in CKAN's validation.
        errors: collects errors by key of ``data``.
        context: ``ignore_auth`` (harvest, background jobs, commands) disables the rules.
        schema: the expanded dataset schema.
    """
    if context.get("ignore_auth"):
        return
    now = View.of_flat(data)
    before = Stored(context.get("package"))
    public = not _is_private(data, before)
    fields = schema["dataset_fields"]
    _check_relevance(fields, now, before, errors)
    if public:
        _check_needed(fields, now, before, errors)
    _check_rows(fields, data, before, errors, public=public)
    _check_resources(schema.get("resource_fields", ()), data, before, errors)
    _check_series(now, before, errors, context)
    publishes = public and before.private
    for names, rule in RULES:
        if publishes or any(_changed(name, now, before) for name in names):
            rule(data, now, errors, public)


def no_series_message(name: str) -> str:
    """Return the error message for a name that no series has."""
    text = _("No series of the portal is called “{name}”: write the name or the identifier of one.")
    return text.format(name=name)


def _check_series(now: View, before: Stored, errors: Errors, context: Any) -> None:
    """Refuse names of series that this save adds and that no series of the portal has."""
    added = [name for name in now.series if name not in before.series]
    for name in relations.unknown_series(added, context):
        add_error(errors, ("in_series",), no_series_message(name))


def _changed(name: str, now: View, before: Stored) -> bool:
    """Return whether this save changes a field; the order of its values does not matter."""
    return not before.exists or sorted(now.texts(name)) != sorted(before.texts(name))


def _is_private(data: FlatData, before: Stored) -> bool:
    """Return whether the dataset will be private; without a value, it stays as it was."""
    value = data.get(("private",))
    if not isinstance(value, (bool, str)):
        return before.private
    return tk.asbool(value or False)


def label_of(field: Field) -> str:
    """Return the label of a field in the user's language."""
    label = field["label"]
    if not isinstance(label, Mapping):
        return str(label)
    return label.get(language.current()[:2], label["en"])


def missing_message() -> str:
    """Return the error message of a field that publishing requires.

    The form finds the missing fields by it.
    """
    return _("Needed to publish: fill it in")


def _check_needed(fields: Iterable[Field], now: View, before: Stored, errors: Errors) -> None:
    inherited = inherited_fields(now.series, fields, now.texts("owner_org"))
    with_errors = {key[0] for key, messages in errors.items() if messages}
    was_public = before.exists and not before.private
    missing: list[Field] = []
    for field in fields:
        name = field["field_name"]
        if name == "name" or name in inherited or name in with_errors or now.texts(name):
            continue
        if not form.is_required(field, now.texts):
            continue
        # It was missing before, which does not block unrelated changes.
        if was_public and form.is_required(field, before.texts) and not before.texts(name):
            continue
        missing.append(field)
    if missing and grace_runs():
        never_filled = [field for field in missing if not before.texts(field["field_name"])]
        labels = [(field["field_name"], label_of(field)) for field in never_filled]
        _warn_of_missing(now.text("name"), labels)
        missing = [field for field in missing if field not in never_filled]
    for field in missing:
        add_error(errors, (field["field_name"],), missing_message())


def _check_relevance(fields: Iterable[Field], now: View, before: Stored, errors: Errors) -> None:
    labels = {field["field_name"]: label_of(field) for field in fields}
    for name, _values, other in irrelevant_fields(fields, now):
        if _changed(name, now, before) or _changed(other, now, before):
            add_error(errors, (name,), _conflict_message(labels[other]))


def irrelevant_fields(fields: Iterable[Field], now: View) -> list[tuple[str, list[str], str]]:
    """Return the filled fields that do not apply: name, values, and the field that they contradict.

    Values in ``relevant_except`` of the schema, as the last segment of their URI, are harmless.
    """
    conflicts = []
    for field in fields:
        name = field["field_name"]
        harmless = field.get("relevant_except") or ()
        values = [value for value in now.texts(name) if value.rsplit("/", 1)[-1] not in harmless]
        condition = form.failed_condition(field, now.texts)
        if values and condition:
            conflicts.append((name, values, condition["field"]))
    return conflicts


def _conflict_message(label_of_other: str) -> str:
    message = _("This field does not go with what “{field}” says: empty it, or change “{field}”")
    return message.format(field=label_of_other)


def _missing_beside_message() -> str:
    return _("Needed beside what the other fields say: fill it in")


def _check_rows(
    fields: Iterable[Field], data: FlatData, before: Stored, errors: Errors, *, public: bool
) -> None:
    """Check the conditions of subfields, see `form.faults_of_rows`."""
    by_name = {field["field_name"]: field for field in fields}
    read = View.of_flat(data).texts
    for key, other in form.faults_of_rows(fields, data, read, before, public):
        if not other:
            add_error(errors, key, _missing_beside_message())
            continue
        siblings = {part["field_name"]: part for part in by_name[key[0]]["repeating_subfields"]}
        label = label_of(siblings.get(other) or by_name[other])
        add_error(errors, key, _conflict_message(label))


def _check_resources(
    fields: Iterable[Field], data: FlatData, before: Stored, errors: Errors
) -> None:
    """Check ``required_when`` in the resources whose values this save changes."""
    conditional = [field for field in fields if field.get("required_when")]
    for number, row in flat_rows(data, "resources").items():
        resource = View(row)
        stored = before.resource(str(row.get("id") or ""))
        for field in conditional:
            name = field["field_name"]
            if resource.texts(name) or not form.is_required(field, resource.texts):
                continue
            others = [condition["field"] for condition in field["required_when"]]
            if stored is None or any(
                stored.texts(other) != resource.texts(other) for other in others
            ):
                add_error(errors, ("resources", number, name), _missing_beside_message())


def _check_dates(_data: FlatData, now: View, errors: Errors, _public: bool) -> None:
    for first, second in ORDERED_DATES:
        earlier, later = days_of(now.text(first)), days_of(now.text(second))
        if earlier and later and later[1] < earlier[0]:
            fields = tk.h.scheming_get_dataset_schema("dataset")["dataset_fields"]
            label = label_of(tk.h.scheming_field_by_name(fields, first))
            message = _("This date comes before “{field}”: correct one of the two")
            add_error(errors, (second,), message.format(field=label))


def _check_access(_data: FlatData, now: View, errors: Errors, public: bool) -> None:
    """Check the licence against the access right (L311-5 and L311-6 CRPA, INSPIRE art. 13)."""
    access = now.access_right
    if not access:
        return
    licence = voc.get("licences").get(now.licence)
    if licence is None or licence.id == "notspecified":
        is_open = public and access == "PUBLIC"
        if is_open and not errors.get(("license_id",)) and not grace_runs():
            add_error(
                errors,
                ("license_id",),
                _("Data that everyone may get need a licence: choose one"),
            )
    elif access in CLOSED and licence.data["open"]:
        message = _(
            "An open licence does not go with data that are not public: choose another licence or "
            "access"
        )
        add_error(errors, ("license_id",), message)


def _check_grounds(_data: FlatData, now: View, errors: Errors, _public: bool) -> None:
    if now.access_right in ("", "PUBLIC"):
        return
    grounds = [voc.get("access-limitation").get(value) for value in now.many("access_limitation")]
    if grounds and not any(ground is None or ground.data["restricts"] for ground in grounds):
        message = _("Access is limited: give the legal ground; “no limitation” is not one")
        add_error(errors, ("access_limitation",), message)


def _check_place(data: FlatData, now: View, errors: Errors, _public: bool) -> None:
    """Refuse a box outside of all chosen territories: mostly, its sides are in the wrong order."""
    concepts = [voc.get("territories").get(uri) for uri in now.territories]
    territories = [concept for concept in concepts if concept]
    if not territories or len(territories) < len(concepts):
        return
    names = ", ".join(place.label(language.current()) for place in territories)
    for number, row in flat_rows(data, "spatial_coverage").items():
        try:
            box = places.geometry_to_box(json.loads(row["bbox"]))
        except (places.GeometryError, ValueError, KeyError, TypeError):
            continue
        if not any(geometry.meet(box, place.data["bbox"]) for place in territories):
            message = _(
                "This box lies outside of the territories chosen ({places}): correct one of the two"
            )
            add_error(errors, ("spatial_coverage", number, "bbox"), message.format(places=names))


#: Fields, and the rule that applies if this save publishes the dataset or changes one of them.
RULES = (
    (("created", "issued", "modified", "next_update"), _check_dates),
    (("access_rights", "license_id"), _check_access),
    (("access_rights", "access_limitation"), _check_grounds),
    (("territory", "spatial_coverage"), _check_place),
)


# --- what people are told after publishing ---


def _note_whether_public(package: Any) -> None:
    """Note before a save that the stored dataset (None for a new one) is public, if it is."""
    if has_request_context() and package is not None and is_public(package):
        g.setdefault(WERE_PUBLIC, set()).add(package.id)


def tell_published(dataset: Row) -> None:
    """Say on the next page that a form has published a dataset.

    Nothing is said if the dataset is not public, or was public before.
    """
    if not has_request_context() or tk.request.endpoint not in FORMS:
        return
    package = model.Package.get(dataset["id"])  # in the session already
    were_public = g.setdefault(WERE_PUBLIC, set())
    if package is None or package.id in were_public or not is_public(package):
        return
    were_public.add(package.id)
    name = package.name
    links = [
        (_("Cite and share"), tk.url_for("dataset.read", id=name, _anchor="cite-title")),
        (_("Add a file or a service"), tk.url_for("dataset_resource.new", id=name)),
    ]
    if tk.h.plugin_loaded("ecosphere_quality"):
        links.insert(0, (_("See its score"), tk.url_for("ecosphere_quality.dataset_page", id=name)))
    sentence = _(
        "It is published: everyone sees it on this page and in the search, and other catalogues "
        "can harvest it. Next:"
    )
    anchor = Markup('<a class="alert-link" href="{}">{}</a>')
    anchors = Markup(", ").join(anchor.format(url, text) for text, url in links)
    tk.h.flash_success(Markup("{} {}").format(sentence, anchors), allow_html=True)


# --- period of grace, in which fields that were never filled in only cause a warning ---

#: Code of a miscellaneous persistent warning (RFC 7234).
WARNING = 299


def add_warning(text: str) -> None:
    """Add a warning to the answer, if a program is being answered.

    Args:
        text: a few English words with names of fields, never values.
    """
    if not has_request_context() or not request.path.startswith("/api/"):
        return

    @after_this_request
    def add_header(response: Any) -> Any:
        response.headers.add("Warning", f'{WARNING} - "{text}"')
        return response


def last_day_of_grace() -> dt.date | None:
    """Return the last day of the grace period, None without one.

    Raises:
        ValueError: the option is not a date.
    """
    text = config.grace_until().strip()
    if not text:
        return None
    return dt.date.fromisoformat(text)


def grace_runs() -> bool:
    """Return whether today, in the portal's time zone, is within the period of grace.

    False for an invalid date.
    """
    try:
        last = last_day_of_grace()
    except ValueError:
        return False
    return last is not None and dates.today() <= last


def _warn_of_missing(name: str, fields: Iterable[tuple[str, str]]) -> None:
    """Warn the user that a published dataset lacks fields that will become mandatory.

    Args:
        name: name of the dataset.
        fields: name and label of each missing field.
    """
    missing = dict(fields)
    last = last_day_of_grace()
    if not missing or last is None:
        return
    log.warning("%s was published without %s; refused after %s", name, ", ".join(missing), last)
    if not has_request_context():
        return
    if request.path.startswith("/api/"):
        add_warning(f"needed to publish after {last.isoformat()}: {', '.join(missing)}")
    elif request.endpoint:
        message = _("Saved, though publishing will need this after {day}: {fields}")
        tk.h.flash_notice(message.format(day=dates.day(last), fields=", ".join(missing.values())))


def check_grace() -> list[Check]:
    """Check the option of the grace period, for `ckan ecosphere check`."""
    name = _("Period of grace")
    text = config.grace_until()
    try:
        last = last_day_of_grace()
    except ValueError:
        message = _("{option}: “{value}” is not a day, there is no period of grace")
        message = message.format(option=config.GRACE_UNTIL, value=text)
        remedy = _("Write the last day as 2027-06-30, or leave the option out")
        return [Check(name, CheckStatus.ERROR, message, remedy)]
    if last is None:
        return []
    if dates.today() > last:
        message = _("It ended on {day}: what is missing is refused again")
        remedy = _("Remove {option}").format(option=config.GRACE_UNTIL)
        return [Check(name, CheckStatus.WARNING, message.format(day=dates.day(last)), remedy)]
    message = _("Until {day}, a dataset that lacks mandatory fields is published with a warning")
    return [Check(name, CheckStatus.OK, message.format(day=dates.day(last)))]
