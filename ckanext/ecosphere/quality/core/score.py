"""Score facts out of 100 and determine the level, with a versioned model of weights.

The model is read from a file (`load_model`), facts are evaluated with it (`evaluate`), and
`Evaluation` tells what follows: score, level, advice with its gain.

`MENDS` tells what the facts of a dataset become once the advice of a criterion is followed, from
which the gain is computed. Each change is the least that the advice asks for: one year of a period,
"as needed" as the frequency, an open licence, a file in an open format. What follows from it is
then judged like anything else: a file that was added is not checked yet, and a frequency lets other
criteria apply.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from ckanext.ecosphere.dataset.dates import due_date
from ckanext.ecosphere.quality.core import criteria
from ckanext.ecosphere.quality.core.criteria import BY_ID, CRITERIA, Criterion, State
from ckanext.ecosphere.quality.core.distributions import DATA
from ckanext.ecosphere.quality.core.facts import OPEN_ACCESS, Facts, Kind
from ckanext.ecosphere.shared.language import N_

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
        requires: criteria that must not fail, whatever the score; those not applicable or unknown
            do not matter.
    """

    code: str
    lowest: int
    requires: tuple[str, ...] = ()


@dataclass(frozen=True)
class Model:
    """Weights and levels.

    Attributes:
        version: must change with any weight or level; rows scored with another version are
            rescored.
        points: criterion → points; only criteria with points are scored.
        levels: from the best to the last, which starts at 0 and has no conditions.
    """

    version: str
    points: dict[str, int]
    levels: tuple[Level, ...]

    @functools.cached_property
    def criteria(self) -> tuple[Criterion, ...]:
        """Return the scored criteria, in the order of the table."""
        return tuple(criterion for criterion in CRITERIA if criterion.id in self.points)

    @functools.cached_property
    def level_codes(self) -> tuple[str, ...]:
        """Return the codes of the levels, best first."""
        return tuple(level.code for level in self.levels)

    @functools.cached_property
    def conditions(self) -> tuple[Criterion, ...]:
        """Return the criteria required by any level."""
        required: list[str] = []
        for level in self.levels:
            required += level.requires
        return tuple(BY_ID[name] for name in dict.fromkeys(required))


@dataclass(frozen=True)
class Result:
    """Result of a criterion, with the points at stake."""

    criterion: Criterion
    state: State
    points: int

    @property
    def won(self) -> int:
        """Return the points won."""
        if self.state is not State.PASS:
            return 0
        return self.points

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
        return sum(result.won for result in self.results)

    @functools.cached_property
    def out_of(self) -> int:
        """Return the attainable points: those of the criteria that apply and are known."""
        return sum(result.points for result in self.results if result.counts)

    @functools.cached_property
    def score(self) -> int:
        """Return the percentage of points won, rounded down so that 100 means all of them."""
        if not self.out_of:
            return 0
        return SCALE * self.won // self.out_of

    def unmet(self, level: Level) -> tuple[Result, ...]:
        """Return the conditions of `level` that are not met."""
        unmet = (result for result in self.conditions if result.unmet)
        return tuple(result for result in unmet if result.criterion.id in level.requires)

    @functools.cached_property
    def level(self) -> str:
        """Return the best level whose minimum score and conditions are met."""
        reached = (level for level in self.model.levels if self.score >= level.lowest)
        return next(level.code for level in reached if not self.unmet(level))

    @property
    def next_level(self) -> Level | None:
        """Return the level above, None at the top."""
        place = self.model.level_codes.index(self.level)
        if not place:
            return None
        return self.model.levels[place - 1]

    @property
    def states(self) -> dict[str, str]:
        """Return criterion → state, as stored."""
        return {result.criterion.id: result.state.value for result in self.results}

    def gain(self, criterion_id: str) -> int:
        """Return by how much the score changes once the advice of the failed criterion is followed.

        What follows from it counts too: a frequency decides, for instance, whether the data are
        late.
        """
        after = MENDS[criterion_id](self.facts, self.today)
        return evaluate(after, self.model, self.today).score - self.score

    def advice(self) -> tuple[tuple[Result, int], ...]:
        """Return the failed criteria with their gains, most rewarding first."""
        failed = [result for result in self.results if result.state is State.FAIL]
        gains = [(result, self.gain(result.criterion.id)) for result in failed]
        return tuple(sorted(gains, key=lambda pair: (-pair[1], -pair[0].points)))


def evaluate(facts: Facts, model: Model, today: date) -> Evaluation:
    """Evaluate every criterion of `model` for `facts` as of `today`."""

    def check(criterion: Criterion) -> Result:
        return Result(criterion, criterion.check(facts, today), model.points.get(criterion.id, 0))

    results = tuple(map(check, model.criteria))
    conditions = tuple(map(check, model.conditions))
    return Evaluation(model, facts, today, results, conditions)


def changes_after(facts: Facts, today: date) -> date | None:
    """Return the last day on which an evaluation made `today` is still valid.

    None if it does not change with time.
    """
    last_days: list[date | None] = []
    if facts.due and not facts.finished:
        last_days = [date.fromisoformat(facts.due), criteria.kept_up_until(facts)]
    elif facts.dated:
        last_days = [criteria.recent_until(facts)]
    return min((day for day in last_days if day and day >= today), default=None)


# --- the model, from its file ---


@functools.cache
def load_model(path: str | Path = DEFAULT_MODEL) -> Model:
    """Load the weights and levels of `path`; see `data/model.yaml` for the format.

    Raises:
        ModelError: the file is unreadable, has an unknown criterion or level, or points that are
            not whole numbers.
    """
    try:
        data = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ModelError(f"{path} cannot be read: {error}") from error
    return parse_model(data, str(path))


def parse_model(data: Any, origin: str = "model") -> Model:
    """Parse a model read from `origin`; see `load_model`."""
    if not isinstance(data, dict) or not data.get("version"):
        raise ModelError(f"{origin} has no version")
    points = data.get("points")
    if not isinstance(points, dict) or not all(map(_are_points, points.values())):
        raise ModelError(f"{origin}: points must be whole numbers, 0 or more")
    unknown = sorted(map(str, set(points) - set(BY_ID)))
    if unknown:
        raise ModelError(f"{origin} gives points to unknown criteria: {', '.join(unknown)}")
    levels = _levels(data.get("levels"), origin)
    scored = {name: value for name, value in points.items() if value}
    if not scored:
        raise ModelError(f"{origin} gives no points at all")
    return Model(str(data["version"]), scored, levels)


def _are_points(value: Any) -> bool:
    return isinstance(value, int) and value >= 0


def _levels(data: Any, origin: str) -> tuple[Level, ...]:
    """Return the levels of a model, best first; `ModelError` if they cannot be used."""
    levels: list[Level] = []
    try:
        for row in data:
            requires = tuple(row.get("requires") or ())
            levels.append(Level(row["code"], int(row["from"]), requires))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{origin}: each level needs a code and the score it starts from"
        ) from error
    levels.sort(key=lambda level: -level.lowest)
    has_unknown = bool({level.code for level in levels} - set(LEVEL_LABELS))
    if has_unknown or not levels or levels[-1].lowest != 0:
        raise ModelError(
            f"{origin}: levels are {', '.join(LEVEL_LABELS)}, and the last one starts at 0"
        )
    unknown = sorted({str(name) for level in levels for name in level.requires} - set(BY_ID))
    if unknown:
        raise ModelError(f"{origin}: levels require unknown criteria: {', '.join(unknown)}")
    if levels[-1].requires:
        raise ModelError(
            f"{origin}: the last level requires nothing, so that every dataset has one"
        )
    return tuple(levels)


# --- facts once an advice is followed ---

AS_NEEDED = "IRREG"
"""Frequency "as needed" of the vocabulary."""

Mend = Callable[[Facts, date], Facts]
"""What the facts of a dataset become on a day."""


def _set(**values: Any) -> Mend:
    """Return a change that sets facts to fixed values."""
    return lambda facts, _today: dataclasses.replace(facts, **values)


def _described(length: int) -> Mend:
    """Return a change that makes a description at least as long as this."""
    return lambda facts, _today: dataclasses.replace(
        facts, description=max(facts.description, length)
    )


def _with_counts(facts: Facts, **counts: Any) -> Facts:
    """Return facts with other counts of the distributions."""
    distributions = dataclasses.replace(facts.distributions, **counts)
    return dataclasses.replace(facts, distributions=distributions)


def _file_added(facts: Facts, _today: date) -> Facts:
    """Add a described file in an open format, whose link is not checked yet."""
    counts = facts.distributions
    return _with_counts(
        facts,
        total=counts.total + 1,
        data=counts.data + 1,
        direct=counts.direct + 1,
        open=counts.open + 1,
        documented=counts.documented + 1,
        plain=counts.plain + int(counts.only_plain),
        links_unchecked=counts.links_unchecked + 1,
    )


def _access_given(facts: Facts, today: date) -> Facts:
    """Add what gives access to a dataset of this kind."""
    if facts.kind is Kind.SERVICE:
        return dataclasses.replace(facts, endpoint=True)
    if facts.kind is Kind.SERIES:
        return dataclasses.replace(facts, members=1)
    if facts.kind is Kind.CODE:
        unchecked = _with_counts(facts, links_unchecked=facts.distributions.links_unchecked + 1)
        return dataclasses.replace(unchecked, repository=True)
    return _file_added(facts, today)


def _links_corrected(facts: Facts, _today: date) -> Facts:
    """Correct every broken link; the new ones are not checked yet."""
    counts = facts.distributions
    return _with_counts(
        facts,
        open=counts.open + counts.open_broken,
        open_broken=0,
        links_unchecked=counts.links_unchecked + counts.links_broken,
        links_broken=0,
    )


def _documented(facts: Facts, _today: date) -> Facts:
    return _with_counts(facts, documented=facts.distributions.data)


def _period_reversed(facts: Facts, _today: date) -> Facts:
    return dataclasses.replace(facts, start=facts.end, end=facts.start)


def _access_stated(facts: Facts, _today: date) -> Facts:
    """State that access is open or, where it is restricted, on what ground."""
    if facts.access_rights or facts.access_limits:
        return dataclasses.replace(facts, access_conditions=1)
    return dataclasses.replace(facts, access_rights=OPEN_ACCESS)


def _updated(facts: Facts, today: date) -> Facts:
    """Update the data today."""
    due = facts.due
    if due < today.isoformat():
        next_day = due_date(facts.frequency, today, None)
        due = next_day.isoformat() if next_day else ""
    return dataclasses.replace(facts, modified=today.isoformat(), due=due)


def _dates_ordered(facts: Facts, _today: date) -> Facts:
    return dataclasses.replace(facts, modified=facts.last_change)


MENDS: dict[str, Mend] = {
    "description": _described(criteria.SHORT_DESCRIPTION),
    "description_detailed": _described(criteria.LONG_DESCRIPTION),
    "theme": _set(themes=1),
    "keywords": _set(keywords=criteria.ENOUGH_KEYWORDS),
    "territory": _set(territories=1),
    "temporal_coverage": lambda facts, today: dataclasses.replace(
        facts, periods=1, start=today.isoformat()
    ),
    "temporal_order": _period_reversed,
    "lineage": _set(lineage_words=criteria.ENOUGH_LINEAGE),
    "resolution": _set(resolution=True),
    "reference_system": _set(reference_systems=1),
    "resources_documented": _documented,
    "specification": _set(documents=1),
    "data_access": _access_given,
    "answers": _links_corrected,
    "direct_access": _file_added,
    "open_format": _file_added,
    "links_work": _links_corrected,
    "access_rights": _access_stated,
    "licence": _set(licence=True, licence_listed=True, licence_open=True),
    "licence_open": _set(licence=True, licence_listed=True, licence_open=True),
    "use_conditions": _set(use_conditions=1),
    "contact": _set(contact_reachable=True),
    "producer": _set(producer=True),
    "frequency": _set(frequency=AS_NEEDED),
    "on_time": _updated,
    "kept_up": _updated,
    "current": _updated,
    "dates": _updated,
    "dates_order": _dates_ordered,
}

#: Criterion whose value may be missing → criterion that requires the value.
ASKED_BY = {
    "temporal_order": "temporal_coverage",
    "resources_documented": "data_access",
    "answers": "data_access",
    "direct_access": "data_access",
    "open_format": "data_access",
    "links_work": "data_access",
    "licence_open": "licence",
    "on_time": "frequency",
    "current": "dates",
    "dates_order": "dates",
}
