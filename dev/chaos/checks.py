"""Checks after a run: sources, database, index, quality scores and e-mails must agree."""

from __future__ import annotations

import email
import hashlib
import hmac
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import psycopg2
import psycopg2.extras
import pysolr
from ckanext.ecosphere.shared.mailing import ID_CHARACTERS

from dev.stack import ckan
from dev.stack.settings import local, postgres_url, solr_url

from .catalogues import WORK, Catalogue
from .people import DONE, Asker, Commenter, Producer, outcome

MOST_TOLD = 5
SQL = WORK["sql"]


@dataclass
class Check:
    """Result of a check: its name, the number of items compared, and the errors found."""

    name: str
    compared: int
    wrong: list[str] = field(default_factory=list)


@dataclass
class Portal:
    """Contents of database and index, read once for all checks.

    Attributes:
        datasets: id → row of the table `package`.
        documents: id → documents of the index; there should be one each.
    """

    datasets: dict[str, dict[str, Any]]
    documents: dict[str, list[dict[str, Any]]]


def rows(statement: str, *values: Any) -> list[dict[str, Any]]:
    """Run a query on the database and return its rows as dicts."""
    dictionaries = psycopg2.extras.RealDictCursor
    with psycopg2.connect(postgres_url("demo")) as connection, connection.cursor(cursor_factory=dictionaries) as cursor:
        cursor.execute(statement, values)
        return [dict(row) for row in cursor.fetchall()]


def _told_of(part: str) -> Iterator[str]:
    """Yield a sentence on each row that may not be there."""
    for sentence, statement in WORK[part].items():
        yield from (sentence.format(**row) for row in rows(statement))


def read() -> Portal:
    """Read the datasets and the index."""
    datasets = rows("SELECT id, name, title, notes, state, type, owner_org, metadata_modified FROM package")
    solr = pysolr.Solr(solr_url("demo"), timeout=60)
    documents = defaultdict(list)
    for document in solr.search("*:*", fq="+entity_type:package", rows=100_000, fl="*"):
        documents[document["id"]].append(document)
    return Portal({row["id"]: row for row in datasets}, dict(documents))


def sources(portal: Portal, catalogues: Iterable[Catalogue]) -> Check:
    """Check that each source record is one dataset in its current version,
    and that nothing was withdrawn or held.
    """
    wrong, number = [], 0
    by_title = defaultdict(list)
    for row in portal.datasets.values():
        if row["type"] == "dataset":
            by_title[row["title"]].append(row)
    for catalogue in catalogues:
        for title, abstract in catalogue.expected.items():
            number += 1
            stored = by_title[title]
            if len(stored) != 1:
                wrong.append(f"{title}: {len(stored)} datasets")
            elif stored[0]["state"] != "active":
                wrong.append(f"{title}: {stored[0]['state']}")
            elif stored[0]["notes"] != abstract:
                wrong.append(f"{title}: {stored[0]['notes']!r} instead of {abstract!r}")
    wrong += _told_of("never_of_sources")
    return Check("source = database", number, wrong)


def index(portal: Portal, catalogues: Iterable[Catalogue] = ()) -> Check:
    """Check that each active dataset has one document, of the version in the database,
    and that there are no others.
    """
    wrong = []
    active = {id_: row for id_, row in portal.datasets.items() if row["state"] == "active"}
    for id_, row in active.items():
        documents = portal.documents.get(id_, [])
        if len(documents) != 1:
            wrong.append(f"{row['name']}: {len(documents)} documents")
            continue
        shown = json.loads(documents[0]["validated_data_dict"])
        if shown["metadata_modified"] != row["metadata_modified"].isoformat():
            wrong.append(f"{row['name']}: indexed as of {shown['metadata_modified']}, saved {row['metadata_modified']}")
        elif (shown.get("notes") or "") != (row["notes"] or ""):
            wrong.append(f"{row['name']}: the index says {shown.get('notes')!r}")
    wrong += [f"{docs[0]['name']}: only in the index" for id_, docs in portal.documents.items() if id_ not in active]
    return Check("database = index", len(active), wrong)


def quality(portal: Portal) -> Check:
    """Check that each dataset has a quality row, and the same score in the index."""
    stored = {row["package_id"]: row for row in rows("SELECT package_id, score, level FROM ecosphere_quality")}
    wrong, number = [], 0
    for id_, row in portal.datasets.items():
        if row["type"] != "dataset" or row["state"] != "active":
            continue
        number += 1
        if id_ not in stored:
            wrong.append(f"{row['name']}: no row of quality")
            continue
        for document in portal.documents.get(id_, []):
            indexed, score = document.get("ecosphere_quality_score"), stored[id_]["score"]
            if indexed != score:
                wrong.append(f"{row['name']}: score {indexed} in the index, {score} in the table")
    wrong += [f"a row of quality without dataset: {id_}" for id_ in stored if id_ not in portal.datasets]
    return Check("quality table = index", number, wrong)


def saves(portal: Portal, producer: Producer) -> Check:
    """Check that each dataset is stored as last acknowledged or as saved later without an answer,
    and completely.
    """
    wrong = []
    by_name = {row["name"]: row for row in portal.datasets.values()}
    for name, saved in producer.saved.items():
        row = by_name.get(name)
        if row is None:
            if saved.acknowledged >= 0:
                wrong.append(f"{name}: acknowledged and lost")
            continue
        resources = rows("SELECT name FROM resource WHERE package_id = %s AND state = 'active'", row["id"])
        tags = rows(SQL["tags"], row["id"])
        texts = [row["notes"], *(each["name"] for each in (*resources, *tags))]
        numbers = {int(re.sub(r"\D", "", text) or -1) for text in texts}
        if len(texts) != 3 or len(numbers) != 1:
            wrong.append(f"{name}: half a save: {texts}")
        elif not numbers <= saved.possible:
            wrong.append(f"{name}: {numbers} is stored, {sorted(saved.possible)} were possible")
    return Check("saves of datasets", sum(producer.answers.values()), wrong)


def requests(asker: Asker, commenter: Commenter) -> Check:
    """Check that acknowledged requests, transitions and comments are stored once,
    and the others at most once.
    """
    wrong = []
    stored = defaultdict(list)
    for row in rows("SELECT id, title, state, version FROM ecosphere_requests"):
        stored[row["title"]].append(row)
    events = defaultdict(list)
    for row in rows("SELECT request_id, transition, to_state, version FROM ecosphere_requests_event ORDER BY id"):
        events[row["request_id"]].append(row)
    for title, answer in asker.created.items():
        if len(stored[title]) > 1 or (outcome(answer) == DONE and len(stored[title]) != 1):
            wrong.append(f"{title}: {outcome(answer)}, stored {len(stored[title])} times")
    for request in (row for found in stored.values() for row in found):
        told = events[request["id"]]
        if (told[-1]["to_state"] if told else "draft") != request["state"]:
            wrong.append(f"{request['title']}: {request['state']}, but its last event says otherwise")
        done = Counter(each["transition"] for each in told)
        wrong += [f"{request['title']}: {name} {n} times" for name, n in done.items() if n > 1]
        lost = asker.done.get(request["id"], Counter()) - done
        wrong += [f"{request['title']}: {name} acknowledged and lost" for name in lost]
    comments = Counter(row["text"] for row in rows("SELECT text FROM ecosphere_requests_comment"))
    for text, ended in commenter.sent.items():
        if comments[text] > 1 or (ended == DONE and comments[text] != 1):
            wrong.append(f"{text}: {ended}, stored {comments[text]} times")
    number = sum(asker.answers.values()) + len(commenter.sent)
    return Check("requests, transitions, comments", number, wrong)


def emails() -> Check:
    """Check that each e-mail that was due has been sent at least once and is recorded as sent."""
    left = {
        str(email.message_from_bytes(path.read_bytes())["Message-ID"]).strip().strip("<>").partition("@")[0]
        for path in local("mail").glob("*.eml")
    }
    due = rows(SQL["due"])
    wrong = [
        f"e-mail {row['id']} ({row['kind']}): {row['status']}, {row['attempts']} tries, "
        f"next {row['due']} {row['error']}"
        for row in due
        if row["status"] != "done"
    ]
    # One e-mail may tell several notifications.
    names: dict[int, set[str]] = defaultdict(set)
    for row in due:
        names[row["mail_id"]] |= _message_ids(row)
    wrong += [
        f"e-mail {row['id']}: recorded as sent, never left"
        for row in due
        if row["status"] == "done" and not left & names[row["mail_id"]]
    ]
    wrong += _told_of("never_of_emails")
    return Check("e-mails", len(due), wrong)


def _message_ids(row: dict[str, Any]) -> set[str]:
    """Return the possible beginnings of an e-mail's Message-ID, see `shared.mailing.headers`."""
    secret = re.findall(r"(?m)^SECRET_KEY *= *(\S+)", ckan.INI.read_text())[-1].encode()
    parts = (("notification", str(row["id"])), ("request", row["request_id"], row["user_id"]))
    return {hmac.new(secret, "\n".join(each).encode(), hashlib.sha256).hexdigest()[:ID_CHARACTERS] for each in parts}


_MAILS = "ecosphere_work WHERE backlog = 'ecosphere-requests-mails'"


def waited_for_mail() -> float:
    """Return the longest time in seconds that an e-mail waited."""
    waited = rows(f"SELECT coalesce(max(extract(epoch FROM ended - created)), 0) AS s FROM {_MAILS}")
    return float(waited[0]["s"])


def harvests_are_over() -> bool:
    """Return whether no harvest is running.

    Read from the database, since the web server may still be starting.
    """
    try:
        return rows("SELECT count(*) AS n FROM harvest_job WHERE status <> 'Finished'")[0]["n"] == 0
    except psycopg2.OperationalError:
        return False


def emails_are_out() -> bool:
    """Return whether no e-mail is waiting."""
    return rows(f"SELECT count(*) AS n FROM {_MAILS} AND status IN ('pending', 'running')")[0]["n"] == 0


def run(catalogues: list[Catalogue], producer: Producer, asker: Asker, commenter: Commenter) -> list[Check]:
    """Run all checks."""
    portal = read()
    looks: list[Callable[[], Check]] = [
        lambda: sources(portal, catalogues),
        lambda: index(portal),
        lambda: quality(portal),
        lambda: saves(portal, producer),
        lambda: requests(asker, commenter),
        emails,
    ]
    return [look() for look in looks]
