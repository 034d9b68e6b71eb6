"""Prefilling a new dataset: from a metadata document, from another dataset,
or with the usual values of its service.
"""

from __future__ import annotations

import io
import time
from contextlib import ExitStack
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from bs4 import BeautifulSoup
from ckan.tests import factories, helpers

from ckanext.dcat.processors import RDFSerializer
from ckanext.ecosphere.schemas import config
from ckanext.ecosphere.schemas.importing.documents import (
    UnreadableError,
    decoded,
    load_yaml,
    without_encoding,
)
from ckanext.ecosphere.schemas.iso import writer
from ckanext.ecosphere.schemas.tests import samples
from ckanext.ecosphere.schemas.tests.conftest import PASSWORD
from ckanext.ecosphere.shared.web_guard import rate_limits
from ckanext.ecosphere.tests.browser import axe_violations, log_in, wait_until
from ckanext.ecosphere.tests.forms import Form
from ckanext.ecosphere.tests.scripted_server import Exchange, serve

pytestmark = pytest.mark.usefixtures("shared_db")
PUBLICCODE = """
publiccodeYmlVersion: "0.4"
name: Calcul des crues
url: https://git.example.org/crues.git
developmentStatus: stable
releaseDate: 2024-05-01
legal: {license: EUPL-1.2, mainCopyrightOwner: CEREMA}
maintenance: {contacts: [{name: Équipe, email: equipe@example.org}]}
localisation: {availableLanguages: [fr]}
description: {fr: {shortDescription: Court, longDescription: Un texte plus long.}}
"""
ODD = """
@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
<https://x.example.org/d> a dcat:Dataset ; dct:title "Étrange" ; dct:license <http://example.org/ma-licence> ;
  dct:accrualPeriodicity <http://example.org/parfois> ;
  dcat:distribution [a dcat:Distribution ; dct:title "mauvais" ; dcat:accessURL <javascript:alert(1)>] ,
    [a dcat:Distribution ; dct:title "bon" ; dcat:accessURL <https://x.example.org/f.csv>] .
"""
TANGLED = """
@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> . @prefix prov: <http://www.w3.org/ns/prov#> .
<https://x.example.org/d> a dcat:Dataset ; dct:title "Emmêlé" ; dct:abstract "Résumé." ;
  dct:type <http://example.org/type> ;
  dcat:keyword "aléa ; enjeux; cours d'eau", "Saint-Denis, Réunion", "crue, eau, risque" ;
  dct:publisher <organizations/12> ; dct:license <http://publications.europa.eu/resource/authority/licence/CC_BY_4_0> ;
  dct:isReferencedBy [dct:title "sans nom"] , <https://x.example.org/article> ;
  dct:issued "2024-05-01" ; dct:modified "2020-01-01" ;
  prov:qualifiedAttribution [prov:agent [foaf:mbox <mailto:a@example.org>]] .
<organizations/12> a foaf:Organization ; foaf:name "DDT" .
"""
ALONE = """
@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
<https://x.example.org/s> a dcat:%s ; dct:title "Seul" .
"""
BOMB = "a: &a [x, x]\nb: &b [*a, *a]\npubliccodeYmlVersion: '0.4'\nname: *b"


def documents() -> dict[str, tuple[str, int]]:
    """Return the contents of the test server: path → body and status."""
    file = {"id": "r", "package_id": "x", "url": "https://www.ain.gouv.fr/zi.zip", "format": "SHP"}
    full = {**samples.full(), "id": "x", "resources": [file]}
    serializer = RDFSerializer(profiles=["ecosphere_dcat_ap"])
    return {
        "/iso": (writer.record(full).decode(), 200),
        "/ttl": (serializer.serialize_dataset(dict(full), _format="turtle"), 200),
        "/rdf": (
            RDFSerializer(profiles=["ecosphere_dcat_ap"]).serialize_dataset(
                dict(full), _format="xml"
            ),
            200,
        ),
        "/publiccode.yml": (PUBLICCODE, 200),
        "/page": ("<html><body>Non</body></html>", 200),
        "/missing": ("", 404),
        "/bomb": (BOMB, 200),
        "/entities": ('<!DOCTYPE r [<!ENTITY a "b">]><rdf:RDF>&a;</rdf:RDF>', 200),
        "/context": ('{"@context": "http://127.0.0.1:1/secret", "@type": "Dataset"}', 200),
        "/text": ("bonjour", 200),
    }


@pytest.fixture
def server() -> Any:
    """A server with these documents."""
    given = documents()

    def answer(exchange: Exchange) -> None:
        body, status = given[exchange.path]
        exchange.answer(body, status)

    with serve(answer) as running:
        yield running


class TestTheAction:
    @pytest.mark.parametrize("path", ["/iso", "/ttl", "/rdf"])
    def test_reads_a_dataset_whatever_its_format(self, server, act, path):
        read = act("ecosphere_dataset_import", url=server.url + path)["dataset"]
        assert read["title"] == samples.FULL["title"]
        assert read["territory"] == samples.FULL["territory"]
        assert read["license_id"] == "etalab-2.0"
        assert read["private"] is True
        assert "https://www.ain.gouv.fr/zi.zip" in {
            resource["url"] for resource in read["resources"]
        }

    def test_reads_source_code(self, server, act):
        read = act("ecosphere_dataset_import", url=f"{server.url}/publiccode.yml")["dataset"]
        assert read["dcat_type"] == "https://schema.org/SoftwareSourceCode"
        assert read["code_repository"].startswith("https://git.example.org/crues")
        assert read["license_id"] == "eupl-1.2"
        assert read["contact"][0]["email"].endswith("@example.org")

    @pytest.mark.few(2, "values")
    @pytest.mark.parametrize(
        "path", ["/page", "/missing", "/bomb", "/entities", "/context", "/text"]
    )
    def test_refuses_what_it_cannot_read_with_a_reason(self, server, act, path):
        with pytest.raises(tk.ValidationError) as caught:
            act("ecosphere_dataset_import", url=server.url + path)
        told: Any = caught.value.error_dict
        assert told["url"][0]

    @pytest.mark.few(1, "formats")
    @pytest.mark.parametrize("path", ["/iso", "/ttl", "/publiccode.yml"])
    def test_reads_a_text_as_it_reads_an_address(self, server, act, path):
        from_text = act("ecosphere_dataset_import", content=documents()[path][0])["dataset"]
        from_address = act("ecosphere_dataset_import", url=server.url + path)["dataset"]
        assert {**from_address, "source_record": ""} == {**from_text, "source_record": ""}

    def test_what_is_not_understood_is_told_and_a_file_without_a_usable_address_is_left_out(
        self, act
    ):
        read = act("ecosphere_dataset_import", content=ODD)
        assert [resource["name"] for resource in read["dataset"]["resources"]] == ["bon"]
        told = "\n".join(read["problems"])
        for value in (
            "http://example.org/ma-licence",
            "http://example.org/parfois",
            "javascript:alert(1)",
            "mauvais",
        ):
            assert value in told
        strange = (
            PUBLICCODE.replace("EUPL-1.2", "Maison-1.0")
            .replace("stable", "en rade")
            .replace("[fr]", "[tlh]")
        )
        told = "\n".join(act("ecosphere_dataset_import", content=strange)["problems"])
        for value in ("Maison-1.0", "en rade", "tlh"):
            assert value in told

    def test_what_nobody_typed_gives_no_error_but_is_left_out_with_its_value(self, act):
        read = act("ecosphere_dataset_import", content=TANGLED)
        dataset, told = read["dataset"], "\n".join(read["problems"])
        for value in ("http://example.org/type", "organizations/12", "2020-01-01"):
            assert value in told
        assert len(read["problems"]) == 3
        assert dataset["publisher"][0]["name"] == "DDT"
        assert "uri" not in dataset["publisher"][0]
        assert dataset["is_referenced_by"] == ["https://x.example.org/article"]
        assert (dataset["license_id"], dataset["notes"]) == ("cc-by", "Résumé.")
        words = {"aléa", "enjeux", "cours d'eau", "Saint-Denis", "Réunion", "crue", "eau", "risque"}
        assert {tag["name"] for tag in dataset["tags"]} == words

    def test_a_series_that_the_portal_does_not_have_is_left_out_and_named(self, act):
        of_dataset = {**samples.full(in_series=["lot-lointain"]), "id": "x"}
        read = act("ecosphere_dataset_import", content=writer.record(of_dataset).decode())
        assert not read["dataset"].get("in_series")
        assert [problem for problem in read["problems"] if "lot-lointain" in problem]
        kind = "http://inspire.ec.europa.eu/metadata-codelist/ResourceType/series"
        read = act(
            "ecosphere_dataset_import",
            content=writer.record({**of_dataset, "dcat_type": kind}).decode(),
        )
        assert not read["dataset"].get("in_series")
        assert [problem for problem in read["problems"] if "lot-lointain" in problem]

    def test_a_good_document_leaves_nothing_to_tell(self, act):
        for path in ("/ttl", "/rdf", "/publiccode.yml"):
            problems = act("ecosphere_dataset_import", content=documents()[path][0])["problems"]
            assert [
                each for each in problems if "lot-risques-ain" not in each
            ] == []  # a series of another portal

    @pytest.mark.parametrize(
        ("kind", "code"), [("DataService", "service"), ("DatasetSeries", "series")]
    )
    def test_reads_a_service_or_a_series_that_is_not_called_a_dataset_besides(
        self, act, kind, code
    ):
        read = act("ecosphere_dataset_import", content=ALONE % kind)["dataset"]
        assert read["title"] == "Seul"
        assert read["dcat_type"].endswith(f"/{code}")

    @pytest.mark.parametrize("content", ["bonjour", BOMB, "", "x" * (config.IMPORT_BYTES + 1)])
    def test_refuses_a_text_that_it_cannot_read_with_a_reason(self, act, content):
        with pytest.raises(tk.ValidationError) as caught:
            act("ecosphere_dataset_import", content=content)
        told: Any = caught.value.error_dict
        assert told["content" if content else "url"][0]

    @pytest.mark.parametrize(
        "url", ["file:///etc/passwd", "http://169.254.169.254/latest", "http://10.0.0.1/"]
    )
    def test_refuses_addresses_inside(self, act, url):
        with pytest.raises(tk.ValidationError) as caught:
            act("ecosphere_dataset_import", url=url)
        assert list(caught.value.error_dict) == ["url"]

    def test_slow_servers_do_not_take_the_threads_of_the_portal(self, server, act):
        with ExitStack() as others:
            for _each in range(rate_limits.FOR_EDITORS):
                others.enter_context(rate_limits.place(rate_limits.FOR_EDITORS))
            with pytest.raises(tk.ValidationError) as caught:
                act("ecosphere_dataset_import", url=server.url + "/iso")
            assert "moment" in str(caught.value.error_dict["url"])
        assert (
            act("ecosphere_dataset_import", url=server.url + "/iso")["dataset"]["title"]
            == samples.FULL["title"]
        )

    def test_who_may_not_describe_datasets_may_not_import(self, editor):
        someone = factories.User()
        data = {"url": "https://example.org"}
        assert helpers.call_auth(
            "ecosphere_dataset_import", {"user": editor["name"], "model": None}, **data
        )
        for name in (someone["name"], ""):
            with pytest.raises(tk.NotAuthorized):
                helpers.call_auth("ecosphere_dataset_import", {"user": name, "model": None}, **data)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "cp1252"])
def test_a_document_is_read_in_the_encoding_that_it_declares_or_shows(act, encoding):
    record = writer.record({**samples.full(title="Frayères"), "id": "x"}).decode()
    written = record.replace("UTF-8", encoding.upper().removesuffix("-SIG"), 1).encode(encoding)
    assert (
        act("ecosphere_dataset_import", content=decoded(written))["dataset"]["title"] == "Frayères"
    )
    assert decoded("Généalogie".encode(encoding)) == "Généalogie"


@pytest.mark.parametrize(
    "declared", ["punycode", "idna", "utf-7", "unicode_escape", "no-such-encoding"]
)
def test_document_declares_only_character_sets_of_metadata(declared):
    document = (
        f"<?xml version='1.0' encoding='{declared}'?><a>" + "\\xe9+AOk-" * 10_000 + "b" * 300_000
    )
    begun = time.process_time()
    assert decoded(document.encode()) == without_encoding(document)
    assert time.process_time() - begun < 1


def test_a_yaml_document_that_repeats_itself_is_not_unfolded():
    with pytest.raises(UnreadableError):
        load_yaml(BOMB)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 5_000,
        "- " * 5_000 + "x",
        "? " * 3_000,
        "a: [" + "x," * 40_000,
        "a: b\n" * 20_000,
        "a " * 1_000_000,
    ],
    ids=["brackets", "dashes", "questions", "list", "lines", "text"],
)
def test_yaml_that_is_slow_to_read_is_refused_at_once(text):
    begin = time.process_time()
    with pytest.raises(UnreadableError):
        load_yaml(text)
    assert time.process_time() - begin < 2


class TestThePages:
    @pytest.fixture
    def client(self, app: Any, editor: dict[str, Any]) -> Any:
        def get(path: str, **options: Any) -> Any:
            return app.get(path, headers={"Authorization": editor["token"]}, **options)

        return get

    def test_a_duplicate_is_a_draft_without_what_belongs_to_the_first(self, client, create):
        create(samples.full(name="original", title="Original"))
        page: Any = BeautifulSoup(client("/fr/dataset/original/dupliquer").body, "html.parser")
        for row_to_come in page("template"):
            row_to_come.decompose()
        form = page.find(id="dataset-edit")
        assert form["action"].endswith("/dataset/new")
        assert page.find(id="field-title")["value"].startswith("Original (")
        assert page.find(id="field-name")["value"].startswith("original-cop")
        assert not page.select("[name=identifier], [name=replaces], [name=replaced_by]")
        assert page.find(id="field-private").find("option", selected=True)["value"] == "True"

    def test_a_duplicate_of_a_harvested_dataset_that_contradicts_itself_is_saved_and_says_what_it_leaves(
        self, app, editor, create, act
    ):
        right = "http://publications.europa.eu/resource/authority/access-right/PUBLIC"
        create(
            samples.full(
                name="moissonne",
                title="Moissonné",
                access_rights=right,
                access_conditions="Sur place.",
            )
        )
        form = Form(app, editor, "/fr/dataset/moissonne/dupliquer")
        assert "Sur place." in form.page.select_one(".flash-messages").text
        assert form.send().status_code == 302
        assert not act("package_show", id=form.values["name"][0]).get("access_conditions")

    def test_what_a_description_does_not_state_is_not_filled_in_with_the_usual(
        self, app, editor, client, create
    ):
        create({"title": "Sans licence", "name": "no-licence", "private": True})
        headers = {"Authorization": editor["token"]}
        file = {"file": (io.BytesIO((ALONE % "Dataset").encode()), "alone.ttl")}
        imported = app.post("/fr/dataset/importer", data=file, headers=headers).body
        for body in (client("/fr/dataset/no-licence/dupliquer").body, imported):
            page: Any = BeautifulSoup(body, "html.parser")
            for name in ("license_id", "access_rights"):
                chosen = page.find(id=f"field-{name}").find("option", selected=True)
                assert chosen is None or chosen["value"] == ""
            assert (
                page.find(id="field-dcat_type")
                .find("option", selected=True)["value"]
                .endswith("/dataset")
            )

    def test_a_service_lends_what_most_of_its_datasets_say(self, client, create):
        for number in range(3):
            create(samples.full(name=f"usual-{number}", use_conditions="Citer la DDT."))
        page: Any = BeautifulSoup(client("/fr/dataset/nouveau/ddt-01").body, "html.parser")
        assert page.find(id="field-use_conditions").text.strip() == "Citer la DDT."
        assert page.find(id="field-title").get("value", "") == ""
        assert "Conditions d’utilisation" in page.select_one(".flash-messages").text

    def test_an_empty_file_is_said_to_be_empty(self, app, editor):
        file = {"file": (io.BytesIO(b" "), "empty.xml")}
        body = app.post(
            "/fr/dataset/importer", data=file, headers={"Authorization": editor["token"]}
        ).body
        assert BeautifulSoup(body, "html.parser").select(
            "#form-errors a[href='#field-import-file']"
        )

    def test_nobody_else_gets_these_forms(self, app, create):
        create(samples.full(name="closed-form"))
        someone = factories.UserWithToken()
        for path in (
            "/dataset/importer",
            "/dataset/closed-form/dupliquer",
            "/dataset/nouveau/ddt-01",
        ):
            for headers in ({}, {"Authorization": someone["token"]}):
                assert (
                    app.get(path, headers=headers, status=403, follow_redirects=False).status_code
                    == 403
                )


class TestTheContactSheet:
    """The contact sheet of the service prefills the form of a new dataset,
    and changes no existing one.
    """

    SHEET = {
        "email": "ddt-01@example.org",
        "telephone": "+33 4 74 45 62 37",
        "web": "https://www.ain.gouv.fr",
    }

    @pytest.fixture(autouse=True)
    def sheet(self, shared_db: None, service: dict[str, Any], act: Any) -> Any:
        act("ecosphere_contact_sheet_update", id=service["id"], **self.SHEET)
        yield
        act("ecosphere_contact_sheet_update", id=service["id"], **dict.fromkeys(self.SHEET, ""))

    def test_it_fills_in_the_contact_of_a_new_dataset(self, app, editor, create):
        create(
            samples.full(
                name="sheet-usual", contact=[{"name": "Autre", "email": "autre@example.org"}]
            )
        )
        for path in ("/fr/dataset/new", "/fr/dataset/nouveau/ddt-01"):
            values = Form(app, editor, path).values
            assert values["contact__0__email"] == [self.SHEET["email"]], path
            assert values["contact__0__url"] == [self.SHEET["web"]], path
            assert values["contact__0__telephone"] == [self.SHEET["telephone"]], path
            assert values["contact__0__name"][0], path

    def test_it_changes_no_description_that_is_there(self, app, editor, create):
        create(
            samples.full(
                name="sheet-other", contact=[{"name": "Autre", "email": "autre@example.org"}]
            )
        )
        create({"title": "Sans contact", "name": "sheet-none", "private": True})
        for path, email in (
            ("/fr/dataset/edit/sheet-other", "autre@example.org"),
            ("/fr/dataset/edit/sheet-none", ""),
        ):
            assert Form(app, editor, path).values["contact__0__email"] == [email]
        assert Form(app, editor, "/fr/dataset/sheet-none/dupliquer").values[
            "contact__0__email"
        ] == [""]

    def test_a_person_of_several_services_gets_that_of_the_one_that_is_chosen(
        self, app, editor, service, act
    ):
        second = factories.Organization(name="dreal-x", title="DREAL X", image_url="")
        act("organization_member_create", id=second["id"], username=editor["name"], role="editor")
        assert Form(app, editor, "/fr/dataset/new").values["contact__0__email"] == [""]
        chosen = Form(app, editor, f"/fr/dataset/new?group={service['id']}").values
        assert chosen["contact__0__email"] == [self.SHEET["email"]]


class TestWhatIsKnown:
    """Messages about records that are already in the catalogue, found by any identifier,
    or are of other services.
    """

    TTL = """
@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> .
<https://x.example.org/connu> a dcat:Dataset ; dct:title "Repris" ; dct:identifier "fr-120066022-jdd-connu-1" ;
  dct:publisher [a foaf:Organization ; foaf:name "%s"] ."""

    @pytest.fixture
    def read(self, app: Any, editor: dict[str, Any]) -> Any:
        def read(text: str) -> Any:
            file = {"file": (io.BytesIO(text.encode()), "connu.ttl")}
            body = app.post(
                "/fr/dataset/importer", data=file, headers={"Authorization": editor["token"]}
            ).body
            return BeautifulSoup(body, "html.parser")

        return read

    def test_a_record_that_is_in_the_catalogue_is_told_with_a_link(self, read, create, harvested):
        made = create(
            samples.full(
                name="connu", title="Déjà <b>là</b>", identifier="fr-120066022-jdd-connu-1"
            )
        )
        page = read(self.TTL % "DDT 01")
        told = page.select_one(".flash-messages")
        assert "Déjà <b>là</b>" in told.text
        assert told.select_one('a[href$="/dataset/connu"]')
        assert "Géo-IDE" not in told.text
        assert page.find(id="field-title")["value"] == "Repris"
        harvested(made)
        assert "Géo-IDE" in read(self.TTL % "DDT 01").select_one(".flash-messages").text

    def test_a_private_dataset_of_others_is_not_told(self, read, act):
        other = factories.Organization(image_url="")
        hidden = samples.full(
            name="cache", title="Caché", identifier="fr-120066022-jdd-connu-2", private=True
        )
        act("package_create", **{**hidden, "owner_org": other["id"]})
        page = read((self.TTL % "DDT 01").replace("connu-1", "connu-2"))
        assert "Caché" not in page.text

    def test_a_record_of_another_service_is_told(self, read):
        theirs = (
            read((self.TTL % "DDTM 80").replace("connu-1", "ailleurs"))
            .select_one(".flash-messages")
            .text
        )
        ours = (
            read((self.TTL % "DDT 01").replace("connu-1", "ailleurs"))
            .select_one(".flash-messages")
            .text
        )
        assert "Somme" in theirs or "80" in theirs
        assert len(theirs) > len(ours)

    def test_the_address_that_a_description_was_read_from_is_kept_and_shown(
        self, app, editor, server, act
    ):
        headers = {"Authorization": editor["token"]}
        address = f"{server.url}/publiccode.yml"
        saved = Form(app, editor, "/fr/dataset/importer", {"url": address})
        assert saved.values["source_record"] == [address]
        assert saved.send().status_code == 302
        name = saved.values["name"][0]
        assert act("package_show", id=name)["source_record"] == address
        assert f'href="{address}"' in app.get(f"/fr/dataset/{name}", headers=headers).body
        again = act("ecosphere_dataset_import", url=address)
        assert [each["name"] for each in again["already"]] == [name]


@pytest.mark.browser
def test_a_producer_imports_a_record_corrects_the_address_and_saves(page, editor, server, act):
    log_in(page, editor["name"], PASSWORD)
    page.goto("/fr/dataset/importer")
    assert axe_violations(page) == []
    page.fill("#field-import-url", "http://10.0.0.1/x")
    page.press("#field-import-url", "Enter")
    wait_until(page, "document.activeElement?.id === 'form-errors'")
    assert axe_violations(page) == []
    page.set_input_files(
        "#field-import-file", {"name": "x.xml", "mimeType": "text/xml", "buffer": b"<html></html>"}
    )
    page.locator("main form button[type=submit]").last.click()
    page.wait_for_selector("#form-errors a[href='#field-import-file']")
    wait_until(
        page, "document.activeElement?.id === 'form-errors'"
    )  # else it steals the focus while typing
    page.fill("#field-import-url", f"{server.url}/iso")
    page.press("#field-import-url", "Enter")
    page.wait_for_selector("#dataset-edit")
    assert page.input_value("#field-title") == samples.FULL["title"]
    assert axe_violations(page) == []
    page.locator("button[name=save]").last.click()
    page.wait_for_url(
        "**/dataset/zones-inondables-de-l-ain-en-2023"
    )  # its resources were imported as well
    stored = act("package_show", id="zones-inondables-de-l-ain-en-2023")
    assert stored["private"]
    assert (
        stored["theme"] == samples.FULL["theme"][1:]
    )  # the narrower theme stands for the one that holds it
