"""XML for people: a document that was written without lines, on lines. Pure."""

from __future__ import annotations

import re

#: Tags, the last of which may lack its end, and what stands between them.
_SIGN = re.compile(r"<[^>]*>?|[^<]+")
_DECLARATION = re.compile(r"<\?xml[^>]{0,400}>")
_NO_ELEMENT = ("<!", "<?")
DEEPEST = 40


def is_one_line(document: str) -> bool:
    """Whether a document has no lines of its own, but for its declaration."""
    return "\n" not in _DECLARATION.sub("", document, count=1).strip()


def on_lines(document: str) -> str:
    """Write XML, which may end anywhere, on lines; an element that has a text alone stays on one.

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
