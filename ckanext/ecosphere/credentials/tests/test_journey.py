"""In a browser, in French: a sysadmin sets the demanded second factor up, logs in with it,
makes a read-only token.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from pyotp.totp import TOTP
from werkzeug.serving import make_server

from ckanext.ecosphere.credentials import second_factor
from ckanext.ecosphere.shared.tests.conftest import PASSWORD
from ckanext.ecosphere.tests.browser import axe_violations, free_port


@pytest.fixture
def served(portal: Any, demand: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The portal over HTTP, in this process; yields its URL."""
    demand(second_factor.SYSADMIN)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    monkeypatch.setitem(tk.config, "ckan.site_url", url)
    server = make_server("127.0.0.1", port, portal, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"{url}/fr"
    server.shutdown()


def log_in(page: Any, served: str) -> None:
    page.goto(f"{served}/user/login?came_from=/fr/user/edit")
    page.fill("#field-login", "boss")
    page.fill("#field-password", PASSWORD)
    page.keyboard.press("Enter")


def test_journey(served: str, browser: Any):
    context = browser.new_context(locale="fr-FR", viewport={"width": 1200, "height": 900})
    page = context.new_page()
    log_in(page, served)
    page.wait_for_url(re.compile("/compte/second-facteur"))
    page.get_by_text("Votre rôle l’exige.").wait_for()
    assert page.locator("img[alt^='Code QR']").evaluate("image => image.naturalWidth") > 100
    assert axe_violations(page) == []
    secret = TOTP(page.locator("#secret").inner_text())
    page.get_by_label("Code de l’application").fill("000000")
    page.keyboard.press("Enter")
    page.get_by_text("Ce n’est pas le code").first.wait_for()
    assert axe_violations(page) == []
    page.get_by_label("Code de l’application").fill(secret.now())
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Vos codes de secours").wait_for()
    assert axe_violations(page) == []
    recovery_code = page.locator("#recovery-codes code").first.inner_text()
    page.get_by_role("link", name="Je les ai gardés").press("Enter")
    page.wait_for_url(re.compile("/user/edit"))
    page.get_by_role("link", name="Changer de second facteur").wait_for()
    assert axe_violations(page) == []

    for code in (secret.at(int(time.time()) + 30), recovery_code):
        context.clear_cookies()
        log_in(page, served)
        field = page.get_by_label("Code", exact=False)
        assert field.get_attribute("autocomplete") == "one-time-code"
        assert axe_violations(page) == []
        field.fill(code)
        page.keyboard.press("Enter")
        page.wait_for_url(re.compile("/user/edit"))

    page.goto(f"{served}/user/boss/api-tokens")
    page.get_by_label("Nom").fill("moissonneur")
    page.get_by_label("Ce qu’il peut faire").select_option("read")
    page.get_by_label(re.compile("Valable jusqu’au")).fill("2099-12-31")
    page.get_by_role("button", name=re.compile("jeton", re.IGNORECASE)).first.press("Enter")
    page.locator("code").filter(has_text="moissonneur").wait_for()
    page.reload()
    page.get_by_role("cell", name="Lecture seule").wait_for()
    page.get_by_role("cell", name="31 décembre 2099").wait_for()
    assert axe_violations(page) == []
    context.close()
