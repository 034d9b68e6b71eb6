"""Prefilling a dataset from URLs of services, records, files and repositories.

And hostile responses.
"""

from __future__ import annotations

import time
from typing import Any

import ckan.plugins.toolkit as tk
import pytest
from bs4 import BeautifulSoup

from ckanext.ecosphere.access import jobs
from ckanext.ecosphere.schemas.importing import services
from ckanext.ecosphere.schemas.iso import writer
from ckanext.ecosphere.schemas.tests import samples
from ckanext.ecosphere.tests.forms import Form
from ckanext.ecosphere.tests.scripted_server import Exchange, serve
from dev.ogc.server import served

pytestmark = pytest.mark.usefixtures("shared_db")
LAMBERT = "http://www.opengis.net/def/crs/EPSG/0/2154"
LOIRE_ATLANTIQUE = "http://id.insee.fr/geo/departement/44"


@pytest.fixture(scope="module")
def ogc() -> Any:
    with served() as url:
        yield url


def parsed(html: str) -> Any:
    """Parse a page."""
    return BeautifulSoup(html, "html.parser")


@pytest.fixture
def propose(act: Any) -> Any:
    """Call the action until the services have been read, as the page does."""

    def propose(*urls: str, **more: Any) -> dict[str, Any]:
        found = act("ecosphere_dataset_propose", urls=list(urls), **more)
        for _turn in range(3):
            if found["state"] != "reading":
                break
            jobs.read_services()
            found = act(
                "ecosphere_dataset_propose", urls=list(urls), **{**more, "kinds": found["kinds"]}
            )
        return found

    return propose


class TestServices:
    def test_the_address_of_a_wfs_fills_the_form_in(self, propose, ogc):
        found = propose(
            f"{ogc}/wfs?service=WFS&request=GetCapabilities&typenames=eco:zones_humides"
        )
        assert found["state"] == "ready"
        dataset = found["dataset"]
        assert dataset["title"] == "Zones humides"
        assert dataset["notes"] == "Inventaire des zones humides."
        assert dataset["territory"] == [LOIRE_ATLANTIQUE]
        assert dataset["reference_system"] == [LAMBERT]
        (resource,) = dataset["resources"]
        assert (resource["format"], resource["protocol"], resource["layer_name"]) == (
            "WFS",
            "OGC:WFS",
            ["eco:zones_humides"],
        )
        assert resource["url"] == f"{ogc}/wfs"
        assert found["problems"] == []

    def test_layers_are_asked_for_when_there_are_several(self, propose, ogc):
        found = propose(f"{ogc}/wms?service=WMS")
        assert found["state"] == "choose"
        names = [layer["name"] for layer in found["service"]["layers"]]
        assert len(names) > 1
        one = propose(f"{ogc}/wms?service=WMS", layers=[names[0]])
        assert [each["layer_name"] for each in one["dataset"]["resources"]] == [[names[0]]]
        every = propose(f"{ogc}/wms?service=WMS", layers=["*"])
        assert [each.get("layer_name") for each in every["dataset"]["resources"]] == [None]

    def test_the_wms_of_a_wfs_is_the_layer_of_the_same_name(self, propose, ogc):
        found = propose(
            f"{ogc}/wfs?service=WFS", f"{ogc}/wms?service=WMS", "https://x.example.org/zones.gpkg"
        )
        assert found["state"] == "ready"
        told = [(each["format"], each.get("layer_name")) for each in found["dataset"]["resources"]]
        assert told == [
            ("WFS", ["eco:zones_humides"]),
            ("WMS", ["zones_humides"]),
            ("GeoPackage", None),
        ]

    def test_a_landing_page_of_an_ogc_api_is_known_by_what_it_answers(self, propose, ogc):
        found = propose(f"{ogc}/ogc")
        assert found["state"] == "ready"
        assert found["kinds"] == ["service:OGC API"]
        assert found["dataset"]["resources"][0]["protocol"] == "OGC:API-FEATURES"

    def test_a_service_that_does_not_answer_is_told_and_kept(self, propose):
        found = propose("http://127.0.0.1:1/wfs?service=WFS&typenames=zones")
        assert found["state"] == "ready"
        assert "127.0.0.1" in found["problems"][0]
        assert [each["format"] for each in found["dataset"]["resources"]] == ["WFS"]

    def test_a_catalogue_is_no_dataset(self, act):
        with pytest.raises(tk.ValidationError) as caught:
            act(
                "ecosphere_dataset_propose",
                urls=["https://x.example.org/csw?service=CSW&request=GetCapabilities"],
            )
        assert "GetRecordById" in str(caught.value.error_dict["urls"])


class TestOtherAddresses:
    def test_a_record_and_a_file_beside_it(self, propose):
        full = {**samples.full(), "id": "x", "resources": []}
        record = writer.record(full).decode()
        with serve(lambda exchange: exchange.answer(record)) as server:
            asked = f"{server.url}/csw?service=CSW&request=GetRecordById&id=1"
            found = propose(asked, "https://x.example.org/a/zones.gpkg")
        assert (found["state"], found["described"]) == ("ready", True)
        assert found["dataset"]["title"] == samples.FULL["title"]
        urls = [resource["url"] for resource in found["dataset"]["resources"]]
        assert urls[-1] == "https://x.example.org/a/zones.gpkg"  # after the links of the record

    def test_the_page_of_a_record_leads_to_the_record(self, propose):
        record = writer.record({**samples.full(), "id": "x", "resources": []}).decode()

        def answer(exchange: Exchange) -> None:
            there = exchange.path == "/geonetwork/srv/api/records/ab-1/formatters/xml"
            exchange.answer(record if there else "<html></html>", 200)

        with serve(answer) as server:
            found = propose(f"{server.url}/geonetwork/srv/fre/catalog.search#/metadata/ab-1")
        assert found["dataset"]["title"] == samples.FULL["title"]

    def test_a_file_makes_a_title(self, propose):
        found = propose("https://x.example.org/dl/l_zone_humide_s_044.gpkg")
        assert found["dataset"]["title"] == "L zone humide s 044"
        assert found["dataset"]["resources"][0]["format"] == "GeoPackage"

    def test_an_address_that_does_not_answer_is_told_and_the_form_is_filled_in_by_hand(
        self, propose, app, editor
    ):
        with serve(lambda exchange: exchange.answer("", 404)) as server:
            for url, why in (
                ("http://127.0.0.1:1/mares.csv", "127.0.0.1"),
                (f"{server.url}/mares.csv", "404"),
            ):
                found = propose(url)
                assert (found["state"], found["read"]) == ("ready", False)
                assert url in found["problems"][0] and why in found["problems"][0]
                assert [each["url"] for each in found["dataset"]["resources"]] == [url]
                sent = {"url": url}
                page = app.post(
                    "/fr/dataset/importer", data=sent, headers={"Authorization": editor["token"]}
                )
                told = " ".join(
                    each.get_text() for each in parsed(page.body).select(".flash-messages .alert")
                )
                assert (
                    "ne répond pas" in told
                    and "Rien n’a pu y être lu" in told
                    and "ce qui a été lu" not in told
                )
                assert "Connection refused" not in told
                assert parsed(page.body).select_one("form#dataset-edit #field-title") is not None
        with serve(lambda exchange: exchange.answer("a;b")) as server:
            found = propose(f"{server.url}/mares.csv")
            assert (found["read"], found["problems"]) == (True, [])


class TestWhatIsRefused:
    def test_bad_input_names_the_parameter(self, act):
        for data in (
            {"urls": []},
            {"urls": ["javascript:alert(1)"]},
            {"urls": ["http://a b"] * 2},
            {"urls": [f"https://x.example.org/{number}.csv" for number in range(6)]},
            {"urls": {"a": 1}},
            {"urls": [["https://x.example.org"]]},
            {"urls": ["https://x.example.org/a.csv"], "layers": {"a": 1}},
            {"urls": ["https://x.example.org/a.csv"], "kinds": [1]},
            {"urls": ["https://a.example.org/r", "https://b.example.org/r"]},
        ):
            with pytest.raises(tk.ValidationError) as caught:
                act("ecosphere_dataset_propose", **data)
            assert set(caught.value.error_dict) <= {"urls", "layers", "kinds"}, data

    def test_private_networks_are_not_reached_by_any_of_the_addresses(self, propose, act):
        for url in (
            "http://169.254.169.254/wfs?service=WFS",
            "http://10.0.0.1/geoserver/ows?service=WMS",
        ):
            found = propose(url)
            assert found["state"] == "ready"
            assert found["services"][0]["state"] == "failed"
        with pytest.raises(tk.ValidationError):
            act("ecosphere_dataset_propose", urls=["http://10.0.0.1/geonetwork/srv/api/records/x"])

    def test_hostile_answers_end_in_a_sentence(self, propose):
        entities = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
        answers = {
            "/page": ("<html><body>Connexion</body></html>", {}),
            "/entities": (f"{entities}<WFS_Capabilities>&b;</WFS_Capabilities>", {}),
            "/unclosed": ("<WFS_Capabilities>" + "<a>" * 5000, {}),
            "/nested": ("{" * 100_000, {"Content_Type": "application/json"}),
            "/inside": ("", {"Location": "http://169.254.169.254/latest"}),
        }

        def answer(exchange: Exchange) -> None:
            body, headers = answers[exchange.path.partition("?")[0].removesuffix("/wfs")]
            exchange.answer(body, 302 if headers.get("Location") else 200, **headers)

        with serve(answer) as server:
            for path in answers:
                found = propose(f"{server.url}{path}/wfs?service=WFS")
                assert found["services"][0]["state"] == "failed", path
                assert found["problems"], path
                try:
                    found = propose(server.url + path)
                except tk.ValidationError as error:
                    assert error.error_dict["urls"], path
                else:
                    assert found["services"][0]["state"] == "failed", path

    def test_hostile_names_of_layers_stay_text(self, propose, app, editor):
        title = "<Title>&quot;&gt;&lt;img src=x onerror=alert(1)&gt;</Title>"
        names = ("a&lt;script&gt;alert(1)&lt;/script&gt;", "b")
        layers = "".join(f"<FeatureType><Name>{name}</Name>{title}</FeatureType>" for name in names)
        body = f'<WFS_Capabilities version="2.0.0"><FeatureTypeList>{layers}</FeatureTypeList></WFS_Capabilities>'
        with serve(lambda exchange: exchange.answer(body)) as server:
            url = f"{server.url}/wfs?service=WFS"
            assert propose(url)["state"] == "choose"
            page = app.post(
                "/fr/dataset/importer",
                data={"url": url},
                headers={"Authorization": editor["token"]},
            ).body
        soup = parsed(page)
        assert soup.select("input[name=layer]")[0]["value"].startswith("a<script>")
        assert not soup.select("img[onerror]")
        assert "alert(1)" not in "".join(script.text for script in soup.select("script"))

    def test_ten_thousand_layers_are_bounded(self, propose):
        layers = "".join(
            f"<FeatureType><Name>n{number}</Name></FeatureType>" for number in range(10_000)
        )
        body = f'<WFS_Capabilities version="2.0.0"><FeatureTypeList>{layers}</FeatureTypeList></WFS_Capabilities>'
        with serve(lambda exchange: exchange.answer(body)) as server:
            begun = time.monotonic()
            found = propose(f"{server.url}/wfs?service=WFS")
            every = [layer["name"] for layer in found["service"]["layers"]]
            assert len(every) == 2000
            found = propose(f"{server.url}/wfs?service=WFS", layers=every)
        assert len(found["dataset"]["resources"]) == services.MOST_LAYERS
        assert time.monotonic() - begun < 20


class TestThePage:
    def test_waits_asks_for_a_layer_and_shows_the_form_without_a_script(
        self, app, editor, ogc, act
    ):
        headers = {"Authorization": editor["token"]}
        url = f"{ogc}/wms?service=WMS&map=page"
        first = parsed(app.post("/fr/dataset/importer", data={"url": url}, headers=headers).body)
        form = first.select_one("form[data-module=ecosphere-wait]")
        jobs.read_services()
        sent = {each["name"]: each["value"] for each in form.select("input")}
        second = parsed(app.post("/fr/dataset/importer", data=sent, headers=headers).body)
        assert [each["value"] for each in second.select("input[name=layer]")][-1] == "*"
        sent = {"url": url, "kind": "service:", "chosen": "1"}
        assert (
            "Choisissez au moins une couche"
            in app.post("/fr/dataset/importer", data=sent, headers=headers).body
        )
        saved = Form(app, editor, "/fr/dataset/importer", {**sent, "layer": "zones_humides"})
        assert saved.values["title"] == ["Zones humides"]
        assert saved.values["license_id"] == ["etalab-2.0"]
        assert saved.values["_ckan_phase"][0] == ""

    def test_somebody_else_gets_nothing(self, app):
        answer = app.post(
            "/fr/dataset/importer", data={"url": "https://x.example.org/wfs"}, status=403
        )
        assert answer.status_code == 403


class TestKeptForms:
    def restore(self, app: Any, editor: Any, kind: str, **form: Any) -> Any:
        headers = {"Authorization": editor["token"]}
        return app.post(
            f"/fr/dataset/reprendre/{kind}", data=form, headers=headers, follow_redirects=False
        )

    def test_what_was_typed_is_in_the_form_again_and_nothing_is_saved(
        self, app, editor, create, act
    ):
        made = create(samples.full(name="garde"))
        typed = {
            "title": "Titre repris",
            "contact__3__email": "a@example.org",
            "alternate_title": ["un", "deux"],
        }
        page = self.restore(app, editor, "dataset", _dataset=made["id"], **typed).body
        soup = parsed(page)
        assert soup.select_one("#field-title")["value"] == "Titre repris"
        assert soup.select_one("#dataset-edit")["action"].endswith("/dataset/edit/garde")
        assert soup.select("#field-contact [name$=__email]")[0]["value"] == "a@example.org"
        assert [
            each["value"] for each in soup.select("[name=alternate_title]") if each.get("value")
        ] == ["un", "deux"]
        assert act("package_show", id="garde")["title"] == samples.FULL["title"]
        new = parsed(self.restore(app, editor, "dataset", _dataset="new", title="Neuf").body)
        assert new.select_one("#field-title")["value"] == "Neuf"
        resource = made["resources"][0]["id"]
        sent = {"_dataset": "garde", "_resource": resource, "name": "Nom repris"}
        page = parsed(self.restore(app, editor, "resource", **sent).body)
        assert page.select_one("#field-name")["value"] == "Nom repris"

    def test_bad_keys(self, app, editor):
        for kind, form, status in (
            ("dataset", {}, 400),
            ("dataset", {"_dataset": "a", "_resource": "b"}, 400),
            ("resource", {"_dataset": "a"}, 400),
            ("autre", {"_dataset": "new"}, 400),
            ("dataset", {"_dataset": "../../x"}, 404),
            ("dataset", {"_dataset": "inconnu"}, 404),
            ("resource", {"_dataset": "inconnu", "_resource": "new"}, 404),
        ):
            assert self.restore(app, editor, kind, **form).status_code == status, form

    def test_odd_values_are_no_error_of_the_portal(self, app, editor):
        for name in (
            "contact",
            "contact__x__email",
            "contact__0",
            "contact__99999999__email",
            "resources__0__url",
            "id",
        ):
            answer = self.restore(app, editor, "dataset", _dataset="new", **{name: "x"})
            assert answer.status_code in (200, 400), name

    def test_others_datasets_are_absent(self, app, act, create):
        from ckan.tests import factories

        made = create(samples.full(name="garde-prive", private=True))
        stranger = factories.UserWithToken()
        for key in (made["id"], "garde-prive"):
            assert self.restore(app, stranger, "dataset", _dataset=key).status_code == 404
        assert self.restore(app, stranger, "dataset", _dataset="new").status_code == 403
