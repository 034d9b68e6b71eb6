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
"""Frequency → period; sources harvested manually or always have none."""
_ORIGIN = datetime(2024, 1, 1)  # a Monday


def next_run(source_id: str, frequency: str, moment: datetime) -> datetime | None:
    """Return the next run of a source: its fixed time within the period, at least half a period from now.

    Args:
        source_id: seed of its time.
        frequency: as named by ckanext-harvest.
        moment: now, in UTC.

    Returns:
        between half and one and a half periods from now; None for a frequency without a period.
    """
    period = PERIODS.get(frequency)
    if period is None:
        return None
    drawn = int.from_bytes(hashlib.sha256(source_id.encode()).digest()[:8], "big") / 2**64
    slot = _ORIGIN + period * drawn
    earliest = moment + period / 2
    return slot + period * -((slot - earliest) // period)


def spread(types: Iterable[str]) -> int:
    """Reschedule the next runs of sources that have just been started.

    Args:
        types: types of the sources.

    Returns:
        number of next runs that were changed.
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
        # A source that already has its own time keeps it, even in the second half of its period.
        if slot is None or (planned - slot) % period == timedelta(0):
            continue
        model.Session.execute(
            sa.update(HarvestSource.__table__).where(HarvestSource.__table__.c.id == id_).values(next_run=slot)
        )
        changed += 1
    model.Session.commit()
    return changed
