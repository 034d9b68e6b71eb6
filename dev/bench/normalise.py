"""Measure precision and recall, by rule, of the harvest's themes, territories and licences on hand-judged cases.

    make bench-normalise ARGS="--show"

Reads `judged_themes.csv`, `judged_places.csv` and `judged_licences.csv` of `dev/bench/data`; needs no service. A third
of the cases is held out: rules are written on the others, and figures are printed for both parts. Precision is the
share of the given values that a person would also give; recall the share of the required values that were found; a
case is right when no given value is wrong and none is missing.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise import Context, normalise
from ckanext.ecosphere.harvest.record import Keyword, Record
from dev.bench import normalise_deductions, rule_figures
from dev.bench import normalise_judged as judged
from dev.bench.normalise_judged import Case

CONTEXT = Context(fallback_organisation="administration-centrale-ou-ministere_172120")


def themes() -> list[Case]:
    """Return the judged titles with the themes that the harvest assigns."""
    found = []
    for row in judged.rows("judged_themes"):
        must, also = (frozenset(filter(None, row[name].split("|"))) for name in ("themes", "also"))
        found.append(Case(row["title"], row["aside"] == "yes", row["source"], must, must | also, given(row), _above))
    return found


def _above(theme: str) -> set[str]:
    return {above.id for above in voc.get("themes").ancestors(theme)}


def given(row: dict[str, str]) -> dict[str, str]:
    """Return the themes that the rules assign to a case, each with the rule as logged."""
    keywords = [Keyword(text) for text in row["keywords"].split("|") if text]
    result = normalise(Record(title=row["title"], keywords=keywords, abstract=row["abstract"]), CONTEXT)
    told = next((c for c in result.log if c.rule == "themes" and c.field == "theme"), None)
    found = [voc.get("themes")[uri].id for uri in result.dataset.get("theme", [])]
    return dict.fromkeys(found, told.before if told else "")


@dataclass
class Count:
    """Counts over some cases.

    Attributes:
        given: values assigned.
        right: assigned values that are right.
        wanted: values that must be found.
        found: of these, the values found.
        whole: cases without wrong or missing values.
        cases: number of cases.
    """

    given: int = 0
    right: int = 0
    wanted: int = 0
    found: int = 0
    whole: int = 0
    cases: int = 0

    def line(self, name: str) -> str:
        """Return a row of the table."""
        precision = 100 * self.right / self.given if self.given else 100.0
        recall = 100 * self.found / self.wanted if self.wanted else 100.0
        return (
            f"{name:<34} {self.cases:>5} {self.given:>6} {precision:>9.1f}% {recall:>7.1f}% "
            f"{100 * self.whole / max(self.cases, 1):>7.1f}%"
        )


def count(found: list[Case]) -> dict[str, Count]:
    """Count cases in total and by the rule that decided."""
    counted: dict[str, Count] = defaultdict(Count)
    for case in found:
        rule = next(iter(case.given.values()), "(none)")
        for name in ("all", rule):
            one = counted[name]
            one.cases += 1
            one.given += len(case.given)
            one.right += len(case.given.keys() & case.right)
            one.wanted += len(case.must)
            one.found += len(case.must) - len(case.missing)
            one.whole += case.given.keys() <= case.right and not case.missing
    return counted


def main() -> None:
    """Print the tables and, on request, the cases that are not right."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--show", action="store_true", help="name the cases that are not right, but for those kept aside"
    )
    parser.add_argument("--records", type=Path, help="folder of real records, on which each rule gets its figures")
    options = parser.parse_args()
    for subject, found in (("Themes", themes()), ("Territories", judged.places()), ("Licences", judged.licences())):
        for part, aside in (("that rules are written on", False), ("kept aside", True)):
            print(f"\n{subject}: cases {part}\n{'rule':<34} cases  given precision   recall   right")
            counted = count([case for case in found if case.aside == aside])
            for name in sorted(counted, key=lambda each: (each == "all", each)):
                print(counted[name].line(name))
        if options.show:
            show(found)
    if options.records:
        normalise_deductions.show(options.records, options.show)
        rule_figures.show(options.records)


def show(found: list[Case]) -> None:
    """Print the cases that are not right, except those held out."""
    for case in found:
        wrong = sorted(case.given.keys() - case.right)
        if not case.aside and (wrong or case.missing):
            rule = next(iter(case.given.values()), "")
            print(f"  {case.source:<8} {case.title[:70]} ({rule}) wrong: {wrong} missing: {case.missing}")


if __name__ == "__main__":
    main()
