"""How right the themes are that the harvest gives: precision and recall on titles judged by hand, rule by rule.

    make bench-normalise ARGS="--show"

Reads `dev/bench/data/judged_themes.csv`; needs no service. A third of the cases is kept aside: rules are written on the
others, and the figures of both parts are printed. Precision is the share of themes given that a person would give;
recall the share of those that must be found which are; a case is right when nothing given is wrong and nothing is
missing.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise import Context, normalise
from ckanext.ecosphere.harvest.record import Keyword, Record

JUDGED = Path(__file__).parent / "data" / "judged_themes.csv"
CONTEXT = Context(fallback_organisation="administration-centrale-ou-ministere_172120")


@dataclass(frozen=True)
class Case:
    """A judged title, and the themes that the harvest gives it, each with the rule that gave it."""

    title: str
    aside: bool
    source: str
    must: frozenset[str]
    right: frozenset[str]
    given: dict[str, str]


def cases() -> list[Case]:
    """Return the judged cases with what the harvest makes of them."""
    with JUDGED.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    found = []
    for row in rows:
        must, also = (frozenset(filter(None, row[name].split("|"))) for name in ("themes", "also"))
        aside = row["aside"] == "yes"
        found.append(Case(row["title"], aside, row["source"], must, must | also, given(row)))
    return found


def given(row: dict[str, str]) -> dict[str, str]:
    """Return the themes that the rules give a case, with the name of the rule, as the log tells it."""
    keywords = [Keyword(text) for text in row["keywords"].split("|") if text]
    result = normalise(Record(title=row["title"], keywords=keywords, abstract=row["abstract"]), CONTEXT)
    told = next((c for c in result.log if c.rule == "themes" and c.field == "theme"), None)
    themes = [voc.get("themes")[uri].id for uri in result.dataset.get("theme", [])]
    return dict.fromkeys(themes, told.before if told else "")


@dataclass
class Count:
    """What was given, right, wanted and found."""

    given: int = 0
    right: int = 0
    wanted: int = 0
    found: int = 0
    whole: int = 0
    cases: int = 0

    def line(self, name: str) -> str:
        """A row of the table."""
        precision = 100 * self.right / self.given if self.given else 100.0
        recall = 100 * self.found / self.wanted if self.wanted else 100.0
        return (
            f"{name:<34} {self.cases:>5} {self.given:>6} {precision:>9.1f}% {recall:>7.1f}% "
            f"{100 * self.whole / max(self.cases, 1):>7.1f}%"
        )


def missing(case: Case) -> list[str]:
    """Themes that must be found and are not, neither they nor a right one below them."""
    right = case.given.keys() & case.right
    below = {above.id for theme in right for above in voc.get("themes").ancestors(theme)}
    return sorted(case.must - right - below)


def count(found: list[Case]) -> dict[str, Count]:
    """Count some cases, all of them and by the rule that decided."""
    counted: dict[str, Count] = defaultdict(Count)
    for case in found:
        rule = next(iter(case.given.values()), "(none)")
        for name in ("all", rule):
            one = counted[name]
            one.cases += 1
            one.given += len(case.given)
            one.right += len(case.given.keys() & case.right)
            one.wanted += len(case.must)
            one.found += len(case.must) - len(missing(case))
            one.whole += case.given.keys() <= case.right and not missing(case)
    return counted


def main() -> None:
    """Print the tables and, when asked, the cases that are not right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--show", action="store_true", help="name the cases that are not right, but for those kept aside"
    )
    options = parser.parse_args()
    found = cases()
    for title, aside in (("Cases that rules are written on", False), ("Cases kept aside", True)):
        print(f"\n{title}\n{'rule':<34} cases  given precision   recall   right")
        counted = count([case for case in found if case.aside == aside])
        for name in sorted(counted, key=lambda each: (each == "all", each)):
            print(counted[name].line(name))
    if options.show:
        for case in found:
            wrong, lacking = sorted(case.given.keys() - case.right), missing(case)
            if not case.aside and (wrong or lacking):
                rule = next(iter(case.given.values()), "")
                print(f"  {case.source:<8} {case.title[:70]} ({rule}) wrong: {wrong} missing: {lacking}")


if __name__ == "__main__":
    main()
