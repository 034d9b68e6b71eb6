"""Fixtures of the access room: real and hostile OGC servers, and a portal with users and datasets,
per module.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model
from ckan.lib.redis import connect_to_redis
from ckan.tests import factories

from ckanext.ecosphere.access import jobs
from ckanext.ecosphere.shared.web_guard import rate_limits
from dev.ogc.server import make_server

Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture(scope="session")
def ogc() -> Iterator[str]:
    """URL of the project's own OGC server."""
    yield from _served(make_server())


def _served(server: ThreadingHTTPServer) -> Iterator[str]:
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


class Hostile(BaseHTTPRequestHandler):
    """HTTP handler that serves the answers set by a test, by path,
    and records every path requested.
    """

    answers: dict[str, Answer] = {}
    heard: list[str] = []

    def do_GET(self) -> None:
        self.heard.append(self.path)
        answer = self.answers.get(self.path.partition("?")[0])
        if answer is None:
            self.send_error(404)
        else:
            answer(self)

    def log_message(self, *_args: Any) -> None:
        pass


@pytest.fixture(scope="session")
def hostile_url() -> Iterator[str]:
    yield from _served(ThreadingHTTPServer(("127.0.0.1", 0), Hostile))


@pytest.fixture
def hostile(hostile_url: str) -> Iterator[Callable[..., str]]:
    """Set the answers of the hostile server:
    `hostile("/wms", body, "text/html")` returns the URL.
    """
    Hostile.answers, Hostile.heard = {}, []

    def lay(
        path: str, body: bytes | Answer, kind: str = "text/xml", status: int = 200, **headers: str
    ) -> str:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            assert isinstance(body, bytes)
            handler.send_response(status)
            for name, value in {
                "Content-Type": kind,
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                handler.send_header(name.replace("_", "-"), value)
            handler.end_headers()
            handler.wfile.write(body)

        Hostile.answers[path] = answer if isinstance(body, bytes) else body
        return hostile_url + path

    yield lay
    Hostile.answers = {}


@pytest.fixture
def heard() -> list[str]:
    """Paths requested from the hostile server."""
    return Hostile.heard


@pytest.fixture(scope="module")
def portal(
    loaded: None, made_app: Any, ogc: str, request: pytest.FixtureRequest
) -> Iterator[dict[str, Any]]:
    """The application, an editor, a reader, and a dataset whose
    resources point to the OGC server.
    """
    request.getfixturevalue("empty_db")()
    request.getfixturevalue("reset_index")()
    forget_counts()
    editor = factories.UserWithToken(name="anne", email="anne@example.org", image_url="")
    reader = factories.UserWithToken(name="marc", email="marc@example.org", image_url="")
    service = factories.Organization(
        name="ddt-44", users=[{"name": "anne", "capacity": "editor"}], image_url=""
    )
    made = {
        "app": made_app,
        "client": made_app._wsgi_app.test_client(),
        "ogc": ogc,
        "service": service["id"],
        "editor": {"Authorization": editor["token"]},
        "reader": {"Authorization": reader["token"]},
    }
    resources = [
        {"name": "Carte", "url": f"{ogc}/wms?layers=zones_humides", "format": "WMS"},
        {
            "name": "Données",
            "url": f"{ogc}/wfs?service=WFS&request=GetCapabilities&typenames=zones_humides",
            "format": "WFS",
        },
        {"name": "GML", "url": f"{ogc}/gml?service=WFS&typenames=zones_humides", "format": "WFS"},
        {"name": "API", "url": f"{ogc}/ogc/collections/zones_humides/items", "format": ""},
        {"name": "Fichier", "url": f"{ogc}/files/zones-humides.geojson", "format": "GeoJSON"},
        {"name": "Couche retirée", "url": f"{ogc}/wms?layers=disparue", "format": "WMS"},
    ]
    dataset: Any = factories.Dataset(
        name="zones-humides", title="Zones humides", owner_org=service["id"], resources=resources
    )
    made["dataset"] = dataset
    made["resources"] = {each["name"]: each["id"] for each in dataset["resources"]}
    yield made
    model.Session.remove()


def forget_counts() -> None:
    """Reset the rate limits in Redis and in this process."""
    connection = connect_to_redis()
    for key in connection.scan_iter(f"{rate_limits.PREFIX}:*"):
        connection.delete(key)
    rate_limits._memory().storage.reset()


def call(
    portal: dict[str, Any], action: str, headers: dict[str, str] | None = None, **data: Any
) -> Any:
    """Call an action over HTTP; return the status and the result or error."""
    answer = portal["client"].post(f"/api/3/action/{action}", json=data, headers=headers or {})
    content = answer.json
    return answer.status_code, content.get("result", content.get("error"))


@pytest.fixture(scope="module")
def store(
    portal: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """The portal with a storage folder for previews and extracts,
    and the capabilities of its services read.
    """
    before = tk.config.get("ckan.storage_path")
    tk.config["ckan.storage_path"] = str(tmp_path_factory.mktemp("storage"))
    jobs.read_services()
    yield portal
    tk.config["ckan.storage_path"] = before


@pytest.fixture
def nothing_counted() -> None:
    """Reset all rate limits before the test."""
    forget_counts()


def address(store: dict[str, Any], name: str, rest: str) -> str:
    """Return the path of a page of one of the dataset's resources."""
    return f"/fr/dataset/zones-humides/resource/{store['resources'][name]}/{rest}"
