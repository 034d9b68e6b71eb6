"""What a service adds on the portal to a harvested dataset survives the next harvests."""

from ckan.tests import factories

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.tests.csw_server import catalogue, iso_record

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
            "resource_create", package_id=first["id"], url="https://ddt.example.org/notice.pdf", name="Notice"
        )
        portal.call("package_patch", id=first["id"], regulatory_use=USES, notes="Corrigé ici.")
        portal.call("resource_patch", id=added["id"], name="Notice de lecture")
        for n, text in enumerate(("Deux.", "Trois.")):
            server.records[:] = [iso_record(1, links=LINKS, abstract=text)]
            assert portal.harvest(source) == {"updated": 1}, n
            after = shown(portal)
            assert after["notes"] == text
            assert after["regulatory_use"] == USES
            assert urls(after) == ["https://data.example.org/zones.zip", "https://ddt.example.org/notice.pdf"]
            assert [each["id"] for each in after["resources"]] == [first["resources"][0]["id"], added["id"]]
            assert after["resources"][1]["name"] == "Notice de lecture"
        gained = ((f"{LINKS[0][0]}?v=2", LINKS[0][1], LINKS[0][2]),)
        server.records[:] = [iso_record(1, links=gained)]
        portal.harvest(source)
        assert shown(portal)["resources"][0]["id"] == first["resources"][0]["id"]
        server.records[:] = [iso_record(1, abstract="Quatre.")]
        portal.harvest(source)
        assert urls(shown(portal)) == ["https://ddt.example.org/notice.pdf"]
        both = ((LINKS[0][0], LINKS[0][1], LINKS[0][2]), ("https://ddt.example.org/notice.pdf", "WWW:LINK", "Notice"))
        server.records[:] = [iso_record(1, abstract="Cinq.", links=both)]
        portal.harvest(source)
        assert sorted(urls(shown(portal))) == sorted(url for url, _protocol, _name in both)
        portal.call("resource_delete", id=added["id"])
        server.records[:] = [iso_record(1, links=LINKS, abstract="Six.")]
        portal.harvest(source)
        assert urls(shown(portal)) == ["https://data.example.org/zones.zip"]


def test_a_file_of_a_dataset_made_by_hand_is_not_marked(portal):
    dataset = factories.Dataset(owner_org=portal.OWNER)
    made = portal.call(
        "resource_create", package_id=dataset["id"], url="https://x.example.org/a.csv", local_addition="true"
    )
    assert "local_addition" not in made


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
