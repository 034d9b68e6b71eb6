"""Multilingual texts: API, form, pages in French and English, search, exports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from bs4 import BeautifulSoup
from ckan import model
from ckan.lib import search
from lxml import etree
from rdflib import DCTERMS, Graph, Literal

from ckanext.ecosphere.schemas.tests import samples
from ckanext.ecosphere.schemas.tests.conftest import PASSWORD
from ckanext.ecosphere.schemas.tests.test_form import AsUser, form_of, submit
from ckanext.ecosphere.tests.browser import axe_violations, log_in

pytestmark = pytest.mark.usefixtures("shared_db")
TEXTS = {
    "title": "Carte de bruit",
    "title_translated": {"en": "Noise map", "de": "Lärmkarte", "ar": "خريطة الضوضاء"},
    "notes": "Bruit des routes.",
    "notes_translated": {"en": "Road noise.", "de": "Strassenlärm."},
}
FILE = {
    "url": "https://data.example.org/bruit.csv",
    "name": "Le fichier",
    "name_translated": {"en": "The file", "de": "Die Datei"},
    "description": "Un point par relevé.",
    "description_translated": {"en": "A point for each measure."},
}
#: Mandatory fields for an editor.
REQUIRED = {
    name: samples.FULL[name]
    for name in (
        "contact",
        "dcat_type",
        "license_id",
        "provenance",
        "territory",
        "theme",
        "topic_category",
    )
}


def described(name: str, **changes: Any) -> dict[str, Any]:
    """Return a dataset in French, English, German and Arabic with one resource."""
    return {**TEXTS, "resources": [FILE], "name": name, **changes}


def page(app: Any, path: str) -> BeautifulSoup:
    return BeautifulSoup(app.get(path).body, "html.parser")


class TestApi:
    @pytest.fixture
    def act(self, app: Any, editor: dict[str, Any]) -> Callable[..., Any]:
        """Call an action over HTTP with the token of the editor."""

        def over_http(action: str, **data: Any) -> Any:
            headers = {"Authorization": editor["token"]}
            if action == "package_create":
                data = {**REQUIRED, **data}
            answer = app.post(f"/api/3/action/{action}", json=data, headers=headers).json
            if not answer["success"]:
                assert answer["error"].pop("__type") == "Validation Error"
                raise tk.ValidationError(answer["error"])
            return answer["result"]

        return over_http

    def test_the_object_holds_every_language_the_main_one_included(self, create):
        made = create(described("api-toutes"))
        assert made["title_translated"] == {**TEXTS["title_translated"], "fr": "Carte de bruit"}
        assert made["resources"][0]["name_translated"] == {
            **FILE["name_translated"],
            "fr": "Le fichier",
        }

    def test_codes_are_brought_to_one_form(self, create):
        given = {"eng": "Noise map", "PT_br": "Mapa", "fr-FR": "Carte de bruit"}
        made = create(described("api-codes", title_translated=given))
        assert made["title_translated"] == {
            "en": "Noise map",
            "fr": "Carte de bruit",
            "pt-BR": "Mapa",
        }

    def test_a_field_that_has_translations_only_gets_one_of_them(self, create):
        made = create(
            described("api-sans", title="", title_translated={"en": "Noise map", "fr": "Carte"})
        )
        assert (made["title"], made["title_translated"]["en"]) == ("Carte", "Noise map")
        made = create(
            described("api-sans-fr", notes="", notes_translated={"en": "Noise", "de": "Lärm"})
        )
        assert (made["notes"], made["notes_translated"]) == ("Noise", {"de": "Lärm", "en": "Noise"})

    def test_the_french_text_follows_whichever_of_the_two_was_changed(self, create, act):
        create(described("api-suit"))
        act("package_patch", id="api-suit", title="Carte du bruit")
        shown = act("package_show", id="api-suit")
        assert (shown["title_translated"]["fr"], shown["title_translated"]["en"]) == (
            "Carte du bruit",
            "Noise map",
        )
        act(
            "package_patch",
            id="api-suit",
            title_translated={**shown["title_translated"], "fr": "Le bruit"},
        )
        assert act("package_show", id="api-suit")["title"] == "Le bruit"
        package = model.Package.get("api-suit")
        package.title = "Changé sans le schéma"
        model.Session.commit()
        search.rebuild(package.id)
        act("package_patch", id="api-suit", version="2")
        shown = act("package_show", id="api-suit")
        assert shown["title"] == shown["title_translated"]["fr"] == "Changé sans le schéma"
        resource = shown["resources"][0]
        act("resource_patch", id=resource["id"], name="Le tableau")
        assert act("resource_show", id=resource["id"])["name_translated"]["fr"] == "Le tableau"
        act("package_patch", id="api-suit", title_translated={})
        shown = act("package_show", id="api-suit")
        assert "title_translated" not in shown
        assert shown["notes_translated"]["en"] == "Road noise."

    @pytest.mark.few(2, "values")
    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({"klingon": "x"}, '"klingon" is not the code of a language'),
            ({"en": 3}, "English: this is not a text"),
            ({"en": "x" * 501}, "English: too long, 500 characters at most"),
            (["Noise map"], "object of languages"),
            ("Noise map", "object of languages"),
            (
                {f"{one}{other}": "x" for one in "abcdefghi" for other in "abcdefghi"},
                "Too many languages: 60",
            ),
            ({"fr": "Autre titre"}, "The French text and that of the field itself differ"),
        ],
    )
    def test_what_cannot_be_kept_is_refused_at_its_field(self, create, given, told):
        with pytest.raises(tk.ValidationError) as caught:
            create(described("api-refus", title_translated=given))
        assert set(caught.value.error_dict) == {"title_translated"}
        assert told in str(caught.value.error_dict)
        with pytest.raises(tk.ValidationError) as caught:
            create(described("api-refus", resources=[{**FILE, "name_translated": given}]))
        assert "name_translated" in str(caught.value.error_dict["resources"])

    def test_control_characters_and_markup_do_no_harm(self, app, create):
        texts = {"en": "Noise\u202e <script>alert(1)</script>", "de": "Lärm"}
        made = create(
            described(
                "api-hostile", title_translated=texts, notes_translated={**texts, "it": "<b>Rumore"}
            )
        )
        assert "\u202e" not in str(made)
        body = app.get("/dataset/api-hostile").body + app.get("/en/dataset/api-hostile").body
        assert "<script>alert(1)" not in body
        assert "<b>Rumore" not in body


class TestPages:
    def test_pages_in_english_take_the_english_texts_and_pages_in_french_stay_french(
        self, app, create
    ):
        made = create(described("pages"))
        french, english = page(app, "/fr/dataset/pages"), page(app, "/en/dataset/pages")
        assert (french.h1.text.strip(), english.h1.text.strip()) == ("Carte de bruit", "Noise map")
        assert "Road noise." in english.select_one(".eco-glance").text
        assert "Bruit des routes." in french.select_one(".eco-glance").text
        assert "The file" in english.select_one("#dataset-resources").text
        path = f"dataset/pages/resource/{made['resources'][0]['id']}"
        assert "A point for each measure." in page(app, f"/en/{path}").select_one(".prose").text
        assert "Un point par relevé." in page(app, f"/fr/{path}").select_one(".prose").text

    def test_the_other_languages_stand_folded_with_their_language(self, app, create):
        made = create(described("pages-autres"))
        shown = page(app, "/fr/dataset/pages-autres").select(".ecosphere-languages dd")
        assert [(each["lang"], each.text) for each in shown[:3]] == [
            ("ar", "خريطة الضوضاء"),
            ("de", "Lärmkarte"),
            ("en", "Noise map"),
        ]
        assert (
            "Anglais"
            in page(app, "/fr/dataset/pages-autres").select_one(".ecosphere-languages").text.title()
        )
        languages = [
            each["lang"]
            for each in page(app, "/en/dataset/pages-autres").select(".ecosphere-languages dd")
        ]
        assert languages == ["ar", "de", "fr", "de", "fr"]
        path = f"/fr/dataset/pages-autres/resource/{made['resources'][0]['id']}"
        assert {each.text for each in page(app, path).select(".ecosphere-languages dd")} == {
            "Die Datei",
            "The file",
            "A point for each measure.",
        }

    def test_a_dataset_in_one_language_shows_nothing_of_it(self, app, create):
        create({"title": "Une langue", "name": "pages-une"})
        assert "Dans d’autres langues" not in page(app, "/fr/dataset/pages-une").text

    def test_lists_and_search_name_it_in_the_language_of_the_page(self, app, create):
        create(
            described(
                "pages-liste",
                title="Cartographie du vacarme",
                title_translated={"en": "Mapping of the din"},
            )
        )
        for words, language, title in (
            ("Mapping of the din", "fr", "Cartographie du vacarme"),
            ("Mapping of the din", "en", "Mapping of the din"),
            ("vacarme", "en", "Mapping of the din"),
        ):
            found = page(app, f"/{language}/dataset/?q={words.replace(' ', '+')}").select(
                ".dataset-heading a"
            )
            assert title in [" ".join(each.text.split()) for each in found], (words, language)

    def test_only_french_and_english_are_searched(self, app, create, act):
        create(described("pages-index", title_translated={"en": "Quietness", "de": "Stillezzz"}))
        assert [each["name"] for each in act("package_search", q="Quietness")["results"]] == [
            "pages-index"
        ]
        assert act("package_search", q="Stillezzz")["count"] == 0

    def test_a_draft_stays_one(self, app, create, act):
        create(described("pages-secret", private=True, title_translated={"en": "Secret whisper"}))
        assert app.get("/en/dataset/pages-secret", expect_errors=True).status_code in (403, 404)
        assert "Secret whisper" not in app.get("/en/dataset/?q=whisper").body


class TestForm:
    @pytest.fixture
    def client(self, app: Any, editor: dict[str, Any]) -> Any:
        return AsUser(app, editor["token"])

    def test_what_the_form_does_not_change_stays(self, client, create, act):
        before = create(described("form-garde", private=True))
        sent = form_of(client.get("/fr/dataset/edit/form-garde").body)
        assert ("title_translated-ar", "خريطة الضوضاء") in sent
        sent = [(name, "Carte du bruit" if name == "title" else value) for name, value in sent]
        assert submit(client, "/fr/dataset/edit/form-garde", sent).status_code == 302
        after = act("package_show", id="form-garde")
        assert after["title_translated"] == {**before["title_translated"], "fr": "Carte du bruit"}
        assert after["notes_translated"] == before["notes_translated"]
        assert after["resources"][0]["name_translated"] == before["resources"][0]["name_translated"]

    def test_english_is_written_and_taken_away(self, client, create, act):
        create({"title": "Sans anglais", "name": "form-anglais", "private": True})
        path = "/fr/dataset/edit/form-anglais"
        sent = [pair for pair in form_of(client.get(path).body) if pair[0] != "title_translated-en"]
        assert (
            submit(client, path, [*sent, ("title_translated-en", "In English")]).status_code == 302
        )
        assert act("package_show", id="form-anglais")["title_translated"] == {
            "en": "In English",
            "fr": "Sans anglais",
        }
        assert submit(client, path, [*sent, ("title_translated-en", "")]).status_code == 302
        assert "title_translated" not in act("package_show", id="form-anglais")

    def test_a_file_is_named_in_english(self, client, create, act):
        made = create(described("form-fichier", private=True))
        path = f"/fr/dataset/form-fichier/resource/{made['resources'][0]['id']}/edit"
        sent = form_of(client.get(path).body, "resource-edit")
        sent = [
            (name, "The table" if name == "name_translated-en" else value) for name, value in sent
        ]
        assert submit(client, path, sent).status_code == 302
        shown = act("resource_show", id=made["resources"][0]["id"])
        assert shown["name_translated"] == {
            "de": "Die Datei",
            "en": "The table",
            "fr": "Le fichier",
        }
        assert shown["description_translated"]["en"] == "A point for each measure."

    def test_no_other_field_is_filled_by_way_of_a_language(self, client, create, act):
        create({"title": "Sans langue", "name": "form-autre", "private": True})
        path = "/fr/dataset/edit/form-autre"
        sent = [
            *form_of(client.get(path).body),
            ("url_translated-en", "https://evil.example.org"),
            ("name_translated-en", "x"),
        ]
        assert submit(client, path, sent).status_code == 302
        assert "evil" not in str(act("package_show", id="form-autre"))
        assert "name_translated" not in act("package_show", id="form-autre")

    def test_an_error_keeps_what_was_typed_and_names_the_field(self, client, create):
        create(described("form-erreur", private=True))
        path = "/fr/dataset/edit/form-erreur"
        long = "x" * 501
        sent = [
            (n, long if n == "title_translated-en" else v)
            for n, v in form_of(client.get(path).body)
        ]
        shown = BeautifulSoup(submit(client, path, sent).body, "html.parser")
        assert [link["href"] for link in shown.select("#form-errors a")] == [
            "#field-title_translated"
        ]
        assert "anglais : trop long, 500 caractères au plus" in " ".join(
            shown.select_one("#form-errors").text.split()
        )
        assert shown.find(id="field-title_translated-en")["value"] == long

    def test_what_a_source_governs_is_carried(self, client, create, act, harvested):
        before = create(described("form-source", private=True))
        harvested(before)
        path = "/fr/dataset/edit/form-source"
        sent = form_of(client.get(path).body)
        assert ("title_translated-de", "Lärmkarte") in sent
        assert submit(client, path, sent).status_code == 302
        assert (
            act("package_show", id="form-source")["title_translated"] == before["title_translated"]
        )
        sent = [
            (name, "Andere Karte" if name == "title_translated-de" else value)
            for name, value in sent
        ]
        assert submit(client, path, sent).status_code == 200
        model.Session.rollback()
        assert (
            act("package_show", id="form-source")["title_translated"] == before["title_translated"]
        )


class TestExports:
    def test_graphs_say_each_text_with_its_language(self, app, create):
        made = create(described("export"))
        graph = Graph().parse(data=app.get("/dataset/export.ttl").body, format="turtle")
        titles = set(graph.objects(None, DCTERMS.title))
        for language, text in made["title_translated"].items():
            assert Literal(text, lang=language) in titles
        assert Literal("The file", lang="en") in titles
        assert Literal("Carte de bruit") not in titles

    def test_a_record_says_them_in_its_locales(self, app, create):
        create(described("export-iso"))
        record = etree.fromstring(app.get("/dataset/export-iso/iso19139.xml").data)
        locales = record.iter("{*}PT_Locale")
        codes = {
            each.get("id"): each.find(".//{*}LanguageCode").get("codeListValue") for each in locales
        }
        texts = record.find(".//{*}citation//{*}title").iter("{*}LocalisedCharacterString")
        said = {codes[each.get("locale").lstrip("#")]: each.text for each in texts}
        assert said == {"ara": "خريطة الضوضاء", "eng": "Noise map", "ger": "Lärmkarte"}


class TestInABrowser:
    def test_page_and_form_have_no_fault_of_access(self, page, create, editor, portal_url):
        create(samples.full(name="langues-axe", private=True))
        log_in(page, editor["name"], PASSWORD)
        page.goto("/fr/dataset/langues-axe")
        page.locator(".ecosphere-languages summary").first.click()
        assert axe_violations(page) == []
        page.goto("/fr/dataset/edit/langues-axe")
        page.locator("#section-languages summary").first.click()
        assert axe_violations(page) == []
        assert (
            page.input_value("#field-title_translated-en") == "Flood-prone areas of the Ain in 2023"
        )
