"""CSW server over real HTTP, with configurable faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from lxml import etree

from ckanext.ecosphere.tests.scripted_server import Exchange, ScriptedServer, serve

RECORD = """<gmd:MD_Metadata xmlns:gmd="http://www.isotc211.org/2005/gmd"
 xmlns:gco="http://www.isotc211.org/2005/gco" xmlns:xlink="http://www.w3.org/1999/xlink">
 {identifier}
 <gmd:language><gmd:LanguageCode codeListValue="fre">fre</gmd:LanguageCode></gmd:language>
 <gmd:hierarchyLevel><gmd:MD_ScopeCode codeListValue="dataset"/></gmd:hierarchyLevel>
 <gmd:contact><gmd:CI_ResponsibleParty>
  <gmd:organisationName><gco:CharacterString>{organisation}</gco:CharacterString></gmd:organisationName>
  <gmd:role><gmd:CI_RoleCode codeListValue="pointOfContact"/></gmd:role>
 </gmd:CI_ResponsibleParty></gmd:contact>
 <gmd:dateStamp><gco:Date>2024-03-01</gco:Date></gmd:dateStamp>
 <gmd:identificationInfo><gmd:MD_DataIdentification>
  <gmd:citation><gmd:CI_Citation>
   <gmd:title><gco:CharacterString>{title}</gco:CharacterString></gmd:title>
   <gmd:date><gmd:CI_Date><gmd:date><gco:Date>2020-05-06</gco:Date></gmd:date>
    <gmd:dateType><gmd:CI_DateTypeCode codeListValue="publication"/></gmd:dateType></gmd:CI_Date></gmd:date>
   {resource_identifier}
  </gmd:CI_Citation></gmd:citation>
  <gmd:abstract><gco:CharacterString>{abstract}</gco:CharacterString></gmd:abstract>
  <gmd:pointOfContact><gmd:CI_ResponsibleParty>
   <gmd:organisationName><gco:CharacterString>{organisation}</gco:CharacterString></gmd:organisationName>
   <gmd:role><gmd:CI_RoleCode codeListValue="owner"/></gmd:role>
  </gmd:CI_ResponsibleParty></gmd:pointOfContact>
 </gmd:MD_DataIdentification></gmd:identificationInfo>
 <gmd:distributionInfo><gmd:MD_Distribution><gmd:transferOptions><gmd:MD_DigitalTransferOptions>
  {links}
 </gmd:MD_DigitalTransferOptions></gmd:transferOptions></gmd:MD_Distribution></gmd:distributionInfo>
</gmd:MD_Metadata>"""

LINK = """<gmd:onLine><gmd:CI_OnlineResource>
  <gmd:linkage><gmd:URL>{url}</gmd:URL></gmd:linkage>
  <gmd:protocol><gco:CharacterString>{protocol}</gco:CharacterString></gmd:protocol>
  <gmd:name><gco:CharacterString>{name}</gco:CharacterString></gmd:name>
 </gmd:CI_OnlineResource></gmd:onLine>"""


def iso_record(
    number: int = 1,
    *,
    identifier: str | None = None,
    title: str | None = None,
    abstract: str = "Zones soumises au risque d'inondation.",
    organisation: str = "DDT de l'Ain",
    resource_identifier: str = "",
    links: tuple[tuple[str, str, str], ...] = (),
) -> str:
    """Return a small ISO 19139 record; links are (url, protocol, name).

    `identifier=""` leaves the identifier out.
    """
    identifier = f"fr-120066022-jdd-{number:08d}" if identifier is None else identifier
    identifiers = ""
    if identifier:
        identifiers = f"<gmd:fileIdentifier><gco:CharacterString>{escape(identifier)}</gco:CharacterString></gmd:fileIdentifier>"
    resource = ""
    if resource_identifier:
        resource = (
            "<gmd:identifier><gmd:MD_Identifier><gmd:code><gco:CharacterString>"
            f"{escape(resource_identifier)}"
            "</gco:CharacterString></gmd:code></gmd:MD_Identifier></gmd:identifier>"
        )
    return RECORD.format(
        identifier=identifiers,
        title=escape(f"Jeu de données {number}" if title is None else title),
        abstract=escape(abstract),
        organisation=escape(organisation),
        resource_identifier=resource,
        links="".join(
            LINK.format(url=escape(url), protocol=escape(protocol), name=escape(name))
            for url, protocol, name in links
        ),
    )


@dataclass(frozen=True)
class Question:
    """The parameters of a GetRecords request."""

    start: int
    size: int
    method: str
    type_name: str
    is_sorted: bool
    constraint: str
    number: int


@dataclass
class PageOfRecords:
    """An answer before it is serialised; faults change it or write something else."""

    records: list[str]
    matched: int | None
    returned: int
    next_record: int | None
    body: str | bytes | None = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Fault = Callable[[Question, PageOfRecords], PageOfRecords | None]


class Catalogue:
    """The records of the server and its fault; both may be changed between two harvests."""

    def __init__(self, records: list[str] | None = None, fault: Fault | None = None):
        self.records = list(records or [])
        self.fault = fault
        self.questions: list[Question] = []
        self.server: ScriptedServer | None = None

    @property
    def url(self) -> str:
        assert self.server is not None
        return self.server.url + "/csw"

    def __call__(self, exchange: Exchange) -> None:
        question = self._question(exchange)
        self.questions.append(question)
        page = self._page(question)
        if self.fault:
            page = self.fault(question, page) or page
        body = page.body if page.body is not None else self._written(page)
        exchange.answer(body, page.status, **{"Content-Type": "application/xml", **page.headers})

    def _question(self, exchange: Exchange) -> Question:
        number = len(self.questions) + 1
        if exchange.command == "GET":
            given = {k.lower(): v[0] for k, v in parse_qs(urlsplit(exchange.path).query).items()}
            return Question(
                int(given.get("startposition", 1)),
                int(given.get("maxrecords", 10)),
                "GET",
                given.get("typenames", ""),
                "sortby" in given,
                given.get("constraint", ""),
                number,
            )
        root = etree.fromstring(exchange.body)
        constraint = root.find(".//{*}Filter")
        query = root.find(".//{*}Query")
        assert query is not None
        return Question(
            int(root.get("startPosition", "1")),
            int(root.get("maxRecords", "10")),
            "POST",
            query.get("typeNames", ""),
            root.find(".//{*}SortBy") is not None,
            "" if constraint is None else etree.tostring(constraint, encoding="unicode"),
            number,
        )

    def _page(self, question: Question) -> PageOfRecords:
        chosen = self.records[question.start - 1 : question.start - 1 + question.size]
        following = question.start + len(chosen)
        more = following <= len(self.records)
        return PageOfRecords(chosen, len(self.records), len(chosen), following if more else 0)

    @staticmethod
    def _written(page: PageOfRecords) -> str:
        numbers = {
            "numberOfRecordsMatched": page.matched,
            "numberOfRecordsReturned": page.returned,
            "nextRecord": page.next_record,
        }
        attributes = " ".join(f'{k}="{v}"' for k, v in numbers.items() if v is not None)
        return (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<csw:GetRecordsResponse xmlns:csw="http://www.opengis.net/cat/csw/2.0.2">'
            '<csw:SearchStatus timestamp="2024-01-01T00:00:00"/>'
            f'<csw:SearchResults elementSet="full" {attributes}>'
            + "\n".join(page.records)
            + "</csw:SearchResults></csw:GetRecordsResponse>"
        )


@contextmanager
def catalogue(records: list[str] | None = None, fault: Fault | None = None) -> Iterator[Catalogue]:
    """Run a catalogue server for the duration of the block."""
    script = Catalogue(records, fault)
    with serve(script) as server:
        script.server = server
        yield script


# --- faults ---


EXCEPTION = """<?xml version="1.0"?>
<ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows" version="1.2.0">
<ows:Exception exceptionCode="{code}"><ows:ExceptionText>{text}</ows:ExceptionText></ows:Exception>
</ows:ExceptionReport>"""
HTML = "<!DOCTYPE html><html><head><title>Maintenance</title></head><body>Revenez plus tard</body></html>"


def exception(text: str = "Erreur interne", code: str = "NoApplicableCode") -> PageOfRecords:
    """OWS exception with HTTP status 200."""
    return PageOfRecords([], 0, 0, 0, body=EXCEPTION.format(code=code, text=escape(text)))


def html() -> PageOfRecords:
    """Web page with HTTP status 200."""
    return PageOfRecords([], 0, 0, 0, body=HTML, headers={"Content-Type": "text/html"})


def status(code: int, **headers: str) -> PageOfRecords:
    """Empty answer with another HTTP status."""
    return PageOfRecords([], 0, 0, 0, body="", status=code, headers=headers)


def empty(page: PageOfRecords) -> PageOfRecords:
    """Page without records that announces more records."""
    return replace(page, records=[], returned=0)


def covers(question: Question, position: int) -> bool:
    """Return whether the requested page includes this position."""
    return question.start <= position < question.start + question.size
