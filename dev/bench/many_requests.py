"""Bulk test data for the requests room: five years of data requests with their events and notifications.

The rows are generated in SQL: no action runs, no job is enqueued, no e-mail is queued. Their ids start with `MARK`,
by which they are removed again.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis
import sqlalchemy as sa

from ckanext.ecosphere import vocabularies as voc
from dev.bench import watching
from dev.stack import ckan
from dev.stack.process import Process, start_time
from dev.stack.settings import postgres_url, redis_url

EVENTS_EACH = 10
#: Prefix of the ids of all rows written.
MARK = "bench-"
#: Above the numbers of real references, which have five digits.
FIRST_NUMBER = 900_000
#: Service whose pages are measured, and its share: one request in `SHARE`, whatever the number of services.
MEASURED_SERVICE, SHARE = "ddt-01053-01", 25
MEASURED_REQUESTER, REQUESTERS = "utilisateur", 3000
MODERATORS = "administration-centrale-ou-ministere_172120"
#: Requests of the measured requester for every 3000.
OF_REQUESTER = 10

#: Requests over five years, a tenth of them private, two in five still open; words come from a domain vocabulary.
#: Requests of the first service are shared among its agents, some left unassigned.
REQUESTS = """
INSERT INTO ecosphere_requests (id, reference, version, state, visibility, title, description, use, theme, territory,
    requester_id, organization_id, assigned_to, created, modified, submitted, opened, first_answer, closed, due,
    first_month_ends, clock_start, support_count, listed, search)
SELECT :mark || n, 'DD-' || to_char(at, 'YYYY') || '-' || :first_number + n, 4, state,
    visibility, title, body, :uses[1 + n % array_length(:uses, 1)], theme, territory,
    :people[1 + n % array_length(:people, 1)], organization,
    CASE WHEN organization = :services[1] THEN :agents[1 + (random() * cardinality(:agents))::int] END,
    at, at, at, at, at + interval '9 days',
    CASE WHEN state IN ('open', 'needs_info', 'in_progress') THEN NULL ELSE at + interval '20 days' END,
    (at + interval '1 month')::date, (at + interval '1 month')::date, at::date, (random() ^ 6 * 80)::int,
    visibility = 'public', to_tsvector('french', title || ' ' || theme || ' ' || territory || ' ' || body)
FROM (
    SELECT n, CASE WHEN n % 10 = 0 THEN 'private' ELSE 'public' END AS visibility,
        (ARRAY['open', 'in_progress', 'needs_info', 'open', 'fulfilled', 'fulfilled', 'partial', 'refused', 'not_held',
               'fulfilled'])[1 + (random() * 9.99)::int % 10] AS state,
        now() - random() * interval '1800 days' AS at,
        :themes[1 + (random() * 1e6)::int % array_length(:themes, 1)] AS theme,
        :places[1 + (random() * 1e6)::int % array_length(:places, 1)] AS territory,
        :services[1 + n % array_length(:services, 1)] AS organization,
        array_to_string(ARRAY(SELECT :words[1 + (random() ^ 2 * (array_length(:words, 1) - 1))::int]
            FROM generate_series(1, 6) g WHERE g + n > 0), ' ') AS title,
        array_to_string(ARRAY(SELECT :words[1 + (random() ^ 2 * (array_length(:words, 1) - 1))::int]
            FROM generate_series(1, 60) g WHERE g + n > 0), ' ') AS body
    FROM generate_series(1, :number) n
) made
"""
EVENTS = """
INSERT INTO ecosphere_requests_event (request_id, transition, from_state, to_state, version, actor_role, created)
SELECT id, 'extend', state, state, g, 'admin', submitted + g * interval '1 day'
FROM ecosphere_requests, generate_series(1, :each) g WHERE starts_with(id, :mark)
"""
#: Notifications shown to members of services, moderators and requesters; those of the last month are unread.
NOTIFICATIONS = """
INSERT INTO ecosphere_requests_notification (request_id, key, kind, audience, user_id, channel, status, next_try,
    created, sent)
SELECT request_id, :mark || request_id || kind, kind, audience, user_id, 'page',
    CASE WHEN at > now() - interval '1 month' THEN 'sent' ELSE 'seen' END, at, at, at
FROM (
    SELECT r.id AS request_id, told.kind, 'service' AS audience, m.table_id AS user_id, r.submitted AS at
    FROM ecosphere_requests r
        JOIN member m ON m.group_id = r.organization_id AND m.table_name = 'user' AND m.state = 'active'
        CROSS JOIN (VALUES ('accept'), ('comment'), ('due_week')) told (kind)
    WHERE starts_with(r.id, :mark)
    UNION ALL
    SELECT r.id, 'submit', 'moderators', m.table_id, r.submitted FROM ecosphere_requests r, member m JOIN "group" g
        ON g.id = m.group_id AND g.name = :moderators
    WHERE starts_with(r.id, :mark) AND m.table_name = 'user' AND m.state = 'active'
    UNION ALL
    SELECT r.id, told.kind, 'requester', r.requester_id, r.submitted FROM ecosphere_requests r JOIN "user" u
        ON u.id = r.requester_id CROSS JOIN (VALUES ('submit'), ('start'), ('comment')) told (kind)
    WHERE starts_with(r.id, :mark)
) told
ON CONFLICT DO NOTHING
"""
#: Events, notifications and other rows of a request are deleted by cascade.
REMOVAL = "DELETE FROM ecosphere_requests WHERE id LIKE :marked"
WORDS = """
zone humide inventaire cartographie frayere truite inondation crue alea ruissellement captage nappe forage
assainissement station rejet riviere cours eau barrage seuil continuite ecologique corridor biodiversite espece protegee
habitat natura flore faune oiseau chiroptere amphibien foret haie prairie sol pollution dechet decharge industrie icpe
bruit route voie ferree trafic air qualite climat canicule energie eolien solaire methaniseur littoral trait cote dune
submersion urbanisme plan servitude cadastre logement risque mouvement terrain argile seisme cavite mine carriere bassin
versant commune departement etude mesure releve annuel historique precision echelle parcelle lineaire surface
"""


def vocabulary() -> list[str]:
    """Return words from frequent to rare: those of the domain, then compounds of them."""
    words = WORDS.split()
    return [*words, *(first + second for first in words for second in words[:30])]


def write(
    connection: Any, number: int, services: Sequence[str], *, people: Sequence[str] = (), agents: Sequence[str] = ()
) -> None:
    """Write requests and their events.

    Args:
        connection: SQLAlchemy connection to a database with the tables of the room.
        number: number of requests.
        services: organisation ids, which get the requests in turn; an id listed twice gets twice as many.
        people: user ids of requesters, taken in turn; made up if empty.
        agents: user ids to whom requests of the first service are assigned.
    """
    arrays = {
        "words": vocabulary(),
        "themes": [each.id for each in voc.get("themes")],
        "places": [each.id for each in voc.get("territories")],
        "uses": [each.id for each in voc.get("regulatory-use")],
        "services": list(services),
        "people": list(people or made_up(REQUESTERS)),
        "agents": list(agents),
    }
    text = re.sub(rf":({'|'.join(arrays)})\b", r"(CAST(:\1 AS text[]))", REQUESTS)
    connection.execute(sa.text(text), {**arrays, "number": number, "mark": MARK, "first_number": FIRST_NUMBER})
    connection.execute(sa.text(EVENTS), {"each": EVENTS_EACH, "mark": MARK})


def made_up(number: int) -> list[str]:
    """Return made-up user ids, as of deleted accounts."""
    return [f"person-{each}" for each in range(number)]


def tidy(engine: Any) -> None:
    """Run VACUUM ANALYZE, as autovacuum does within minutes on a live portal."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))


@contextmanager
def on_the_demonstration(number: int) -> Iterator[str]:
    """Add a number of requests to the portal of `make demo`, and remove them after the block.

    The portal's clock, which would send reminders of late requests, is stopped meanwhile. Requests left by a killed run
    are removed by the next one, whatever its number, even 0.

    Yields:
        a description of what was written; empty if the number is 0.
    """
    engine = sa.create_engine(postgres_url("demo"))
    clock = next(process for process in ckan.processes() if process.name == "clock")
    _stop(clock)
    try:
        removed = _remove(engine)
        if removed:
            print(f"{removed} requests of an earlier run removed", flush=True)
        yield _fill(engine, number) if number else ""
    finally:
        _remove(engine)
        engine.dispose()
        clock.start()


def _stop(clock: Process) -> None:
    """Stop the clock and wait for a run in progress."""
    pid = clock.pid()
    begun = watching.family(pid) if pid else []
    clock.stop()
    while any(start_time(each) for each in begun):
        time.sleep(0.5)


def _fill(engine: Any, number: int) -> str:
    services = "SELECT id FROM \"group\" WHERE is_organization AND state = 'active' ORDER BY name <> :first, name"
    agents = """SELECT m.table_id FROM member m JOIN "group" g ON g.id = m.group_id AND g.name = :first
        JOIN "user" u ON u.id = m.table_id AND u.state = 'active' AND NOT u.sysadmin
        WHERE m.table_name = 'user' AND m.state = 'active' AND m.capacity IN ('editor', 'admin')"""
    with engine.begin() as connection:
        first, *others = connection.scalars(sa.text(services), {"first": MEASURED_SERVICE}).all()
        turns = [first] * math.ceil(len(others) / (SHARE - 1)) + others
        while math.gcd(len(turns), 10) > 1:  # every tenth request is private: each service gets some
            turns.append(others[len(turns) % len(others)])
        person = connection.scalar(sa.text('SELECT id FROM "user" WHERE name = :name'), {"name": MEASURED_REQUESTER})
        people = [person] * OF_REQUESTER + made_up(REQUESTERS)
        helpers = connection.scalars(sa.text(agents), {"first": MEASURED_SERVICE}).all()
        write(connection, number, turns, people=people, agents=helpers)
        connection.execute(sa.text(NOTIFICATIONS), {"mark": MARK, "moderators": MODERATORS})
        counts = {
            "events": "SELECT count(*) FROM ecosphere_requests_event WHERE starts_with(request_id, :mark)",
            "notifications": "SELECT count(*) FROM ecosphere_requests_notification WHERE starts_with(key, :mark)",
            f"for {MEASURED_SERVICE}": "SELECT count(*) FROM ecosphere_requests WHERE organization_id = :first",
            f"of {MEASURED_REQUESTER}": "SELECT count(*) FROM ecosphere_requests WHERE requester_id = :person",
        }
        values = {"mark": MARK, "first": first, "person": person}
        told = [f"{connection.scalar(sa.text(query), values)} {what}" for what, query in counts.items()]
    tidy(engine)
    _forget_figures()
    return f"{number} requests for {len(others) + 1} services: {', '.join(told)}"


def _remove(engine: Any) -> int:
    """Remove all rows written; return the number of requests."""
    with engine.begin() as connection:
        removed = connection.execute(sa.text(REMOVAL), {"marked": f"{MARK}%"}).rowcount
    if removed:
        tidy(engine)
        _forget_figures()
    return removed


def _forget_figures() -> None:
    """Delete the cached counts of requests, so that the portal counts again."""
    kept = redis.Redis.from_url(redis_url("demo"))
    for key in kept.scan_iter("ecosphere:requests:*:figures:*"):
        kept.delete(key)
