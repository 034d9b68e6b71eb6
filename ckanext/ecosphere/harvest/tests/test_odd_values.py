"""Odd values at every place of valid answers: a bad record costs one record, never the job."""

import codecs
import copy
import json
import random

import pytest

from ckanext.ecosphere.harvest.normalise import Context, RecordError, normalise
from ckanext.ecosphere.harvest.sources.csw import CswOptions, CswReader
from ckanext.ecosphere.harvest.sources.dcat import DcatReader, DcatSource
from ckanext.ecosphere.harvest.sources.ogcapi import OgcApiReader
from ckanext.ecosphere.harvest.sources.udata import UdataReader, UdataSource
from ckanext.ecosphere.harvest.sources.waf import WafReader
from ckanext.ecosphere.harvest.tests.csw_server import iso_record
from ckanext.ecosphere.shared.http_guard import GuardedSession, GuardSettings, networks
from ckanext.ecosphere.tests.scripted_server import serve

pytestmark = pytest.mark.slow("values")

DEEP = 100_000
ODD = {
    "list": [], "object": {}, "nested list": [[["a"]]], "true": True, "null": None, "number": 10**30, "negative": -1,
    "fraction": 1e308, "empty": "", "space": " ", "NUL": "a\x00b", "half character": "a\ud800b", "year 0": "0000-00-00",
    "year of ten digits": "1000000000-01-01", "5 000 digits": "9" * 5000, "right to left": "\u202eabc",
    "long": "a" * 100_000,     "superscript": "²", "Arabic figures": "٣٤", "list of objects": [{"a": 1}],
}  # fmt: skip
RAW = {
    "NaN": "NaN", "Infinity": "-Infinity", "huge number": "9" * 5000, "too large": "1e999", "escaped half": '"\\udfff"',
    "escaped NUL": '"\\u0000"', "deep lists": "[" * DEEP + "]" * DEEP,
    "deep objects": '{"a":' * DEEP + "1" + "}" * DEEP,    "key twice": '{"id": "a", "id": ["b"]}',
    "ten megabytes": '"' + "a" * 10_000_000 + '"',
}  # fmt: skip
DATASET = {
    "id": "5c34944606e3e73d4a551889", "slug": "zones", "title": "Zones", "acronym": "Z", "description": "Des zones.",
    "uri": "https://ex.org/id", "page": "https://ex.org/page", "tags": ["eau"], "license": "lov2",
    "frequency": "annual",    "frequency_date": "2027-01-01T00:00:00", "created_at": "2020-01-01T00:00:00",
    "last_modified": "2021-01-01T00:00:00", "organization": {"name": "DDT de l'Ain", "page": "https://ex.org/o"},
    "owner": {"first_name": "A", "last_name": "B"},    "contact_points": [{"name": "DDT", "email": "ddt@example.org"}],
    "temporal_coverage": {"start": "2020-01-01", "end": "2021-01-01"}, "spatial": {"zones": ["fr:departement:01"]},
    "resources": [{"id": "r", "url": "https://ex.org/a.zip", "title": "A", "description": "a", "format": "shp",
                   "mime": "application/zip", "filesize": 5, "type": "main"}],
}  # fmt: skip


def session():
    settings = GuardSettings(
        allowed_networks=networks(["127.0.0.1/32"]), attempts=1, backoff_seconds=0
    )
    return GuardedSession(settings, sleep=lambda s: None)


def places(value, path=()):
    """Yield every place of a document, as a path of keys and indexes."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, each in value.items():
            yield from places(each, (*path, key))
    elif isinstance(value, list):
        for position, each in enumerate(value):
            yield from places(each, (*path, position))


def changed(document, path, value):
    """Return a copy of a document with another value at a place."""
    document = copy.deepcopy(document)
    *way, last = path
    inner = document
    for step in way:
        inner = inner[step]
    inner[last] = value
    return document


def variants():
    """Return datasets with one odd value each, numbered to be distinct."""
    number = 0
    for path in places(DATASET):
        for name, value in ODD.items():
            number += 1
            odd = changed(DATASET, path, value)
            if path != ("id",):
                odd["id"] = f"{number:024x}"
            if path != ("title",):
                odd["title"] = f"Zones {number}"
            yield f"{path} {name}", odd


def taken(harvester, content):
    """Return the dataset made of a stored record; only a `RecordError` may be raised instead."""
    try:
        return normalise(
            object.__new__(harvester).read(content), Context(default_organisation="ddt-01053-01")
        ).dataset
    except RecordError:
        return None


def test_udata_with_an_odd_value_at_each_place():
    odd = [dataset for _name, dataset in variants()]
    good = [{**DATASET, "id": f"good-{number}"} for number in range(2)]
    body = json.dumps({"data": [good[0], *odd, good[1]], "total": len(odd) + 2})
    with serve(lambda exchange: exchange.answer(body)) as server:
        reader = UdataReader(server.url, session(), {"tag": "eau"})
        found = next(iter(reader.pages()))
    assert {"good-0", "good-1"} <= {record.identifier for record in found}
    # Only those with an unusable identifier are left out.
    assert len(found) > len(odd) - len(ODD)
    made = [taken(UdataSource, record.content) for record in found]
    assert sum(dataset is not None for dataset in made) > len(found) - len(ODD)
    for record in found:
        record.content.encode("utf-8")
        assert "\x00" not in record.content


@pytest.mark.parametrize("name", RAW)
@pytest.mark.parametrize(
    "key", ["id", "title", "description", "resources", "organization", "spatial"]
)
def test_udata_with_what_is_hardly_json(name, key):
    first, last = (json.dumps({**DATASET, "id": each}) for each in ("first", "last"))
    odd = json.dumps({**DATASET, "id": "odd", key: "PLACE"}).replace('"PLACE"', RAW[name])
    body = f'{{"data": [{first}, {odd}, {last}], "total": 3}}'
    with serve(lambda exchange: exchange.answer(body)) as server:
        reader = UdataReader(server.url, session(), {"tag": "eau"})
        found = [record for page in reader.pages() for record in page]
    assert {"first", "last"} <= {record.identifier for record in found}
    for record in found:
        taken(UdataSource, record.content)


@pytest.mark.parametrize("name", [*ODD, *RAW])
@pytest.mark.parametrize("key", ["total", "next_page", "page", "data"])
def test_udata_page_with_an_odd_value_beside_its_datasets(name, key):
    page = {"data": [{**DATASET, "id": "first"}], "total": 1, "next_page": None, "page": 1}
    value = json.dumps(ODD[name]) if name in ODD else RAW[name]
    body = json.dumps({**page, key: "PLACE"}).replace('"PLACE"', value)
    with serve(lambda exchange: exchange.answer(body)) as server:
        reader = UdataReader(server.url, session(), {"tag": "eau"})
        found = [record.identifier for page in reader.pages() for record in page]
    assert found == ([] if key == "data" else ["first"])


# --- catalogues ---

PAGE = """<csw:GetRecordsResponse xmlns:csw="http://www.opengis.net/cat/csw/2.0.2"><csw:SearchResults {attributes}>
{records}</csw:SearchResults></csw:GetRecordsResponse>"""


@pytest.mark.parametrize(
    "value", ["1" + "0" * 30, "-1", "NaN", "1e9", "²", "٢", " 2 ", "0x2", "", "99999999999"]
)
@pytest.mark.parametrize(
    "name", ["numberOfRecordsMatched", "nextRecord", "numberOfRecordsReturned"]
)
def test_catalogue_with_odd_counts(name, value):
    counts = {
        "numberOfRecordsMatched": "2",
        "nextRecord": "0",
        "numberOfRecordsReturned": "2",
        name: value,
    }
    attributes = " ".join(f'{key}="{each}"' for key, each in counts.items())
    body = PAGE.format(attributes=attributes, records=iso_record(1) + iso_record(2))
    with serve(lambda exchange: exchange.answer(body, Content_Type="application/xml")) as server:
        reader = CswReader(server.url, session(), CswOptions(page_size=2, pause=0))
        found = [record for page in reader.pages() for record in page]
    assert len(found) == 2
    assert (reader.reading.announced or 0) < 2**31


def encoded(text, name):
    """Return a record in an encoding that is unusual for metadata."""
    declared = f'<?xml version="1.0" encoding="{name.upper()}"?>{text}'
    return {
        "utf-32": lambda: declared.encode("utf-32"),
        "utf-32-le": lambda: declared.encode("utf-32-le"),
        "utf-32-be": lambda: declared.encode("utf-32-be"),
        "utf-16-le": lambda: declared.encode("utf-16-le"),
        "utf-16-be": lambda: declared.encode("utf-16-be"),
        "utf-7": lambda: declared.encode("utf-7"),
        "ebcdic-cp-fr": lambda: declared.encode("cp500"),
        "utf-16-le bare": lambda: text.encode("utf-16-le"),
        "utf-32-be bare": lambda: text.encode("utf-32-be"),
        "utf-8 mark, latin-1 declared": lambda: (
            codecs.BOM_UTF8 + declared.replace(name.upper(), "ISO-8859-1").encode()
        ),
        "declaration far away": lambda: (
            f'<?xml version="1.0" {" " * 2000}encoding="UTF-7"?>{text}'.encode("utf-7")
        ),
        "idna": declared.encode,
        "unicode-escape": lambda: declared.encode("unicode-escape"),
    }[name]()


ENCODINGS = [
    "utf-32", "utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be", "utf-7", "ebcdic-cp-fr", "utf-16-le bare",
    "utf-32-be bare", "utf-8 mark, latin-1 declared", "declaration far away", "idna", "unicode-escape",
]  # fmt: skip


def odd_files():
    """Return records that are odd as files: name → bytes."""
    record = iso_record(9)
    open_, close = "<gmd:contact>", "</gmd:contact>"
    return {
        **{name: encoded(record, name) for name in ENCODINGS},
        "deep": record.replace(
            "<gmd:contact>", open_ * DEEP + close * DEEP + "<gmd:contact>"
        ).encode(),
        "deep and open": (record + "<a>" * DEEP).encode(),
        "long attribute": record.replace(
            "<gmd:contact>", f'<gmd:contact xlink:title="{"a" * 10_000_000}">'
        ).encode(),
        "attribute twice": record.replace("<gmd:contact>", '<gmd:contact a="1" a="2">').encode(),
        "half character": record.replace("Zones", "&#xD800;").encode(),
        "half character in UTF-8": record.encode().replace(b"Zones", b"\xed\xa0\x80"),
        "NUL": record.replace("Zones", "a\0b").encode(),
        "NUL reference": record.replace("Zones", "&#0;").encode(),
        "reference of 5 000 digits": record.replace("Zones", f"&#{'9' * 5000};").encode(),
        "year 0": record.replace("2020-05-06", "0000-00-00").encode(),
        "year of ten digits": record.replace("2020-05-06", "1000000000-05-06").encode(),
        "5 000 digits for a date": record.replace("2020-05-06", "9" * 5000).encode(),
        "superscript for a date": record.replace("2020-05-06", "²⁰²⁰-05-06").encode(),
    }


@pytest.mark.parametrize("name", odd_files())
def test_folder_with_an_odd_file(name):
    odd = odd_files()[name]
    listing = '<html><body><a href="1.xml">1</a><a href="odd.xml">2</a><a href="3.xml">3</a></body></html>'

    def script(exchange):
        pages = {
            "/md/": listing,
            "/md/1.xml": iso_record(1),
            "/md/odd.xml": odd,
            "/md/3.xml": iso_record(3),
        }
        exchange.answer(pages[exchange.path], Content_Type="text/html")

    with serve(script) as server:
        reader = WafReader(f"{server.url}/md/", session())
        found = [record for page in reader.pages() for record in page]
    assert {record.identifier[-1] for record in found} >= {"1", "3"}
    assert len(found) + reader.reading.failed == 3
    for record in found:
        record.content.encode("utf-8")


@pytest.mark.parametrize(
    "name", ["deep", "long attribute", "attribute twice", "half character", "NUL reference"]
)
def test_catalogue_with_an_odd_record(name):
    odd = odd_files()[name].decode("utf-8", "surrogatepass")
    records = [iso_record(1), odd, iso_record(3)]

    def script(exchange):
        body = exchange.body.decode()
        start = int(body.partition('startPosition="')[2].partition('"')[0] or 1)
        size = int(body.partition('maxRecords="')[2].partition('"')[0] or 3)
        given = records[start - 1 : start - 1 + size]
        page = PAGE.format(attributes='numberOfRecordsMatched="3"', records="".join(given))
        exchange.answer(page.encode("utf-8", "surrogatepass"), Content_Type="application/xml")

    with serve(script) as server:
        reader = CswReader(server.url, session(), CswOptions(page_size=3, pause=0))
        found = [record.identifier[-1] for page in reader.pages() for record in page]
    assert {"1", "3"} <= set(found)


# --- feeds ---

FEED = {
    "@context": {"dct": "http://purl.org/dc/terms/", "dcat": "http://www.w3.org/ns/dcat#"},
    "@id": "https://ex.org/odd",
    "@type": "dcat:Dataset",
    "dct:title": "Zones",
    "dct:issued": {"@value": "2020-01-01", "@type": "http://www.w3.org/2001/XMLSchema#date"},
    "dcat:distribution": {
        "@id": "https://ex.org/d",
        "dcat:accessURL": {"@id": "https://ex.org/a.zip"},
        "dcat:byteSize": 5,
    },
}
PLACES = [place for place in places(FEED) if place[0] != "@context"]
GOOD = [
    {**FEED, "@id": f"https://ex.org/{name}", "dcat:distribution": []} for name in ("first", "last")
]


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_feed_with_an_odd_value(place):
    for name, value in ODD.items():
        body = json.dumps([GOOD[0], changed(FEED, place, value), GOOD[1]])
        with serve(
            lambda exchange, body=body: exchange.answer(body, Content_Type="application/ld+json")
        ) as server:
            reader = DcatReader(server.url, session())
            found = [record for page in reader.pages() for record in page]
        kept = {record.content.partition("\n")[0] for record in found}
        assert {"# https://ex.org/first", "# https://ex.org/last"} <= kept, name
        for record in found:
            taken(DcatSource, record.content)


# --- through the whole pipeline ---


def test_job_over_odd_datasets_loses_none_of_the_good_ones(portal):
    chosen = random.Random(5400).sample(list(variants()), 60)
    good = [
        {**DATASET, "id": f"good-{number}", "title": f"Bon {number}", "resources": []}
        for number in range(3)
    ]
    data = [
        good[0],
        *(dataset for _name, dataset in chosen[:30]),
        good[1],
        *(dataset for _name, dataset in chosen[30:]),
        good[2],
    ]
    body = json.dumps({"data": data, "total": 10**30})
    with serve(lambda exchange: exchange.answer(body)) as server:
        source = portal.source(server.url, source_type="ecosphere_udata", config={"tag": "eau"})
        counts = portal.harvest(source)
    assert {"Bon 0", "Bon 1", "Bon 2"} <= set(portal.datasets())
    assert counts["added"] > 50
    assert not any("unexpected fault" in message for message in portal.errors(source))


@pytest.mark.parametrize("matched", ["1" + "0" * 30, "99999999999", "²"])
def test_job_over_a_catalogue_with_an_odd_count(portal, matched):
    attributes = f'numberOfRecordsMatched="{matched}" nextRecord="0"'
    body = PAGE.format(attributes=attributes, records=iso_record(1) + iso_record(2))
    with serve(lambda exchange: exchange.answer(body, Content_Type="application/xml")) as server:
        source = portal.source(server.url, config={"page_size": 2})
        assert portal.harvest(source)["added"] == 2
    assert not any("unexpected fault" in message for message in portal.errors(source))


def test_job_over_odd_files(portal):
    files = odd_files()
    names = list(files)
    listing = "<html><body>" + "".join(
        f'<a href="{number}.xml">x</a>' for number in range(len(names))
    )
    listing += '<a href="good.xml">x</a>'

    def script(exchange):
        name = exchange.path.rpartition("/")[2].removesuffix(".xml")
        body = listing if not name else iso_record(1) if name == "good" else files[names[int(name)]]
        exchange.answer(body, Content_Type="text/html")

    with serve(script) as server:
        source = portal.source(f"{server.url}/md/", source_type="ecosphere_waf")
        portal.harvest(source)
    assert "Jeu de données 1" in portal.datasets()
    assert not any("unexpected fault" in message for message in portal.errors(source))


NO_ADDRESSES = (
    "http://[",
    "//[a",
    "http://a]b/",
    "http://ex\u2100mple.org/",
    "http://ex.org:99999999/",
    "\u202e",
)


@pytest.mark.parametrize("following", NO_ADDRESSES)
@pytest.mark.parametrize("kind", ["dcat", "ogcapi"])
def test_a_next_page_that_is_no_address_ends_the_chain_and_keeps_what_came(kind, following):
    record = {"id": "a", "type": "Feature", "properties": {"title": "Zones"}}
    body = {
        "ogcapi": json.dumps({"features": [record], "links": [{"rel": "next", "href": following}]}),
        "dcat": "@prefix hydra: <http://www.w3.org/ns/hydra/core#> . @prefix dcat: <http://www.w3.org/ns/dcat#> . "
        f'<https://ex.org/a> a dcat:Dataset ; <http://purl.org/dc/terms/title> "Zones" . <> hydra:next <{following}> .',
    }[kind]
    with serve(lambda exchange: exchange.answer(body, Content_Type="text/turtle")) as server:
        reader = {"dcat": DcatReader, "ogcapi": lambda *args: OgcApiReader(*args, 10)}[kind](
            server.url, session()
        )
        found = [record for page in reader.pages() for record in page]
    assert [record.identifier for record in found] == [
        "a" if kind == "ogcapi" else "https://ex.org/a"
    ]
