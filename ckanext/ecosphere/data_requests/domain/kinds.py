"""Kinds of requests: for data, for access to data that not everyone may have, and signals of what is wrong. Pure.

A signal goes through the same desk, moderation, conversation and history, but nobody asks for a document: no legal
period runs, no decision is due and no letter is written.
"""

from __future__ import annotations

DATA, ACCESS = "data", "access"
LINK, OUTDATED, ERROR, QUESTION = "link", "outdated", "error", "question"
#: Requests in the sense of the law: the clock runs.
DEMANDS = (DATA, ACCESS)
#: Word that something is wrong with a dataset, or a question about it.
SIGNALS = (LINK, OUTDATED, ERROR, QUESTION)
KINDS = (*DEMANDS, *SIGNALS)
