"""The synonym list: its human-readable format and its conversion for Solr.

Format (`data/synonyms_fr.txt`)::

    ICPE ; installation classée ; installation classée pour la protection de l'environnement
    PPRI > PPR

Terms separated by semicolons are equivalent. `narrow > broad`: documents about the left term are also found by the
right one, but not vice versa (a search for PPR should find PPRI as well). Broader terms are transitive: with PPRI >
PPRN and PPRN > PPR, PPRI is found by PPR.

Solr needs an entry per term, in the form that words have at that point of the analysis chain (without elision, accents
and stop words, and stemmed), so terms are passed through the chain itself; see `solr_schema.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

SYNONYMS_FILE = Path(__file__).parent / "data" / "synonyms_fr.txt"


@dataclass(frozen=True)
class SynonymLine:
    """A line of the file.

    Attributes:
        number: line number, for messages.
        terms: equivalent terms.
        broader: broader terms.
    """

    number: int
    terms: tuple[str, ...]
    broader: tuple[str, ...] = ()


def read_lines(path: Path = SYNONYMS_FILE) -> list[SynonymLine]:
    """Read a synonym file.

    Raises:
        ValueError: a line is neither a set of at least two terms nor `narrow > broad`.
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
    before, arrow, right = text.partition(">")
    terms, broader = _split(before), _split(right)
    if not terms or (arrow and not broader) or (not arrow and len(terms) == 1):
        raise ValueError(f"line {number}: expected 'a ; b' or 'a > b', got {text!r}")
    return SynonymLine(number, terms, broader)


def solr_map(lines: Iterable[SynonymLine], analyse: Callable[[str], str]) -> dict[str, list[str]]:
    """Convert lines to Solr's mapping from a term to all terms indexed in its place, itself included.

    Args:
        lines: the lines of the file.
        analyse: returns the form of a term at the synonym filter, tokens joined by a space.

    Returns:
        mapping for a managed synonym resource; terms that map only to themselves are left out.
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
            broader.setdefault(term, set()).update(
                form for b in line.broader if (form := analyse(b))
            )
    keys = sorted({*same, *broader})
    closures = {key: _closure(key, same, broader) for key in keys}
    # Solr replaces the longest known phrase and continues after it, so synonyms of its parts must be added to it, or
    # "plan de prévention des risques d'inondation" would no longer be found by "inondable".
    for key in keys:
        closures[key] = closures[key].union(
            *(_closure(k, same, broader) for k in keys if _inside(k, key))
        )
    return {
        key: sorted(terms_of_key) for key, terms_of_key in closures.items() if terms_of_key != {key}
    }


def _inside(part: str, whole: str) -> bool:
    """Return whether a phrase consists of consecutive whole words of a longer one."""
    return part != whole and f" {part} " in f" {whole} "


def _closure(term: str, same: dict[str, set[str]], broader: dict[str, set[str]]) -> set[str]:
    """Return a term, its synonyms, and everything broader than any of them."""
    closure: set[str] = set()
    todo = [term]
    while todo:
        current = todo.pop()
        if current not in closure:
            closure.add(current)
            todo.extend(same.get(current, set()))
            todo.extend(broader.get(current, set()))
    return closure


def _split(text: str) -> tuple[str, ...]:
    return tuple(term for part in text.split(";") if (term := part.strip()))
