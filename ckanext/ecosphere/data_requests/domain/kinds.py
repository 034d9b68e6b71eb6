"""Kinds of requests: for data, for access to restricted data, and signals (reports of a problem). Pure.

A signal goes through the same desk, moderation, conversation and history, but it is no request for a document in the
sense of the law: no legal period runs, no decision is due and no letter is written.
"""

from __future__ import annotations

DATA, ACCESS = "data", "access"
LINK, OUTDATED, ERROR, QUESTION = "link", "outdated", "error", "question"
#: Requests in the sense of the law: the clock runs.
DEMANDS = (DATA, ACCESS)
#: Reports of a problem with a dataset, or questions about it.
SIGNALS = (LINK, OUTDATED, ERROR, QUESTION)
KINDS = (*DEMANDS, *SIGNALS)
