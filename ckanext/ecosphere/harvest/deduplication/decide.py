"""De-duplication during import: which records of a batch are duplicates, and which take over an existing dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.deduplication.explain import explanation
from ckanext.ecosphere.harvest.deduplication.groups import grouped
from ckanext.ecosphere.harvest.deduplication.keys import bare
from ckanext.ecosphere.harvest.deduplication.rows import RecordId, around, known_elsewhere, member_of, rank, sources
from ckanext.ecosphere.harvest.model import DUPLICATE, KEPT, PUBLISHED, SourceRecord


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A record that another source publishes.

    Attributes:
        package_id: the published dataset.
        why: see `explanation`.
    """

    package_id: str
    why: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Takeover:
    """A record whose source has priority over the one that currently publishes its dataset."""

    package_id: str
    holder: RecordId


def decide(source_id: str, found: Mapping[str, tuple[tuple[str, ...], str]]) -> dict[str, Duplicate | Takeover]:
    """Decide on records that have no dataset yet; those without a decision become new datasets.

    The keys are locked until the end of the transaction, so that two workers never publish the same dataset twice.

    Args:
        source_id: their source.
        found: keys and id of the owning service of each record, by guid.
    """
    every = {key for own, _service in found.values() for key in own}
    keys = sorted({bare(key) for key in every})
    if not keys:
        return {}
    model.Session.execute(
        sa.text(
            "SELECT pg_advisory_xact_lock(hashtext('ecosphere same'), hashtext(key))"
            " FROM (SELECT unnest(CAST(:keys AS text[])) AS key) AS sorted"
        ),
        {"keys": keys},
    )
    if not known_elsewhere(source_id, every):
        return {}
    known = sources()
    rows = around(every, known)
    members = {id_: row.member for id_, row in rows.items()}
    apart = _apart(source_id, set(found))
    source = known.get(source_id)
    for guid, (own, service) in found.items():
        members[source_id, guid] = member_of(
            source, (source_id, guid), own, rank(source), apart=guid in apart, service=service
        )
    decided: dict[str, Duplicate | Takeover] = {}
    for group in grouped(members.values()):
        mine = next((member for member in group if member.source == source_id and member.guid in found), None)
        holder = next((member for member in group if _holds(rows.get(member.id)) and member is not mine), None)
        if mine is None or holder is None:
            continue
        package_id = rows[holder.id].package_id or ""
        if mine is not group[0]:
            decided[mine.guid] = Duplicate(package_id, explanation(group[0], mine, known))
        else:
            decided[mine.guid] = Takeover(package_id, holder.id)
    return decided


def _holds(row: Any) -> bool:
    return bool(row and row.package_id and row.state in (PUBLISHED, KEPT))


def _apart(source_id: str, guids: set[str]) -> set[str]:
    """Return the records that a person marked as separate from all others."""
    query = sa.select(SourceRecord.guid).where(
        SourceRecord.source_id == source_id, SourceRecord.apart.is_(True), SourceRecord.guid.in_(guids)
    )
    return set(model.Session.execute(query).scalars())


def let_go(holder: RecordId, package_id: str) -> None:
    """Set aside the record whose dataset is taken over."""
    source, guid = holder
    model.Session.execute(
        sa.update(SourceRecord)
        .where(SourceRecord.source_id == source, SourceRecord.guid == guid)
        .values(state=DUPLICATE, package_id=None, joined=package_id)
    )
