"""Markdown from external sources: safe HTML, rendered in time linear in the length of the text."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from ckanext.ecosphere.shared import characters, rich_text
from ckanext.ecosphere.tests.hostile_texts import STRANGE

LENGTH = 5_000
LONG = 4 * LENGTH
#: Maximum processor time for 20 kB, and maximum factor for a text four times as long.
MOST_SECONDS, MOST_GROWTH = 0.2, 6
#: Times below are too short to measure growth.
LEAST_SECONDS = 0.04

CASES: dict[str, Callable[[int], str]] = {
    "backticks": lambda n: "`" * n,
    "backticks of every length": lambda n: " ".join("`" * k for k in range(1, int((2 * n) ** 0.5))),
    "code never closed": lambda n: "`a" * (n // 2),
    "brackets": lambda n: "[" * (n // 2) + "]" * (n // 2),
    "brackets never closed": lambda n: "[" * n,
    "brackets over lines": lambda n: "[\n" * (n // 2),
    "links never closed": lambda n: "[a](" * (n // 4),
    "links in angle brackets": lambda n: "[a](<b" * (n // 6),
    "link titles": lambda n: '[a](b "' * (n // 7),
    "parentheses": lambda n: "[a](" + "(" * n,
    "images": lambda n: "![" * (n // 2),
    "images closed": lambda n: "![[]()" * (n // 6),
    "emphasis": lambda n: "*_" * (n // 2),
    "emphasis opened": lambda n: "*a _b " * (n // 6),
    "emphasis closed late": lambda n: "*a " * (n // 6) + "b*" * (n // 4),
    "strong inside": lambda n: "a**b" + "c* " * (n // 3),
    "quotes": lambda n: ">" * n,
    "quotes with lazy lines": lambda n: "> " * 12 + "a\n" + "a\n" * (n // 2),
    "quotes over lines": lambda n: (">" * 50 + "a\n") * (n // 52),
    "lists in lists": lambda n: "- " * (n // 2),
    "lists by indentation": lambda n: "".join(" " * (2 * k) + "- a\n" for k in range(int(n**0.5))),
    "numbered lists": lambda n: "1. " * (n // 3),
    "items": lambda n: "- a\n" * (n // 4),
    "lists and quotes": lambda n: "> - " * (n // 4),
    "less than": lambda n: "<" * n,
    "tags": lambda n: "<a " * (n // 3),
    "comments": lambda n: "<!--" * (n // 4),
    "character data": lambda n: "<![CDATA[" * (n // 9),
    "autolinks": lambda n: "<http:" * (n // 6),
    "ampersands": lambda n: "&" * n,
    "entities": lambda n: "&amp;" * (n // 5),
    "long entity": lambda n: "&" + "a" * n,
    "long word": lambda n: "a" * n,
    "words": lambda n: "a " * (n // 2),
    "blanks": lambda n: "a" + " " * n + "b",
    "blank lines": lambda n: "\n" * n,
    "lines": lambda n: "a\n" * (n // 2),
    "tables": lambda n: "|a|b|\n|-|-|\n" + "|1|2|\n" * (n // 6),
    "headings": lambda n: "# " * (n // 2),
    "underlined headings": lambda n: "a\n=\n" * (n // 4),
    "rules": lambda n: "---\n" * (n // 4),
    "fences": lambda n: "```\n" * (n // 4),
    "references": lambda n: "".join(f"[{k}]: u\n" for k in range(n // 8)),
    "references used": lambda n: "[a]: u\n\n" + "[a]" * (n // 3),
    "references unfinished": lambda n: "[a]: b 'c\n" * (n // 10),
    "addresses": lambda n: "http://a.fr " * (n // 12),
    "addresses in a row": lambda n: "http://a" * (n // 8),
    "address of brackets": lambda n: "http://a.fr/" + "{[(" * (n // 3),
    "e-mail addresses": lambda n: "a@a.fr " * (n // 7),
    "points": lambda n: "a." * (n // 2),
    "backslashes": lambda n: "\\" * n,
    "accents": lambda n: "a" + "\u0301\u0316" * (n // 2),
    "mixed": lambda n: "[`*_<&!" * (n // 7),
    "mixed over lines": lambda n: "- > `[*\n" * (n // 8),
}


def seconds(function: Callable[[str], str], text: str) -> float:
    """Return the processor time of one call, the lower of two measurements."""
    taken = []
    for _ in range(2):
        rich_text._rendered.cache_clear()
        start = time.process_time()
        function(text)
        taken.append(time.process_time() - start)
    return min(taken)


@pytest.mark.few(12, "expressions")
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("function", [rich_text.to_html, rich_text.to_text, rich_text.excerpt])
def test_time_is_linear(name: str, function: Callable[[str], str]) -> None:
    short, long_ = CASES[name](LENGTH), CASES[name](LONG)
    taken = seconds(function, long_)
    assert taken < MOST_SECONDS
    if taken > LEAST_SECONDS:
        # A text beyond the limits is shown unrendered, which is faster than rendering its shorter
        # half.
        assert taken < MOST_GROWTH * max(seconds(function, short), LEAST_SECONDS / MOST_GROWTH)


@pytest.mark.parametrize("name", CASES)
def test_no_word_is_dropped(name: str) -> None:
    text = f"début\n\n{CASES[name](LENGTH)}"
    shown = rich_text.to_text(text)
    assert shown.startswith("début")
    if name in {"words", "lists in lists", "lists and quotes", "quotes", "quotes with lazy lines"}:
        assert shown.count("a") == text.count("a")


@pytest.mark.few(10, "hostile")
@pytest.mark.parametrize("text", [*STRANGE, *(case(2_000) for case in CASES.values())])
def test_nothing_runs(text: str) -> None:
    for shown in (
        rich_text.to_html(text),
        rich_text.to_html(f"{text}\n\n{text}"),
        rich_text.to_html(f"[a]({text})"),
    ):
        assert not re.search(
            r"<(?!/?(?:p|br|hr|ul|ol|li|strong|em|a|blockquote|code|pre|h[3-6])[ >/])", shown
        )
        assert not re.search(r"<[^>]*\son\w+=", re.sub(r'"[^"]*"', "", shown))
        for address in re.findall(r'href="([^"]*)"', shown):
            assert re.match(r"https?://[^/]|mailto:|/(?![/\\])|#", address)
        assert characters.is_clean(shown)


def test_markdown_is_laid_out() -> None:
    shown = rich_text.to_html(
        "# Eau\n\n- **un** [ici](https://ign.fr/a)\n- http://eau.fr/b\n\n> cité `code`"
    )
    assert "<h3>Eau</h3>" in shown
    assert (
        '<strong>un</strong> <a href="https://ign.fr/a" rel="nofollow ugc noopener noreferrer">ici</a>'
        in shown
    )
    assert (
        '<a href="http://eau.fr/b" rel="nofollow ugc noopener noreferrer">http://eau.fr/b</a>'
        in shown
    )
    assert "<blockquote>" in shown
    assert "<code>code</code>" in shown


def test_excerpt_is_short_and_plain() -> None:
    text = "**Zones** humides & mares " * 100
    assert rich_text.excerpt(text, 30) == "Zones humides & mares Zones…"
    assert rich_text.excerpt("*court*", 30) == "court"
    assert len(rich_text.excerpt("a" * 5_000, 180)) == 180
    assert rich_text.excerpt(None) == ""
