"""Folders of files, RDF feeds and data.gouv.fr, over real HTTP."""

import json
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import pytest

from ckanext.ecosphere.harvest.dcat import graph as rdf
from ckanext.ecosphere.harvest.dcat.graph import boxes_of
from ckanext.ecosphere.harvest.messages import sentence
from ckanext.ecosphere.harvest.normalise import Context, normalise
from ckanext.ecosphere.harvest.sources.base import PageError
from ckanext.ecosphere.harvest.sources.dcat import DcatReader, DcatSource
from ckanext.ecosphere.harvest.sources.udata import UdataReader, UdataSource
from ckanext.ecosphere.harvest.sources.waf import WafReader, WafSource
from ckanext.ecosphere.harvest.tests.csw_server import iso_record
from ckanext.ecosphere.shared.http_guard import GuardedSession, GuardSettings, networks
from ckanext.ecosphere.tests.scripted_server import serve


@contextmanager
def site(pages):
    """Serve fixed pages: path → text, or (text, content type), or a status."""

    def script(exchange):
        page = pages.get(exchange.path, 404)
        if isinstance(page, int):
            exchange.answer("", page)
        elif isinstance(page, tuple):
            exchange.answer(page[0], Content_Type=page[1])
        else:
            exchange.answer(page, Content_Type="text/html")

    with serve(script) as server:
        yield server


def session():
    return GuardedSession(
        GuardSettings(allowed_networks=networks(["127.0.0.1/32"]), attempts=1, backoff_seconds=0),
        sleep=lambda s: None,
    )


def read(reader):
    return [raw for page in reader.pages() for raw in page]


def said(reader):
    return [
        sentence(each.code, each.params, each.first, each.last) for each in reader.reading.failures
    ]


def datasets(harvester, raws):
    context = Context(default_organisation="ddt-01053-01")
    return [normalise(harvester.read(raw.content), context).dataset for raw in raws]


def plain(kind):
    """Return a harvester outside of CKAN's plugin machinery."""
    return object.__new__(kind)


# --- folders ---

APACHE = """<html><head><title>Index of /md</title></head><body><h1>Index of /md</h1><pre>
<a href="?C=N;O=D">Name</a> <a href="?C=M;O=A">Last modified</a><hr><a href="/">Parent Directory</a>
<a href="PPRN%20Saint-Vallier.xml">PPRN Saint-Vallier.xml</a> <a href="zonage.XML">zonage.XML</a>
<a href="sous-dossier/">sous-dossier/</a> <a href="LISEZMOI.txt">LISEZMOI.txt</a></pre></body></html>"""
NGINX = '<html><body><h1>Index of /md/sous-dossier/</h1><hr><pre><a href="../">../</a><a href="c.xml">c.xml</a></pre>'
IIS = '<html><body><H1>srv - /md/</H1><pre><A HREF="/">[To Parent Directory]</A><br><A HREF="/md/a.xml">a.xml</A></pre>'


def test_a_folder_is_read_with_the_folders_within_it():
    with site(
        {
            "/md/": APACHE,
            "/md/PPRN%20Saint-Vallier.xml": iso_record(1),
            "/md/zonage.XML": iso_record(2),
            "/md/sous-dossier/": NGINX,
            "/md/sous-dossier/c.xml": iso_record(3),
        }
    ) as server:
        reader = WafReader(f"{server.url}/md", session())
        found = read(reader)
    assert reader.reading.complete
    assert [raw.identifier[-1] for raw in found] == ["1", "2", "3"]
    assert [each["title"] for each in datasets(plain(WafSource), found)] == [
        f"Jeu de données {n}" for n in (1, 2, 3)
    ]


def test_a_listing_of_iis_is_read():
    with site({"/md/": IIS, "/md/a.xml": iso_record(1)}) as server:
        reader = WafReader(f"{server.url}/md/", session())
        assert len(read(reader)) == 1
        assert reader.reading.complete


def test_a_folder_that_cannot_be_reached_makes_the_reading_incomplete_never_smaller():
    with site(
        {
            "/md/": APACHE,
            "/md/PPRN%20Saint-Vallier.xml": iso_record(1),
            "/md/zonage.XML": iso_record(2),
        }
    ) as server:
        reader = WafReader(f"{server.url}/md/", session())
        assert len(read(reader)) == 2
    assert not reader.reading.complete
    (told,) = said(reader)
    assert (
        told
        == f"The folder {server.url}/md/sous-dossier/ could not be read: the server answered with HTTP 404."
    )


def test_a_file_that_is_no_record_costs_only_itself():
    with site(
        {
            "/md/": IIS + '<a href="b.xml">b.xml</a>',
            "/md/a.xml": "<html>",
            "/md/b.xml": iso_record(2),
        }
    ) as server:
        reader = WafReader(f"{server.url}/md/", session())
        assert len(read(reader)) == 1
    (told,) = said(reader)
    assert told.startswith(f"Record 1 (file {server.url}/md/a.xml) could not be read: ")


def test_links_out_of_the_folder_are_not_followed():
    with site(
        {"/md/": '<html><body><a href="http://169.254.169.254/a.xml">x</a><a href="/b.xml">y</a>'}
    ) as server:
        assert read(WafReader(f"{server.url}/md/", session())) == []
        assert len(server.seen) == 1


def test_a_folder_is_read_where_its_server_sends_the_reader_and_however_its_address_is_written():
    listing = '<html><body><a href="/donn%C3%A9es/a.xml">a</a><a href="b c.xml">b</a><a href="mailto:a@b.fr">m</a>'

    def script(exchange):
        if exchange.path.startswith("/ancien"):
            exchange.answer("", 301, Location="/donn%C3%A9es/")
        elif exchange.path == "/donn%C3%A9es/":
            exchange.answer(listing, Content_Type="text/html")
        else:
            exchange.answer(iso_record(1 + exchange.path.count("%20")))

    with serve(script) as server:
        for address in ("/ancien", "/ancien/", "/données", "/donn%c3%a9es/"):
            reader = WafReader(server.url.replace("http", "HTTP", 1) + address, session())
            assert (len(read(reader)), reader.reading.complete) == (2, True), address


@pytest.mark.parametrize(
    "place",
    ["/", "/login?service=md", "/accueil.html"],
    ids=["front page", "form to log in", "another page"],
)
def test_a_folder_that_has_become_another_page_is_not_taken_for_an_empty_one(place):
    def script(exchange):
        if exchange.path == "/md/":
            exchange.answer("", 302, Location=place)
        else:
            exchange.answer(
                '<html><body><a href="x.xml">x</a><a href="/y/">y</a>', Content_Type="text/html"
            )

    with serve(script) as server:
        reader = WafReader(f"{server.url}/md/", session())
        assert read(reader) == []
        assert len(server.seen) == 2
    assert said(reader) == ["The source could not be read: the folder names no XML file."]


# --- RDF ---

PREFIXES = """@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> . @prefix vcard: <http://www.w3.org/2006/vcard/ns#> .
@prefix hydra: <http://www.w3.org/ns/hydra/core#> . @prefix locn: <http://www.w3.org/ns/locn#> .
@prefix gsp: <http://www.opengis.net/ont/geosparql#> . @prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
"""
TURTLE = (
    PREFIXES
    + """
<https://ex.org/jdd/1> a dcat:Dataset ; dct:title "Zones inondables"@fr, "Flood zones"@en ;
  dct:abstract "Zones soumises au risque d'inondation." ; dct:identifier "6a0bbd60-0000-4000-8000-000000000001" ;
  dcat:keyword "inondation" ; dct:issued "2020-05-06"^^xsd:date ; dct:publisher [ a foaf:Agent ; foaf:name "DDT 01" ] ;
  dcat:contactPoint [ a vcard:Organization ; vcard:fn "DDT 01" ; vcard:hasEmail <mailto:ddt@ain.example.org> ] ;
  dct:license <https://www.etalab.gouv.fr/licence-ouverte-open-licence> ;
  dct:spatial [ a dct:Location ;
    locn:geometry "POLYGON((4.7 45.6,6.2 45.6,6.2 46.5,4.7 46.5,4.7 45.6))"^^gsp:wktLiteral ] ;
  dcat:distribution [ a dcat:Distribution ;
    dct:title "Zones (SHP)" ; dcat:downloadURL <https://data.example.org/z.zip> ;
    dct:format "SHP" ], <https://data.example.org/undefined.csv> .
"""
)


def test_a_feed_in_turtle_becomes_datasets():
    with site({"/feed": (TURTLE, "text/turtle")}) as server:
        reader = DcatReader(f"{server.url}/feed", session())
        found = read(reader)
    assert reader.reading.complete
    (dataset,) = datasets(plain(DcatSource), found)
    assert dataset["title"] == "Zones inondables"
    assert dataset["notes"] == "Zones soumises au risque d'inondation."
    assert dataset["owner_org"] == "ddt-01053-01"
    assert dataset["issued"] == "2020-05-06"
    assert dataset["license_id"]
    assert dataset["contact"][0]["email"] == "ddt@ain.example.org"
    assert {resource["url"] for resource in dataset["resources"]} == {
        "https://data.example.org/z.zip",
        "https://data.example.org/undefined.csv",
    }
    assert "6.2" in str(dataset["spatial_coverage"])


def test_the_same_dataset_in_another_order_and_form_is_unchanged():
    graph = rdf.parse(TURTLE.encode(), "text/turtle", 10**6)
    forms = {
        "application/rdf+xml": "xml",
        "application/ld+json": "json-ld",
        "text/turtle": "turtle",
    }
    for content_type, form in forms.items():
        with site(
            {
                "/feed": (TURTLE, "text/turtle"),
                "/other": (graph.serialize(format=form), content_type),
            }
        ) as server:
            (first,) = read(DcatReader(f"{server.url}/feed", session()))
            (other,) = read(DcatReader(f"{server.url}/other", session()))
        assert (other.digest, other.identifier) == (first.digest, first.identifier)


def feed_page(number, following):
    view = f"<> a hydra:PagedCollection ; hydra:totalItems 3 {f'; hydra:nextPage <{following}>' if following else ''} ."
    return (
        PREFIXES
        + f'{view} <https://ex.org/jdd/{number}> a dcat:Dataset ; dct:title "Jeu {number}" .',
        "text/turtle",
    )


def test_pages_are_followed_to_the_last():
    with site(
        {"/1": feed_page(1, "/2"), "/2": feed_page(2, "/3"), "/3": feed_page(3, "")}
    ) as server:
        reader = DcatReader(f"{server.url}/1", session())
        found = read(reader)
    assert [raw.identifier for raw in found] == [f"https://ex.org/jdd/{n}" for n in (1, 2, 3)]
    assert reader.reading.complete


@pytest.mark.parametrize(
    ("pages", "code"),
    [
        ({"/1": feed_page(1, "/1")}, "page-loop"),
        ({"/1": feed_page(1, "/2"), "/2": feed_page(2, "/1")}, "page-loop"),
        ({"/1": feed_page(1, "/2"), "/2": 500}, "status"),
        (
            {"/1": feed_page(1, "/2"), "/2": ("<html><body>x</body></html>", "text/html")},
            "xml-html",
        ),
        ({"/1": feed_page(1, "")}, "count-short"),
    ],
)
def test_a_feed_that_is_not_read_to_its_end_is_incomplete_and_keeps_what_came(pages, code):
    with site(pages) as server:
        reader = DcatReader(f"{server.url}/1", session())
        assert read(reader)
    assert not reader.reading.complete
    (failure,) = reader.reading.failures
    assert failure.code in (code, "not-rdf")
    assert sentence(failure.code, failure.params, failure.first, failure.last)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (
            '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;">]><rdf:RDF/>',
            "application/rdf+xml",
        ),
        ('{"@context": "file:///etc/passwd", "@id": "x"}', "application/ld+json"),
        ('[{"@context": ["https://elsewhere.example/c.jsonld"], "@id": "x"}]', "application/json"),
        (
            '{"@graph": [{"@context": {"@import": "http://169.254.169.254/"}}]}',
            "application/ld+json",
        ),
        ("not turtle at all {", "text/turtle"),
        ("[" * 200_000, "application/json"),
    ],
)
def test_what_is_unsafe_or_no_rdf_is_refused_with_a_reason(body, content_type):
    with pytest.raises(PageError) as caught:
        rdf.parse(body.encode(), content_type, 10**7)
    assert sentence(caught.value.code, caught.value.params)


@pytest.mark.parametrize(
    ("text", "west_north"),
    [
        ("POLYGON((4.7 45.6,6.2 45.6,6.2 46.5,4.7 45.6))", ("4.7", "46.5")),
        ("<http://www.opengis.net/def/crs/OGC/1.3/CRS84> POINT(5 46)", ("5.0", "46.0")),
        ('{"type":"Polygon","coordinates":[[[4.7,45.6],[6.2,46.5],[4.7,45.6]]]}', ("4.7", "46.5")),
        ("ENVELOPE(4.7, 6.2, 46.5, 45.6)", ("4.7", "46.5")),
    ],
)
def test_a_geometry_gives_its_box(text, west_north):
    (box,) = boxes_of(text)
    assert (box.west, box.north) == west_north


@pytest.mark.parametrize("text", ["", "Ain", "{", "POLYGON(())", "12 13"])
def test_what_is_no_geometry_gives_no_box(text):
    assert boxes_of(text) == []


@pytest.mark.slow("variants")
def test_a_feed_a_folder_and_a_list_are_harvested_like_any_source(portal):
    with site(
        {"/feed": (TURTLE, "text/turtle"), "/md/": IIS, "/md/a.xml": iso_record(1)}
    ) as server:
        feed = portal.source(f"{server.url}/feed", name="feed", source_type="ecosphere_dcat")
        folder = portal.source(f"{server.url}/md/", name="folder", source_type="ecosphere_waf")
        assert portal.harvest(feed) == portal.harvest(folder) == {"added": 1}
        assert portal.harvest(feed) == portal.harvest(folder) == {"not modified": 1}
    with udata(2) as (server, _asked):
        api = portal.source(
            server.url, name="api", source_type="ecosphere_udata", config={"tag": "eau"}
        )
        assert portal.harvest(api) == {"added": 2}
        assert portal.harvest(api) == {"not modified": 2}
    assert portal.found() == ["Jeu 0", "Jeu 1", "Jeu de données 1", "Zones inondables"]


UNTYPED = """@prefix dct: <http://purl.org/dc/terms/> . @prefix foaf: <http://xmlns.com/foaf/0.1/> .
@prefix dcat: <http://www.w3.org/ns/dcat#> .
[] dct:title "Pressions sur la biodiversité" ; dct:description "Pressions." ;
  foaf:isPrimaryTopicOf [ a dcat:CatalogRecord ; dct:identifier "24f2" ; dct:modified "2023-12-05" ] .
<https://ex.org/jdd/2> dct:title "Frayères" ; dct:description "Frayères." ;
  foaf:isPrimaryTopicOf <https://ex.org/record/2> .
<https://ex.org/record/2> a dcat:CatalogRecord ; dct:identifier "24f3" ; dct:modified "2023-12-06" ."""


@pytest.mark.slow("variants")
def test_datasets_that_only_their_catalogue_entries_name_are_harvested_and_stay_the_same(
    portal, app
):
    with site({"/feed": (UNTYPED, "text/turtle")}) as server:
        feed = portal.source(f"{server.url}/feed", name="feed", source_type="ecosphere_dcat")
        assert portal.harvest(feed) == {"added": 2}
        before = portal.ids()
        assert portal.harvest(feed) == {"not modified": 2}
        assert portal.harvest(feed, force=True) == {"updated": 2}
    assert portal.ids() == before
    found = app.get("/api/3/action/package_search?q=frayères").json["result"]["results"]
    assert [each["title"] for each in found] == ["Frayères"]
    assert (
        "Pressions sur la biodiversité" in app.get("/fr/dataset/pressions-sur-la-biodiversite").body
    )


def test_the_box_of_a_place_goes_before_its_centre():
    place = """<https://ex.org/1> a dcat:Dataset ; dct:title "Zones" ; dct:spatial [ a dct:Location ;
        dcat:centroid "POINT(2 46)"^^gsp:wktLiteral ;
        %s "POLYGON((1.3 45.6,2.6 45.6,2.6 46.4,1.3 46.4,1.3 45.6))"^^gsp:wktLiteral ] ."""
    for predicate in ("dcat:bbox", "locn:geometry"):
        with site({"/feed": (PREFIXES + place % predicate, "text/turtle")}) as server:
            found = read(DcatReader(f"{server.url}/feed", session()))
        [dataset] = datasets(plain(DcatSource), found)
        [extent] = [each for each in dataset["spatial_coverage"] if "bbox" in each]
        assert json.loads(extent["bbox"])["coordinates"][0][0] == [1.3, 45.6]


# --- data.gouv.fr ---


def udata_dataset(number):
    return {
        "id": f"5a000000000000000000000{number}",
        "title": f"Jeu {number}",
        "description": "Zones",
        "organization": {"name": "DDT 01", "page": "https://x.example.org/o"},
        "tags": ["zone-inondable"],
        "license": "lov2",
        "frequency": "annual",
        "created_at": "2020-05-06T10:00:00",
        "last_modified": "2024-01-02T10:00:00",
        "spatial": {"zones": ["fr:departement:01"]},
        "temporal_coverage": {"start": "2019-01-01", "end": "2019-12-31"},
        "resources": [
            {"id": "r", "url": "https://data.example.org/z.csv", "title": "Zones", "format": "csv"}
        ],
        "metrics": {"views": number},
    }


@contextmanager
def udata(total, broken_page=None):
    asked = []

    def script(exchange):
        path, query = urlsplit(exchange.path).path, parse_qs(urlsplit(exchange.path).query)
        if path in ("/api/1/organizations/ddt-01/", "/api/2/topics/inondations/"):
            exchange.answer(json.dumps({"id": "5a" * 12}))
            return
        if "datasets" not in path:
            exchange.answer("{}", 404)
            return
        # As in udata, where only its lists require identifiers.
        if any(len(query[name][0]) != 24 for name in ("organization", "topic") if name in query):
            exchange.answer("{}", 400)
            return
        page, size = int(query["page"][0]), int(query["page_size"][0])
        asked.append(query)
        if page == broken_page:
            exchange.answer("oops", 500)
            return
        numbers = range((page - 1) * size, min(page * size, total))
        exchange.answer(
            json.dumps(
                {"data": [udata_dataset(n) for n in numbers], "total": total, "next_page": None}
            )
        )

    with serve(script) as server:
        yield server, asked


def test_the_datasets_of_an_organisation_are_read_page_by_page():
    with udata(120) as (server, asked):
        reader = UdataReader(f"{server.url}/fr/", session(), {"organization": "ddt-01"})
        found = read(reader)
    assert len(found) == 120
    assert reader.reading.complete
    assert len(asked) == 3
    assert all(query["organization"] == ["5a" * 12] for query in asked)
    assert all(query["sort"] == ["created"] for query in asked)
    dataset = datasets(plain(UdataSource), found[:1])[0]
    assert dataset["title"] == "Jeu 0"
    assert dataset["license_id"]
    assert dataset["frequency"].endswith("ANNUAL")
    assert dataset["territory"] == ["http://id.insee.fr/geo/departement/01"]
    assert dataset["resources"][0]["url"] == "https://data.example.org/z.csv"


@pytest.mark.parametrize(
    ("filters", "number", "requests"),
    [
        ({"topic": "inondations"}, 2, 2),
        ({"organization": "5a" * 12, "tag": "eau"}, 2, 1),
        ({"organization": "ddt-99"}, 0, 1),
        # udata's lists ignore an unknown topic, and would return the whole portal.
        ({"topic": "5b" * 12}, 0, 2),
    ],
)
def test_an_organisation_or_a_topic_may_be_named_and_must_exist(filters, number, requests):
    with udata(2) as (server, _asked):
        guarded = session()
        reader = UdataReader(server.url, guarded, filters)
        assert len(read(reader)) == number
    assert guarded.budget.spent == requests
    assert reader.reading.complete is bool(number)
    assert all("knows no organisation or topic named" in text for text in said(reader))


def test_a_page_of_the_api_that_fails_makes_the_reading_incomplete_and_the_others_are_read():
    with udata(120, broken_page=2) as (server, _asked):
        reader = UdataReader(server.url, session(), {"tag": "eau"})
        assert len(read(reader)) == 70
    (failure,) = reader.reading.failures
    assert (failure.first, failure.last) == (51, 100)


def test_views_and_other_daily_figures_are_no_change():
    digests = set()
    for views in (1, 2):
        page = json.dumps({"data": [{**udata_dataset(0), "metrics": {"views": views}}], "total": 1})
        with serve(lambda exchange, page=page: exchange.answer(page)) as server:
            (raw,) = read(UdataReader(server.url, session(), {"tag": "eau"}))
            digests.add(raw.digest)
    assert len(digests) == 1


def test_a_source_of_udata_needs_an_organisation_a_topic_or_a_tag():
    from ckanext.ecosphere.harvest.messages import ConfigError

    with pytest.raises(ConfigError):
        plain(UdataSource).check_own_settings({})
    plain(UdataSource).check_own_settings({"topic": "eau"})
