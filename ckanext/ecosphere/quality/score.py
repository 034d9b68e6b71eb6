"""From facts to a score out of 100 and a level, under a model of weights that has a version."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from ckanext.ecosphere.quality.checks import State
from ckanext.ecosphere.quality.criteria import BY_ID, CRITERIA, N_, Criterion
from ckanext.ecosphere.quality.facts import Facts
from ckanext.ecosphere.quality.reading import DATA

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
class Model:
    """Weights and levels.

    Attributes:
        version: changes whenever a weight or a level does; rows scored under another one are scored again.
        points: criterion → points; only criteria with points are scored.
        levels: (level, lowest score) from the best to the last, which starts at 0.
    """

    version: str
    points: dict[str, int]
    levels: tuple[tuple[str, int], ...]

    @functools.cached_property
    def criteria(self) -> tuple[Criterion, ...]:
        """The criteria that count, in the order of the table."""
        return tuple(c for c in CRITERIA if c.id in self.points)

    def level(self, score: int) -> str:
        """Return the level of `score`."""
        return next(code for code, lowest in self.levels if score >= lowest)


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
        return self.state in (State.PASS, State.FAIL)


@dataclass(frozen=True)
class Evaluation:
    """All answers about one dataset on one day."""

    model: Model
    results: tuple[Result, ...]

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

    @property
    def level(self) -> str:
        """Level of the score."""
        return self.model.level(self.score)

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
    return Evaluation(model, tuple(Result(c, c.check(facts, today), model.points[c.id]) for c in model.criteria))


def changes_after(facts: Facts, today: date) -> date | None:
    """Return the last day on which an evaluation made `today` still holds.

    None when time alone changes nothing.
    """
    if facts.finished or not facts.due or facts.due < today.isoformat():
        return None
    return date.fromisoformat(facts.due)


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
    try:
        levels = tuple(sorted(((lv["code"], int(lv["from"])) for lv in data["levels"]), key=lambda lv: -lv[1]))
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{origin}: each level needs a code and the score it starts from") from error
    if {code for code, _ in levels} - set(LEVEL_LABELS) or not levels or levels[-1][1] != 0:
        raise ModelError(f"{origin}: levels are {', '.join(LEVEL_LABELS)}, and the last one starts at 0")
    scored = {name: value for name, value in points.items() if value}
    if not scored:
        raise ModelError(f"{origin} gives no points at all")
    return Model(str(data["version"]), scored, levels)
