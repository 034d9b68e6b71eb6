"""URLs named within documents are never fetched, only the source itself:
checked with a canary server.
"""

import json

import pytest
from rdflib import Graph

from ckanext.ecosphere.harvest.dcat import graph as dcat_graph
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.sources.base import PageError
from ckanext.ecosphere.harvest.sources.csw import CswReader
from ckanext.ecosphere.harvest.sources.dcat import DcatReader
from ckanext.ecosphere.harvest.sources.udata import UdataReader
from ckanext.ecosphere.harvest.sources.waf import WafReader
from ckanext.ecosphere.harvest.tests import luring
from ckanext.ecosphere.shared import rdf
from ckanext.ecosphere.shared.http_guard import FetchError, GuardedSession, GuardSettings, networks
from ckanext.ecosphere.tests.canary import canary
from ckanext.ecosphere.tests.scripted_server import serve

SECRET = "only-in-the-file"
TEN_MB = 10 * 1024 * 1024


@pytest.fixture(scope="module")
def bird():
    with canary() as found:
        yield found


@pytest.fixture(autouse=True)
def unheard(bird):
    """Check after the test that the canary received no connection."""
    bird.heard.clear()
    yield
    assert bird.heard == []


def session():
    return GuardedSession(
        GuardSettings(allowed_networks=networks(["127.0.0.1/32"]), attempts=1), sleep=lambda s: None
    )


def targets(bird, tmp_path):
    secret = tmp_path / "context.jsonld"
    secret.write_text(json.dumps({"@context": {"part": f"https://ex.org/{SECRET}"}}))
    return {"http": f"{bird.url}/context", "file": secret.as_uri()}


NAMES = list(luring.everything("x"))


def test_the_canary_hears_whoever_asks():
    with canary() as other:
        settings = GuardSettings(
            allowed_networks=networks(["127.0.0.0/8"]), attempts=1, read_seconds=2
        )
        with pytest.raises(FetchError):
            GuardedSession(settings).get(other.url)
        assert len(other.heard) == 1
        assert other.heard[0].startswith("GET / HTTP/1.1")


@pytest.mark.few(10, "hostile")
@pytest.mark.parametrize("scheme", ["http", "file"])
@pytest.mark.parametrize("name", NAMES)
def test_feed_with_a_luring_document(bird, tmp_path, scheme, name):
    text, media_type = luring.everything(targets(bird, tmp_path)[scheme])[name]
    with serve(lambda exchange: exchange.answer(text, Content_Type=media_type)) as server:
        reader = DcatReader(f"{server.url}/feed", session())
        kept = [record.content for page in reader.pages() for record in page]
    assert len(server.seen) == 1
    assert SECRET not in "".join(kept)
    if name.startswith("JSON-LD"):
        (failure,) = reader.reading.failures
        assert failure.code == "remote-context"


@pytest.mark.parametrize("name", list(luring.json_ld("x")))
def test_feed_with_a_context_names_it_in_its_refusal(bird, name):
    text, _type = luring.json_ld(f"{bird.url}/context")[name]
    with pytest.raises(PageError) as refused:
        dcat_graph.parse(text.encode(), "application/ld+json", TEN_MB)
    assert refused.value.code == "remote-context"
    assert refused.value.params["context"].startswith(
        "context" if name.startswith("relative") else bird.url
    )


@pytest.mark.parametrize("scheme", ["http", "file"])
@pytest.mark.parametrize("name", list(luring.iso("x")))
def test_catalogue_and_folder_with_a_luring_record(bird, tmp_path, scheme, name):
    text, _type = luring.iso(targets(bird, tmp_path)[scheme])[name]
    bare = text[text.index("<gmd:MD_Metadata") :] if "&x;" not in text else text
    page = (
        '<csw:GetRecordsResponse xmlns:csw="http://www.opengis.net/cat/csw/2.0.2"><csw:SearchResults '
        f'numberOfRecordsMatched="1" nextRecord="0">{bare}</csw:SearchResults></csw:GetRecordsResponse>'
    )
    listing = f'<html><body><a href="a.xml">a</a><a href="{bird.url}/b.xml">b</a><img src="{bird.url}"></body></html>'

    def script(exchange):
        path = exchange.path.partition("?")[0]
        exchange.answer(
            {"/md/": listing, "/md/a.xml": text}.get(path, page), Content_Type="text/html"
        )

    with serve(script) as server:
        for reader in (
            CswReader(f"{server.url}/csw", session()),
            WafReader(f"{server.url}/md/", session()),
        ):
            for found in reader.pages():
                assert SECRET not in "".join(record.content for record in found)


def test_listing_whose_base_is_elsewhere(bird):
    listing = f'<html><head><base href="{bird.url}/"></head><body><a href="a.xml">a</a><a href="//{bird.url[7:]}/b.xml">b</a>'
    with serve(lambda exchange: exchange.answer(listing, Content_Type="text/html")) as server:
        reader = WafReader(f"{server.url}/md/", session())
        assert [record for page in reader.pages() for record in page] == []


def test_resources_of_udata_that_are_elsewhere(bird):
    dataset = {"id": "a", "resources": {"href": f"{bird.url}/resources"}}
    with serve(
        lambda exchange: exchange.answer(json.dumps({"data": [dataset], "total": 1}))
    ) as server:
        reader = UdataReader(server.url, session(), {"tag": "eau"})
        (found,) = [record for page in reader.pages() for record in page]
    assert json.loads(found.content)["resources"] == []


@pytest.mark.parametrize("scheme", ["http", "file"])
@pytest.mark.parametrize("name", NAMES)
def test_parsers_alone(bird, tmp_path, scheme, name):
    text, media_type = luring.everything(targets(bird, tmp_path)[scheme])[name]
    syntaxes = {
        "application/ld+json": "json-ld", "application/rdf+xml": "xml", "text/turtle": "turtle", "text/n3": "n3",
        "application/trig": "trig",
    }  # fmt: skip
    if media_type == "application/xml":
        try:
            assert SECRET not in "".join(map(str, parse_xml(text.encode()).itertext()))
        except RecordError as error:
            assert error.code == "doctype"
        return
    try:
        graph = rdf.parse(text, syntaxes[media_type])
    except (rdf.RemoteDocumentError, rdf.DoctypeError):
        return
    assert not name.startswith("JSON-LD")
    assert SECRET not in graph.serialize(format="nt")


def test_rdflib_itself_fetches_nothing(bird, tmp_path):
    there = targets(bird, tmp_path)
    for text, _type in luring.json_ld(there["http"]).values():
        with pytest.raises(rdf.RemoteDocumentError):
            Graph().parse(data=text, format="json-ld")
    with pytest.raises(rdf.RemoteDocumentError):
        Graph().parse(f"{bird.url}/graph.ttl")


def test_usual_contexts_are_answered_from_files():
    for address in rdf.bundled_contexts():
        for scheme in ("http", "https"):
            graph = rdf.parse(
                json.dumps(
                    {"@context": [f"{scheme}://{address}"], "@id": "urn:x", "title": "Zones"}
                ),
                "json-ld",
            )
            assert isinstance(graph, Graph)
    document = {
        "@context": "https://project-open-data.cio.gov/v1.1/schema/catalog.jsonld",
        "@type": "dcat:Catalog",
        "dataset": [
            {
                "@type": "dcat:Dataset",
                "@id": "https://ex.org/1",
                "title": "Zones",
                "keyword": ["eau"],
            }
        ],
    }
    graph = dcat_graph.parse(json.dumps(document).encode(), "application/json", TEN_MB)
    assert [str(subject) for subject in dcat_graph.datasets(graph)] == ["https://ex.org/1"]


def test_bundled_context_cannot_be_changed_by_a_document():
    address = "https://project-open-data.cio.gov/v1.1/schema/catalog.jsonld"
    spoiling = {
        "@context": {"@version": 1.1, "@import": address, "title": "https://ex.org/other"},
        "title": "x",
    }
    rdf.parse(json.dumps(spoiling), "json-ld")
    graph = rdf.parse(
        json.dumps({"@context": address, "@id": "https://ex.org/1", "title": "Zones"}), "json-ld"
    )
    assert "http://purl.org/dc/terms/title" in graph.serialize(format="nt")
