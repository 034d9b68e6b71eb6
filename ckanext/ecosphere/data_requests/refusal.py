"""The draft of a refusal: its ground, what the law asks to be said, and the remedies.

A refusal is written, reasoned, and states the remedies and their periods; that of an unfinished document says when it
will be finished and by whom (code de l'environnement, L. 124-6). The interest in the disclosure is weighed in each case
(L. 124-4), few grounds hold for emissions (L. 124-5, II), and what can be separated is communicated all the same (CRPA,
L. 311-7). The CADA is asked within two months of the refusal (CRPA, R. 343-1), before any action in court (L. 342-1);
two months after it registered the case, the silence of the service upholds the refusal (R. 343-4 and R. 343-5), and the
court is open for two months (code de justice administrative, R. 421-1 and R. 421-2).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import ckan.plugins.toolkit as tk
import yaml
from ckan import model

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.data_requests import clock, wording
from ckanext.ecosphere.data_requests.model import Request
from ckanext.ecosphere.shared import dates

_ = tk._

DATA = Path(__file__).parent / "data"
UNFINISHED = "L311-2-dna"


@dataclass(frozen=True)
class Ground:
    """A ground beside the law.

    Attributes:
        id: in the vocabulary `access-limitation`.
        usable: whether information on the environment may be refused on it.
        emissions: whether information on emissions of substances may be, too.
        articles: where the law says so.
    """

    id: str
    usable: bool
    emissions: bool
    articles: str


@cache
def grounds() -> dict[str, Ground]:
    """Read the table of grounds (`data/grounds.csv`)."""
    with (DATA / "grounds.csv").open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        return {
            row["ground"]: Ground(row["ground"], row["usable"] == "yes", row["emissions"] == "yes", row["articles"])
            for row in rows
        }


@cache
def commission() -> Mapping[str, str]:
    """Read whom one turns to (`data/remedies.yaml`): name, short, address, website."""
    return yaml.safe_load((DATA / "remedies.yaml").read_text(encoding="utf-8"))["commission"]


def usable() -> list[voc.Concept]:
    """Concepts of the grounds on which one may refuse, in the order of the vocabulary."""
    known = grounds()
    return [each for each in voc.get("access-limitation") if each.id in known and known[each.id].usable]


def draft(request: Request, ground: str) -> str:
    """Text of a refusal to be completed, in the language of the page.

    Args:
        request: the request.
        ground: id in the vocabulary `access-limitation`.
    """
    group = model.Group.get(request.organization_id) if request.organization_id else None
    law = grounds()[ground]
    words = {
        "title": request.title,
        "reference": request.reference,
        "received": dates.day(clock.day_of(request.submitted)) if request.submitted else "",
        "service": (group.title or group.name) if group else _("[name of the service]"),
        "ground": wording.concept("access-limitation", ground),
        "articles": law.articles,
        **commission(),
    }
    paragraphs = [
        _("You asked for “{title}” on {received} (request {reference})."),
        _("{service} rejects this request on the following ground: {ground}. Articles of the law: {articles}."),
        *to_complete(law),
        _(
            "If you contest this decision, you may refer it to the {name} ({short}) within two months of its "
            "notification, by post ({address}) or on its website ({website}), with a copy of this decision. This "
            "referral is compulsory before any action in court (CRPA, articles L. 342-1 and R. 343-1)."
        ),
        _(
            "If the service upholds its refusal, or has said nothing two months after the {short} registered your "
            "referral, which amounts to upholding it (CRPA, articles R. 343-4 and R. 343-5), you may bring the matter "
            "before the administrative court within two months (code de justice administrative, articles R. 421-1 and "
            "R. 421-2)."
        ),
    ]
    return "\n\n".join(paragraph.format(**words) for paragraph in paragraphs)


def to_complete(law: Ground) -> list[str]:
    """Parts between square brackets, which a person replaces or, once checked, deletes."""
    parts = _parts()
    needed = {"reasons": True, "part": True, "unfinished": law.id == UNFINISHED, "emissions": not law.emissions}
    return [text for name, text in parts.items() if needed[name]]


def _parts() -> dict[str, str]:
    return {
        "reasons": _(
            "[To be completed: the facts by which this ground applies to this data, and why the interest of its "
            "disclosure, for the public and the environment, does not prevail.]"
        ),
        "part": _(
            "[To be completed: which part of the data can be communicated all the same, or why it cannot be separated.]"
        ),
        "unfinished": _(
            "[To be completed: when the document will be finished, and which authority finishes it "
            "(code de l’environnement, article L. 124-6).]"
        ),
        "emissions": _(
            "[To be checked, then deleted: the data is not about emissions of substances into the environment, "
            "which cannot be refused on this ground (code de l’environnement, article L. 124-5, II).]"
        ),
    }


def check(text: str) -> str:
    """Return the text of a refusal.

    Raises:
        Invalid: a part to be completed is still as it was proposed.
    """
    known = " ".join(text.split())
    left = next((part for part in _parts().values() if part in known), None)
    if left:
        raise tk.Invalid(_("Complete or delete what is between square brackets: {part}").format(part=left))
    return text
