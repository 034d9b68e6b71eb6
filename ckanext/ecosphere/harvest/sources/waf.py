"""Source type `ecosphere_waf`: nested folders of ISO 19139 files on a web server
(Apache, nginx, IIS listings).
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

MAX_DEPTH = 8
MAX_FILES = 200_000
FILES_PER_PAGE = 50
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
        self._position = 0
        self._silent = 0
        """Number of consecutive files without any response."""

    def pages(self) -> Iterator[list[RawRecord]]:
        """Yield the records, several files at a time."""
        records: list[RawRecord] = []
        characters = 0
        try:
            for url in self._files(self._root, 0, {self._root}):
                new = self._read(url)
                records += new
                characters += sum(len(record.content) for record in new)
                if len(records) >= FILES_PER_PAGE or characters >= CHARACTERS_PER_PAGE:
                    yield records
                    records, characters = [], 0
                if self._silent >= MAX_SILENT:
                    self.reading.fail("gave-up", self._position + 1)
                    break
        except StoppedError:
            if records:
                yield records
            raise
        if records:
            yield records
        if not self._position and self.reading.complete:
            self.reading.fail("no-file")
        self._note_shortfall()

    def _files(self, folder: str, depth: int, visited: set[str]) -> Iterator[str]:
        """Yield the URLs of the files in a folder and its subfolders."""
        try:
            response = self._fetch(folder, {"Accept": "text/html"}, LISTING_BYTES)
            if not depth:
                self._root = self._redirected_root(response.url)
            links = listed(response.body, response.url)
        except PageError as error:
            place: dict[str, Any] = {"folder": unquote(folder)} if depth else {}
            self.reading.fail(error.code, **error.params, **place)
            return
        for link in links:
            if self._silent >= MAX_SILENT:
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

        Redirects to something other than a folder, such as a login form, or to the front page of a
        site are ignored.
        """
        parts = urlsplit(url)
        is_folder = parts.path.endswith("/") and not parts.query
        is_front = parts.path == "/" != urlsplit(self._root).path
        return url if is_folder and not is_front else self._root

    def _read(self, url: str) -> list[RawRecord]:
        self._position += 1
        try:
            elements = self._elements(url)
        except PageError as error:
            if error.unanswered:
                self._silent += 1
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
        self._silent = 0
        try:
            root = parse_xml(response.body, self._session.settings.max_bytes)
            elements = list(kept_in(root))
        except RecordError as error:
            raise PageError(f"xml-{error.code}", **error.params) from error
        if not elements:
            raise PageError("not-iso", root=str(etree.QName(root).localname)[:80])
        return elements


def listed(body: bytes, url: str) -> Iterator[str]:
    """Return the URLs in a listing, in order, except those for sorting and parent folders.

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
    return _below(target.hrefs, url)


def _below(hrefs: Mapping[str, None], url: str) -> Iterator[str]:
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
        # A dict, since a listing may repeat a link a million times.
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
        """Create a reader for one reading of a folder."""
        return WafReader(url, session)

    def read(self, content: str) -> Record:
        """Read an ISO 19139 record."""
        return read_record(parse_xml(content.encode("utf-8")))
