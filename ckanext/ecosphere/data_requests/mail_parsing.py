"""Parsing of incoming e-mails: size-limited before parsing, quotations removed, HTML converted to text.

RFC 5322, 2045–2047 and 3834. Size, nesting and character sets of e-mails are all untrusted.

The header `Authentication-Results` (RFC 8601) says whether DMARC passed. Everything in it but the verdicts may be
chosen by the sender, in comments and quoted strings too.
"""

from __future__ import annotations

import codecs
import email
import email.policy
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.header import decode_header, make_header
from email.headerregistry import Address
from email.message import Message
from email.utils import getaddresses
from io import BytesIO
from typing import Any

from lxml import etree, html
from werkzeug.datastructures import FileStorage

#: First line of the portal's e-mails; in a reply, all below it is a quotation.
MARKER = "##-- {words} --##"
_MARKER = re.compile(r"##--.{0,200}?--##", re.DOTALL)
#: First lines of quotations in French and English. All repetitions are bounded, to limit backtracking.
BEGINNINGS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"^\s*(?:le|on)\b.{3,200}(?:a écrit|wrote)\s*(?:\(.{0,40}\))?\s*:\s*$",
        r"^\s*-{2,}\s*(?:message d[’']origine|original message|message transféré"
        r"|forwarded message|réponse)\s*-{2,}",
        r"^\s*_{10,}\s*$",
        r"^\s*(?:de|from)\s*:\s.{1,200}@.{1,200}$",
        r"^\s*(?:envoyé de(?:puis)? mon|sent from my)\s.{1,60}$",
    )
)
SIGNATURE = re.compile(r"^--\s?$")
#: First half of such a line, which mail programs may wrap.
OPENING = re.compile(r"^\s*(?:le|on)\b.{3,200}$", re.IGNORECASE)
BLOCKS = frozenset({
    "address", "article", "blockquote", "br", "div", "dl", "dd", "dt", "h1", "h2", "h3", "h4", "h5",
    "h6", "hr", "li", "ol", "p", "pre", "section", "table", "tr", "ul",
})  # fmt: skip
#: Elements without text of the author, and classes or ids with which mail programs mark quotations.
SILENT = frozenset({
    "head", "style", "script", "title", "noscript", "template", "object", "iframe", "svg", "math",
    "blockquote",
})  # fmt: skip
QUOTED = re.compile(
    r"\b(?:gmail_quote|moz-cite-prefix|yahoo_quoted|divRplyFwdMsg|appendonsend|protonmail_quote)\b"
)


def own_words(text: str) -> str:
    """Return the text above the quotation, without quoted lines, signature and surrounding empty lines."""
    text = re.sub(r"\r\n?", "\n", text.replace("\x00", "").replace("\u00a0", " "))
    if marked := _MARKER.search(text):
        text = text[: marked.start()]
    kept: list[str] = []
    lines = text.split("\n")
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        broken = OPENING.match(line) and _begins_quotation(f"{line} {following}")
        if broken or SIGNATURE.match(line) or _begins_quotation(line):
            break
        if not line.lstrip().startswith(">"):
            # In Markdown, leading spaces would make the line code, and "#" a heading.
            kept.append(re.sub(r"^(#{1,6})(?=\s)", r"\\\1", line.strip()))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def _begins_quotation(line: str) -> bool:
    return any(pattern.match(line[:500]) for pattern in BEGINNINGS)


def from_html(written: str) -> str:
    """Return the text of HTML, without quotations and invisible elements; "" when it cannot be parsed."""
    parser = html.HTMLParser(
        recover=True, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    encodable = written.replace("\x00", "").encode("utf-8", "replace").decode()
    try:
        tree = html.document_fromstring(encodable, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return ""
    for element in list(tree.iter()):
        marks = f"{element.get('class')} {element.get('id')}"
        is_silent = element.tag in SILENT or QUOTED.search(marks)
        if is_silent and element.getparent() is not None:
            element.tail = f"\n{element.tail or ''}"
            element.drop_tree()
    for element in tree.iter():
        element.text = re.sub(r"\s+", " ", element.text or "")
        element.tail = re.sub(r"[^\S\n]+", " ", element.tail or "")
        if element.tag in BLOCKS:
            element.tail = f"\n{element.tail}"
        if element.tag in BLOCKS - {"br"}:
            element.text = f"\n{element.text}"
    return tree.text_content()


LONGEST_HEADERS = 128 * 1024
#: Characters of a Content-* header, folded lines included: parsing its parameters takes quadratic time.
LONGEST_DESCRIPTION = 8_000
LONGEST_ADDRESS, LONGEST_FILE_NAME = 320, 2_000
#: Characters of a header that are searched for addresses.
LONGEST_ADDRESSES = 32_000
#: Encodings of Python not used in e-mails: the first takes quadratic time, the last two can yield any character.
NO_CHARSETS = ("punycode", "idna", "unicode_escape", "raw_unicode_escape")
#: Limits of parts and of containers, hence of nesting: parsing takes time proportional to lines times depth.
MOST_PARTS, MOST_CONTAINERS = 60, 12
MOST_LINES = 400_000
LONGEST_TEXT = 200_000
#: Text parts of one type that are searched for the author's text.
MOST_TEXTS = 10
#: Headers that name the recipient, the most reliable first.
RECIPIENTS = ("X-Original-To", "Delivered-To", "Envelope-To", "To", "Cc")
MOST_RECIPIENTS = 50
#: Header of a container; other characters may precede the type, since the parser drops more than spaces.
CONTAINER = re.compile(
    rb"^content-type:[^a-z/;]*(?:multipart|message)/", re.IGNORECASE | re.MULTILINE
)
DESCRIPTION = re.compile(
    rb"^content-[a-z-]{1,30}[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE
)
#: Shortest form of a boundary line: its name may be empty, or begin with a space.
BOUNDARY = re.compile(rb"^--", re.MULTILINE)
CLOSED = re.compile(rb"\r?\n\r?\n")
IGNORED_PRECEDENCE = ("bulk", "junk", "list", "auto_reply", "auto-reply")
ROBOTS = re.compile(
    r"^(?:mailer-daemon|postmaster|no-?reply|bounces?)(?:[+=.-].*)?@", re.IGNORECASE
)
#: Media types of cryptographic signatures of the e-mail.
SEALS = (
    "application/pkcs7-signature",
    "application/x-pkcs7-signature",
    "application/pgp-signature",
)
#: How mail programs begin the subject of an absence message, also those that send no header of RFC 3834. An accent that
#: is not encoded as RFC 2047 demands is read as U+FFFD.
ABSENCE = re.compile(
    r"\s*(?:r[ée\u0301\ufffd]{1,2}ponse automatique|absence du bureau"
    r"|auto(?:matic)?[- ]?reply|out of (?:the )?office)\b",
    re.IGNORECASE,
)
AUTOMATIC_HEADERS = (
    "X-Autoreply",
    "X-Autorespond",
    "X-Auto-Response",
    "List-Id",
    "X-Failed-Recipients",
)


class Unreadable(Exception):
    """An e-mail that is not processed: too large, too complex, or not an e-mail.

    Attributes:
        code: too_large, too_complex or broken.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Incoming:
    """Data of an e-mail that are used.

    Attributes:
        digest: SHA-256 of its Message-ID, or of the whole e-mail when it has none.
        sender: address of its only sender, in lower case, "" when there is none or several.
        recipients: addresses of its recipients, the most reliable first.
        automatic: whether a program wrote it (an absence message, a bounce).
        results: its `Authentication-Results`, the topmost first.
    """

    digest: str
    sender: str
    recipients: list[str]
    automatic: bool
    results: list[str]


def digest(*parts: str) -> str:
    """Return the SHA-256 of texts, in hexadecimal."""
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()


def head(raw: bytes, original_recipient: str = "") -> Incoming:
    """Read the headers of an e-mail, which suffice to refuse it.

    Raises:
        Unreadable: it has no headers, or too long ones.
    """
    end = CLOSED.search(raw, 0, LONGEST_HEADERS)
    block = raw[: end.end()] if end else raw[:LONGEST_HEADERS]
    if end is None and len(raw) > LONGEST_HEADERS:
        raise Unreadable("too_complex")
    message = _parse(block)
    if not message.keys():
        raise Unreadable("broken")
    identifier = _header(message, "Message-ID")
    made_of = identifier.encode("utf-8", "replace") if identifier else raw
    return Incoming(
        digest=hashlib.sha256(made_of).hexdigest(),
        sender=_sender(message),
        recipients=_recipients(message, original_recipient),
        automatic=_is_automatic(message),
        results=_headers(message, "Authentication-Results"),
    )


def body(raw: bytes) -> tuple[str, list[FileStorage]]:
    """Return the author's text and the attachments of an e-mail.

    Raises:
        Unreadable: it has too many parts, or too deep ones.
    """
    lines = _lines(raw)
    tangled = len(CONTAINER.findall(lines)) > MOST_CONTAINERS or lines.count(b"\n") > MOST_LINES
    # One boundary line per part and one more per container; "--" also begins signatures.
    if tangled or sum(1 for _each in BOUNDARY.finditer(lines)) > MOST_PARTS * 4:
        raise Unreadable("too_complex")
    message = _parse(raw)
    try:
        parts = list(_leaves(message))
    except RecursionError:
        raise Unreadable("too_complex") from None
    if len(parts) > MOST_PARTS:
        raise Unreadable("too_complex")
    return _text(parts), [_file(part) for part in parts if _is_file(part)]


def _parse(raw: bytes) -> Message:
    """Parse with the policy that leaves headers alone: the others take quadratic time to parse them.

    Raises:
        Unreadable: a header of a part is too long, or the standard library fails on it.
    """
    if any(len(match.group()) > LONGEST_DESCRIPTION for match in DESCRIPTION.finditer(_lines(raw))):
        raise Unreadable("too_complex")
    try:
        return email.message_from_bytes(raw, policy=email.policy.compat32)
    except (RecursionError, ValueError, LookupError, TypeError, IndexError):
        raise Unreadable("broken") from None


def _lines(raw: bytes) -> bytes:
    """Normalise line ends as the parser sees them: it treats a lone carriage return as one."""
    return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _header(message: Message, name: str) -> str:
    """Return a header as text, "" for a broken one on which the standard library fails."""
    try:
        return " ".join(str(message.get(name) or "").split())
    except (
        Exception
    ):  # errors of the header parser are not documented: IndexError, ValueError, AttributeError …
        return ""


def _decoded_header(message: Message, name: str) -> str:
    """Return a header with its encoded words (RFC 2047) decoded, as it is where that fails."""
    written = _header(message, name)[:LONGEST_FILE_NAME]
    try:
        return str(make_header(decode_header(written)))
    except Exception:  # as above
        return written


def _headers(message: Message, name: str) -> list[str]:
    try:
        return [" ".join(str(header).split()) for header in message.get_all(name) or []]
    except Exception:  # as above
        return []


def _sender(message: Message) -> str:
    """Return the only address in From, "" when there is another entry, valid or not."""
    written = _headers(message, "From")
    senders = _listed(written)
    if len(senders) == 1 and len(written[0]) <= LONGEST_ADDRESSES:
        return senders[0]
    return ""


def _listed(written: list[str]) -> list[str]:
    """Return the addresses in some headers, in lower case; "" for one that is broken or too long."""
    try:
        pairs = getaddresses([header[:LONGEST_ADDRESSES] for header in written])
    except RecursionError:  # comments within comments
        return []
    return [_address(address) for _name, address in pairs[:MOST_RECIPIENTS] if "@" in address]


def _address(written: str) -> str:
    if len(written) > LONGEST_ADDRESS:
        return ""
    try:
        return str(Address(addr_spec=written).addr_spec).lower()
    except (ValueError, IndexError, AttributeError, LookupError):
        return ""


def _recipients(message: Message, original: str) -> list[str]:
    addresses = [original.strip().lower()] if original else []
    for name in RECIPIENTS:
        addresses += _listed(_headers(message, name)[:MOST_RECIPIENTS])
    return list(dict.fromkeys(filter(None, addresses)))


def _is_automatic(message: Message) -> bool:
    submitted = _header(message, "Auto-Submitted").split(";")[0].strip().lower()
    returned = (
        message.get("Return-Path") is not None
        and _header(message, "Return-Path").strip("<> ") == ""
    )
    report = _header(message, "Content-Type").lower().startswith("multipart/report")
    return (
        submitted not in ("", "no")
        or _header(message, "Precedence").lower() in IGNORED_PRECEDENCE
        or returned
        or report
        or any(message.get(name) is not None for name in AUTOMATIC_HEADERS)
        or _header(message, "X-Auto-Response-Suppress").lower() == "all"
        or bool(ROBOTS.match(_sender(message)))
        or bool(ABSENCE.match(_decoded_header(message, "Subject")))
    )


def _leaves(message: Message) -> Iterator[Any]:
    """Yield the parts that hold no others, except those of an embedded e-mail, which someone else wrote."""
    if message.get_content_maintype() == "message":
        return
    if not message.is_multipart():
        yield message
        return
    for part in message.get_payload():
        if isinstance(part, Message):
            yield from _leaves(part)


def _is_file(part: Message) -> bool:
    """Return whether a part is an attachment; inline pictures (logos in signatures) and signatures are not."""
    disposition = part.get_content_disposition()
    within = (
        disposition != "attachment"
        and part.get_content_maintype() == "image"
        and part.get("Content-ID")
    )
    if within or part.get_content_type() in SEALS:
        return False
    return disposition == "attachment" or bool(_file_name(part))


def _file_name(part: Message) -> str:
    try:
        name = str(part.get_filename() or "")[:LONGEST_FILE_NAME]
        return str(
            make_header(decode_header(name))
        )  # many programs encode it in a way that RFC 2047 forbids
    except Exception:  # as in `_header`
        return ""


def _file(part: Message) -> FileStorage:
    content = part.get_payload(decode=True)
    raw = content if isinstance(content, bytes) else b""
    return FileStorage(BytesIO(raw), _file_name(part) or "piece-jointe")


def _text(parts: list[Any]) -> str:
    """Return the author's text: the first plain text or else HTML part that has any."""
    for kind, read in (("text/plain", str), ("text/html", from_html)):
        texts = [part for part in parts if part.get_content_type() == kind and not _is_file(part)]
        for part in texts[:MOST_TEXTS]:
            if written := own_words(read(_decoded(part)[:LONGEST_TEXT])):
                return written
    return ""


def _decoded(part: Message) -> str:
    content = part.get_payload(decode=True)
    raw = content if isinstance(content, bytes) else b""
    try:
        charset = codecs.lookup(str(part.get_content_charset() or "utf-8")).name.replace("-", "_")
        charset = "utf-8" if charset in NO_CHARSETS else charset
        return raw[: 4 * LONGEST_TEXT].decode(charset, "replace")
    except (LookupError, ValueError, UnicodeError):
        # An unknown character set, or a codec that is not one ("base64").
        return raw[: 4 * LONGEST_TEXT].decode("utf-8", "replace")


LONGEST_RESULTS = 8_000
#: What separates a header into quoted strings, comments and the rest.
_QUOTE_MARKS = re.compile(r'\\.|["()]', re.DOTALL)
_VERDICT = re.compile(r"\s*dmarc\s*=\s*([a-z]*)", re.IGNORECASE)


def is_verified(headers: Iterable[str], server: str) -> bool:
    """Return whether a mail server has verified the sender of an e-mail.

    Args:
        headers: its `Authentication-Results`, the topmost first; below the first one of that server, all may be forged.
        server: name by which the server signs them (`authserv-id`).
    """
    for header in headers:
        name, *results = "".join(_outside_of_quotes(header[:LONGEST_RESULTS])).split(";")
        if name.split()[:1] == [server]:
            verdicts = {match[1].lower() for match in map(_VERDICT.match, results) if match}
            return len(header) <= LONGEST_RESULTS and verdicts == {"pass"}
    return False


def _outside_of_quotes(header: str) -> Iterator[str]:
    """Yield what is outside of quoted strings and comments, which may be nested."""
    quoted, depth, begin = False, 0, 0
    for mark in _QUOTE_MARKS.finditer(header):
        if not quoted and not depth:
            yield header[begin : mark.start()]
        begin = mark.end()
        if mark[0] == '"' and not depth:
            quoted = not quoted
        elif not quoted:
            depth = max(0, depth + {"(": 1, ")": -1}.get(mark[0], 0))
    if not quoted and not depth:
        yield header[begin:]
