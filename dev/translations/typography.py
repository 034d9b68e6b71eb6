"""Spaces of French typography: none before `: ; ? ! %` and within « » may end a line, and all are the same, U+00A0.

U+202F, which some ask for before `; ? !`, lacks in many fonts, and mail programs show a box in its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "ckanext" / "ecosphere"
NO_BREAK = "\u00a0"
#: Data files whose French texts people read; those of the search are compared, not read.
TEXTS = (
    "access/data/standard-attributes.csv",
    "access/data/standard-values.csv",
    "data/portal_texts.csv",
    "data_requests/data/*.csv",
    "data_requests/data/*.yaml",
    "quality/data/*.yaml",
    "schemas/dataset.yaml",
    "schemas/page/uses.yaml",
    "search/data/weights.csv",
    "vocabularies/data/quality-dimension.csv",
)
_PLACE = re.compile(
    r"""(?<=[^\s|#])\ (?=
      [:;?!](?=[\s)\]<»"'|,.…\\]|$)   # a mark, and no name as in `rdf :type`
      | »
      | %(?=%|[^\w(%]|$)              # per cent, and no place as in `%s`
    ) | (?<=«)\ (?=\S)""",
    re.VERBOSE,
)


_GLUED = re.compile(r"(?<=[a-zà-ÿ])(?=[?!](?:\s|<|$))|(?<=[a-zà-ÿ])(?<!mailto)(?<!urn)(?=:\s*$)")
"""Where a mark stands at a word, as in English."""


def typeset(text: str) -> str:
    """Return a French text with no-break spaces where its marks ask for them."""
    return _PLACE.sub(NO_BREAK, text)


def written(text: str) -> str:
    """Return a translation as it is printed: with its no-break spaces, and the apostrophe of typography."""
    return re.sub(r"(?<=\w)'(?=\w)", "’", _spaced(text))


def _spaced(text: str) -> str:
    return typeset(_GLUED.sub(NO_BREAK, text))


def is_typeset(texts: str | Sequence[str]) -> bool:
    """Whether a French text, or each form of one, has its no-break spaces."""
    return all(text == _spaced(text) for text in ([texts] if isinstance(texts, str) else texts))


def badly_set() -> Iterator[str]:
    """Say which lines of data files have a plain space at a mark."""
    for pattern in TEXTS:
        for path in sorted(PACKAGE.glob(pattern)):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
                if line != typeset(line):
                    yield f"plain space at a mark: {path.relative_to(PACKAGE)}, line {number}"


def typeset_data() -> None:
    """Set the data files right."""
    for pattern in TEXTS:
        for path in sorted(PACKAGE.glob(pattern)):
            text = path.read_text(encoding="utf-8")
            if (right := typeset(text)) != text:
                path.write_text(right, encoding="utf-8", newline="")
