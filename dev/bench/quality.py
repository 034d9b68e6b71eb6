"""Measure the cost of quality: on each save, and for a re-score of the whole catalogue.

    make bench-quality                 # 100 000 datasets
    make bench-quality DATASETS=10000

Uses the test database and index of the checkout, which are emptied before and after.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.cli.db import _get_pending_plugins, _run_migrations
from ckan.config.middleware import make_app
from ckan.lib import search
from ckan.tests.helpers import reset_db

from ckan.cli import load_config  # isort: skip

ROOT = Path(__file__).parents[2]
LIMIT_MS = 3.0
LIMIT_SECONDS = 15 * 60  # for 100 000 datasets
SAVES = 150
CORNERS = [[3.7, 45.2], [4.8, 45.2], [4.8, 46.3], [3.7, 46.3], [3.7, 45.2]]
BOX = json.dumps({"type": "Polygon", "coordinates": [CORNERS]})


def record(number: int) -> dict[str, Any]:
    """Return a dataset of typical size: description, codes, contact, bounding box, five resources."""
    eu = "http://publications.europa.eu/resource/authority"
    return {
        "name": f"bench-{number}",
        "title": f"Zones humides, secteur {number}",
        "notes": f"Inventaire {number} des zones humides. " + "Établi par relevés de terrain, zone par zone. " * 8,
        "license_id": "etalab-2.0",
        "tags": [{"name": name} for name in ("eau", "zone humide", "inventaire")],
        "theme": [
            "http://registre.data.developpement-durable.gouv.fr/ecospheres/themes-ecospheres/amenagement-et-urbanisme"
        ],
        "territory": ["http://id.insee.fr/geo/departement/42"],
        "temporal_coverage": [{"start": "2019-01-01", "end": "2024-12-31"}],
        "spatial_coverage": [{"bbox": BOX}],
        "contact": [{"name": "DDT", "email": "ddt@example.org"}],
        "provenance": "Relevés de terrain numérisés sur la BD ORTHO de l'IGN. " * 4,
        "reference_system": ["http://www.opengis.net/def/crs/EPSG/0/2154"],
        "access_rights": f"{eu}/access-right/PUBLIC",
        "frequency": f"{eu}/frequency/ANNUAL",
        "modified": "2024-01-10",
        "resources": [
            {"url": f"https://data.example.org/{number}/{n}.zip", "name": f"Fichier {n}", "format": form}
            for n, form in enumerate(("SHP", "GeoJSON", "WMS", "WFS", "PDF"))
        ],
    }


def context() -> Any:
    """Return an action context of the site user."""
    user = tk.get_action("get_site_user")({"ignore_auth": True}, {})["name"]
    return {"ignore_auth": True, "user": user, "session": model.Session, "auth_user_obj": model.User.get(user)}


class Timed:
    """A function of a module, replaced to note the milliseconds of each call: elapsed, SQL included, and processor."""

    def __init__(self, module: Any, name: str):
        self._function = getattr(module, name)
        self.elapsed: list[float] = []
        self.processor: list[float] = []
        setattr(module, name, self)

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Call the function."""
        model.Session.flush()
        begin, busy = time.perf_counter(), time.thread_time()
        result = self._function(*args, **named)
        model.Session.flush()
        self.elapsed.append((time.perf_counter() - begin) * 1000)
        self.processor.append((time.thread_time() - busy) * 1000)
        return result


def measure_saves(saves: int) -> bool:
    """Measure the cost of quality in creations and updates; return whether it is under the limit."""
    from ckanext.ecosphere.quality import datasets, store

    hook, index = Timed(datasets, "after_save"), Timed(store, "complete_document")
    organisation = tk.get_action("organization_create")(context(), {"name": "bench"})["id"]
    begin = time.perf_counter()
    for number in range(saves):
        made = tk.get_action("package_create")(context(), {**record(number), "owner_org": organisation})
        tk.get_action("package_update")(context(), {**made, "notes": made["notes"] + "Suite."})
    each = (time.perf_counter() - begin) / (2 * saves) * 1000
    cost = [first + second for first, second in zip(hook.elapsed, index.elapsed, strict=True)]
    busy = [first + second for first, second in zip(hook.processor, index.processor, strict=True)]
    print(f"{2 * saves} saves of a dataset with 5 resources, {each:.0f} ms each")
    print(f"quality, SQL included: median {statistics.median(cost):.2f} ms, of which")
    print(f"this process's own work: median {statistics.median(busy):.2f} ms")
    return statistics.median(cost) < LIMIT_MS


def multiply(datasets: int) -> None:
    """Copy the saved datasets, with tags and resources, until there are `datasets`."""
    have = model.Session.scalar(sa.text("SELECT count(*) FROM package")) or 1
    copies = -(-datasets // have) - 1
    package = ", ".join(c.name for c in model.package_table.c if c.name not in ("id", "name"))
    resource = ", ".join(c.name for c in model.resource_table.c if c.name not in ("id", "package_id"))
    for statement in (
        f"INSERT INTO package (id, name, {package}) SELECT id || '-' || n, name || '-' || n, {package} "
        "FROM package, generate_series(1, :copies) n",
        f"INSERT INTO resource (id, package_id, {resource}) SELECT id || '-' || n, package_id || '-' || n, {resource} "
        "FROM resource, generate_series(1, :copies) n",
        "INSERT INTO package_tag (id, package_id, tag_id, state) "
        "SELECT id || '-' || n, package_id || '-' || n, tag_id, state "
        "FROM package_tag, generate_series(1, :copies) n",
    ):
        model.Session.execute(sa.text(statement), {"copies": copies})
    model.Session.commit()
    model.Session.execute(sa.text("ANALYZE"))
    model.Session.commit()


def measure_rescore(datasets: int) -> bool:
    """Measure a full re-score, then one of what fell due; return whether the first is under the limit."""
    from ckanext.ecosphere.quality import rescore

    multiply(datasets)
    begin, busy = time.perf_counter(), time.process_time()
    outcome = rescore.everything()
    seconds, busy = time.perf_counter() - begin, time.process_time() - busy
    print(f"scores: {outcome.seen} datasets in {seconds:.0f} s, {busy:.0f} s of them this process's own work")
    model.Session.execute(sa.text("UPDATE ecosphere_quality SET due = '2000-01-01'"))
    model.Session.commit()
    begin = time.perf_counter()
    due = rescore.fallen_due()
    print(f"due only, from stored facts: {due.seen} datasets in {time.perf_counter() - begin:.0f} s")
    return seconds / outcome.seen * 100_000 < LIMIT_SECONDS


def main() -> int:
    """Run both measurements on an empty database; return 1 if one is over its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=100_000)
    arguments = parser.parse_args()
    app: Any = make_app(load_config(str(ROOT / "test.ini")))
    with app._wsgi_app.test_request_context():
        _empty()
        try:
            good = measure_saves(min(SAVES, arguments.datasets))
            good &= measure_rescore(arguments.datasets)
        finally:
            model.Session.rollback()
            _empty()
    return 0 if good else 1


def _empty() -> None:
    reset_db()
    search.clear_all()
    for plugin in _get_pending_plugins():
        _run_migrations(plugin)
    model.Session.execute(sa.text("TRUNCATE ecosphere_quality, ecosphere_quality_history"))
    model.Session.commit()


if __name__ == "__main__":
    raise SystemExit(main())
