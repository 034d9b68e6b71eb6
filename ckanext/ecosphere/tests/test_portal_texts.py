"""Texts of the portal that administrators edit: shown in both languages, sanitised, logged, reversible."""

from __future__ import annotations

from typing import Any

import pytest
from ckan import model
from ckan.lib import jobs
from ckan.tests import factories

from ckanext.ecosphere.core.lists import portal_texts, store
from ckanext.ecosphere.core.lists.model import LocalValue
from ckanext.ecosphere.tests.browser import axe_violations, log_in, picture
from ckanext.ecosphere.vocabularies import local

PASSWORD = "un mot de passe de test"
TEXTS = "/ecosphere/admin/textes"
#: Text → pages that show it.
SHOWN = {
    "announcement": ("/", "/dataset/", "/demandes", "/user/login"),
    "home": ("/",),
    "about": ("/about",),
    "login": ("/user/login",),
    "register": ("/user/register",),
    "request": ("/demandes",),
    "privacy": ("/user/register",),
}


@pytest.fixture
def portal(with_plugins: None, clean_db: None, clean_index: None) -> Any:
    """A portal with a sysadmin; edited texts are reverted afterwards."""
    local.look(now=True)
    yield factories.Sysadmin(name="boss", password=PASSWORD, image_url="", fullname="Camille Martin")
    local.apply({})
    store._seen[0] = None


@pytest.fixture
def send(app: Any, portal: Any) -> Any:
    """Request a page or submit a form as the sysadmin."""
    token = {"Authorization": factories.APIToken(user="boss")["token"]}

    def sent(address: str, form: dict[str, Any] | None = None, **options: Any) -> Any:
        options = {"headers": token, "follow_redirects": False, **options}
        return app.get(address, **options) if form is None else app.post(address, data=form, **options)

    return sent


def test_each_text_stands_where_it_says_in_the_language_of_the_page(send, app):
    assert set(SHOWN) == set(portal_texts.known())
    for key, pages in SHOWN.items():
        before = [app.get(f"/fr{page}").body for page in pages]
        form = {"fr": f"Texte **{key}** du ministère", "en": ""}
        assert send(f"{TEXTS}/{key}", form).status_code == 302
        for page, was in zip(pages, before, strict=True):
            shown = app.get(f"/fr{page}").body
            assert f"Texte <strong>{key}</strong> du ministère" in shown and f"<strong>{key}</strong>" not in was, key
            assert f"<strong>{key}</strong>" not in app.get(f"/en{page}").body  # the portal's default text
        if key == "announcement":
            send(f"{TEXTS}/{key}", {"fr": "", "en": ""})
    assert "Vous ne trouvez pas" not in app.get("/fr/demandes").body
    assert "Texte home du ministère" in send(f"/fr{TEXTS}").body


def test_a_change_is_in_the_journal_and_undone_there(send, app):
    send(f"{TEXTS}/home", {"fr": "Première", "en": "First"})
    send(f"{TEXTS}/home", {"fr": "Seconde", "en": "First"})
    page = send("/fr/ecosphere/admin/journal?kind=texts").body
    assert "Introduction de la page d’accueil" in page and "Seconde" in page and "Camille Martin" in page
    last = store.journal.page(1, 1)[0]
    assert send(f"/ecosphere/admin/journal/{last.id}/annuler", {}).status_code == 302
    assert "Première" in app.get("/fr/").body
    send(f"{TEXTS}/home", {"fr": " ", "en": ""})
    assert "Première" not in app.get("/fr/").body and portal_texts.of("home") == {"fr": "", "en": ""}
    jobs.get_queue().empty()


HOSTILE = """<script>alert(1)</script> <img src=x onerror=alert(2)> [x](javascript:alert(3)) ![x](https://mal.example/a.png)
<a href="data:text/html,x">y</a> \u202e {{ 7 * 7 }}"""


def test_a_text_does_no_harm_and_is_bounded(send, app):
    assert send(f"{TEXTS}/announcement", {"fr": "a\x00b", "en": ""}).status_code == 400
    assert send(f"{TEXTS}/announcement", {"fr": HOSTILE, "en": ""}).status_code == 302
    shown = app.get("/fr/about").body.split('class="eco-announcement"')[1].split("</section>")[0]
    for part in ("<script", "<img", 'javascript:alert(3)"', "\u202e", "49"):
        assert part not in shown
    assert '<a href="javascript' not in shown and '<a href="data' not in shown and "{{ 7 * 7 }}" in shown
    answer = send(f"/fr{TEXTS}/announcement", {"fr": "x" * 401, "en": "y" * 1_000_000}, status=400)
    assert "Trop long\u00a0: 400 caractères au plus." in answer.body
    assert portal_texts.of("announcement")["fr"].startswith("<script>")  # unchanged
    assert send(f"/fr{TEXTS}/nothing", status=404)
    preview = send(f"/fr{TEXTS}/login", {"fr": "**gras**", "en": "", "do": "preview"})
    assert "<strong>gras</strong>" in preview.body
    assert model.Session.query(LocalValue).count() == 1


@pytest.mark.browser
def test_an_administrator_writes_the_introduction_of_the_home_page(page, portal):
    log_in(page, "boss", PASSWORD)
    page.goto("/fr/ecosphere/admin/")
    tabs = page.locator("main .nav-tabs").inner_text().split("\n")
    assert [tab.strip() for tab in tabs if "oissonnage" in tab] == ["Sources de moissonnage"]
    page.get_by_role("link", name="Textes").click()
    assert axe_violations(page) == []
    page.get_by_role("link", name="Introduction de la page d’accueil").click()
    page.get_by_label("En français").fill("Le guichet des **données environnementales** des services de l’État.")
    page.get_by_role("button", name="Aperçu").click()
    page.get_by_text("rien n’est encore enregistré").wait_for()
    assert axe_violations(page) == []
    picture(page, "texts-of-the-portal")
    page.get_by_role("button", name="Enregistrer").click()
    page.get_by_text("Le texte est en vigueur").wait_for()
    page.goto("/fr/ecosphere/admin/textes/announcement")
    page.get_by_label("En français").fill("Maintenance le 3 décembre de 18 h à 20 h.")
    page.get_by_role("button", name="Enregistrer").click()
    page.goto("/fr/")
    page.get_by_text("Maintenance le 3 décembre").wait_for()
    page.get_by_text("Le guichet des").wait_for()
    assert axe_violations(page) == []
