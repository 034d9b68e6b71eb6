"""Turn datasets into those of a plain CKAN (without this schema), and back.

CKAN stores the fields of the schema as extras, which a plain CKAN shows and keeps if it reads the
database rather than an index written with the schema. It cannot keep lists in resources, texts too
long for Solr, and keywords with an apostrophe (for which it refuses every save): `leave` makes them
plain. Their original values are in the file that `ckan ecosphere leave` writes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.types import DataDict

from ckanext.ecosphere.dataset.view import Row, parse_json
from ckanext.ecosphere.interfaces import InitReport, LeavingStep
from ckanext.ecosphere.schemas import adopting, licences
from ckanext.ecosphere.schemas.indexing import MAX_TERM_BYTES
from ckanext.ecosphere.schemas.logic import translations
from ckanext.ecosphere.setup.leaving import KEY

#: Characters that remain of texts too long for a plain CKAN.
SHORTENED = 8000
#: Characters that CKAN requires of a keyword.
LEAST_TAG = 2
#: A character that CKAN refuses in a keyword.
_NOT_PLAIN = re.compile(r"[^\w \-.]")


def steps() -> list[LeavingStep]:
    """Return the step that prepares the datasets; empty without datasets."""
    number = model.Session.query(model.Package).filter_by(type="dataset").count()
    if not number:
        return []
    message = tk.ungettext(
        "the fields of {number} dataset are kept as free fields (contact as maintainer)",
        "the fields of {number} datasets are kept as free fields (contacts as maintainers)",
        number,
    ).format(number=number)
    refused = [tag.name for tag in _refused_tags()]
    if refused:
        message += tk.ungettext(
            "; {tags} keyword that CKAN refuses is written without its marks ({example})",
            "; {tags} keywords that CKAN refuses are written without their marks ({example})",
            len(refused),
        ).format(tags=len(refused), example=", ".join(refused[:3]))
    return [LeavingStep(message, leave)]


def leave() -> str:
    """Prepare all datasets for a CKAN without this schema; return what was done as a sentence."""
    for tag in _refused_tags():
        _replace_tag(tag)
    ids = _ids(left=False)
    for id_ in ids:
        _leave_one(_row(id_))
    message = tk.ungettext("{number} dataset kept", "{number} datasets kept", len(ids))
    return message.format(number=len(ids))


def restore(report: InitReport) -> None:
    """Make the datasets that `leave` changed those of the schema again.

    Values that were changed meanwhile so that the schema cannot read them stay as free fields, and
    translations follow a changed title or description.

    Args:
        report: receives how many there were.
    """
    ids = _ids(left=True)
    if not ids:
        return
    checks = adopting.field_checks()
    for id_ in ids:
        _restore_one(_row(id_), checks)
    model.Session.commit()
    model.Session.expunge_all()  # rows were changed that CKAN may have loaded before
    message = tk.ungettext("{number} dataset is back", "{number} datasets are back", len(ids))
    report.changed(message.format(number=len(ids)))


def plain_tag(name: str) -> str:
    """Return a keyword in a form accepted by a plain CKAN; "" if nothing remains.

    >>> plain_tag("cours d'eau"), plain_tag("zones humides"), plain_tag("€")
    ('cours d eau', 'zones humides', '')
    """
    if not _NOT_PLAIN.search(name):
        return name
    plain = re.sub(r"\s+", " ", _NOT_PLAIN.sub(" ", name)).strip()
    if len(plain) < LEAST_TAG:
        return ""
    return plain


def _refused_tags() -> list[model.Tag]:
    """Return the free keywords in use that a plain CKAN refuses."""
    in_use = sa.select(model.PackageTag.tag_id).filter_by(state="active")
    query = sa.select(model.Tag).where(model.Tag.vocabulary_id.is_(None), model.Tag.id.in_(in_use))
    tags = model.Session.scalars(query.order_by(model.Tag.name))
    return [tag for tag in tags if plain_tag(tag.name) != tag.name]


def _ids(*, left: bool) -> list[str]:
    """Return the ids of the datasets that `leave` has changed, or of the others."""
    package: Any = model.Package
    is_left = sa.func.coalesce(package.plugin_data.has_key(KEY), False)
    query = sa.select(package.id).where(package.type == "dataset", is_left.is_(left))
    return list(model.Session.scalars(query.order_by(package.id)))


def _row(id_: str) -> DataDict:
    package = model.package_table
    row = model.Session.execute(sa.select(package).where(package.c.id == id_)).mappings().one()
    return {str(name): value for name, value in row.items()}


def _replace_tag(tag: model.Tag) -> None:
    """Give the datasets of a keyword the plain form of it instead."""
    datasets = tag.packages
    ids = [package.id for package in datasets]
    links = model.Session.query(model.PackageTag).filter(model.PackageTag.package_id.in_(ids))
    links.filter_by(tag_id=tag.id).delete()
    links.filter_by(state=model.State.DELETED).delete()  # the plain form may be among them
    for package in datasets:
        package.add_tag_by_name(plain_tag(tag.name))


def _leave_one(row: Row) -> None:
    """Change a row of CKAN's datasets, and its files.

    Objects of CKAN's model are not used, since they would be indexed one by one.
    """
    extras = dict(row["extras"] or {})
    data = dict(row["plugin_data"] or {})
    ours = theirs = row["license_id"]
    before, became = adopting.converted_licence(data)
    if before and ours == became:
        theirs = before  # the licence that CKAN had before this schema
    plain_extras = {name: _shortened(text) for name, text in extras.items()}
    digests = {name: _digest(text) for name, text in plain_extras.items()}
    values = {
        "plugin_data": {**data, KEY: {"licences": [ours, theirs], "digests": digests}},
        "license_id": theirs,
        "extras": plain_extras,
        **_maintainer(row, extras),
    }
    _write(row["id"], values, _plain_fields)


def _write(dataset_id: str, values: Row, restate: Callable[[Row], DataDict]) -> None:
    """Write values of a row of CKAN's datasets, and restate the fields of its files.

    Args:
        dataset_id: id of the dataset.
        values: new values by column.
        restate: function that returns the new fields of a file.
    """
    package, resource = model.package_table, model.resource_table
    model.Session.execute(sa.update(package).where(package.c.id == dataset_id).values(values))
    files = sa.select(resource.c.id, resource.c.extras).where(resource.c.package_id == dataset_id)
    for id_, fields in model.Session.execute(files):
        restated = restate(fields or {})
        if restated != fields:
            model.Session.execute(
                sa.update(resource).where(resource.c.id == id_).values(extras=restated)
            )


def _digest(text: str) -> str:
    """Return a digest that tells `restore` whether a free field was changed meanwhile."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _maintainer(row: Row, extras: Mapping[str, str]) -> dict[str, str]:
    """Return the maintainer columns, filled in from the first contact if they are empty."""
    if row["maintainer"] or row["maintainer_email"] or not extras.get("contact"):
        return {}
    contacts = json.loads(extras["contact"])
    if not contacts:
        return {}
    return {"maintainer": contacts[0].get("name"), "maintainer_email": contacts[0].get("email")}


def _shortened(text: str) -> str:
    if len(text.encode()) <= MAX_TERM_BYTES:
        return text
    return f"{text[:SHORTENED]}…"


def _plain_fields(fields: Row) -> DataDict:
    """Return the fields of a file as a plain CKAN can keep them: lists and objects as JSON text.

    Translations are left out: as text, they would break the pages of a plain CKAN.
    """
    plain = {}
    for name, value in fields.items():
        if name.endswith(translations.SUFFIX):
            continue
        plain[name] = value
        if isinstance(value, (list, dict)):
            plain[name] = json.dumps(value, ensure_ascii=False)
    return plain


def _restore_one(row: Row, checks: Row) -> None:
    """Undo `_leave_one`, and adapt what was changed meanwhile to the schema.

    Args:
        row: row of CKAN's datasets.
        checks: check of each field, from `adopting.field_checks`.
    """
    extras = dict(row["extras"] or {})
    data = dict(row["plugin_data"])
    notes_of_leaving = data.pop(KEY)
    ours, theirs = notes_of_leaving["licences"]
    digests = notes_of_leaving["digests"]
    changed = [name for name, text in extras.items() if _digest(text) != digests.get(name)]
    checks_of_changed = {name: checks[name] for name in changed if name in checks}
    extras = adopting.with_fitting(extras, *adopting.fit(extras, checks_of_changed))
    licence = ours
    if row["license_id"] != theirs:
        licence = row["license_id"] and licences.restate(row["license_id"], extras)
    for column in ("title", "notes"):
        name = f"{column}{translations.SUFFIX}"
        if name in extras:
            extras[name] = translations.following(extras[name], row[column])
    values = {"extras": extras, "plugin_data": data, "license_id": licence}
    _write(row["id"], values, _with_rows)


def _with_rows(fields: Row) -> DataDict:
    """Return the fields of a file; lists and objects, JSON texts since `leave`, as such again."""
    restored = dict(fields)
    for field in tk.h.scheming_get_dataset_schema("dataset")["resource_fields"]:
        parsed = parse_json(restored.get(field["field_name"]))
        if parsed is not None:
            restored[field["field_name"]] = parsed
    return restored
