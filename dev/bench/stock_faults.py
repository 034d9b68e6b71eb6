"""Behaviour of ckanext-spatial's CSW harvester with faulty servers and records, for `docs/harvest-faults.md`.

Run as `python -m dev.bench.stock_faults [NAME OF A FAULT …]`. Each fault has a source: a valid catalogue of 25 records
is harvested first, then again with the fault, in this process, with the repairs of `stock_patches`. Empties the test
database.
"""

from __future__ import annotations

import gzip
import sys
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ckanext.ecosphere.harvest.tests.csw_server import (
    LINK,
    Catalogue,
    Fault,
    Question,
    covers,
    empty,
    exception,
    html,
    iso_record,
    status,
)
from ckanext.ecosphere.tests.scripted_server import Exchange, serve
from dev.bench.contest import OWNER, STOCK_PLUGINS, Inside, prepare, write_ini
from dev.bench.stock_patches import apply

RECORDS = 25
ODD = 12
"""Index of the odd record, also of the one affected by a server fault."""
PATIENCE = 120.0
"""Seconds after which a harvest counts as endless."""

CAPABILITIES = """<csw:Capabilities xmlns:csw="http://www.opengis.net/cat/csw/2.0.2" version="2.0.2"
 xmlns:ows="http://www.opengis.net/ows" xmlns:xlink="http://www.w3.org/1999/xlink"><ows:OperationsMetadata>{}
</ows:OperationsMetadata></csw:Capabilities>"""
OPERATION = """<ows:Operation name="{0}"><ows:DCP><ows:HTTP><ows:Get xlink:href="{1}"/><ows:Post xlink:href="{1}"/>
</ows:HTTP></ows:DCP></ows:Operation>"""
RECORD = '<csw:GetRecordByIdResponse xmlns:csw="http://www.opengis.net/cat/csw/2.0.2">{}</csw:GetRecordByIdResponse>'


class Stock(Catalogue):
    """The tests' CSW with the two further operations that the stock harvester uses: GetCapabilities, GetRecordById."""

    broken: Callable[[Exchange], bool] = staticmethod(lambda exchange: False)
    asked = 0

    def __call__(self, exchange: Exchange) -> None:
        """Answer a request, with the fault if there is one."""
        self.asked += 1
        given = {k.lower(): v[0] for k, v in parse_qs(urlsplit(exchange.path).query).items()}
        if self.broken(exchange):
            return
        if given.get("request") == "GetCapabilities":
            operations = "".join(OPERATION.format(n, self.url) for n in ("GetRecords", "GetRecordById"))
            exchange.answer(CAPABILITIES.format(operations), 200, **{"Content-Type": "application/xml"})
        elif given.get("request") == "GetRecordById":
            found = next((r for r in self.records if f">{given['id']}<" in r), "")
            exchange.answer(RECORD.format(found), 200, **{"Content-Type": "application/xml"})
        else:
            super().__call__(exchange)

    def _question(self, exchange: Exchange) -> Question:
        question = super()._question(exchange)
        # The stock harvester starts at 0, which servers treat as 1: pages overlap by one record.
        return replace(question, start=question.start or 1)


@dataclass(frozen=True)
class Case:
    """A fault.

    Attributes:
        name: name in the documentation.
        fault: alters the server's pages in the second harvest.
        change: makes the records of the second harvest from the valid ones.
        broken: sends an answer of its own and returns True, or returns False.
    """

    name: str
    fault: Fault | None = None
    change: Callable[[list[str], int], list[str]] = lambda records, first: records
    broken: Callable[[Exchange], bool] | None = None


def without(*names: str) -> Callable[[str], str]:
    """Return a function that renames elements of a record to an unknown name."""

    def make(record: str) -> str:
        for name in names:
            record = record.replace(f"gmd:{name}>", "gmd:nothing>")
        return record

    return make


def odd(make: Callable[[str], str]) -> Callable[[list[str], int], list[str]]:
    """Return a change of one record, including its date, without which the harvester would ignore it."""

    def change(records: list[str], first: int) -> list[str]:
        found = records[ODD].replace("2024-03-01", "2024-06-01")
        return [*records[:ODD], make(found), *records[ODD + 1 :]]

    return change


def stalled(exchange: Exchange) -> bool:
    """Keep the client waiting beyond `PATIENCE`."""
    time.sleep(PATIENCE + 10)
    return True


def refuse(code: int, **headers: str) -> Callable[[Exchange], bool]:
    """Return a fault that answers every request with one HTTP status."""

    def answer(exchange: Exchange) -> bool:
        exchange.answer("", code, **headers)
        return True

    return answer


def instead(make: Callable[[str], bytes], **headers: str) -> Callable[[Exchange], bool]:
    """Return a fault that answers requests for the odd record with other bytes.

    Args:
        make: makes the answer from the GetRecordById response, with the record's date changed.
        headers: further response headers.
    """

    def answer(exchange: Exchange) -> bool:
        given = {k.lower(): v[0] for k, v in parse_qs(urlsplit(exchange.path).query).items()}
        if given.get("request") != "GetRecordById" or f"{ODD:08}"[-2:] != given["id"][-2:]:
            return False
        number = int(given["id"][-8:])
        record = iso_record(number, abstract="Zones inondées relevées.").replace("2024-03-01", "2024-06-01")
        exchange.answer(make(RECORD.format(record)), 200, Content_Type="application/xml", **headers)
        return True

    return answer


def drip(exchange: Exchange) -> bool:
    """Answer one byte a second."""
    exchange.send_response(200)
    exchange.send_header("Content-Length", "1000")
    exchange.end_headers()
    for _ in range(int(PATIENCE) + 10):
        exchange.wfile.write(b" ")
        exchange.wfile.flush()
        time.sleep(1)
    return True


def doctype(declaration: str) -> Callable[[str], bytes]:
    """Add a DOCTYPE with entities to a document, and refer to one in the abstract."""
    return lambda text: f"<!DOCTYPE x [{declaration}]>{text.replace('relevées', '&e; relevées')}".encode()


FILE = "<!ENTITY e SYSTEM 'file:///etc/hostname'>"
BOMB = "<!ENTITY a 'aaaaaaaaaa'>" + "".join(
    f"<!ENTITY {name} '{10 * f'&{before};'}'>" for before, name in zip("abcdfghi", "bcdfghie", strict=True)
)
KEYWORD = (
    "<gmd:descriptiveKeywords><gmd:MD_Keywords><gmd:keyword><gco:CharacterString>mot</gco:CharacterString>"
    "</gmd:keyword></gmd:MD_Keywords></gmd:descriptiveKeywords>"
)

MANY = "".join(LINK.format(url=f"https://data.example.org/{n}.zip", protocol="WWW:LINK", name=n) for n in range(8_000))
DEEP = "<x>" * 50_000 + "</x>" * 50_000
WIDE = "<x " + " ".join(f'a{n}=""' for n in range(200_000)) + "/>"


def inside_record(piece: str) -> Callable[[str], bytes]:
    """Insert a piece of XML before the end of a record."""
    return lambda text: text.replace("</gmd:MD_Metadata>", f"{piece}</gmd:MD_Metadata>").encode()


LINKS = "".join(
    LINK.format(url=url, protocol="WWW:LINK", name="x")
    for url in ("javascript:alert(1)", "data:text/html,&lt;script&gt;alert(1)&lt;/script&gt;")
)
SCRIPT = "&lt;script&gt;alert(1)&lt;/script&gt;Zones"
CUT = b"<csw:GetRecordsResponse xmlns:csw='x'><a>"

CASES = (
    Case("nothing wrong"),
    Case("empty page", lambda q, p: empty(p) if covers(q, 15) else None),
    Case("pages capped at seven", lambda q, p: replace(p, records=p.records[:7], returned=7)),
    Case("repeated page", lambda q, p: None),
    Case("wrong next record", lambda q, p: replace(p, next_record=0)),
    Case("next record that never ends", lambda q, p: replace(p, next_record=q.start + 10)),
    Case("more announced than given", lambda q, p: replace(p, matched=40)),
    Case("fewer announced than given", lambda q, p: replace(p, matched=15)),
    Case("HTTP 500 midway", lambda q, p: status(500) if covers(q, 15) else None),
    Case("web page with HTTP 200", lambda q, p: html() if covers(q, 15) else None),
    Case("exception with HTTP 200", lambda q, p: exception() if covers(q, 15) else None),
    Case("exception for large pages only", lambda q, p: exception() if q.size > 7 else None),
    Case("page cut off", lambda q, p: replace(p, body=CUT) if covers(q, 15) else None),
    Case("empty catalogue", change=lambda records, first: []),
    Case("ten records vanished", change=lambda records, first: records[:15]),
    Case("503 with Retry-After", broken=refuse(503, Retry_After="1")),
    Case("unreachable", broken=lambda exchange: exchange.connection.shutdown(2) or True),
    Case("stall", broken=stalled),
    Case("one record that is none", change=odd(without("identificationInfo"))),
    Case("no date stamp", change=odd(without("dateStamp"))),
    Case("no title", change=odd(without("title"))),
    Case("NUL in a record", change=odd(lambda r: r.replace("<gmd:abstract>", "<gmd:abstract>\0"))),
    Case("bare ampersand", change=odd(lambda r: r.replace("Zones soumises", "Zones & soumises"))),
    Case("record cut off", change=odd(lambda r: r[: len(r) // 2])),
    Case("HTML in texts", change=odd(lambda r: r.replace("Zones soumises", SCRIPT))),
    Case("one byte a second", broken=drip),
    Case("Latin-1 declared UTF-8", change=odd(str), broken=instead(lambda text: text.encode("latin-1"))),
    Case("UTF-16", change=odd(str), broken=instead(lambda text: text.encode("utf-16"))),
    Case("35 000 keywords", change=odd(lambda r: r.replace("</gmd:abstract>", "</gmd:abstract>" + KEYWORD * 35_000))),
    Case("8 000 resources", change=odd(lambda r: r.replace("</gmd:MD_Dig", f"{MANY}</gmd:MD_Dig"))),
    Case("20 MB", change=odd(lambda r: r.replace("Zones soumises", "Zones " * 3_500_000))),
    Case("depth bomb", change=odd(str), broken=instead(inside_record(DEEP))),
    Case("attribute bomb", change=odd(str), broken=instead(inside_record(WIDE))),
    Case("external entity", change=odd(str), broken=instead(doctype(FILE))),
    Case("entity bomb", change=odd(str), broken=instead(doctype(BOMB))),
    Case(
        "200 MB in 200 kB",
        change=odd(str),
        broken=instead(lambda text: gzip.compress(b" " * 200_000_000), Content_Encoding="gzip"),
    ),
    Case("javascript and data links", change=odd(lambda r: r.replace("</gmd:MD_Dig", f"{LINKS}</gmd:MD_Dig"))),
)


class Harvest:
    """Runs the stock harvester stage by stage in this process."""

    def __init__(self, inside: Inside):
        from ckan.plugins import get_plugin

        self.inside = inside
        self.harvester: Any = get_plugin("csw_harvester")

    def run(self, source_id: str) -> list[str]:
        """Harvest a source; return the messages of the job report."""
        from ckan import model
        from ckanext.harvest.model import HarvestJob, HarvestObject
        from ckanext.harvest.queue import fetch_and_import_stages

        job_id = self.inside.call("harvest_job_create", source_id=source_id, run=False)["id"]
        job: Any = HarvestJob.get(job_id)
        job.status = "Running"
        job.save()
        ids = self.harvester.gather_stage(job) or []
        for id_ in ids:
            found: Any = HarvestObject.get(id_)
            try:
                fetch_and_import_stages(self.harvester, found)
            except Exception as error:  # would end the consumer
                model.Session.rollback()
                return [f"the consumer dies: {type(error).__name__}: {error}"[:200]]
        job = HarvestJob.get(job_id)
        job.status = "Finished"
        job.save()
        report = self.inside.call("harvest_job_report", id=job_id)
        messages = [each["message"] for each in report["gather_errors"]]
        messages += [e["message"] for each in report["object_errors"].values() for e in each["errors"]]
        # Leave out the schema errors, reported for every test record without stopping the import.
        return [each for each in messages if not each.startswith("Element '") and "Validation Error" not in each]


@contextmanager
def served(records: list[str]):
    """Run the catalogue for the duration of the block."""
    script = Stock(records)
    with serve(script) as server:
        script.server = server
        yield script


def published(inside: Inside, source_id: str) -> dict[str, dict[str, Any]]:
    """Return the active datasets of a source, by title."""
    import sqlalchemy as sa
    from ckan import model
    from ckanext.harvest.model import HarvestObject

    model.Session.rollback()
    query = (
        sa.select(model.Package.id)
        .join(HarvestObject, HarvestObject.package_id == model.Package.id)
        .where(HarvestObject.harvest_source_id == source_id, model.Package.state == "active")
        .distinct()
    )
    found = [inside.call("package_show", id=id_) for id_ in model.Session.execute(query).scalars().all()]
    return {dataset["title"]: dataset for dataset in found}


def repeat_first(records: list[str]) -> Fault:
    """Return a fault that repeats the first page from the second on."""
    return lambda q, p: replace(p, records=records[:10]) if q.start > 5 else None


def measure(inside: Inside, number: int, case: Case) -> str:
    """Harvest with one fault; describe the datasets before and after, and the messages of the report."""
    first = 1000 * number
    records = [iso_record(n) for n in range(first, first + RECORDS)]
    with served(records) as server:
        source_id = inside.call(
            "harvest_source_create", name=f"fault-{number}", title=case.name, url=server.url, source_type="csw",
            owner_org=OWNER,
        )["id"]  # fmt: skip
        harvest = Harvest(inside)
        harvest.run(source_id)
        before = published(inside, source_id)
        server.fault = repeat_first(records) if case.name == "repeated page" else case.fault
        server.records = case.change(records, first)
        if case.broken:
            server.broken = case.broken
        server.asked = 0
        begin = time.monotonic()
        messages = harvest.run(source_id)
        after = published(inside, source_id)
        changed = [a for t, a in after.items() if before.get(t, {}).get("metadata_modified") != a["metadata_modified"]]
    told = f"{len(before)} → {len(after)} datasets, {len(changed)} changed, {server.asked} requests, "
    told += f"{time.monotonic() - begin:.0f} s; {len(messages)} messages"
    links = [r["url"] for a in changed for r in a["resources"]]
    told += f", {len(links)} links of what changed" if links else ""
    words = [" ".join(message.split())[:160] for message in messages[:3]]
    words += [f"title “{each['title']}”, description “{each['notes'][:60]}”" for each in changed]
    return "\n      ".join([f"{case.name}: {told}", *words, *links[:3]])


def main() -> None:
    """Run all cases, or those named on the command line."""
    ini = write_ini(STOCK_PLUGINS)
    prepare(ini, everything=False)
    inside = Inside(ini)
    apply()
    inside.call("organization_create", name=OWNER, title="Bench")
    for number, case in enumerate(CASES, 1):
        if len(sys.argv) > 1 and case.name not in sys.argv[1:]:
            continue
        print(measure(inside, number, case), flush=True)


if __name__ == "__main__":
    main()
