"""CKAN's own e-mails, and its pages that do not show a dataset, in French."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ckan import model
from ckan.tests import factories
from lxml import html

from ckanext.ecosphere.core import kept_facets
from ckanext.ecosphere.tests.english import english_texts
from ckanext.ecosphere.tests.postbox import body

#: English words that are not French words.
ENGLISH = re.compile(
    r"\b(the|your|you|please|with|this|that|have|been|are|not|and|from|has|will|was|for|of|to|by|is|it|an|here|click|dear|"
    r"reset|link|request|following|sent|invited|account|forgot|create|need|already|must|should|settings|trash|home|about|"
    r"delete|users?|members?|search|page|error|found|access|denied|sorry)\b",
    re.IGNORECASE,
)
#: Words that occur on French pages, too.
BOTH = {"page", "an"}
READ_ATTRIBUTES = ("aria-label", "title", "alt", "placeholder")


def english(text: str) -> list[str]:
    """Return the English words of a text, except those in URLs."""
    bare = re.sub(r"https?://\S+", "", text)
    return sorted({word.lower() for word in ENGLISH.findall(bare)} - BOTH)


def english_on(page: str) -> list[str]:
    """Return the English words of a page, in visible text and in texts for screen readers."""
    tree = html.fromstring(page)
    for element in tree.xpath(
        "//script | //style | //*[@lang='en'] | //code | //pre | //meta | //footer | //header"
    ):
        element.drop_tree()
    texts = [
        text
        for element in tree.iter()
        if isinstance(element.tag, str)
        for text in element.xpath("text()")
    ]
    texts += [str(value) for name in READ_ATTRIBUTES for value in tree.xpath(f"//@{name}")]
    return english(" ".join(texts))


def link_in(mail: Any) -> str:
    """Return the path of the only URL with a key in a message."""
    [path] = re.findall(r"https?://[^/\s]+(/\S*key=\S+)", body(mail))
    return path


def test_english_is_noticed():
    assert english("Please click the following link") == [
        "click",
        "following",
        "link",
        "please",
        "the",
    ]
    assert english("Choisissez un nouveau mot de passe sur cette page") == []


@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
def test_password_reset_is_french_from_the_form_to_the_page(app: Any, postbox: Any):
    factories.User(name="camille", email="camille@example.org", fullname="Camille Exemple")
    assert english_on(app.get("/fr/user/reset").text) == []
    app.post("/fr/user/reset", data={"user": "camille"}, follow_redirects=False)
    [mail] = postbox.mails
    assert str(mail["Subject"]).endswith("Choisissez un nouveau mot de passe")
    assert (
        str(mail["Message-ID"]).endswith("@test.ckan.net>")
        and mail["Auto-Submitted"] == "auto-generated"
    )
    assert "Un nouveau mot de passe a été demandé" in body(mail) and "Bonjour camille," in body(
        mail
    )
    assert english(body(mail)) == [] and english(str(mail["Subject"]).split("] ")[-1]) == []
    assert len(body(mail).strip().splitlines()) > 5
    page = app.get(link_in(mail))
    assert page.status_code == 200 and 'lang="fr"' in page.text and english_on(page.text) == []


@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
def test_invitation_is_french(
    app: Any, postbox: Any, ckan_config: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(
        ckan_config, "ckan.locale_default", "fr"
    )  # for users who chose no language yet
    admin = factories.SysadminWithToken(name="administratrice", about="")
    factories.Organization(name="ddt-80", title="DDT 80", description="", image_url="")
    app.post(
        "/fr/organization/member_new/ddt-80",
        data={"email": "nouvelle@example.org", "role": "editor"},
        headers={"Authorization": admin["token"]},
        follow_redirects=False,
    )
    [mail] = postbox.mails
    assert str(mail["Subject"]).endswith("Votre invitation")
    assert "Vous êtes membre de «\u00a0DDT 80\u00a0»" in body(mail)
    assert english(body(mail)) == []
    assert english_on(app.get(link_in(mail)).text) == []
    assert model.Session.query(model.User).filter_by(email="nouvelle@example.org").count() == 1


@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
def test_pages_of_errors_accounts_and_administration_are_french(app: Any):
    admin: dict[str, str] = {
        "Authorization": factories.SysadminWithToken(name="administratrice", about="")["token"]
    }
    user: dict[str, str] = {
        "Authorization": factories.UserWithToken(name="camille", fullname="Camille", about="")[
            "token"
        ]
    }
    pages: list[tuple[str, dict[str, str], int]] = [
        ("/fr/nulle-part", {}, 404),
        ("/fr/dataset/nulle-part", {}, 404),
        ("/fr/ckan-admin/", user, 403),
        ("/fr/user/register", {}, 200),
        ("/fr/user/login", {}, 200),
        ("/fr/user/reset", {}, 200),
        ("/fr/user/edit/camille", user, 200),
        ("/fr/ckan-admin/", admin, 200),
        ("/fr/ckan-admin/config", admin, 200),
        ("/fr/ckan-admin/trash", admin, 200),
    ]
    found = {}
    for address, headers, status in pages:
        answer = app.get(address, headers=headers)
        assert answer.status_code == status, address
        if words := english_on(answer.text) + english_texts(answer.text):
            found[address, status] = words
    refused = app.post(
        "/fr/user/register", data={"name": "x", "email": "non", "password1": "a", "password2": "b"}
    )
    if words := english_on(refused.text):
        found["/fr/user/register", 0] = words
    assert found == {}, found


@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
def test_the_trash_shows_what_has_a_type_without_pages(app: Any):
    admin: dict[str, str] = {"Authorization": factories.SysadminWithToken()["token"]}
    for name, kind in (("enquete-de-2012", "enquete"), ("forages-du-var", "dataset")):
        model.Session.add(model.Package(name=name, title=name, type=kind, state="deleted"))
    model.repo.commit_and_remove()
    tree = html.fromstring(app.get("/fr/ckan-admin/trash", headers=admin, status=200).text)
    items = tree.xpath("//ul[@class='package-list']/li")
    shown = {item.text_content().strip(): item.xpath("string(a/@href)") for item in items}
    assert shown == {"enquete-de-2012": "", "forages-du-var": "/fr/dataset/forages-du-var"}


def heading(answer: Any) -> str:
    """Return the heading of a page."""
    return html.fromstring(answer.text).xpath("string(//h1)")


@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
def test_a_missing_service_is_called_one_and_has_ways_on(app: Any):
    admin: dict[str, str] = {
        "Authorization": factories.SysadminWithToken(name="administratrice", about="")["token"]
    }
    pages = (
        "organization/ddt-{}",
        "organization/about/ddt-{}",
        "organization/ddt-{}/tableau-de-bord",
    )
    pages += ("organization/edit/ddt-{}", "organization/ddt-{}/demandes", "demandes/service/ddt-{}")
    for address in pages:
        answer = app.get(f"/fr/{address.format('01')}", headers=admin)
        assert answer.status_code == 404, address
        assert heading(answer) == "Service introuvable", address
        assert html.fromstring(answer.text).xpath("//*[@id='error-service']/@value") == [
            "ddt 01"
        ], address
        assert english_on(answer.text) + english_texts(answer.text) == [], address
        assert (
            heading(app.get(f"/en/{address.format('01')}", headers=admin)) == "Service not found"
        ), address
    found = app.get("/fr/organization/?q=ddt+01")
    assert found.status_code == 200
    assert "Groupe introuvable" in app.get("/fr/group/nulle-part").text
    hostile = app.get('/fr/organization/"><script>alert(1)', headers=admin)
    assert hostile.status_code == 404 and "<script>alert(1)" not in hostile.text


@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
def test_the_dashboard_has_a_tab_of_groups_only_where_there_are_groups(app: Any, monkeypatch: Any):
    headers: dict[str, str] = {
        "Authorization": factories.UserWithToken(name="camille", about="")["token"]
    }

    def tabs() -> list[str]:
        page = html.fromstring(app.get("/fr/tableau-de-bord", headers=headers).text)
        return [
            " ".join(each.text_content().split())
            for each in page.xpath("//ul[contains(@class, 'nav-tabs')]/li")
        ]

    assert "Mes services" in tabs() and "Mes groupes" not in tabs()
    monkeypatch.setattr(kept_facets, "shown", lambda: ("groups",))
    assert "Mes groupes" in tabs()


@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
def test_page_of_a_fault_is_french(app: Any, monkeypatch: Any):
    def fail() -> None:
        raise RuntimeError("secret of the server")

    monkeypatch.setitem(app.flask_app.config, "PROPAGATE_EXCEPTIONS", False)
    monkeypatch.setitem(app.flask_app.config, "TESTING", False)
    monkeypatch.setitem(app.flask_app.view_functions, "home.about", fail)
    answer = app.get("/fr/about")
    assert answer.status_code == 500 and english_on(answer.text) == []
    assert "secret of the server" not in answer.text


@pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")
def test_registration_says_what_an_account_is_for_here(app: Any):
    page = app.get("/fr/user/register").text
    assert english_on(page) == []
    assert "Demander des données aux services" in page
    labels = [
        " ".join(each.text_content().split())
        for each in html.fromstring(page).xpath("//form//label")
    ]
    assert {"Nom complet", "* Courriel"} <= set(labels)
