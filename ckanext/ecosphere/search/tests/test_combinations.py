"""Search pages with several filters: a program that walks through all
of them is told to come later.
"""

from __future__ import annotations

from typing import Any

import pytest
from ckan.lib.redis import connect_to_redis
from ckan.tests import factories

from ckanext.ecosphere.search import config
from ckanext.ecosphere.shared.web_guard import rate_limits

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index", "french")

SEVERAL = "/fr/dataset/?res_format=CSV&organization=ddt-01"


@pytest.fixture(autouse=True)
def two_a_minute(ckan_config: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ckan_config, config.COMBINATION_LIMITS, "2 per minute")
    for key in connect_to_redis().scan_iter(f"{rate_limits.PREFIX}:*"):
        connect_to_redis().delete(key)


@pytest.mark.slow("load")
def test_combinations_of_filters_are_limited_for_one_address_and_others_are_served(app: Any):
    first = [app.get(f"{SEVERAL}&_page={number}") for number in range(2)]
    assert [answer.status_code for answer in first] == [200, 200]
    refused = app.get(SEVERAL)
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    assert "minute" in refused.body
    assert app.get("/fr/dataset/?res_format=CSV&q=eau&page=2").status_code == 200  # one filter only
    elsewhere = {"REMOTE_ADDR": "203.0.113.7"}
    assert app.get(SEVERAL, environ_overrides=elsewhere).status_code == 200
    person = factories.UserWithToken()
    assert app.get(SEVERAL, headers={"Authorization": person["token"]}).status_code == 200


def test_robots_are_asked_to_leave_combinations_alone(app: Any):
    assert "Disallow: /*?*&" in app.get("/robots.txt").body.splitlines()
