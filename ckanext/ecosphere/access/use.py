"""Count uses (followed links) per resource and day, without storing anything about users."""

from __future__ import annotations

import logging
from datetime import timedelta

import sqlalchemy as sa
from ckan import model
from ckan.types import DataDict
from sqlalchemy.dialects.postgresql import insert
from werkzeug.datastructures import Headers

from ckanext.ecosphere.access import config
from ckanext.ecosphere.access.model import Use
from ckanext.ecosphere.shared import dates
from ckanext.ecosphere.shared.web_guard import rate_limits, visits

log = logging.getLogger(__name__)

SHOWN_DAYS, KEPT_DAYS = 365, 800
#: Limits per client and resource, against inflated counts, and in total, against floods.
ONE_ADDRESS, ALL = "10 per hour", "20000 per hour"


def wishes_to_be_counted(headers: Headers) -> bool:
    """Return whether the client has not opted out of tracking (DNT, Global Privacy Control)."""
    return headers.get("DNT") != "1" and headers.get("Sec-GPC") != "1"


def note(package_id: str, resource_id: str, headers: Headers) -> None:
    """Count a use, unless it is excluded or limited; never raises. Commits."""
    is_program = visits.is_program(headers.get("User-Agent", ""))
    if is_program or not config.count_use() or not wishes_to_be_counted(headers):
        return
    try:
        rate_limits.hit("access-use", ONE_ADDRESS, rate_limits.address(), resource_id)
        rate_limits.hit("access-use-all", ALL)
        add(package_id, resource_id)
    except (rate_limits.TooMany, rate_limits.CountingUnavailable):
        return
    except Exception as error:
        model.Session.rollback()
        log.warning("A use was not counted: %s", error)


def add(package_id: str, resource_id: str) -> None:
    """Increment the count of the current day. Commits."""
    # Do not wait long for concurrent updates nor for the disk: a count may be lost.
    model.Session.execute(
        sa.text("SET LOCAL lock_timeout = '100ms'; SET LOCAL synchronous_commit = off")
    )
    key = {"package_id": package_id, "resource_id": resource_id, "day": dates.today()}
    row = insert(Use).values(**key, count=1)
    counted = row.on_conflict_do_update(index_elements=[*key], set_={"count": Use.count + 1})
    model.Session.execute(counted)
    model.Session.commit()


def of_dataset(package_id: str) -> DataDict:
    """Return the usage counts of a dataset within a year.

    Returns:
        `total`, `last_30_days`, `days` (day and count) and `resources` (resource_id and count), the
        most used first.
    """
    since = dates.today() - timedelta(days=SHOWN_DAYS)
    total = sa.func.sum(Use.count)
    mine = sa.and_(Use.package_id == package_id, Use.day > since)
    days = model.Session.execute(
        sa.select(Use.day, total).where(mine).group_by(Use.day).order_by(Use.day)
    ).all()
    resources = model.Session.execute(
        sa.select(Use.resource_id, total)
        .where(mine)
        .group_by(Use.resource_id)
        .order_by(total.desc())
    ).all()
    month = dates.today() - timedelta(days=30)
    return {
        "total": sum(number for _day, number in days),
        "last_30_days": sum(number for day, number in days if day > month),
        "days": [{"day": day.isoformat(), "count": number} for day, number in days],
        "resources": [{"resource_id": resource, "count": number} for resource, number in resources],
    }


def points() -> list[tuple[str, float]]:
    """Return the number of uses within a year, for datasets with any."""
    since = dates.today() - timedelta(days=SHOWN_DAYS)
    total = sa.func.sum(Use.count)
    query = sa.select(Use.package_id, total).where(Use.day > since).group_by(Use.package_id)
    return [(package_id, float(number)) for package_id, number in model.Session.execute(query)]


def purge() -> int:
    """Forget what is older than `KEPT_DAYS`, or of datasets that are gone; return how much.

    Commits.
    """
    is_old = Use.day < dates.today() - timedelta(days=KEPT_DAYS)
    has_dataset = sa.exists().where(model.Package.id == Use.package_id)
    query = sa.delete(Use).where(sa.or_(is_old, ~has_dataset))
    result = model.Session.execute(query.execution_options(synchronize_session=False))
    model.Session.commit()
    return result.rowcount  # pyright: ignore[reportAttributeAccessIssue]
