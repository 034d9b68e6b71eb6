"""Texts of the portal that administrators set on CKAN's page of settings."""

from __future__ import annotations

from typing import Any

import pytest
from ckan.tests import factories

SETTINGS = "/ckan-admin/config"
HOSTILE = (
    "<script>alert(1)</script> <img src=x onerror=alert(2)> [x](javascript:alert(3)) {{ 7 * 7 }}"
)


@pytest.fixture
def send(app: Any, with_plugins: None, clean_db: None, clean_index: None) -> Any:
    """Submit the form of settings as a sysadmin; the settings are emptied afterwards."""
    headers = {"Authorization": factories.SysadminWithToken()["token"]}

    def submit(**texts: str) -> Any:
        names = ("ckan.site_about", "ckan.site_intro_text", "ecosphere.portal.announcement")
        form = {"ckan.site_title": "Guichet", "save": "1", **dict.fromkeys(names, ""), **texts}
        return app.post(SETTINGS, data=form, headers=headers, follow_redirects=False)

    yield submit
    submit()


def test_introduction_announcement_and_about_are_set_on_the_page_of_settings(app, send):
    texts = {
        "ckan.site_intro_text": "Le guichet des **données**.",
        "ckan.site_about": "Qui *nous* sommes.",
        "ecosphere.portal.announcement": "**Maintenance** ce soir.",
    }
    assert send(**texts).status_code == 302
    home = app.get("/fr/").body
    assert "Le guichet des <strong>données</strong>." in home
    assert "Qui <em>nous</em> sommes." in app.get("/fr/about").body
    for page in ("/fr/", "/fr/about", "/fr/dataset/", "/fr/demandes", "/fr/user/login"):
        assert "<strong>Maintenance</strong> ce soir." in app.get(page).body, page
    send()
    assert "eco-announcement" not in app.get("/fr/").body


def test_an_announcement_does_no_harm(app, send):
    send(**{"ecosphere.portal.announcement": HOSTILE})
    shown = app.get("/fr/about").body.split('class="eco-announcement"')[1].split("</section>")[0]
    for part in ("<script", "<img", 'href="javascript', "49"):
        assert part not in shown
    assert "{{ 7 * 7 }}" in shown


def test_the_form_of_settings_asks_for_the_announcement(app, send):
    send(**{"ecosphere.portal.announcement": "Maintenance ce soir."})
    headers = {"Authorization": factories.SysadminWithToken()["token"]}
    assert (
        "Maintenance ce soir."
        in app.get(SETTINGS, headers=headers).body.split('id="field-ecosphere-announcement"')[1]
    )
