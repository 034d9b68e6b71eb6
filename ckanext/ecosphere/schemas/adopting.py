"""Adopt an existing catalogue: convert contacts, licences and free fields of its datasets to the
schema.

`ckan ecosphere adopt` shows the plan before it acts. Datasets are read and written in the database,
since a dataset with a free field named like a field of the schema cannot even be shown. The
modification dates of datasets are kept.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.common import _
from ckan.types import DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.core import kept_facets
from ckanext.ecosphere.dataset.view import Row, filled
from ckanext.ecosphere.fast_save import documents
from ckanext.ecosphere.interfaces import Check, CheckStatus
from ckanext.ecosphere.schemas import licences
from ckanext.ecosphere.schemas.logic.validators import ecosphere_email
from ckanext.ecosphere.shared import language

#: Key of `plugin_data` that marks a dataset as adopted, so that it is not processed again.
MARK = "ecosphere_adopted"
#: Field that only datasets of this schema have.
OWN_FIELD = "dcat_type"
#: New name of a free field whose name is that of a schema field but whose value is invalid for it.
RENAMED = "previous_{name}"


@dataclass
class Changes:
    """Changes to one dataset.

    Attributes:
        contact: rows of the new contact; empty if it already has one, or no maintainer and author.
        licence: (before, after); None if unchanged.
        renamed: new names of free fields.
        rewritten: values of free fields as normalised by the schema.
        bad_emails: invalid e-mail addresses, which are not taken over.
    """

    contact: list[dict[str, str]] = field(default_factory=list)
    licence: tuple[str, str | None] | None = None
    renamed: dict[str, str] = field(default_factory=dict)
    rewritten: dict[str, str] = field(default_factory=dict)
    bad_emails: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.contact or self.licence or self.renamed or self.rewritten)


@dataclass
class Plan:
    """Changes to a catalogue: number of existing datasets, and `changes` by id of the dataset."""

    datasets: int = 0
    changes: dict[str, Changes] = field(default_factory=dict)
    licences: Counter[str] = field(default_factory=Counter)
    kept: dict[str, int] = field(default_factory=dict)

    def sentences(self) -> Iterator[str]:
        """Yield the plan as sentences."""
        every = list(self.changes.values())
        total = tk.ungettext(
            "{number} dataset was here before", "{number} datasets were here before", self.datasets
        )
        yield total.format(number=self.datasets)
        if number := sum(bool(changes.contact) for changes in every):
            yield tk.ungettext(
                "contact: {number} dataset, from its maintainer and author, which stay as they are",
                "contact: {number} datasets, from their maintainers and authors, which stay as "
                "they are",
                number,
            ).format(number=number)
        for address in sorted({address for changes in every for address in changes.bad_emails}):
            yield _("contact: “{address}” is not an e-mail address and is not taken over").format(
                address=address
            )
        yield from self._licences()
        moved = Counter((old, new) for changes in every for old, new in changes.renamed.items())
        for (old, new), number in sorted(moved.items()):
            yield tk.ungettext(
                "free field “{old}”: {number} value does not fit the field of that name; it is "
                "called “{new}”",
                "free field “{old}”: {number} values do not fit the field of that name; they are "
                "called “{new}”",
                number,
            ).format(old=old, new=new, number=number)
        for name, number in sorted(
            Counter(name for changes in every for name in changes.rewritten).items()
        ):
            yield tk.ungettext(
                "free field “{name}”: {number} value becomes the field of that name",
                "free field “{name}”: {number} values become the field of that name",
                number,
            ).format(name=name, number=number)
        for name, number in self.kept.items():
            yield _kept_sentence(name, number)

    def _licences(self) -> Iterator[str]:
        for old, number in sorted(self.licences.items()):
            new = licences.licence(old)
            if new.becomes == old:
                message = _("licence {old}: {number} × stays {title}")
            elif new.becomes:
                message = _("licence {old}: {number} × becomes {title}")
            else:
                message = _(
                    "licence {old}: {number} × no licence ({reason}); what was said goes to "
                    "use_conditions"
                )
            title = _title(new.becomes) if new.becomes else ""
            yield message.format(old=old, number=number, title=title, reason=new.reason)


def _title(licence_id: str) -> str:
    label = voc.get("licences").label(licence_id, language.current())
    return label or licences.stated(licence_id)


def _kept_sentence(name: str, number: int) -> str:
    if name == "groups":
        return tk.ungettext(
            "{number} group with datasets stays in the menu and the facets",
            "{number} groups with datasets stay in the menu and the facets",
            number,
        ).format(number=number)
    return tk.ungettext(
        "{number} keyword stays in the facets", "{number} keywords stay in the facets", number
    ).format(number=number)


def plan() -> Plan:
    """Return the plan for all datasets that existed before the schema."""
    plan_made = Plan(kept=kept_facets.in_use())
    checks = field_checks()
    for package in _candidates():
        plan_made.datasets += 1
        if package.license_id:
            plan_made.licences[package.license_id] += 1
        if changes := _changes(package, checks):
            plan_made.changes[package.id] = changes
    return plan_made


def run(plan: Plan) -> int:
    """Carry out a plan, and reindex the changed datasets.

    Returns:
        number of changed datasets.
    """
    kept_facets.remember(plan.kept)
    for package in _candidates():
        changes = plan.changes.get(package.id, Changes())
        _apply(package, changes)
        _mark(package, changes.licence)
    model.Session.commit()
    documents.index(plan.changes)
    return len(plan.changes)


def mark_new(dataset: Row) -> None:
    """Mark a new dataset without `OWN_FIELD`, so that it is not adopted.

    Saved in the transaction of its creation.
    """
    if dataset.get("type", "dataset") == "dataset" and not dataset.get(OWN_FIELD):
        package = model.Session.get(model.Package, dataset["id"])
        if package is not None:
            _mark(package, None)


def _mark(package: Any, licence: tuple[str, str | None] | None) -> None:
    """Mark a dataset as adopted; `licence` is as in `Changes`."""
    now = dt.datetime.now(dt.timezone.utc).isoformat(timespec="seconds")
    package.plugin_data = {
        **(package.plugin_data or {}),
        MARK: {"on": now, "licence": licence},
    }


def is_adopted(package: Any) -> bool:
    """Return whether a dataset was created with this schema or adopted."""
    return MARK in (package.plugin_data or {}) or OWN_FIELD in (package.extras or {})


def converted_licence(plugin_data: Row | None) -> tuple[str | None, str | None]:
    """Return the licence that a dataset had before its adoption, and what it became.

    None, None if it stayed.
    """
    mark = (plugin_data or {}).get(MARK)
    if not isinstance(mark, dict) or not mark.get("licence"):
        return None, None
    return tuple(mark["licence"])


def check() -> list[Check]:
    """Check whether datasets remain to be adopted, for `ckan ecosphere check`."""
    if not (number := sum(1 for _package in _candidates())):
        return []
    name = _("Existing catalogue")
    message = tk.ungettext(
        "{number} dataset was here before the schema: its contacts and licence are not yet in its "
        "terms",
        "{number} datasets were here before the schema: their contacts and licences are not yet "
        "in its terms",
        number,
    )
    remedy = _("Run: {command}").format(command="ckan ecosphere adopt")
    return [Check(name, CheckStatus.WARNING, message.format(number=number), remedy)]


def _candidates() -> Iterable[Any]:
    """Return the datasets, in any state, that were neither created with this schema nor adopted."""
    package: Any = model.Package
    query = sa.select(package).where(
        package.type == "dataset",
        package.extras.has_key(OWN_FIELD).is_not(True),
        package.plugin_data.has_key(MARK).is_not(True),
    )
    return model.Session.scalars(query.order_by(package.id))


def _changes(package: Any, checks: Row) -> Changes:
    extras = package.extras or {}
    changes = Changes()
    changes.renamed, changes.rewritten = fit(extras, checks)
    if "contact" not in extras or "contact" in changes.renamed:
        people = {name: getattr(package, name) for name in FIELDS}
        changes.contact = contacts(people, changes.bad_emails)
    if package.license_id:
        becomes = licences.licence(package.license_id).becomes
        if becomes != package.license_id:
            changes.licence = (package.license_id, becomes)
    return changes


def fit(extras: Mapping[str, str], checks: Row) -> tuple[dict[str, str], dict[str, str]]:
    """Compare free fields with the fields of the schema that have their names.

    Returns:
        new names of those whose value is invalid; values of the others, where the schema writes
        them otherwise.
    """
    renamed, rewritten = {}, {}
    for name, value in extras.items():
        if name not in checks:
            continue
        try:
            normalised = checks[name](value)
        except Exception:  # the value can be anything
            renamed[name] = free_name(name, extras, value)
            continue
        if normalised != value:
            rewritten[name] = normalised
    return renamed, rewritten


def with_fitting(
    extras: Mapping[str, str], renamed: Mapping[str, str], rewritten: Mapping[str, str]
) -> dict[str, str]:
    """Return free fields with what `fit` has found."""
    return {renamed.get(name, name): value for name, value in extras.items()} | dict(rewritten)


def contacts(people: Row, bad: list[str]) -> list[dict[str, str]]:
    """Return the rows of `contact` made of CKAN's fields.

    Args:
        people: the fields of maintainer and author.
        bad: receives invalid e-mail addresses, which are left out.
    """
    rows = []
    for person in distinct_people(people):
        try:
            if person["email"]:
                person["email"] = ecosphere_email(person["email"])
        except tk.Invalid:
            bad.append(person.pop("email"))
        contact = filled(person)
        if contact:
            rows.append(contact)
    return rows


def _apply(package: Any, changes: Changes) -> None:
    extras = with_fitting(package.extras or {}, changes.renamed, changes.rewritten)
    if changes.contact:
        extras["contact"] = json.dumps(changes.contact, ensure_ascii=False)
    if changes.licence:
        package.license_id = licences.restate(changes.licence[0], extras)
    if extras != (package.extras or {}):
        package.extras = extras


def free_name(name: str, taken: Row, value: Any) -> str:
    """Return a new name (`RENAMED`) of a free field whose name is that of a schema field.

    Args:
        name: the present name.
        taken: the free fields.
        value: the value, which may have the new name already.
    """
    new = RENAMED.format(name=name)
    number = 2
    while taken.get(new, value) != value:
        new, number = f"{RENAMED.format(name=name)}_{number}", number + 1
    return new


def own_fields(kind: str, table: Any) -> set[str]:
    """Return the names of the fields that the schema has besides CKAN's own.

    Args:
        kind: "dataset_fields" or "resource_fields".
        table: CKAN's table.
    """
    schema = tk.h.scheming_get_dataset_schema("dataset")
    names = {field_["field_name"] for field_ in schema[kind]}
    return names - {*table.columns.keys(), "tag_string"}


def mandatory_columns() -> set[str]:
    """Return the names of CKAN's own fields that the schema needs for publishing."""
    fields = tk.h.scheming_get_dataset_schema("dataset")["dataset_fields"]
    names = {field_["field_name"] for field_ in fields if field_.get("obligation") == "mandatory"}
    return names & set(model.package_table.columns.keys())


def as_given(value: str) -> Any:
    """Return a stored value as a program gives it: rows as a list."""
    if value.startswith("[{"):
        return json.loads(value)
    return value


def field_checks() -> DataDict:
    """Return functions by name of each field stored as an extra,
    which return the normalised value or raise.
    """
    from ckanext.scheming.validation import validators_from_string

    schema = tk.h.scheming_get_dataset_schema("dataset")
    extras = own_fields("dataset_fields", model.package_table)
    checks: DataDict = {}
    for field_ in schema["dataset_fields"]:
        name = field_["field_name"]
        if name in extras and "repeating_subfields" in field_:
            checks[name] = _rows_of
        elif name in extras and field_.get("validators"):
            words = [word for word in field_["validators"].split() if word != "scheming_required"]
            validators = validators_from_string(" ".join(words), field_, schema)
            checks[name] = _value_of(name, validators)
    return checks


def _rows_of(value: str) -> str:
    rows = json.loads(value)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("no rows")
    return value


def _value_of(name: str, validators: list[Any]) -> Any:
    def checked(value: str) -> str:
        data, errors = tk.navl_validate({name: value}, {name: validators}, {})
        if errors or not isinstance(data.get(name), str):
            raise ValueError(errors)
        return data[name]

    return checked


# --- CKAN's own fields of author and maintainer, which existing datasets keep --------------------

FlatData = dict[tuple[Any, ...], Any]
Errors = dict[tuple[Any, ...], list[str]]

#: Fields with a name → with the e-mail address, in the order in which they become contacts.
PEOPLE = {"maintainer": "maintainer_email", "author": "author_email"}
FIELDS = (*PEOPLE, *PEOPLE.values())
#: Columns for which the schema is stricter than CKAN.
STRICTER = ("license_id", "url", *FIELDS)
#: Key of the context: a licence that is not in the list is accepted.
ANY_LICENCE = "ecosphere_any_licence"
#: Number of parts of the key of a field of a file: "resources", number, name.
OF_FILE = 3


def keep(data: FlatData, context: Any) -> None:
    """Restore the stored values of fields that are missing in a save.

    Args:
        data: the flattened dataset, changed in place.
        context: context of the validation; `package` is the stored dataset.
    """
    package = context.get("package")
    if package is None:
        return
    for name in FIELDS:
        stored = getattr(package, name)
        if stored and data.get((name,), tk.missing) is tk.missing:
            data[name,] = stored


def spare_unchanged(data: FlatData, errors: Errors, context: Any) -> None:
    """Drop the errors of unchanged values, so that what was accepted in the past does not block a
    save.

    Args:
        data: the flattened dataset.
        errors: the errors found so far, changed in place.
        context: context of the validation.
    """
    if context.get(ANY_LICENCE):
        errors["license_id",].clear()
    package = context.get("package")
    if package is None:
        return
    for name in STRICTER:
        if errors.get((name,)) and data.get((name,)) == getattr(package, name):
            errors[name,].clear()
    keys = [key for key in errors if len(key) == OF_FILE and key[0] == "resources"]
    for key in keys:
        if errors[key] and _is_of_stored_file(data, key, package):
            errors[key].clear()


def _is_of_stored_file(data: FlatData, key: tuple[Any, ...], package: Any) -> bool:
    """Return whether the value of a file is the stored one.

    Without its id, the file is found by its URL.
    """
    _resources, number, name = key
    id_, url = data.get(("resources", number, "id")), data.get(("resources", number, "url"))
    for file in package.resources:
        urls = (file.url, f"http://{file.url}")  # as CKAN shows one without a scheme
        if file.id == id_ or (not id_ and url in urls):
            if name == "url":
                return data.get(key) in urls
            return data.get(key) == file.extras.get(name, getattr(file, name, None))
    return False


def distinct_people(dataset: Row) -> list[dict[str, str]]:
    """Return the distinct people in CKAN's fields, the maintainer first: ``name`` and ``email``."""
    people: list[dict[str, str]] = []
    for name, email in PEOPLE.items():
        row = {
            "name": (dataset.get(name) or "").strip(),
            "email": (dataset.get(email) or "").strip(),
        }
        if any(row.values()) and row not in people:
            people.append(row)
    return people


def ecosphere_core_people(dataset: Row) -> list[dict[str, str]]:
    """Return the people in CKAN's fields that are not among the contacts: ``label``, ``name``,
    ``email``.
    """
    contacts = dataset.get("contact")
    if not isinstance(contacts, list):
        contacts = []
    contacts_as_json = json.dumps(contacts, ensure_ascii=False)
    labels = {"maintainer": _("Maintainer"), "author": _("Author")}
    people = []
    for name, email in PEOPLE.items():
        row = {"name": dataset.get(name) or "", "email": dataset.get(email) or ""}
        if any(
            value and json.dumps(value, ensure_ascii=False) not in contacts_as_json
            for value in row.values()
        ):
            people.append({"label": labels[name], **row})
    return people


def ecosphere_core_inputs(data: Row, errors: Row) -> list[DataDict]:
    """Return the inputs for CKAN's fields with a value or error: ``name``, ``label``, ``value``,
    ``errors``.
    """
    labels = {
        "maintainer": _("Maintainer"),
        "maintainer_email": _("Maintainer Email"),
        "author": _("Author"),
        "author_email": _("Author Email"),
    }
    return [
        {
            "name": name,
            "label": label,
            "value": data.get(name) or "",
            "errors": errors.get(name) or [],
        }
        for name, label in labels.items()
        if data.get(name) or errors.get(name)
    ]
