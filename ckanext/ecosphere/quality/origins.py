"""Why a harvested dataset fails a criterion: a flaw of the source record, or a loss by the portal.

The harvest room reports, through its action, what the record states about a field and what was not
taken over. A lost text counts as a loss only if the criterion would pass with it.

Finding the origin takes some hundredths of a second, since the source record is read again.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ckan.common import _
from ckan.types import DataDict

from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.quality.core import criteria
from ckanext.ecosphere.quality.core.criteria import Criterion
from ckanext.ecosphere.quality.core.distributions import format_of, informing
from ckanext.ecosphere.quality.core.facts import Facts
from ckanext.ecosphere.shared.language import N_


class Fault(str, enum.Enum):
    """Why the criterion is not met.

    `LOST`: the record is sufficient and the portal did not take it over.
    `UNUSABLE`: the record's value is unusable.
    `NOT_ENOUGH`: the value was taken over and is insufficient.
    `SILENT`: the record has no value.
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

    @property
    def sentence(self) -> str:
        """Return what is wrong, in the reader's language."""
        if self.fault is Fault.UNUSABLE:
            return " ".join(self.problems)
        quoted = _("”, “").join(self.texts)
        return _(SENTENCES[self.fault]).format(texts=quoted)

    def as_dict(self) -> DataDict:
        """Return the result as plain data, with sentences in the reader's language."""
        label = OURS if self.ours else THEIRS
        return {
            "fault": self.fault.value,
            "ours": self.ours,
            "label": _(label),
            "sentence": self.sentence,
            "texts": list(self.texts),
        }


def _long_enough(
    length: Callable[[Facts], int], enough: int
) -> Callable[[Facts, Sequence[str]], bool]:
    return lambda facts, lost: length(facts) + sum(map(len, lost)) >= enough


def _enough_lineage(facts: Facts, lost: Sequence[str]) -> bool:
    return facts.lineage_words + len(informing(" ".join(lost))) >= criteria.ENOUGH_LINEAGE


def _is_open(text: str) -> bool:
    file_format = format_of(links.format_called(text))
    return file_format is not None and file_format.structured_and_open


#: Criteria that only certain lost texts would have met; the others pass with any text.
WOULD_PASS: dict[str, Callable[[Facts, Sequence[str]], bool]] = {
    "description": _long_enough(lambda facts: facts.description, criteria.SHORT_DESCRIPTION),
    "description_detailed": _long_enough(
        lambda facts: facts.description, criteria.LONG_DESCRIPTION
    ),
    "lineage": _enough_lineage,
    "keywords": lambda facts, lost: facts.keywords + len(lost) >= criteria.ENOUGH_KEYWORDS,
    "open_format": lambda _facts, lost: any(map(_is_open, lost)),
}


def origin(criterion: Criterion, facts: Facts, fields: Mapping[str, Row]) -> Origin | None:
    """Return why a harvested dataset fails `criterion`; None if the harvest has no information on
    the field.

    Args:
        criterion: a failed criterion.
        facts: facts of the dataset.
        fields: `fields` of the action `ecosphere_harvest_statements_show`.
    """
    name = f"resource:{criterion.field}" if criterion.on_resource else criterion.field
    statements = fields.get(name)
    if statements is None:
        return None
    lost, texts, problems = (tuple(statements[key]) for key in ("lost", "said", "problems"))
    would_pass = WOULD_PASS.get(criterion.id, lambda _facts, _lost: True)
    if lost and would_pass(facts, lost):
        return Origin(Fault.LOST, lost)
    if problems:
        return Origin(Fault.UNUSABLE, texts, problems)
    if texts:
        return Origin(Fault.NOT_ENOUGH, texts)
    return Origin(Fault.SILENT)
