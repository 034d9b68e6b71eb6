"""Behaviours of the hostile server, by name; `data/sources.yaml` lists which source type reads which."""

from __future__ import annotations

import gzip
import itertools
import json
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from ckanext.ecosphere.harvest.tests.csw_server import iso_record
from dev.attack.hostile import Behaviour, Question, endless, slowly
from dev.attack.tables import filled, repeated, table

XML, JSON, TURTLE, HTML = "application/xml", "application/json", "text/turtle", "text/html"
CSW = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<csw:GetRecordsResponse xmlns:csw="http://www.opengis.net/cat/csw/2.0.2">'
    '<csw:SearchStatus timestamp="2024-01-01T00:00:00"/>'
    '<csw:SearchResults elementSet="full" numberOfRecordsMatched="{matched}" '
    'numberOfRecordsReturned="{returned}" nextRecord="{following}">{records}'
    "</csw:SearchResults></csw:GetRecordsResponse>"
)
PREFIXES = (
    "@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .\n"
    "@prefix hydra: <http://www.w3.org/ns/hydra/core#> .\n"
)
WHOLE, LARGEST_PAGE = slice(None), 1_000
BOMB_BYTES = 300_000_000
SLOW_SECONDS = 0.7
FILES_A_PAGE, DATASETS_A_PAGE = 500, 50
#: Properties of a record of OGC API – Records that get odd values.
OGC_NAMES = (
    *("title", "description", "type", "language", "created"),
    *("keywords", "themes", "contacts", "formats", "license"),
)

# --- any protocol ---


def gzip_bomb(question: Question) -> None:
    """Answer a gzip bomb: 300 MB when decompressed."""
    question.answer(_bomb(), XML, Content_Encoding="gzip")


@cache
def _bomb() -> bytes:
    return gzip.compress(b"<a>" + b" " * BOMB_BYTES + b"</a>", 1)


def redirect_loop(question: Question) -> None:
    """Redirect for ever, each time to a new URL."""
    question.redirect(f"{question.url}/{question.number + 1}")


def redirect_canary(question: Question) -> None:
    """Redirect to a forbidden address."""
    question.redirect(question.hostile.canary(question.url.rpartition("/")[2]))


# --- CSW ---


def _start(question: Question) -> int:
    return _number(question, "startposition", "startPosition") or 1


def _number(question: Question, parameter: str, attribute: str) -> int:
    """Return a number of a CSW request, from its query or its XML body; 0 if there is none."""
    body = question.exchange.body.decode("utf-8", "replace")
    in_body = body.partition(f'{attribute}="')[2].partition('"')[0]
    given = question.values.get(parameter) or in_body
    return int(given) if given.isdigit() else 0


def csw_page(records: list[str], matched: object, following: object = 0) -> str:
    """Return a GetRecords response with these records and these numbers."""
    return CSW.format(matched=matched, returned=len(records), following=following, records="".join(records))


def _once(question: Question, records: list[str], matched: object, following: object = 0) -> None:
    """Answer the records on the first page, and nothing on the others."""
    if _start(question) > 1:
        records = []
    question.answer(csw_page(records, matched, following), XML)


def good_csw(question: Question) -> None:
    """Answer three valid records."""
    _once(question, [iso_record(n, title=f"Zones honnêtes {n}") for n in (1, 2, 3)], 3)


def csw_endless(question: Question) -> None:
    """Answer new records for ever; the total is never reached."""
    start = _start(question)
    records = [iso_record(n) for n in range(start, start + 20)]
    question.answer(csw_page(records, 10**9, start + 20), XML)


def csw_lying_total(question: Question) -> None:
    """Claim more records than any integer type holds, and answer empty pages."""
    _once(question, [iso_record(1)], 10**40, 10**39)


def csw_same_page(question: Question) -> None:
    """Answer the same page for ever, whose next page is the first."""
    question.answer(csw_page([iso_record(1), iso_record(2)], 1000, 1), XML)


def csw_stream(question: Question) -> None:
    """Stream one endless answer."""
    begin = CSW.partition("{matched}")[0].encode() + b'9">'
    question.stream(endless(begin, iso_record(1).encode()), XML)


def csw_slow(question: Question) -> None:
    """Stream an answer byte by byte, with pauses."""
    question.stream(slowly(csw_page([iso_record(1)], 1).encode(), SLOW_SECONDS), XML)


# --- DCAT ---


def dcat_endless(question: Question) -> None:
    """Answer pages of a DCAT catalogue that always have a next one."""
    number = question.number
    dataset = f'<urn:d{number}> a dcat:Dataset ; dct:title "Zone {number}"@fr ; '
    dataset += f'dct:identifier "d{number}" . <> hydra:next <{question.url}/{number + 1}> .'
    question.answer(PREFIXES + dataset, TURTLE)


def dcat_stream(question: Question) -> None:
    """Stream endless Turtle."""
    dataset = b'[] a dcat:Dataset ; dct:title "Zone"@fr .\n'
    question.stream(endless(PREFIXES.encode(), dataset), TURTLE)


def dcat_next_canary(question: Question) -> None:
    """Answer a DCAT page whose next page is on a forbidden address."""
    address = question.hostile.canary("dcat-next")
    dataset = f'<urn:a> a dcat:Dataset ; dct:title "Zone" . <> hydra:next <{address}> .'
    question.answer(PREFIXES + dataset, TURTLE)


# --- folders of files ---


def waf_stream(question: Question) -> None:
    """Stream an endless list of files."""

    def lines() -> Iterator[bytes]:
        yield b"<html><body><pre>"
        for first in itertools.count(0, FILES_A_PAGE):
            numbers = range(first, first + FILES_A_PAGE)
            yield b"".join(b'<a href="r%d.xml">r%d.xml</a>\n' % (n, n) for n in numbers)

    if question.rest.endswith(".xml"):
        question.answer(iso_record(1), XML)
    else:
        question.stream(lines(), HTML)


def waf_nested(question: Question) -> None:
    """Answer folders that each contain ten others, without end."""
    question.answer("".join(f'<a href="f{n}/">f{n}/</a>' for n in range(10)), HTML)


def waf_many(question: Question) -> None:
    """List a hundred thousand files, each with a different record."""
    if question.rest.endswith(".xml"):
        question.answer(iso_record(int(question.rest.strip("r.xml") or 0)), XML)
    else:
        question.answer("".join(f'<a href="r{n}.xml">r</a>' for n in range(100_000)), HTML)


# --- udata ---


def _udata(question: Question, datasets: list[Any], **more: Any) -> None:
    body = {"data": datasets, "total": len(datasets), **more}
    question.answer(json.dumps(body), JSON)


def _udata_dataset(number: int, **more: Any) -> dict[str, Any]:
    text = {"title": f"Zone udata {number}", "description": "Une zone.", "slug": f"zone-{number}"}
    return {"id": f"{number:024x}", **text, "resources": [], "tags": ["eau"], **more}


def udata_href_loop(question: Question) -> None:
    """Answer a dataset whose resources are at a URL with an endless series of pages."""
    address = f"{question.url}/resources/"
    if "resources" in question.rest or question.values.get("loop"):
        resources = [{"title": "r" * 1000, "url": "https://example.org/r"}] * 200
        body = {"data": resources, "next_page": f"{address}?loop={question.number}"}
        question.answer(json.dumps(body), JSON)
    else:
        _udata(question, [_udata_dataset(1, resources={"href": address})])


def udata_endless(question: Question) -> None:
    """Answer new datasets for ever, with a total of a billion."""
    first = question.number * DATASETS_A_PAGE
    datasets = [_udata_dataset(n) for n in range(first, first + DATASETS_A_PAGE)]
    _udata(question, datasets, total=10**9, next_page=question.url)


def udata_empty_pages(question: Question) -> None:
    """Claim a total of a billion datasets, and repeat the same one on every page."""
    _udata(question, [_udata_dataset(1)], total=10**9, next_page=question.url)


def udata_href_canary(question: Question) -> None:
    """Answer a dataset whose resources are at a forbidden address."""
    address = question.hostile.canary("udata-href")
    _udata(question, [_udata_dataset(1, resources={"href": address})])


# --- OGC API – Records and STAC ---


def _ogcapi(question: Question, records: list[Any], following: str = "", **more: Any) -> None:
    links = [{"rel": "next", "href": following, "type": JSON}] if following else []
    body = {"type": "FeatureCollection", "features": records, "links": links, **more}
    question.answer(json.dumps(body), JSON)


def _ogcapi_record(number: int, **more: Any) -> dict[str, Any]:
    properties = {"type": "dataset", "title": f"Zone OGC {number}", "description": "Une zone."}
    feature = {"id": f"ogc-{number}", "type": "Feature", "geometry": None, "links": []}
    return feature | {"properties": properties | more}


def ogcapi_endless(question: Question) -> None:
    """Answer new records for ever, always with a next page."""
    first = question.number * DATASETS_A_PAGE
    records = [_ogcapi_record(n) for n in range(first, first + DATASETS_A_PAGE)]
    _ogcapi(question, records, f"{question.url}/{question.number + 1}")


def ogcapi_lying_total(question: Question) -> None:
    """Claim more records than any integer type holds, and answer one record, then empty pages."""
    records = [] if question.rest else [_ogcapi_record(1)]
    following = f"{question.url}/{question.number + 1}"
    _ogcapi(question, records, following, numberMatched=10**40, numberReturned=-1)


def ogcapi_next_canary(question: Question) -> None:
    """Answer a page whose next page is on a forbidden address."""
    _ogcapi(question, [_ogcapi_record(1)], question.hostile.canary("ogcapi-next"))


def ogcapi_ways(question: Question) -> None:
    """Answer pages without records that each link to another one."""
    links = [{"rel": "items", "href": f"{question.url}/{question.number}", "type": JSON}]
    question.answer(json.dumps({"links": links}), JSON)


def ogcapi_next_is_none(question: Question) -> None:
    """Answer three valid records, and a next page with an invalid URL."""
    _ogcapi(question, [_ogcapi_record(n) for n in (1, 2, 3)], "http://[")


def ogcapi_odd(question: Question) -> None:
    """Answer three valid records among odd ones: unexpected types, invalid URLs and boxes."""
    odd: list[Any] = [[], {}, 1e300, 10**400, True, None, "a\0b", "\ud800"]
    odd += [{"href": []}, [[[[]]]], "9999-99-99"]
    records: list[Any] = [_ogcapi_record(n) for n in (1, 2, 3)] + odd
    for number, value in enumerate(odd, 10):
        properties = dict.fromkeys(OGC_NAMES, value)
        links = [{"rel": "enclosure", "href": href, "type": value} for href in ("http://[", "", "//a", value)]
        place = {"type": "Polygon", "coordinates": [[[10**400, 1], [2, value], value]]}
        records += [
            _ogcapi_record(number, **properties)
            | {"geometry": value, "time": {"interval": value}, "links": [value, {"href": value}]},
            _ogcapi_record(number + 100) | {"id": value},
            _ogcapi_record(number + 200) | {"geometry": place, "bbox": [value, 1, 2, 3], "links": value},
            _ogcapi_record(number + 300) | {"links": links, "time": {"date": value}},
        ]
    _ogcapi(question, records)


def ogcapi_stac_odd(question: Question) -> None:
    """Answer a STAC collection with values of unexpected types, and a valid one."""
    document = table("stac")
    document["collections"][0]["extent"]["spatial"]["bbox"][0][0] = 10**400
    question.answer(json.dumps(document), JSON)


# --- texts of the class xss, and of slow_texts ---


def _xss_texts(first: int) -> Iterator[tuple[int, str, str]]:
    """Yield a number, a line and a text for each group of payloads."""
    for number, group in enumerate(table("xss")["payloads"], first):
        yield number, " ".join(group), "\n\n".join(group)


def _plain(text: str) -> str:
    """Remove the characters that XML does not allow."""
    return "".join(letter for letter in text if letter >= " " or letter in "\n\t")


def xss_csw(question: Question) -> None:
    """Answer ISO records with scripts in every text."""
    records = []
    for number, line, text in _xss_texts(50):
        title = _plain(line)
        links = tuple((_plain(url), "WWW:LINK", title) for url in table("xss")["addresses"])
        fields = {"title": title, "abstract": _plain(text), "organisation": title, "links": links}
        records.append(iso_record(number, **fields))
    _once(question, records, len(records))


def xss_udata(question: Question) -> None:
    """Answer udata datasets with scripts in every text."""
    datasets = []
    for number, line, text in _xss_texts(60):
        file = {"title": line, "description": text, "format": line}
        resources = [file | {"url": url} for url in table("xss")["addresses"]]
        fields = filled(table("xss")["documents"]["udata"], {"line": line, "text": text})
        datasets.append(_udata_dataset(number, resources=resources, **fields))
    _udata(question, datasets)


def xss_dcat(question: Question) -> None:
    """Answer DCAT datasets with scripts in every text, as JSON-LD."""
    urls = [url.strip() for url in table("xss")["addresses"]]
    datasets = []
    for number, line, text in _xss_texts(70):
        file = {"@type": "dcat:Distribution", "dct:title": line}
        files = [file | {"dcat:accessURL": {"@id": url}} for url in urls if " " not in url]
        words = {"line": line, "text": text, "n": number, "files": files}
        datasets.append(filled(table("xss")["documents"]["dcat"], words))
    context = {"dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/"}
    body = json.dumps({"@context": context, "@graph": datasets})
    question.answer(body, "application/ld+json")


def xss_publiccode(question: Question) -> None:
    """Answer a publiccode.yml with scripts, written as JSON, which is valid YAML."""
    question.answer(_xss_document("publiccode"), "application/yaml")


def _xss_document(name: str) -> str:
    _, line, text = next(_xss_texts(0))
    words = {"line": line, "text": text, "address": table("xss")["addresses"][0]}
    return json.dumps(filled(table("xss")["documents"][name], words))


def slow_csw(question: Question) -> None:
    """Answer records with texts that are slow to parse or render."""
    lines = table("slow_texts")
    records = []
    for kind in ("markdown", "line", "email", "number", "box"):
        for text in map(repeated, lines["texts"][kind]):
            plain, number = escape(_plain(text)), len(records) + 100
            abstract = plain if kind in ("markdown", "line") else "Zone."
            record = iso_record(number, title=f"Lent {kind} {number}", abstract="@@")
            for old, new in lines["places"].items():
                record = record.replace(old, new.replace("@@", plain))
            records.append(record.replace("@@", abstract))
    _once(question, records, len(records))


# --- documents of the table of sources ---


def _from_table(line: dict[str, Any]) -> Behaviour:
    """Make a behaviour that answers one document of the table, its records page by page."""

    def give(question: Question) -> None:
        words = {"canary": question.hostile.canary(line["name"]), "url": question.url}
        start = _start(question)
        most = _number(question, "maxrecords", "maxRecords") or LARGEST_PAGE
        content = written(line, words, slice(start - 1, start - 1 + most))
        question.answer(content, line.get("content_type", XML))

    return give


def written(line: dict[str, Any], words: dict[str, Any], page: slice = WHOLE) -> bytes:
    """Return the document of a line of the table, or a page of its records."""
    # Its valid record has a number of its own: duplicates across sources would be set aside.
    number, title = zlib.crc32(line["name"].encode()) % 10_000_000, f"Zones honnêtes {line['name']}"
    if "records" in line or "fields" in line:
        records = [iso_record(number, title=title), *_records(line, words, number + 1)]
        following = page.stop + 1 if page.stop and page.stop < len(records) else 0
        text = csw_page(records[page], line.get("matched", len(records)), following)
    elif "udata" in line:
        datasets = [_udata_dataset(number, title=title), *filled(line["udata"], words)]
        text = json.dumps({"data": datasets, "total": line.get("total", len(datasets))})
    else:
        text = filled(line["text"], words)
    encoding = line.get("encoding", "utf-8")
    return text.encode(encoding, "surrogatepass" if encoding == "utf-8" else "strict")


def _records(line: dict[str, Any], words: dict[str, Any], number: int) -> Iterator[str]:
    yield from (filled(record, words) for record in line.get("records", []))
    if "fields" in line:
        fields = filled(line["fields"], words)
        replaced = fields.pop("replace", None) or {}
        record = iso_record(number, **fields)
        for old, new in replaced.items():
            record = record.replace(old, new)
        yield record


_FUNCTIONS: tuple[Callable[[Question], None], ...] = (
    good_csw, csw_endless, csw_lying_total, csw_same_page, csw_stream, csw_slow, gzip_bomb, redirect_loop,
    redirect_canary, dcat_endless, dcat_stream, dcat_next_canary, waf_stream, waf_nested, waf_many, udata_href_loop,
    udata_endless, udata_empty_pages, udata_href_canary, ogcapi_endless, ogcapi_lying_total, ogcapi_next_canary,
    ogcapi_ways, ogcapi_next_is_none, ogcapi_odd, ogcapi_stac_odd, xss_csw, xss_udata, xss_dcat,
    xss_publiccode, slow_csw,
)  # fmt: skip
_LINES = [line for line in table("sources") if "type" in line and "path" not in line]
#: First two path segments → behaviour.
BEHAVIOURS: dict[str, Behaviour] = {
    **{f"do/{function.__name__}": function for function in _FUNCTIONS},
    **{f"doc/{line['name']}": _from_table(line) for line in _LINES},
}
