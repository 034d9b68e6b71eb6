"""Measure the speed of data requests in bulk: list with facets, search, desk, statistics.

    make bench-requests                                  # 50 000 requests, 500 000 events
    make bench-requests REQUESTS=10000

Uses the test database of the checkout, which is emptied before and after.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.cli.db import _get_pending_plugins, _run_migrations
from ckan.config.middleware import make_app
from ckan.tests import factories
from ckan.tests.helpers import reset_db

from ckanext.ecosphere import vocabularies as voc

from ckan.cli import load_config  # isort: skip

ROOT = Path(__file__).parents[2]
LIMIT_MS = 300
RUNS = 40
SERVICES, REQUESTERS = 130, 3000
EVENTS_EACH = 10
#: Beginning of the ids of all rows written.
MARK = "bench-"
#: Above the numbers of real references, which have five digits.
FIRST_NUMBER = 900_000

#: Requests over five years, a tenth of them private, two in five still open; words come from a domain vocabulary.
REQUESTS = """
INSERT INTO ecosphere_requests (id, reference, version, state, visibility, title, description, use, theme, territory,
    requester_id, organization_id, created, modified, submitted, opened, first_answer, closed, due,
    first_month_ends, clock_start, support_count, listed, search)
SELECT :mark || n, 'DD-' || to_char(at, 'YYYY') || '-' || :first_number + n, 4, state,
    visibility, title, body, :uses[1 + n % array_length(:uses, 1)], theme, territory,
    :people[1 + n % array_length(:people, 1)], organization,
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
    compounds = [first + second for first, second in product(words, words[:30])]
    return [*words, *compounds]


def fill(number: int) -> None:
    """Write the requests and their events in SQL: no action runs, no job is enqueued, no e-mail is queued."""
    arrays = {
        "words": vocabulary(),
        "themes": [theme.id for theme in voc.get("themes")],
        "places": [territory.id for territory in voc.get("territories")],
        "uses": [use.id for use in voc.get("regulatory-use")],
        "services": [factories.Organization(name=f"service-{n}", title=f"Service {n}")["id"] for n in range(SERVICES)],
        "people": [f"person-{n}" for n in range(REQUESTERS)],
    }
    text = re.sub(rf":({'|'.join(arrays)})\b", r"(CAST(:\1 AS text[]))", REQUESTS)
    values = {**arrays, "number": number, "mark": MARK, "first_number": FIRST_NUMBER}
    model.Session.execute(sa.text(text), values)
    model.Session.execute(sa.text(EVENTS), {"each": EVENTS_EACH, "mark": MARK})
    model.Session.commit()
    engine: Any = model.Session.get_bind()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))  # as autovacuum does within minutes on a live portal


def act(name: str, person: str, **data: Any) -> Any:
    """Call an `ecosphere_request_*` action as a user, or anonymously."""
    user = model.User.get(person) if person else None
    model.Session.expire_all()
    return tk.get_action(f"ecosphere_request_{name}")({"user": person, "auth_user_obj": user}, data)


def cases() -> dict[str, Callable[[int], Any]]:
    """Return the calls to measure, by name; each takes a number that varies its parameters."""
    words, theme, place = WORDS.split(), "eau", "region-ara"
    service = lambda n: f"service-{n % SERVICES}"  # noqa: E731
    return {
        "list, newest first, all facets": lambda n: act("list", "", start=20 * (n % 5)),
        "list, most supported": lambda n: act("list", "", sort="support"),
        "list, by due date": lambda n: act("list", "", sort="due"),
        "list, page 500": lambda n: act("list", "", start=10_000),
        "list, theme and région": lambda n: act("list", "", theme=theme, territory=place),
        "list, two states chosen": lambda n: act("list", "", state=["open", "in_progress"]),
        "search, one word": lambda n: act("list", "", q=words[n % len(words)], sort="relevance"),
        "search, two words": lambda n: act("list", "", q=f"{words[n]} {words[-n - 1]}", sort="relevance"),
        "similar requests": lambda n: act("similar", "", title=" ".join(words[n : n + 5]), territory=place),
        "desk of a service": lambda n: act("desk", "boss", organization=service(n)),
        "one request": lambda n: act("show", "", id=f"{MARK}{n * 10 + 1}"),
        "statistics": lambda n: act("stats", ""),
        "statistics of a service": lambda n: act("stats", "", organization=service(n)),
    }


#: Cases to which the limit applies, by the beginning of their names.
LIMITED = ("list", "search", "desk")


def cpu() -> float:
    """Return the processor time of this process and its PostgreSQL backend, in seconds."""
    backend = Path(f"/proc/{model.Session.scalar(sa.text('SELECT pg_backend_pid()'))}/stat")
    user, system = backend.read_text().rpartition(")")[2].split()[11:13]
    return time.process_time() + (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def measure() -> bool:
    """Time each case and print the table; return whether the limited cases are under the limit."""
    from ckanext.ecosphere.data_requests.domain import clock
    from ckanext.ecosphere.data_requests.search import stats
    from ckanext.ecosphere.shared import language

    good = True
    # Compute the statistics beforehand, as a background worker does in production.
    stats.keep(None, None, clock.day_of(clock.now()).isoformat(), language.current())
    print("| what | median ms | p95 ms | processor ms (mean) |\n| --- | ---: | ---: | ---: |")
    for name, call in cases().items():
        call(0)
        times, used = [], cpu()
        for number in range(RUNS):
            start = time.perf_counter()
            call(number)
            times.append((time.perf_counter() - start) * 1000)
        p95, used = statistics.quantiles(times, n=20)[-1], (cpu() - used) * 1000 / RUNS
        print(f"| {name} | {statistics.median(times):.0f} | {p95:.0f} | {used:.0f} |", flush=True)
        good = good and (p95 < LIMIT_MS or not name.startswith(LIMITED))
    return good


def main() -> int:
    """Fill the database, measure, and empty it; return 1 if a list, search or desk is slower than the limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=50_000)
    number = parser.parse_args().requests
    app: Any = make_app(load_config(str(ROOT / "test.ini")))
    with app._wsgi_app.test_request_context():
        _empty()
        try:
            factories.Sysadmin(name="boss")
            start = time.perf_counter()
            fill(number)
            seconds = time.perf_counter() - start
            print(f"{number} requests and {number * EVENTS_EACH} events written in {seconds:.0f} s\n", flush=True)
            good = measure()
        finally:
            model.Session.rollback()
            _empty()
    return 0 if good else 1


def _empty() -> None:
    reset_db()
    for plugin in _get_pending_plugins():
        _run_migrations(plugin)
    model.Session.commit()


if __name__ == "__main__":
    raise SystemExit(main())
