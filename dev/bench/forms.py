"""Measure the speed and page size of the dataset form.

    make bench-forms                   # 60 requests for each page
    make bench-forms REQUESTS=200

Uses the test database of the checkout, which is emptied first.
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from ckan import model
from ckan.cli.db import _get_pending_plugins, _run_migrations
from ckan.config.middleware import make_app
from ckan.tests import factories, helpers

from ckanext.ecosphere.schemas.tests import samples

from ckan.cli import load_config  # isort: skip

ROOT = Path(__file__).parents[2]
LIMIT_MS = 600.0
LEAST_VALUES = 2


def measure(client: Any, path: str, headers: dict[str, str], requests: int) -> tuple[list[float], float, int, str]:
    """Return the milliseconds of each request, their mean processor time, and size and body of the last answer."""
    taken, body, used = [], "", time.process_time()
    for _number in range(requests):
        start = time.perf_counter()
        answer = client.get(path, headers=headers)
        taken.append((time.perf_counter() - start) * 1000)
        if answer.status_code != 200:
            raise SystemExit(f"{path} answered {answer.status_code}")
        body = answer.get_data(as_text=True)
    used = (time.process_time() - used) * 1000 / requests
    return taken, used, len(body.encode()), body


def elements(body: str) -> tuple[int, int]:
    """Return the number of elements of a page, and of those in its closed parts; the contents of templates are none."""
    page = BeautifulSoup(body, "html.parser")
    for template in page.find_all("template"):
        template.clear()
    closed = sum(len(part.find_all(True)) for part in page.select("details:not([open]):not(details details)"))
    return len(page.find_all(True)), closed


def main() -> int:
    """Measure and print a table (`closed`: elements in parts that are closed); return 1 if a page is too slow."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=60)
    requests = max(parser.parse_args().requests, LEAST_VALUES)
    app: Any = make_app(load_config(str(ROOT / "test.ini")))
    with app._wsgi_app.test_request_context():
        helpers.reset_db()
        for plugin in _get_pending_plugins():
            _run_migrations(plugin, "head", True)
        user = factories.UserWithToken(image_url="")
        factories.Organization(name="ddt-01", image_url="", users=[{"name": user["name"], "capacity": "editor"}])
        dataset = helpers.call_action("package_create", {"user": user["name"]}, **samples.full(owner_org="ddt-01"))
        model.Session.commit()
    token: Any = user["token"]
    client, headers = app._wsgi_app.test_client(), {"Authorization": str(token)}
    pages = {
        "new dataset": "/fr/dataset/new",
        "full dataset": "/fr/dataset/edit/zones-inondables-ain",
        "file": f"/fr/dataset/zones-inondables-ain/resource/{dataset['resources'][0]['id']}/edit",
        "suggestion": "/fr/ecosphere/territoires?q=saint-d",
    }
    slow = 0
    print(f"{'page':14} {'p50 ms':>8} {'p95 ms':>8} {'cpu ms':>8} {'bytes':>9} {'nodes':>8} {'closed':>8}")
    for name, path in pages.items():
        measure(client, path, headers, 3)  # warm-up: loads templates and lists
        taken, used, size, body = measure(client, path, headers, requests)
        p95 = statistics.quantiles(taken, n=20)[18]
        nodes, closed = elements(body)
        times = f"{statistics.median(taken):8.0f} {p95:8.0f} {used:8.0f}"
        print(f"{name:14} {times} {size:9} {nodes:8} {closed:8}")
        slow += p95 > LIMIT_MS
    return int(slow > 0)


if __name__ == "__main__":
    raise SystemExit(main())
