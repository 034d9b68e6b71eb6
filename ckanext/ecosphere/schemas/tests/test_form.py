"""Dataset form and page in French, with and without JavaScript."""

from __future__ import annotations

import re
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from bs4 import BeautifulSoup
from ckan import model
from playwright.sync_api import expect

from ckanext.ecosphere.schemas.tests import samples
from ckanext.ecosphere.schemas.tests.conftest import PASSWORD
from ckanext.ecosphere.tests.browser import axe_violations, log_in, save_dataset, wait_until

pytestmark = pytest.mark.usefixtures("with_plugins", "clean_db", "clean_index")


class AsUser:
    """Test client that sends a user's API token with each request."""

    def __init__(self, app: Any, token: str) -> None:
        self.app = app
        self.headers = {"Authorization": token}

    def get(self, path: str) -> Any:
        return self.app.get(path, headers=self.headers)

    def post(self, path: str, data: dict[str, Any]) -> Any:
        return self.app.post(path, data=data, headers=self.headers, follow_redirects=False)


@pytest.fixture
def client(app: Any, editor: dict[str, Any]) -> Any:
    """Test client of the editor."""
    return AsUser(app, editor["token"])


def soup(html: str) -> Any:
    """Parse a page."""
    return BeautifulSoup(html, "html.parser")


def form_of(html: str, form_id: str = "dataset-edit") -> list[tuple[str, str]]:
    """Return the fields that a browser without JavaScript would submit for an unchanged form."""
    form = soup(html).find("form", id=form_id)
    assert form is not None
    for template in form.find_all("template"):
        template.decompose()
    sent: list[tuple[str, str]] = []
    for element in form.find_all(["input", "textarea", "select"]):
        name = element.get("name")
        if not name or (
            element.get("type") in ("checkbox", "radio") and not element.has_attr("checked")
        ):
            continue
        if element.get("type") in ("file", "submit"):
            continue
        if element.name == "select":
            sent.extend(
                (name, option["value"]) for option in element.find_all("option", selected=True)
            )
        else:
            sent.append(
                (
                    name,
                    element.text.lstrip("\n")
                    if element.name == "textarea"
                    else element.get("value", ""),
                )
            )
    return sent


def submit(client: Any, path: str, fields: list[tuple[str, str]]) -> Any:
    """Submit a form as a browser would."""
    data: dict[str, list[str]] = {}
    for name, value in fields:
        data.setdefault(name, []).append(value)
    return client.post(path, {**data, "save": ""})


class TestWithoutJavaScript:
    def test_a_dataset_saved_as_the_form_shows_it_does_not_change(self, client, create, act):
        shown = create(samples.full())
        page = client.get("/fr/dataset/edit/zones-inondables-ain").body
        assert (
            submit(client, "/fr/dataset/edit/zones-inondables-ain", form_of(page)).status_code
            == 302
        )
        after = act("package_show", id=shown["id"])
        assert {**after, "metadata_modified": ""} == {**shown, "metadata_modified": ""}

    @pytest.mark.slow("variants")
    def test_a_resource_saved_as_the_form_shows_it_does_not_change(self, client, create, act):
        shown = create(samples.full())
        for resource in shown["resources"]:
            path = f"/fr/dataset/zones-inondables-ain/resource/{resource['id']}/edit"
            assert (
                submit(client, path, form_of(client.get(path).body, "resource-edit")).status_code
                == 302
            )
            after = act("resource_show", id=resource["id"])
            unchanged = {
                "metadata_modified": "",
                "url_type": None,
            }  # CKAN's form submits an empty `url_type`
            assert {**after, **unchanged} == {**resource, **unchanged}

    def test_values_outside_the_lists_and_extras_survive_the_form(self, client, create, act):
        commune = "http://id.insee.fr/geo/commune/01053"
        create(
            {
                "title": "T",
                "name": "tt",
                "territory": [commune],
                "extras": [{"key": "note", "value": "kept"}],
            }
        )
        path = "/fr/dataset/edit/tt"
        assert submit(client, path, form_of(client.get(path).body)).status_code == 302
        after = act("package_show", id="tt")
        assert after["territory"] == [commune]
        assert after["extras"] == [{"key": "note", "value": "kept"}]

    def test_a_new_dataset_starts_with_the_defaults(self, client):
        sent = form_of(client.get("/fr/dataset/new").body)
        assert ("license_id", "etalab-2.0") in sent
        assert ("language", f"{samples.DIM}/language/FRA") in sent

    def test_an_error_keeps_what_was_typed_and_names_the_field(self, client, create):
        create(samples.full())
        path = "/fr/dataset/edit/zones-inondables-ain"
        sent = [
            (name, "demain" if name == "issued" else value)
            for name, value in form_of(client.get(path).body)
        ]
        page = soup(submit(client, path, sent).body)
        errors = page.find(id="form-errors")
        assert errors is not None
        assert errors["role"] == "alert"
        assert [link["href"] for link in errors.find_all("a")] == ["#field-issued"]
        field = page.find(id="field-issued")
        assert field is not None
        assert (field["value"], field["aria-invalid"]) == ("demain", "true")
        assert page.find(id=str(field["aria-describedby"]).split()[-1]) is not None
        section = page.find(id="section-coverage")
        assert section is not None
        assert section.has_attr("open")

    def test_publishing_an_empty_dataset_lists_what_is_missing_and_says_once_how_to_go_on(
        self, client, service
    ):
        sent = dict(form_of(client.get("/fr/dataset/new").body))
        named = {"title": "T", "name": "tt", "owner_org": service["id"]}
        answer = client.post("/fr/dataset/new", {**sent, **named, "private": "False", "save": ""})
        errors = soup(answer.body).find(id="form-errors")
        assert errors is not None
        text = re.sub(r"\s+", " ", errors.text)
        assert "Il reste 6 champs à remplir pour publier" in text
        assert text.count("Brouillon") == 1
        assert "à corriger" not in text
        links = [link["href"] for link in errors.find_all("a")]
        assert links[:2] == ["#field-notes", "#field-theme"]
        assert links[-1] == "#field-private"

    def test_a_form_sent_empty_asks_for_the_title_and_makes_nothing(self, client, act, service):
        sent = {
            **dict(form_of(client.get("/fr/dataset/new").body)),
            "owner_org": service["id"],
            "save": "",
        }
        for title in ("", "  "):
            answer = client.post("/fr/dataset/new", {**sent, "title": title, "name": ""})
            errors = soup(answer.body).find(id="form-errors")
            assert "#field-title" in [link["href"] for link in errors.find_all("a")], errors
            assert "#field-name" not in str(errors)
        assert model.Session.query(model.Package).count() == 0
        with pytest.raises(tk.ValidationError) as told:
            act("package_create", owner_org=service["id"])
        assert {"title", "name"} <= set(told.value.error_dict)

    def test_a_keyword_that_is_refused_is_told_once(self, client, create):
        create(samples.full())
        path = "/fr/dataset/edit/zones-inondables-ain"
        sent = [
            (key, "a" * 101 if key == "tag_string" else value)
            for key, value in form_of(client.get(path).body)
        ]
        links = soup(submit(client, path, sent).body).select("#form-errors a")
        assert [link["href"] for link in links] == ["#field-tag_string"]

    def test_an_error_deep_in_a_group_is_named_with_its_way(self, client, create):
        create(samples.full())
        path = "/fr/dataset/edit/zones-inondables-ain"
        name = "qualified_attribution__0__agent__0__email"
        sent = [
            (key, "?" if key == name else value) for key, value in form_of(client.get(path).body)
        ]
        link = soup(submit(client, path, sent).body).select_one("#form-errors a")
        assert link is not None
        assert (link["href"], link.text) == (f"#field-{name}", "Autres rôles 1, Service, Courriel")

    @pytest.mark.slow("variants")
    def test_every_field_has_its_anchor_and_every_input_its_label(self, client):
        page = soup(client.get("/fr/dataset/new?tout=1").body)
        from ckan.plugins.toolkit import h

        for field in h.scheming_get_dataset_schema("dataset")["dataset_fields"]:
            assert page.find(id=f"field-{field['field_name']}") is not None, field["field_name"]
        form = page.find(id="dataset-edit")
        assert form is not None
        for element in form.select("input:not([type=hidden]), select, textarea"):
            named = element.get("aria-label") or page.find(
                "label", attrs={"for": element.get("id")}
            )
            assert named, element

    def test_no_identifier_stands_twice(self, client, create):
        create(samples.full())
        page = soup(client.get("/fr/dataset/edit/zones-inondables-ain?tout=1").body)
        for template in page.find_all("template"):
            template.decompose()
        ids = [element["id"] for element in page.select("#dataset-edit [id]")]
        assert sorted(set(ids)) == sorted(ids)


class TestThePage:
    def test_shows_labels_instead_of_codes_in_the_language_of_the_page(self, app, create):
        create(samples.full())
        french = soup(app.get("/fr/dataset/zones-inondables-ain").body).select_one(
            ".ecosphere-info"
        )
        assert french is not None
        text = re.sub(r"\s+", " ", french.text)
        for expected in (
            "Prévention des inondations",
            "Ain",
            "Licence Ouverte 2.0 (Etalab)",
            "1/25 000",
            "RGF93 v1 / Lambert-93",
            "annuel",
            "1er juillet 2023",
            "février 2025",
            "Zones à risque naturel",
            "Étude d'impact",
            "IGN (gestionnaire)",
            "Conforme",
        ):
            assert expected in text
        assert "http://publications.europa.eu" not in text
        assert "themes-ecospheres" not in text
        english = app.get("/en/dataset/zones-inondables-ain").body
        for expected in (
            "Flood prevention",
            "Lineage",
            "annual",
            "1 July 2023",
            "Natural risk zones",
        ):
            assert expected in english

    def test_hides_what_is_empty(self, app, create):
        create({"title": "T", "name": "tt", "theme": ["eau"]})
        rows = soup(app.get("/fr/dataset/tt").body).select(".ecosphere-info th")
        assert [row.text for row in rows][:1] == ["Thématiques"]
        assert "Échelle" not in [row.text for row in rows]

    def test_makes_no_link_of_what_is_no_web_address(self, app, create):
        create(
            {
                "title": "T",
                "name": "tt",
                "identifier": "javascript:alert(1)",
                "notes": "<script>alert(1)</script>",
            }
        )
        page = soup(app.get("/fr/dataset/tt").body)
        assert not [
            link for link in page.find_all("a", href=True) if link["href"].startswith("javascript:")
        ]
        code = [
            script
            for script in page.find_all("script")
            if script.get("type") != "application/ld+json"
        ]  # not code
        assert "alert(1)" not in "".join(script.text for script in code)

    def test_what_is_not_the_data_themselves_is_told_among_the_files(self, app, create):
        address = "https://www.ain.gouv.fr/notice"
        files = [
            {"url": address, "resource_role": role} for role in ("data", "documentation", "sample")
        ]
        create({"title": "T", "name": "tt", "resources": files})
        groups = soup(app.get("/fr/dataset/tt").body).select("#dataset-resources h3")
        told = {
            each.text.strip(): len(each.find_next("ul").select(".resource-item")) for each in groups
        }
        assert told == {"Données": 1, "Documentation": 1, "Extraits": 1}

    def test_the_resource_page_shows_its_fields_with_labels(self, app, create):
        shown = create(samples.full())
        path = f"/fr/dataset/zones-inondables-ain/resource/{shown['resources'][0]['id']}"
        text = soup(app.get(path).body).get_text(" ")
        for expected in ("Téléchargement de fichier", "Données", "MD5", "stable", "RGF93"):
            assert expected in text
        assert "checksumAlgorithm" not in text


@pytest.mark.browser
class TestInABrowser:
    def test_an_editor_describes_a_dataset_corrects_an_error_and_reads_it(self, page, editor, act):
        log_in(page, editor["name"], PASSWORD)
        page.goto("/fr/dataset/new")
        assert axe_violations(page) == []
        page.fill("#field-title", "Zones humides de l'Ain")
        page.fill("#field-notes", "Inventaire des zones humides.")
        page.fill("#field-theme input[type=search]", "biodiv inventaires")
        page.get_by_label("Inventaires nature et biodiversité").check()
        page.fill("#field-territory input[type=search]", "paca")
        page.get_by_label("Provence-Alpes-Côte d'Azur").check()
        page.fill("#field-contact__0__email", "pas une adresse")
        page.locator("#field-contact [data-add]").click()
        page.fill("#field-contact__1__name", "Unité biodiversité")
        page.locator("button[name=save]").last.click()
        wait_until(page, "document.activeElement.id === 'form-errors'")
        assert axe_violations(page) == []
        page.locator("#form-errors a").first.click()
        assert page.evaluate("document.activeElement.id") == "field-contact__0__email"
        page.fill("#field-contact__0__email", "ddt@ain.example.org")
        save_dataset(page, page.locator("button[name=save]").last.click)
        assert axe_violations(page) == []
        page.locator("#resource-link-button").click()
        page.fill("#field-resource-url", "mailto:ddt@ain.example.org")
        page.locator("button[name=save]").last.click()
        page.get_by_text("n’est pas une adresse").first.wait_for()
        assert axe_violations(page) == []
        stored = act("package_show", id="zones-humides-de-l-ain")
        assert stored["theme"] == [f"{samples.THEMES}/inventaires-nature-et-biodiversite"]
        assert stored["territory"] == ["http://id.insee.fr/geo/region/93"]
        assert stored["contact"] == [
            {"email": "ddt@ain.example.org"},
            {"name": "Unité biodiversité"},
        ]
        # An unfinished dataset is listed on the start page of the form, and among the user's
        # datasets.
        page.goto("/fr/dashboard/datasets")
        assert axe_violations(page) == []
        page.goto("/fr/dataset/new")
        assert axe_violations(page) == []
        page.locator(".ecosphere-unfinished a").first.press("Enter")
        wait_until(
            page, "document.getElementById('field-title')?.value === \"Zones humides de l'Ain\""
        )

    def test_a_link_to_a_field_opens_its_part_of_the_form(self, page, editor, create):
        create(samples.full())
        log_in(page, editor["name"], PASSWORD)
        page.goto("/fr/dataset/edit/zones-inondables-ain#field-scale_denominator")
        wait_until(page, "document.activeElement.id === 'field-scale_denominator'")
        assert page.locator("#section-content").get_attribute("open") is not None
        page.goto("/fr/dataset/edit/zones-inondables-ain#field-conformity")
        wait_until(page, "document.activeElement.id === 'field-conformity__0__specification'")

    def test_rows_are_added_and_removed_by_keyboard(self, page, editor, create, act):
        create(samples.full())
        log_in(page, editor["name"], PASSWORD)
        page.goto("/fr/dataset/edit/zones-inondables-ain#field-alternate_title")
        wait_until(page, "document.activeElement.name === 'alternate_title'")
        page.locator("#field-alternate_title [data-add]").press("Enter")
        page.keyboard.type("Atlas des zones inondables")
        page.locator("#field-alternate_title [data-remove]").first.press("Enter")
        page.locator("#field-theme .ecosphere-chosen button").first.press("Enter")
        page.locator("button[name=save]").last.press("Enter")
        page.wait_for_url("**/dataset/zones-inondables-ain*")
        model.Session.remove()
        assert axe_violations(page) == []
        stored = act("package_show", id="zones-inondables-ain")
        assert stored["alternate_title"] == ["l_zone_inondable_s_001", "Atlas des zones inondables"]
        assert stored["theme"] == [f"{samples.THEMES}/prevention-des-inondations"]

    def test_datasets_are_proposed_by_their_titles_where_their_names_are_asked_for(
        self, page, editor, create
    ):
        create(samples.full(name="lot-2023", title="Grand lot des frayères"))
        log_in(page, editor["name"], PASSWORD)
        page.goto("/fr/dataset/new#field-in_series")
        wait_until(page, "document.activeElement.name === 'in_series'")
        with page.expect_response(lambda answer: "package_autocomplete" in answer.url):
            page.keyboard.type("grand lot")
        expect(page.get_by_role("option", name="Grand lot des frayères")).to_be_visible()
        assert axe_violations(page) == []
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.locator("[name=in_series]").first).to_have_value("lot-2023")

    def test_the_number_of_filled_fields_follows_what_is_typed_and_removed(
        self, page, editor, create
    ):
        create(samples.full())
        log_in(page, editor["name"], PASSWORD)
        page.goto("/fr/dataset/edit/zones-inondables-ain")
        section = page.locator("details", has=page.locator("#field-notes"))
        counted = section.locator(".ecosphere-section-count")
        before = int(counted.inner_text().split()[0])
        page.fill("#field-notes", "")
        expect(counted).to_have_text(f"{before - 1} champs remplis")
        page.fill("#field-notes", "Zones inondables.")
        expect(counted).to_have_text(f"{before} champs remplis")
        themes = page.locator("#field-theme .ecosphere-chosen button")
        part = page.locator("details", has=page.locator("#field-theme")).locator(
            ".ecosphere-section-count"
        )
        number = int(part.inner_text().split()[0])
        for _theme in range(themes.count()):
            themes.first.press("Enter")
        expect(part).to_have_text(f"{number - 1} champs remplis")
