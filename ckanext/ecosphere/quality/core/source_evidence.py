"""Why a harvested dataset fails a criterion: a flaw of the source record, or a loss by the portal.

The harvest room reports, through its action, what the record states about a field and what was not taken over. A lost
text counts as a loss only if the criterion would pass with it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.quality.core import checks, words
from ckanext.ecosphere.quality.core.criteria import Criterion
from ckanext.ecosphere.quality.core.distributions import format_of
from ckanext.ecosphere.quality.core.facts import Facts
from ckanext.ecosphere.shared.messages import N_


class Fault(str, enum.Enum):
    """Why the criterion is not met.

    `LOST`: the record is sufficient and the portal did not take it over. `UNUSABLE`: the record's value is unusable.
    `NOT_ENOUGH`: the value was taken over and is insufficient. `SILENT`: the record has no value.
    """

    LOST = "lost"
    UNUSABLE = "unusable"
    NOT_ENOUGH = "not_enough"
    SILENT = "silent"


SENTENCES = {
    Fault.LOST: N_("The record says “{texts}”, which this portal did not take over."),
    Fault.NOT_ENOUGH: N_("The record says “{texts}”, which is not enough."),
    Fault.SILENT: N_("The record says nothing of it."),
}
OURS, THEIRS = N_("Loss of this portal"), N_("To be corrected at the source")


@dataclass(frozen=True)
class Origin:
    """The result for a criterion; `texts` and `problems` are those of the record."""

    fault: Fault
    texts: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def ours(self) -> bool:
        """Return whether the portal is at fault."""
        return self.fault is Fault.LOST

    def as_dict(self) -> dict[str, Any]:
        """Return the result as plain data, with sentences in the reader's language."""
        quoted = tk._("”, “").join(self.texts)
        problems = " ".join(self.problems)
        sentence = problems if self.fault is Fault.UNUSABLE else tk._(SENTENCES[self.fault]).format(texts=quoted)
        return {
            "fault": self.fault.value,
            "ours": self.ours,
            "label": tk._(OURS if self.ours else THEIRS),
            "sentence": sentence,
            "texts": list(self.texts),
        }


def _length(known: Callable[[Facts], int], enough: int) -> Callable[[Facts, Sequence[str]], bool]:
    return lambda facts, lost: known(facts) + sum(map(len, lost)) >= enough


def _informing(texts: Sequence[str]) -> int:
    return len(words.informing(" ".join(texts)))


def _is_open(text: str) -> bool:
    known = format_of(links.format_called(text))
    return known is not None and known.structured_and_open


#: Criteria that only certain lost texts would have met; the others pass with any text.
WOULD_PASS: dict[str, Callable[[Facts, Sequence[str]], bool]] = {
    "description": _length(lambda f: f.description, checks.SHORT_DESCRIPTION),
    "description_detailed": _length(lambda f: f.description, checks.LONG_DESCRIPTION),
    "lineage": lambda facts, lost: facts.lineage_words + _informing(lost) >= checks.ENOUGH_LINEAGE,
    "keywords": lambda facts, lost: facts.keywords + len(lost) >= checks.ENOUGH_KEYWORDS,
    "open_format": lambda _facts, lost: any(map(_is_open, lost)),
}


def origin(criterion: Criterion, facts: Facts, fields: Mapping[str, Mapping[str, Any]]) -> Origin | None:
    """Return why a harvested dataset fails `criterion`; None if the harvest has no information on the field.

    Args:
        criterion: a failed criterion.
        facts: facts of the dataset.
        fields: `fields` of the action `ecosphere_harvest_statements_show`.
    """
    name = f"resource:{criterion.field}" if criterion.on_resource else criterion.field
    told = fields.get(name)
    if told is None:
        return None
    lost, said, problems = (tuple(told[key]) for key in ("lost", "said", "problems"))
    would_pass = WOULD_PASS.get(criterion.id, lambda _facts, _lost: True)
    if lost and would_pass(facts, lost):
        return Origin(Fault.LOST, lost)
    if problems:
        return Origin(Fault.UNUSABLE, said, problems)
    return Origin(Fault.NOT_ENOUGH, said) if said else Origin(Fault.SILENT)
