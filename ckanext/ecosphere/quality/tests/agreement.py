"""Levels that a person gave to the datasets of `quality/judged`, beside those of the badge."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ckanext.ecosphere.quality.core.facts import gather
from ckanext.ecosphere.quality.core.score import LEVEL_LABELS, evaluate, load_model

JUDGED = Path(__file__).parents[1] / "judged"
LEVELS = tuple(LEVEL_LABELS)
#: How the datasets were drawn → lowest weighted kappa, lowest share of equal levels.
TARGETS = {"middle": (0.8, 0.75), "all": (0.75, 0.7)}
#: Day of the judgements.
AS_OF = date(2026, 11, 26)


@dataclass(frozen=True)
class Judgement:
    """A dataset with the level given by a person, why, and the level of the badge."""

    aside: bool
    reason: str
    person: str
    badge: str


def judgements(drawn: str) -> list[Judgement]:
    """Return the judged datasets of a draw, scored with the shipped model
    as of the day they were judged.
    """
    with (JUDGED / "datasets.jsonl").open(encoding="utf-8") as lines:
        datasets = {row["id"]: row["dataset"] for row in map(json.loads, lines)}
    with (JUDGED / "levels.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["drawn"] == drawn]
    badges = [evaluate(gather(datasets[row["id"]]), load_model(), AS_OF).level for row in rows]
    return [
        Judgement(row["aside"] == "yes", row["reason"], row["level"], badge)
        for row, badge in zip(rows, badges, strict=True)
    ]


def agreement(judged: Sequence[Judgement]) -> tuple[float, float]:
    """Return weighted kappa and share of equal levels."""
    pairs = [(each.person, each.badge) for each in judged]
    equal = sum(person == badge for person, badge in pairs)
    return weighted_kappa(pairs), equal / len(pairs)


def weighted_kappa(pairs: Sequence[tuple[str, str]]) -> float:
    """Return Cohen's kappa with quadratic weights: 1 for full agreement, 0 for chance agreement.

    1 - sum(w * observed) / sum(w * expected), where w is the squared distance between two levels
    and the expected counts follow from the margins (J. Cohen, "Weighted kappa", Psychological
    Bulletin 70(4), 1968, 213-220).

    Args:
        pairs: (level of one rater, level of the other) for each rated item.
    """
    firsts = Counter(first for first, _second in pairs)
    seconds = Counter(second for _first, second in pairs)
    observed = sum(_distance(first, second) for first, second in pairs)
    expected = 0.0
    for one in LEVELS:
        for other in LEVELS:
            expected += _distance(one, other) * firsts[one] * seconds[other] / len(pairs)
    return 1 - observed / expected if expected else 1.0


def _distance(one: str, other: str) -> int:
    return (LEVELS.index(one) - LEVELS.index(other)) ** 2
