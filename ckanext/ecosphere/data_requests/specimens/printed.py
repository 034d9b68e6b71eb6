"""Specimens of letters as text in French, each sentence with its source."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.data_requests.decisions import law
from ckanext.ecosphere.data_requests.decisions.compose import Block
from ckanext.ecosphere.data_requests.notifications.emails import Letter
from ckanext.ecosphere.data_requests.specimens.play import Specimen, table
from ckanext.ecosphere.shared import dates
from ckanext.ecosphere.shared.mailing.texts import labelled

_ = tk._

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
    for kind, audience, mail, _body in specimen.mails:
        yield from ("", f"{words['mail']} : {mail.subject}", "")
        yield from _mail(kind, audience, mail)


def _mail(kind: str, audience: str, mail: Letter) -> Iterator[str]:
    """Yield the lines of an e-mail, each part with its source."""
    parts = table()["mails"]
    yield from _part([mail.greeting], "emails.write")
    for item in mail.items:
        row = f"texts.SENTENCES, {kind}, {audience}"
        yield from _part([item.sentence], row, parts["sentences"].get(kind))
        if item.title:
            yield from _part([item.title], "", parts["title"])
        for label, text in item.details:
            row = f"emails.DETAILS, {kind}"
            yield from _part([labelled(label, text)], row, parts["details"].get(label))
        if item.enclosed:
            yield from _part([parts["enclosed"]["text"]], "enclosures", parts["enclosed"])
        for label, url in item.links:
            yield from _part([label, url], "emails.write")
        if item.url:
            yield from _part([labelled(_("See the request"), item.url)], "ecosphere_requests.txt")
    change = labelled(_("Change what you receive"), mail.settings_url)
    yield from _part([mail.closing, change], "emails.closing")


def _part(lines: Iterable[str], row: str, stated: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield a part of an e-mail and its source: module and table of `notifications`, then what `stated` names."""
    words = table()["words"]
    source, basis = words["no_law"], ""
    if stated:
        source = stated["source"]
    if stated and "basis" in stated:
        basis = f"; {words['basis'][stated['basis']]}"
    where = f"{row}: " if row else ""
    yield from (f"  | {line}" for line in lines)
    yield f"{INDENT}[{where}{source}{basis}]"


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
