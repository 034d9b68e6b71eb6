"""Measure the cost of quality: on each save, and for a re-score of the whole catalogue.

    make bench-quality                 # 100 000 datasets
    make bench-quality DATASETS=10000

Uses the test database and index of the checkout, which are emptied before and after.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pysolr
import sqlalchemy as sa
from ckan import model
from ckan.cli.db import _get_pending_plugins, _run_migrations
from ckan.config.middleware import make_app
from ckan.lib import search
from ckan.tests.helpers import reset_db

from ckanext.ecosphere.fast_save import solr
from ckanext.ecosphere.fast_save.documents import Documents
from ckanext.ecosphere.fast_save.stored_documents import index_id

from ckan.cli import load_config  # isort: skip

ROOT = Path(__file__).parents[2]
LIMIT_MS = 3.0
LIMIT_SECONDS = 15 * 60  # for 100 000 datasets
SAVES = 150
INDEXED = 500
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


def timed(calls: list[float], cpu: list[float], function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap `function` to record the wall-clock time (SQL included) and processor time of each call, in milliseconds."""

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        model.Session.flush()
        start, busy = time.perf_counter(), time.thread_time()
        result = function(*args, **kwargs)
        model.Session.flush()
        calls.append((time.perf_counter() - start) * 1000)
        cpu.append((time.thread_time() - busy) * 1000)
        return result

    return wrapper


def measure_saves() -> bool:
    """Measure the cost of quality in creations and updates; return whether it is under the limit."""
    from ckanext.ecosphere.quality.storage import indexing, saving

    hook: list[float] = []
    index: list[float] = []
    hook_cpu: list[float] = []
    index_cpu: list[float] = []
    whole: list[float] = []
    trips: list[float] = []
    adds: list[int] = []
    after_save, complete, add = saving.after_save, indexing.complete, pysolr.Solr.add
    saving.after_save = timed(hook, hook_cpu, after_save)
    indexing.complete = timed(index, index_cpu, complete)
    pysolr.Solr.add = lambda self, docs, *a, **k: (adds.append(len(docs)), add(self, docs, *a, **k))[1]
    organisation = tk.get_action("organization_create")(context(), {"name": "bench"})["id"]
    try:
        for number in range(SAVES):
            start = time.perf_counter()
            made = tk.get_action("package_create")(context(), {**record(number), "owner_org": organisation})
            whole.append((time.perf_counter() - start) * 1000)
            start = time.perf_counter()
            tk.get_action("package_update")(context(), {**made, "notes": made["notes"] + "Suite."})
            whole.append((time.perf_counter() - start) * 1000)
            start = time.perf_counter()
            model.Session.execute(sa.text("SELECT 1"))
            trips.append((time.perf_counter() - start) * 1000)
    finally:
        saving.after_save, indexing.complete, pysolr.Solr.add = after_save, complete, add
    cost = [a + b for a, b in zip(hook, index, strict=True)]
    ninety_five = statistics.quantiles(cost, n=20)[-1]
    print(f"{len(whole)} saves of a dataset with 5 resources, median {statistics.median(whole):.0f} ms each")
    print(f"quality, SQL included: median {statistics.median(cost):.2f} ms, 95 % under {ninety_five:.2f} ms")
    busy = statistics.median(a + b for a, b in zip(hook_cpu, index_cpu, strict=True))
    print(f"of which this process's own work: median {busy:.2f} ms")
    print(f"for comparison, a question to the database that asks nothing: median {statistics.median(trips):.2f} ms")
    print(f"Solr adds per save: {sum(adds) / len(whole):.2f}")
    return statistics.median(cost) < LIMIT_MS and sum(adds) == len(whole)


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


def index_copies(datasets: int) -> None:
    """Index the copies, with documents derived from those of the originals."""
    originals = list(model.Session.scalars(sa.text("SELECT id FROM package WHERE name ~ '^bench-[0-9]+$'")))
    documents = {document["id"]: document for document in Documents().make(originals, _raise)}
    resources: dict[str, list[str]] = {}
    for package, resource in model.Session.execute(sa.text("SELECT package_id, id FROM resource")):
        resources.setdefault(package, []).append(resource)
    batch: list[Any] = []
    for id_, document in documents.items():
        text = json.dumps(document)
        for n in range(1, -(-datasets // len(documents))):
            copied = text
            for old in (id_, *resources[id_]):
                copied = copied.replace(old, f"{old}-{n}")
            name = document["name"]
            for quote in ('"', '\\"'):
                copied = copied.replace(f"{quote}{name}{quote}", f"{quote}{name}-{n}{quote}")
            batch.append({**json.loads(copied), "index_id": index_id(f"{id_}-{n}")})
            if len(batch) == INDEXED:
                solr.add(batch, commit=False)
                batch = []
    solr.add(batch, commit=False)
    solr.commit()


def _raise(_id: str, error: Exception) -> None:
    raise error


def measure_rescore(datasets: int) -> bool:
    """Measure a full re-score with indexing, then one of what fell due; return whether the first is under the limit."""
    from ckanext.ecosphere.quality.storage import reindex, rescore

    multiply(datasets)
    index_copies(datasets)
    begin, busy = time.perf_counter(), time.process_time()

    def tell(stage: str) -> Callable[[int, int], None]:
        def told(done: int, total: int) -> None:
            if done % 10_000 < 500 or done == total:
                print(f"  {stage}: {done}/{total} after {time.perf_counter() - begin:.0f} s", flush=True)

        return told

    outcome = rescore.everything(tell("scored"))
    scored, scored_busy = time.perf_counter() - begin, time.process_time() - busy
    failed = reindex.datasets(outcome.changed, tell("indexed"))
    total, total_busy = time.perf_counter() - begin, time.process_time() - busy
    indexed = len(outcome.changed)
    print(f"scores: {outcome.seen} datasets in {scored:.0f} s ({outcome.seen / scored:.0f}/s), {indexed} changed")
    print(f"index: {indexed} in {total - scored:.0f} s ({indexed / (total - scored):.0f}/s), {failed} failed")
    print(f"in all: {total:.0f} s, {total / outcome.seen * 100_000 / 60:.1f} min for 100 000 datasets")
    print(f"of which this process's own work: {scored_busy:.0f} s scoring, {total_busy - scored_busy:.0f} s indexing")
    print(f"load of the machine over the last quarter of an hour: {os.getloadavg()[2]:.1f} on {os.cpu_count()} cores")
    model.Session.execute(sa.text("UPDATE ecosphere_quality SET due = '2000-01-01'"))
    model.Session.commit()
    start = time.perf_counter()
    due = rescore.fallen_due()
    seconds = time.perf_counter() - start
    print(f"due only, from stored facts: {due.seen} datasets in {seconds:.0f} s ({due.seen / seconds:.0f}/s)")
    return not failed and total / outcome.seen * 100_000 < LIMIT_SECONDS


def main() -> int:
    """Run both measurements on an empty database; return 1 if one is over its limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=int, default=100_000)
    arguments = parser.parse_args()
    app: Any = make_app(load_config(str(ROOT / "test.ini")))
    with app._wsgi_app.test_request_context():
        _empty()
        try:
            good = measure_saves()
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
