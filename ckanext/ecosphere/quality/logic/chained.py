"""Chained actions of CKAN that affect scores without calling the save hooks.

Other actions do call them: `organization_delete` and `organization_purge` patch the datasets left without an owner, and
the bulk actions patch each dataset. Vocabulary tags are not keywords, so changing them does not affect scores.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import logic, model
from ckan.types import Context, DataDict

from ckanext.ecosphere.quality.storage import bulk, rescore, saving, store


def dataset_purge(next_: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Delete the quality of a purged dataset in the same transaction."""
    tk.check_access("dataset_purge", context, data_dict)
    package = model.Package.get(tk.get_or_bust(data_dict, "id"))
    if package:
        store.forget(package.id)
    try:
        return next_(context, data_dict)
    except Exception:
        model.Session.rollback()
        raise


def package_owner_org_update(next_: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Score and index a dataset moved to another organisation; within a save, CKAN does both.

    CKAN 2.12.0 leaves the document with the former organisation in the index, whose members still find the dataset.
    """
    if context.get("defer_commit"):
        return next_(context, data_dict)
    result = next_(cast(Context, {**context, "defer_commit": True}), data_dict)
    package = model.Package.get(data_dict["id"])
    if package and store.is_scored(package.type):
        store.save(package.id, saving.stored_dataset(package))
        model.Session.flush()
        logic.index_update_package(context, package.id)
    model.repo.commit()
    return result


def tag_delete(next_: Callable[..., Any], context: Context, data_dict: DataDict) -> Any:
    """Score the datasets that lose a keyword, in the same transaction; CKAN's action then reindexes them."""
    tk.check_access("tag_delete", context, data_dict)
    tag = None if data_dict.get("vocabulary_id") else model.Tag.get(data_dict.get("id") or "")
    if tag is None:
        return next_(context, data_dict)
    query = sa.select(model.PackageTag.package_id).where(model.PackageTag.tag_id == tag.id).distinct()
    ids = list(model.Session.scalars(query))
    try:
        for start in range(0, len(ids), bulk.CHUNK):
            datasets = bulk.load(ids[start : start + bulk.CHUNK])
            for data in datasets.values():
                data["tags"] = [each for each in data["tags"] if each["name"] != tag.name]
            rescore.datasets(datasets)
        return next_(context, data_dict)
    except Exception:
        model.Session.rollback()
        raise


CHAINED = {
    function.__name__: tk.chained_action(function) for function in (dataset_purge, package_owner_org_update, tag_delete)
}
