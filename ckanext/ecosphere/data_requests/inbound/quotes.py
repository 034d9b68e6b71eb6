"""Extraction of the author's own text from a reply, without quotations, and conversion of HTML to text.

The library mail-parser-reply (1.36) is no substitute: it keeps most French quotations of `test_inbound.py`, and parses
60,000 characters of an outsider in 12 seconds.
"""

from __future__ import annotations

import re

from lxml import etree, html

#: First line of the portal's e-mails; in a reply, all below it is a quotation.
MARKER = "##-- {words} --##"
_MARKER = re.compile(r"##--.{0,200}?--##", re.DOTALL)
#: First lines of quotations in French and English. All repetitions are bounded, to limit backtracking.
BEGINNINGS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"^\s*(?:le|on)\b.{3,200}(?:a écrit|wrote)\s*(?:\(.{0,40}\))?\s*:\s*$",
        r"^\s*-{2,}\s*(?:message d[’']origine|original message|message transféré|forwarded message|réponse)\s*-{2,}",
        r"^\s*_{10,}\s*$",
        r"^\s*(?:de|from)\s*:\s.{1,200}@.{1,200}$",
        r"^\s*(?:envoyé de(?:puis)? mon|sent from my)\s.{1,60}$",
    )
)
SIGNATURE = re.compile(r"^--\s?$")
#: First half of such a line, which mail programs may wrap.
OPENING = re.compile(r"^\s*(?:le|on)\b.{3,200}$", re.IGNORECASE)
BLOCKS = frozenset({
    "address", "article", "blockquote", "br", "div", "dl", "dd", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li",
    "ol", "p", "pre", "section", "table", "tr", "ul",
})  # fmt: skip
#: Elements without text of the author, and classes or ids with which mail programs mark quotations.
SILENT = frozenset(
    ("head", "style", "script", "title", "noscript", "template", "object", "iframe", "svg", "math", "blockquote")
)
QUOTED = re.compile(r"\b(?:gmail_quote|moz-cite-prefix|yahoo_quoted|divRplyFwdMsg|appendonsend|protonmail_quote)\b")


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
    parser = html.HTMLParser(recover=True, no_network=True, huge_tree=False, remove_comments=True, remove_pis=True)
    try:
        tree = html.document_fromstring(written.replace("\x00", "").encode("utf-8", "replace").decode(), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError):
        return ""
    pieces: list[str] = []
    skipped = 0
    for event, element in etree.iterwalk(tree, events=("start", "end")):
        tag = element.tag if isinstance(element.tag, str) else ""
        silent = tag in SILENT or bool(QUOTED.search(f"{element.get('class') or ''} {element.get('id') or ''}"))
        if event == "start":
            skipped += silent
            if not skipped:
                pieces.append("\n" if tag in BLOCKS else "")
                pieces.append(re.sub(r"\s+", " ", element.text or ""))
            continue
        skipped -= silent
        if not skipped:
            pieces.append("\n" if tag in BLOCKS - {"br"} else "")
            pieces.append(re.sub(r"\s+", " ", element.tail or ""))
    return "".join(pieces)
