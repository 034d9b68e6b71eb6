"""Score facts out of 100 and determine the level, with a versioned model of weights."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from ckanext.ecosphere.quality.core import mending
from ckanext.ecosphere.quality.core.checks import State, kept_up_until, recent_until
from ckanext.ecosphere.quality.core.criteria import BY_ID, CRITERIA, Criterion
from ckanext.ecosphere.quality.core.facts import Facts
from ckanext.ecosphere.quality.storage.reading import DATA
from ckanext.ecosphere.shared.messages import N_

SCALE = 100
DEFAULT_MODEL = DATA / "model.yaml"

LEVEL_LABELS = {
    "gold": N_("Gold"),
    "silver": N_("Silver"),
    "bronze": N_("Bronze"),
    "incomplete": N_("To be completed"),
}


class ModelError(ValueError):
    """The file of weights and levels is invalid; the message gives the reason in one sentence."""


@dataclass(frozen=True)
class Level:
    """A level of the badge.

    Attributes:
        code: key of `LEVEL_LABELS`.
        lowest: minimum score, out of 100.
        requires: criteria that must not fail, whatever the score; those not applicable or unknown do not matter.
    """

    code: str
    lowest: int
    requires: tuple[str, ...] = ()


@dataclass(frozen=True)
class Model:
    """Weights and levels.

    Attributes:
        version: must change with any weight or level; rows scored with another version are rescored.
        points: criterion → points; only criteria with points are scored.
        levels: from the best to the last, which starts at 0 and has no conditions.
    """

    version: str
    points: dict[str, int]
    levels: tuple[Level, ...]

    @functools.cached_property
    def criteria(self) -> tuple[Criterion, ...]:
        """Return the scored criteria, in the order of the table."""
        return tuple(c for c in CRITERIA if c.id in self.points)

    @functools.cached_property
    def level_codes(self) -> tuple[str, ...]:
        """Return the codes of the levels, best first."""
        return tuple(level.code for level in self.levels)

    @functools.cached_property
    def conditions(self) -> tuple[Criterion, ...]:
        """Return the criteria required by any level."""
        names = dict.fromkeys(name for level in self.levels for name in level.requires)
        return tuple(BY_ID[name] for name in names)


@dataclass(frozen=True)
class Result:
    """Result of a criterion, with the points at stake."""

    criterion: Criterion
    state: State
    points: int

    @property
    def won(self) -> int:
        """Return the points won."""
        return self.points if self.state is State.PASS else 0

    @property
    def counts(self) -> bool:
        """Return whether the points count in the attainable total."""
        return self.state in (State.PASS, State.FAIL, State.MISSING)

    @property
    def unmet(self) -> bool:
        """Return whether the result rules out a level that requires the criterion."""
        return self.state in (State.FAIL, State.MISSING)


@dataclass(frozen=True)
class Evaluation:
    """Results of a dataset on one day, for the scored criteria and the conditions of levels."""

    model: Model
    facts: Facts
    today: date
    results: tuple[Result, ...]
    conditions: tuple[Result, ...] = ()

    @functools.cached_property
    def won(self) -> int:
        """Return the points won."""
        return sum(r.won for r in self.results)

    @functools.cached_property
    def out_of(self) -> int:
        """Return the attainable points: those of the criteria that apply and are known."""
        return sum(r.points for r in self.results if r.counts)

    @functools.cached_property
    def score(self) -> int:
        """Return the percentage of points won, rounded down so that 100 means all of them."""
        return SCALE * self.won // self.out_of if self.out_of else 0

    def unmet(self, level: Level) -> tuple[Result, ...]:
        """Return the conditions of `level` that are not met."""
        return tuple(each for each in self.conditions if each.unmet and each.criterion.id in level.requires)

    @functools.cached_property
    def level(self) -> str:
        """Return the best level whose minimum score and conditions are met."""
        return next(lv.code for lv in self.model.levels if self.score >= lv.lowest and not self.unmet(lv))

    @property
    def next_level(self) -> Level | None:
        """Return the level above, None at the top."""
        place = self.model.level_codes.index(self.level)
        return self.model.levels[place - 1] if place else None

    @property
    def states(self) -> dict[str, str]:
        """Return criterion → state, as stored."""
        return {r.criterion.id: r.state.value for r in self.results}

    def gain(self, criterion_id: str) -> int:
        """Return by how much the score changes once the advice of the failed criterion is followed.

        What follows from it counts too: a frequency decides, for instance, whether the data are late.
        """
        after = mending.mended(criterion_id, self.facts, self.today)
        return evaluate(after, self.model, self.today).score - self.score

    def advice(self) -> tuple[tuple[Result, int], ...]:
        """Return the failed criteria with their gains, most rewarding first."""
        failed = [(r, self.gain(r.criterion.id)) for r in self.results if r.state is State.FAIL]
        return tuple(sorted(failed, key=lambda pair: (-pair[1], -pair[0].points)))


def evaluate(facts: Facts, model: Model, today: date) -> Evaluation:
    """Evaluate every criterion of `model` for `facts` as of `today`."""

    def ask(criterion: Criterion) -> Result:
        return Result(criterion, criterion.check(facts, today), model.points.get(criterion.id, 0))

    results = tuple(map(ask, model.criteria))
    asked = {each.criterion.id: each for each in results}
    return Evaluation(model, facts, today, results, tuple(asked.get(c.id) or ask(c) for c in model.conditions))


def changes_after(facts: Facts, today: date) -> date | None:
    """Return the last day on which an evaluation made `today` is still valid.

    None if it does not change with time.
    """
    if facts.due and not facts.finished:
        ends = [date.fromisoformat(facts.due), kept_up_until(facts)]
    elif facts.dated:
        ends = [recent_until(facts)]
    else:
        ends = []
    return min((end for end in ends if end and end >= today), default=None)


@functools.cache
def load_model(path: str | Path = DEFAULT_MODEL) -> Model:
    """Load the weights and levels of `path`; see `data/model.yaml` for the format.

    Raises:
        ModelError: the file is unreadable, has an unknown criterion or level, or points that are not whole numbers.
    """
    try:
        data = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    return parse_model(data, str(path))


def parse_model(data: Any, origin: str = "model") -> Model:
    """Parse a model read from `origin`; see `load_model`."""
    if not isinstance(data, dict) or not data.get("version"):
        raise ModelError(f"{origin} has no version")
    points = data.get("points")
    if not isinstance(points, dict) or not all(isinstance(p, int) and p >= 0 for p in points.values()):
        raise ModelError(f"{origin}: points must be whole numbers, 0 or more")
    unknown = sorted(set(points) - set(BY_ID))
    if unknown:
        raise ModelError(f"{origin} gives points to unknown criteria: {', '.join(map(str, unknown))}")
    levels = _levels(data.get("levels"), origin)
    scored = {name: value for name, value in points.items() if value}
    if not scored:
        raise ModelError(f"{origin} gives no points at all")
    return Model(str(data["version"]), scored, levels)


def _levels(data: Any, origin: str) -> tuple[Level, ...]:
    try:
        levels = [Level(each["code"], int(each["from"]), tuple(each.get("requires") or ())) for each in data]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{origin}: each level needs a code and the score it starts from") from error
    levels.sort(key=lambda level: -level.lowest)
    if {level.code for level in levels} - set(LEVEL_LABELS) or not levels or levels[-1].lowest != 0:
        raise ModelError(f"{origin}: levels are {', '.join(LEVEL_LABELS)}, and the last one starts at 0")
    unknown = sorted({str(name) for level in levels for name in level.requires} - set(BY_ID))
    if unknown:
        raise ModelError(f"{origin}: levels require unknown criteria: {', '.join(unknown)}")
    if levels[-1].requires:
        raise ModelError(f"{origin}: the last level requires nothing, so that every dataset has one")
    return tuple(levels)
