"""Composition of letters: the same blocks give the HTML of the page and PDF, and the plain text.

The French text is the decision. Requesters who read another language, if the texts exist in it,
also get a courtesy translation. Text typed by users is shown literally, never as Markdown.

The PDF is generated on demand from the stored HTML; it is tagged for screen readers (PDF/UA-1).
Nothing is fetched: letters have no pictures, and any other reference to a resource is refused.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

from jinja2 import Environment, FileSystemLoader, select_autoescape
from markupsafe import Markup, escape

from ckanext.ecosphere.data_requests.decisions import law
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import dates

TEMPLATES = Path(__file__).parents[2] / "templates" / "requests" / "letters"
FRENCH = "fr"


@dataclass(frozen=True)
class Author:
    """Author of a decision (CRPA, L. 212-1)."""

    first_name: str = ""
    last_name: str = ""
    quality: str = ""

    @property
    def complete(self) -> bool:
        """Whether a decision can be sent in this person's name."""
        return bool(self.first_name and self.last_name and self.quality)


@dataclass(frozen=True)
class Sender:
    """Service that sends a letter.

    Attributes:
        name: spelled out.
        lines: contact details.
        court: administrative court of its seat.
        on_behalf: language → in whose name its agents sign, empty when in that of the service
            itself.
        complete: whether the contact details are those that a receipt has to give (CRPA, R. 112-5,
            2°).
    """

    name: str = ""
    lines: tuple[str, ...] = ()
    court: str = ""
    on_behalf: Mapping[str, str] = field(default_factory=dict)
    complete: bool = False


@dataclass(frozen=True)
class Facts:
    """Data from which a letter is composed.

    Attributes:
        kind: name of a transition, receipt or silence.
        day: date of the letter, in Paris.
        received: day of the receipt; due: last day for the answer, None without a clock.
        months: length of the period for the answer.
        given: fields of the transition.
        datasets: (title, URL) of the data provided.
        language: of the requester.
        completes: whether this letter supplements an earlier one of its kind.
        extended: whether the period was already extended.
        desk_for: service for which the desk of the ministry acknowledges the request, "" when it
            has none yet; None when the sender is that service.
    """

    kind: str
    day: date
    reference: str
    title: str
    received: date
    due: date | None
    months: int
    sender: Sender
    author: Author
    given: Row
    datasets: Sequence[tuple[str, str]] = ()
    language: str = FRENCH
    completes: bool = False
    extended: bool = False
    desk_for: str | None = None

    @property
    def unnamed(self) -> bool:
        """Whether the reasons forbid to name the author (CRPA, L. 212-1, second paragraph)."""
        return self.given.get("unnamed") == law.YES

    @property
    def signature(self) -> str:
        """Name of the shared text that stands below a decision."""
        if self.unnamed:
            return "unnamed"
        return "signature"

    @property
    def author_lines(self) -> tuple[str, ...]:
        """Lines that name the author; none in a decision that must not."""
        if self.unnamed:
            return ()
        return (f"{self.author.first_name} {self.author.last_name}", self.author.quality)

    @property
    def service(self) -> str:
        """Name of the service in charge, "" when none is."""
        if self.desk_for is None:
            return self.sender.name
        return self.desk_for


@dataclass(frozen=True)
class Block:
    """A part of a letter: a heading, paragraphs, a quotation of the agent's text, or a list of
    (text, URL).

    Attributes:
        row: its place in `data/letters.yaml`.
        source: law or table that it rests on, "" when it states no law.
        basis: whether this was checked, as in the table.
        given: field of the agent's text that it quotes, "" for other parts.
    """

    heading: str = ""
    paragraphs: tuple[str, ...] = ()
    items: tuple[tuple[str, str], ...] = ()
    row: str = ""
    source: str = ""
    basis: str = ""
    given: str = ""


@dataclass(frozen=True)
class Composed:
    """A composed letter.

    Attributes:
        subject: one line, in French.
        html: HTML fragment.
        plain: the same as plain text.
        blocks: parts of the French text, with their sources.
    """

    subject: str
    html: str
    plain: str
    blocks: tuple[Block, ...] = ()

    @property
    def sha256(self) -> str:
        """Digest of the letter, `digest` of both its forms."""
        return digest(self.html, self.plain)


def digest(html: str, plain: str) -> str:
    """Return the SHA-256 of a letter, in hexadecimal."""
    return hashlib.sha256(f"{html}\n{plain}".encode()).hexdigest()


def compose(facts: Facts) -> Composed:
    """Compose a letter."""
    languages = [FRENCH]
    if facts.language[:2] != FRENCH and facts.language[:2] in law.texts()["translated"]:
        languages.append(facts.language[:2])
    versions = [_version(facts, language) for language in languages]
    html = rendered("letter.html", versions=versions, facts=facts)
    subject = f"{versions[0]['title']} – {facts.reference}"
    plain = rendered("letter.txt", versions=versions, facts=facts)
    return Composed(subject, html, plain, (*versions[0]["blocks"], *_signature(versions[0], facts)))


def _signature(version: Row, facts: Facts) -> Iterator[Block]:
    """Yield what stands below a decision, with its sources."""
    if not version["signed"]:
        return
    if version["on_behalf"]:
        yield Block(
            paragraphs=(version["on_behalf"],),
            row="data/delegations.csv",
            source=facts.sender.on_behalf["source"],
            basis=facts.sender.on_behalf["basis"] + "_jurist",
        )
    entry = "unnamed" if facts.unnamed else "author"
    source_of_author = law.remedies()[entry]
    lines = (*facts.author_lines, facts.sender.name)
    yield Block(
        paragraphs=lines,
        row=f"law.yaml, {entry}",
        source=source_of_author["article"],
        basis=source_of_author["basis"],
    )
    exempt = law.texts()["shared"][facts.signature][0]
    row = f"letters.yaml, shared.{facts.signature}.1"
    yield Block(
        paragraphs=(version["signature"],), row=row, source=exempt["source"], basis=exempt["basis"]
    )


def addressed_to(addressee: str) -> list[str]:
    """Return the lines that address a letter, in French; empty without an addressee.

    They are not part of the stored letter, since the addressee is erased with the person's data.
    """
    if addressee:
        return [law.texts()["words"][FRENCH]["to"], *addressee.split("\n")]
    return []


def _version(facts: Facts, language: str) -> dict[str, Any]:
    """Return the letter in one language, as variables of the template and the plain text."""
    texts = law.texts()
    kind = texts["kinds"][facts.kind]
    values = _values(facts, language)
    blocks = list(
        _blocks(kind["body"], facts, values, language, f"letters.yaml, kinds.{facts.kind}")
    )
    signed = not kind.get("unsigned")
    note = "" if language == FRENCH else texts["translated"][language]
    on_behalf = facts.sender.on_behalf.get(language, "") if signed else ""
    signature = texts["shared"][facts.signature][0][language] if signed else ""
    return {
        "language": language,
        "words": texts["words"][language],
        "title": _title(kind, facts)[language].format_map(values),
        "note": note,
        "date": values["today"],
        "blocks": blocks,
        "signed": signed,
        "on_behalf": on_behalf,
        "signature": signature,
    }


def _title(kind: Row, facts: Facts) -> dict[str, str]:
    """Return the title of the letter; that of a supplementary letter differs from the first."""
    if facts.completes and facts.service and "title_next" in kind:
        return kind["title_next"]
    return kind["title"]


#: Placeholders of fields that a transition may leave out.
OPTIONAL = ("other_ground", "completion", "transmitted_to", "transmitted_by")


def _values(facts: Facts, language: str) -> dict[str, Any]:
    """Return the placeholders and conditions used in the texts."""
    texts = law.texts()
    kind = texts["kinds"][facts.kind]
    fields = {name: text for name, text in facts.given.items() if isinstance(text, str)}
    applies_to = fields.get("kind") or law.DATA_KIND
    way = fields.get("transmitted_how")
    transmitted_how = texts["ways"][way][language] if way else ""
    return {
        **dict.fromkeys(OPTIONAL, ""),
        **fields,
        "reference": facts.reference,
        "title": facts.title,
        "months": texts["months"][language][min(facts.months, 6)],
        "service": facts.service,
        "by_desk": facts.desk_for is not None,
        "complete": facts.sender.complete,
        "what": kind.get("what", {}).get(language, ""),
        "extended": facts.extended,
        "kind_data": applies_to == law.DATA_KIND,
        "kind_service": applies_to == law.SERVICE_KIND,
        "environmental": fields.get("environmental") == law.YES,
        "transmitted_how": transmitted_how,
        **_days(facts, fields, language),
        **_ground_values(fields, language),
        **_remedies(facts, language),
    }


def _days(facts: Facts, fields: Row, language: str) -> dict[str, str]:
    """Return the placeholders of days, written out."""
    silence_refer_by = law.last_day("refer", facts.due) if facts.due else None
    days = {
        "today": facts.day,
        "received": facts.received,
        "due": facts.due,
        "refer_by": law.last_day("refer", facts.day),
        "silence_refer_by": silence_refer_by,
        "transmitted_on": dates.read(fields.get("transmitted_on", "")),
    }
    written = {}
    for name, day in days.items():
        written[name] = _nobreak(dates.in_language(day, language)) if day else ""
    return written


def _ground_values(fields: Row, language: str) -> dict[str, Any]:
    """Return the placeholders and conditions of the ground of a refusal, and of the interests that
    were weighed.
    """
    key = fields.get("ground", "")
    values: dict[str, Any] = {
        "ground": "",
        "articles": "",
        "part_not_held": key == law.PART_NOT_HELD,
        "emissions": False,
        "not_emissions": False,
        "interest": "",
        "balance": "",
        "balance_source": "",
    }
    ground = law.grounds().get(key)
    if ground:
        values["ground"] = ground.label(language)
        values["articles"] = _within_sentence(ground.articles, language)
        values["emissions"] = fields.get("emissions") == law.YES
        values["not_emissions"] = fields.get("emissions") == law.NO
    interest = law.interests().get(key)
    if interest and fields.get("balance"):
        values["interest"] = getattr(interest, language)
        values["balance"] = fields["balance"]
        values["balance_source"] = _within_sentence(interest.source, language)
    return values


def _remedies(facts: Facts, language: str) -> dict[str, str]:
    """Return the placeholders of the commission and of the court."""
    remedies = law.remedies()
    commission, telerecours = remedies["commission"], remedies["telerecours"]
    court = _within_sentence(facts.sender.court, language)
    return {
        "commission": commission["name"][language],
        "short": commission["short"],
        "commission_address": commission["address"],
        "commission_website": commission["website"],
        "court": court or remedies["court_unknown"][language],
        "telerecours": telerecours["name"],
        "telerecours_website": telerecours["website"],
    }


def _within_sentence(name: str, language: str) -> str:
    """Return a name as written within a sentence.

    In French, the name of a court has no capital there.
    """
    if language == FRENCH:
        return name[:1].lower() + name[1:]
    return name


def _nobreak(text: str) -> str:
    return text.replace(" ", "\u00a0")


def _blocks(
    body: list[Any], facts: Facts, values: Row, language: str, table: str
) -> Iterator[Block]:
    for number, part in enumerate(body, 1):
        if not all(_holds(name, values) for name in part.get("when", ())):
            continue
        if "use" in part:
            shared = law.texts()["shared"][part["use"]]
            yield from _blocks(
                shared, facts, values, language, f"letters.yaml, shared.{part['use']}"
            )
        else:
            content = _content(part, facts, values, language)
            origin = {name: part.get(name, "") for name in ("source", "basis", "given")}
            yield Block(**content, row=f"{table}.{number}", **origin)


def _content(part: Row, facts: Facts, values: Row, language: str) -> dict[str, Any]:
    """Return what a block of the table says."""
    if "given" in part:
        return {"paragraphs": _paragraphs(str(facts.given.get(part["given"]) or ""))}
    if part.get("list") == "datasets":
        return {"items": tuple(facts.datasets)}
    if part.get("list") == "contact":
        return {
            "items": tuple((line, "") for line in (facts.sender.name, *facts.sender.lines) if line)
        }
    words = part[language].format_map(values)
    if part.get("heading"):
        return {"heading": words}
    return {"paragraphs": (words,)}


def _holds(name: str, values: Row) -> bool:
    if name.startswith("!"):
        return not values.get(name[1:])
    return bool(values.get(name))


def _paragraphs(words: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in words.replace("\r\n", "\n").split("\n\n") if part.strip())


def rendered(template: str, **variables: Any) -> str:
    """Return the HTML or, of a template that ends with txt, the plain text of a letter."""
    return _environment().get_template(template).render(**variables).strip()


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        trim_blocks=True,
        lstrip_blocks=True,
    )


STYLE = TEMPLATES / "letter.css"


_ARTICLE = re.compile(r"\b([LRD])\. (?=\d)")


#: Kind of a letter → part of its file name, in French as the letter.
PDF_NAMES = {
    "refuse": "refus",
    "fulfil_partly": "reponse-partielle",
    "not_held": "donnees-non-detenues",
    "reject": "demande-non-retenue",
    "extend": "prolongation",
    "keep_decision": "decision-maintenue",
    "receipt": "accuse-de-reception",
    "silence": "fin-du-delai",
}


class PdfUnavailable(Exception):
    """A library needed for PDF (Pango) is not installed."""


def pdf_name(reference: str, kind: str) -> str:
    """Return the file name of a letter."""
    return f"{reference}-{PDF_NAMES.get(kind, kind)}.pdf"


def pdf(subject: str, html: str, addressee: str = "") -> bytes:
    """Return the PDF of a letter.

    Args:
        subject: its title.
        html: the stored HTML fragment.
        addressee: lines for the window of the envelope, "" once erased.

    Raises:
        PdfUnavailable: WeasyPrint does not work on this machine.
    """
    try:
        from weasyprint import CSS, HTML
    except (ImportError, OSError) as error:
        raise PdfUnavailable(str(error)) from error
    window = ""
    if addressee:
        lines = Markup("<br>").join(addressed_to(addressee))
        window = f'<p class="eco-letter__to">{lines}</p>'
    html = _ARTICLE.sub(
        "\\1.\u00a0", html
    )  # no line break between the letter of an article and its number
    document = (
        f'<!doctype html><html lang="fr"><head><meta '
        f'charset="utf-8"><title>{escape(subject)}</title></head>'
        f"<body>{window}{html}</body></html>"
    )
    style: Any = CSS(string=STYLE.read_text(encoding="utf-8"), url_fetcher=refuse_fetch)
    content = HTML(string=document, url_fetcher=refuse_fetch, base_url=None).write_pdf(
        stylesheets=[style], pdf_variant="pdf/ua-1", presentational_hints=False
    )
    return content or b""


def refuse_fetch(url: str, *args: Any, **kwargs: Any) -> NoReturn:
    """Refuse to fetch any resource."""
    raise ValueError(f"letters fetch nothing: {url[:200]}")
