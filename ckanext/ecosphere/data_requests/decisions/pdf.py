"""PDF of a letter, generated on demand from the stored HTML; tagged for screen readers (PDF/UA-1).

Nothing is fetched: letters have no pictures, and any other reference to a resource is refused.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NoReturn

from markupsafe import Markup, escape

from ckanext.ecosphere.data_requests.decisions.compose import addressed_to

STYLE = Path(__file__).parents[2] / "templates" / "requests" / "letters" / "letter.css"


_ARTICLE = re.compile(r"\b([LRD])\. (?=\d)")


#: Kind of a letter → part of its file name, in French as the letter.
FILES = {
    "refuse": "refus",
    "fulfil_partly": "reponse-partielle",
    "not_held": "donnees-non-detenues",
    "reject": "demande-non-retenue",
    "extend": "prolongation",
    "keep_decision": "decision-maintenue",
    "receipt": "accuse-de-reception",
    "silence": "fin-du-delai",
}


class Unavailable(Exception):
    """A library needed for PDF (Pango) is not installed."""


def file_name(reference: str, kind: str) -> str:
    """Return the file name of a letter."""
    return f"{reference}-{FILES.get(kind, kind)}.pdf"


def render(subject: str, html: str, addressee: str = "") -> bytes:
    """Return the PDF of a letter.

    Args:
        subject: its title.
        html: the stored HTML fragment.
        addressee: lines for the window of the envelope, "" once erased.

    Raises:
        Unavailable: WeasyPrint does not work on this machine.
    """
    try:
        from weasyprint import CSS, HTML
    except (ImportError, OSError) as error:
        raise Unavailable(str(error)) from error
    window = ""
    if addressee:
        lines = Markup("<br>").join(addressed_to(addressee))
        window = f'<p class="eco-letter__to">{lines}</p>'
    html = _ARTICLE.sub("\\1.\u00a0", html)  # no line break between the letter of an article and its number
    document = (
        f'<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>{escape(subject)}</title></head>'
        f"<body>{window}{html}</body></html>"
    )
    style: Any = CSS(string=STYLE.read_text(encoding="utf-8"), url_fetcher=refuse)
    made = HTML(string=document, url_fetcher=refuse, base_url=None).write_pdf(
        stylesheets=[style], pdf_variant="pdf/ua-1", presentational_hints=False
    )
    return made or b""


def refuse(url: str, *args: Any, **kwargs: Any) -> NoReturn:
    """Refuse to fetch any resource."""
    raise ValueError(f"letters fetch nothing: {url[:200]}")
