"""Decode documents, taking byte order marks and XML declarations into account. No CKAN imports."""

from __future__ import annotations

import codecs
import re

#: Byte order marks, UTF-32 first, since that of UTF-32 LE starts with that of UTF-16 LE.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: Encodings that a document may declare, by Python's names. Other codecs of Python are excluded, since some (punycode,
#: idna) take minutes for a megabyte.
ENCODINGS = frozenset(
    {"utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "ascii", "iso8859-1", "iso8859-15", "cp1252", "mac-roman"}
)
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,100}?\sencoding\s*=\s*["']([\w.:-]{1,40})["']""")
_DECLARATION = re.compile(r"""^(\s*<\?xml[^>]{0,100}?)\sencoding\s*=\s*["'][^"'>]*["']""")


def decoded(data: bytes) -> str:
    """Return a document as text, without the encoding of an XML declaration.

    The encoding is that of the byte order mark, else that of the XML declaration if it is one of `ENCODINGS`, else
    UTF-8. If decoding fails, Windows-1252 is used, in which older French files are written.
    """
    named = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    declared = _DECLARED.match(data)
    for name in filter(None, (named, declared and _known(declared.group(1)), "utf-8")):
        try:
            return without_encoding(data.decode(name))
        except ValueError:
            continue
    return without_encoding(data.decode("cp1252", errors="replace"))


def _known(declared: bytes) -> str | None:
    """Return Python's name of a declared encoding, None if it is not one of `ENCODINGS`."""
    try:
        name = codecs.lookup(declared.decode("ascii")).name
    except (LookupError, ValueError):
        return None
    return name if name in ENCODINGS else None


def without_encoding(text: str) -> str:
    """Return an XML text without the encoding in its declaration, which only applied to the bytes."""
    return _DECLARATION.sub(r"\1", text, count=1)


def sentence_case(text: str) -> str:
    """Return a text with its first letter capitalised."""
    return text[:1].upper() + text[1:]
