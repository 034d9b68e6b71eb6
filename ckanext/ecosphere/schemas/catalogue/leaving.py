"""Prepare datasets for a CKAN without this schema, so that it can show and keep them; undone by `returning`.

CKAN stores the fields of the schema as extras, which a plain CKAN shows and keeps if it reads the database rather than
an index written with the schema. It cannot keep line breaks (its form has single-line inputs for extras), lists in
resources, extra fields of resources (missing in its form), texts too long for Solr, and keywords with an apostrophe
(for which it refuses every save). The original values are saved in the dataset's `plugin_data`, which CKAN neither
shows nor changes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.model.types import make_uuid

from ckanext.ecosphere.interfaces import LeavingStep
from ckanext.ecosphere.schemas.catalogue import adopting
from ckanext.ecosphere.schemas.indexing import MAX_TERM_BYTES
from ckanext.ecosphere.setup.leaving import KEY, write_lines
from ckanext.ecosphere.vocabularies.languages import SUFFIX

#: Columns that a plain CKAN changes when saving, or that are filled in here.
COLUMNS = ("notes", "license_id", "maintainer", "maintainer_email")
#: Columns of resources missing in the form of a plain CKAN.
FILE_COLUMNS = ("hash", "mimetype", "mimetype_inner", "size", "resource_type", "cache_url")
#: Number of characters kept of texts too long for a plain CKAN.
SHOWN = 8000
LEAST_TAG = 2
_NOT_PLAIN = re.compile(r"[^\w \-.]")


def steps() -> list[LeavingStep]:
    """Return the step that prepares the datasets; empty without datasets."""
    number = len(_ids())
    if not number:
        return []
    message = tk.ungettext(
        "{number} dataset is exported, and its fields kept as free fields (contact as maintainer)",
        "{number} datasets are exported, and their fields kept as free fields (contacts as maintainers)",
        number,
    ).format(number=number)
    strange = sorted(each for (each,) in model.Session.execute(_tag_names()) if plain_tag(each) != each)
    if strange:
        message += tk.ungettext(
            "; {tags} keyword that CKAN refuses is written without its marks until you come back ({example})",
            "; {tags} keywords that CKAN refuses are written without their marks until you come back ({example})",
            len(strange),
        ).format(tags=len(strange), example=", ".join(strange[:3]))
    return [LeavingStep(message, _leave)]


def plain_tag(name: str) -> str:
    """Return a keyword in a form accepted by a plain CKAN; "" if nothing remains.

    >>> plain_tag("cours d'eau"), plain_tag("zones humides"), plain_tag("€")
    ('cours d eau', 'zones humides', '')
    """
    if not _NOT_PLAIN.search(name):
        return name
    plain = re.sub(r"\s+", " ", _NOT_PLAIN.sub(" ", name)).strip()
    return plain if len(plain) >= LEAST_TAG else ""


def shown(text: str) -> str:
    """Return a text, shortened if it is too long for Solr."""
    return text if len(text.encode()) <= MAX_TERM_BYTES else f"{text[:SHOWN]}…"


def shown_in_file(value: Any) -> Any:
    """Return the value of a resource field in a form that a plain CKAN can keep: lists and objects as JSON text."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value


def file_of(resource: Mapping[str, Any]) -> list[str]:
    """Return what identifies the file of a resource: its URL and time of upload."""
    return [str(resource["url"]), str(resource["last_modified"])]


def _ids() -> list[str]:
    package = model.Package
    return [id_ for (id_,) in model.Session.query(package.id).filter(package.type == "dataset").order_by(package.id)]


def _tag_names() -> Any:
    tag, tagged = model.Tag, model.PackageTag
    return sa.select(tag.name).join(tagged).where(tag.vocabulary_id.is_(None), tagged.state == "active").distinct()


def _leave(folder: Path) -> str:
    ids = _ids()
    number = write_lines(folder / "datasets.jsonl", _shown_datasets(ids))
    for id_ in ids:
        _leave_one(id_)
    done = tk.ungettext("{number} dataset exported and kept", "{number} datasets exported and kept", number)
    return done.format(number=number)


def _shown_datasets(ids: list[str]) -> Iterator[Mapping[str, Any]]:
    show: Callable[..., Any] = tk.get_action("package_show")
    for id_ in ids:
        yield show({"ignore_auth": True}, {"id": id_})
        model.Session.expunge_all()


def _leave_one(id_: str) -> None:
    package, resource = model.package_table, model.resource_table
    row = dict(model.Session.execute(sa.select(package).where(package.c.id == id_)).mappings().one())
    data, extras = dict(row["plugin_data"] or {}), dict(row["extras"] or {})
    if KEY in data:
        return
    left: dict[str, Any] = {"columns": {name: row[name] for name in COLUMNS}, "extras": extras, "resources": {}}
    for each in map(dict, model.Session.execute(sa.select(resource).where(resource.c.package_id == id_)).mappings()):
        held = dict(each["extras"] or {})
        columns = {name: each[name] for name in FILE_COLUMNS}
        left["resources"][each["id"]] = {"file": file_of(each), "columns": columns, "extras": held}
        # Translations are left out: as text, they would break the pages of a plain CKAN.
        plain = {name: shown_in_file(value) for name, value in held.items() if not name.endswith(SUFFIX)}
        if plain != held:
            model.Session.execute(sa.update(resource).where(resource.c.id == each["id"]).values(extras=plain))
    left["tags"] = _plain_tags(id_)
    left["written"] = _maintainer(row, extras)
    former, became = adopting.converted_licence(data)
    left["licence"] = former if row["license_id"] == became else None
    values = {
        "extras": {name: shown(text) for name, text in extras.items()},
        "plugin_data": {**data, KEY: left},
        "license_id": left["licence"] or row["license_id"],
        **left["written"],
    }
    model.Session.execute(sa.update(package).where(package.c.id == id_).values(**values))


def _maintainer(row: Mapping[str, Any], extras: Mapping[str, str]) -> dict[str, str]:
    """Return the maintainer columns, filled in from the first contact if they are empty."""
    if row["maintainer"] or row["maintainer_email"] or not extras.get("contact"):
        return {}
    first = next(iter(json.loads(extras["contact"])), {})
    found = {"maintainer": first.get("name"), "maintainer_email": first.get("email")}
    return {name: value for name, value in found.items() if value}


def _plain_tags(id_: str) -> list[tuple[str, str, bool]]:
    """Replace the keywords of a dataset by forms accepted by a plain CKAN.

    Returns:
        for each changed keyword: the original, the new one, and whether the dataset already had the latter.
    """
    now = tags_of(id_)
    changed = []
    for name, link in now.items():
        if (plain := plain_tag(name)) == name:
            continue
        changed.append((name, plain, plain in now))
        untag(link)
        if plain:
            tag_with(id_, plain)
    return changed


def tags_of(id_: str) -> dict[str, str]:
    """Return the free keywords of a dataset, as {name: id of the package_tag row}."""
    tag, tagged = model.tag_table, model.package_tag_table
    query = (
        sa.select(tag.c.name, tagged.c.id)
        .join(tagged, tagged.c.tag_id == tag.c.id)
        .where(tagged.c.package_id == id_, tagged.c.state == "active", tag.c.vocabulary_id.is_(None))
    )
    return dict(model.Session.execute(query).tuples().all())


def untag(link: str) -> None:
    """Remove a keyword from its dataset.

    Args:
        link: id of the package_tag row.
    """
    tagged = model.package_tag_table
    model.Session.execute(sa.update(tagged).where(tagged.c.id == link).values(state="deleted"))


def tag_with(id_: str, name: str) -> None:
    """Add a free keyword to a dataset, reusing a deleted package_tag row if there is one."""
    tag, tagged = model.tag_table, model.package_tag_table
    run = model.Session.execute
    found = run(sa.select(tag.c.id).where(tag.c.name == name, tag.c.vocabulary_id.is_(None))).scalar()
    if found is None:
        found = make_uuid()
        run(sa.insert(tag).values(id=found, name=name))
    here = sa.and_(tagged.c.package_id == id_, tagged.c.tag_id == found)
    if run(sa.select(tagged.c.id).where(here)).first():
        run(sa.update(tagged).where(here).values(state="active"))
    else:
        run(sa.insert(tagged).values(id=make_uuid(), package_id=id_, tag_id=found, state="active"))
