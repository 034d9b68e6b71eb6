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
from dev.attack import hostile_ogcapi
from dev.attack.hostile import Behaviour, Question, endless, slowly
from dev.attack.tables import filled, repeated, table

XML, JSON, TURTLE, JSONLD, HTML = (
    "application/xml",
    "application/json",
    "text/turtle",
    "application/ld+json",
    "text/html",
)
CSW = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<csw:GetRecordsResponse xmlns:csw="http://www.opengis.net/cat/csw/2.0.2">'
    '<csw:SearchStatus timestamp="2024-01-01T00:00:00"/>'
    '<csw:SearchResults elementSet="full" numberOfRecordsMatched="{matched}" numberOfRecordsReturned="{returned}" '
    'nextRecord="{following}">{records}</csw:SearchResults></csw:GetRecordsResponse>'
)
#: String in an ISO record → its replacement, in which `@@` stands for a slow text.
SLOW_PLACES = {
    "<gmd:role>": "<gmd:contactInfo><gmd:CI_Contact><gmd:address><gmd:CI_Address><gmd:electronicMailAddress>"
    "<gco:CharacterString>@@</gco:CharacterString></gmd:electronicMailAddress></gmd:CI_Address></gmd:address>"
    "</gmd:CI_Contact></gmd:contactInfo><gmd:role>",
    "<gmd:identificationInfo>": "<gmd:referenceSystemInfo><gmd:MD_ReferenceSystem><gmd:referenceSystemIdentifier>"
    "<gmd:RS_Identifier><gmd:code><gco:CharacterString>@@</gco:CharacterString></gmd:code></gmd:RS_Identifier>"
    "</gmd:referenceSystemIdentifier></gmd:MD_ReferenceSystem></gmd:referenceSystemInfo><gmd:identificationInfo>",
    "</gmd:MD_DataIdentification>": "<gmd:descriptiveKeywords><gmd:MD_Keywords><gmd:keyword><gco:CharacterString>@@"
    "</gco:CharacterString></gmd:keyword></gmd:MD_Keywords></gmd:descriptiveKeywords>"
    "<gmd:extent><gmd:EX_Extent><gmd:geographicElement><gmd:EX_GeographicBoundingBox><gmd:westBoundLongitude>"
    "<gco:Decimal>@@</gco:Decimal></gmd:westBoundLongitude></gmd:EX_GeographicBoundingBox></gmd:geographicElement>"
    "</gmd:EX_Extent></gmd:extent></gmd:MD_DataIdentification>",
}
WHOLE, LARGEST_PAGE = slice(None), 1_000
BOMB_BYTES = 300_000_000
SLOW_SECONDS = 0.7


def _start(question: Question) -> int:
    return _number(question, "startposition", "startPosition") or 1


def _number(question: Question, parameter: str, attribute: str) -> int:
    """Return a number of a CSW request, from its query or its XML body; 0 if there is none."""
    body = question.exchange.body.decode("utf-8", "replace")
    given = question.values.get(parameter) or body.partition(f'{attribute}="')[2].partition('"')[0]
    return int(given) if given.isdigit() else 0


def _csw(records: list[str], matched: object, following: object) -> str:
    return CSW.format(matched=matched, returned=len(records), following=following, records="".join(records))


def good_csw(question: Question) -> None:
    """Answer three valid records."""
    records = (
        [iso_record(number, title=f"Zones honnêtes {number}") for number in (1, 2, 3)] if _start(question) == 1 else []
    )
    question.answer(_csw(records, 3, 0), XML)


def csw_endless(question: Question) -> None:
    """Answer new records for ever; the total is never reached."""
    start = _start(question)
    question.answer(_csw([iso_record(n) for n in range(start, start + 20)], 10**9, start + 20), XML)


def csw_lying_total(question: Question) -> None:
    """Claim more records than any integer type holds, and answer empty pages."""
    question.answer(_csw([iso_record(1)] if _start(question) == 1 else [], 10**40, 10**39), XML)


def csw_same_page(question: Question) -> None:
    """Answer the same page for ever, whose next page is the first."""
    question.answer(_csw([iso_record(1), iso_record(2)], 1000, 1), XML)


def csw_stream(question: Question) -> None:
    """Stream one endless answer."""
    question.stream(endless(CSW.partition("{matched}")[0].encode() + b'9">', iso_record(1).encode()), XML)


def csw_slow(question: Question) -> None:
    """Stream an answer byte by byte, with pauses."""
    question.stream(slowly(_csw([iso_record(1)], 1, 0).encode(), SLOW_SECONDS), XML)


def gzip_bomb(question: Question) -> None:
    """Answer a gzip bomb: 300 MB when decompressed."""
    question.answer(_bomb(), XML, Content_Encoding="gzip")


@cache
def _bomb() -> bytes:
    return gzip.compress(b"<a>" + b" " * BOMB_BYTES + b"</a>", 1)


def redirect_loop(question: Question) -> None:
    """Redirect for ever, each time to a new URL."""
    question.hostile.count(question.url, 0)
    question.exchange.answer("", 302, Location=f"{question.url}/{question.number + 1}")


def redirect_canary(question: Question) -> None:
    """Redirect to a forbidden address."""
    question.hostile.count(question.url, 0)
    question.exchange.answer("", 302, Location=question.hostile.canary(question.url.rpartition("/")[2]))


def dcat_endless(question: Question) -> None:
    """Answer pages of a DCAT catalogue that always have a next one."""
    number = question.number
    dataset = f'<urn:d{number}> a dcat:Dataset ; dct:title "Zone {number}"@fr ; dct:identifier "d{number}" .'
    question.answer(_turtle(dataset + f" <> hydra:next <{question.url}/{number + 1}> ."), TURTLE)


def dcat_stream(question: Question) -> None:
    """Stream endless Turtle."""
    question.stream(endless(_turtle("").encode(), b'[] a dcat:Dataset ; dct:title "Zone"@fr .\n'), TURTLE)


def dcat_next_canary(question: Question) -> None:
    """Answer a DCAT page whose next page is on a forbidden address."""
    address = question.hostile.canary("dcat-next")
    question.answer(_turtle(f'<urn:a> a dcat:Dataset ; dct:title "Zone" . <> hydra:next <{address}> .'), TURTLE)


def _turtle(body: str) -> str:
    return (
        "@prefix dcat: <http://www.w3.org/ns/dcat#> . @prefix dct: <http://purl.org/dc/terms/> .\n"
        f"@prefix hydra: <http://www.w3.org/ns/hydra/core#> .\n{body}\n"
    )


def waf_stream(question: Question) -> None:
    """Stream an endless list of files."""

    def lines() -> Iterator[bytes]:
        yield b"<html><body><pre>"
        for first in itertools.count(0, 500):
            yield b"".join(b'<a href="r%d.xml">r%d.xml</a>\n' % (n, n) for n in range(first, first + 500))

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


def _udata(question: Question, datasets: Any, **more: Any) -> None:
    body = {"data": datasets, "total": len(datasets) if isinstance(datasets, list) else 1, **more}
    question.answer(json.dumps(body), JSON)


def _udata_dataset(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"{number:024x}", "title": f"Zone udata {number}", "description": "Une zone.", "slug": f"zone-{number}",
        "resources": [], "tags": ["eau"], **more,
    }  # fmt: skip


def udata_href_loop(question: Question) -> None:
    """Answer a dataset whose resources are at a URL with an endless series of pages."""
    if "resources" in question.rest or question.values.get("loop"):
        resources = [{"title": "r" * 1000, "url": "https://example.org/r"} for _ in range(200)]
        following = f"{question.url}/resources/?loop={question.number}"
        question.answer(json.dumps({"data": resources, "next_page": following}), JSON)
    else:
        _udata(question, [_udata_dataset(1, resources={"href": f"{question.url}/resources/"})])


def udata_endless(question: Question) -> None:
    """Answer new datasets for ever, with a total of a billion."""
    first = question.number * 50
    _udata(question, [_udata_dataset(n) for n in range(first, first + 50)], total=10**9, next_page=question.url)


def udata_empty_pages(question: Question) -> None:
    """Claim a total of a billion datasets, and repeat the same one on every page."""
    _udata(question, [_udata_dataset(1)], total=10**9, next_page=question.url)


def udata_href_canary(question: Question) -> None:
    """Answer a dataset whose resources are at a forbidden address."""
    _udata(question, [_udata_dataset(1, resources={"href": question.hostile.canary("udata-href")})])


def _xss_texts() -> list[tuple[str, str]]:
    return [(" ".join(group), "\n\n".join(group)) for group in table("xss")["payloads"]]


def xss_csw(question: Question) -> None:
    """Answer ISO records with scripts in every text."""
    addresses = table("xss")["addresses"]
    records = []
    for number, (line, text) in enumerate(_xss_texts(), 50):
        links = tuple((_plain(each), "WWW:LINK", _plain(line)) for each in addresses)
        fields = {"title": _plain(line), "abstract": _plain(text), "organisation": _plain(line), "links": links}
        records.append(iso_record(number, **fields))
    question.answer(_csw(records if _start(question) == 1 else [], len(records), 0), XML)


def _plain(text: str) -> str:
    """Remove the characters that XML does not allow."""
    return "".join(each for each in text if each >= " " or each in "\n\t")


def xss_udata(question: Question) -> None:
    """Answer udata datasets with scripts in every text."""
    datasets = []
    for number, (line, text) in enumerate(_xss_texts(), 60):
        resources = [
            {"title": line, "description": text, "url": each, "format": line} for each in table("xss")["addresses"]
        ]
        people = {"organization": {"name": line, "page": "javascript:alert(1)"}, "owner": {"first_name": line}}
        more = {"title": line, "description": text, "tags": [line], "page": "javascript:window.__owned='u'"}
        datasets.append(_udata_dataset(number, resources=resources, **more, **people))
    _udata(question, datasets)


def xss_dcat(question: Question) -> None:
    """Answer DCAT datasets with scripts in every text, as JSON-LD."""
    context = {"dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/"}
    datasets = []
    for number, (line, text) in enumerate(_xss_texts(), 70):
        files = [
            {"@type": "dcat:Distribution", "dct:title": line, "dcat:accessURL": {"@id": each.strip()}}
            for each in table("xss")["addresses"]
            if " " not in each.strip()
        ]
        about = {"dct:title": line, "dct:description": text, "dcat:keyword": [line], "dcat:distribution": files}
        page = {"dcat:landingPage": {"@id": "javascript:window.__owned='landing'"}, "dct:provenance": text}
        datasets.append(
            {"@id": f"urn:x{number}", "@type": "dcat:Dataset", "dct:identifier": f"x{number}", **about, **page}
        )
    question.answer(json.dumps({"@context": context, "@graph": datasets}), JSONLD)


def xss_publiccode(question: Question) -> None:
    """Answer a publiccode.yml with scripts, written as JSON, which is valid YAML."""
    line, text = _xss_texts()[0]
    address = table("xss")["addresses"][0]
    described = {"fr": {"shortDescription": line, "longDescription": text, "documentation": address}}
    body = {"publiccodeYmlVersion": "0.4", "name": line, "url": address, "landingURL": address, "logo": address}
    question.answer(json.dumps(body | {"description": described, "categories": [line]}), "application/yaml")


def slow_csw(question: Question) -> None:
    """Answer records with texts that are slow to parse or render."""
    texts = table("slow_texts")["texts"]
    records = []
    for kind in ("markdown", "line", "email", "number", "box"):
        for text in map(repeated, texts[kind]):
            plain, number = escape(_plain(text)), len(records) + 100
            abstract = plain if kind in ("markdown", "line") else "Zone."
            record = iso_record(number, title=f"Lent {kind} {number}", abstract="@@")
            for old, new in SLOW_PLACES.items():
                record = record.replace(old, new.replace("@@", plain))
            records.append(record.replace("@@", abstract))
    question.answer(_csw(records if _start(question) == 1 else [], len(records), 0), XML)


def _from_table(line: dict[str, Any]) -> Behaviour:
    """Make a behaviour that answers one document of the table; records are paged as the request asks."""

    def give(question: Question) -> None:
        words = {"canary": question.hostile.canary(line["name"]), "url": question.url}
        start = _number(question, "startposition", "startPosition") or 1
        most = _number(question, "maxrecords", "maxRecords") or LARGEST_PAGE
        content = written(line, words, slice(start - 1, start - 1 + most))
        question.answer(content, line.get("content_type", XML))

    return give


def written(line: dict[str, Any], words: dict[str, Any], page: slice = WHOLE) -> bytes:
    """Return the document of a line of the table, or a page of its records."""
    if "records" in line or "fields" in line:
        lists = [iso_record(_number_of(line), title=f"Zones honnêtes {line['name']}"), *_records(line, words)]
        following = page.stop + 1 if page.stop and page.stop < len(lists) else 0
        text = _csw(lists[page], line.get("matched", len(lists)), following)
    elif "udata" in line:
        honest = _udata_dataset(_number_of(line), title=f"Zones honnêtes {line['name']}")
        datasets = [honest, *filled(line["udata"], words)]
        body = {"data": datasets, "total": line.get("total", len(datasets))}
        text = json.dumps(body)
    else:
        text = filled(line["text"], words)
    encoding = line.get("encoding", "utf-8")
    return text.encode(encoding, "surrogatepass" if encoding == "utf-8" else "strict")


def _number_of(line: dict[str, Any]) -> int:
    """Return the number of a line's valid record, different for each: duplicates across sources would be set aside."""
    return zlib.crc32(line["name"].encode()) % 10_000_000


def _records(line: dict[str, Any], words: dict[str, Any]) -> Iterator[str]:
    yield from (filled(record, words) for record in line.get("records", []))
    if "fields" in line:
        fields = filled(line["fields"], words)
        record = iso_record(_number_of(line) + 1, **{k: v for k, v in fields.items() if k != "replace"})
        for old, new in (fields.get("replace") or {}).items():
            record = record.replace(old, new)
        yield record


def _documents() -> dict[str, Behaviour]:
    return {
        f"doc/{line['name']}": _from_table(line) for line in table("sources") if "type" in line and "path" not in line
    }


_FUNCTIONS: tuple[Callable[[Question], None], ...] = (
    good_csw, csw_endless, csw_lying_total, csw_same_page, csw_stream, csw_slow, gzip_bomb, redirect_loop,
    redirect_canary, dcat_endless, dcat_stream, dcat_next_canary, waf_stream, waf_nested, waf_many, udata_href_loop,
    udata_endless, udata_empty_pages, udata_href_canary, xss_csw, xss_udata, xss_dcat, xss_publiccode,
    slow_csw, *hostile_ogcapi.BEHAVIOURS,
)  # fmt: skip
#: First two path segments → behaviour.
BEHAVIOURS: dict[str, Behaviour] = {f"do/{each.__name__}": each for each in _FUNCTIONS} | _documents()
