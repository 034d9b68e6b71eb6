"""Hostile answers are refused with a reason, in less than one second and within a limit of memory.

The behaviour of the stock harvesters is listed in `docs/harvest-faults.md`.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ckanext.ecosphere.harvest.tests.csw_server import catalogue, iso_record
from ckanext.ecosphere.tests.scripted_server import Exchange, serve

ROOT = Path(__file__).parents[4]
# A document of the maximum size is held twice while it is decompressed, plus a part kept by the
# parser.
SECONDS, MEGABYTES = 1.0, 70.0
REFUSALS = {
    "external entity": "doctype",
    "external entity in UTF-16": "doctype",
    "entity bomb": "doctype",
    "quadratic entity bomb": "doctype",
    "depth bomb": "too-deep",
    "five million elements": "too-many-elements",
    "attribute bomb": "tag-too-long",
    "entity bomb in RDF/XML": "xml-doctype",
    "external entity in RDF/XML": "xml-doctype",
    "remote JSON-LD context": "remote-context",
    "file as JSON-LD context": "remote-context",
    "depth bomb in JSON-LD": "not-rdf",
    "gzip bomb": "too-large",
    "gzip bomb as a catalogue": "fetch-too-large",
    "file address": "scheme",
    "gopher address": "scheme",
    "metadata service of a cloud": "address",
    "IPv4 in IPv6": "address",
    "number as address": "address",
    "name that points inside the second time": "address",
    "redirect inside": "address",
    "redirect to a file": "scheme",
    "catalogue behind a redirect inside": "fetch-address",
    "next page of a feed inside": "fetch-address",
}
FEED = """@prefix hydra: <http://www.w3.org/ns/hydra/core#> . @prefix dcat: <http://www.w3.org/ns/dcat#> .
<> a hydra:PagedCollection ; hydra:next <http://169.254.169.254/2> . <https://ex.org/1> a dcat:Dataset ."""


def script(exchange: Exchange) -> None:
    """Serve redirects and links to internal addresses, or 200 MB compressed to 200 kB."""
    path = exchange.path.partition("?")[0]
    if path == "/bomb":
        exchange.answer(bomb(), Content_Encoding="gzip", Content_Type="application/xml")
    elif path == "/feed":
        exchange.answer(FEED, Content_Type="text/turtle")
    else:
        exchange.answer(
            status=302,
            Location="file:///etc/passwd" if "file" in path else "http://169.254.169.254/",
        )


@cache
def bomb() -> bytes:
    """Return 200 MB of zeros, compressed; made on request, not at collection."""
    return gzip.compress(bytes(200 * 1024 * 1024), 9)


@pytest.fixture(scope="module")
def measured() -> dict[str, dict[str, Any]]:
    """Results of all cases, each measured in its own process, and the paths requested meanwhile."""
    with serve(script) as server:
        command = [sys.executable, "-m", "ckanext.ecosphere.harvest.tests.hostile", server.url]
        done = subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True, timeout=300
        )
        asked = [path for _command, path, _body in server.seen]
    return {**json.loads(done.stdout), "asked": {"paths": asked}}


@pytest.mark.slow("hostile")
@pytest.mark.parametrize("case", REFUSALS)
def test_it_is_refused_with_its_reason_quickly_and_in_little_memory(measured, case):
    found = measured[case]
    assert found["refusal"] == REFUSALS[case]
    assert found["seconds"] < SECONDS
    assert found["megabytes"] < MEGABYTES


@pytest.mark.slow("hostile")
def test_nothing_inside_was_asked_for(measured):
    assert "/inside" not in measured["asked"]["paths"]


def test_a_catalogue_is_not_asked_at_the_addresses_that_it_gives_itself():
    from ckanext.ecosphere.harvest.sources.csw import CswReader
    from ckanext.ecosphere.harvest.tests.hostile import session

    # GetCapabilities may name internal addresses: all requests go to the URL of the source.
    with catalogue([iso_record(n) for n in range(1, 4)]) as server:
        assert server.server is not None
        reader = CswReader(server.url, session())
        assert sum(len(page) for page in reader.pages()) == 3
        assert {path.partition("?")[0] for _command, path, _body in server.server.seen} == {"/csw"}
        assert not any(
            b"GetCapabilities" in body or "GetCapabilities" in path
            for _c, path, body in server.server.seen
        )


@pytest.mark.slow("hostile")
def test_every_case_has_an_expectation(measured):
    assert set(measured) - {"asked"} == set(REFUSALS)
