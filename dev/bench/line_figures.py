"""Count how often each line of the harvest's tables matches: patterns, names, words of `harvest/normalise/data`.

    make bench-lines RECORDS="../shared/records ckanext/ecosphere/harvest/tests/data"

Runs the records of the folders through readers and rules, as well as the cases judged by hand, while the tables count
the matches of their lines. Prints for each table how many lines, and how many names in them, never matched; `--show`
lists them. Lines that never match and are not backed by a standard are candidates for removal.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.harvest.normalise import access, conformance, constraints, frequency, information, tables, themes
from ckanext.ecosphere.harvest.normalise.links import resources
from ckanext.ecosphere.harvest.normalise.tables import normalise, parts, plain, rows
from ckanext.ecosphere.vocabularies.phrases import Phrases, stem
from ckanext.ecosphere.vocabularies.tables import rows as rows_of_links
from dev.bench import fidelity, normalise_judged
from dev.bench import normalise as judged

OF_LINKS = ("protocol-patterns", "link-signs")
"""Tables of `dataset/data`."""
PATTERNS = (
    "access-texts",
    "access-reserved",
    "licence-texts",
    "licence-urls",
    "information-subjects",
    *OF_LINKS,
)
NAMES = {
    "theme-terms": "terms",
    "territory-names": "names",
    "organisation-kinds": "names",
    "organisation-names": "names",
    "crs-names": "names",
    "inspire-themes": "labels",
}
"""Tables of names looked up as phrases → column of the names."""
WORDS = {"placeholders": "text", "constraint-fillers": "word", "link-words": "word"}
OTHERS = {"specifications": "name", "durations": "frequency"}
fired: Counter[tuple[str, str]] = Counter()
"""(table, pattern, phrase or word) → number of matches."""


class Spy:
    """Wrapper of a compiled pattern that counts its matches."""

    def __init__(self, table: str, pattern: re.Pattern[str]):
        self.table, self._pattern = table, pattern

    def __getattr__(self, name: str) -> Any:
        used = getattr(self._pattern, name)

        def noted(*args: Any, **kwargs: Any) -> Any:
            found = used(*args, **kwargs)
            if name == "finditer":
                found = list(found)
            before = {"finditer": [], "subn": (args[-1], 0)}.get(name, args[-1])  # `sub` returns the text
            if found is not None and found != before:
                fired[self.table, self._pattern.pattern] += 1
            return found

        return noted if callable(used) else used


class Words(frozenset):
    """A set that counts successful membership tests."""

    table = ""

    def __contains__(self, word: object) -> bool:
        known = super().__contains__(word)
        if known:
            fired[self.table, str(word)] += 1
        return known


def _spied(table: str, lines: Iterable[tuple]) -> tuple[tuple, ...]:
    return tuple(tuple(Spy(table, part) if isinstance(part, re.Pattern) else part for part in line) for line in lines)


def watch() -> None:
    """Patch the tables to count their matches, for the rest of this process."""
    module: Any
    for module, name, table in (
        (constraints, "_licence_patterns", "licence-texts"),
        (constraints, "_licence_addresses", "licence-urls"),
        (access, "limit_patterns", "access-texts"),
        (access, "reserved_patterns", "access-reserved"),
        (information, "_patterns", "information-subjects"),
    ):
        lines = _spied(table, getattr(module, name)())
        setattr(module, name, lambda lines=lines: lines)
    _watch_links()
    information.subject_of = information.subject_of.__wrapped__
    for module, name, table in (
        (tables, "placeholders", "placeholders"),
        (constraints, "_fillers", "constraint-fillers"),
        (resources, "_link_words", "link-words"),
    ):
        words = Words(getattr(module, name)())
        words.table = table
        setattr(module, name, lambda words=words: words)
    _watch_phrases()
    _watch_lists()


def _watch_links() -> None:
    places = ("protocol", "url", "operation", "kind")
    by_place = {where: _spied("protocol-patterns", links.protocol_patterns(where)) for where in places}
    links.protocol_patterns = by_place.get  # type: ignore[assignment]
    signs = tuple(replace(sign, pattern=Spy("link-signs", sign.pattern)) for sign in links.signs())
    links.signs = lambda: signs  # type: ignore[assignment]
    for answer in (links._sign_of, links._protocol_declared, links._protocol_at):
        setattr(links, answer.__name__, answer.__wrapped__)


def _watch_phrases() -> None:
    looked, exact = Phrases._at, Phrases.exact

    def at(self: Phrases, tokens: list[str], position: int) -> tuple[int, Any] | None:
        found = looked(self, tokens, position)
        if found:
            fired["phrases", " ".join(tokens[position : position + found[0]])] += 1
        return found

    def whole(self: Phrases, text: str) -> Any:
        found = exact(self, text)
        if found is not None:
            fired["phrases", " ".join(map(stem, plain(text).split()))] += 1
        return found

    Phrases._at, Phrases.exact = at, whole  # type: ignore[method-assign]


def _watch_lists() -> None:
    asked: dict[str, Any] = {
        "inspire": themes._inspire_labels(),
        "durations": frequency._of_duration,
        "specification": conformance.specification_uri,
    }

    class Labels(dict):
        def get(self, key: str, default: Any = None) -> Any:
            if key in self:
                fired["phrases", key] += 1
            return super().get(key, default)

    labels = Labels(asked["inspire"])
    themes._inspire_labels = lambda: labels  # type: ignore[assignment]

    def duration(value: str) -> str | None:
        found = asked["durations"](value)
        fired["durations", (found or "").rpartition("/")[2]] += 1
        return found

    def specification(title: str) -> str | None:
        bare = plain(title[:500])
        fired["specifications", next((row["name"] for row in rows("specifications") if row["name"] in bare), "")] += 1
        return asked["specification"](title)

    frequency._of_duration = duration
    conformance.specification_uri = specification


def counts(table: str) -> list[list[tuple[str, int]]]:
    """Return for each line of a table its patterns, words or names with their numbers of matches."""
    if table in NAMES:
        found = [
            [(name, ("phrases", " ".join(map(stem, normalise(name).split())))) for name in parts(row[NAMES[table]])]
            for row in rows(table)
        ]
    else:
        column = "pattern" if table in PATTERNS else WORDS.get(table) or OTHERS[table]
        lines = rows_of_links(links.FOLDER / f"{table}.csv") if table in OF_LINKS else rows(table)
        found = [[(row[column], (table, tables.written_out(row[column])))] for row in lines]
    return [[(name, fired[key]) for name, key in line] for line in found]


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--show", action="store_true", help="name what never fires")
    parser.add_argument("--all", action="store_true", help="name everything, with how often it fires")
    options = parser.parse_args()
    watch()
    read = sum(case.result is not None for folder in options.folders for case in fidelity.cases(folder))
    read += len(judged.themes()) + len(normalise_judged.places()) + len(normalise_judged.licences())
    print(f"{read} records and judged cases")
    print(f"{'table':<24} lines  silent  names or patterns that never fire   fired")
    for table in (*PATTERNS, *NAMES, *WORDS, *OTHERS):
        lines = counts(table)
        names = [pair for line in lines for pair in line]
        silent = sum(bool(line) and not any(number for _name, number in line) for line in lines)
        dead = sum(not number for _name, number in names)
        print(f"{table:<24} {len(lines):>5}  {silent:>6}  {dead:>33}  {sum(number for _name, number in names):>6}")
        if options.show or options.all:
            print(*(f"    {number:>6}  {name}" for name, number in names if options.all or not number), sep="\n")


if __name__ == "__main__":
    main()
