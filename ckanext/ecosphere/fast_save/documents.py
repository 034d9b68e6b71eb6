"""Build index documents of many datasets together, identical to those that CKAN sends to Solr.

CKAN reads a dataset with ten queries, validates it twice and calls all plugins before it indexes it. Here the same
functions of CKAN and of the plugins are used, but with one query of each kind for the whole batch. Datasets of other
types (harvest sources) or with unsupported relations (groups, relationships), and portals whose plugins replace
`package_show`, are handled by `solr.document`. A test of the harvest compares the results.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import types
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import ckan.plugins as p
import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import logic, model
from ckan.lib import dictization
from ckan.lib import plugins as lib_plugins
from ckan.lib.dictization import model_dictize
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
            on_error: called for a dataset whose document cannot be built; the others are still built.
        """
        if not package_ids:
            return []
        query = sa.select(model.Package).where(model.Package.id.in_(package_ids))
        packages = {package.id: package for package in model.Session.scalars(query)}
        rows = _Rows(packages) if self._together else None
        held = asked_by_hooks(package_ids)
        documents = []
        for id_ in package_ids:
            try:
                if rows is None or id_ not in packages or packages[id_].type != "dataset" or id_ in rows.special:
                    document = solr.document(id_)
                else:
                    document = self._document(packages[id_], rows, packages)
            except Exception as error:  # from a hook of any plugin: the dataset is saved, continue with the others
                on_error(id_, error)
            else:
                documents += [document] if document else []
        del held
        return documents

    def _document(
        self, package: model.Package, rows: _Rows, packages: dict[str, model.Package]
    ) -> solr.Document | None:
        context: Any = {"ignore_auth": True, "use_cache": False, "validate": False, "package": package}
        context |= {"model": model, "session": model.Session, "user": ""}
        shown = rows.dictize(package, context)
        for plugin in p.PluginImplementations(p.IPackageController):
            plugin.read(package)
        for plugin in p.PluginImplementations(p.IResourceController):
            for resource in shown["resources"]:
                plugin.before_resource_show(resource)
        with_default, _errors = self._validation.validate(
            object(), context, shown, self._default, "package_show", self._without
        )
        form = lib_plugins.lookup_package_plugin(shown["type"])
        custom = form.show_package_schema()
        with_custom, _errors = self._validation.validate(form, context, shown, custom, "package_show")
        logic.apply_after_dataset_show_plugins(context, with_custom)
        return solr.build(dict(with_default, with_custom_schema=with_custom), KnownPackages(packages))


def asked_by_hooks(package_ids: list[str]) -> list[Any]:
    """Preload rows that hooks of other plugins read one by one.

    The caller must keep a reference to them, or the session drops them.
    """
    if not p.plugin_loaded("harvest"):
        return []
    from ckanext.harvest.model import HarvestObject, HarvestSource

    objects = sa.select(HarvestObject.harvest_source_id).where(HarvestObject.package_id.in_(package_ids))
    source_ids = set(model.Session.scalars(objects))
    return list(model.Session.scalars(sa.select(HarvestSource).where(HarvestSource.id.in_(source_ids))))


class KnownPackages(types.SimpleNamespace):
    """A stand-in for `ckan.model` in CKAN's index function, which returns the datasets of the batch without a query."""

    def __init__(self, packages: dict[str, model.Package]):
        package = types.SimpleNamespace(get=lambda id_: packages.get(id_) or model.Package.get(id_))
        super().__init__(Package=package, Resource=model.Resource, PackageRelationship=model.PackageRelationship)


class _Rows:
    """Related rows of a batch of datasets, and dataset dicts made of them.

    Attributes:
        special: ids of datasets with groups or relationships.
    """

    def __init__(self, packages: dict[str, model.Package]):
        ids = list(packages)
        resource, tag, use, member, group = (
            model.resource_table,
            model.tag_table,
            model.package_tag_table,
            model.member_table,
            model.group_table,
        )
        relation = model.package_relationship_table
        self._resources = _grouped(sa.select(resource).where(resource.c["package_id"].in_(ids)), "package_id")
        columns = (tag, use.c["state"], use.c["package_id"].label("_of"))
        tags = sa.select(*columns).join(use, tag.c["id"] == use.c["tag_id"])
        self._tags = _grouped(tags.where(use.c["package_id"].in_(ids)), "_of")
        groups = sa.select(member.c["table_id"]).join(group, group.c["id"] == member.c["group_id"])
        groups = groups.where(member.c["table_id"].in_(ids), group.c["is_organization"].is_(False))
        self.special = set(model.Session.scalars(groups))
        for column in ("subject_package_id", "object_package_id"):
            self.special |= set(model.Session.scalars(sa.select(relation.c[column]).where(relation.c[column].in_(ids))))
        owners = {package.owner_org for package in packages.values()}
        found = model.Session.execute(sa.select(group).where(group.c["id"].in_(owners), group.c["state"] == "active"))
        self._organisations = {row.id: row for row in found}

    def dictize(self, package: model.Package, context: Any) -> Row:
        """Return a dataset as `ckan.lib.dictization.model_dictize.package_dictize` does, key for key."""
        shown = dictization.table_dictize(package, context)
        if shown.get("title"):
            shown["title"] = shown["title"].strip()
        shown.pop("plugin_data", None)
        shown["resources"] = model_dictize.resource_list_dictize(self._resources[package.id], context)
        shown["num_resources"] = len(shown["resources"])
        tags = dictization.obj_list_dictize(self._tags[package.id], context, lambda tag: tag["name"])
        shown["tags"] = [{**_without(tag, "_of"), "display_name": tag["name"]} for tag in tags]
        shown["num_tags"] = len(tags)
        shown["extras"] = [{"key": key, "value": value} for key, value in (shown["extras"] or {}).items()]
        shown["groups"] = []
        context["with_capacity"] = False
        owner = self._organisations.get(package.owner_org or "")
        shown["organization"] = _without(dictization.table_dictize(owner, context), "extras") if owner else None
        shown["relationships_as_subject"], shown["relationships_as_object"] = [], []
        shown["isopen"] = package.isopen()
        shown["type"] = package.type or "dataset"
        license_ = package.license
        if license_ and license_.url:
            shown["license_url"] = license_.url
        title = license_.title if license_ else package.license_id
        shown["license_title"] = title.split("::")[-1] if license_ and license_.url else title
        shown["metadata_modified"] = package.metadata_modified.isoformat()
        shown["metadata_created"] = package.metadata_created.isoformat() if package.metadata_created else None
        return shown


def _grouped(query: Any, column: str) -> defaultdict[str, list[Any]]:
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for row in model.Session.execute(query):
        found[getattr(row, column)].append(row)
    return found


def _without(values: Row, name: str) -> Row:
    return {key: value for key, value in values.items() if key != name}


#: Keys that ckanext-harvest's hook adds to the copy, and would add again.
ADDED_BY_HARVEST = ("harvest_object_id", "harvest_source_id", "harvest_source_title")
COPIES = ("data_dict", "validated_data_dict")


class KeptDocuments:
    """Builder of documents from stored copies; use one per run.

    Attributes:
        from_index: number of documents built from the index; the others are built from the database.
    """

    def __init__(self) -> None:
        self.from_index = 0
        self._documents = Documents()

    def make(self, package_ids: Sequence[str], on_error: OnError) -> list[solr.Document]:
        """Build the documents of some datasets.

        Args:
            package_ids: dataset ids; those missing from the index, or with unusable copies, are read from the database.
            on_error: called for a dataset whose document cannot be built; the others are still built.

        Raises:
            SolrAwayError: Solr is down.
        """
        copies = solr.kept([index_id(id_) for id_ in package_ids], ("id", *COPIES)) if package_ids else []
        query = sa.select(model.Package).where(
            model.Package.id.in_([copy["id"] for copy in copies]), model.Package.state == model.State.ACTIVE
        )
        packages = {package.id: package for package in model.Session.scalars(query)}
        known = {copy["id"]: copy for copy in copies if copy["id"] in packages}
        held = asked_by_hooks(list(known))
        if known and not self._is_faithful(next(iter(known.values())), packages):
            known = {}
        documents = []
        for id_, copy in known.items():
            try:
                made = _again(copy, packages)
            except Exception as error:  # from a hook of any plugin: continue with the others
                on_error(id_, error)
            else:
                documents += [made] if made else []
        del held
        self.from_index += len(documents)
        return documents + self._documents.make([id_ for id_ in package_ids if id_ not in known], on_error)

    def _is_faithful(self, copy: dict[str, Any], packages: dict[str, model.Package]) -> bool:
        failed: list[Exception] = []
        expected = self._documents.make([copy["id"]], lambda _id, error: failed.append(error))
        try:
            made = _again(copy, packages)
        except Exception:  # reported when the batch is built from the database
            return False
        return not failed and [_readable(made)] == [_readable(each) for each in expected]


def index_id(package_id: str) -> str:
    """Return the key under which CKAN indexes a dataset."""
    return hashlib.md5(f"{package_id}{tk.config['ckan.site_id']}".encode(), usedforsecurity=False).hexdigest()


def _again(copy: dict[str, Any], packages: dict[str, model.Package]) -> solr.Document | None:
    default, custom = (json.loads(copy[name]) for name in COPIES)
    if p.plugin_loaded("harvest"):
        for shown in (default, custom):
            if "extras" in shown:
                shown["extras"] = [each for each in shown["extras"] if each.get("key") not in ADDED_BY_HARVEST]
    return solr.build(dict(default, with_custom_schema=custom), KnownPackages(packages))


def _readable(document: solr.Document | None) -> dict[str, Any]:
    """Return a document with its copies parsed, so that the order of keys and extras does not matter.

    The database has its own order of extras, which differs between a dataset just saved and the same one read again.
    """
    return {name: _unordered(value) if name in COPIES else value for name, value in (document or {}).items()}


def _unordered(copy: str) -> dict[str, Any]:
    shown = json.loads(copy)
    if "extras" in shown:
        shown["extras"] = sorted(shown["extras"], key=lambda extra: extra["key"])
    return shown
