"""Fetch the Table Schema of a table, for the titles of its columns."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
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
    named = [url for url in _followed(resource) if _is_json(url) and config.host_allowed(url)]
    if any(_fetched(url, target) for url in named[:MOST_ASKED]):
        return True
    return any(_beside(other, target) for other in _others(resource)[:MOST_ASKED])


def _followed(resource: Any) -> Iterator[str]:
    value = (resource.extras or {}).get("conforms_to") or []
    if isinstance(value, str):
        try:
            value = json.loads(value) if value.startswith("[") else [value]
        except ValueError:
            return
    yield from (str(each) for each in value)


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
    found = model.Session.scalars(rows.order_by(model.Resource.position)).all()
    return [
        each
        for each in found
        if PurePosixPath(str(each.url or "").partition("?")[0]).name.lower() in NAMES
    ]


def _beside(resource: Any, target: Path) -> bool:
    if resource.url_type != "upload":
        return (
            _is_json(resource.url)
            and config.host_allowed(resource.url)
            and _fetched(resource.url, target)
        )
    path = Path(
        uploader.get_resource_uploader({"id": resource.id, "url_type": "upload"}).get_path(
            resource.id
        )
    )
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
