"""Local edits and additions: what people change in harvested datasets, and harvests leave alone.

A local edit is a field with a value of the portal's own. Each save that is not a harvest's (form,
API, bulk edit) is compared with what was stored before (`note`). The value of a field before its
first change is that of the source. It is kept in `plugin_data`, CKAN's column for data of plugins,
and follows the source at each import of the record (`keep_edits`). A field whose two values are
equal again is no local edit any more: the source was corrected, or somebody chose to follow it.
Nothing is stored for datasets without local edits.

A dataset has *parts*: itself, called "", and the resources that the harvest wrote, by id. Resources
that were added on the portal are local additions (`keep_additions`).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.lib.dictization import model_dictize
from ckan.logic import auth_audit_exempt
from ckan.types import Context, DataDict

from ckanext.ecosphere.dataset.view import has_rows
from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.model import HarvestedDataset
from ckanext.ecosphere.shared import dates
from ckanext.ecosphere.vocabularies.languages import SUFFIX

KEY = "ecosphere_harvest"
"""Key of `plugin_data` whose value are the local edits, see `Edits`."""
BY_HARVEST = "ecosphere_by_harvest"
"""Key of the context that marks saves which are no local edits."""
_BEFORE = "ecosphere_before"
"""Key of the context of a save: the `Values` before it."""
TAGS = "tag_string"
"""Name under which tags are a field here, as in forms; its value is the list of their names."""
DATASET_COLUMNS = (
    "title", "notes", "url", "version", "license_id", "owner_org", "author", "author_email",
    "maintainer", "maintainer_email",
)  # fmt: skip
RESOURCE_COLUMNS = ("url", "name", "description", "format", "size")
DERIVED = frozenset({"spatial", "harvest_object_id", "harvest_source_id", "harvest_source_title"})
"""Fields that are computed: the geometry, and what ckanext-harvest adds to a shown dataset."""

Values = dict[str, DataDict]
"""Part → field → value."""
Edits = dict[str, dict[str, DataDict]]
"""Part → field → `since` (ISO date) and `source`, the value that the source gives."""


# --- noting ---


@auth_audit_exempt
@tk.chained_action
def package_update(original: Any, context: Context, data_dict: DataDict) -> Any:
    """Remember the values of a harvested dataset before somebody changes it, for `note`."""
    untyped_context: Any = context
    untyped_context[_BEFORE] = {}
    if not untyped_context.get(BY_HARVEST):
        package = model.Package.get(str(data_dict.get("id") or data_dict.get("name") or ""))
        if package:
            untyped_context[_BEFORE] = values_of(package)
    return original(context, data_dict)


def note(context: Any) -> None:
    """Store which fields of a harvested dataset a save has changed; call it before the commit."""
    before = context.get(_BEFORE)
    if not before:
        return
    package = context["package"]
    edits = edits_of(package)
    after = values_of(package)
    today = dates.today().isoformat()
    for part in before.keys() & after.keys():
        edits_of_part = edits.setdefault(part, {})
        for field in before[part].keys() | after[part].keys():
            old = _value_of(before[part], field)
            new = _value_of(after[part], field)
            if _are_equal(old, new):
                continue
            edit = edits_of_part.pop(field, None)
            source = edit["source"] if edit else old
            if not _are_equal(source, new):
                edits_of_part[field] = {"since": today, "source": source}
    store(package, edits)


def edits_of(package: Any) -> Edits:
    """Return a copy of the local edits of a dataset."""
    stored = (package.plugin_data or {}).get(KEY) or {}
    return {part: dict(fields) for part, fields in stored.items()}


def store(package: Any, edits: Edits) -> None:
    """Replace the local edits of a dataset; the caller commits."""
    stored = package.plugin_data or {}
    new = {key: data for key, data in stored.items() if key != KEY}
    edits = {part: fields for part, fields in edits.items() if fields}
    if edits:
        new[KEY] = edits
    if edits or KEY in stored:
        package.plugin_data = new


def values_of(package: Any) -> Values:
    """Return the values of a dataset and its harvested resources; none if it was not harvested."""
    harvested = model.Session.get(HarvestedDataset, package.id)
    if harvested is None:
        return {}
    values = {name: getattr(package, name) for name in DATASET_COLUMNS} | _decoded(package.extras)
    parts: Values = {"": {**values, TAGS: sorted(tag.name for tag in package.get_tags())}}
    for resource in package.resources:
        if resource.id in harvested.resource_ids and resource.url_type != "upload":
            values = {name: getattr(resource, name) for name in RESOURCE_COLUMNS}
            parts[resource.id] = values | _decoded(resource.extras)
    return parts


def list_edits(package: Any, with_rows: bool) -> list[DataDict]:
    """Return the local edits of a dataset, those of the dataset itself first.

    Args:
        package: the dataset.
        with_rows: whether to give values of the source that are rows of subfields: they name
            people, whom somebody may have removed on purpose.

    Returns:
        rows of `resource` (id, or None), `field`, `since`, `source` and `withheld`.
    """
    rows = []
    for part, fields in sorted(edits_of(package).items()):
        for field, edit in sorted(fields.items()):
            row = {"resource": part or None, "field": field, **edit, "withheld": False}
            if not with_rows and has_rows(edit["source"]):
                row |= {"source": None, "withheld": True}
            rows.append(row)
    return rows


def follow(package: Any, part: str, field: str, user: str) -> None:
    """Give a field the value of the source, which it follows from then on; commit.

    Args:
        package: the dataset.
        part: "" or the id of a resource.
        field: the field; nothing is done if it is no local edit.
        user: name of the person.

    Raises:
        ValidationError: the schema refuses the value.
    """
    edits = edits_of(package)
    edit = edits.get(part, {}).pop(field, None)
    if edit is None:
        return
    dataset = tk.get_action("package_show")(
        {"ignore_auth": True, "use_cache": False}, {"id": package.id}
    )
    new = copy.deepcopy(dataset)
    new["extras"] = [extra for extra in new.get("extras", ()) if extra["key"] not in DERIVED]
    parts = {"": new} | {resource["id"]: resource for resource in new["resources"]}
    if part in parts:
        put(parts[part], field, edit["source"])
    store(package, edits)
    context: Any = {
        "ignore_auth": True,
        "user": user,
        "original_package": dataset,
        BY_HARVEST: True,
    }
    tk.get_action("package_update")(context, new)
    model.Session.commit()


# --- keeping ---


def keep_edits(dataset: DataDict, edits: Edits, here: Values) -> Edits:
    """Write the local values of edited fields over those of the source.

    Args:
        dataset: the new version that the source gives, whose resources have their ids already;
            changed in place.
        edits: local edits of the dataset.
        here: its current values.

    Returns:
        the local edits that remain, with what the source says now.
    """
    parts = {"": dataset} | {
        resource["id"]: resource for resource in dataset["resources"] if "id" in resource
    }
    remaining: Edits = {}
    for part in edits.keys() & parts.keys() & here.keys():
        remaining[part] = {}
        for field, edit in edits[part].items():
            of_source = _value_of(parts[part], field)
            if _are_equal(of_source, _value_of(here[part], field)):
                continue
            remaining[part][field] = {**edit, "source": of_source}
            local = here[part].get(field)
            put(parts[part], field, local)
            # The schema refuses translations that disagree with the text.
            translations = parts[part].get(field + SUFFIX)
            if isinstance(translations, Mapping):
                texts = dict(translations)
                for language, text in translations.items():
                    if text == of_source:
                        texts[language] = local
                parts[part][field + SUFFIX] = texts
    return remaining


def put(target: DataDict, field: str, value: Any) -> None:
    """Set a field of a dataset or resource, as `package_create` takes them; remove an empty one."""
    if field == TAGS:
        target.pop(TAGS, None)
        field, value = "tags", [{"name": tag} for tag in value or []]
    if value in (None, "", [], {}):
        target.pop(field, None)
    else:
        target[field] = value


def _value_of(values: DataDict, field: str) -> Any:
    """Return the value of a field; translations without the text of the main field.

    That text is a field of its own, which is compared by itself.
    """
    if field == TAGS and "tags" in values:
        return sorted(tag["name"] for tag in values["tags"])
    value = values.get(field)
    if field.endswith(SUFFIX) and isinstance(value, Mapping):
        main = values.get(field.removesuffix(SUFFIX))
        return {language: text for language, text in value.items() if text != main}
    return value


def _decoded(extras: DataDict | None) -> DataDict:
    """Return stored extras as values, without those that are derived."""
    return {name: decoded(value) for name, value in (extras or {}).items() if name not in DERIVED}


def decoded(stored: Any) -> Any:
    """Return a stored extra as a value; lists and tables are stored as JSON."""
    if isinstance(stored, str) and stored[:1] in ("[", "{"):
        try:
            return json.loads(stored)
        except (ValueError, RecursionError):
            return stored
    return stored


def _are_equal(value: Any, other: Any) -> bool:
    try:
        return _comparable(value) == _comparable(other)
    except RecursionError:  # somebody has typed too many brackets within brackets
        return value == other


def _comparable(value: Any) -> Any:
    """Return a value for comparison: numbers are texts, line ends those of Unix.

    Empty parts and order do not count.
    """
    value = decoded(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, Mapping):
        parts = {key: _comparable(part) for key, part in value.items()}
        return {key: part for key, part in sorted(parts.items()) if part} or ""
    if isinstance(value, list):
        return sorted(filter(None, map(_comparable, value)), key=json.dumps) or ""
    return "" if value is None else str(value).replace("\r\n", "\n").strip()


# --- local additions, and datasets that follow a source ---

ADDED = """
    resource LEFT JOIN ecosphere_harvest_dataset AS harvested
        ON harvested.package_id = resource.package_id
    WHERE resource.state = 'active' AND (
        coalesce(resource.url_type = 'upload', false)
        OR coalesce(NOT resource.id = ANY(harvested.resource_ids), false)
    )
    """
"""SQL: resources that were added on the portal; further conditions follow it."""


def is_locked(package_id: str) -> bool:
    """Return whether a source that is still harvested publishes a dataset."""
    return bool(locked_datasets([package_id]))


_LOCKED = sa.text("""
    SELECT record.package_id, coalesce(nullif(source.title, ''), source.url)
    FROM ecosphere_harvest_record AS record
    JOIN harvest_source AS source ON source.id = record.source_id AND source.active
    JOIN package ON package.id = record.package_id
    WHERE record.package_id = ANY(:ids) AND record.state = 'published'
        AND (CAST(:owners AS text[]) IS NULL OR package.owner_org = ANY(CAST(:owners AS text[])))
    """)


def locked_datasets(
    package_ids: Iterable[str], owners: Iterable[str] | None = None
) -> dict[str, str]:
    """Return the datasets that a still harvested source publishes: id → title of the source.

    Args:
        package_ids: ids of datasets.
        owners: ids of organisations, to have only their datasets; None for all.
    """
    values = {"ids": list(package_ids), "owners": None if owners is None else list(owners)}
    return dict(model.Session.execute(_LOCKED, values).tuples().all())


def added_resources(package_id: str) -> list[str]:
    """Return the ids of the resources of a dataset that were added on the portal, in order."""
    query = f"SELECT resource.id FROM {ADDED} AND resource.package_id = :id"  # noqa: S608
    ids = model.Session.scalars(sa.text(f"{query} ORDER BY resource.position"), {"id": package_id})
    return list(ids)


def keep_additions(
    dataset: DataDict, package_id: str, extras: DataDict, resource_ids: list[str]
) -> list[str]:
    """Copy local additions to the new version of a dataset.

    Args:
        dataset: the new version, whose resources have their ids already; changed in place.
        package_id: the dataset.
        extras: its current extras, as stored in the database.
        resource_ids: ids of its resources that were added on the portal.

    Returns:
        ids of those that are kept. One whose URL is now in the record is not among them: it has
        passed its id on to the record's resource.
    """
    for name in config.local_fields() & extras.keys():
        if dataset.get(name) in (None, "", []):
            dataset[name] = decoded(extras[name])
    ids_of_record = {resource.get("id") for resource in dataset["resources"]}
    local_ids = [id_ for id_ in resource_ids if id_ not in ids_of_record]
    if local_ids:
        query = sa.select(model.Resource).where(
            model.Resource.package_id == package_id, model.Resource.id.in_(local_ids)
        )
        # As for the edit form: the URL of an uploaded file remains its file name.
        context: Any = {"model": model, "session": model.Session, "for_edit": True}
        resources = model.Session.scalars(query.order_by(model.Resource.position))
        dataset["resources"] += [
            model_dictize.resource_dictize(resource, context) for resource in resources
        ]
    return local_ids


def remember(package_ids: Iterable[str], added_ids: Iterable[str] = ()) -> None:
    """Store which resources of datasets the harvest wrote; the caller commits.

    Args:
        package_ids: datasets that were just saved.
        added_ids: ids of their resources that were added on the portal.
    """
    statement = f"""
        INSERT INTO {HarvestedDataset.__tablename__} (package_id, resource_ids)
        SELECT saved.id,
            coalesce(array_agg(resource.id) FILTER (WHERE resource.id IS NOT NULL), '{{}}')
        FROM unnest(CAST(:packages AS text[])) AS saved(id)
        LEFT JOIN resource ON resource.package_id = saved.id AND resource.state = 'active'
            AND NOT resource.id = ANY(CAST(:added AS text[]))
        GROUP BY saved.id
        ON CONFLICT (package_id) DO UPDATE SET resource_ids = EXCLUDED.resource_ids
        """  # noqa: S608 - only constants of this code
    model.Session.execute(
        sa.text(statement), {"packages": list(package_ids), "added": list(added_ids)}
    )
