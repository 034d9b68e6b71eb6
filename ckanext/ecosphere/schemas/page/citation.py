"""Citations of datasets as text, BibTeX, RIS and CSL-JSON. No CKAN imports.

- BibTeX: entry type ``@dataset`` of BibLaTeX, which BibTeX programs read as ``@misc``.
- RIS: type ``DATA``, https://en.wikipedia.org/wiki/RIS_(file_format)
- CSL-JSON: type ``dataset``, https://docs.citationstyles.org/
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from ckanext.ecosphere.shared import characters, contact_details, template_helpers

_BIBTEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\textbraceleft{}",  # BibTeX counts braces, whatever stands before them
        "}": r"\textbraceright{}",
        "%": r"\%",
        "&": r"\&",
        "_": r"\_",
        "#": r"\#",
        "$": r"\$",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
    }
)
_KEY = re.compile(r"[^A-Za-z0-9]+")
MOST_AUTHORS = 10


@dataclass(frozen=True)
class Citation:
    """Content of a citation.

    Attributes:
        key: name of the dataset, as the citation key.
        authors: names of those who made the data; empty if the dataset does not say.
        title: title of the dataset.
        day: day of its last revision, publication or creation; None when unknown.
        version: the producer's version number, "" without one.
        portal: title of the portal, as the publisher.
        address: permanent URL, which does not change when the dataset is renamed.
    """

    key: str
    authors: tuple[str, ...]
    title: str
    day: date | None
    version: str
    portal: str
    address: str


def of(dataset: Mapping[str, Any], portal: str, address: str) -> Citation:
    """Return the citation of a dataset.

    Args:
        dataset: the dataset, from ``package_show``.
        portal: title of the portal.
        address: permanent URL of its page.
    """
    authors = [_line(name) for name in contact_details.makers_of(dataset).names[:MOST_AUTHORS]]
    title = dataset.get("title") or dataset.get("name") or ""
    days = [_day(dataset.get(field)) for field in ("modified", "issued", "created")]
    return Citation(
        str(dataset.get("name") or ""),
        tuple(authors),
        _line(template_helpers.shown_title(title, dataset.get("dcat_type"))),
        next(filter(None, days), None),
        _line(dataset.get("version") or ""),
        _line(portal),
        address,
    )


def text(cited: Citation) -> str:
    """Return a citation as a sentence, in the style of French publications."""
    parts = [", ".join(cited.authors), cited.title]
    if not cited.authors:
        parts = [cited.title]
    if cited.day:
        parts[0] += f" ({cited.day.year})"
    if cited.version:
        parts.append(f"Version {cited.version}")
    parts.append(cited.portal)
    return ". ".join(part.rstrip(".") for part in parts if part) + f". {cited.address}"


def bibtex(cited: Citation) -> str:
    """Return a citation in BibTeX."""
    year, day = "", ""
    if cited.day:
        year, day = str(cited.day.year), cited.day.isoformat()
    fields = {
        "author": " and ".join(f"{{{author.translate(_BIBTEX)}}}" for author in cited.authors),
        "title": f"{{{cited.title.translate(_BIBTEX)}}}",
        "year": year,
        "date": day,
        "version": cited.version.translate(_BIBTEX),
        "publisher": cited.portal.translate(_BIBTEX),
        "url": cited.address,
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return f"@dataset{{{_KEY.sub('-', cited.key)},\n" + ",\n".join(lines) + "\n}\n"


def ris(cited: Citation) -> str:
    """Return a citation in RIS; lines end with CR LF, as the format requires."""
    lines = ["TY  - DATA", *(f"AU  - {author}" for author in cited.authors), f"TI  - {cited.title}"]
    if cited.day:
        lines += [f"PY  - {cited.day.year}", f"DA  - {cited.day:%Y/%m/%d}"]
    if cited.version:
        lines.append(f"ET  - {cited.version}")
    lines += [f"PB  - {cited.portal}", f"UR  - {cited.address}", "ER  - "]
    return "\r\n".join(lines) + "\r\n"


def csl(cited: Citation) -> str:
    """Return a citation in CSL-JSON."""
    item: dict[str, Any] = {
        "id": cited.key,
        "type": "dataset",
        "title": cited.title,
        "publisher": cited.portal,
        "URL": cited.address,
    }
    if cited.authors:
        item["author"] = [{"literal": author} for author in cited.authors]
    if cited.day:
        item["issued"] = {"date-parts": [[cited.day.year, cited.day.month, cited.day.day]]}
    if cited.version:
        item["version"] = cited.version
    return json.dumps([item], ensure_ascii=False, indent=2)


@dataclass(frozen=True)
class Format:
    """A citation format: function that writes it, label on the page, media type."""

    write: Callable[[Citation], str]
    label: str
    media_type: str


#: Citation formats by extension of the URL.
FORMATS = {
    "txt": Format(text, "Texte", "text/plain"),
    "bib": Format(bibtex, "BibTeX", "application/x-bibtex"),
    "ris": Format(ris, "RIS", "application/x-research-info-systems"),
    "json": Format(csl, "CSL-JSON", "application/vnd.citationstyles.csl+json"),
}


def _line(value: Any) -> str:
    """Return a text on one line, since a line break would start a new field."""
    return characters.one_line(str(value))


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value or "")[:10])
    except ValueError:
        return None
