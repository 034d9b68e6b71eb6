"""Compare the quality levels that a person gave to judged datasets with those of the badge, and count the levels.

    make bench-levels COUNT=27897 RECORDS=../shared/records

Needs no service: records are read and normalised as a harvest does, and scored as of one day. Prints the share of each
level in every collection (the table of `docs/quality.md`), then the agreement with `ckanext/ecosphere/quality/judged`
on the datasets used to choose weights and conditions and on those held out, and the datasets on which they differ.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ckanext.ecosphere.quality.core.facts import Facts, gather
from ckanext.ecosphere.quality.core.score import LEVEL_LABELS, evaluate, load_model
from dev import demo, page_tables
from dev.bench import levels_collections
from dev.bench.levels_collections import AS_OF, Source

JUDGED = Path(__file__).parents[2] / "ckanext" / "ecosphere" / "quality" / "judged"
LEVELS = tuple(LEVEL_LABELS)
TARGETS = {"middle": (0.8, 0.75), "all": (0.75, 0.7)}
"""How the datasets were drawn → lowest weighted kappa, lowest share of equal levels."""
MOST = 0.45
"""Highest share of datasets of a collection that may have the same level."""


@dataclass(frozen=True)
class Judgement:
    """A dataset with the level given by a person and that of the badge."""

    id: str
    drawn: str
    aside: bool
    title: str
    reason: str
    person: str
    badge: str
    facts: Facts

    @property
    def pair(self) -> tuple[str, str]:
        """The levels given by the person and by the badge."""
        return self.person, self.badge


def judgements(drawn: str) -> list[Judgement]:
    """Return the judged datasets of a draw, scored with the shipped model as of the day they were judged."""
    with (JUDGED / "datasets.jsonl").open(encoding="utf-8") as lines:
        datasets = {row["id"]: row["dataset"] for row in map(json.loads, lines)}
    judged = []
    with (JUDGED / "levels.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["drawn"] != drawn:
                continue
            facts = gather(datasets[row["id"]])
            badge = evaluate(facts, load_model(), AS_OF).level
            aside = row["aside"] == "yes"
            judged.append(Judgement(row["id"], drawn, aside, row["title"], row["reason"], row["level"], badge, facts))
    return judged


def counted(sources: Iterable[Source]) -> Counter[str]:
    """Count the datasets of a collection by level, scored with the shipped model."""
    model = load_model()
    return Counter(evaluate(gather(source.dataset), model, AS_OF).level for source in sources)


def distribution(collections: dict[str, Counter[str]]) -> str:
    """Return the share of each level in collections, as the table of `docs/quality.md`."""
    names = " | ".join(LEVEL_LABELS.values())
    rows = [f"| model `{load_model().version}` | datasets | {names} |", "| --- |" + " ---: |" * (1 + len(LEVELS))]
    for name, counts in collections.items():
        total = counts.total()
        shares = " | ".join(f"{100 * counts[level] / total:.0f} %" for level in LEVELS)
        rows.append(f"| {name} | {total} | {shares} |")
    return "\n".join(rows)


def agreement(pairs: Sequence[tuple[str, str]]) -> tuple[float, float]:
    """Return weighted kappa and share of equal levels."""
    equal = sum(person == badge for person, badge in pairs)
    return weighted_kappa(pairs), equal / len(pairs)


def weighted_kappa(pairs: Sequence[tuple[str, str]], levels: Sequence[str] = LEVELS) -> float:
    """Return Cohen's kappa with quadratic weights: 1 for full agreement, 0 for chance agreement.

    1 - sum(w * observed) / sum(w * expected), where w is the squared distance between two levels and the expected
    counts follow from the margins (J. Cohen, "Weighted kappa", Psychological Bulletin 70(4), 1968, 213-220).

    Args:
        pairs: (level of one rater, level of the other) for each rated item.
        levels: the levels in order.
    """
    place = {level: index for index, level in enumerate(levels)}
    firsts, seconds = (Counter(pair[side] for pair in pairs) for side in (0, 1))

    def weight(one: str, other: str) -> int:
        return (place[one] - place[other]) ** 2

    observed = sum(weight(*pair) for pair in pairs)
    expected = sum(weight(a, b) * firsts[a] * seconds[b] for a in levels for b in levels) / len(pairs)
    return 1 - observed / expected if expected else 1.0


def table(pairs: Sequence[tuple[str, str]]) -> str:
    """Return the confusion matrix as text, with a row for each level given by the person."""
    counts = Counter(pairs)
    rows = [f"{'person / badge':>15}" + "".join(f"{level:>12}" for level in LEVELS)]
    rows += [f"{one:>15}" + "".join(f"{counts[one, other]:>12}" for other in LEVELS) for one in LEVELS]
    return "\n".join(rows)


def compare() -> tuple[str, bool]:
    """Return the agreement with the person as text, and whether it reaches the targets in every part."""
    lines, reached = [], True
    for drawn, (lowest_kappa, lowest_share) in TARGETS.items():
        judged = judgements(drawn)
        for part, aside in (("chosen on", False), ("held aside", True)):
            pairs = [each.pair for each in judged if each.aside is aside]
            kappa, share = agreement(pairs)
            reached = reached and kappa >= lowest_kappa and share >= lowest_share
            targets = f"(targets {lowest_kappa}, {lowest_share})"
            lines.append(f"{drawn}, {part}: {len(pairs)} datasets, kappa {kappa:.2f}, equal {share:.2f} {targets}")
            lines.append(table(pairs) + "\n")
        for each in judged:
            if each.person != each.badge:
                levels = f"{each.id} person {each.person}, badge {each.badge}"
                lines.append(f"{levels}: {each.title[:60]} – {each.reason}")
        lines.append("")
    return "\n".join(lines), reached


def main() -> int:
    """Print the levels of the collections and the agreement; return 1 if it is below a target or a level too common."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=Path, help="folder of real records")
    parser.add_argument("--count", type=int, help="records of a large demonstration (some minutes)")
    parser.add_argument("--docs", action="store_true", help="write the table of docs/quality.md")
    chosen = parser.parse_args()
    collections = {"`make demo`": counted(levels_collections.demonstration(demo.DEFAULT_COUNT))}
    if chosen.records:
        collections["real French records"] = counted(levels_collections.real(chosen.records))
    if chosen.count:
        collections[f"`COUNT={chosen.count} make demo`"] = counted(levels_collections.demonstration(chosen.count))
    written = distribution(collections)
    print(written, end="\n\n")
    if chosen.docs:
        page_tables.write("quality.md", "levels", written)
    text, reached = compare()
    print(text)
    common = any(max(counts.values()) > MOST * counts.total() for counts in collections.values())
    return int(common or not reached)


if __name__ == "__main__":
    raise SystemExit(main())
