"""Auth functions of `ecosphere_access`, and the resources and extracts that a user may read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import authz, model
from ckan.common import _
from ckan.types import AuthResult, Context, DataDict

from ckanext.ecosphere.access.model import EXTRACTS_KEPT, Extract
from ckanext.ecosphere.shared import authorization
from ckanext.ecosphere.shared.columns import now


@dataclass(frozen=True)
class ReadableResource:
    """A resource and its dataset, as model objects, which the user may read."""

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


def readable(context: Any, resource_id: Any) -> ReadableResource:
    """Return a resource if the user may read its dataset.

    Raises:
        NotFound: there is no such resource, or the user may not read its dataset.
    """
    resource = model.Resource.get(str(resource_id or ""))
    if resource is None or resource.state != model.State.ACTIVE or not resource.package_id:
        raise tk.ObjectNotFound(_("Resource not found"))
    try:
        authorization.dataset_readable(context, resource.package_id)
    except tk.ObjectNotFound as error:
        raise tk.ObjectNotFound(_("Resource not found")) from error
    package = model.Package.get(resource.package_id)
    if package is None:
        raise tk.ObjectNotFound(_("Resource not found"))
    return ReadableResource(resource, package)


def readable_extract(context: Any, id_: Any) -> Extract:
    """Return an extract if the user may read its dataset.

    Raises:
        NotFound: there is none, it is more than a day old, or the user may not read its dataset.
    """
    row = model.Session.get(Extract, str(id_ or ""))
    if row is None or row.created < now() - EXTRACTS_KEPT:
        raise tk.ObjectNotFound(_("There is no such extract, or it was deleted after a day."))
    readable(context, row.resource_id)
    return row


# --- auth functions -------------------------------------------------------------------------------


@tk.auth_allow_anonymous_access
def ecosphere_access_service_show(
    context: Context, data_dict: DataDict | None = None
) -> AuthResult:
    """Allow users who may read the dataset of the resource."""
    return _if_readable(context, data_dict)


def ecosphere_access_service_read(
    context: Context, data_dict: DataDict | None = None
) -> AuthResult:
    """Allow users who may create datasets in any organisation."""
    user = authorization.person(context)
    if user is not None and authz.has_user_permission_for_some_org(user.name, "create_dataset"):
        return {"success": True}
    message = _("Only people who describe datasets have services read.")
    return {"success": False, "msg": message}


@tk.auth_allow_anonymous_access
def ecosphere_access_extract_create(
    context: Context, data_dict: DataDict | None = None
) -> AuthResult:
    """Allow users who may read the dataset of the resource; the action limits the rate."""
    return _if_readable(context, data_dict)


@tk.auth_allow_anonymous_access
def ecosphere_access_extract_show(
    context: Context, data_dict: DataDict | None = None
) -> AuthResult:
    """Allow users who know the id of the extract and may read its dataset."""
    readable_extract(context, (data_dict or {}).get("id"))  # else NotFound
    return {"success": True}


def ecosphere_access_use_show(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow users who may edit the dataset."""
    return authorization.dataset_editable(context, (data_dict or {}).get("id"))


def _if_readable(context: Context, data_dict: DataDict | None) -> AuthResult:
    """Allow users who may read the dataset of the resource; for others, raise `NotFound`."""
    readable(context, (data_dict or {}).get("resource_id"))
    return {"success": True}


def get_auth_functions() -> DataDict:
    """Return the auth functions that the plugin registers."""
    own = {name: item for name, item in globals().items() if name.startswith("ecosphere_access_")}
    return authorization.deny_by_default(own)
