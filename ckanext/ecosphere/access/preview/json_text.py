"""Pretty-print JSON without parsing it, also if it is truncated. No CKAN imports."""

from __future__ import annotations

import re

#: Strings, the last of which may be truncated, punctuation, and other tokens.
_SIGN = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\],:]|[^\s{}\[\],:"]+')
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
DEEPEST = 40


def readable(document: str) -> str:
    r"""Replace the ``\uXXXX`` escapes of JSON by their characters.

    Quotation marks, backslashes, control and bidirectional characters and surrogates stay escaped.

    >>> print(readable(r'"Rez\u00e9", "C:\\u00e9", "\u0022"'))
    "Rezé", "C:\\u00e9", "\u0022"
    """
    return _ESCAPE.sub(lambda found: _letter(found[0], found[1]), document)


def _letter(written: str, number: str | None) -> str:
    letter = chr(int(number, 16)) if number else ""
    return letter if letter.isprintable() and letter not in ('"', "\\", "") else written


def on_lines(document: str) -> str:
    """Indent JSON, which may be truncated; numbers and strings are not changed.

    >>> print(on_lines('{"a":[1.50,"é"],"b":{}}'))
    {
      "a": [
        1.50,
        "é"
      ],
      "b": {}
    }
    """
    signs = _SIGN.findall(document)
    parts: list[str] = []
    depth = 0

    def line() -> str:
        return "\n" + "  " * min(depth, DEEPEST)

    for place, sign in enumerate(signs):
        opened = place > 0 and signs[place - 1] in ("{", "[")
        if sign in ("}", "]"):
            depth = max(depth - 1, 0)
            parts.append(sign if opened else line() + sign)
        elif sign in (":", ","):
            parts.append(": " if sign == ":" else "," + line())
        else:
            parts.append(line() + sign if opened else sign)
            depth += sign in ("{", "[")
    return "".join(parts)
