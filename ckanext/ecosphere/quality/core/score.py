"""From facts to a score out of 100 and a level, under a model of weights that has a version."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from ckanext.ecosphere.quality.core.checks import State, recent_until
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
    """The file of weights and levels cannot be used; the message says why, in one sentence."""


@dataclass(frozen=True)
class Level:
    """One level of the badge.

    Attributes:
        code: key of `LEVEL_LABELS`.
        lowest: lowest score, out of 100.
        requires: criteria without which the score does not count; what does not apply or is not known stands in no way.
    """

    code: str
    lowest: int
    requires: tuple[str, ...] = ()


@dataclass(frozen=True)
class Model:
    """Weights and levels.

    Attributes:
        version: changes whenever a weight or a level does; rows scored under another one are scored again.
        points: criterion → points; only criteria with points are scored.
        levels: from the best to the last, which starts at 0 and asks for nothing.
    """

    version: str
    points: dict[str, int]
    levels: tuple[Level, ...]

    @functools.cached_property
    def criteria(self) -> tuple[Criterion, ...]:
        """The criteria that count, in the order of the table."""
        return tuple(c for c in CRITERIA if c.id in self.points)

    @functools.cached_property
    def level_codes(self) -> tuple[str, ...]:
        """Codes of the levels, the best first."""
        return tuple(level.code for level in self.levels)

    @functools.cached_property
    def conditions(self) -> tuple[Criterion, ...]:
        """The criteria that a level requires."""
        names = dict.fromkeys(name for level in self.levels for name in level.requires)
        return tuple(BY_ID[name] for name in names)


@dataclass(frozen=True)
class Result:
    """Answer of one criterion, with the points at stake."""

    criterion: Criterion
    state: State
    points: int

    @property
    def won(self) -> int:
        """Points won."""
        return self.points if self.state is State.PASS else 0

    @property
    def counts(self) -> bool:
        """Whether the points count in the total that can be won."""
        return self.state in (State.PASS, State.FAIL, State.MISSING)

    @property
    def unmet(self) -> bool:
        """Whether it stands in the way of a level that requires it."""
        return self.state in (State.FAIL, State.MISSING)


@dataclass(frozen=True)
class Evaluation:
    """All answers about one dataset on one day: of the criteria that are scored, and of those that levels require."""

    model: Model
    results: tuple[Result, ...]
    conditions: tuple[Result, ...] = ()

    @functools.cached_property
    def won(self) -> int:
        """Points won."""
        return sum(r.won for r in self.results)

    @functools.cached_property
    def out_of(self) -> int:
        """Points that could be won: those of the criteria that apply and are known."""
        return sum(r.points for r in self.results if r.counts)

    @functools.cached_property
    def score(self) -> int:
        """Share of the points won, out of 100, rounded down so that 100 means everything."""
        return SCALE * self.won // self.out_of if self.out_of else 0

    def unmet(self, level: Level) -> tuple[Result, ...]:
        """Return the conditions of `level` that are not met."""
        return tuple(each for each in self.conditions if each.unmet and each.criterion.id in level.requires)

    @functools.cached_property
    def level(self) -> str:
        """Best level that the score reaches and whose conditions are met."""
        return next(lv.code for lv in self.model.levels if self.score >= lv.lowest and not self.unmet(lv))

    @property
    def next_level(self) -> Level | None:
        """Level above, None at the top."""
        place = self.model.level_codes.index(self.level)
        return self.model.levels[place - 1] if place else None

    @property
    def states(self) -> dict[str, str]:
        """Criterion → state, as stored."""
        return {r.criterion.id: r.state.value for r in self.results}

    def gain(self, criterion_id: str) -> int:
        """Return by how much the score would rise if the failed criterion passed, all else being equal."""
        points = next((r.points for r in self.results if r.criterion.id == criterion_id and r.state is State.FAIL), 0)
        return SCALE * (self.won + points) // self.out_of - self.score if points else 0

    def advice(self) -> tuple[Result, ...]:
        """Return what failed, the most rewarding first."""
        failed = [r for r in self.results if r.state is State.FAIL]
        return tuple(sorted(failed, key=lambda r: -r.points))


def evaluate(facts: Facts, model: Model, today: date) -> Evaluation:
    """Ask every criterion of `model` about `facts` as of `today`."""

    def ask(criterion: Criterion) -> Result:
        return Result(criterion, criterion.check(facts, today), model.points.get(criterion.id, 0))

    results = tuple(map(ask, model.criteria))
    asked = {each.criterion.id: each for each in results}
    return Evaluation(model, results, tuple(asked.get(c.id) or ask(c) for c in model.conditions))


def changes_after(facts: Facts, today: date) -> date | None:
    """Return the last day on which an evaluation made `today` still holds.

    None when time alone changes nothing.
    """
    if facts.due and not facts.finished:
        last = date.fromisoformat(facts.due)
    elif facts.dated:
        last = recent_until(facts)
    else:
        return None
    return last if last >= today else None


@functools.cache
def load_model(path: str | Path = DEFAULT_MODEL) -> Model:
    """Read the weights and levels of `path`; see `data/model.yaml` for the form.

    Raises:
        ModelError: the file is unreadable, names an unknown criterion or level, or gives points that are no
        whole number.
    """
    try:
        data = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    return parse_model(data, str(path))


def parse_model(data: Any, origin: str = "model") -> Model:
    """Return the model written in `data`, read from `origin`; see `load_model`."""
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
