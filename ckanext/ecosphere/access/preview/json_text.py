"""JSON for people: any document on lines. Pure."""

from __future__ import annotations

import re

#: Strings, the last of which may lack its end, signs, and what stands between them.
_SIGN = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\],:]|[^\s{}\[\],:"]+')
DEEPEST = 40


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
