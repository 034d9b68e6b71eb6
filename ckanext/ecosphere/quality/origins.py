"""Why a harvested dataset fails a criterion: a flaw of the source record, or a loss by the portal.

The harvest room reports, through its action, what the record states about a field and what was not taken over. A lost
text counts as a loss only if the criterion would pass with it.

Finding the origin takes some hundredths of a second, since the source record is read again: pages do it for one
dataset, the nightly job (`run`) for all of them. Its results are stored with those of the other background jobs; a save
deletes them.
"""

from __future__ import annotations

import enum
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ckan.plugins as p
import sqlalchemy as sa
from ckan import model
from ckan.common import _
from ckan.types import DataDict

from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.quality import integrations, store
from ckanext.ecosphere.quality.core import criteria
from ckanext.ecosphere.quality.core.criteria import Criterion, State
from ckanext.ecosphere.quality.core.distributions import format_of, informing
from ckanext.ecosphere.quality.core.facts import Facts
from ckanext.ecosphere.quality.model import QualityRow
from ckanext.ecosphere.shared.language import N_

log = logging.getLogger(__name__)

KEY = "origins"
CHUNK = 50


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
    """Return why a harvested dataset fails `criterion`; None if the harvest has no information on the field.

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


# --- over all datasets, by night ---


def harvested() -> Any:
    """Return the SQL condition for rows of harvested datasets."""
    # As a boolean: comparing text, PostgreSQL misestimates the number of rows and scans the whole table for a service.
    return QualityRow.facts["harvested"].as_boolean()


def waiting(limit: int) -> list[str]:
    """Return ids of active harvested datasets whose failures have not been traced yet."""
    query = (
        sa.select(QualityRow.package_id)
        .join(model.Package, model.Package.id == QualityRow.package_id)
        .where(
            model.Package.state == model.State.ACTIVE, harvested(), ~QualityRow.checks.has_key(KEY)
        )
        .order_by(QualityRow.package_id)
        .limit(limit)
    )
    return list(model.Session.scalars(query))


def run(ids: Sequence[str]) -> tuple[int, int]:
    """Trace the failures of the datasets `ids` and store the results. Commits.

    Returns:
        how many were examined, and how many of them fail a criterion because of a loss by the portal.
    """
    if not p.plugin_loaded("ecosphere_harvest"):
        return 0, 0
    losing = 0
    for start in range(0, len(ids), CHUNK):
        query = sa.select(QualityRow).where(QualityRow.package_id.in_(ids[start : start + CHUNK]))
        for row in list(model.Session.scalars(query)):
            package_id, computed_at = row.package_id, row.computed_at
            faults = _faults(row)
            losing += Fault.LOST.value in faults.values()
            results = json.dumps({KEY: faults})
            model.Session.execute(_STORE, {"id": package_id, "at": computed_at, "results": results})
        model.Session.commit()
        model.Session.expunge_all()
    return len(ids), losing


#: A dataset saved meanwhile is left for the next run.
_STORE = sa.text(
    """
    UPDATE ecosphere_quality SET checks = checks || CAST(:results AS jsonb)
    WHERE package_id = :id AND computed_at = :at
    """
)


def _faults(row: QualityRow) -> dict[str, str]:
    """Return the faults of a dataset by criterion; empty if its record cannot be read."""
    quality = store.quality_of(row)
    failed = [
        result.criterion for result in quality.evaluation.results if result.state is State.FAIL
    ]
    if not failed:
        return {}
    try:
        statements = integrations.source_statements(
            {"ignore_auth": True, "user": ""}, row.package_id
        )
    except Exception:  # a faulty record must not stop the others
        log.exception("Quality: the record of the dataset %s cannot be read again", row.package_id)
        model.Session.rollback()
        return {}
    if not statements:
        return {}
    faults: dict[str, str] = {}
    for criterion in failed:
        cause = origin(criterion, quality.facts, statements["fields"])
        if cause:
            faults[criterion.id] = cause.fault.value
    return faults


def forget() -> None:
    """Delete all results, after a change of the harvest rules: the next runs read every record again."""
    update = (
        sa.update(QualityRow)
        .where(QualityRow.checks.has_key(KEY))
        .values(checks=QualityRow.checks.op("-")(KEY))
    )
    model.Session.execute(update.execution_options(synchronize_session=False))
    model.Session.commit()
