"""Convert the rows of additional information of a dataset to texts and back: "Finalité : suivi des
crues".

ISO 19139 and DCAT have a single element for free text (``supplementalInformation``, ``skos:note``).
Each text is prefixed with the label of its subject, so that portals running this suite can restore
the rows from DCAT.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from ckanext.ecosphere import vocabularies as voc

VOCABULARY = "information-subject"
COLON = " : "
_PARAGRAPH = "\n\n"


def written(row: Mapping[str, Any]) -> str:
    """Return a row (`subject`, `text`) as a text; empty when the row has none."""
    text = str(row.get("text") or "").strip()
    subject = voc.get(VOCABULARY).get(str(row.get("subject") or ""))
    if subject and text:
        return f"{subject.label_fr}{COLON}{text}"
    return text


def joined(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as one text, one paragraph per row."""
    return _PARAGRAPH.join(filter(None, map(written, rows)))


def row_of(text: str) -> dict[str, str]:
    """Parse a text written by `written`; one that begins with no subject becomes a row without."""
    label, _colon, rest = text.partition(COLON)
    subject = _by_label().get(label.strip())
    if subject and rest.strip():
        return {"subject": subject, "text": rest.strip()}
    return {"text": text.strip()}


def order(row: Mapping[str, Any]) -> int:
    """Return the position of a row's subject in the vocabulary; -1 without a known subject."""
    return _places(voc.get(VOCABULARY)).get(str(row.get("subject")), -1)


@lru_cache(maxsize=2)
def _places(vocabulary: voc.Vocabulary) -> dict[str, int]:
    return {concept.id: place for place, concept in enumerate(vocabulary)}


def _by_label() -> dict[str, str]:
    return {concept.label_fr: concept.id for concept in voc.get(VOCABULARY)}
