"""Searches without results: counted by month and words, without any person.

The ministry sees those of the last year that were counted often enough: what people look for, and
the catalogue lacks.
"""

from __future__ import annotations

import logging
import re
from datetime import date

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import authz, model
from ckan.types import AuthResult, Context, DataDict
from flask import Response, has_request_context, request
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.shared import authorization, dates
from ckanext.ecosphere.shared.config import declared
from ckanext.ecosphere.shared.web_guard import rate_limits

log = logging.getLogger(__name__)

#: Option, declared by the room of data requests: the organisation that moderates them.
MODERATORS = "ecosphere.requests.moderators"
THRESHOLD = "ecosphere.search.unfound_threshold"
#: Characters of the words of a search that are counted.
SHORTEST_WORDS, LONGEST_WORDS = 3, 200
#: Digits, however grouped, from which a number may identify a telephone, an account or a person.
PERSONAL_DIGITS = 7
_E_MAIL = re.compile(r"\S{0,80}@\S{0,80}")
_NUMBER = re.compile(r"\+?\d(?:[\s./()-]{0,2}\d){0,40}")

#: Endpoint whose searches are counted.
PAGE = "dataset.search"
#: Months shown, and months after which counts are deleted.
SHOWN_MONTHS, KEPT_MONTHS = 12, 13
MOST_SHOWN = 100
#: Rate limit of everybody together, so that made-up words cannot flood the table.
CEILING = "2000 per hour"
#: Attribute of `g` with the words to count after the page.
_NOTED = "ecosphere_search_unfound"


class Unfound(tk.BaseModel):
    """How often a search had no results in a month.

    Attributes:
        month: its first day, in the portal's time zone.
        words: normalised words, without personal data (`anonymous_words`).
    """

    __tablename__ = "ecosphere_search_unfound"

    month: Mapped[date] = mapped_column(sa.Date, primary_key=True)
    words: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    count: Mapped[int] = mapped_column(sa.Integer, nullable=False, default=1)


def note(data_dict: DataDict) -> None:
    """Note a search of the dataset page that found nothing; `after_page` counts it.

    A search with filters is not noted: they may be the reason for finding nothing.

    Args:
        data_dict: parameters of `package_search`.
    """
    if not has_request_context() or request.endpoint != PAGE:
        return
    if data_dict.get("rows") == 0 or data_dict.get("start"):
        return  # another search for the same page, or one of its further pages
    filters = [name for name, value in request.args.items() if value and name not in ("q", "sort")]
    # Parameters with an underscore only change what is displayed.
    if all(name.startswith("_") for name in filters):
        setattr(tk.g, _NOTED, anonymous_words(str(data_dict.get("q") or "")))


def after_page(response: Response) -> Response:
    """Count the search that was noted while the page was built; failures never affect the page."""
    words = tk.g.get(_NOTED)
    if words and request.endpoint == PAGE and response.status_code == 200:  # noqa: PLR2004
        try:
            rate_limits.hit("search-unfound", CEILING)
            count(words)
        except Exception as error:
            model.Session.rollback()
            log.warning("A search that found nothing was not counted: %s", error)
    return response


def count(words: str) -> None:
    """Add one to the count of words in the current month."""
    model.Session.rollback()  # the page is finished; discard its transaction
    # A count may be lost: do not wait for other counts of the same words, nor for the disk.
    model.Session.execute(
        sa.text("SET LOCAL lock_timeout = '100ms'; SET LOCAL synchronous_commit = off")
    )
    key = {"month": dates.today().replace(day=1), "words": words}
    row = insert(Unfound).values(**key, count=1)
    model.Session.execute(
        row.on_conflict_do_update(index_elements=[*key], set_={"count": Unfound.count + 1})
    )
    model.Session.commit()


def most(threshold: int) -> list[DataDict]:
    """Return the most frequent searches without results within a year.

    Args:
        threshold: minimum count.

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
        .limit(MOST_SHOWN)
    )
    rows = model.Session.execute(query)
    return [
        {"words": text, "count": int(number), "month": month.isoformat()[:7]}
        for text, number, month in rows
    ]


def purge() -> int:
    """Delete counts of more than `KEPT_MONTHS` ago; return how many."""
    result = model.Session.execute(
        sa.delete(Unfound).where(Unfound.month < _months_ago(KEPT_MONTHS))
    )
    model.Session.commit()
    return result.rowcount  # pyright: ignore[reportAttributeAccessIssue]


def _months_ago(number: int) -> date:
    """Return the first day of a month before the current one."""
    today = dates.today()
    year, month = divmod(today.year * 12 + today.month - 1 - number, 12)
    return date(year, month + 1, 1)


def anonymous_words(query: str) -> str:
    """Return the words of a query without case, accents and punctuation; "" if nothing is left.

    E-mail addresses and numbers as long as telephone numbers are removed.

    >>> anonymous_words("Jean 06 12 34 56 78 jean@exemple.fr Éolien 44000")
    'jean eolien 44000'
    """
    text = _E_MAIL.sub(" ", query[: LONGEST_WORDS * 5])
    text = _NUMBER.sub(_blank_if_personal, text)
    words = voc.normalise(text)[:LONGEST_WORDS].strip()
    if len(words) >= SHORTEST_WORDS:
        return words
    return ""


def _blank_if_personal(number: re.Match[str]) -> str:
    """Return a blank for a number that may identify somebody, any other as it is."""
    if sum(map(str.isdigit, number[0])) >= PERSONAL_DIGITS:
        return " "
    return number[0]


@tk.side_effect_free
def ecosphere_search_unfound_list(context: Context, data_dict: DataDict) -> DataDict:
    """List the most frequent searches without results of the last twelve months.

    Args:
        context: action context.
        data_dict: ignored.

    Returns:
        `threshold`: minimum count to be listed (`ecosphere.search.unfound_threshold`); `results`:
        `words`, `count` and last `month` of each, at most 100.

    Raises:
        NotAuthorized: the user is neither a sysadmin nor a moderator of data requests.
    """
    tk.check_access("ecosphere_search_unfound_list", context, data_dict)
    threshold = max(1, tk.config[THRESHOLD])
    return {"threshold": threshold, "results": most(threshold)}


def may_list(context: Context, data_dict: DataDict | None = None) -> AuthResult:
    """Allow editors and administrators of the organisation that moderates data requests."""
    user = authorization.person(context)
    group = model.Group.get(declared(MODERATORS, ""))
    if user is not None and group is not None and group.state == model.State.ACTIVE:
        capacity = authz.users_role_for_group_or_org(group.id, user.name)
        if capacity in ("editor", "admin"):
            return {"success": True}
    return {"success": False, "msg": tk._("Only the ministry sees which searches found nothing.")}


# Auth functions are known by their names; the action has this one in the module.
may_list.__name__ = "ecosphere_search_unfound_list"

ACTIONS = {"ecosphere_search_unfound_list": ecosphere_search_unfound_list}
AUTH = {"ecosphere_search_unfound_list": may_list}
