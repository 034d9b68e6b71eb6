"""Convert the neutral record to a dataset of the portal, by an ordered table of named rules.

Each rule is a small function on a `Draft`; its decisions are logged with the values before and
after. The matching tables (organisations, themes, licences, protocols…) are data files in
``data/``; the controlled vocabularies come from `ckanext.ecosphere.vocabularies`. No CKAN.
"""

from __future__ import annotations

from ckanext.ecosphere.harvest.normalise.draft import Change, Context, Reason, Result
from ckanext.ecosphere.harvest.normalise.rules import RULES, normalise
from ckanext.ecosphere.harvest.problems import Problem, RecordError

__all__ = ["RULES", "Change", "Context", "Problem", "Reason", "RecordError", "Result", "normalise"]
