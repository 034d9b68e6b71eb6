"""Fetch the Table Schema of a table, for the titles of its columns."""

from __future__ import annotations

import json
import shutil
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from ckan import model
from ckan.lib import uploader

from ckanext.ecosphere.access import config
from ckanext.ecosphere.shared.http_guard import FetchError, GuardedSession

SECONDS, MEGABYTES = 10, 4
MOST_ASKED = 3
FIRST_ERROR = 400
#: Usual names of schema files, in datasets and at schema.data.gouv.fr.
NAMES = ("schema.json", "tableschema.json", "table-schema.json")


def bring(resource: Any, target: Path) -> bool:
    """Fetch the schema of a resource to a file.

    It is the first JSON URL in ``conforms_to`` of the resource, else a schema file among the other resources of its
    dataset.

    Args:
        resource: the `model.Resource`.
        target: the file to write.

    Returns:
        whether a schema was found; errors are ignored.
    """
    urls = [url for url in _standards(resource) if _is_json(url) and config.host_allowed(url)]
    if any(_fetched(url, target) for url in urls[:MOST_ASKED]):
        return True
    return any(_copied(other, target) for other in _others(resource)[:MOST_ASKED])


def _standards(resource: Any) -> list[str]:
    """Return what a resource conforms to, stored as a list or as JSON."""
    value = (resource.extras or {}).get("conforms_to") or []
    if isinstance(value, str) and value.startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            return []
    if isinstance(value, str):
        value = [value]
    return list(map(str, value))


def _is_json(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.path.lower().endswith(".json")


def _others(resource: Any) -> list[Any]:
    rows = sa.select(model.Resource).where(
        model.Resource.package_id == resource.package_id,
        model.Resource.state == model.State.ACTIVE,
        model.Resource.id != resource.id,
    )
    others = model.Session.scalars(rows.order_by(model.Resource.position))
    return [other for other in others if _file_name(other.url) in NAMES]


def _file_name(url: str | None) -> str:
    return PurePosixPath(str(url or "").partition("?")[0]).name.lower()


def _copied(resource: Any, target: Path) -> bool:
    if resource.url_type != "upload":
        is_allowed = _is_json(resource.url) and config.host_allowed(resource.url)
        return is_allowed and _fetched(resource.url, target)
    upload = uploader.get_resource_uploader({"id": resource.id, "url_type": "upload"})
    path = Path(upload.get_path(resource.id))
    if not path.is_file() or path.stat().st_size > MEGABYTES * config.MEGABYTE:
        return False
    shutil.copyfile(path, target)
    return True


def _fetched(url: str, target: Path) -> bool:
    try:
        with target.open("w+b") as file:
            answer = GuardedSession(config.guard_settings(SECONDS, MEGABYTES)).get(url, into=file)
    except FetchError:
        return False
    return answer.status < FIRST_ERROR
