"""`ecosphere_waf`: folders of ISO 19139 files on a web server (Apache, nginx, IIS listings), nested."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import ckan.plugins as p
from lxml import etree
from lxml import html as lxml_html

from ckanext.ecosphere.harvest import config
from ckanext.ecosphere.harvest.iso.reader import read_record, records_in
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.harvest.sources.base import Page, RawRecord, Reading, SourceReader
from ckanext.ecosphere.harvest.sources.csw_answer import PageError, raw_record
from ckanext.ecosphere.harvest.sources.fetching import add_up, fetch
from ckanext.ecosphere.harvest.sources.harvester import COMMON_OPTIONS, EcosphereHarvester
from ckanext.ecosphere.http_guard import GuardedSession
from ckanext.harvest.interfaces import IHarvester

MAX_DEPTH = 8
MAX_FILES = 200_000
FILES_PER_PAGE = 50


def _N(message: str) -> str:
    """Mark a message for translation; it is translated when it is shown."""
    return message


class WafReader:
    """Reads a folder and those within it once; see `SourceReader`.

    A folder or file that cannot be had is told and makes the reading incomplete; the others are read.

    Args:
        url: address of the folder.
        session: the guarded way out.
    """

    def __init__(self, url: str, session: GuardedSession):
        self.reading = Reading()
        self._session = session
        self._root = url if urlsplit(url).path.endswith("/") else f"{url}/"
        self._position = 0

    def pages(self) -> Iterator[Page]:
        """Yield the records, some files at a time."""
        records: list[RawRecord] = []
        for url in self._files(self._root, 0, {self._root}):
            records += self._read(url)
            if len(records) >= FILES_PER_PAGE:
                yield Page(records)
                records = []
        if records:
            yield Page(records)
        add_up(self.reading, self._session)

    def _files(self, folder: str, depth: int, seen: set[str]) -> Iterator[str]:
        try:
            response = fetch(self._session, folder, {"Accept": "text/html"})
            links = list(listed(response.body, response.url))
        except PageError as error:
            where: dict[str, Any] = {"folder": unquote(folder)} if depth else {}
            self.reading.fail(error.code, **error.params, **where)
            return
        for link in links:
            if link in seen or not link.startswith(self._root):
                continue
            seen.add(link)
            if len(seen) > MAX_FILES:
                self.reading.fail("too-many-files", limit=MAX_FILES)
                return
            if link.endswith("/"):
                if depth >= MAX_DEPTH:
                    self.reading.fail("too-deep-folder", url=link)
                else:
                    yield from self._files(link, depth + 1, seen)
            elif urlsplit(link).path.lower().endswith(".xml"):
                yield link

    def _read(self, url: str) -> list[RawRecord]:
        self._position += 1
        try:
            response = fetch(self._session, url, {"Accept": "application/xml, text/xml"})
            root = parse_xml(response.body, self._session.settings.max_bytes)
            elements = list(records_in(root))
            if not elements:
                raise PageError("not-iso", root=str(etree.QName(root).localname)[:80])
        except (PageError, RecordError) as error:
            code = error.code if isinstance(error, PageError) else f"xml-{error.code}"
            self.reading.fail(code, self._position, self._position, **error.params, file=unquote(url))
            return []
        records = [raw_record(element, self._position) for element in elements]
        self.reading.received += len(records)
        return records


def listed(body: bytes, url: str) -> Iterator[str]:
    """Addresses that a listing names, in its order; those that sort the listing or lead upwards are left out.

    Raises:
        PageError: it is no web page.
    """
    try:
        tree = lxml_html.document_fromstring(body)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise PageError("not-listing") from error
    if not tree.xpath("//html|//body") or b"<" not in body[:2000] or body.lstrip()[:5].lower() == b"<?xml":
        raise PageError("not-listing")
    for href in tree.xpath("//a/@href"):
        target, _fragment = urldefrag(urljoin(url, str(href).strip()))
        if not urlsplit(target).query and len(target) > len(url):
            yield target


class EcosphereWafPlugin(EcosphereHarvester):
    """The source type for folders of files."""

    p.implements(IHarvester)

    type_name = "ecosphere_waf"
    title = _N("Folder of files (WAF, ISO 19139)")
    description = _N("A folder of a web server whose listing names XML files, with those of its sub-folders.")
    options = COMMON_OPTIONS

    def reader(self, url: str, settings: dict[str, Any]) -> SourceReader:
        """Make a reader for one reading of a folder."""
        return WafReader(url, GuardedSession(config.guard_settings()))

    def read(self, content: str) -> Record:
        """Read an ISO 19139 record."""
        return read_record(parse_xml(content.encode("utf-8")))
