"""Unfinished descriptions: datasets in CKAN's state "draft", which only their creators find in searches."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import authz, model

MOST = 20


def of(user_name: str) -> list[dict[str, Any]]:
    """Return the unfinished descriptions that a user may continue; see `ecosphere_dataset_unfinished`."""
    user = model.User.get(user_name)
    if user is None:
        return []
    package: Any = model.Package
    chosen = sa.and_(package.owner_org.is_(None), package.creator_user_id == user.id)
    if authz.is_sysadmin(user_name):
        chosen = package.creator_user_id == user.id
    elif services := _services(user_name):
        chosen = sa.or_(chosen, package.owner_org.in_(services))
    query = (
        sa.select(package, model.Group.title, model.User.fullname, model.User.name)
        .outerjoin(model.Group, model.Group.id == package.owner_org)
        .outerjoin(model.User, model.User.id == package.creator_user_id)
        .where(package.state == "draft", package.type == "dataset", chosen)
        .order_by(package.metadata_created.desc())
        .limit(MOST)
    )
    return [
        {
            "id": dataset.id,
            "name": dataset.name,
            "title": dataset.title or dataset.name,
            "service": service or "",
            "begun": dataset.metadata_created.isoformat(),
            "by": "" if dataset.creator_user_id == user.id else fullname or name or "",
        }
        for dataset, service, fullname, name in model.Session.execute(query)
        if authz.is_authorized_boolean("package_update", {"user": user_name}, {"id": dataset.id})
    ]


def _services(user_name: str) -> list[str]:
    found = tk.get_action("organization_list_for_user")({"user": user_name}, {"permission": "update_dataset"})
    return [each["id"] for each in found]


def ecosphere_unfinished() -> list[dict[str, Any]]:
    """Return the unfinished descriptions of the current user (template helper)."""
    try:
        return tk.get_action("ecosphere_dataset_unfinished")({}, {})
    except tk.NotAuthorized:
        return []
