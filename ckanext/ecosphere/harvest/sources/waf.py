"""Source type `ecosphere_waf`: folders of ISO 19139 files on a web server.

The folders are read from the listings that Apache, nginx or IIS make of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from lxml import etree

from ckanext.ecosphere.harvest.config import Settings
from ckanext.ecosphere.harvest.iso.reader import kept_in, read_record
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.harvest.sources.base import (
    MAX_SILENT,
    PageError,
    RawRecord,
    SourceReader,
    SourceType,
    xml_record,
)
from ckanext.ecosphere.shared.http_guard import (
    FetchRefusedError,
    GuardedSession,
    StoppedError,
    checked_url,
)
from ckanext.ecosphere.shared.language import N_
from ckanext.ecosphere.shared.parsing import Element

MAX_DEPTH = 8  # levels of subfolders
MAX_FILES = 200_000  # files and folders of a source
# Records are handed over once there are that many, or they have that many characters.
RECORDS_PER_PAGE = 50
CHARACTERS_PER_PAGE = 8 * 1024 * 1024
LISTING_BYTES = 16 * 1024 * 1024
"""Maximum size of a listing; one with 100 000 files has about 15 MB."""


class WafReader(SourceReader):
    """Reads a folder and its subfolders once.

    A folder or file that cannot be fetched is reported and makes the reading incomplete; the others
    are read.
    """

    def __init__(self, url: str, session: GuardedSession):
        super().__init__(url, session)
        self._root = url if urlsplit(url).path.endswith("/") else f"{url}/"
        self._position = 0  # of the last file read, from 1
        self._unanswered = 0  # consecutive files without any response

    def pages(self) -> Iterator[list[RawRecord]]:
        """Yield the records, several files at a time."""
        records: list[RawRecord] = []
        characters = 0
        try:
            for url in self._files(self._root, 0, {self._root}):
                records_of_file = self._read_file(url)
                records += records_of_file
                characters += sum(len(record.content) for record in records_of_file)
                if len(records) >= RECORDS_PER_PAGE or characters >= CHARACTERS_PER_PAGE:
                    yield records
                    records = []
                    characters = 0
                if self._unanswered >= MAX_SILENT:
                    self.reading.fail("gave-up", self._position + 1)
                    break
        except StoppedError:  # what was read before is not lost
            if records:
                yield records
            raise
        if records:
            yield records
        if not self._position and self.reading.complete:
            self.reading.fail("no-file")
        self._note_shortfall()

    def _files(self, folder: str, depth: int, visited: set[str]) -> Iterator[str]:
        """Yield the URLs of the files in a folder and its subfolders.

        Args:
            folder: URL of the folder.
            depth: number of folders above it.
            visited: URLs of files and folders that were read or are going to be; changed in place.
        """
        try:
            response = self._fetch(folder, {"Accept": "text/html"}, LISTING_BYTES)
            if not depth:
                self._root = self._redirected_root(response.url)
            links = links_of_listing(response.body, response.url)
        except PageError as error:
            params = dict(error.params)
            if depth:
                params["folder"] = unquote(folder)
            self.reading.fail(error.code, **params)
            return
        for link in links:
            if self._unanswered >= MAX_SILENT:
                return
            if link in visited or not link.startswith(self._root):
                continue
            visited.add(link)
            if len(visited) > MAX_FILES:
                self.reading.fail("too-many-files", limit=MAX_FILES)
                return
            if urlsplit(link).path.lower().endswith(".xml"):
                yield link
            elif link.endswith("/") and depth >= MAX_DEPTH:
                self.reading.fail("too-deep-folder", url=link)
            elif link.endswith("/"):
                yield from self._files(link, depth + 1, visited)

    def _redirected_root(self, url: str) -> str:
        """Return the URL of the folder after redirects: https, another host, escaped accents.

        Redirects to the front page of a site, or to what is no folder, such as a login form, are
        ignored.
        """
        parts = urlsplit(url)
        is_folder = parts.path.endswith("/") and not parts.query
        is_front_page = parts.path == "/" and urlsplit(self._root).path != "/"
        if is_folder and not is_front_page:
            return url
        return self._root

    def _read_file(self, url: str) -> list[RawRecord]:
        """Return the records in a file; note a failure if it cannot be read."""
        self._position += 1
        try:
            elements = self._elements(url)
        except PageError as error:
            if error.unanswered:
                self._unanswered += 1
            position = self._position
            self.reading.fail(error.code, position, position, **error.params, file=unquote(url))
            return []
        self.reading.received += len(elements)
        return [xml_record(element, self._position) for element in elements]

    def _elements(self, url: str) -> list[Element]:
        """Return the records in a file.

        Raises:
            PageError: it cannot be fetched or read, or has none.
        """
        response = self._fetch(url, {"Accept": "application/xml, text/xml"})
        self._unanswered = 0
        try:
            root = parse_xml(response.body, self._session.settings.max_bytes)
            elements = list(kept_in(root))
        except RecordError as error:
            raise PageError(f"xml-{error.code}", **error.params) from error
        if not elements:
            raise PageError("not-iso", root=str(etree.QName(root).localname)[:80])
        return elements


def links_of_listing(body: bytes, url: str) -> Iterator[str]:
    """Return the URLs in a listing, in order, except those for sorting and parent folders.

    Args:
        body: the listing.
        url: URL of its folder.

    Raises:
        PageError: it is not a web page.
    """
    if b"<" not in body[:2000] or body.lstrip()[:5].lower() == b"<?xml":
        raise PageError("not-listing")
    target: Any = _Links()
    try:
        etree.fromstring(body, etree.HTMLParser(target=target, no_network=True))
    except (etree.XMLSyntaxError, ValueError) as error:
        raise PageError("not-listing") from error
    return _links_below(target.hrefs, url)


def _links_below(hrefs: Mapping[str, None], url: str) -> Iterator[str]:
    """Yield the absolute URLs of the links to what is below a folder.

    Links for sorting have a query, and those to parent folders are shorter than the folder's URL.
    """
    for href in hrefs:
        try:
            address = checked_url(urljoin(url, href.strip()).replace(" ", "%20"))
            link, _fragment = urldefrag(address)
            query = urlsplit(link).query
        except (ValueError, FetchRefusedError):  # malformed IPv6 addresses, other schemes
            continue
        if not query and len(link) > len(url):
            yield link


class _Links:
    """Collects the links of a web page during parsing, so that no tree is built in memory."""

    def __init__(self) -> None:
        # A dict keeps the order, and holds a link once that a listing repeats a million times.
        self.hrefs: dict[str, None] = {}

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Collect the URL of a link."""
        href = attributes.get("href")
        if tag == "a" and href:
            self.hrefs[href] = None

    def close(self) -> None:
        """End the document, as lxml requires."""


class WafSource(SourceType):
    """Source type for folders of files."""

    type_name = "ecosphere_waf"
    title = N_("Folder of files (WAF, ISO 19139)")
    description = N_(
        "A folder of a web server whose listing names XML files, with those of its sub-folders."
    )

    def make_reader(self, url: str, settings: Settings, session: GuardedSession) -> WafReader:
        """Return a reader for one reading of a folder."""
        return WafReader(url, session)

    def read(self, content: str) -> Record:
        """Return an ISO 19139 record as a neutral record."""
        return read_record(parse_xml(content.encode("utf-8")))
