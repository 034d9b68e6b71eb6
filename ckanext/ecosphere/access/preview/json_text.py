"""JSON for people: any document on lines. Pure."""

from __future__ import annotations

import re

#: Strings, the last of which may lack its end, signs, and what stands between them.
_SIGN = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\],:]|[^\s{}\[\],:"]+')
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)
DEEPEST = 40


def readable(document: str) -> str:
    r"""Write the letters of JSON as such that stand there by their numbers.

    Signs of JSON, controls, signs that turn the direction of writing and halves of pairs stay as they are.

    >>> print(readable(r'"Rez\u00e9", "C:\\u00e9", "\u0022"'))
    "Rezé", "C:\\u00e9", "\u0022"
    """
    return _ESCAPE.sub(lambda found: _letter(found[0], found[1]), document)


def _letter(written: str, number: str | None) -> str:
    letter = chr(int(number, 16)) if number else ""
    return letter if letter.isprintable() and letter not in ('"', "\\", "") else written


def on_lines(document: str) -> str:
    """Write JSON, which may end anywhere, on lines; its numbers and strings stay as they are.

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
