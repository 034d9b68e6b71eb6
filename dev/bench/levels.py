"""Compare the quality levels that a person gave to judged datasets with those of the badge, and count the levels.

    make bench-levels COUNT=27897 RECORDS=../shared/records

Needs no service: records are read and normalised as a harvest does, and scored as of one day. Prints the share of each
level in every collection (the table of `docs/quality.md`), then the agreement with `ckanext/ecosphere/quality/judged`
on the datasets used to choose weights and conditions and on those held out, and the datasets on which they differ.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ckanext.ecosphere.quality.core.facts import Facts, gather
from ckanext.ecosphere.quality.core.score import LEVEL_LABELS, evaluate, load_model

JUDGED = Path(__file__).parents[2] / "ckanext" / "ecosphere" / "quality" / "judged"
AS_OF = date(2026, 11, 26)  # day of the judgements
TARGET = 0.75
LEVELS = tuple(LEVEL_LABELS)


@dataclass(frozen=True)
class Judgement:
    """A dataset with the level given by a person and that of the badge."""

    id: str
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


def judgements() -> list[Judgement]:
    """Return the judged datasets, scored with the shipped model as of the day they were judged."""
    with (JUDGED / "datasets.jsonl").open(encoding="utf-8") as lines:
        datasets = {row["id"]: row["dataset"] for row in map(json.loads, lines)}
    found = []
    with (JUDGED / "levels.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            facts = gather(datasets[row["id"]])
            badge = evaluate(facts, load_model(), AS_OF).level
            aside = row["aside"] == "yes"
            found.append(Judgement(row["id"], aside, row["title"], row["reason"], row["level"], badge, facts))
    return found


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


def main() -> int:
    """Print the agreement; return 1 if it is below the target in either part."""
    found, low = judgements(), False
    for name, aside in (("chosen on", False), ("held aside", True)):
        part = [each for each in found if each.aside is aside]
        kappa = weighted_kappa([each.pair for each in part])
        low |= kappa < TARGET
        print(f"{name}: {len(part)} datasets, kappa with quadratic weights {kappa:.3f} (target {TARGET})")
        print(table([each.pair for each in part]), end="\n\n")
    for each in found:
        if each.person != each.badge:
            print(f"{each.id} person {each.person}, badge {each.badge}: {each.title[:60]} – {each.reason}")
    return int(low)


if __name__ == "__main__":
    raise SystemExit(main())
