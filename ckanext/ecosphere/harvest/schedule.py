"""Spread the next runs of sources over their period, so that they do not all start at once.

ckanext-harvest sets the next run one period after the last: sources registered together, by the hundred, would stay due
together for ever.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.model import now
from ckanext.harvest.model import HarvestSource

PERIODS = {
    "DAILY": timedelta(days=1),
    "WEEKLY": timedelta(weeks=1),
    "BIWEEKLY": timedelta(weeks=2),
    "MONTHLY": timedelta(days=30),
}
"""Frequency → its period; sources harvested by hand or always have no time of their own."""
_ORIGIN = datetime(2024, 1, 1)  # a Monday


def next_run(source_id: str, frequency: str, moment: datetime) -> datetime | None:
    """The next time of a source: the same moment of each period, between half a period and one and a half from now.

    Args:
        source_id: what its time is drawn from.
        frequency: as ckanext-harvest calls it.
        moment: now, in UTC.

    Returns:
        None for a frequency without a period.
    """
    period = PERIODS.get(frequency)
    if period is None:
        return None
    drawn = int.from_bytes(hashlib.sha256(source_id.encode()).digest()[:8], "big") / 2**64
    slot = _ORIGIN + period * drawn
    earliest = moment + period / 2
    return slot + period * -((slot - earliest) // period)


def spread(types: Iterable[str]) -> int:
    """Give the sources that have just been started their next times.

    Args:
        types: types of the sources.

    Returns:
        how many next times were changed.
    """
    moment, changed = now(), 0
    rows = model.Session.execute(
        sa.select(HarvestSource.id, HarvestSource.frequency, HarvestSource.__table__.c.next_run).where(
            HarvestSource.type.in_(list(types)),
            HarvestSource.frequency.in_(list(PERIODS)),
            HarvestSource.__table__.c.next_run > moment,
        )
    ).all()
    for id_, frequency, planned in rows:
        period = PERIODS[frequency]
        slot = next_run(id_, frequency, moment)
        # One that already has its own time keeps it, also in the second half of its period.
        if slot is None or (planned - slot) % period == timedelta(0):
            continue
        model.Session.execute(
            sa.update(HarvestSource.__table__).where(HarvestSource.__table__.c.id == id_).values(next_run=slot)
        )
        changed += 1
    model.Session.commit()
    return changed
