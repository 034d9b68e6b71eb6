"""Sources that never end, or return too much: each reading stops at a limit,
and reports which one.
"""

import gzip
import json
import threading
import time
from dataclasses import replace

import pytest

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.messages import sentence
from ckanext.ecosphere.harvest.sources.base import BoundedReader, Bounds
from ckanext.ecosphere.harvest.sources.csw import CswOptions, CswReader
from ckanext.ecosphere.harvest.sources.dcat import DcatReader
from ckanext.ecosphere.harvest.sources.ogcapi import OgcApiReader
from ckanext.ecosphere.harvest.sources.udata import UdataReader
from ckanext.ecosphere.harvest.sources.waf import WafReader
from ckanext.ecosphere.harvest.tests.csw_server import iso_record
from ckanext.ecosphere.shared.http_guard import GuardedSession, GuardSettings, networks
from ckanext.ecosphere.tests.scripted_server import serve

pytestmark = pytest.mark.slow("hostile")

MEGABYTE = 1024 * 1024
WIDE = Bounds(requests=200, records=10_000, size=200 * MEGABYTE, seconds=60, memory=4096 * MEGABYTE)
KINDS = ("csw", "dcat", "ogcapi", "waf", "udata")


def bounded(kind, url, settings=None, **bounds):
    """Return a reader of a type of source with limits."""
    limits = replace(WIDE, **bounds)
    guard = settings or GuardSettings(
        allowed_networks=networks(["127.0.0.1/32"]), attempts=1, backoff_seconds=0
    )
    session = GuardedSession(guard, budget=limits.budget())
    reader = {
        "csw": lambda: CswReader(url, session, CswOptions(page_size=10, pause=0)),
        "dcat": lambda: DcatReader(f"{url}/0", session),
        "ogcapi": lambda: OgcApiReader(f"{url}/0", session, 10),
        "waf": lambda: WafReader(f"{url}/md/", session),
        "udata": lambda: UdataReader(url, session, {"tag": "eau"}),
    }[kind]()
    return BoundedReader(reader, session.budget, limits)


def said(reader):
    return [
        sentence(each.code, each.params, each.first, each.last) for each in reader.reading.failures
    ]


def codes(reader):
    return [failure.code for failure in reader.reading.failures]


def read(reader):
    return [record for page in reader.pages() for record in page]


class Endless:
    """Serve another page at each request, with new records every time."""

    def __init__(self, kind):
        self.kind = kind
        self.given = 0
        self.lock = threading.Lock()

    def number(self):
        with self.lock:
            self.given += 1
            return self.given

    def __call__(self, exchange):
        number = self.number()
        body = getattr(self, f"_{self.kind}")(exchange, number)
        exchange.answer(body, Content_Type="text/turtle" if self.kind == "dcat" else "text/html")

    @staticmethod
    def _csw(exchange, number):
        records = "".join(iso_record(number * 100 + each) for each in range(10))
        return (
            '<csw:GetRecordsResponse xmlns:csw="http://www.opengis.net/cat/csw/2.0.2"><csw:SearchResults '
            f'numberOfRecordsMatched="900000000" nextRecord="{number * 10 + 1}">{records}</csw:SearchResults>'
            "</csw:GetRecordsResponse>"
        )

    @staticmethod
    def _dcat(exchange, number):
        return (
            "@prefix hydra: <http://www.w3.org/ns/hydra/core#> . @prefix dcat: <http://www.w3.org/ns/dcat#> . "
            f"<> hydra:next </{number}> . <https://ex.org/{number}> a dcat:Dataset ; "
            f'<http://purl.org/dc/terms/title> "Zones {number}" .'
        )

    @staticmethod
    def _ogcapi(exchange, number):
        features = [
            {
                "id": f"{number}-{each}",
                "type": "Feature",
                "properties": {"title": f"Zones {number}-{each}"},
            }
            for each in range(10)
        ]
        links = [{"rel": "next", "href": f"/{number}", "type": "application/geo+json"}]
        return json.dumps({"features": features, "numberMatched": 900_000_000, "links": links})

    @staticmethod
    def _waf(exchange, number):
        if exchange.path.endswith(".xml"):
            return iso_record(number)
        return f'<html><body><a href="{number}.xml">a</a><a href="{number}/">deeper</a><a href="x{number}/">b</a></body>'

    @staticmethod
    def _udata(exchange, number):
        data = [
            {"id": f"{number}-{each}", "title": f"Zones {number}-{each}", "resources": []}
            for each in range(50)
        ]
        return json.dumps({"data": data, "total": 900_000_000, "next_page": "https://ex.org"})


@pytest.mark.parametrize("kind", KINDS)
def test_requests_are_bounded(kind):
    with serve(Endless(kind)) as server:
        reader = bounded(kind, server.url, requests=20)
        found = read(reader)
    assert len(server.seen) == reader.reading.requests == 20
    assert codes(reader)[-1] == "bound-requests"
    assert (
        said(reader)[-1]
        == "The reading was stopped after 20 requests, the most that one harvest may send."
    )
    assert not reader.reading.complete
    assert found


@pytest.mark.parametrize("kind", KINDS)
def test_records_are_bounded(kind):
    with serve(Endless(kind)) as server:
        reader = bounded(kind, server.url, records=7)
        assert len(read(reader)) == 7
    assert codes(reader)[-1] == "bound-records"


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_are_bounded(kind):
    with serve(Endless(kind)) as server:
        reader = bounded(kind, server.url, size=30_000)
        read(reader)
    assert codes(reader)[-1] == "bound-bytes"
    assert reader.budget.received < 30_000 + MEGABYTE


@pytest.mark.parametrize("kind", KINDS)
def test_time_is_bounded_whatever_the_server_drips(kind):
    def drip(exchange):
        exchange.send_response(200)
        exchange.end_headers()
        while True:
            exchange.wfile.write(b" ")
            exchange.wfile.flush()
            time.sleep(0.05)

    with serve(drip) as server:
        reader = bounded(kind, server.url, seconds=1)
        begin = time.monotonic()
        assert read(reader) == []
        assert time.monotonic() - begin < 10
    assert codes(reader)[-1] == "bound-seconds"


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_read_counts_when_the_time_is_over(kind):
    endless = Endless(kind)

    def slow(exchange):
        time.sleep(0.05)
        endless(exchange)

    with serve(slow) as server:
        reader = bounded(kind, server.url, seconds=2)
        found = read(reader)
    assert found
    assert codes(reader)[-1] == "bound-seconds"


@pytest.mark.parametrize("kind", KINDS)
def test_stopping_ends_a_wait_for_the_server_at_once(kind):
    asked = threading.Event()

    def silent(exchange):
        asked.set()
        time.sleep(20)

    with serve(silent) as server:
        reader = bounded(kind, server.url)
        thread = threading.Thread(target=read, args=(reader,), daemon=True)
        thread.start()
        assert asked.wait(10)
        begin = time.monotonic()
        reader.budget.stop("cancelled")
        thread.join(10)
        assert not thread.is_alive()
        assert time.monotonic() - begin < 6
    assert codes(reader)[-1] == "bound-cancelled"


def test_stopping_ends_a_pause_between_attempts_at_once():
    settings = GuardSettings(
        allowed_networks=networks(["127.0.0.1/32"]), attempts=4, backoff_seconds=30
    )
    with serve(lambda exchange: exchange.answer("", 503)) as server:
        reader = bounded("dcat", server.url, settings)
        thread = threading.Thread(target=read, args=(reader,), daemon=True)
        thread.start()
        while not server.seen:
            time.sleep(0.01)
        begin = time.monotonic()
        reader.budget.stop("cancelled")
        thread.join(10)
        assert time.monotonic() - begin < 6
    assert len(server.seen) == 1


def test_a_list_that_repeats_itself_under_a_lying_total_ends():
    body = json.dumps({"data": [{"id": "a", "resources": []}] * 50, "total": 10**8})
    with serve(lambda exchange: exchange.answer(body)) as server:
        reader = bounded("udata", server.url)
        assert len(read(reader)) == 1
    assert len(server.seen) < 10
    assert codes(reader) == ["repeated"]


def test_pages_without_anything_new_end():
    def script(exchange):
        number = int(exchange.path.strip("/")) + 1
        exchange.answer(
            Endless._dcat(exchange, number).replace(f"org/{number}", "org/same"),
            Content_Type="text/turtle",
        )

    with serve(script) as server:
        reader = bounded("dcat", server.url)
        assert len(read(reader)) == 1
    assert len(server.seen) < 10
    assert codes(reader) == ["repeated"]


def test_a_listing_of_a_gigabyte_is_not_taken():
    chunk = b"".join(b'<a href="%d.xml">x</a>\n' % number for number in range(50_000))

    def script(exchange):
        exchange.send_response(200)
        exchange.send_header("Content-Type", "text/html")
        exchange.end_headers()
        while True:
            exchange.wfile.write(chunk)

    with serve(script) as server:
        reader = bounded("waf", server.url)
        assert read(reader) == []
        assert reader.budget.received < 20 * MEGABYTE
    assert codes(reader) == ["fetch-too-large"]


def test_bytes_count_once_decompressed():
    packed = gzip.compress(bytes(10 * MEGABYTE))
    with serve(lambda exchange: exchange.answer(packed, Content_Encoding="gzip")) as server:
        reader = bounded("dcat", server.url, size=MEGABYTE)
        read(reader)
    assert codes(reader) == ["bound-bytes"]


def test_a_silent_folder_is_left_in_peace():
    listing = "<html><body>" + "".join(f'<a href="{number}.xml">x</a>' for number in range(100))

    def script(exchange):
        if exchange.path.endswith(".xml"):
            exchange.close_connection = True
            exchange.connection.close()
        else:
            exchange.answer(listing, Content_Type="text/html")

    with serve(script) as server:
        reader = bounded("waf", server.url)
        assert read(reader) == []
    assert len(server.seen) == 11
    assert codes(reader)[-1] == "gave-up"


# --- through the whole pipeline ---

TYPES = {
    "csw": ("ecosphere_csw", "/csw", {"page_size": 10}),
    "dcat": ("ecosphere_dcat", "/0", {}),
    "ogcapi": ("ecosphere_ogcapi", "/0", {}),
    "waf": ("ecosphere_waf", "/md/", {}),
    "udata": ("ecosphere_udata", "/", {"tag": "eau"}),
}


@pytest.mark.parametrize("kind", TYPES)
def test_job_of_an_endless_source_is_incomplete_and_withdraws_nothing(
    portal, ckan_config, monkeypatch, kind
):
    type_name, path, settings = TYPES[kind]
    monkeypatch.setitem(ckan_config, config.MAX_RECORDS, 5)
    with serve(Endless(kind)) as server:
        source = portal.source(f"{server.url}{path}", source_type=type_name, config=settings)
        counts = portal.harvest(source)
        assert counts["added"] == 5
        assert portal.state(source)["complete"] is False
        assert (
            "The reading was stopped after 5 records, the most that one harvest may take."
            in portal.errors(source)
        )
        # The next harvest gets other records: the former ones are absent, and stay.
        portal.harvest(source)
        portal.harvest(source)
        assert len(portal.datasets()) == 15


def test_aborted_job_ends_within_two_seconds(portal):
    import sqlalchemy as sa
    from ckan import model

    from ckanext.ecosphere.harvest.worker import run_job
    from ckanext.harvest.model import HarvestJob

    def silent(exchange):
        time.sleep(20)

    with serve(silent) as server:
        source = portal.source(f"{server.url}/0", source_type="ecosphere_dcat")
        job_id = portal.job(source)

        def abort():
            while not server.seen:
                time.sleep(0.05)
            with model.meta.engine.begin() as connection:
                connection.execute(
                    sa.update(HarvestJob).where(HarvestJob.id == job_id).values(status="Aborted")
                )
            aborted.append(time.monotonic())

        aborted: list[float] = []
        threading.Thread(target=abort, daemon=True).start()
        assert run_job(job_id, helpers=False) is False
        assert time.monotonic() - aborted[0] < 6
        assert portal.datasets() == {}
