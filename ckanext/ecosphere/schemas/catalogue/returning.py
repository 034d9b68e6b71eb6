"""Restore datasets that come back from a CKAN without this schema (see `leaving`).

Changes made meanwhile are kept. A value is restored if it only lost what a plain CKAN cannot keep: line breaks, lists
in resources, the end of a long text, punctuation of keywords, fields missing in its form of resources. Removed free
fields stay removed, unless no field of the schema is as it was: then a program has saved a body that lacks them.
"""

from __future__ import annotations

import json
import mimetypes
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.interfaces import InitReport
from ckanext.ecosphere.schemas.catalogue import adopting, former_licences
from ckanext.ecosphere.schemas.catalogue.leaving import (
    FILE_COLUMNS,
    file_of,
    shown,
    shown_in_file,
    tag_with,
    tags_of,
    untag,
)
from ckanext.ecosphere.schemas.logic import translations
from ckanext.ecosphere.setup.leaving import KEY

_BREAKS = re.compile(r"[\r\n]+")


def restore(report: InitReport) -> None:
    """Restore what `leaving` has saved in `plugin_data`, if anything.

    Args:
        report: receives sentences about what was restored and what users have removed.
    """
    package: Any = model.Package
    query = sa.select(package.id).where(package.plugin_data.has_key(KEY)).order_by(package.id)
    ids = list(model.Session.scalars(query))
    if not ids:
        return
    checks = adopting.field_checks()
    told: Counter[str] = Counter()
    for id_ in ids:
        _restore_one(id_, checks, told)
    model.Session.commit()
    message = tk.ungettext("{number} dataset is back", "{number} datasets are back", len(ids))
    report.changed(message.format(number=len(ids)))
    sentences = {
        "erased": tk._("Datasets that lost all their fields in one save, and have them again: {number}"),
        "removed": tk._("Fields that people removed meanwhile, and that stay removed: {number}"),
        "unreadable": tk._("Fields that were changed to what the schema cannot read, kept as free fields: {number}"),
        "licences": tk._("Licences chosen in CKAN's list without a version, kept in the conditions of use: {number}"),
    }
    for name, number in sorted((+told).items()):
        report.changed(sentences[name].format(number=number))


def _restore_one(id_: str, checks: Mapping[str, Any], told: Counter[str]) -> None:
    package = model.package_table
    row = dict(model.Session.execute(sa.select(package).where(package.c.id == id_)).mappings().one())
    data = dict(row["plugin_data"])
    left = data.pop(KEY)
    extras = _extras(dict(row["extras"] or {}), left["extras"], checks, told)
    values = _columns(row, left) | {"plugin_data": data}
    _follow(extras, {**row, **values}, "title", "notes")
    licence_id = row["license_id"]
    if licence_id and licence_id == left.get("licence"):
        values["license_id"] = left["columns"]["license_id"]
    elif licence_id and licence_id != left["columns"]["license_id"]:
        values["license_id"] = former_licences.restate(licence_id, extras)
        told["licences"] += values["license_id"] is None
    model.Session.execute(sa.update(package).where(package.c.id == id_).values(extras=extras, **values))
    _files(id_, left["resources"])
    _tags(id_, left["tags"])


def _extras(now: dict[str, str], before: Mapping[str, str], checks: Any, told: Counter[str]) -> dict[str, str]:
    own = before.keys() & checks.keys()
    is_erased = bool(own) and not any(_same(now.get(name, ""), shown(before[name])) for name in own)
    told["erased"] += is_erased
    told["removed"] += 0 if is_erased else len(before.keys() - now.keys())
    found: dict[str, str] = dict(before) if is_erased else {}
    for name, value in now.items():
        if name in before and _same(value, shown(before[name])):
            found[name] = before[name]
            continue
        try:
            found[name] = checks[name](value) if name in checks else value
        except Exception:  # the value can be any text
            told["unreadable"] += 1
            found[adopting.free_name(name, {**now, **before}, value)] = value
            if name in before:
                found[name] = before[name]
    return found


def _columns(row: Mapping[str, Any], left: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns to write: original line breaks, and no maintainer if it was filled in by `leaving`."""
    found: dict[str, Any] = {}
    before, written = left["columns"], left["written"]
    if row["notes"] and before["notes"] and _same(row["notes"], before["notes"]):
        found["notes"] = before["notes"]
    if all(row[name] == value for name, value in written.items()):
        found |= {name: before[name] for name in written}
    return found


def _files(id_: str, before: Mapping[str, Any]) -> None:
    resource = model.resource_table
    query = sa.select(resource).where(resource.c.package_id == id_)
    for row in map(dict, model.Session.execute(query).mappings().all()):
        left, now = before.get(row["id"]), dict(row["extras"] or {})
        if left is None or left["file"] != file_of(row):
            continue
        held = {name: _value_of_file(now[name], left["extras"].get(name)) for name in now}
        held |= {name: value for name, value in left["extras"].items() if name not in now}
        _follow(held, row, "name", "description")
        guessed = {None, "", mimetypes.guess_type(row["url"])[0]}  # CKAN's guess for a missing media type
        columns = {name: left["columns"][name] for name in FILE_COLUMNS if row[name] in guessed}
        model.Session.execute(sa.update(resource).where(resource.c.id == row["id"]).values(extras=held, **columns))


def _follow(held: dict[str, Any], columns: Mapping[str, Any], *fields: str) -> None:
    for field in fields:
        if (name := f"{field}{translations.SUFFIX}") in held:
            held[name] = translations.following(held[name], columns[field])


def _value_of_file(now: Any, before: Any) -> Any:
    if before is None:
        return now
    if now == before or _same(str(now), str(shown_in_file(before))) or str(now) == str(before):
        return before
    if isinstance(before, (list, dict)) and isinstance(now, str):
        try:
            return json.loads(now)
        except ValueError:
            return before
    return now


def _tags(id_: str, changed: list[tuple[str, str, bool]]) -> None:
    if not changed:
        return
    now = tags_of(id_)
    for before, plain, own in changed:
        if plain and plain not in now:
            continue
        tag_with(id_, before)
        if plain and not own:
            untag(now[plain])


def _same(one: str, other: str) -> bool:
    """Return whether two texts are equal, apart from line breaks and surrounding blanks."""
    return _BREAKS.sub("", one).strip() == _BREAKS.sub("", other).strip()
