"""Authentication headers set by proxies are ignored: see `docs/decisions/openid-connect.md`."""

from __future__ import annotations

import json
import urllib.request
from urllib.error import HTTPError

import pytest
from ckan.tests import factories

from ckanext.ecosphere.tests.browser import wait_for_tables

HEADERS = (
    "Remote-User", "Remote_User", "X-Remote-User", "X-User", "From", "X-Forwarded-User", "X-Forwarded-Email",
    "X-Forwarded-Preferred-Username", "X-Auth-Request-User", "X-Auth-Request-Email", "OIDC-Claim-Sub", "OIDC_CLAIM_sub",
    "OIDC-Claim-Email",
)  # fmt: skip


def _asked(address: str, headers: dict[str, str]) -> tuple[int, str, str]:
    """Return status, final URL and text of an answer."""
    try:
        with urllib.request.urlopen(
            urllib.request.Request(address, headers=headers), timeout=30
        ) as answer:
            return answer.status, answer.url, answer.read().decode()
    except HTTPError as error:
        return error.code, error.url or "", error.read().decode()


@pytest.mark.parametrize("who", ["name", "email", "id"])
def test_no_header_logs_anybody_in(who: str, portal_url: str, with_plugins: None, clean_db: None):
    wait_for_tables(portal_url)
    boss = factories.SysadminWithToken(name="boss", email="boss@example.org", image_url="")
    headers = dict.fromkeys(HEADERS, boss[who])
    status, address, page = _asked(f"{portal_url}/ecosphere/admin/", headers)
    assert (status, "/user/login" in address) == (200, True)
    assert "boss" not in page
    action = f"{portal_url}/api/3/action/ecosphere_harvest_overview"
    assert _asked(action, headers)[0] == 403
    status, _address, answer = _asked(action, {"Authorization": boss["token"]})
    assert (status, json.loads(answer)["success"]) == (200, True)  # a token does
