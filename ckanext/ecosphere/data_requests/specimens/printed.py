"""Specimens of letters as text, each sentence with its source."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

from ckanext.ecosphere.data_requests.decisions import law
from ckanext.ecosphere.data_requests.decisions.compose import Block
from ckanext.ecosphere.data_requests.specimens.play import Specimen
from ckanext.ecosphere.shared import dates

WIDTH = 110


def case(row: Mapping[str, Any], specimen: Specimen) -> Iterator[str]:
    """Yield the lines of a case: its letter, then its e-mails."""
    yield from ("", "=" * WIDTH, f"{row['title'].upper()} [{row['outcome']}]", "=" * WIDTH)
    if specimen.subject:
        yield from ("", "LETTRE", "", *specimen.addressed_to, "", specimen.subject, "")
        for block in specimen.blocks:
            yield from _block(block)
    for kind, subject, body in specimen.mails:
        yield from ("", f"COURRIEL : {subject}", f"    [notifications/texts.py, {kind}; the letter is as above]", "")
        yield from (f"  | {line}" for line in body.splitlines())


def _block(block: Block) -> Iterator[str]:
    if block.heading:
        yield from ("", block.heading.upper())
        return
    for paragraph in block.paragraphs:
        yield from textwrap.wrap(paragraph, WIDTH)
    yield from (f"- {text}" for text, _url in block.items)
    basis = f"; {block.basis}" if block.basis else ""
    yield from (f"    [{block.row}: {block.source or 'no statement of law'}{basis}]", "")


def last_days(rows: Iterable[tuple[date, str, str, date]]) -> Iterator[str]:
    """Yield the table of last days, with the rule of each period."""
    yield from ("", "=" * WIDTH, "DERNIERS JOURS", "=" * WIDTH)
    shown = None
    for since, about, period, last in rows:
        if since != shown:
            yield from ("", f"À compter du {_day(since)} ({about})")
            shown = since
        yield f"  {period:22} {_day(last)}"
    yield ""
    for period, row in law.remedies()["periods"].items():
        counted = f"{row['months']} mois, {'franc' if row['franc'] else 'non franc'}"
        moved = "reporté au jour ouvrable" if row["moves"] else "jamais reporté"
        rule = f"{period}: {counted}, {moved}; {row['article']}; {row['days']} [{row['basis']}, {row['checked']}]"
        yield from textwrap.wrap(rule, WIDTH, subsequent_indent="    ")


def _day(day: date) -> str:
    return dates.in_language(day, "fr", "full")
