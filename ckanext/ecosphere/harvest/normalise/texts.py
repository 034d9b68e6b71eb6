"""Titles, descriptions and other prose: plain, bounded, safe."""

from __future__ import annotations

from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.problems import RecordError

MAX_TITLE = 300
MAX_DESCRIPTION = 50_000


def title(draft: Draft) -> None:
    """A record without a title takes an alternate title, else the start of its abstract."""
    record = draft.record
    if draft.dataset.get("title"):
        return
    found = next(iter(record.alternate_titles), "") or " ".join((record.abstract or "").split())[:MAX_TITLE]
    if not found:
        raise RecordError("no-title")
    draft.set("title", found, before="")


def bounded_description(draft: Draft) -> None:
    """A description has at most 50 000 characters."""
    notes = draft.dataset.get("notes") or ""
    if len(notes) > MAX_DESCRIPTION:
        draft.set("notes", notes[:MAX_DESCRIPTION], before=notes)
