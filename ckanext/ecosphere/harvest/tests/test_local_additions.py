"""Local additions to a harvested dataset (files, fields, resources) survive later harvests."""

import io
from importlib import import_module

import pytest
import sqlalchemy as sa
from ckan import model
from ckan.tests import factories

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.model import HarvestedDataset
from ckanext.ecosphere.harvest.tests.csw_server import catalogue, iso_record
from ckanext.ecosphere.tests.browser import log_in

harvested_resources = import_module(
    "ckanext.ecosphere.migration.ecosphere_harvest.versions.004_7d20b6f3c815_harvested_resources"
)
PASSWORD = "correct horse battery staple"

LINKS = (("https://data.example.org/zones.zip", "WWW:DOWNLOAD-1.0-http--download", "Zones (SHP)"),)


def shown(portal):
    [dataset] = portal.datasets().values()
    return dataset


def urls(dataset):
    return [resource["url"] for resource in dataset["resources"]]


USES = [next(iter(voc.get("regulatory-use"))).id]


def test_files_and_declared_fields_stay_and_the_rest_follows_the_source(portal):
    with catalogue([iso_record(1, links=LINKS)]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        first = shown(portal)
        added = portal.call(
            "resource_create",
            package_id=first["id"],
            url="https://ddt.example.org/notice.pdf",
            name="Notice",
        )
        portal.call("package_patch", id=first["id"], regulatory_use=USES)
        portal.call("resource_patch", id=added["id"], name="Notice de lecture")
        for n, text in enumerate(("Deux.", "Trois.")):
            server.records[:] = [iso_record(1, links=LINKS, abstract=text)]
            assert portal.harvest(source) == {"updated": 1}, n
            after = shown(portal)
            assert after["notes"] == text
            assert after["regulatory_use"] == USES
            assert urls(after) == [
                "https://data.example.org/zones.zip",
                "https://ddt.example.org/notice.pdf",
            ]
            assert [each["id"] for each in after["resources"]] == [
                first["resources"][0]["id"],
                added["id"],
            ]
            assert after["resources"][1]["name"] == "Notice de lecture"
        gained = ((f"{LINKS[0][0]}?v=2", LINKS[0][1], LINKS[0][2]),)
        server.records[:] = [iso_record(1, links=gained)]
        portal.harvest(source)
        assert shown(portal)["resources"][0]["id"] == first["resources"][0]["id"]
        server.records[:] = [iso_record(1, abstract="Quatre.")]
        portal.harvest(source)
        assert urls(shown(portal)) == ["https://ddt.example.org/notice.pdf"]
        both = (
            (LINKS[0][0], LINKS[0][1], LINKS[0][2]),
            ("https://ddt.example.org/notice.pdf", "WWW:LINK", "Notice"),
        )
        server.records[:] = [iso_record(1, abstract="Cinq.", links=both)]
        portal.harvest(source)
        assert sorted(urls(shown(portal))) == sorted(url for url, _protocol, _name in both)
        portal.call("resource_delete", id=added["id"])
        server.records[:] = [iso_record(1, links=LINKS, abstract="Six.")]
        portal.harvest(source)
        assert urls(shown(portal)) == ["https://data.example.org/zones.zip"]


def local_additions(portal):
    return portal.call("ecosphere_harvest_local_show", id=shown(portal)["name"])["resources"]


@pytest.mark.browser
def test_file_uploaded_through_the_form_survives(page, portal, tmp_path):
    notice = tmp_path / "notice.txt"
    notice.write_text("Lire avant usage.")
    with catalogue([iso_record(1, links=LINKS)]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        dataset = shown(portal)
        producer = factories.User(password=PASSWORD, image_url="")
        portal.call(
            "organization_member_create",
            id=dataset["owner_org"],
            username=producer["name"],
            role="editor",
        )
        log_in(page, producer["name"], PASSWORD)
        page.goto(f"/fr/dataset/{dataset['name']}/resource/new")
        page.set_input_files("input[type=file]", str(notice))
        page.fill("input[name=name]", "Notice")
        page.locator("button[name=save]").last.click()
        page.wait_for_url(lambda url: "/resource/new" not in url)
        model.Session.remove()
        server.records[:] = [iso_record(1, links=LINKS, abstract="Deux.")]
        assert portal.harvest(source) == {"updated": 1}
        [added] = [
            resource for resource in shown(portal)["resources"] if resource["name"] == "Notice"
        ]
        assert local_additions(portal) == [added["id"]]
        answer = page.request.get(added["url"].replace("http://test.ckan.net", ""))
        assert answer.body() == notice.read_bytes()


@pytest.mark.slow("variants")
def test_file_uploaded_in_the_place_of_a_link_survives(portal, app):
    """The resource was written by the harvest."""
    with catalogue([iso_record(1, links=LINKS)]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        [link] = shown(portal)["resources"]
        headers = {"Authorization": factories.SysadminWithToken(image_url="")["token"]}
        sent = {"id": link["id"], "upload": (io.BytesIO(b"Zones de 2026."), "zones.txt")}
        app.post("/api/action/resource_patch", data=sent, headers=headers, status=200)
        for text in ("Deux.", "Trois."):
            server.records[:] = [iso_record(1, abstract=text)]
            assert portal.harvest(source) == {"updated": 1}
        [kept] = shown(portal)["resources"]
        assert kept["id"] == link["id"]
        assert app.get(kept["url"].replace("http://test.ckan.net", "")).data == b"Zones de 2026."


@pytest.mark.slow("variants")
def test_resource_added_by_name_or_within_the_dataset_survives(portal):
    with catalogue([iso_record(1, links=LINKS)]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        dataset = shown(portal)
        by_name = {
            "package_id": dataset["name"],
            "url": "https://ddt.example.org/a.pdf",
            "name": "A",
        }
        portal.call("resource_create", **by_name)
        resources = [
            *shown(portal)["resources"],
            {"url": "https://ddt.example.org/b.pdf", "name": "B"},
        ]
        portal.call("package_patch", id=dataset["name"], resources=resources)
        assert len(local_additions(portal)) == 2
        server.records[:] = [iso_record(1, abstract="Deux.")]
        portal.harvest(source)
        assert urls(shown(portal)) == [
            "https://ddt.example.org/a.pdf",
            "https://ddt.example.org/b.pdf",
        ]


def test_dataset_with_an_addition_is_not_withdrawn_without_a_person(portal):
    with catalogue([iso_record(n, links=LINKS) for n in range(1, 4)]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        [name] = [
            each["name"] for each in portal.datasets().values() if each["title"].endswith("3")
        ]
        portal.call(
            "resource_create",
            package_id=name,
            url="https://ddt.example.org/notice.pdf",
            name="Notice",
        )
        del server.records[-1]
        portal.harvest(source)
        portal.harvest(source)
        assert len(portal.found()) == 3
        assert "1 of their datasets hold files or links" in portal.errors(source)[0]
        assert portal.call("ecosphere_harvest_withdrawals_show", id=source)["hold"]["records"] == 1
        portal.call("ecosphere_harvest_withdrawals_decide", id=source, decision="withdraw")
        portal.harvest(source)
        assert len(portal.found()) == 2


@pytest.mark.slow("variants")
def test_migration_tells_what_was_added_before(portal):
    """Resources used to be marked on creation, except when the call
    named the dataset by its name.
    """
    with catalogue([iso_record(1, links=LINKS)]) as server:
        source = portal.source(server.url)
        portal.harvest(source)
        dataset = shown(portal)
        portal.call(
            "resource_create",
            package_id=dataset["name"],
            url="https://ddt.example.org/a.pdf",
            name="A",
        )
        model.Session.execute(sa.delete(HarvestedDataset))
        model.Session.execute(sa.text(harvested_resources.FILL))
        model.Session.commit()
        server.records[:] = [iso_record(1, abstract="Deux.")]
        portal.harvest(source)
        assert urls(shown(portal)) == ["https://ddt.example.org/a.pdf"]


@pytest.mark.slow("variants")
def test_the_form_says_what_is_kept(portal, app):
    with catalogue([iso_record(1, links=LINKS)]) as server:
        portal.harvest(portal.source(server.url))
    headers = {"Authorization": factories.SysadminWithToken()["token"]}
    name = shown(portal)["name"]
    for page in (f"/fr/dataset/edit/{name}", f"/fr/dataset/{name}/resource/new"):
        body = app.get(page, headers=headers).body
        assert "Ce jeu de données est moissonné" in body and "eco-harvest-local" in body, page
    by_hand = factories.Dataset(owner_org=portal.OWNER)["name"]
    assert "eco-harvest-local" not in app.get(f"/fr/dataset/edit/{by_hand}", headers=headers).body
