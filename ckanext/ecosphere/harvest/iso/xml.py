"""Hardened parser for untrusted XML: no declarations are followed, and size is bounded.

A document that is not well-formed for one of the few reasons seen in real catalogues is repaired by
rules and parsed once more. Any other is refused with a `RecordError`.

Safety: no DOCTYPE (hence no entities, internal or external), no network, libxml2's limits on depth
(256) and on the size of one text (10 MB) kept, and limits on bytes, elements and the length of a
tag, because a document of twenty million bytes can hold five million elements.
"""

from __future__ import annotations

import codecs
import html.entities
import re
from collections.abc import Callable

from lxml import etree

from ckanext.ecosphere.harvest.problems import RecordError
from ckanext.ecosphere.shared import parsing
from ckanext.ecosphere.shared.parsing import Element

MAX_BYTES = 32 * 1024 * 1024
"""Maximum size of a document after decompression, in bytes; a page of 50 records is about 2 MB."""
MAX_ELEMENTS = 600_000
"""Maximum elements of a document; 8 000 links take about 100 000."""
MAX_TAG = 100_000
"""Maximum length of a start tag, in bytes, since parsing very many attributes is slow."""
MAX_TEXT = 1_000_000
"""Maximum length of one text, in bytes; longer ones are cut."""

_SNIFF = 1024
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WITHOUT_BOM = (
    (b"<\x00\x00\x00", "utf-32-le"),
    (b"\x00\x00\x00<", "utf-32-be"),
    (b"<\x00", "utf-16-le"),
    (b"\x00<", "utf-16-be"),
)
_SINGLE_BYTE = {
    "iso-8859-1": "iso-8859-1",
    "latin-1": "iso-8859-1",
    "latin1": "iso-8859-1",
    "iso-8859-15": "iso-8859-15",
    "windows-1252": "windows-1252",
    "cp1252": "windows-1252",
}
"""Declared encoding → name for the parser."""
_UTF8 = {"utf-8", "utf8", "us-ascii", "ascii"}

_DECLARATION = re.compile(rb"<\?xml\b[^>]{0,500}?\?>")
_DECLARED = re.compile(rb"encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_MISC = re.compile(rb"\s+|<\?.*?\?>|<!--.*?-->", re.DOTALL)
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]|\xef\xbf[\xbe\xbf]")
_CONTROL_REF = re.compile(
    rb"&#(?:0*(?:[0-8]|1[124-9]|2[0-9]|3[01])|[xX]0*(?:[0-8bcBC]|[01][0-9a-fA-F]));"
)
_PAIR_REF = re.compile(
    rb"&#(?:(5[56]\d{3})|[xX]([dD][89abAB][0-9a-fA-F]{2}));"
    rb"&#(?:(5[67]\d{3})|[xX]([dD][c-fC-F][0-9a-fA-F]{2}));"
)
_HALF_REF = re.compile(
    rb"&#(?:5529[6-9]|55[3-9]\d\d|56\d{3}|57[0-2]\d\d|573[0-3]\d|5734[0-3]"
    rb"|[xX][dD][89a-fA-F][0-9a-fA-F]{2});"
)
_NAMED_REF = re.compile(rb"&([A-Za-z][A-Za-z0-9]{1,31});")
_BARE_AMPERSAND = re.compile(
    rb"&(?!(?:[A-Za-z][A-Za-z0-9]{0,31}|#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6});)"
)
_LONG_TAG = re.compile(rb"<[A-Za-z_][^<>]{%d,}" % MAX_TAG)
_LONG_TEXT = re.compile(rb">([^<]{%d,})<" % (MAX_TEXT + 1))
_ROOT_TAG = re.compile(rb"<[A-Za-z_][\w.:-]*")
_XML_NAMES = {b"amp", b"lt", b"gt", b"quot", b"apos"}

WELL_KNOWN_PREFIXES = {
    "csw": "http://www.opengis.net/cat/csw/2.0.2",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dct": "http://purl.org/dc/terms/",
    "gco": "http://www.isotc211.org/2005/gco",
    "geonet": "http://www.fao.org/geonetwork",
    "gmd": "http://www.isotc211.org/2005/gmd",
    "gmi": "http://www.isotc211.org/2005/gmi",
    "gml": "http://www.opengis.net/gml/3.2",
    "gmx": "http://www.isotc211.org/2005/gmx",
    "gts": "http://www.isotc211.org/2005/gts",
    "ows": "http://www.opengis.net/ows",
    "srv": "http://www.isotc211.org/2005/srv",
    "xlink": "http://www.w3.org/1999/xlink",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}
"""Prefixes that some records use without declaring them."""


def _cp1252(error: UnicodeError) -> tuple[str, int]:
    """Decode bytes that are not UTF-8 as Windows-1252 (a superset of printable Latin-1)."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    return bad.decode("cp1252", "replace"), error.end


codecs.register_error("ecosphere-cp1252", _cp1252)


def parse_xml(data: bytes, max_bytes: int = MAX_BYTES) -> Element:
    """Parse a document and return its root.

    Args:
        data: the bytes as received, decompressed.
        max_bytes: maximum size.

    Raises:
        RecordError: the document is refused; the code states why.
    """
    data = _bounded(_as_ascii_superset(data, max_bytes))
    _refuse_doctype(data)
    try:
        root = etree.fromstring(data, parsing.xml_parser(_encoding(data)))
    except etree.XMLSyntaxError as error:
        root = _parse_repaired(data, error)
    except (ValueError, LookupError) as error:
        raise RecordError("not-well-formed", line=1, detail=str(error)[:200]) from error
    if root.getroottree().docinfo.doctype:
        raise RecordError("doctype")
    return root


def _encoding(data: bytes) -> str:
    """Return the encoding to give to the parser, so that it does not detect one
    itself (UTF-7, EBCDIC, UCS-4…).
    """
    return _SINGLE_BYTE.get(_declared_encoding(data), "utf-8")


# --- what the bytes are ------------------------------------------------------------------


def _as_ascii_superset(data: bytes, max_bytes: int) -> bytes:
    """Convert any supported encoding to one where markup is plain ASCII,
    so that it can be checked.
    """
    if not data:
        raise RecordError("empty")
    if len(data) > max_bytes:
        raise RecordError("too-large", size=len(data), limit=max_bytes)
    mark, encoding = next((pair for pair in _BOMS if data.startswith(pair[0])), (b"", ""))
    data = data[len(mark) :]
    if not mark:
        encoding = next((name for start, name in _WITHOUT_BOM if data.startswith(start)), "")
    if encoding.startswith(("utf-16", "utf-32")):
        text = data.decode(encoding, "replace")
        data = _without_declaration(text.encode("utf-8", "replace"))
    data = data.lstrip(b" \t\r\n\x00\x0b\x0c").removeprefix(codecs.BOM_UTF8).lstrip()
    if not data:
        raise RecordError("empty")
    return _checked_encoding(data)


def _checked_encoding(data: bytes) -> bytes:
    name = _declared_encoding(data)
    if name in _UTF8 or name in _SINGLE_BYTE:
        return data
    if name.startswith(("utf-16", "ucs-2", "iso-10646")):
        # Declared as UTF-16, but the markup is ASCII: the declaration is wrong.
        return _without_declaration(data)
    raise RecordError("encoding", encoding=name)


def _declared_encoding(data: bytes) -> str:
    declared = _DECLARED.search(_declaration(data))
    return declared.group(1).decode("ascii").lower() if declared else "utf-8"


def _declaration(data: bytes) -> bytes:
    match = _DECLARATION.match(data[:_SNIFF])
    return match.group() if match else b""


def _without_declaration(data: bytes) -> bytes:
    data = data.lstrip()
    return data[len(_declaration(data)) :].lstrip()


# --- what is refused or cut before parsing -----------------------------------------------


def _bounded(data: bytes) -> bytes:
    count = data.count(b"<")
    if count // 2 > MAX_ELEMENTS:
        raise RecordError("too-many-elements", count=count // 2, limit=MAX_ELEMENTS)
    if len(data) > MAX_TAG and _LONG_TAG.search(data):
        raise RecordError("tag-too-long", limit=MAX_TAG)
    if len(data) > MAX_TEXT:
        return _LONG_TEXT.sub(_cut_text, data)
    return data


def _cut_text(match: re.Match[bytes]) -> bytes:
    """Cut a text between two tags, without splitting a character or a reference."""
    text = match.group(1)[:MAX_TEXT].decode("utf-8", "ignore").encode()
    reference = text.rfind(b"&", -40)
    if reference != -1 and b";" not in text[reference:]:
        text = text[:reference]
    return b">" + text + "…".encode() + b"<"


def _refuse_doctype(data: bytes) -> None:
    """Refuse a DOCTYPE or a web page: check what precedes the root,
    the only place where a DOCTYPE can be.
    """
    position = 0
    while match := _MISC.match(data, position):
        position = match.end()
    head = data[position : position + 200].lower()
    if head.startswith((b"<html", b"<!doctype html")):
        raise RecordError("html")
    if head.startswith(b"<!"):
        raise RecordError("doctype")


# --- repairs -----------------------------------------------------------------------------


def _decode_to_utf8(data: bytes) -> bytes:
    name = _declared_encoding(data)
    if name in _SINGLE_BYTE:
        text = data.decode("cp1252" if name != "iso-8859-15" else name, "replace")
    else:
        text = data.decode("utf-8", "ecosphere-cp1252")
    return _without_declaration(text.encode("utf-8"))


def _decode_latin1(data: bytes) -> bytes:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return _decode_to_utf8(data)
    return data


def _remove_control_characters(data: bytes) -> bytes:
    """Remove characters that XML does not allow.

    Combine UTF-16 surrogate pairs (emoji) into one character.
    """
    data = _PAIR_REF.sub(_combine_surrogates, data)
    for pattern in (_CONTROL, _CONTROL_REF, _HALF_REF):
        data = pattern.sub(b"", data)
    return data


def _combine_surrogates(match: re.Match[bytes]) -> bytes:
    """Return the reference to the character of a surrogate pair (Unicode standard, section 3.9)."""
    high, low = _code_point(*match.group(1, 2)), _code_point(*match.group(3, 4))
    if 0xD800 <= high < 0xDC00 <= low < 0xE000:  # noqa: PLR2004 - the ranges of surrogates
        return b"&#%d;" % (0x10000 + ((high - 0xD800) << 10) + low - 0xDC00)
    return match.group()


def _code_point(decimal: bytes | None, hexadecimal: bytes) -> int:
    if decimal:
        return int(decimal)
    return int(hexadecimal, 16)


def _replace_html_entities(data: bytes) -> bytes:
    def character(match: re.Match[bytes]) -> bytes:
        name = match.group(1)
        code = html.entities.name2codepoint.get(name.decode("ascii"))
        return match.group() if code is None or name in _XML_NAMES else b"&#%d;" % code

    return _NAMED_REF.sub(character, data)


def _escape_bare_ampersands(data: bytes) -> bytes:
    return _BARE_AMPERSAND.sub(b"&amp;", data)


def _remove_inner_declarations(data: bytes) -> bytes:
    """Remove the XML declarations of records that a catalogue pasted into its page unchanged."""
    start = len(_declaration(data))
    return data[:start] + _DECLARATION.sub(b"", data[start:])


def _declare_prefixes(data: bytes) -> bytes:
    """Declare well-known prefixes on the root that are used but not declared."""
    root = _ROOT_TAG.search(data)
    if not root:
        return data
    declared = data[root.start() : data.find(b">", root.end())]
    missing = [
        b' xmlns:%s="%s"' % (prefix.encode(), uri.encode())
        for prefix, uri in WELL_KNOWN_PREFIXES.items()
        if b"xmlns:%s" % prefix.encode() not in declared
        and re.search(rb"[</\s]%s:" % prefix.encode(), data)
    ]
    return data[: root.end()] + b"".join(missing) + data[root.end() :]


REPAIRS: tuple[Callable[[bytes], bytes], ...] = (
    _decode_latin1,
    _remove_inner_declarations,
    _remove_control_characters,
    _replace_html_entities,
    _escape_bare_ampersands,
    _declare_prefixes,
)
"""Repair rules, applied in this order to a document that is not well-formed before it is parsed
once more."""


def _parse_repaired(data: bytes, error: etree.XMLSyntaxError) -> Element:
    repaired = data
    for rule in REPAIRS:
        repaired = rule(repaired)
    if repaired == data:
        raise _refusal(data, error) from error
    _refuse_doctype(repaired)
    try:
        return etree.fromstring(repaired, parsing.xml_parser(_encoding(repaired)))
    except (etree.XMLSyntaxError, ValueError, LookupError) as again:
        raise _refusal(repaired, again) from again


def _refusal(data: bytes, error: Exception) -> RecordError:
    detail = str(getattr(error, "msg", error) or error)
    line = getattr(error, "lineno", None) or 1
    lower = detail.lower()
    if "excessive depth" in lower or "maximum depth" in lower:
        return RecordError("too-deep")
    if "premature end" in lower or (
        "start tag expected" not in lower and not data.rstrip().endswith(b">")
    ):
        return RecordError("truncated", line=line)
    return RecordError("not-well-formed", line=line, detail=detail.partition(", line ")[0][:200])
