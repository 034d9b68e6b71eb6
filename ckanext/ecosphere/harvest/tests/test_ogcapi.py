"""OGC API – Records and STAC collections: paging,
with the same rules and limits as other sources.
"""

import json
from contextlib import contextmanager

import pytest

from ckanext.ecosphere.harvest.normalise import Context, normalise
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.sources.ogcapi import OgcApiReader, OgcApiSource
from ckanext.ecosphere.harvest.tests.making import FALLBACK, ids
from ckanext.ecosphere.shared.http_guard import GuardedSession, GuardSettings, networks
from ckanext.ecosphere.tests.scripted_server import serve

LOCAL = GuardSettings(allowed_networks=networks(["127.0.0.0/8"]), attempts=1, backoff_seconds=0)
BOX = [[[4.72, 45.61], [6.18, 45.61], [6.18, 46.52], [4.72, 46.52], [4.72, 45.61]]]


def record(number=1, **changes):
    properties = {
        "type": "dataset",
        "title": f"Zones inondables {number}",
        "description": "Zones soumises au risque d'inondation.",
        "keywords": ["inondation"],
        "themes": [
            {
                "scheme": "GEMET",
                "concepts": [{"id": "nz", "url": "http://inspire.ec.europa.eu/theme/nz"}],
            }
        ],
        "language": {"code": "fr"},
        "created": "2020-01-02T03:04:05Z",
        "updated": "2024-02-03T03:04:05Z",
        "contacts": [
            {
                "name": "Anne Martin",
                "organization": "DDT de l'Ain",
                "emails": [{"value": "ddt-sig@ain.gouv.fr"}],
                "roles": ["pointOfContact"],
            }
        ],
        "license": "etalab-2.0",
        "formats": [{"name": "GeoPackage"}],
        "externalIds": [{"scheme": "https://a.fr/id", "value": f"zi-{number}"}],
        "edition": "3",
    }
    return {
        "id": f"r-{number}",
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": BOX},
        "time": {"interval": ["2019-01-01", ".."]},
        "properties": properties,
        "links": [
            {"rel": "self", "href": "https://a.fr/self"},
            {
                "rel": "enclosure",
                "href": "https://a.fr/zi.gpkg",
                "title": "Zones",
                "type": "application/geopackage+sqlite3",
            },
            {"rel": "about", "href": "https://a.fr/notice.pdf", "title": "Notice"},
            {"rel": "preview", "href": "https://a.fr/apercu.png"},
            {"rel": "item", "href": "javascript:alert(1)"},
            {"rel": "enclosure", "href": "javascript:alert(1)"},
        ],
        **changes,
    }


def collection(number=1):
    return {
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": f"ortho-{number}",
        "title": f"Orthophotographies de l'Ain {number}",
        "description": "Prises de vues aériennes.",
        "license": "CC-BY-4.0",
        "providers": [{"name": "IGN", "roles": ["producer", "host"], "url": "https://www.ign.fr"}],
        "extent": {
            "spatial": {"bbox": [[4.72, 45.61, 6.18, 46.52]]},
            "temporal": {"interval": [["2021-06-01T00:00:00Z", None]]},
        },
        "links": [{"rel": "license", "href": "https://creativecommons.org/licenses/by/4.0/"}],
        "assets": {"mosaic": {"href": "https://a.fr/ain.tif", "type": "image/tiff", "roles": ["data"]}},
        "summaries": {"gsd": [0.2]},
    }  # fmt: skip


def result(value):
    return normalise(
        OgcApiSource().read(json.dumps(value)), Context(fallback_organisation=FALLBACK)
    )


def made(value):
    return result(value).dataset


def test_roles_of_providers_are_those_of_iso_and_name_who_made_the_data():
    value = record()
    value["properties"]["contacts"] = [
        {"organization": "Météo des forêts", "roles": ["host"]},
        {"organization": "Institut des arbres", "roles": ["producer"]},
    ]
    dataset = made(value)
    assert [party["name"] for party in dataset["creator"]] == ["Institut des arbres"]
    assert [row["agent"][0]["name"] for row in dataset["qualified_attribution"]] == [
        "Météo des forêts"
    ]


def test_a_contact_with_a_name_only_is_an_organisation_unless_it_is_a_person():
    value = record()
    value["properties"]["contacts"] = [{"name": "Institut des arbres", "roles": ["owner"]}]
    problems = {problem.code for problem in result(value).problems}
    assert "organisation-unknown" in problems
    assert "organisation-missing" not in problems
    value["properties"]["contacts"] = [
        {"name": "Anne Martin", "roles": ["author"], "phones": [{"value": "0102030405"}]}
    ]
    dataset = made(value)
    assert "creator" not in dataset
    assert "Anne Martin" not in json.dumps(dataset.get("other_information", []))


def test_a_format_may_be_a_media_type_only():
    value = record()
    value["properties"]["formats"] = [{"mediaType": "application/geopackage+sqlite3"}]
    value["links"] = [{"rel": "enclosure", "href": "https://a.fr/zi"}]
    assert made(value)["resources"][0]["format"] == "GeoPackage"


def test_distributions_channels_and_further_addresses_are_read_or_told():
    value = record()
    value["distribution"] = [
        {"downloadURL": "https://a.fr/zi.csv", "accessURL": "https://a.fr/zi", "title": "Table"}
    ]
    value["links"].append(
        {"rel": "items", "href": "https://a.fr/flux", "channel": "cache/a/wis2/fr"}
    )
    value["extra"] = "au-delà de la norme"
    party = value["properties"]["contacts"][0]
    party["phones"] = [{"value": "0102030405"}, {"value": "0102030406"}]
    party["addresses"] = [{"city": "Bourg"}, {"city": "Belley"}]
    found = result(value)
    assert ("Table", "https://a.fr/zi.csv") in {
        (each["name"], each["url"]) for each in found.dataset["resources"]
    }
    noted = set(found.unread)
    assert {"links.channel: cache/a/wis2/fr", "extra: au-delà de la norme"} <= noted
    assert {"contacts.telephone: 0102030406", "contacts.otherAddress: Belley"} <= noted


@pytest.mark.parametrize(
    "name", ["gee:terms_of_use", "sci:doi", "sci:citation", "eo:cloud", "urn:x"]
)
def test_names_with_a_colon_are_no_languages(name):
    rows = made(collection() | {name: "valeur particulière"}).get("other_information", [])
    assert not [
        row
        for row in rows
        if row["subject"] == "translation" or "[" + name.partition(":")[0] in row["text"]
    ]
    if not name.startswith("gee:"):
        assert any("valeur particulière" in row["text"] for row in rows)


@contextmanager
def api(answers):
    """Serve JSON by path; "{url}" in it is replaced with the server's own URL."""

    def script(exchange):
        answer = answers.get(exchange.path)
        text = answer if isinstance(answer, str) else json.dumps(answer)
        exchange.answer(
            text.replace("{url}", server.url) if answer is not None else "{}",
            200 if answer else 404,
        )

    with serve(script) as server:
        yield server


def read(url, size=50):
    reader = OgcApiReader(url, GuardedSession(LOCAL), size)
    return reader.reading, [raw for page in reader.pages() for raw in page]


def page(numbers, following=None, **more):
    links = (
        [{"rel": "next", "href": following, "type": "application/geo+json"}] if following else []
    )
    return {
        "type": "FeatureCollection",
        "features": [record(n) for n in numbers],
        "links": links,
        **more,
    }


def test_a_record_becomes_a_dataset():
    dataset = made(record())
    assert dataset["title"] == "Zones inondables 1"
    assert dataset["license_id"] == "etalab-2.0"
    assert (dataset["created"], dataset["modified"]) == ("2020-01-02", "2024-02-03")
    assert dataset["temporal_coverage"] == [{"start": "2019-01-01"}]
    assert ids("inspire-theme", dataset["inspire_theme"]) == ["nz"]
    assert ids("territories", dataset["territory"]) == ["departement-01"]
    assert dataset["contact"] == [{"name": "DDT de l'Ain", "email": "ddt-sig@ain.gouv.fr"}]
    assert dataset["owner_org"] == "ddt-01053-01"
    assert {r["url"]: r["resource_role"] for r in dataset["resources"]} == {
        "https://a.fr/zi.gpkg": "data",
        "https://a.fr/notice.pdf": "documentation",
    }
    assert dataset["preview_image"] == "https://a.fr/apercu.png"
    assert dataset["identifier"] == "https://a.fr/id/zi-1"
    assert "edition: 3" not in str(dataset.get("notes")) and "3" in str(
        dataset["other_information"]
    )


def test_a_collection_of_stac_becomes_a_dataset():
    dataset = made(collection())
    assert (dataset["title"], dataset["license_id"]) == ("Orthophotographies de l'Ain 1", "cc-by")
    assert ids("territories", dataset["territory"]) == ["departement-01"]
    assert dataset["temporal_coverage"] == [{"start": "2021-06-01"}]
    assert [r["url"] for r in dataset["resources"]] == ["https://a.fr/ain.tif"]
    assert [row["name"] for row in dataset["creator"]] == ["IGN"]


def with_properties(**properties):
    changed = record()
    changed["properties"] |= properties
    return changed


def test_a_party_is_reached_by_its_telephone_and_its_page_not_by_fax_and_logo():
    party = {
        "organization": "DDT de l'Ain",
        "phones": [{"value": "+33476000000", "roles": ["fax"]}, {"value": "+33476111111"}],
        "links": [
            {"rel": "icon", "href": "https://a.fr/logo.png"},
            {"type": "image/png", "href": "https://a.fr/autre"},
            {"href": "https://www.ain.gouv.fr"},
        ],
        "roles": [{"name": "pointOfContact"}],
        "hoursOfService": "9 h – 17 h",
        "contactInstructions": "Par courriel",
    }
    found = result(with_properties(contacts=[party]))
    assert found.dataset["contact"] == [
        {"name": "DDT de l'Ain", "url": "https://www.ain.gouv.fr", "telephone": "+33 4 76 11 11 11"}
    ]
    told = "\n".join(found.unread)
    assert all(
        text in told
        for text in ("+33476000000", "9 h – 17 h", "Par courriel", "https://a.fr/logo.png")
    )
    assert "logo.png" not in str(found.dataset)


@pytest.mark.parametrize(
    "theme",
    [
        {
            "scheme": "http://inspire.ec.europa.eu/metadata-codelist/TopicCategory",
            "concepts": [{"id": "environment"}],
        },
        {
            "scheme": "https://a.fr/gmxCodelists.xml#MD_TopicCategoryCode",
            "concepts": [{"title": "environment"}],
        },
        {
            "scheme": "https://a.fr/TopicCategory",
            "concepts": [{"id": "https://a.fr/TopicCategory/environment"}],
        },
    ],
    ids=["inspire", "iso", "address"],
)
def test_a_topic_category_is_no_tag(theme):
    dataset = made(with_properties(themes=[theme]))
    assert ids("topic-category", dataset["topic_category"]) == ["environment"]
    assert [tag["name"] for tag in dataset["tags"]] == ["inondation"]


def test_a_box_serves_where_there_is_no_geometry():
    dataset = made(record(geometry=None, bbox=[4.72, 45.61, 0, 6.18, 46.52, 100]))
    assert ids("territories", dataset["territory"]) == ["departement-01"]
    assert "4.72" in dataset["spatial_coverage"][0]["bbox"]


def test_the_resolution_of_the_time_is_kept_or_told():
    assert (
        made(record(time={"interval": ["2019", "2020"], "resolution": "P1Y"}))[
            "temporal_resolution"
        ]
        == "P1Y"
    )
    found = result(record(time={"interval": ["2019", "2020"], "resolution": "chaque année"}))
    assert "temporal_resolution" not in found.dataset
    assert "temporalResolution: chaque année" in found.unread


def test_a_link_has_its_size_its_days_and_its_layer():
    links = [
        {"rel": "enclosure", "href": "https://a.fr/zi.zip", "title": "Zones", "length": 1_048_576,
         "created": "2020-02-01T00:00:00Z", "updated": "2022-02-01T00:00:00Z"},
        {"href": "https://a.fr/wms", "protocol": "OGC:WMS", "name": "paysage", "title": "Carte des paysages"},
    ]  # fmt: skip
    file, service = made(record(links=links))["resources"]
    assert (file["size"], file["issued"], file["modified"]) == (
        1_048_576,
        "2020-02-01",
        "2022-02-01",
    )
    assert (service["layer_name"], service["name"]) == (["paysage"], "Carte des paysages")


def test_items_lead_to_the_data_and_templates_are_noted():
    items = "https://a.fr/collections/zones/items"
    links = [
        {"rel": "items", "href": items, "type": "application/geo+json", "title": "Objets"},
        {"rel": "item", "href": "https://a.fr/zi.gpkg", "type": "application/geopackage+sqlite3"},
        {"rel": "item", "href": "https://a.fr/fiche/2", "type": "application/geo+json"},
    ]
    templates = [
        {"rel": "data", "uriTemplate": "https://a.fr/export?commune={code}", "title": "CSV"}
    ]
    found = result(record(links=links, linkTemplates=templates))
    rows = {row["url"]: row for row in found.dataset["resources"]}
    assert set(rows) == {items, "https://a.fr/zi.gpkg"}
    assert (rows[items]["resource_role"], rows[items]["protocol"]) == (
        "service",
        "OGC:API-FEATURES",
    )
    (template,) = [note for note in found.unread if note.startswith("linkTemplates: ")]
    assert "https://a.fr/export?commune={code}" in template


def test_a_file_of_stac_has_its_size():
    stac = collection()
    stac["assets"]["mosaic"] |= {"file:size": 2_000_000, "updated": "2022-02-01T00:00:00Z"}
    [row] = made(stac)["resources"]
    assert (row["size"], row["modified"]) == (2_000_000, "2022-02-01")


def test_pages_are_followed_from_the_page_of_a_collection_on():
    answers = {
        "/collections/fiches": {"id": "fiches", "links": [{"rel": "items", "href": "/collections/fiches/items"}]},
        "/collections/fiches/items?f=json&limit=50": page([1, 2], "{url}/collections/fiches/items?offset=2"),
        "/collections/fiches/items?offset=2": page([3], numberMatched=3),
    }  # fmt: skip
    with api(answers) as server:
        reading, records = read(f"{server.url}/collections/fiches")
    assert [raw.identifier for raw in records] == ["r-1", "r-2", "r-3"]
    assert reading.complete and reading.announced == 3


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (page([3], "{url}/items"), "page-loop"),
        (page([3], numberMatched=9), "count-short"),
        ("<html>", "not-json"),
        ({"type": "FeatureCollection"}, "not-ogcapi"),
        (None, "status"),
    ],
)
def test_a_chain_that_breaks_turns_or_ends_early_makes_the_reading_incomplete(second, code):
    first = page([1, 2], "{url}/items?2", numberMatched=9 if code == "count-short" else 3)
    with api({"/items": first, "/items?2": second}) as server:
        reading, records = read(f"{server.url}/items")
    assert not reading.complete
    assert [failure.code for failure in reading.failures] == [code]
    assert len(records) >= 2


def test_pages_without_end_that_bring_nothing_new_end():
    with api({f"/items?{n}": page([1], f"{{url}}/items?{n + 1}") for n in range(100)}) as server:
        reading, records = read(f"{server.url}/items?0")
    assert len(records) == 1
    assert [failure.code for failure in reading.failures] == ["repeated"]


def test_one_bad_record_costs_one_record():
    features = [
        record(1),
        None,
        {"type": "Feature"},
        {"id": [1], "type": "Feature"},
        record(2),
        record(2),
    ]
    with api({"/items": {**page([]), "features": features}}) as server:
        reading, records = read(f"{server.url}/items")
    assert [raw.identifier for raw in records] == ["r-1", "r-2"]
    assert (reading.failures[0].first, reading.failures[0].last, reading.repeated) == (2, 4, 1)


@pytest.mark.parametrize(
    "value", [1, [], {"a": "b"}, "x", None, [[1]], {"value": [1]}, 1e400, [None, {"href": [1]}]]
)
def test_values_of_another_kind_are_left_out(value):
    odd = record(**dict.fromkeys(("geometry", "bbox", "time", "links", "linkTemplates"), value))
    odd["properties"] = {**dict.fromkeys(odd["properties"], value), "title": "Zones"}
    text = json.dumps(odd)
    assert (
        normalise(OgcApiSource().read(text), Context(fallback_organisation=FALLBACK)).dataset[
            "title"
        ]
        == "Zones"
    )
    stac = {**dict.fromkeys(collection(), value), "id": "x", "type": "Collection"}
    assert normalise(
        OgcApiSource().read(json.dumps(stac)), Context(fallback_organisation=FALLBACK)
    ).dataset["title"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"id": "x"}', "[" * 100_000])
def test_what_is_no_record_is_refused_in_a_sentence(content):
    with pytest.raises(RecordError) as raised:
        OgcApiSource().read(content)
    assert raised.value.code == "not-ogcapi"


def test_collections_of_stac_are_harvested_and_come_back_the_same(portal):
    with api(
        {"/collections": {"collections": [collection(n) for n in (1, 2)], "links": []}}
    ) as server:
        source = portal.source(f"{server.url}/collections", source_type="ecosphere_ogcapi")
        assert portal.harvest(source) == {"added": 2}
        assert portal.harvest(source) == {"not modified": 2}
        assert portal.errors(source) == []
