"""Build index documents of many datasets together, identical to those that CKAN sends to Solr.

CKAN reads a dataset with ten queries, validates it twice and calls all plugins before it indexes
it. Here the same functions of CKAN and of the plugins are used, but with one query of each kind for
the whole batch. Datasets of other types (harvest sources) or with unsupported relations (groups,
relationships), and portals whose plugins replace `package_show`, are handled by `solr.document`. A
test of the harvest compares the results.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import logging
import types
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import logic, model
from ckan.lib import dictization
from ckan.lib import plugins as lib_plugins
from ckan.lib.dictization import model_dictize
from ckan.lib.search.common import SearchIndexError
from ckan.logic import schema as ckan_schema
from ckan.logic.action import get as core_get

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.fast_save.validation import Validation

Row = dict[str, Any]
OnError = Callable[[str, Exception], None]


class Documents:
    """Builder of documents; use one per run, since it caches preparations across batches."""

    def __init__(self) -> None:
        self._validation = Validation()
        self._default = ckan_schema.default_show_package_schema()
        # Skip it: it queries the database whether the name is free, but documents have no errors.
        self._without = [tk.get_validator("package_name_validator")]
        self._together = inspect.unwrap(tk.get_action("package_show")) is core_get.package_show

    def make(self, package_ids: list[str], on_error: OnError) -> list[solr.Document]:
        """Build the documents of some datasets.

        Args:
            package_ids: dataset ids.
            on_error: called for a dataset whose document cannot be built; the others are still
                built.
        """
        if not package_ids:
            return []
        query = sa.select(model.Package).where(model.Package.id.in_(package_ids))
        packages = {package.id: package for package in model.Session.scalars(query)}
        rows = _Rows(packages) if self._together else None
        references = asked_by_hooks(package_ids)
        documents = []
        for id_ in package_ids:
            try:
                package = packages.get(id_)
                if rows is None or package is None or rows.is_special(package):
                    document = solr.document(id_)
                else:
                    document = self._document(package, rows, packages)
            except Exception as error:
                # From a hook of any plugin: the dataset is saved, continue with the others.
                on_error(id_, error)
                continue
            if document:
                documents.append(document)
        del references
        return documents

    def _document(
        self, package: model.Package, rows: _Rows, packages: dict[str, model.Package]
    ) -> solr.Document | None:
        context: Any = {
            "ignore_auth": True,
            "use_cache": False,
            "validate": False,
            "package": package,
            "model": model,
            "session": model.Session,
            "user": "",
        }
        dataset = rows.dictize(package, context)
        for plugin in p.PluginImplementations(p.IPackageController):
            plugin.read(package)
        for plugin in p.PluginImplementations(p.IResourceController):
            for resource in dataset["resources"]:
                plugin.before_resource_show(resource)
        with_default, _errors = self._validation.validate(
            object(), context, dataset, self._default, "package_show", self._without
        )
        form = lib_plugins.lookup_package_plugin(dataset["type"])
        schema = form.show_package_schema()
        with_custom, _errors = self._validation.validate(
            form, context, dataset, schema, "package_show"
        )
        logic.apply_after_dataset_show_plugins(context, with_custom)
        dataset = {**with_default, "with_custom_schema": with_custom}
        return solr.build(dataset, KnownPackages(packages))


def asked_by_hooks(package_ids: list[str]) -> list[Any]:
    """Preload rows that hooks of other plugins read one by one.

    The caller must keep a reference to them, or the session drops them.
    """
    if not p.plugin_loaded("harvest"):
        return []
    from ckanext.harvest.model import HarvestObject, HarvestSource

    objects = sa.select(HarvestObject.harvest_source_id).where(
        HarvestObject.package_id.in_(package_ids)
    )
    source_ids = set(model.Session.scalars(objects))
    return list(
        model.Session.scalars(sa.select(HarvestSource).where(HarvestSource.id.in_(source_ids)))
    )


class KnownPackages(types.SimpleNamespace):
    """A stand-in for `ckan.model` in CKAN's index function,
    which returns the datasets of the batch without a query.
    """

    def __init__(self, packages: dict[str, model.Package]):
        package = types.SimpleNamespace(get=lambda id_: packages.get(id_) or model.Package.get(id_))
        super().__init__(
            Package=package, Resource=model.Resource, PackageRelationship=model.PackageRelationship
        )


class _Rows:
    """Related rows of a batch of datasets, and dataset dicts made of them."""

    def __init__(self, packages: dict[str, model.Package]):
        ids = list(packages)
        resource, group = model.resource_table, model.group_table
        self._resources = _grouped(
            sa.select(resource).where(resource.c["package_id"].in_(ids)), "package_id"
        )
        tag, use = model.tag_table, model.package_tag_table
        columns = (tag, use.c["state"], use.c["package_id"].label("_of"))
        tags = sa.select(*columns).join(use, tag.c["id"] == use.c["tag_id"])
        self._tags = _grouped(tags.where(use.c["package_id"].in_(ids)), "_of")
        self._special = _with_groups(ids) | _with_relationships(ids)
        owners = {package.owner_org for package in packages.values()}
        organisations = model.Session.execute(
            sa.select(group).where(group.c["id"].in_(owners), group.c["state"] == "active")
        )
        self._organisations = {row.id: row for row in organisations}

    def is_special(self, package: model.Package) -> bool:
        """Tell whether CKAN itself has to read a dataset: it has groups or relationships,
        or is a harvest source.
        """
        return package.type != "dataset" or package.id in self._special

    def dictize(self, package: model.Package, context: Any) -> Row:
        """Return a dataset as `ckan.lib.dictization.model_dictize.package_dictize` does,
        key for key.
        """
        dataset = dictization.table_dictize(package, context)
        if dataset.get("title"):
            dataset["title"] = dataset["title"].strip()
        dataset.pop("plugin_data", None)
        resources = model_dictize.resource_list_dictize(self._resources[package.id], context)
        dataset["resources"] = resources
        dataset["num_resources"] = len(resources)
        tags = dictization.obj_list_dictize(
            self._tags[package.id], context, lambda tag: tag["name"]
        )
        for tag in tags:
            del tag["_of"]
            tag["display_name"] = tag["name"]
        dataset["tags"] = tags
        dataset["num_tags"] = len(tags)
        extras = dataset["extras"] or {}
        dataset["extras"] = [{"key": key, "value": value} for key, value in extras.items()]
        dataset["groups"] = []
        context["with_capacity"] = False
        dataset["organization"] = self._organisation(package, context)
        dataset["relationships_as_subject"] = []
        dataset["relationships_as_object"] = []
        dataset["isopen"] = package.isopen()
        dataset["type"] = package.type or "dataset"
        dataset |= _licence(package)
        dataset["metadata_modified"] = package.metadata_modified.isoformat()
        created = package.metadata_created
        dataset["metadata_created"] = created.isoformat() if created else None
        return dataset

    def _organisation(self, package: model.Package, context: Any) -> Row | None:
        owner = self._organisations.get(package.owner_org or "")
        if owner is None:
            return None
        organisation = dictization.table_dictize(owner, context)
        organisation.pop("extras", None)
        return organisation


def _licence(package: model.Package) -> Row:
    licence = package.license
    if licence is None:
        return {"license_title": package.license_id}
    if not licence.url:
        return {"license_title": licence.title}
    return {"license_url": licence.url, "license_title": licence.title.split("::")[-1]}


def _with_groups(ids: list[str]) -> set[str]:
    member, group = model.member_table, model.group_table
    query = (
        sa.select(member.c["table_id"])
        .join(group, group.c["id"] == member.c["group_id"])
        .where(member.c["table_id"].in_(ids), group.c["is_organization"].is_(False))
    )
    return set(model.Session.scalars(query))


def _with_relationships(ids: list[str]) -> set[str]:
    special: set[str] = set()
    for name in ("subject_package_id", "object_package_id"):
        column = model.package_relationship_table.c[name]
        special.update(model.Session.scalars(sa.select(column).where(column.in_(ids))))
    return special


def _grouped(query: Any, column: str) -> defaultdict[str, list[Any]]:
    rows: defaultdict[str, list[Any]] = defaultdict(list)
    for row in model.Session.execute(query):
        rows[getattr(row, column)].append(row)
    return rows


# --- from the copies in the index ---

#: Keys that ckanext-harvest's hook adds to the copy, and would add again.
ADDED_BY_HARVEST = ("harvest_object_id", "harvest_source_id", "harvest_source_title")
COPIES = ("data_dict", "validated_data_dict")


class KeptDocuments:
    """Builder of documents from stored copies; use one per run.

    Attributes:
        from_index: number of documents built from the index; the others are built from the
            database.
    """

    def __init__(self) -> None:
        self.from_index = 0
        self._documents = Documents()

    def make(self, package_ids: Sequence[str], on_error: OnError) -> list[solr.Document]:
        """Build the documents of some datasets.

        Args:
            package_ids: dataset ids; those missing from the index, or with unusable copies, are
                read from the database.
            on_error: called for a dataset whose document cannot be built; the others are still
                built.

        Raises:
            SolrAwayError: Solr is down.
        """
        copies = {}
        if package_ids:
            fields = ("id", *COPIES)
            stored = solr.kept([index_id(id_) for id_ in package_ids], fields)
            copies = {copy["id"]: copy for copy in stored}
        query = sa.select(model.Package).where(
            model.Package.id.in_(copies), model.Package.state == model.State.ACTIVE
        )
        packages = {package.id: package for package in model.Session.scalars(query)}
        copies = {id_: copy for id_, copy in copies.items() if id_ in packages}
        references = asked_by_hooks(list(copies))
        if copies and not self._is_faithful(next(iter(copies.values())), packages):
            copies = {}
        documents = []
        for id_, copy in copies.items():
            try:
                document = _again(copy, packages)
            except Exception as error:  # from a hook of any plugin: continue with the others
                on_error(id_, error)
                continue
            if document:
                documents.append(document)
        del references
        self.from_index += len(documents)
        others = [id_ for id_ in package_ids if id_ not in copies]
        return documents + self._documents.make(others, on_error)

    def _is_faithful(self, copy: Row, packages: dict[str, model.Package]) -> bool:
        failures: list[Exception] = []
        expected = self._documents.make([copy["id"]], lambda _id, error: failures.append(error))
        try:
            document = _again(copy, packages)
        except Exception:  # reported when the batch is built from the database
            return False
        if failures or len(expected) != 1:
            return False
        return _readable(document) == _readable(expected[0])


def index_id(package_id: str) -> str:
    """Return the key under which CKAN indexes a dataset."""
    return hashlib.md5(
        f"{package_id}{tk.config['ckan.site_id']}".encode(), usedforsecurity=False
    ).hexdigest()


def _again(copy: Row, packages: dict[str, model.Package]) -> solr.Document | None:
    default, custom = (json.loads(copy[name]) for name in COPIES)
    if p.plugin_loaded("harvest"):
        for dataset in (default, custom):
            if "extras" in dataset:
                dataset["extras"] = [
                    extra for extra in dataset["extras"] if extra.get("key") not in ADDED_BY_HARVEST
                ]
    return solr.build(dict(default, with_custom_schema=custom), KnownPackages(packages))


def _readable(document: solr.Document | None) -> Row:
    """Return a document with its copies parsed, so that the order of keys and extras does not
    matter.

    The database has its own order of extras, which differs between a dataset just saved and the
    same one read again.
    """
    readable = dict(document or {})
    for name in COPIES:
        if name in readable:
            readable[name] = _unordered(readable[name])
    return readable


def _unordered(copy: str) -> Row:
    dataset = json.loads(copy)
    if "extras" in dataset:
        dataset["extras"] = sorted(dataset["extras"], key=lambda extra: extra["key"])
    return dataset


# --- the signature of the schema ---

# CKAN shows and edits datasets as stored in the index. A document written without these plugins, or
# with another schema, has its fields in other places: the next save would lose them. So each
# document carries the signature of its schema, and `ckan ecosphere init` rewrites those with
# another one.

log = logging.getLogger(__name__)

FIELD = "ecosphere_schema"
#: Properties of a field that determine where and how its value is stored in a document.
DECISIVE = ("field_name", "repeating_subfields", "output_validators", "validators", "preset")
PAGE, BATCH = 1000, 100
#: The last schema, and its signature.
_last: list[Any] = []


def current_signature() -> str:
    """Return the signature of the current dataset schema, "" without ckanext-scheming."""
    if not p.plugin_loaded("scheming_datasets"):
        return ""
    schema = tk.h.scheming_get_dataset_schema("dataset", expanded=False) or {}
    if not _last or _last[0] is not schema:
        fields = [*schema.get("dataset_fields", ()), *schema.get("resource_fields", ())]
        parts = []
        for field in fields:
            parts.append({key: field[key] for key in DECISIVE if key in field})
        digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
        _last[:] = [schema, digest[:16]]
    return _last[1]


def sign(document: Row, signature: str) -> None:
    """Add the signature to a document before it is sent to Solr."""
    if document.get("dataset_type") == "dataset":
        document[FIELD] = signature


def stale() -> list[str]:
    """Return the ids of datasets whose document is missing or has another signature."""
    fresh: set[str] = set()
    query = [
        f'site_id:"{tk.config["ckan.site_id"]}"',
        "entity_type:package",
        f'{FIELD}:"{current_signature()}"',
    ]
    start, hits = 0, 1
    while start < hits:
        answer = solr.search(fq=query, fl="id", rows=PAGE, start=start, sort="id asc")
        fresh.update(document["id"] for document in answer.docs)
        start, hits = start + PAGE, answer.hits
    package = model.Package
    datasets = sa.select(package.id).where(package.type == "dataset", package.state != "deleted")
    return sorted(set(model.Session.scalars(datasets)) - fresh)


def index(ids: Collection[str]) -> list[str]:
    """Reindex datasets, with one commit at the end.

    Returns:
        ids of datasets whose document cannot be built, or that Solr refuses.

    Raises:
        SolrAwayError: Solr is down.
    """
    failed: list[str] = []

    def note(id_: str, error: Exception) -> None:
        log.error("Dataset %s cannot be indexed: %r", id_, error)
        failed.append(id_)

    builder, ordered = Documents(), list(ids)
    for start in range(0, len(ordered), BATCH):
        batch = builder.make(ordered[start : start + BATCH], note)
        try:
            solr.add(batch, commit=False)
        except solr.SolrAwayError:
            raise
        except SearchIndexError:
            solr.add_one_by_one(batch, note)
        model.Session.expunge_all()
    if ordered:
        solr.commit()
    return failed
