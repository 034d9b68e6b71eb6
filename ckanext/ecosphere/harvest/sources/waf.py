"""Source type `ecosphere_waf`: nested folders of ISO 19139 files on a web server (Apache, nginx, IIS listings)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from lxml import etree

from ckanext.ecosphere.harvest.iso.reader import kept_in, read_record
from ckanext.ecosphere.harvest.iso.xml import parse_xml
from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.harvest.record import Record
from ckanext.ecosphere.harvest.sources.base import Page, RawRecord, Reading, SourceReader
from ckanext.ecosphere.harvest.sources.csw_answer import PageError, raw_record
from ckanext.ecosphere.harvest.sources.fetching import MAX_SILENT, add_up, fetch, unanswered
from ckanext.ecosphere.harvest.sources.source_type import COMMON_OPTIONS, SourceType
from ckanext.ecosphere.shared.http_guard import FetchRefusedError, GuardedSession, StoppedError, checked_url
from ckanext.ecosphere.shared.messages import N_

MAX_DEPTH = 8
MAX_FILES = 200_000
FILES_PER_PAGE = 50
CHARACTERS_PER_PAGE = 8 * 1024 * 1024
LISTING_BYTES = 16 * 1024 * 1024
"""Maximum size of a listing; one with 100 000 files has about 15 MB."""


class WafReader:
    """Reads a folder and its subfolders once; see `SourceReader`.

    A folder or file that cannot be fetched is reported and makes the reading incomplete; the others are read.

    Args:
        url: URL of the folder.
        session: the guarded HTTP session.
    """

    def __init__(self, url: str, session: GuardedSession):
        self.reading = Reading()
        self._session = session
        self._root = url if urlsplit(url).path.endswith("/") else f"{url}/"
        self._position = 0
        self._silent = 0  # consecutive files without any response

    def pages(self) -> Iterator[Page]:
        """Yield the records, several files at a time."""
        records: list[RawRecord] = []
        size = 0
        try:
            for url in self._files(self._root, 0, {self._root}):
                found = self._read(url)
                records += found
                size += sum(len(record.content) for record in found)
                if len(records) >= FILES_PER_PAGE or size >= CHARACTERS_PER_PAGE:
                    yield Page(records)
                    records, size = [], 0
                if self._silent >= MAX_SILENT:
                    self.reading.fail("gave-up", self._position + 1)
                    break
        except StoppedError:
            if records:
                yield Page(records)
            raise
        if records:
            yield Page(records)
        if not self._position and self.reading.complete:
            self.reading.fail("no-file")
        add_up(self.reading, self._session)

    def _files(self, folder: str, depth: int, seen: set[str]) -> Iterator[str]:
        try:
            response = fetch(self._session, folder, {"Accept": "text/html"}, LISTING_BYTES)
            if not depth:
                self._root = self._where_it_is(response.url)
            links = listed(response.body, response.url)
        except PageError as error:
            where: dict[str, Any] = {"folder": unquote(folder)} if depth else {}
            self.reading.fail(error.code, **error.params, **where)
            return
        for link in links:
            if self._silent >= MAX_SILENT:
                return
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

    def _where_it_is(self, url: str) -> str:
        """Return the URL of the folder after redirects: https, another host, escaped accents.

        Redirects to something other than a folder, such as a login form, or to the front page of a site are ignored.
        """
        parts = urlsplit(url)
        is_folder = parts.path.endswith("/") and not parts.query
        is_front = parts.path == "/" != urlsplit(self._root).path
        return url if is_folder and not is_front else self._root

    def _read(self, url: str) -> list[RawRecord]:
        self._position += 1
        try:
            response = fetch(self._session, url, {"Accept": "application/xml, text/xml"})
            self._silent = 0
            root = parse_xml(response.body, self._session.settings.max_bytes)
            elements = list(kept_in(root))
            if not elements:
                raise PageError("not-iso", root=str(etree.QName(root).localname)[:80])
        except (PageError, RecordError) as error:
            code = error.code if isinstance(error, PageError) else f"xml-{error.code}"
            self._silent += isinstance(error, PageError) and unanswered(error)
            self.reading.fail(code, self._position, self._position, **error.params, file=unquote(url))
            return []
        records = [raw_record(element, self._position) for element in elements]
        self.reading.received += len(records)
        return records


def listed(body: bytes, url: str) -> Iterator[str]:
    """Return the URLs in a listing, in order, except those for sorting and parent folders.

    Raises:
        PageError: it is not a web page.
    """
    if b"<" not in body[:2000] or body.lstrip()[:5].lower() == b"<?xml":
        raise PageError("not-listing")
    target = _Links()
    try:
        etree.fromstring(body, etree.HTMLParser(target=target, no_network=True))  # type: ignore[arg-type]
    except (etree.XMLSyntaxError, ValueError) as error:
        raise PageError("not-listing") from error
    return _below(target.hrefs, url)


def _below(hrefs: Iterable[str], url: str) -> Iterator[str]:
    for href in hrefs:
        try:
            link, _fragment = urldefrag(checked_url(urljoin(url, href.strip()).replace(" ", "%20")))
            query = urlsplit(link).query
        except (ValueError, FetchRefusedError):  # malformed IPv6 addresses, other schemes
            continue
        if not query and len(link) > len(url):
            yield link


class _Links:
    """Collects the links of a web page during parsing, so that no tree is built in memory."""

    def __init__(self) -> None:
        self.hrefs: dict[str, None] = {}  # a dict, since a listing may repeat a link a million times

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Collect the URL of a link."""
        if tag == "a" and (href := attributes.get("href")):
            self.hrefs[href] = None

    def close(self) -> dict[str, None]:
        """Return the collected URLs."""
        return self.hrefs


class WafSource(SourceType):
    """Source type for folders of files."""

    type_name = "ecosphere_waf"
    title = N_("Folder of files (WAF, ISO 19139)")
    description = N_("A folder of a web server whose listing names XML files, with those of its sub-folders.")
    options = COMMON_OPTIONS

    def make_reader(self, url: str, settings: dict[str, Any], session: GuardedSession) -> SourceReader:
        """Create a reader for one reading of a folder."""
        return WafReader(url, session)

    def read(self, content: str) -> Record:
        """Read an ISO 19139 record."""
        return read_record(parse_xml(content.encode("utf-8")))
