"""Names (the last part of the URL) for new datasets: readable, unique, and never taken from another dataset."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.vocabularies import normalise

MAX_SLUG = 80
_MIN_SLUG = 2
_RESERVED = {"new", "edit", "search"}


def slug_of(title: str) -> str:
    """A title in the form of a name: lower case, no accents, words joined by dashes, cut between words."""
    words = normalise(title).split()
    slug = ""
    for word in words:
        longer = f"{slug}-{word}" if slug else word
        if len(longer) > MAX_SLUG:
            break
        slug = longer
    slug = slug or "-".join(words)[:MAX_SLUG]
    return slug if len(slug) >= _MIN_SLUG and slug not in _RESERVED else f"donnees-{slug}".rstrip("-")


def distinct(slug: str, source_id: str, guid: str) -> str:
    """A name that no other record can have: the slug with a short hash of the record's identity."""
    return f"{slug}-{hashlib.sha256(f'{source_id}|{guid}'.encode()).hexdigest()[:10]}"


class Names:
    """Gives names to the new datasets of one transaction.

    A name is given without a hash only when no dataset has it, deleted ones included (they may come back), and
    when no other worker is about to give it: a lock that lasts as long as the transaction sees to that.
    """

    def __init__(self) -> None:
        self._given: set[str] = set()
        self._free: set[str] = set()

    def prepare(self, titles: list[str]) -> None:
        """Look up the names that these titles would like to have, all at once."""
        wanted = sorted({slug_of(title) for title in titles})
        if not wanted:
            return
        locked = model.Session.execute(
            sa.text(
                "SELECT slug FROM unnest(CAST(:slugs AS text[])) AS slug"
                " WHERE pg_try_advisory_xact_lock(hashtext('ecosphere'), hashtext(slug))"
            ),
            {"slugs": wanted},
        ).scalars()
        taken = model.Session.execute(sa.select(model.Package.name).where(model.Package.name.in_(wanted))).scalars()
        self._free = set(locked) - set(taken)

    def give(self, title: str, source_id: str, guid: str) -> str:
        """Name a new dataset."""
        slug = slug_of(title)
        if slug in self._free and slug not in self._given:
            self._given.add(slug)
            return slug
        return distinct(slug, source_id, guid)

    def free(self, name: str) -> None:
        """Give back a name whose dataset was refused after all."""
        self._given.discard(name)
