"""Parsing of incoming e-mails: size-limited before parsing, quotations removed, HTML converted to
text.

RFC 5322, 2045–2047 and 3834. Size, nesting and character sets of e-mails are all untrusted.

The header `Authentication-Results` (RFC 8601) says whether DMARC passed. Everything in it but the
verdicts may be chosen by the sender, in comments and quoted strings too.
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
MARKER_LINE = re.compile(r"##--.{0,200}?--##", re.DOTALL)
#: First lines of quotations in French and English. All repetitions are bounded, to limit
#: backtracking.
QUOTATION_STARTS = tuple(
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
#: First half of "Le … a écrit :", which mail programs may wrap.
WRAPPED_START = re.compile(r"^\s*(?:le|on)\b.{3,200}$", re.IGNORECASE)
#: Line above a signature.
SIGNATURE = re.compile(r"^--\s?$")
#: HTML elements that begin and end a line.
BLOCK_ELEMENTS = frozenset({
    "address", "article", "blockquote", "br", "div", "dl", "dd", "dt", "h1", "h2", "h3", "h4", "h5",
    "h6", "hr", "li", "ol", "p", "pre", "section", "table", "tr", "ul",
})  # fmt: skip
#: HTML elements without text of the author.
SKIPPED_ELEMENTS = frozenset({
    "head", "style", "script", "title", "noscript", "template", "object", "iframe", "svg", "math",
    "blockquote",
})  # fmt: skip
#: Classes and ids of HTML elements with which mail programs mark quotations.
QUOTATION_CLASSES = re.compile(
    r"\b(?:gmail_quote|moz-cite-prefix|yahoo_quoted|divRplyFwdMsg|appendonsend|protonmail_quote)\b"
)

#: Bytes of all headers together.
LONGEST_HEADERS = 128 * 1024
#: Bytes of a Content-* header, folded lines included: parsing its parameters takes quadratic time.
LONGEST_CONTENT_HEADER = 8_000
#: Characters of a header that are searched for addresses; of an address, and of a file name.
LONGEST_ADDRESS_HEADER, LONGEST_ADDRESS, LONGEST_FILE_NAME = 32_000, 320, 2_000
#: Characters of a header `Authentication-Results`.
LONGEST_RESULTS = 8_000
#: Characters of a part that are searched for the author's text.
LONGEST_TEXT = 200_000
#: Limits of parts and of containers, hence of nesting: parsing takes time proportional to lines
#: times depth.
MOST_PARTS, MOST_CONTAINERS, MOST_LINES = 60, 12, 400_000
#: Text parts of one type that are searched for the author's text.
MOST_TEXTS = 10
#: Addresses in one header, and headers of one name.
MOST_RECIPIENTS = 50

#: End of the headers of an e-mail: an empty line.
END_OF_HEADERS = re.compile(rb"\r?\n\r?\n")
#: Header of a part that contains others. Other characters may precede the type, since the parser
#: drops more than spaces.
CONTAINER_HEADER = re.compile(
    rb"^content-type:[^a-z/;]*(?:multipart|message)/", re.IGNORECASE | re.MULTILINE
)
#: Any header Content-*, folded lines included.
CONTENT_HEADER = re.compile(
    rb"^content-[a-z-]{1,30}[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE
)
#: Headers that name the recipient, the most reliable first.
RECIPIENT_HEADERS = ("X-Original-To", "Delivered-To", "Envelope-To", "To", "Cc")
#: Headers that only programs set, besides those of RFC 3834.
AUTOMATIC_HEADERS = frozenset({
    "X-Autoreply", "X-Autorespond", "X-Auto-Response", "List-Id", "X-Failed-Recipients",
})  # fmt: skip
#: Values of the header `Precedence` of e-mails that programs send.
AUTOMATIC_PRECEDENCES = ("bulk", "junk", "list", "auto_reply", "auto-reply")
#: Addresses from which programs send.
AUTOMATIC_SENDER = re.compile(
    r"^(?:mailer-daemon|postmaster|no-?reply|bounces?)(?:[+=.-].*)?@", re.IGNORECASE
)
#: How mail programs begin the subject of an absence message, also those that send no header of RFC
#: 3834. An accent that is not encoded as RFC 2047 demands is read as U+FFFD.
AUTOMATIC_SUBJECT = re.compile(
    r"\s*(?:r[ée\u0301\ufffd]{1,2}ponse automatique|absence du bureau"
    r"|auto(?:matic)?[- ]?reply|out of (?:the )?office)\b",
    re.IGNORECASE,
)
#: Media types of cryptographic signatures of the e-mail.
SIGNATURE_TYPES = (
    "application/pkcs7-signature",
    "application/x-pkcs7-signature",
    "application/pgp-signature",
)
#: Encodings of Python not used in e-mails: the first takes quadratic time, the last two can yield
#: any character.
REFUSED_CHARSETS = ("punycode", "idna", "unicode_escape", "raw_unicode_escape")
#: What separates a header into quoted strings, comments and the rest.
QUOTE_MARKS = re.compile(r'\\.|["()]', re.DOTALL)
#: Result of DMARC in a header `Authentication-Results`.
DMARC_RESULT = re.compile(r"\s*dmarc\s*=\s*([a-z]*)", re.IGNORECASE)


class Unreadable(Exception):
    """An e-mail that is not processed: too large, too complex, or not an e-mail.

    Attributes:
        code: too_large, too_complex or broken.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Headers:
    """What is used of the headers of an e-mail.

    Attributes:
        digest: SHA-256 of its Message-ID, or of the whole e-mail when it has none.
        sender: address of its only sender, in lower case, "" when there is none or several.
        recipients: addresses of its recipients, the most reliable first.
        automatic: whether a program wrote it (an absence message, a bounce).
        authentication_results: its `Authentication-Results`, the topmost first.
    """

    digest: str
    sender: str
    recipients: list[str]
    automatic: bool
    authentication_results: list[str]


def digest(*parts: str) -> str:
    """Return the SHA-256 of texts, in hexadecimal."""
    return hashlib.sha256("\n".join(parts).encode("utf-8", "replace")).hexdigest()


def read_headers(raw: bytes, original_recipient: str = "") -> Headers:
    """Read the headers of an e-mail, which suffice to refuse it.

    Args:
        raw: the e-mail, or only its headers.
        original_recipient: address to which it was delivered, "" when the mail server does not say
            it.

    Raises:
        Unreadable: it has no headers, or too long ones.
    """
    block = raw
    end = END_OF_HEADERS.search(raw, 0, LONGEST_HEADERS)
    if end:
        block = raw[: end.end()]
    elif len(raw) > LONGEST_HEADERS:
        raise Unreadable("too_complex")
    message = _parse(block)
    if not message.keys():
        raise Unreadable("broken")
    message_id = _header(message, "Message-ID").encode("utf-8", "replace")
    return Headers(
        digest=hashlib.sha256(message_id or raw).hexdigest(),
        sender=_sender(message),
        recipients=_recipients(message, original_recipient),
        automatic=_is_automatic(message),
        authentication_results=_headers(message, "Authentication-Results"),
    )


def _parse(raw: bytes) -> Message:
    """Parse with the policy that leaves headers alone: the others take quadratic time to parse
    them.

    Raises:
        Unreadable: a header of a part is too long, or the standard library fails on it.
    """
    lines = _lines(raw)
    if any(len(match.group()) > LONGEST_CONTENT_HEADER for match in CONTENT_HEADER.finditer(lines)):
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
    except Exception:
        # Errors of the header parser are not documented: IndexError, ValueError, AttributeError …
        return ""


def _sender(message: Message) -> str:
    """Return the only address in From, "" when there is another entry, valid or not."""
    headers = _headers(message, "From")
    senders = _addresses(headers)
    if len(senders) == 1 and len(headers[0]) <= LONGEST_ADDRESS_HEADER:
        return senders[0]
    return ""


def _headers(message: Message, name: str) -> list[str]:
    try:
        return [" ".join(str(header).split()) for header in message.get_all(name) or []]
    except Exception:  # as in `_header`
        return []


def _addresses(headers: list[str]) -> list[str]:
    """Return the addresses in some headers, in lower case;
    "" for one that is broken or too long.
    """
    try:
        pairs = getaddresses([header[:LONGEST_ADDRESS_HEADER] for header in headers])
    except RecursionError:  # comments within comments
        return []
    return [_normalised(address) for _name, address in pairs[:MOST_RECIPIENTS] if "@" in address]


def _normalised(address: str) -> str:
    if len(address) > LONGEST_ADDRESS:
        return ""
    try:
        return str(Address(addr_spec=address).addr_spec).lower()
    except (ValueError, IndexError, AttributeError, LookupError):
        return ""


def _recipients(message: Message, original: str) -> list[str]:
    addresses = [original.strip().lower()] if original else []
    for name in RECIPIENT_HEADERS:
        addresses += _addresses(_headers(message, name)[:MOST_RECIPIENTS])
    return list(dict.fromkeys(filter(None, addresses)))


def _is_automatic(message: Message) -> bool:
    """Return whether a program wrote an e-mail, as its headers, its sender or its subject say."""
    if _is_marked(message) or _is_bounce(message):
        return True
    subject = _decoded_header(message, "Subject")
    return bool(AUTOMATIC_SENDER.match(_sender(message)) or AUTOMATIC_SUBJECT.match(subject))


def _is_marked(message: Message) -> bool:
    """Return whether a header says that a program wrote an e-mail: of RFC 3834,
    or of some mail programs.
    """
    submitted = _header(message, "Auto-Submitted").split(";")[0].strip().lower()
    if submitted not in ("", "no"):
        return True
    if _header(message, "Precedence").lower() in AUTOMATIC_PRECEDENCES:
        return True
    if _header(message, "X-Auto-Response-Suppress").lower() == "all":
        return True
    return any(message.get(name) is not None for name in AUTOMATIC_HEADERS)


def _is_bounce(message: Message) -> bool:
    """Return whether an e-mail reports a delivery (RFC 6522),
    or has the empty return path of bounces (RFC 5321).
    """
    if _header(message, "Content-Type").lower().startswith("multipart/report"):
        return True
    has_return_path = message.get("Return-Path") is not None
    return has_return_path and _header(message, "Return-Path").strip("<> ") == ""


def _decoded_header(message: Message, name: str) -> str:
    """Return a header with its encoded words (RFC 2047) decoded, as it is where that fails."""
    header = _header(message, name)[:LONGEST_FILE_NAME]
    try:
        return str(make_header(decode_header(header)))
    except Exception:  # as in `_header`
        return header


def read_body(raw: bytes) -> tuple[str, list[FileStorage]]:
    """Return the author's text and the attachments of an e-mail.

    Raises:
        Unreadable: it has too many parts, or too deep ones.
    """
    _refuse_if_too_complex(_lines(raw))
    message = _parse(raw)
    try:
        parts = list(_leaves(message))
    except RecursionError:
        raise Unreadable("too_complex") from None
    if len(parts) > MOST_PARTS:
        raise Unreadable("too_complex")
    text = _text(parts)
    files = [
        FileStorage(BytesIO(_content(part)), _file_name(part) or "piece-jointe")
        for part in parts
        if _is_file(part)
    ]
    return text, files


def _refuse_if_too_complex(lines: bytes) -> None:
    """Count lines, containers and boundaries, before the parser takes time for them."""
    containers = len(CONTAINER_HEADER.findall(lines))
    # The name of a boundary may be empty: it is any line that begins with "--".
    boundaries = (b"\n" + lines).count(b"\n--")
    # One boundary line per part and one more per container; "--" also begins signatures.
    too_many = containers > MOST_CONTAINERS or boundaries > MOST_PARTS * 4
    if too_many or lines.count(b"\n") > MOST_LINES:
        raise Unreadable("too_complex")


def _leaves(message: Message) -> Iterator[Any]:
    """Yield the parts that hold no others, except those of an embedded e-mail,
    which someone else wrote.
    """
    if message.get_content_maintype() == "message":
        return
    if not message.is_multipart():
        yield message
        return
    for part in message.get_payload():
        if isinstance(part, Message):
            yield from _leaves(part)


def _text(parts: list[Any]) -> str:
    """Return the author's text: the first plain text or else HTML part that has any."""
    for media_type in ("text/plain", "text/html"):
        of_type = [part for part in parts if part.get_content_type() == media_type]
        texts = [part for part in of_type if not _is_file(part)]
        for part in texts[:MOST_TEXTS]:
            text = _decoded(part)[:LONGEST_TEXT]
            if media_type == "text/html":
                text = from_html(text)
            if words := own_words(text):
                return words
    return ""


def _decoded(part: Message) -> str:
    raw = _content(part)[: 4 * LONGEST_TEXT]
    try:
        codec = codecs.lookup(str(part.get_content_charset() or "utf-8")).name.replace("-", "_")
        if codec in REFUSED_CHARSETS:
            codec = "utf-8"
        return raw.decode(codec, "replace")
    except (LookupError, ValueError, UnicodeError):
        # An unknown character set, or a codec that is not one ("base64").
        return raw.decode("utf-8", "replace")


def _content(part: Message) -> bytes:
    """Return the decoded content of a part, empty where it has none."""
    content = part.get_payload(decode=True)
    if isinstance(content, bytes):
        return content
    return b""


def own_words(text: str) -> str:
    """Return the text above the quotation, without quoted lines,
    signature and surrounding empty lines.
    """
    text = re.sub(r"\r\n?", "\n", text.replace("\x00", "").replace("\u00a0", " "))
    lines = MARKER_LINE.split(text, maxsplit=1)[0].split("\n")
    words: list[str] = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        wrapped = WRAPPED_START.match(line) and _begins_quotation(f"{line} {following}")
        if wrapped or SIGNATURE.match(line) or _begins_quotation(line):
            break
        if not line.lstrip().startswith(">"):
            # In Markdown, leading spaces would make the line code, and "#" a heading.
            words.append(re.sub(r"^(#{1,6})(?=\s)", r"\\\1", line.strip()))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(words)).strip()


def _begins_quotation(line: str) -> bool:
    return any(pattern.match(line[:500]) for pattern in QUOTATION_STARTS)


def from_html(markup: str) -> str:
    """Return the text of HTML, without quotations and invisible elements;
    "" when it cannot be parsed.
    """
    parser = html.HTMLParser(
        recover=True, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True
    )
    encodable = markup.replace("\x00", "").encode("utf-8", "replace").decode()
    try:
        tree = html.document_fromstring(encodable, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return ""
    for element in list(tree.iter()):
        marks = f"{element.get('class')} {element.get('id')}"
        is_skipped = element.tag in SKIPPED_ELEMENTS or QUOTATION_CLASSES.search(marks)
        if is_skipped and element.getparent() is not None:
            element.tail = f"\n{element.tail or ''}"
            element.drop_tree()
    for element in tree.iter():
        element.text = re.sub(r"\s+", " ", element.text or "")
        element.tail = re.sub(r"[^\S\n]+", " ", element.tail or "")
        if element.tag in BLOCK_ELEMENTS:
            element.tail = f"\n{element.tail}"
        if element.tag in BLOCK_ELEMENTS - {"br"}:
            element.text = f"\n{element.text}"
    return tree.text_content()


def _is_file(part: Message) -> bool:
    """Return whether a part is an attachment.

    Inline pictures (logos in signatures) and signatures are not.
    """
    disposition = part.get_content_disposition()
    if part.get_content_type() in SIGNATURE_TYPES:
        return False
    if disposition == "attachment":
        return True
    is_inline = part.get_content_maintype() == "image" and part.get("Content-ID")
    return not is_inline and bool(_file_name(part))


def _file_name(part: Message) -> str:
    try:
        name = str(part.get_filename() or "")[:LONGEST_FILE_NAME]
        # Many programs encode it, though RFC 2047 forbids to.
        return str(make_header(decode_header(name)))
    except Exception:  # as in `_header`
        return ""


def is_verified(headers: Iterable[str], server: str) -> bool:
    """Return whether a mail server has verified the sender of an e-mail.

    Args:
        headers: its `Authentication-Results`, the topmost first; below the first one of that
            server, all may be forged.
        server: name by which the server signs them (`authserv-id`).
    """
    for header in headers:
        unquoted = "".join(_outside_of_quotes(header[:LONGEST_RESULTS]))
        name, *results = unquoted.split(";")
        if name.split()[:1] == [server]:
            verdicts = {match[1].lower() for match in map(DMARC_RESULT.match, results) if match}
            return len(header) <= LONGEST_RESULTS and verdicts == {"pass"}
    return False


def _outside_of_quotes(header: str) -> Iterator[str]:
    """Yield what is outside of quoted strings and comments, which may be nested."""
    quoted, depth, begin = False, 0, 0
    for mark in QUOTE_MARKS.finditer(header):
        if not quoted and not depth:
            yield header[begin : mark.start()]
        begin = mark.end()
        if mark[0] == '"' and not depth:
            quoted = not quoted
        elif mark[0] == "(" and not quoted:
            depth += 1
        elif mark[0] == ")" and not quoted:
            depth = max(0, depth - 1)
    if not quoted and not depth:
        yield header[begin:]
