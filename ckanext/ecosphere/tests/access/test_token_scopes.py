"""The lines of the access matrix with a read-only token of a sysadmin: it reads,
and writes nothing.
"""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from ckan import model

from ckanext.ecosphere.credentials.tokens import NOT_READING
from ckanext.ecosphere.tests.access import calls, tables, world
from ckanext.ecosphere.tests.access.conftest import Ledger

ACTIONS, ROUTES = tables.read("actions"), tables.read("routes")
PARAMETERS = {**tables.parameters("actions"), **tables.parameters("routes")}

pytestmark = pytest.mark.slow("personas")


class Reader:
    """A program with the token, which also opens pages and sends forms."""

    def __init__(self, client: Any, headers: dict[str, str]) -> None:
        self.client, self.headers = client, headers

    def call(self, action: str, data: Any) -> Any:
        return self.client.post(
            f"/api/3/action/{action}", json=data, headers=self.headers, buffered=True
        )

    def get(self, address: str) -> Any:
        return self.client.get(address, headers=self.headers, buffered=True)

    def post(self, address: str, data: dict[str, Any]) -> Any:
        return self.client.post(address, data=data, headers=self.headers, buffered=True)


@pytest.fixture
def reader(portal: world.World, made_app: Any, headers: dict[str, str]) -> Reader:
    return Reader(made_app._wsgi_app.test_client(), headers)


@pytest.fixture(scope="module")
def headers(portal: world.World) -> dict[str, str]:
    parameters = {"user": world.PERSONAS["sysadmin"], "name": "read only", "scope": "read"}
    token = tk.get_action("api_token_create")({"ignore_auth": True}, parameters)["token"]
    model.Session.remove()
    return {"Authorization": token}


@pytest.mark.parametrize("row", [*ACTIONS, *ROUTES], ids=lambda row: row.key)
def test_nothing_is_written(
    row: tables.Row,
    portal: world.World,
    reader: Reader,
    ledger: Ledger,
):
    filled = portal.filled(PARAMETERS.get(row.key) or {}, "id")
    ledger.begin()
    answer = calls.called(reader, row, filled)
    written = ledger.end()
    reads = row.method == "GET"
    if not row.method:
        reads = (
            getattr(tk.get_action(row.name), "side_effect_free", False)
            and row.name not in NOT_READING
        )
    sysadmin_reads = reads and row.outcomes["sysadmin"] == "done"
    assert not written or sysadmin_reads
    if not reads:
        assert answer.status_code == 403
        assert "read only" in answer.get_data(as_text=True) or "lecture seule" in answer.get_data(
            as_text=True
        )
    if sysadmin_reads and not row.method:
        assert answer.status_code == 200
