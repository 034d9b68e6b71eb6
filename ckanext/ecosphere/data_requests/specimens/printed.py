"""Specimens of letters as text in French, each sentence with its source."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from ckanext.ecosphere.data_requests.decisions import law
from ckanext.ecosphere.data_requests.decisions.compose import Block
from ckanext.ecosphere.data_requests.specimens.play import Specimen, table
from ckanext.ecosphere.shared import dates

WIDTH = 110
INDENT = " " * 4


def case(row: Mapping[str, Any], specimen: Specimen) -> Iterator[str]:
    """Yield the lines of a case: its letter, then its e-mails."""
    words = table()["words"]
    yield from _heading(f"{row['title'].upper()} [{row['outcome']}]")
    if not (specimen.subject or specimen.mails):
        yield f"({words['nothing']})"
    if specimen.subject:
        yield from ("", words["letter"], "", *specimen.addressed_to, "", specimen.subject, "")
        for block in specimen.blocks:
            yield from _block(block)
    for kind, subject, body in specimen.mails:
        yield from (
            f"{words['mail']} : {subject}",
            f"{INDENT}[notifications/texts.py, {kind}; {words['as_above']}]",
            "",
        )
        yield from (f"  | {line}" for line in body.splitlines())


def _heading(words: str) -> Iterator[str]:
    yield from ("", "=" * WIDTH, words, "=" * WIDTH)


def _block(block: Block) -> Iterator[str]:
    if block.heading:
        yield from ("", block.heading.upper())
        return
    words = table()["words"]
    for paragraph in block.paragraphs:
        yield from textwrap.wrap(paragraph, WIDTH)
    yield from (f"- {text}" for text, _url in block.items)
    source = words["agent"] if block.given else block.source or words["no_law"]
    basis = f"; {words['basis'][block.basis]}" if block.basis else ""
    yield from (f"{INDENT}[{block.row}: {source}{basis}]", "")


def last_days(rows: Iterable[tuple[date, str, str, date]]) -> Iterator[str]:
    """Yield the table of last days, then the rule of each period."""
    words = table()["words"]
    yield from _heading(words["last_days"])
    shown = None
    for since, about, period, last in rows:
        if since != shown:
            yield from ("", words["since"].format(day=_day(since), about=about))
            shown = since
        yield f"  {period:22} {_day(last)}"
    yield ""
    for period, row in law.remedies()["periods"].items():
        told = {name: words[name][row[name]] for name in ("franc", "moves", "basis")}
        yield from textwrap.wrap(
            words["rule"].format_map({**row, **told, "period": period}), WIDTH, subsequent_indent=INDENT
        )


def _day(day: date) -> str:
    return f"{dates.in_language(day, 'fr', 'EEEE')} {dates.in_language(day, 'fr')}"
