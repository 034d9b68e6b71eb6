"""`ckan ecosphere check`: reports unsafe settings, and how to correct them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import pytest

from ckanext.ecosphere.hardening import config
from ckanext.ecosphere.hardening.web import sessions
from ckanext.ecosphere.interfaces import Check, CheckStatus
from ckanext.ecosphere.setup import health

pytestmark = pytest.mark.usefixtures("loaded", "with_request_context")
OK, WARNING, ERROR = CheckStatus.OK, CheckStatus.WARNING, CheckStatus.ERROR


@pytest.mark.parametrize(
    ("look", "changed", "status"),
    [
        ("cookie_settings", ("SESSION_COOKIE_SAMESITE", "None"), ERROR),
        ("cookie_settings", ("REMEMBER_COOKIE_SAMESITE", "None"), ERROR),
        ("cookie_settings", ("REMEMBER_COOKIE_HTTPONLY", False), ERROR),
        ("cookie_settings", ("PERMANENT_SESSION_LIFETIME", 31_536_000), WARNING),
        ("forged_requests", ("WTF_CSRF_ENABLED", False), ERROR),
        ("secrets", ("SECRET_KEY", "short"), ERROR),
        ("address", ("ckan.site_url", "http://guichet.example.gouv.fr"), ERROR),
        ("check_proxies", ("ecosphere.trusted_proxies", "somewhere"), ERROR),
        ("check_proxies", ("ecosphere.trusted_proxies", "0.0.0.0/0"), ERROR),
        ("check_proxies", ("ecosphere.trusted_proxies", "2"), WARNING),
        ("check_proxies", ("ecosphere.trusted_proxies", ""), WARNING),
        ("check_pages", ("ecosphere.web.login_limits", "often"), ERROR),
        ("check_pages", ("ecosphere.web.login_limits", ""), WARNING),
        ("check_pages", ("ecosphere.web.content_security_policy", "off"), WARNING),
        ("check_pages", ("ecosphere.web.content_security_policy_sources", "nonsense"), ERROR),
        ("storage", ("ckan.storage_path", "/nowhere"), ERROR),
        ("storage", ("ckan.storage_path", ""), WARNING),
        ("debugging", ("debug", True), ERROR),
    ],
)
def test_unsafe_option_is_named(
    safe: None,
    monkeypatch: pytest.MonkeyPatch,
    look: str,
    changed: tuple[str, Any],
    status: CheckStatus,
):
    check = getattr(config if hasattr(config, look) else health, look)
    assert statuses(check()) <= {OK}
    monkeypatch.setitem(tk.config, *changed)
    assert status in statuses(check())


def statuses(checks: Check | list[Check]) -> set[CheckStatus]:
    if isinstance(checks, Check):
        checks = [checks]
    return {check.status for check in checks}


@pytest.mark.parametrize(
    ("line", "mode", "status"),
    [
        ("SECRET_KEY = %(CKAN_SECRET_KEY)s", 0o644, OK),
        ("SECRET_KEY =", 0o644, OK),
        ("api_token.jwt.decode.secret = file:/etc/key", 0o644, OK),
        ("SECRET_KEY = abc", 0o640, WARNING),
        ("SECRET_KEY = abc", 0o644, ERROR),
        ("sqlalchemy.url = postgresql://ckan:abc@db/ckan", 0o604, ERROR),
        ("ecosphere.requests.imap_password = abc", 0o600, WARNING),
    ],
)
def test_secrets_in_the_configuration_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str, mode: int, status: CheckStatus
):
    file = tmp_path / "ckan.ini"
    file.write_text(f"[app:main]\n{line}\n")
    file.chmod(mode)
    monkeypatch.setitem(tk.config, "__file__", str(file))
    check = health.secret_files()
    assert check.status == status
    assert (line.split(" =", maxsplit=1)[0] in check.message) == (status != OK)
    assert "abc" not in check.message


@pytest.fixture
def safe(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Options of a portal configured as documented."""
    options = {
        "ckan.site_url": "https://guichet.example.gouv.fr",
        "ckan.storage_path": str(tmp_path),
        "SECRET_KEY": "x" * 40,
        "WTF_CSRF_SECRET_KEY": "y" * 40,
        "WTF_CSRF_ENABLED": True,
        "PERMANENT_SESSION_LIFETIME": 7 * 86_400,
        "ecosphere.trusted_proxies": "10.0.0.0/8",
    }
    for option, value in options.items():
        monkeypatch.setitem(tk.config, option, value)
    sessions.make_safe(tk.config, secure=True)
    for option in health.SECURE:
        monkeypatch.setitem(tk.config, option, True)


@pytest.mark.parametrize(
    ("site", "secure", "expected"),
    [
        ("https://a.example", True, True),
        ("https://a.example", False, None),
        ("http://a.example", True, None),
    ],
)
def test_cookies_are_made_safe_by_default(site: str, secure: bool, expected: bool | None):
    options: dict[str, Any] = {"ckan.site_url": site, "REMEMBER_COOKIE_SAMESITE": "None"}
    options["SESSION_COOKIE_SAMESITE"] = "Strict"
    sessions.make_safe(options, secure)
    assert options["REMEMBER_COOKIE_SAMESITE"] == "Lax"
    assert options["SESSION_COOKIE_SAMESITE"] == "Strict"
    assert options.get("REMEMBER_COOKIE_SECURE") is options.get("SESSION_COOKIE_SECURE") is expected


def test_advisories_say_where_they_are_fixed_and_what_holds_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setitem(tk.config, "smtp.starttls", True)
    found = health.known_weaknesses()
    advisories = health.read_advisories()
    checks = {
        known.id: each
        for known in advisories
        for each in found
        if each.message.startswith(known.message)
    }
    assert len(checks) == len(found) == len(advisories)
    assert not any(
        known.id in each.message for known, each in zip(advisories, found, strict=True)
    )  # no codes
    assert checks["csrf-exemption"].status is OK
    assert "after 2.12.0" in checks["csrf-exemption"].remedy
    assert "Meanwhile" in checks["csrf-exemption"].message
    assert checks["smtp-tls"].status is WARNING


def test_a_portal_without_the_repairs_of_ckan_is_an_error(monkeypatch: pytest.MonkeyPatch):
    assert health.hardening().status is OK
    monkeypatch.setattr(health, "HARDENING", "ecosphere_unknown")
    check = health.hardening()
    assert (check.status, "ecosphere_unknown" in check.message) == (ERROR, True)
