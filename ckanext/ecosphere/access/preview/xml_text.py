"""Pretty-print XML without parsing it, also if it is truncated. No CKAN imports."""

from __future__ import annotations

import re

#: Tags, the last of which may be truncated, and text between them.
_SIGN = re.compile(r"<[^>]*>?|[^<]+")
_DECLARATION = re.compile(r"<\?xml[^>]{0,400}>")
_NO_ELEMENT = ("<!", "<?")
DEEPEST = 40


def is_one_line(document: str) -> bool:
    """Return whether a document has no line breaks, apart from its declaration."""
    return "\n" not in _DECLARATION.sub("", document, count=1).strip()


def on_lines(document: str) -> str:
    """Indent XML, which may be truncated; elements with only text stay on one line.

    >>> print(on_lines('<a><b n="1">été</b><c/></a>'))
    <a>
      <b n="1">été</b>
      <c/>
    </a>
    """
    parts: list[str] = []
    depth = 0
    before = ""

    def line() -> str:
        return "\n" + "  " * min(depth, DEEPEST)

    for sign in filter(str.strip, _SIGN.findall(document)):
        if sign.startswith("</"):
            depth = max(depth - 1, 0)
            parts.append(sign if before in ("start", "its text") else line() + sign)
            before = "end"
        elif not sign.startswith("<"):
            parts.append(sign if before == "start" else line() + sign.strip())
            before = "its text" if before == "start" else "text"
        else:
            parts.append(line() + sign)
            is_start = not sign.startswith(_NO_ELEMENT) and not sign.endswith("/>")
            depth += is_start
            before = "start" if is_start else "end"
    return "".join(parts).lstrip("\n")
