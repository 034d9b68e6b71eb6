"""Interoperability: ckanext-dcat's own harvester reads the DCAT feed, and OWSLib's client the CSW."""

from __future__ import annotations

import itertools
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import ckan.plugins as p
import pytest
from ckan import model
from ckan.common import config
from ckan.tests import factories
from owslib.csw import CatalogueServiceWeb
from owslib.fes import BBox, PropertyIsEqualTo, PropertyIsLike
from werkzeug.serving import make_server

from ckanext.dcat.harvesters.rdf import DCATRDFHarvester
from ckanext.ecosphere.schemas import places
from ckanext.ecosphere.schemas.iso import writer
from ckanext.ecosphere.schemas.tests import samples

pytestmark = pytest.mark.usefixtures("shared_db")
GMD = "http://www.isotc211.org/2005/gmd"
PER_PAGE = 2
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
def test_the_stock_harvester_of_ckanext_dcat_reads_every_page_of_our_feed(feed, create, act, monkeypatch):
    from ckanext.harvest.tests.lib import HarvestJobObj, HarvestSourceObj, run_harvest_job

    made = [create(samples.full(name=f"fed-{n}", title=f"Zones {n}", in_series=[])) for n in range(2 * PER_PAGE + 1)]
    create(samples.full(name="fed-draft", title="Zones secrètes", private=True))
    owner = factories.Organization(image_url="")
    monkeypatch.setitem(config, "ckanext.dcat.rdf.profiles", "euro_dcat_ap_3")  # another portal has a standard profile
    with p.use_plugin("dcat_rdf_harvester"):
        source = HarvestSourceObj(url=f"{feed}/catalog.ttl", source_type="dcat_rdf", owner_org=owner["id"])
        results = run_harvest_job(HarvestJobObj(source=source, run=False), DCATRDFHarvester())
    assert [each["errors"] for each in results.values() if each["errors"]] == []
    model.Session.remove()
    read = {each["dataset"]["title"]: each["dataset"] for each in results.values()}
    assert sorted(read) == [f"Zones {number}" for number in range(len(made))]
    for dataset in made:
        again = act("package_show", id=read[dataset["title"]]["id"])
        assert again["id"] != dataset["id"]
        assert {name: again.get(name) for name in SHARED} == {name: dataset.get(name) for name in SHARED}
        assert {tag["name"] for tag in again["tags"]} == {tag["name"] for tag in dataset["tags"]}
        assert {each["url"] for each in again["resources"]} == {each["url"] for each in dataset["resources"]}


class TestCsw:
    """CSW with our ISO records, served by pycsw: queries with OWSLib's client and with hand-written XML."""

    @pytest.fixture
    def address(self, csw_catalogue: Any) -> str:
        """A catalogue with three records, one of them far away from the others."""
        box = json.dumps(places.box_to_geometry((55.2, -21.4, 55.9, -20.8)))
        kinds: list[dict[str, Any]] = [
            {},
            {"title": "Zones humides"},
            {"title": "Récifs de La Réunion", "spatial_coverage": [{"bbox": box}], "territory": []},
        ]
        records = [samples.full(id=f"csw-{n}", metadata_identifier=f"csw-{n}", **each) for n, each in enumerate(kinds)]
        return csw_catalogue(writer.record(each, "DDT 01") for each in records)

    @pytest.mark.slow("exchange")
    def test_a_plain_client_finds_records_in_every_form(self, address):
        client: Any = CatalogueServiceWeb(address)
        for (asked, wanted), amount, (output, kind) in itertools.product(QUESTIONS, AMOUNTS, OUTPUTS):
            constraints = [asked] if asked else []
            client.getrecords2(constraints=constraints, esn=amount, outputschema=output, typenames=kind)
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
