"""What pages and API tell of a job: its summary, the records not taken, the datasets changed, what
is not shown.

Everything comes from what the job has stored: the source is not asked.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere.harvest.job import RUNNING
from ckanext.ecosphere.harvest.messages import sentence, translator
from ckanext.ecosphere.harvest.model import (
    DUPLICATE,
    IMPORT_LOG,
    KEPT,
    REFUSED,
    JobState,
    NotTaken,
    Undo,
    is_any,
)
from ckanext.ecosphere.harvest.problems import SENTENCES
from ckanext.harvest.model import HarvestJob, HarvestObject, HarvestObjectExtra

Row = dict[str, Any]


# --- summary ---

MAX_ELEMENTS = 60
"""Maximum number of unmapped elements listed, the most frequent ones."""
MAX_EXAMPLE = 120
"""Maximum length of the example of an element, in characters."""
_AT_ONCE = 500
"""Number of import logs held in memory."""


def sum_up(job_id: str) -> dict[str, Any]:
    """Count outcomes and problems over all records that a job imported.

    Returns:
        `refused` and `set_aside`: code of the reason → number of records; `problems`: code → number
        of records that have it; `unread`: [element, number of records, example, object of the
        example], the most frequent first.
    """
    refused, problems, unread = Counter[str](), Counter[str](), Counter[str]()
    aside = _not_taken_numbers(job_id)
    examples: dict[str, tuple[str, str]] = {}
    logs = (
        sa.select(HarvestObject.id, HarvestObjectExtra.value)
        .join(HarvestObject, HarvestObject.id == HarvestObjectExtra.harvest_object_id)
        .where(HarvestObject.harvest_job_id == job_id, HarvestObjectExtra.key == IMPORT_LOG)
        .execution_options(yield_per=_AT_ONCE)
    )
    for object_id, value in model.Session.execute(logs):
        import_log = json.loads(value)
        if import_log.get("refused"):
            refused[import_log["refused"]] += 1
        if import_log.get("aside"):
            aside[import_log["aside"]] += 1
        problems.update(set(import_log.get("codes") or ()))
        for element, text in _elements(import_log.get("unread") or ()).items():
            unread[element] += 1
            examples.setdefault(element, (text, object_id))
    elements = unread.most_common(MAX_ELEMENTS)
    return {
        "refused": dict(refused.most_common()),
        "set_aside": dict(aside.most_common()),
        "problems": dict(problems.most_common()),
        "unread": [[element, number, *examples[element]] for element, number in elements],
    }


def _not_taken_numbers(job_id: str) -> Counter[str]:
    """Return the numbers of the records that were read but not taken, by reason."""
    query = (
        sa.select(NotTaken.code, sa.func.count())
        .where(NotTaken.job_id == job_id)
        .group_by(NotTaken.code)
    )
    rows = model.Session.execute(query).tuples()
    return Counter(dict(rows.all()))


def _elements(notes: Iterable[Any]) -> dict[str, str]:
    """Return element → text, from the notes `path: text` of one record."""
    elements: dict[str, str] = {}
    for note in notes:
        element, _colon, text = str(note).partition(": ")
        elements.setdefault(element, text[:MAX_EXAMPLE])
    return elements


def remarks(state: JobState) -> list[str]:
    """Return remarks on the source from its reading, although nothing was lost."""
    notes = state.facts.get("notes", [])
    return [sentence(code, params, translate=translator()) for code, params in notes]


# --- records that became no dataset, refused or set aside ---

MAX_SET_ASIDE = 500
"""Maximum number of set-aside records in the state of a job; `records_listed` returns all."""
SET_ASIDE = "set-aside"
RECORD_OUTCOMES = (REFUSED, SET_ASIDE)
RECORD_COLUMNS = ("position", "identifier", "outcome", "reason", "text", "record")


_REFUSED_OR_SET_ASIDE = sa.text("""
    SELECT object.id AS record, coalesce(object.guid, '') AS identifier,
        coalesce(CAST(log.entries ->> 'position' AS integer), 0) AS position,
        CASE WHEN is_refused THEN 'refused' ELSE 'set-aside' END AS outcome,
        coalesce(log.entries ->> CASE WHEN is_refused THEN 'refused' ELSE 'aside' END, '')
            AS reason,
        coalesce(CASE WHEN is_refused THEN error.text ELSE log.entries ->> 'note' END, '') AS text
    FROM harvest_object AS object
    CROSS JOIN LATERAL (SELECT object.report_status = 'errored' AS is_refused) AS result
    LEFT JOIN LATERAL (
        SELECT CAST(value AS json) AS entries FROM harvest_object_extra
        WHERE harvest_object_id = object.id AND key = :key
            AND (is_refused OR value LIKE '%"note":%')  -- faster than reading the JSON of all
    ) AS log ON true
    LEFT JOIN LATERAL (
        SELECT string_agg(message, ' ' ORDER BY created) AS text FROM harvest_object_error
        WHERE harvest_object_id = object.id
    ) AS error ON true
    WHERE object.harvest_job_id = :job AND (is_refused OR log.entries ->> 'note' <> '')
    """)
"""Records that have a harvest object: those with errors, and those with a note."""


def set_aside(job_id: str) -> list[str]:
    """Return one sentence for each of the first records that were set aside."""
    return [row["text"] for row in records_listed(job_id, SET_ASIDE)[:MAX_SET_ASIDE]]


def records_listed(job_id: str, outcome: str = "") -> list[Row]:
    """Return all records that a job refused or set aside, in the order of the source.

    Args:
        job_id: the job.
        outcome: one of `RECORD_OUTCOMES`, to have only those; "" for both.

    Returns:
        `position` (0 if unknown), `identifier`, `outcome`, `reason` (its code), `text` (a sentence)
        and `record`, the id of the harvest object, None for a record of which nothing was stored.
    """
    rows = [*_refused_or_set_aside(job_id), *_not_taken(job_id)]
    if outcome:
        rows = [row for row in rows if row["outcome"] == outcome]
    return sorted(rows, key=lambda row: (row["position"], row["identifier"], row["text"]))


def _not_taken(job_id: str) -> Iterator[Row]:
    translate = translator()
    columns = (NotTaken.position, NotTaken.guid, NotTaken.code, NotTaken.title)
    query = sa.select(*columns).where(NotTaken.job_id == job_id)
    for position, guid, code, title in model.Session.execute(query):
        params = {"position": position, "guid": guid, "title": title}
        yield {
            "position": position,
            "identifier": guid,
            "outcome": SET_ASIDE,
            "reason": code,
            "text": sentence(code, params, translate=translate),
            "record": None,
        }


def _refused_or_set_aside(job_id: str) -> list[Row]:
    rows = model.Session.execute(_REFUSED_OR_SET_ASIDE, {"job": job_id, "key": IMPORT_LOG})
    return [dict(row._mapping) for row in rows]


# --- datasets that a job changed, and what became of them when it was undone ---

CHANGE_OUTCOMES = ("added", "updated", "deleted")
CHANGE_COLUMNS = ("outcome", "identifier", "title", "dataset", "undo", "reason")
UNDO_KEY = "ecosphere_undo"
"""Key of the harvest object extra that tells what an undo did with the object: a key of
`UNDO_REASONS`."""
BEGUN, UNDONE = "begun", "undone"
UNDO_REASONS: dict[str, str] = SENTENCES["undo"]
"""What an undo did with a dataset, as a sentence."""
_IS_CHANGE = """object.harvest_job_id = :job
    AND object.report_status IN ('added', 'updated', 'deleted')
    AND :outcome IN ('', object.report_status)"""
_COUNT_OF_CHANGES = sa.text(
    f"SELECT count(*) FROM harvest_object AS object WHERE {_IS_CHANGE}"  # noqa: S608
)
_CHANGES = sa.text(  # only constants of this code
    f"""
    SELECT object.report_status AS outcome, object.guid AS identifier, package.title,
        package.name AS dataset, undo.value AS undo, object.id AS record
    FROM harvest_object AS object
    LEFT JOIN package ON package.id = object.package_id
    LEFT JOIN harvest_object_extra AS undo
        ON undo.harvest_object_id = object.id AND undo.key = :key
    WHERE {_IS_CHANGE}
    ORDER BY object.report_status, object.guid, object.id
    LIMIT :limit OFFSET :offset
    """  # noqa: S608
)


def changes_count(job_id: str, outcome: str = "") -> int:
    """Return the number of datasets that a job changed.

    Args:
        job_id: the job.
        outcome: one of `CHANGE_OUTCOMES`, to count only those; "" for all.
    """
    values = {"job": job_id, "outcome": outcome}
    return model.Session.execute(_COUNT_OF_CHANGES, values).scalar_one()


def changes_listed(
    job_id: str, outcome: str = "", limit: int | None = None, offset: int = 0
) -> list[Row]:
    """Return the datasets that a job changed, by outcome and identifier.

    Args:
        job_id: the job.
        outcome: one of `CHANGE_OUTCOMES`, to have only those; "" for all.
        limit: how many at most; None for all.
        offset: how many to leave out first.

    Returns:
        `outcome`, `identifier` of the record, `title` and name of the `dataset` (None once it is
        purged), `undo`, a key of `UNDO_REASONS` with its sentence, `reason`, in the user's language
        (both None when it was not undone), and `record`, the id of the harvest object.
    """
    values = {"job": job_id, "outcome": outcome, "limit": limit, "offset": offset, "key": UNDO_KEY}
    rows = []
    for row in model.Session.execute(_CHANGES, values):
        reason = tk._(UNDO_REASONS[row.undo]) if row.undo else None
        rows.append({**row._mapping, "reason": reason})
    return rows


def undo_of(job_id: str) -> dict[str, Any] | None:
    """Return what is known of the undo of a job; None when nobody has asked for it.

    Returns:
        `asked` and `finished` (None while it waits or runs), `done` of `total` datasets, and
        `counts` by key of `UNDO_REASONS`.
    """
    undo = model.Session.get(Undo, job_id, populate_existing=True)
    if undo is None:
        return None
    query = sa.text("""
        SELECT undo.value, count(*)
        FROM harvest_object AS object
        JOIN harvest_object_extra AS undo
            ON undo.harvest_object_id = object.id AND undo.key = :key
        WHERE object.harvest_job_id = :job
        GROUP BY undo.value
        """)
    rows = model.Session.execute(query, {"job": job_id, "key": UNDO_KEY})
    counts = Counter(dict(rows.tuples().all()))
    return {
        "asked": undo.asked.isoformat(),
        "finished": undo.finished and undo.finished.isoformat(),
        "done": counts.total() - counts[BEGUN],
        "total": changes_count(job_id),
        "counts": dict(counts),
    }


# --- records of a source that are not shown ---
#
# Each record that the last job saw is in exactly one line, so that the lines add up:
#
# - all records of the catalogue = `lines` + records `shown`,
# - datasets of the source on the portal = records `shown` + `more`.

UNSHOWN_COLUMNS = ("reason", "position", "identifier", "title", "dataset", "text")
FILTERED, UNREAD, DIFFERENCE, SHOWN = "filtered", "unread", "difference", "shown"
UNSHOWN: dict[str, str] = SENTENCES["unshown"]
"""Reasons why a record is not shown, or (the last three) why a dataset is shown without one."""
MORE = ("absent", "unseen", KEPT)
"""Reasons why a dataset is shown although the job did not see its record."""
_COPY = "copy"
_OF_NOT_TAKEN = (_COPY, "same-identifiers")
"""Reasons of records that were read but not taken."""
_WITHOUT_LIST = {FILTERED, DIFFERENCE}
"""Reasons that are numbers only: the portal does not know these records."""


_REASONS = """
    WITH record AS (
        SELECT record.guid, record.position, record.state, record.joined,
            record.seen_job IS NOT DISTINCT FROM :job AS is_seen,
            package.title, package.name AS dataset,
            CASE
                WHEN record.state IN ('refused', 'duplicate', 'catalogue', 'withdrawn')
                    THEN record.state
                WHEN record.state NOT IN ('published', 'kept') THEN 'waiting'
                WHEN package.state IS DISTINCT FROM 'active' THEN 'deleted'
                WHEN package.private THEN 'private'
                ELSE 'shown'
            END AS became
        FROM ecosphere_harvest_record AS record
        LEFT JOIN package ON package.id = record.package_id
        WHERE record.source_id = :source
    ), reasoned AS (
        SELECT *, CASE
                WHEN is_seen THEN became
                WHEN became <> 'shown' THEN ''
                WHEN state = 'kept' THEN state
                ELSE :missing
            END AS reason
        FROM record
    )
    """
"""What became of each record of a source: of one seen by the job, why it is not shown; of another
one, why it is shown all the same."""
_NUMBERS = sa.text(
    _REASONS + "SELECT is_seen, reason, count(*) FROM reasoned GROUP BY 1, 2"  # noqa: S608
)
_ROWS_OF_REASON = sa.text(
    _REASONS  # noqa: S608 - only constants of this code
    + """
    SELECT record.position, record.guid AS identifier,
        coalesce(record.title, joined.title) AS title,
        coalesce(record.dataset, joined.name) AS dataset,
        CASE WHEN :reason = 'refused' THEN (
            SELECT string_agg(error.message, ' ' ORDER BY error.created)
            FROM harvest_object_error AS error
            JOIN harvest_object AS object ON object.id = error.harvest_object_id
            WHERE object.harvest_job_id = :job AND object.guid = record.guid
        ) ELSE (
            SELECT coalesce(nullif(source.title, ''), source.url)
            FROM harvest_source AS source
            JOIN ecosphere_harvest_record AS publisher ON publisher.source_id = source.id
            WHERE publisher.package_id = record.joined
                AND publisher.state IN ('published', 'kept') LIMIT 1
        ) END AS detail
    FROM reasoned AS record
    -- The draft of another service is not named.
    LEFT JOIN package AS joined ON joined.id = record.joined AND NOT joined.private
    WHERE record.reason = :reason
    ORDER BY record.position, record.guid
    LIMIT :limit OFFSET :offset
    """
)
_ROWS_OF_NOT_TAKEN = sa.text("""
    SELECT position, guid AS identifier, title, NULL AS dataset, NULL AS detail
    FROM ecosphere_harvest_not_taken
    WHERE job_id = :job AND code = :reason
    ORDER BY position, id
    LIMIT :limit OFFSET :offset
    """)


def last_job(source_id: str) -> JobState | None:
    """Return the state of the last job of a source that is over; None before its first one."""
    query = (
        sa.select(JobState)
        .join(HarvestJob, HarvestJob.id == JobState.job_id)
        .where(JobState.source_id == source_id, JobState.stage == "done")
        .order_by(HarvestJob.created.desc())
    )
    return model.Session.scalar(query.limit(1))


def is_running(source_id: str) -> bool:
    """Tell whether a harvest of a source is running: until its end, no job has seen all records."""
    query = sa.select(HarvestJob.id).where(
        HarvestJob.source_id == source_id,
        HarvestJob.status == RUNNING,
        HarvestJob.gather_started.is_not(None),
    )
    return is_any(query)


def summary(job: JobState) -> dict[str, Any]:
    """Return the numbers of a source after a job.

    Args:
        job: its state.

    Returns:
        `announced`, what the catalogue announces (what it gave, if it announces nothing); `records`
        shown; `datasets`, those of the source that are shown; `lines` and `more`, each a list of
        `reason` and `number`.
    """
    of_job: dict[str, int] = {}
    of_others: dict[str, int] = {}
    for is_seen, reason, number in model.Session.execute(_NUMBERS, _values(job)):
        numbers_of = of_job if is_seen else of_others
        numbers_of[reason] = number
    records = of_job.pop(SHOWN, 0)
    announced = job.received if job.announced is None else job.announced
    unfiltered = job.facts.get("unfiltered") or 0
    filtered = max(0, unfiltered - announced)
    unread = announced - job.received
    not_taken = _not_taken_numbers(job.job_id)
    # Received, but in no table: it counts as a line of its own, so that the lines add up.
    difference = job.received - records - sum(of_job.values()) - not_taken.total()
    # A record that was given again on a later page is not counted as received again.
    not_received = min(not_taken[_COPY], max(0, -difference))
    not_taken[_COPY] -= not_received
    numbers = {FILTERED: filtered, UNREAD: max(0, unread), **not_taken, **of_job}
    # If more records were received than announced, the surplus is in the difference too.
    numbers[DIFFERENCE] = difference + not_received + min(0, unread)
    more = _lines(of_others, MORE)
    return {
        "announced": announced + filtered,
        "records": records,
        "datasets": records + sum(line["number"] for line in more),
        "lines": _lines(numbers, UNSHOWN),
        "more": more,
    }


def _lines(numbers: dict[str, int], reasons: Iterable[str]) -> list[Row]:
    """Return the numbers other than 0, in the order of the reasons."""
    counted = ((reason, numbers.get(reason)) for reason in reasons)
    return [{"reason": reason, "number": number} for reason, number in counted if number]


def unshown_listed(
    job: JobState, reason: str, limit: int | None = None, offset: int = 0
) -> list[Row]:
    """Return the records of one reason.

    Args:
        job: state of the job.
        reason: a key of `UNSHOWN`.
        limit: how many at most; None for all.
        offset: how many to leave out first.

    Returns:
        the `UNSHOWN_COLUMNS` for each: `position` in the catalogue (None if unknown), `identifier`,
        `title` and name of the `dataset` (None without one), and `text`, a sentence.
    """
    if reason in _WITHOUT_LIST:
        return []
    if reason == UNREAD:
        rows = [_unread_row(failure) for failure in job.facts.get("failures") or []]
        return rows[offset:][:limit]
    query = _ROWS_OF_NOT_TAKEN if reason in _OF_NOT_TAKEN else _ROWS_OF_REASON
    values = {**_values(job), "reason": reason, "limit": limit, "offset": offset}
    rows = []
    for record in model.Session.execute(query, values):
        row = {"reason": reason, **record._mapping}
        detail = row.pop("detail")
        row["text"] = detail or tk._(UNSHOWN[reason])
        if detail and reason == DUPLICATE:
            message = tk._("The same dataset is published from the catalogue “{catalogue}”.")
            row["text"] = message.format(catalogue=detail)
        rows.append(row)
    return rows


def unshown_rows(job: JobState) -> Iterator[Row]:
    """Yield the records of all reasons."""
    for reason in UNSHOWN:
        yield from unshown_listed(job, reason)


def _unread_row(failure: dict[str, Any]) -> Row:
    return {
        "reason": UNREAD,
        "position": failure["first"] or None,
        "identifier": "",
        "title": None,
        "dataset": None,
        "text": sentence(**failure, translate=tk._),
    }


def _values(job: JobState) -> dict[str, Any]:
    """Return the parameters of `_REASONS`."""
    missing = "absent" if job.complete else "unseen"
    return {"job": job.job_id, "source": job.source_id, "missing": missing}
