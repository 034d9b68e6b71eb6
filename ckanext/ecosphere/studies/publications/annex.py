"""The annex of a study as OpenDocument (ODF 1.3, ISO/IEC 26300), Word (ECMA-376) and HTML.

Its text is `content.html` of `templates/studies/annex`; the template of each format says how headings, paragraphs and
tables are written. All texts are cleaned and escaped; links lead to web addresses only. Tables have a caption and a row
of headers, and headings are nested, so that screen readers find their way in each format.
"""

from __future__ import annotations

import io
import re
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
from babel.numbers import format_decimal
from jinja2 import Environment, FileSystemLoader, select_autoescape

from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import dates, language
from ckanext.ecosphere.shared.characters import clean
from ckanext.ecosphere.studies.publications.outline import state_label, text_in

TEMPLATES = Path(__file__).parents[2] / "templates" / "studies" / "annex"
ODT = "application/vnd.oasis.opendocument.text"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
FORMATS = {"odt": ODT, "docx": DOCX, "html": "text/html"}
#: File in the archive of a format → template. The relations of Word name the links that the document has.
ODT_PARTS = {
    "content.xml": "odt_content.xml",
    "styles.xml": "odt_styles.xml",
    "meta.xml": "odt_meta.xml",
    "META-INF/manifest.xml": "odt_manifest.xml",
}
DOCX_PARTS = {
    "[Content_Types].xml": "docx_types.xml",
    "_rels/.rels": "docx_package.xml",
    "docProps/core.xml": "docx_core.xml",
    "word/document.xml": "docx_document.xml",
    "word/footer.xml": "docx_footer.xml",
    "word/styles.xml": "docx_styles.xml",
    "word/_rels/document.xml.rels": "docx_relations.xml",
}
#: Moment of all files in the archives: the same annex gives the same bytes.
EPOCH = (1980, 1, 1, 0, 0, 0)
LONGEST_TEXT = 2_000
_BLANKS = re.compile(r"[ \t\n]+")
_UNBROKEN = re.compile(" (?=[;:!?»%])|(?<=«) ")
SMALL_SITE = 10
"""Hectares below which the area of a site is told to the tenth."""


def write(outline: Row, ending: str) -> bytes:
    """Return the annex of a study in one of `FORMATS`, in the language of the page."""
    if ending == "html":
        return rendered("annex.html", outline).encode()
    members = {}
    parts = DOCX_PARTS
    if ending == "odt":
        members["mimetype"] = ODT
        parts = ODT_PARTS
    links: dict[str, str] = {}
    for name, template in parts.items():
        members[name] = rendered(template, outline, links=links)
    return _archive(members)


def rendered(template: str, outline: Row, **variables: Any) -> str:
    """Return a text about a study from a template of the annex."""
    title = tk._("Data of the study “{title}”").format(title=outline["title"])
    about = {"title": title, "portal": tk.config["ckan.site_title"], "outline": outline}
    spoken = language.current()[:2]
    return _environment().get_template(template).render(about, language=spoken, **variables)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(("html", "xml")),
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_cleaned,
    )
    environment.globals |= {
        "_": tk._,
        "ungettext": tk.ungettext,
        "day": dates.day,
        "moment": dates.moment,
        "number": _number,
        "state": state_label,
        "text": text_in,
    }
    environment.tests["web"] = _is_web_address
    return environment


def _cleaned(value: Any) -> Any:
    """Return a text on one line, without the characters that XML refuses; markup is left as it is.

    No line begins with a sign of punctuation before which French has a space, nor ends with an opening one.
    """
    if type(value) is not str or value.isspace():
        return value
    text = _BLANKS.sub(" ", clean(value))[:LONGEST_TEXT]
    return _UNBROKEN.sub("\u00a0", text)


def _number(number: float) -> str:
    digits = 0
    if number < SMALL_SITE:
        digits = 1
    return format_decimal(round(number, digits), locale=dates.locale(language.current()))


def _is_web_address(url: Any) -> bool:
    return str(url).startswith(("http://", "https://"))


def _archive(members: dict[str, str]) -> bytes:
    """Return a ZIP file; ODF wants its media type first, and not compressed (part 2, 3.3)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in members.items():
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            if name == "mimetype":
                info.compress_type = zipfile.ZIP_STORED
            archive.writestr(info, text)
    return buffer.getvalue()
