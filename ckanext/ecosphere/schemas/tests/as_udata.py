# pyright: reportMissingImports=false
"""Harvest an address with udata's own harvester, and print what its datasets became; run in udata's
own environment.

    python as_udata.py BACKEND ADDRESS

BACKEND is one of those of udata (`dcat`, `csw-iso-19139`…). mongomock takes the place of MongoDB.
Prints a JSON object: `status` and `errors` of the job, `items` with the state and errors of each
record, `datasets`.
"""

from __future__ import annotations

import json
import secrets
import sys
from typing import Any


def harvest(backend: str, address: str) -> dict[str, Any]:
    """Harvest an address into a udata of its own."""
    import mongomock
    from udata import settings
    from udata.app import create_app, standalone
    from udata.core.dataset.models import Dataset, License
    from udata.core.organization.models import Organization
    from udata.harvest import backends
    from udata.harvest.models import HarvestSource

    class Options(settings.Defaults):
        MONGODB_SETTINGS = {
            "host": "mongodb://127.0.0.1/udata",
            "mongo_client_class": mongomock.MongoClient,
        }
        SECRET_KEY = SECURITY_PASSWORD_SALT = secrets.token_urlsafe(32)
        CELERY_TASK_ALWAYS_EAGER = True
        CACHE_TYPE = "flask_caching.backends.NullCache"
        HARVESTER_BACKENDS = [backend]
        SERVER_NAME = "udata.test"
        API_TOKEN_SECRET = secrets.token_urlsafe(32)
        DEFAULT_LANGUAGE = "fr"
        URLS_ALLOW_PRIVATE = True
        URLS_ALLOW_LOCAL = True

    app = standalone(create_app(Options))
    with app.test_request_context():
        for key, title, url, others in LICENCES:
            License(id=key, title=title, url=url, alternate_urls=others).save()
        organisation = Organization(name="Guichet", description="Guichet").save()
        source = HarvestSource(
            name="guichet", url=address, backend=backend, organization=organisation
        ).save()
        job = backends.get_backend(backend)(source).harvest()
        items = [
            {
                "id": item.remote_id,
                "status": item.status,
                "errors": [error.message for error in item.errors],
            }
            for item in job.items
        ]
        datasets = [summary(dataset) for dataset in Dataset.objects]
        return {
            "status": job.status,
            "errors": [error.message + str(error.details or "") for error in job.errors],
            "items": items,
            "datasets": datasets,
        }


#: Licences of data.gouv.fr that the portal's own list has, too: id, title, address, other
#: addresses.
LICENCES = (
    (
        "lov2",
        "Licence Ouverte / Open Licence version 2.0",
        "https://www.etalab.gouv.fr/licence-ouverte-open-licence",
        ["https://spdx.org/licenses/etalab-2.0", "https://spdx.org/licenses/etalab-2.0.html"],
    ),
    (
        "odc-odbl",
        "Open Data Commons Open Database License (ODbL)",
        "http://opendatacommons.org/licenses/odbl/summary/",
        ["https://spdx.org/licenses/ODbL-1.0", "https://spdx.org/licenses/ODbL-1.0.html"],
    ),
    ("notspecified", "License Not Specified", None, []),
)


def summary(dataset: Any) -> dict[str, Any]:
    """Return what the portal publishes, too, of a dataset of udata."""
    spatial = dataset.spatial
    return {
        "id": dataset.harvest.remote_id,
        "uri": dataset.harvest.uri,
        "title": dataset.title,
        "description": dataset.description,
        "licence": dataset.license.id if dataset.license else None,
        "frequency": str(dataset.frequency),
        "keywords": sorted(dataset.tags),
        "badges": [badge.kind for badge in dataset.badges],
        "access": str(dataset.access_type),
        "geometry": spatial.geom if spatial else None,
        "contacts": [
            [contact.name, contact.email, contact.role] for contact in dataset.contact_points
        ],
        "created": dataset.harvest.created_at,
        "modified": dataset.harvest.modified_at,
        "resources": [
            [resource.title, resource.url, resource.format] for resource in dataset.resources
        ],
    }


if __name__ == "__main__":
    print(json.dumps(harvest(*sys.argv[1:3]), ensure_ascii=False, default=str))
