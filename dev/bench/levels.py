"""How far the badge agrees with a person: the levels of judged datasets beside those that the score gives.

    make bench-levels

Reads `ckanext/ecosphere/quality/judged`; needs no service. Prints the weighted kappa of the datasets on which weights
and conditions were chosen and of those held aside, then names the datasets on which they differ.
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
AS_OF = date(2026, 11, 26)  # the day as of which the datasets were judged
TARGET = 0.75
LEVELS = tuple(LEVEL_LABELS)


@dataclass(frozen=True)
class Judgement:
    """A dataset with the level that a person gave it, and that of the badge."""

    id: str
    aside: bool
    title: str
    reason: str
    person: str
    badge: str
    facts: Facts

    @property
    def pair(self) -> tuple[str, str]:
        """The two levels."""
        return self.person, self.badge


def judgements() -> list[Judgement]:
    """Return the judged datasets, scored with the shipped model as of the day of the judgement."""
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
    """Return Cohen's kappa with quadratic weights: 1 for full agreement, 0 for that of chance.

    1 - sum(w * observed) / sum(w * expected), where w is the square of the distance between two levels and the expected
    counts are those of the margins (J. Cohen, "Weighted kappa", Psychological Bulletin 70(4), 1968, 213-220).

    Args:
        pairs: (level of one rater, level of the other) of each thing that was rated.
        levels: in their order.
    """
    place = {level: index for index, level in enumerate(levels)}
    firsts, seconds = (Counter(pair[side] for pair in pairs) for side in (0, 1))

    def weight(one: str, other: str) -> int:
        return (place[one] - place[other]) ** 2

    observed = sum(weight(*pair) for pair in pairs)
    expected = sum(weight(a, b) * firsts[a] * seconds[b] for a in levels for b in levels) / len(pairs)
    return 1 - observed / expected if expected else 1.0


def table(pairs: Sequence[tuple[str, str]]) -> str:
    """Return how often each pair of levels occurs, a row for each level of the person."""
    counts = Counter(pairs)
    rows = [f"{'person / badge':>15}" + "".join(f"{level:>12}" for level in LEVELS)]
    rows += [f"{one:>15}" + "".join(f"{counts[one, other]:>12}" for other in LEVELS) for one in LEVELS]
    return "\n".join(rows)


def main() -> int:
    """Print the agreement; 1 when it is below the target in either part."""
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
