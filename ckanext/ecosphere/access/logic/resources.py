"""Load resources and extracts, if the user may read their dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere.access.model import EXTRACTS_KEPT, Extract, now
from ckanext.ecosphere.shared import authorization


@dataclass(frozen=True)
class Found:
    """A resource and its dataset, as model objects."""

    resource: model.Resource
    package: model.Package

    @property
    def names(self) -> tuple[str, str]:
        """Name of the resource and title of the dataset."""
        return (self.resource.name or "", self.package.title or "")

    @property
    def is_public(self) -> bool:
        """Whether the dataset is public."""
        return not self.package.private and self.package.state == model.State.ACTIVE


def package_of(resource_id: Any) -> str:
    """Return the id of the dataset of a resource.

    Raises:
        NotFound: there is no such resource.
    """
    resource = model.Resource.get(str(resource_id or ""))
    if resource is None or resource.state != model.State.ACTIVE or not resource.package_id:
        raise tk.ObjectNotFound(tk._("Resource not found"))
    return resource.package_id


def readable(context: Any, resource_id: Any) -> Found:
    """Return a resource if the user may read its dataset.

    Raises:
        NotFound: there is no such resource, or the user may not read its dataset.
    """
    package_id = package_of(resource_id)
    try:
        authorization.dataset_readable(context, package_id)
    except tk.ObjectNotFound as error:
        raise tk.ObjectNotFound(tk._("Resource not found")) from error
    resource, package = model.Resource.get(str(resource_id)), model.Package.get(package_id)
    if resource is None or package is None:
        raise tk.ObjectNotFound(tk._("Resource not found"))
    return Found(resource, package)


def extract(context: Any, id_: Any) -> Extract:
    """Return an extract if the user may read its dataset.

    Raises:
        NotFound: there is none, it is more than a day old, or the dataset may not be read.
    """
    row = model.Session.get(Extract, str(id_ or ""))
    if row is None or row.created < now() - EXTRACTS_KEPT:
        raise tk.ObjectNotFound(tk._("There is no such extract, or it was deleted after a day."))
    readable(context, row.resource_id)
    return row
