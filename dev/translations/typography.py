"""French typography: no-break spaces (always U+00A0) before `: ; ? ! %` and within « ».

U+202F, recommended by some before `; ? !`, is missing in many fonts, and mail programs show a box
instead.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

PACKAGE = Path(__file__).resolve().parents[2] / "ckanext" / "ecosphere"
NO_BREAK = "\u00a0"
#: Patterns of the data files with French texts.
TEXTS: list[str] = yaml.safe_load(Path(__file__).with_name("texts.yaml").read_text(encoding="utf-8"))
_PLACE = re.compile(
    r"""(?<=[^\s|#])\ (?=
      [:;?!](?=[\s)\]<»"'|,.…\\]|$)   # a mark, and no name as in `rdf :type`
      | »
      | %(?=%|[^\w(%]|$)              # per cent, and no place as in `%s`
    ) | (?<=«)\ (?=\S)""",
    re.VERBOSE,
)


_GLUED = re.compile(r"(?<=[a-zà-ÿ])(?=[?!](?:\s|<|$))|(?<=[a-zà-ÿ])(?<!mailto)(?<!urn)(?=:\s*$)")
"""Places where a mark follows a word without a space, as in English."""


def typeset(text: str) -> str:
    """Return a French text with no-break spaces where punctuation requires them."""
    return _PLACE.sub(NO_BREAK, text)


def written(text: str) -> str:
    """Return a translation with no-break spaces and typographic apostrophes."""
    return re.sub(r"(?<=\w)'(?=\w)", "’", _spaced(text))


def _spaced(text: str) -> str:
    return typeset(_GLUED.sub(NO_BREAK, text))


def is_typeset(texts: str | Sequence[str]) -> bool:
    """Return whether a French text, or each of its plural forms,
    has the required no-break spaces.
    """
    return all(text == _spaced(text) for text in ([texts] if isinstance(texts, str) else texts))


def badly_set() -> Iterator[str]:
    """Yield a sentence for each line of the data files with a plain space before a mark."""
    for pattern in TEXTS:
        for path in sorted(PACKAGE.glob(pattern)):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
                if line != typeset(line):
                    yield f"plain space at a mark: {path.relative_to(PACKAGE)}, line {number}"


def typeset_data() -> None:
    """Correct the spaces of the data files."""
    for pattern in TEXTS:
        for path in sorted(PACKAGE.glob(pattern)):
            text = path.read_text(encoding="utf-8")
            if (right := typeset(text)) != text:
                path.write_text(right, encoding="utf-8", newline="")
