"""The annex of a study: the state of each need with its evidence, and what was asked and not obtained.

One list of blocks gives HTML, OpenDocument (ODF 1.3, ISO/IEC 26300) and Word (ECMA-376): the last two are archives of a
few XML files, most of them templates. All texts are escaped by the templates; links lead to web addresses only. Tables
have a caption and a row of headers, and headings are nested, so that screen readers find their way in each format.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader

from ckanext.ecosphere.shared import dates, language
from ckanext.ecosphere.shared.characters import one_line
from ckanext.ecosphere.studies.outline import DatasetLine, NeedLine, Outline

TEMPLATES = Path(__file__).parents[1] / "templates" / "studies" / "annex"
ODT = "application/vnd.oasis.opendocument.text"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
FORMATS = {"odt": ODT, "docx": DOCX, "html": "text/html"}
#: Moment of all files in the archives: the same annex gives the same bytes.
_EPOCH = (1980, 1, 1, 0, 0, 0)
LONGEST_CELL = 2_000


@dataclass(frozen=True)
class Cell:
    """A text, with the web address to which it leads, "" for none."""

    text: str
    url: str = ""


@dataclass(frozen=True)
class Block:
    """A part of the annex.

    Attributes:
        kind: heading (of `level` 1 to 3), paragraph, list or table.
        cells: texts of a paragraph or heading, or items of a list.
        caption, header, rows: of a table.
    """

    kind: str
    cells: tuple[Cell, ...] = ()
    level: int = 0
    caption: str = ""
    header: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()


def write(outline: Outline, ending: str) -> bytes:
    """Return the annex of a study in one of `FORMATS`, in the language of the page."""
    content = {
        "blocks": list(blocks(outline)),
        "title": _short(title_of(outline)),
        "language": language.current()[:2],
    }
    if ending == "odt":
        return _odt(content)
    if ending == "docx":
        return _docx(content)
    return _environment().get_template("annex.html").render(**content).encode()


def file_name(outline: Outline, ending: str) -> str:
    """Return the name of the file, which tells nothing of the study but the number of its run."""
    return f"annexe-donnees-{outline.run}.{ending}"


# --- content --------------------------------------------------------------------------------------


def blocks(outline: Outline) -> Iterator[Block]:
    """Yield the parts of the annex."""
    yield _heading(1, title_of(outline))
    yield _facts(outline)
    yield from _changes(outline)
    yield _summary(outline)
    for group in outline.groups:
        yield _heading(2, group.label or tk._("Needs"))
        for need in group.needs:
            yield from _need(need)
    yield from _asked(outline)
    yield from _sources(outline)
    yield _heading(2, tk._("How to read this annex"))
    for sentence in _caveats():
        yield _paragraph(sentence)


def title_of(outline: Outline) -> str:
    """Return the title of the annex."""
    return tk._("Data of the study “{title}”").format(title=outline.title)


def _facts(outline: Outline) -> Block:
    site = outline.site
    if outline.hectares:
        site = tk._("{site} ({number} hectares)").format(
            site=site, number=_number(outline.hectares)
        )
    if outline.buffer:
        around = tk._("with {number} metres around").format(number=_number(outline.buffer))
        site = f"{site}, {around}"
    frame = outline.frame
    if frame and outline.version:
        frame = tk._("{frame}, version {number}").format(frame=frame, number=outline.version)
    facts = {
        tk._("Site"): site,
        tk._("Frame"): frame or tk._("none"),
        tk._("Number of the run"): str(outline.run),
        tk._("Data looked for on"): dates.moment(outline.run_at),
        tk._("Valid until"): dates.day(outline.valid_until),
        tk._("Portal"): str(tk.config["ckan.site_title"]),
    }
    rows = [_row(name, value) for name, value in facts.items() if value]
    return _table(tk._("The study"), (tk._("What"), tk._("Value")), rows)


def _changes(outline: Outline) -> Iterator[Block]:
    if outline.run > 1:
        yield _heading(2, tk._("What changed since the run before"))
        if outline.changes:
            yield Block("list", tuple(Cell(_short(sentence)) for sentence in outline.changes))
        else:
            yield _paragraph(tk._("Nothing changed."))


def _summary(outline: Outline) -> Block:
    header = (tk._("Need"), tk._("Required"), tk._("State on the site"), tk._("Datasets"))
    rows = []
    for need in outline.needs:
        required = tk._("no")
        if need.mandatory:
            required = tk._("yes")
        rows.append(_row(need.label, required, need.state_label, str(len(need.datasets))))
    return _table(tk._("The needs and their states"), header, rows)


def _need(need: NeedLine) -> Iterator[Block]:
    yield _heading(3, need.label)
    if need.why:
        yield _paragraph(need.why)
    state = need.state_label
    if need.sentence and need.sentence != state:
        state = f"{state}{tk._(': ')}{need.sentence}"
    if state:
        yield _paragraph(state)
    if need.at:
        consulted = tk._("Looked for on {date}.").format(date=dates.moment(need.at))
        yield _paragraph(consulted)
    if need.asked:
        cells = (Cell(_short(_answer(need))), _link(need.asked.reference, need.asked.link))
        yield Block("paragraph", cells)
    if need.datasets:
        caption = tk._("Datasets for “{need}”").format(need=need.label)
        yield _table(caption, _dataset_header(), [_dataset_row(line) for line in need.datasets])
    if need.aside:
        yield Block("list", tuple(Cell(_set_aside(line)) for line in need.aside))


def _dataset_header() -> tuple[str, ...]:
    return (
        tk._("Dataset"),
        tk._("Producer"),
        tk._("Date of the data"),
        tk._("Licence"),
        tk._("On the site"),
        tk._("Quality of the description, suitability"),
        tk._("Citation"),
    )


def _dataset_row(line: DatasetLine) -> tuple[Cell, ...]:
    on_site = line.sentence or line.state
    if line.count is not None:
        counted = tk.ungettext("{number} object counted", "{number} objects counted", line.count)
        on_site = f"{on_site} ({counted.format(number=_number(line.count))})"
    judged = "; ".join(filter(None, (line.quality, line.suitability)))
    return (
        _link(line.title, line.link),
        *_row(
            line.producer,
            dates.day(line.date) or line.date,
            line.licence,
            on_site,
            judged,
            line.citation,
        ),
    )


def _set_aside(line: DatasetLine) -> str:
    sentence = tk._("Set aside: {title}").format(title=line.title)
    if line.why:
        sentence = f"{sentence}{tk._(': ')}{line.why}"
    return _short(sentence)


def _answer(need: NeedLine) -> str:
    request = need.asked
    if request is None:
        return ""
    sentence = tk._("Asked of the service on {asked}; answer due on {due}; state: {answer}.")
    return sentence.format(
        asked=dates.day(request.asked), due=dates.day(request.due) or "–", answer=request.answer
    )


def _asked(outline: Outline) -> Iterator[Block]:
    """Yield the proof of diligence: all requests, with their dates and answers."""
    yield _heading(2, tk._("What was asked of the services"))
    rows = []
    for need in outline.needs:
        if need.asked is None:
            continue
        request = need.asked
        days = map(dates.day, (request.asked, request.due, request.closed))
        reference = _link(request.reference, request.link)
        rows.append((reference, *_row(need.label, *days, request.answer)))
    if not rows:
        yield _paragraph(tk._("No data were asked for."))
        return
    header = (
        tk._("Reference"),
        tk._("Need"),
        tk._("Asked on"),
        tk._("Answer due on"),
        tk._("Closed on"),
        tk._("Answer"),
    )
    yield _table(tk._("Requests, and their answers"), header, rows)


def _sources(outline: Outline) -> Iterator[Block]:
    if not outline.sources:
        return
    yield _heading(2, tk._("Texts and guides from which the needs are taken"))
    rows = []
    for source in outline.sources:
        checked = dates.day(source.checked) or tk._("quoted from memory, to be checked")
        rows.append((_link(source.title, source.url), *_row(checked)))
    yield _table(tk._("Sources of the frame"), (tk._("Source"), tk._("Checked on")), rows)


def _caveats() -> tuple[str, ...]:
    return (
        tk._(
            "“Mapped, nothing here” is only stated if a service answered with a count of zero for "
            "the site, from data whose extent contains it. A service that did not answer proves "
            "nothing."
        ),
        tk._(
            "This annex says which data are known to the portal; it does not replace the analysis "
            "of the site, nor the observations in the field that the study requires."
        ),
    )


# --- blocks ---------------------------------------------------------------------------------------


def _short(text: str) -> str:
    return one_line(text)[:LONGEST_CELL]


def _heading(level: int, text: str) -> Block:
    return Block("heading", (Cell(_short(text)),), level)


def _paragraph(text: str) -> Block:
    return Block("paragraph", (Cell(_short(text)),))


def _table(caption: str, header: tuple[str, ...], rows: Sequence[tuple[Cell, ...]]) -> Block:
    return Block("table", caption=_short(caption), header=header, rows=tuple(rows))


def _row(*texts: str) -> tuple[Cell, ...]:
    return tuple(Cell(_short(text)) for text in texts)


def _link(text: str, url: str) -> Cell:
    if url.startswith(("http://", "https://")):
        return Cell(_short(text), one_line(url))
    return Cell(_short(text))


def _number(number: float) -> str:
    digits = 0
    if number < 10:  # noqa: PLR2004 - a small site is told to the tenth
        digits = 1
    return format_decimal(round(number, digits), locale=dates.locale(language.current()))


# --- files ----------------------------------------------------------------------------------------


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )


def _odt(content: dict[str, Any]) -> bytes:
    members = {"mimetype": ODT}
    for name, template in (
        ("content.xml", "odt_content.xml"),
        ("styles.xml", "odt_styles.xml"),
        ("meta.xml", "odt_meta.xml"),
        ("META-INF/manifest.xml", "odt_manifest.xml"),
    ):
        members[name] = _environment().get_template(template).render(**content)
    return _archive(members, stored=("mimetype",))


def _docx(content: dict[str, Any]) -> bytes:
    links = {}
    for block in content["blocks"]:
        for cell in chain(block.cells, *block.rows):
            if cell.url:
                links.setdefault(cell.url, f"link{len(links)}")
    members = {}
    for name, template in (
        ("[Content_Types].xml", "docx_types.xml"),
        ("_rels/.rels", "docx_package.xml"),
        ("docProps/core.xml", "docx_core.xml"),
        ("word/document.xml", "docx_document.xml"),
        ("word/styles.xml", "docx_styles.xml"),
        ("word/_rels/document.xml.rels", "docx_relations.xml"),
    ):
        members[name] = _environment().get_template(template).render(**content, links=links)
    return _archive(members)


def _archive(members: dict[str, str], stored: Sequence[str] = ()) -> bytes:
    """Return a ZIP file; ODF wants its media type first, and not compressed (part 2, 3.3)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            if name in stored:
                info.compress_type = zipfile.ZIP_STORED
            archive.writestr(info, text.encode())
    return buffer.getvalue()
