"""The demonstration's catalogues over CSW: pycsw returns records unchanged,
including their quirks.
"""

from __future__ import annotations

import sqlite3
from urllib.parse import urlencode
from urllib.request import urlopen

from lxml import etree

from dev import demo
from dev.stack import pycsw
from dev.stack.settings import local

CSW = "{http://www.opengis.net/cat/csw/2.0.2}"
GMD = "http://www.isotc211.org/2005/gmd"


def get_records(address: str, **parameters: object) -> bytes:
    query = {
        "service": "CSW",
        "version": "2.0.2",
        "request": "GetRecords",
        "typeNames": "gmd:MD_Metadata",
        "resultType": "results",
        "elementSetName": "full",
        "outputSchema": GMD,
        **parameters,
    }
    with urlopen(f"{address}?{urlencode(query)}") as answer:
        return answer.read()


def page(address: str, **parameters: object) -> etree._Element:
    results = etree.fromstring(get_records(address, **parameters)).find(f"{CSW}SearchResults")
    assert results is not None
    return results


def canonical(xml: str | etree._Element) -> bytes:
    tree = etree.fromstring(xml) if isinstance(xml, str) else xml
    tree.tail = None
    return etree.tostring(tree, method="c14n", exclusive=True)


def test_records_come_back_as_they_were_written(csw_catalogue):
    written = [xml for name in demo.CATALOGUES for _, xml in demo.records(name, 8)]

    results = page(csw_catalogue(written), maxRecords=50)

    assert [canonical(record) for record in results] == [canonical(xml) for xml in written]
    assert results.get("numberOfRecordsMatched") == "24"


def test_pages_follow_each_other(csw_catalogue):
    address = csw_catalogue(xml for _, xml in demo.records("geoide", 7))
    first = page(address, maxRecords=5)
    last = page(address, maxRecords=5, startPosition=first.get("nextRecord"))
    assert (len(first), len(last), last.get("nextRecord")) == (5, 2, "0")


def test_a_page_of_another_server_is_taken_apart(csw_catalogue):
    records = "".join(xml for _, xml in demo.records("prodige", 3))
    answer = f'<r xmlns="{CSW[1:-1]}"><SearchResults>{records}</SearchResults></r>'
    assert len(page(csw_catalogue([answer]), maxRecords=10)) == 3


def test_records_that_share_an_identifier_are_all_served(csw_catalogue):
    _, xml = next(demo.records("geoide", 1))
    assert len(page(csw_catalogue([xml, xml]), maxRecords=10)) == 2


def test_a_catalogue_changes_while_it_is_served(csw_catalogue):
    made = [xml for _, xml in demo.records("geonetwork", 3)]
    address = csw_catalogue(made)
    assert len(page(address, maxRecords=10)) == 3
    assert csw_catalogue(made[:2]) == address
    assert len(page(address, maxRecords=10)) == 2


def test_files_that_are_no_xml_are_told_and_left_out(tmp_path):
    whole = next(xml for _, xml in demo.records("geoide", 1))
    (tmp_path / "whole.xml").write_text(whole)
    (tmp_path / "cut.xml").write_text(whole[: len(whole) // 2])

    served = pycsw.publish(tmp_path.name, tmp_path)

    pycsw.withdraw(tmp_path.name)
    assert (served.records, served.broken) == (1, ["cut.xml"])


def test_a_catalogue_answers_get_capabilities(csw_catalogue):
    address = csw_catalogue(xml for _, xml in demo.records("geoide", 1))
    with urlopen(f"{address}?service=CSW&version=2.0.2&request=GetCapabilities") as answer:
        assert etree.fromstring(answer.read()).tag == f"{CSW}Capabilities"


def test_clients_can_filter_on_the_columns_that_regional_sources_use(csw_catalogue):
    address = csw_catalogue(xml for _, xml in demo.records("geoide", 2))
    name = address.split("/")[-2]
    with sqlite3.connect(local("pycsw") / f"{name}.db") as connection:
        rows = connection.execute(
            "SELECT identifier, title, organization, type FROM records"
        ).fetchall()
    assert all(all(row) for row in rows)
    assert all(row[0].startswith("fr-120066022-") for row in rows)
