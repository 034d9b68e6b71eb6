"""Texts that slow programs down, break them, or would run in a browser,
for the tests of every room.
"""

from __future__ import annotations

from collections.abc import Iterator

#: Units to repeat.
UNITS = (
    "a", "1", " ", "\n", "\t", "a ", "1 ", "-", "- ", ".", "..", "a.", "@", "a@", "@a.", ",", "1,", ", ", ";", ":",
    "::", "/", "//", "/ ", "\\", "'", '"', "<", ">", "<a", "<a ", "<!--", "</", "&", "&a", "&#1", "&amp;", "(", "()",
    ")", "[", "]", "[]", "[a](", "![", "{", "${", "{{", "}", "%", "%41", "%a", "*", "**a ", "*_", "* ", "|", "| ",
    "`", "`a ", "~", "#", "# ", "=", "+", "_", "!", "?", "$", "^", "1.1", "1.1 ", "1-", "2024-01-", "0", "00", "-1",
    "1e9", "http://", "http:", "https://a.", "www.", "urn:", "urn:a:", "mailto:", "EPSG", "EPSG:", "EPSG: ", "epsg/",
    "urn:ogc:def:crs:EPSG:", "IGNF:", "1:", "1/", "1 000 ", "DDT ", "ddt_", "dreal-", "Licence ", "etalab ",
    "restriction ", "WMS ", "wms wfs", "commune ", "42218", "42218 ", "a*42218", "é", "e\u0301", "\u0301",
    "\u0301\u0316", "\xa0", "\u202f", "\u3000", "\ufdfa", "œ", "\U0001d49c", "\U0001f469\u200d", "x", "0-", "uuid",
    "\r\n",
)  # fmt: skip
#: Texts before and after the repeated units.
FRAMES = (
    ("", ""),
    ("a", "!"),
    ("<", ""),
    ("EPSG:", "x"),
    ("a@", ""),
    ("http://a.fr/", " "),
    ("1", "a"),
    ("=", ">"),
)
#: Texts that break a program whatever their length, or reverse the text direction of a page.
STRANGE = (
    "\x00", "a\x00b", "\ud800", "a\udfffb", "\u202egpj.exe", "\u2066a", "\u200b", "\ufeff", "\ufffe", "\x1b[31m",
    "\x85", "{!frange l=0}1", "*:*", "' OR 1=1 --", "<script>alert(1)</script>", "<img src=x onerror=alert(1)>",
    "[a](javascript:alert(1))", "[a](data:text/html,<script>alert(1)</script>)", "[a](//evil.example)",
    '[a](http://evil.example "b><img src=x onerror=alert(1)>")', '[a](http://evil.example "<svg onload=alert(1)>")',
    "[a](/\\evil.example)", "<svg onload=alert(1)>", "=1+1", "\uff1d1+1", "{{7*7}}", "${7*7}", "%s%n",
    "../../etc/passwd", "1e400", "nan", "inf", "-0", "9" * 400,
)  # fmt: skip


def repeated(length: int) -> Iterator[str]:
    """Yield every unit in every frame, about `length` characters long."""
    for unit in UNITS:
        for before, after in FRAMES:
            yield before + unit * (length // len(unit)) + after
