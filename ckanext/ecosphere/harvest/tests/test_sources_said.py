"""Content read from each type of source: profiles of ckanext-dcat, both versions of udata's API,
filters on pycsw.
"""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise import Context, normalise
from ckanext.ecosphere.harvest.sources.csw import CswOptions, CswReader, Filter
from ckanext.ecosphere.harvest.sources.dcat import DcatReader, DcatSource
from ckanext.ecosphere.harvest.sources.udata import UdataReader, UdataSource
from ckanext.ecosphere.harvest.tests.csw_server import iso_record
from ckanext.ecosphere.shared.http_guard import GuardedSession, GuardSettings, networks
from ckanext.ecosphere.tests.scripted_server import serve

CONTEXT = Context(default_organisation="ddt-01053-01")
FEED = """
@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
@prefix dcatap: <http://data.europa.eu/r5r/> . @prefix adms: <http://www.w3.org/ns/adms#> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> . @prefix vcard: <http://www.w3.org/2006/vcard/ns#> .
<https://ex.org/jdd/1> a dcat:Dataset ; dct:title "Zones inondables" ; dct:description "Zones." ;
  dct:publisher [ foaf:name "DDT de l'Ain" ] ; dct:identifier "0d1ad7a1-13f8-4a3f-9d6c-3a4f4d8f2b11" ;
  dcatap:applicableLegislation <http://data.europa.eu/eli/dir/2007/60/oj> ;
  dct:isReferencedBy <https://doi.org/10.1000/182>, [ a dct:BibliographicResource ] ;
  adms:status <http://example.org/no-status-of-the-list> ; adms:versionNotes "Première version" ;
  dcat:distribution <https://ex.org/d/1> .
<https://ex.org/d/1> a dcat:Distribution ; dcat:accessURL <https://ex.org/page> ;
  dcat:accessService <https://ex.org/s> .
<https://ex.org/s> a dcat:DataService ; dct:title "Service WMS" ; dcat:endpointURL <https://carto.ex.org/wms> ;
  dct:conformsTo <http://www.opengeospatial.org/standards/wms> .
<https://ex.org/record/1> a dcat:CatalogRecord ; foaf:primaryTopic <https://ex.org/jdd/1> ;
  dct:identifier "fr-120066022-jdd-585c9cd3-d542-407a-b6a5-885f062b0024" ; dct:modified "2024-05-06" ;
  dcat:contactPoint [ vcard:hasEmail <mailto:ddt@ain.example.org> ] .
"""


def session():
    settings = GuardSettings(
        allowed_networks=networks(["127.0.0.1/32"]), attempts=1, backoff_seconds=0
    )
    return GuardedSession(settings, sleep=lambda seconds: None)


def read(reader):
    found = [raw for page in reader.pages() for raw in page]
    assert reader.reading.complete, reader.reading.failures
    return found


@pytest.fixture
def from_feed(with_plugins):
    """Normalised result of the only dataset of `FEED`."""
    with serve(lambda exchange: exchange.answer(FEED, Content_Type="text/turtle")) as server:
        [raw] = read(DcatReader(server.url, session()))
    return normalise(object.__new__(DcatSource).read(raw.content), CONTEXT)


def test_the_profiles_of_the_portal_read_what_our_reader_has_no_part_for(from_feed):
    assert from_feed.dataset["applicable_legislation"] == [
        "http://data.europa.eu/eli/dir/2007/60/oj"
    ]
    assert from_feed.dataset["is_referenced_by"] == ["https://doi.org/10.1000/182"]
    told = {(change.rule, change.field) for change in from_feed.log}
    assert {
        ("profile-fields", "applicable_legislation"),
        ("profile-fields", "is_referenced_by"),
    } <= told
    assert not any("applicableLegislation" in note for note in from_feed.unread)


def test_a_value_that_is_in_no_list_is_told_instead_of_making_the_dataset_not_valid(from_feed):
    assert "status" not in from_feed.dataset
    assert any("no-status-of-the-list" in note for note in from_feed.unread)
    assert (
        any("Première version" in note for note in from_feed.unread)
        or "version_notes" in from_feed.dataset
    )


def test_the_record_of_the_catalogue_gives_its_identifier_its_date_and_its_contact(from_feed):
    dataset = from_feed.dataset
    assert dataset["metadata_identifier"] == "fr-120066022-jdd-585c9cd3-d542-407a-b6a5-885f062b0024"
    assert "0d1ad7a1-13f8-4a3f-9d6c-3a4f4d8f2b11" in [
        dataset["identifier"],
        *dataset["alternate_identifier"],
    ]
    assert dataset["metadata_date"] == "2024-05-06"
    assert dataset["contact"][0]["email"] == "ddt@ain.example.org"


def test_a_service_of_a_distribution_is_a_link_of_its_dataset_and_no_dataset(from_feed):
    urls = {each["url"] for each in from_feed.dataset["resources"]}
    assert "https://carto.ex.org/wms?SERVICE=WMS&REQUEST=GetCapabilities" in urls


# --- udata ---


def udata_dataset(number: int, **more):
    return {
        "id": f"5a000000000000000000000{number}",
        "title": f"Jeu {number}",
        "description": "Zones",
        "organization": {"name": "DDT 01"},
        "license": "lov2",
        "tags": [],
        "zzz": "inconnu",
        **more,
    }


@pytest.mark.parametrize("name", ["organization", "topic", "tag"])
def test_the_api_is_asked_by_organisation_topic_and_tag(name):
    asked = []

    def script(exchange):
        parts = urlsplit(exchange.path)
        if "/datasets/" not in parts.path:
            exchange.answer(
                json.dumps({"id": "5a" * 12}), 200 if parts.path.endswith("/eau/") else 404
            )
            return
        asked.append((parts.path, parse_qs(parts.query)))
        rows = [{"id": f"r{n}", "url": f"https://data.example.org/{n}.csv"} for n in (1, 2)]
        dataset = udata_dataset(1, resources=rows)
        exchange.answer(json.dumps({"data": [dataset], "total": 1, "next_page": None}))

    with serve(script) as server:
        [raw] = read(UdataReader(server.url, session(), {name: "eau"}))
    path, query = asked[0]
    assert path == "/api/1/datasets/"
    assert query[name] == ["eau" if name == "tag" else "5a" * 12]
    result = normalise(object.__new__(UdataSource).read(raw.content), CONTEXT)
    assert [each["url"] for each in result.dataset["resources"]] == [
        f"https://data.example.org/{n}.csv" for n in (1, 2)
    ]
    assert "zzz: inconnu" in result.unread


def of_udata(**more):
    return normalise(
        object.__new__(UdataSource).read(json.dumps(udata_dataset(1, **more))), CONTEXT
    )


@pytest.mark.parametrize(
    ("kind", "right"),
    [
        ("restricted", "RESTRICTED"),
        ("open_with_account", "PUBLIC"),
        ("open", "PUBLIC"),
        (None, "PUBLIC"),
        (5, "PUBLIC"),
    ],
)
def test_the_access_that_udata_states_goes_before_what_the_licence_says(kind, right):
    made = of_udata(
        access_type=kind,
        access_type_reason="Espèce protégée",
        authorization_request_url="https://ex.fr/d",
    )
    assert made.dataset["access_rights"].rpartition("/")[2] == right
    assert made.dataset["access_conditions"] == "Espèce protégée\n\nhttps://ex.fr/d"
    told = [row["text"] for row in made.dataset.get("other_information", ())]
    assert ("open_with_account" in told) == (kind == "open_with_account")


def test_the_reason_of_udata_is_a_limit_of_inspire_or_is_kept():
    made = of_udata(
        access_type="restricted", access_type_reason_category="protection_of_environment"
    ).dataset
    assert [uri.rpartition("_")[2] for uri in made["access_limitation"]] == ["1h"]
    assert made["access_rights"].endswith("/RESTRICTED")
    assert of_udata(access_type_reason_category="secret").dataset["access_conditions"] == "secret"


@pytest.mark.parametrize(
    ("zones", "territories"),
    [
        (["country:fr"], ["pays-fra"]),
        (["country:fr", "fr:departement:33"], ["departement-33"]),
        (["fr:departement:976:latest"], ["outre-mer-myt"]),
        (["fr:region:75@2016-01-01"], ["region-naq"]),
        (["fr:commune:33063"], ["departement-33"]),
        (["fr:epci:243300316"], ["departement-33"]),
        (["country-subset:fr:metro"], ["pays-fxx"]),
        (
            ["country-subset:fr:drom"],
            [f"outre-mer-{code}" for code in ("glp", "mtq", "guf", "reu", "myt")],
        ),
        (["country:re"], ["outre-mer-reu"]),
        (["fr:drom:974"], ["outre-mer-reu"]),
        (["fr:collectivite:975"], ["outre-mer-spm"]),
        (["fr:collectivite:978:latest"], ["outre-mer-maf"]),
    ],
)
def test_zones_of_udata_are_territories(zones, territories):
    made = of_udata(spatial={"zones": zones}, organization=None)
    found = [voc.get("territories")[uri].id for uri in made.dataset["territory"]]
    assert found == territories
    assert "fr:" not in str(made.dataset.get("other_information"))


def test_a_resource_of_udata_keeps_its_days_its_permanent_address_and_its_schema():
    resource = {
        "title": "Bornes", "url": "https://static.data.gouv.fr/bornes.csv", "format": "csv",
        "created_at": "2020-01-01T00:00:00", "last_modified": "2024-05-30T12:00:00",
        "latest": "https://www.data.gouv.fr/fr/datasets/r/1", "preview_url": "https://explore.data.gouv.fr/1",
        "checksum": {"type": "sha1", "value": "abcdef0123"},
        "schema": {"name": "etalab/schema-irve-statique", "version": "2.3.0", "url": None},
    }  # fmt: skip
    made = of_udata(resources=[resource], page="https://www.data.gouv.fr/datasets/bornes")
    kept = next(each for each in made.dataset["resources"] if each["url"] == resource["url"])
    assert (kept["issued"], kept["modified"], kept["access_url"]) == (
        "2020-01-01",
        "2024-05-30",
        resource["latest"],
    )
    assert kept["conforms_to"] == ["https://schema.data.gouv.fr/etalab/schema-irve-statique/"]
    told = " ".join(made.unread)
    assert all(text in told for text in ("abcdef0123", "2.3.0", "https://explore.data.gouv.fr/1"))
    [elsewhere] = of_udata(resources=[resource]).dataset["resources"]
    assert "conforms_to" not in elsewhere
    resource["schema"] = {"url": "https://ex.org/schema.json"}
    [given] = of_udata(resources=[resource]).dataset["resources"]
    assert given["conforms_to"] == ["https://ex.org/schema.json"]


def test_a_resource_of_udata_without_a_format_has_not_that_of_another():
    resources = [
        {"title": "Zonage", "url": "https://ex.org/zones", "format": "shp"},
        {"title": "Mise à jour", "url": "https://ex.org/maj", "format": ""},
    ]
    made = of_udata(resources=resources, page=None).dataset["resources"]
    assert {each["name"]: each.get("format") for each in made}["Zonage"] == "SHP"
    assert {each["name"]: each.get("format") for each in made}["Mise à jour"] != "SHP"


def test_what_udata_says_in_short_and_how_fine_the_data_are_is_told():
    made = of_udata(description_short="Les bornes, en bref", spatial={"granularity": "fr:commune"})
    assert {"description_short: Les bornes, en bref", "spatial.granularity: fr:commune"} <= set(
        made.unread
    )
    assert not any("description_short" in note for note in of_udata(description_short="Zo…").unread)


def test_parties_of_udata_have_their_roles_and_their_forms():
    parties = [
        ("DREAL Bretagne", "publisher"),
        ("Cerema", "creator"),
        ("Région", "rightsHolder"),
        ("IGN", "processor"),
    ]
    points = [
        {"name": name, "role": role, "email": f"{role}@ex.org".lower()} for name, role in parties
    ]
    points += [{"name": "Support", "role": "contact", "contact_form": "https://ex.org/ecrire"}]
    made = of_udata(contact_points=points, organization=None).dataset
    assert made["contact"] == [{"name": "Support", "url": "https://ex.org/ecrire"}]
    assert [each["name"] for each in made["publisher"]] == ["DREAL Bretagne"]
    assert [each["name"] for each in made["creator"]] == ["Cerema"]
    others = [
        (row["agent"][0]["name"], row["role"].rpartition("/")[2])
        for row in made["qualified_attribution"]
    ]
    assert others == [("Région", "owner"), ("IGN", "processor")]


@pytest.mark.parametrize(("code", "licence"), [("fr-lo", "etalab-1.0"), ("lov2", "etalab-2.0")])
def test_both_versions_of_the_open_licence_are_told_apart(code, licence):
    assert of_udata(license=code).dataset["license_id"] == licence


def test_a_geometry_of_udata_is_an_extent_and_one_without_positions_is_told():
    shape = {
        "type": "MultiPolygon",
        "coordinates": [[[[45.0, -13], [45.3, -13], [45.1, -12.6], [45.0, -13]]]],
    }
    made = of_udata(spatial={"geom": shape}, organization=None)
    assert json.loads(made.dataset["spatial_coverage"][0]["geom"]) == shape
    assert [voc.get("territories")[uri].id for uri in made.dataset["territory"]] == [
        "outre-mer-myt"
    ]
    told = of_udata(spatial={"geom": {"type": "Inconnue"}}).dataset["other_information"]
    assert any("Inconnue" in row["text"] for row in told)


# --- filters, on a real pycsw ---


def test_a_real_server_gives_only_what_the_filters_ask_for(csw_catalogue):
    records = [
        iso_record(1, title="Un", organisation="DDT de l'Ain"),
        iso_record(2, identifier="autre-2", title="Deux", organisation="DDT de l'Ain"),
        iso_record(3, title="Trois", organisation="DREAL Bretagne"),
        iso_record(4, title="Quatre", organisation="DREAL Bretagne").replace(
            'MD_ScopeCode codeListValue="dataset"', 'MD_ScopeCode codeListValue="series"'
        ),
    ]
    address = csw_catalogue(records)

    def titles(*filters):
        options = CswOptions(filters=tuple(Filter.read(each) for each in filters), page_size=2)
        found = read(CswReader(address, session(), options))
        return sorted(
            title
            for title in ("Un", "Deux", "Trois", "Quatre")
            if any(f">{title}<" in r.content for r in found)
        )

    own = {"property": "identifier", "like": "fr-120066022-%"}
    assert titles() == ["Deux", "Quatre", "Trois", "Un"]
    assert titles(own) == ["Quatre", "Trois", "Un"]
    assert titles({**own, "not": True}) == ["Deux"]
    assert titles({"property": "type", "equals": "series"}) == ["Quatre"]
    assert titles({"property": "organisation", "like": "%Ain"}, own) == ["Un"]
    assert titles(
        {
            "any": [
                [{"property": "title", "equals": "Deux"}],
                [{"property": "title", "equals": "Trois"}],
            ]
        }
    ) == [
        "Deux",
        "Trois",
    ]
