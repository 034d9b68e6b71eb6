"""A record of a batch on its way to becoming a dataset."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.model import SourceRecord
from ckanext.ecosphere.harvest.normalise import Result
from ckanext.ecosphere.harvest.write.local_edits import Edits, Values, edits_of, values_of
from ckanext.ecosphere.harvest.write.outcome import Outcome
from ckanext.ecosphere.harvest.write.portal import Present
from ckanext.harvest.model import HarvestObject


@dataclass(slots=True)
class Item:
    """One record of a batch, from loading to saving.

    Attributes:
        removed: resources that were removed from its dataset last.
        edits: local edits of its dataset.
        here: current values of a dataset that has some.
    """

    outcome: Outcome
    content: str
    seen_digest: str
    state: str
    package_id: str | None
    package_name: str | None
    package_state: str | None
    private: bool
    old_name: str | None
    extras: dict[str, Any]
    removed: list[Present] = field(default_factory=list)
    edits: Edits = field(default_factory=dict)
    here: Values = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    added: list[str] = field(default_factory=list)
    result: Result | None = None
    catalogues: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """Title of the dataset, or its name in the portal that published it, else the identifier of the record."""
        dataset = self.result.dataset if self.result else {}
        return dataset.get("name") or dataset.get("title") or self.outcome.guid

    @property
    def members(self) -> list[str]:
        """Members that the record of a series names, and feature catalogues that any record names."""
        return [*(self.result.members if self.result else []), *self.catalogues]

    def note_edits(self, package: Any) -> None:
        """Read the local edits of its dataset."""
        self.edits = edits_of(package)
        self.here = values_of(package) if self.edits else {}


def load(object_ids: list[str]) -> list[Item]:
    """Load the records of some objects, in order, except those whose source was cleared meanwhile."""
    rows = model.Session.execute(
        sa.select(HarvestObject.id, HarvestObject.guid, HarvestObject.content, SourceRecord, model.Package)
        .outerjoin(
            SourceRecord,
            sa.and_(
                SourceRecord.source_id == HarvestObject.harvest_source_id,
                SourceRecord.guid == HarvestObject.guid,
            ),
        )
        .outerjoin(model.Package, model.Package.id == SourceRecord.package_id)
        .where(HarvestObject.id.in_(object_ids))
    )
    found = {}
    for object_id, guid, content, record, package in rows:
        if record is None:
            continue
        found[object_id] = Item(
            outcome=Outcome(object_id, guid, record.position, package_id=package and package.id),
            content=content or "",
            seen_digest=record.seen_digest or "",
            state=record.state,
            package_id=package and package.id,
            package_name=package and package.name,
            package_state=package and package.state,
            private=bool(package and package.private),
            old_name=record.name,
            extras=(package and package.extras) or {},
        )
        if package is not None:
            found[object_id].note_edits(package)
    return [found[object_id] for object_id in object_ids if object_id in found]
