"""The synonym list: how it is written by people, and what Solr needs.

People write (`data/synonyms_fr.txt`)::

    ICPE ; installation classée ; installation classée pour la protection de l'environnement
    PPRI > PPR

A line of terms between semicolons: each finds the others. `narrow > broad`: documents about the left are
also found by the right, not the other way round (whoever asks for PPR wants PPRI as well). Broader terms
add up: PPRI > PPRN and PPRN > PPR make PPRI found by PPR.

Solr needs one entry per term, in the form that words have at that point of the chain (without elision,
accents, stop words, and stemmed), so terms are passed through the chain itself; see `solr_schema.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

SYNONYMS_FILE = Path(__file__).parent / "data" / "synonyms_fr.txt"


@dataclass(frozen=True)
class SynonymLine:
    """One line of the file.

    Attributes:
        number: its line number, for messages.
        terms: terms that mean the same.
        broader: terms by which they are found as well.
    """

    number: int
    terms: tuple[str, ...]
    broader: tuple[str, ...] = ()


def read_lines(path: Path = SYNONYMS_FILE) -> list[SynonymLine]:
    """Read a synonym file.

    Raises:
        ValueError: a line that is neither a set of at least two terms nor a `narrow > broad`.
    """
    lines = []
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = raw.split("#", 1)[0].strip()
        if text:
            lines.append(parse_line(number, text))
    return lines


def parse_line(number: int, text: str) -> SynonymLine:
    """Parse one line without comment.

    Raises:
        ValueError: see `read_lines`.
    """
    left, arrow, right = text.partition(">")
    terms, broader = _split(left), _split(right)
    if not terms or (arrow and not broader) or (not arrow and len(terms) == 1):
        raise ValueError(f"line {number}: expected 'a ; b' or 'a > b', got {text!r}")
    return SynonymLine(number, terms, broader)


def solr_map(lines: Iterable[SynonymLine], analyse: Callable[[str], str]) -> dict[str, list[str]]:
    """Turn lines into Solr's mapping from a term to all terms indexed in its place, itself included.

    Args:
        lines: the lines of the file.
        analyse: gives the form of a term at the place of the synonym filter, tokens joined by a space.

    Returns:
        mapping for a managed synonym resource; terms that would only map to themselves are left out.
    """
    same: dict[str, set[str]] = {}
    broader: dict[str, set[str]] = {}
    for line in lines:
        terms = {form for term in line.terms if (form := analyse(term))}
        if not line.broader:
            merged = set(terms).union(*(same.get(term, set()) for term in terms))
            for term in merged:
                same[term] = merged
        for term in terms:
            broader.setdefault(term, set()).update(form for b in line.broader if (form := analyse(b)))
    keys = sorted({*same, *broader})
    closures = {key: _closure(key, same, broader) for key in keys}
    # Solr replaces the longest phrase that it knows and goes on after it: what is inside must be repeated there,
    # or "plan de prévention des risques d'inondation" would no longer be found by "inondable".
    for key in keys:
        closures[key] = closures[key].union(*(_closure(k, same, broader) for k in keys if _inside(k, key)))
    return {key: sorted(found) for key, found in closures.items() if found != {key}}


def _inside(part: str, whole: str) -> bool:
    """Tell whether a shorter phrase is a run of whole words of a longer one."""
    return part != whole and f" {part} " in f" {whole} "


def _closure(term: str, same: dict[str, set[str]], broader: dict[str, set[str]]) -> set[str]:
    """Collect a term, its synonyms, and everything broader than any of them."""
    found: set[str] = set()
    todo = [term]
    while todo:
        current = todo.pop()
        if current not in found:
            found.add(current)
            todo.extend(same.get(current, set()))
            todo.extend(broader.get(current, set()))
    return found


def _split(text: str) -> tuple[str, ...]:
    return tuple(term for part in text.split(";") if (term := part.strip()))
