"""Interoperability: ckanext-dcat's own harvester reads the DCAT feed,
and OWSLib's client the CSW.
"""

from __future__ import annotations

import itertools
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

import ckan.plugins as p
import pytest
from ckan import model
from ckan.common import config
from ckan.tests import factories
from lxml import etree
from owslib.csw import CatalogueServiceWeb
from owslib.fes import BBox, PropertyIsEqualTo, PropertyIsLike
from werkzeug.serving import make_server

from ckanext.dcat.harvesters.rdf import DCATRDFHarvester
from ckanext.ecosphere.schemas import places
from ckanext.ecosphere.schemas.iso import writer
from ckanext.ecosphere.schemas.tests import samples
from dev.stack.settings import DEV, INSTALLED

pytestmark = pytest.mark.usefixtures("shared_db")
GMD = "http://www.isotc211.org/2005/gmd"
PER_PAGE = 2
PYGEOAPI = INSTALLED / "pygeoapi-venv" / "bin" / "pygeoapi"
PYGEOAPI_CONFIG = DEV / "federation" / "pygeoapi.yaml"
ALL = {"csw-0", "csw-1", "csw-2"}
QUESTIONS = (
    (None, ALL),
    (PropertyIsLike("csw:AnyText", "%humides%"), {"csw-1"}),
    (PropertyIsEqualTo("dc:type", "dataset"), ALL),
    (PropertyIsLike("dc:subject", "%inondation%"), ALL),
    (PropertyIsLike("apiso:TopicCategory", "%inlandWaters%"), ALL),
    (BBox([-22, 55, -20, 56], crs="urn:ogc:def:crs:EPSG::4326"), {"csw-2"}),
)
AMOUNTS = ("brief", "summary", "full")
OUTPUTS = ((GMD, "gmd:MD_Metadata"), ("http://www.opengis.net/cat/csw/2.0.2", "csw:Record"))
#: Fields that any DCAT-AP harvester imports.
SHARED = ("notes", "license_id", "frequency", "issued", "access_rights", "provenance", "version")


@pytest.fixture
def feed(app: Any, ckan_config: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Serve the portal on a free port, with two datasets per page of the feed; yield its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    monkeypatch.setitem(ckan_config, "ckan.site_url", address)
    monkeypatch.setitem(ckan_config, "ckanext.dcat.datasets_per_page", PER_PAGE)
    server = make_server("127.0.0.1", port, app.flask_app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield address
    server.shutdown()
    thread.join(5)


@pytest.mark.slow("exchange")
def test_the_stock_harvester_of_ckanext_dcat_reads_every_page_of_our_feed(
    feed, create, act, monkeypatch
):
    from ckanext.harvest.tests.lib import HarvestJobObj, HarvestSourceObj, run_harvest_job

    made = [
        create(samples.full(name=f"fed-{n}", title=f"Zones {n}", in_series=[]))
        for n in range(2 * PER_PAGE + 1)
    ]
    create(samples.full(name="fed-draft", title="Zones secrètes", private=True))
    owner = factories.Organization(image_url="")
    monkeypatch.setitem(
        config, "ckanext.dcat.rdf.profiles", "euro_dcat_ap_3"
    )  # another portal has a standard profile
    with p.use_plugin("dcat_rdf_harvester"):
        source = HarvestSourceObj(
            url=f"{feed}/catalog.ttl", source_type="dcat_rdf", owner_org=owner["id"]
        )
        results = run_harvest_job(HarvestJobObj(source=source, run=False), DCATRDFHarvester())
    assert [each["errors"] for each in results.values() if each["errors"]] == []
    model.Session.remove()
    read = {each["dataset"]["title"]: each["dataset"] for each in results.values()}
    assert sorted(read) == [f"Zones {number}" for number in range(len(made))]
    for dataset in made:
        again = act("package_show", id=read[dataset["title"]]["id"])
        assert again["id"] != dataset["id"]
        assert {name: again.get(name) for name in SHARED} == {
            name: dataset.get(name) for name in SHARED
        }
        assert {tag["name"] for tag in again["tags"]} == {tag["name"] for tag in dataset["tags"]}
        assert {each["url"] for each in again["resources"]} == {
            each["url"] for each in dataset["resources"]
        }


class TestCsw:
    """CSW with our ISO records, served by pycsw: queries with OWSLib's
    client and with hand-written XML.
    """

    @pytest.fixture
    def address(self, csw_catalogue: Any) -> str:
        """A catalogue with three records, one of them far away from the others."""
        box = json.dumps(places.box_to_geometry((55.2, -21.4, 55.9, -20.8)))
        kinds: list[dict[str, Any]] = [
            {},
            {"title": "Zones humides"},
            {"title": "Récifs de La Réunion", "spatial_coverage": [{"bbox": box}], "territory": []},
        ]
        records = [
            samples.full(id=f"csw-{n}", metadata_identifier=f"csw-{n}", **each)
            for n, each in enumerate(kinds)
        ]
        return csw_catalogue(writer.record(each, "DDT 01") for each in records)

    @pytest.mark.slow("exchange")
    def test_a_plain_client_finds_records_in_every_form(self, address):
        client: Any = CatalogueServiceWeb(address)
        for (asked, wanted), amount, (output, kind) in itertools.product(
            QUESTIONS, AMOUNTS, OUTPUTS
        ):
            constraints = [asked] if asked else []
            client.getrecords2(
                constraints=constraints, esn=amount, outputschema=output, typenames=kind
            )
            assert set(client.records) == wanted, (asked, amount, kind)

    def test_a_plain_client_reads_page_after_page(self, address):
        client: Any = CatalogueServiceWeb(address)
        seen, start = [], 0
        while True:
            client.getrecords2(esn="full", outputschema=GMD, maxrecords=2, startposition=start)
            seen += list(client.records)
            start = client.results["nextrecord"]
            if not start:
                break
        assert sorted(seen) == ["csw-0", "csw-1", "csw-2"]


GEONETWORK = """<?xml version="1.0" encoding="UTF-8"?>
<csw:GetRecords xmlns:csw="http://www.opengis.net/cat/csw/2.0.2" service="CSW" version="2.0.2"
 resultType="results" outputSchema="http://www.isotc211.org/2005/gmd" startPosition="{start}" maxRecords="2">
 <csw:Query typeNames="csw:Record"><csw:ElementSetName>{amount}</csw:ElementSetName>
  <csw:Constraint version="1.1.0"><ogc:Filter xmlns:ogc="http://www.opengis.net/ogc">
   <ogc:PropertyIsLike wildCard="%" singleChar="_" escapeChar="\\\\">
    <ogc:PropertyName>csw:AnyText</ogc:PropertyName><ogc:Literal>%Zones%</ogc:Literal></ogc:PropertyIsLike>
  </ogc:Filter></csw:Constraint></csw:Query></csw:GetRecords>"""
IDENTIFIER = "string(.//*[local-name()='fileIdentifier']/*)"


@pytest.mark.slow("exchange")
def test_requests_in_the_form_of_geonetwork_find_every_record(csw_catalogue):
    """As its CSW harvester asks: identifiers by GetRecords in summary,
    then records by GetRecordById.
    """
    titles = {f"csw-{number}": f"Zones {number}" for number in range(3)}
    records = [
        samples.full(id=name, metadata_identifier=name, title=title)
        for name, title in titles.items()
    ]
    address = csw_catalogue(writer.record(each, "DDT 01") for each in records)
    names: list[str] = []
    start = 1
    while start:
        body = GEONETWORK.format(start=start, amount="summary").encode()
        request = Request(address, body, {"Content-Type": "application/xml"})
        results = etree.fromstring(urlopen(request, timeout=30).read()).find("{*}SearchResults")
        assert results is not None
        names += [str(record.xpath(IDENTIFIER)) for record in results]
        start = int(results.get("nextRecord", "0"))
    assert names == sorted(titles)
    client: Any = CatalogueServiceWeb(address)
    client.getrecordbyid(id=names, esn="full", outputschema=GMD)
    assert {name: client.records[name].identification[0].title for name in names} == titles


@pytest.mark.slow("exchange")
@pytest.mark.skipif(not PYGEOAPI.exists(), reason="docs/federation.md installs pygeoapi")
def test_pygeoapi_serves_the_csw_as_ogc_api_records(csw_catalogue, tmp_path):
    records = [
        samples.full(id=name, metadata_identifier=name, title=f"Zones {name}")
        for name in ("a-1", "a-2")
    ]
    csw = csw_catalogue(writer.record(each, "DDT 01") for each in records)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    home = f"http://127.0.0.1:{port}"
    variables = {
        "RECORDS": home,
        "RECORDS_PORT": port,
        "CSW": csw,
        "PYGEOAPI_CONFIG": str(PYGEOAPI_CONFIG),
    }
    environment = {**os.environ, **variables, "PYGEOAPI_OPENAPI": str(tmp_path / "openapi.yml")}
    make = [
        str(PYGEOAPI),
        "openapi",
        "generate",
        str(PYGEOAPI_CONFIG),
        "--output-file",
        str(tmp_path / "openapi.yml"),
    ]
    subprocess.run(make, env=environment, check=True, capture_output=True, timeout=120)
    serve = [
        str(PYGEOAPI.with_name("gunicorn")),
        "--bind",
        f"127.0.0.1:{port}",
        "pygeoapi.flask_app:APP",
    ]
    with subprocess.Popen(serve, env=environment, stderr=subprocess.DEVNULL) as server:
        try:
            items = answer_of(f"{home}/collections/guichet/items?f=json&q=a-2")
            record = answer_of(f"{home}/collections/guichet/items/a-1?f=json")
        finally:
            server.terminate()
    assert [item["properties"]["title"] for item in items["features"]] == ["Zones a-2"]
    assert (record["id"], record["properties"]["title"]) == ("a-1", "Zones a-1")
    assert record["geometry"]["type"] == "Polygon"


def answer_of(address: str) -> Any:
    """Return the JSON at an address, once its server has started."""
    for _attempt in range(60):
        try:
            return json.load(urlopen(address, timeout=30))
        except URLError as error:
            if isinstance(error, HTTPError):
                raise AssertionError(error.read()[:2000]) from error
            time.sleep(1)
    raise AssertionError(f"{address} does not answer")
