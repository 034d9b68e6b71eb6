"""Count searches without results by month and words, anonymously; shown from a threshold on."""

from __future__ import annotations

import logging
from datetime import date
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from flask import Response, has_request_context, request
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere.search.relevance import search as relevance
from ckanext.ecosphere.search.unfound import words
from ckanext.ecosphere.search.unfound.model import Unfound
from ckanext.ecosphere.shared import dates
from ckanext.ecosphere.shared.web_guard import rate_limits

log = logging.getLogger(__name__)

THRESHOLD = "ecosphere.search.unfound_threshold"
PAGE = "dataset.search"
#: Months shown, and months after which words are deleted.
SHOWN_MONTHS, KEPT_MONTHS = 12, 13
MOST_SHOWN = 100
#: Rate limit, so that made-up words cannot flood the table.
CEILING = "2000 per hour"
_NOTED = "ecosphere_search_unfound"


def note(data_dict: dict[str, Any], found: dict[str, Any]) -> None:
    """Note that the search of the dataset page found nothing, to be counted once the page is ready.

    A search also counts if nothing matches the full query but the page shows results of a relaxed one.

    Args:
        data_dict: parameters of `package_search`.
        found: its result.
    """
    if not has_request_context() or request.endpoint != PAGE or data_dict.get("rows") == 0 or data_dict.get("start"):
        return
    asked = found.get(relevance.KEY) or {}
    if asked.get("as_asked", found["count"]) == 0 and not _filtered():
        setattr(tk.g, _NOTED, words.counted(str(data_dict.get("q") or "")))


def _filtered() -> bool:
    """Return whether the page has filters, which may be the reason for finding nothing."""
    return any(value and name not in ("q", "sort") and name[:1] != "_" for name, value in request.args.items())


def after_page(response: Response) -> Response:
    """Count what was noted while the page was built; failures never affect the page."""
    noted = tk.g.get(_NOTED) if request.endpoint == PAGE and response.status_code == 200 else None  # noqa: PLR2004
    if noted:
        try:
            rate_limits.hit("search-unfound", CEILING)
            count(noted)
        except Exception as error:
            model.Session.rollback()
            log.warning("A search that found nothing was not counted: %s", error)
    return response


def count(text: str) -> None:
    """Increment the count of a search in the current month."""
    model.Session.rollback()  # the page is finished; discard its transaction
    # Do not wait for concurrent counts of the same words, nor for the disk: losing a count is acceptable.
    model.Session.execute(sa.text("SET LOCAL lock_timeout = '100ms'; SET LOCAL synchronous_commit = off"))
    add = insert(Unfound).values(month=dates.today().replace(day=1), words=text, count=1)
    own = [Unfound.month, Unfound.words]
    model.Session.execute(add.on_conflict_do_update(index_elements=own, set_={"count": Unfound.count + 1}))
    model.Session.commit()


def most(threshold: int, limit: int = MOST_SHOWN) -> list[dict[str, Any]]:
    """Return the most frequent searches without results within a year.

    Args:
        threshold: minimum count.
        limit: maximum number of results.

    Returns:
        `words`, `count` and last `month` ("2026-11") of each.
    """
    total = sa.func.sum(Unfound.count)
    query = (
        sa.select(Unfound.words, total, sa.func.max(Unfound.month))
        .where(Unfound.month > _months_ago(SHOWN_MONTHS))
        .group_by(Unfound.words)
        .having(total >= threshold)
        .order_by(total.desc(), Unfound.words)
        .limit(limit)
    )
    rows = model.Session.execute(query)
    return [{"words": text, "count": int(number), "month": month.isoformat()[:7]} for text, number, month in rows]


def purge() -> int:
    """Delete counts of more than 13 months ago; return how many."""
    done = model.Session.execute(sa.delete(Unfound).where(Unfound.month < _months_ago(KEPT_MONTHS)))
    model.Session.commit()
    return done.rowcount  # pyright: ignore[reportAttributeAccessIssue]


def _months_ago(number: int) -> date:
    today = dates.today()
    year, month = divmod(today.year * 12 + today.month - 1 - number, 12)
    return date(year, month + 1, 1)
