"""The text of a document that came as bytes. Pure, no CKAN."""

from __future__ import annotations

import codecs
import re

#: Marks at the start of a document, the longer ones first: UTF-32 starts as UTF-16 does.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: What a document may declare: the character sets in which metadata are written, by Python's names. Python knows many
#: more codecs, and some of them (punycode, idna) take minutes for a megabyte.
ENCODINGS = frozenset(
    {"utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "ascii", "iso8859-1", "iso8859-15", "cp1252", "mac-roman"}
)
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,100}?\sencoding\s*=\s*["']([\w.:-]{1,40})["']""")
_DECLARATION = re.compile(r"""^(\s*<\?xml[^>]{0,100}?)\sencoding\s*=\s*["'][^"'>]*["']""")


def decoded(data: bytes) -> str:
    """Return a document as text.

    A mark at its start counts first, then what an XML document declares if it is one of `ENCODINGS`, then UTF-8. What
    is none of these is taken for the Windows character set of Western Europe, in which older French files are written.
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
    """Python's name of a declared encoding, None when it is none of `ENCODINGS`."""
    try:
        name = codecs.lookup(declared.decode("ascii")).name
    except (LookupError, ValueError):
        return None
    return name if name in ENCODINGS else None


def without_encoding(text: str) -> str:
    """Return an XML text without the encoding that it declares: it was that of the bytes."""
    return _DECLARATION.sub(r"\1", text, count=1)


def sentence_case(text: str) -> str:
    """Return a text with a capital at its beginning."""
    return text[:1].upper() + text[1:]
