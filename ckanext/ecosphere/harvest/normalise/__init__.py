"""From the neutral record to a dataset of the portal, by an ordered table of named rules.

Each rule is one small function on a `Draft`; what it decides is logged with before and after.
The matching tables (organisations, territories, themes, licences, protocols…) are data files
in ``data/``; the controlled lists come from `ckanext.ecosphere.vocabularies`. No CKAN here.
"""

from __future__ import annotations

from ckanext.ecosphere.harvest.mapping import without_empty
from ckanext.ecosphere.harvest.normalise.draft import Change, Context, Draft, Result
from ckanext.ecosphere.harvest.normalise.marked import MARKED
from ckanext.ecosphere.harvest.normalise.rules import RULES
from ckanext.ecosphere.harvest.problems import Problem, RecordError
from ckanext.ecosphere.harvest.record import Record

__all__ = ["RULES", "Change", "Context", "Problem", "RecordError", "Result", "normalise"]


def normalise(record: Record, context: Context) -> Result:
    """Make a dataset of a record.

    Args:
        record: as read; it is not changed.
        context: what its source tells about all of its records.

    Raises:
        RecordError: the record has nothing to make a dataset from.
    """
    draft = Draft.of(record, context)
    for name, rule in RULES:
        draft.rule = name
        (MARKED.get(name, rule) if record.marked else rule)(draft)
    dataset = without_empty(draft.dataset)
    return Result(dataset, dataset.get("owner_org"), draft.log, draft.problems, draft.unread, draft.members)
