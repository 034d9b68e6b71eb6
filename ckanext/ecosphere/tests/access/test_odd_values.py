"""Odd values in every parameter of every action of the suite: a clear refusal for each persona, no
internal error.

An internal error that arises within an action of CKAN or of another extension is theirs
(`docs/upstream.md`, 16). It is told apart (`-rP` shows them), and must have written nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ckanext.ecosphere.tests.access import calls, tables, world
from ckanext.ecosphere.tests.access.conftest import Ledger, Visitor
from ckanext.ecosphere.tests.internal_errors import InternalErrors, internal_errors

__all__ = ["internal_errors"]

pytestmark = pytest.mark.slow("values")

PARAMETERS = {key: value for key, value in tables.parameters("actions").items() if " " not in key}
ACTIONS = sorted({row.name for row in tables.read("actions")})
#: JSON values, including some that Python would not write: values that an action must check itself.
ODD: dict[str, str] = {
    "null": "null",
    "empty": '""',
    "list": '["a", "b"]',
    "list of objects": '[{"a": 1}]',
    "object": '{"a": {"b": []}}',
    "negative": "-1",
    "true": "true",
    "megabyte": '"' + "a" * 1_000_000 + '"',
    "query parser": '"{!frange l=0}x"',
}
#: Values that no action accepts: refused by the same check for each of them.
NEVER_TAKEN: dict[str, str] = {
    "huge integer": "1" + "0" * 30,
    "not a number": "NaN",
    "infinity": "Infinity",
    "NUL": '"a\\u0000b"',
    "half of a pair": '"a\\ud800"',
    "deep": "[" * 500 + "]" * 500,
}
CLEAR = {200, 400, 403, 404, 409, 413}
REFUSED = {400, 403, 409, 413}
#: This persona sends an odd value in one parameter at a time; the others in turn send odd values in
#: all of them.
EVERYWHERE = "sysadmin"
OTHERS = tuple(persona for persona in tables.PERSONAS if persona != EVERYWHERE)
#: Not rolled back if they succeed (see `test_matrix`), and not part of the suite.
COMMITTING = ("harvest_source_clear", "harvest_source_job_history_clear")


INTERNAL_ERROR = 500


def _sent(visitor: Visitor, action: str, parameters: dict[str, Any], odd: dict[str, str]) -> int:
    """Send parameters, some of them as JSON text; return the status."""
    parts = {name: json.dumps(value) for name, value in parameters.items()} | odd
    body = "{" + ", ".join(f"{json.dumps(name)}: {text}" for name, text in parts.items()) + "}"
    return visitor.send(action, body).status_code


def _tries(parameters: dict[str, Any], turn: int) -> Iterator[tuple[str, dict[str, str], set[int]]]:
    """Yield persona, odd parameters and the statuses that count as a clear answer."""
    for number, text in enumerate(ODD.values(), turn):
        for name in parameters:
            yield EVERYWHERE, {name: text}, CLEAR
        yield OTHERS[number % len(OTHERS)], dict.fromkeys(parameters, text), CLEAR
    for number, text in enumerate(NEVER_TAKEN.values(), turn):
        yield (
            tables.PERSONAS[number % len(tables.PERSONAS)],
            dict.fromkeys(parameters, text),
            REFUSED,
        )


@pytest.mark.parametrize("action", ACTIONS)
def test_odd_values_get_clear_answers(
    action: str,
    portal: world.World,
    visitors: dict[str, Visitor],
    ledger: Ledger,
    internal_errors: InternalErrors,
):
    if action in COMMITTING:
        world.make_source(portal)
    parameters = portal.filled(PARAMETERS.get(action), "id") or {"id": ""}
    faults = []
    for persona, odd, clear in _tries(parameters, ACTIONS.index(action)):
        ledger.begin()
        status = _sent(visitors[persona], action, parameters, odd)
        written = ledger.end()
        if status == INTERNAL_ERROR and not written and not internal_errors.is_ours:
            print(f"{action} of CKAN: {persona}, {', '.join(odd)}")
        elif status not in clear:
            faults.append(
                f"{persona}: {', '.join(f'{name}={text[:40]}' for name, text in odd.items())}: {status}"
            )
    assert not faults


@pytest.mark.parametrize(
    "body", ["[" * 100_000, '{"id": ' * 5_000, "[]", "1", '"a"', "", "\x00", "\ud800"]
)
def test_a_body_that_is_no_object_gets_a_clear_answer(body: str, visitors: dict[str, Visitor]):
    answer = visitors["user"].send("ecosphere_request_show", body)
    assert answer.status_code in CLEAR - {200}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("q", "{!frange l=0 u=5}views_total"),
        ("fq", "{!frange l=0}x"),
        ("fq", 'name:a {!join from=id to=name v="*:*"}'),
        ("sort", "{!func}score desc"),
        ("sort", "x" * 5_000),
        ("q", '"'),
        ("q", "a\x00b"),
        ("rows", 10**30),
        ("start", -1),
        ("fq_list", [{"a": 1}]),
        ("facet.field", "{!terms}"),
    ],
)
def test_searches_in_the_language_of_solr_get_clear_answers(
    name: str, value: Any, visitors: dict[str, Visitor]
):
    assert visitors["user"].call("package_search", {name: value}).status_code in CLEAR


ODD_PARTS = ("a" * 5_000, "..", "%7B!frange%20l=0%7Dx", "9" * 40, "-1", "%5B%5D", "null", "a%0Ab")
#: Not accepted in any path: refused before a view is called.
NEVER_IN_ADDRESSES = ("%ED%A0%80", "a%00b")
ODD_NAMES = ("q", "year", "page", "id", "bbox", "organization", "title", "uri", "table", "sort")
#: The provider of this log-in is not running during the tests, nor is a worker, and the pages
#: report that.
AWAY = (("/connexion/openid", 502), ("/ecosphere/health/ready", 503))
ROUTES = sorted({f"{row.method} {row.name}" for row in tables.read("routes")})
ROUTE_PARAMETERS = tables.parameters("routes")
TAKING_TURNS = ("sysadmin", "anonymous", "editor")


def _addresses(rule: str, parameters: dict[str, Any], turn: int) -> Iterator[str]:
    """Yield URLs with an odd value in each variable part and each query parameter.

    Some with valid parts.
    """
    names = sorted({*ODD_NAMES, *parameters.get("query", {})})
    parts = {
        name: str(value) for name, value in parameters.items() if name not in ("form", "query")
    }
    for number, odd in enumerate(
        (*ODD_PARTS, NEVER_IN_ADDRESSES[turn % len(NEVER_IN_ADDRESSES)]), turn
    ):
        path = calls.with_each(rule, parts) if parts and number % 2 else calls.with_parts(rule, odd)
        yield f"{path}?{'&'.join(f'{name}={odd}' for name in names)}"


@pytest.mark.parametrize("route", ROUTES)
def test_odd_addresses_get_clear_answers(
    route: str, portal: world.World, visitors: dict[str, Visitor], ledger: Ledger
):
    method, rule = route.split(" ", 1)
    parameters = portal.filled(ROUTE_PARAMETERS.get(route) or {}, "id")
    turn = ROUTES.index(route)
    faults = []
    for number, address in enumerate(_addresses(rule, parameters, turn), turn):
        visitor = visitors[TAKING_TURNS[number % len(TAKING_TURNS)]]
        ledger.begin()
        answer = visitor.get(address) if method == "GET" else visitor.post(address, {"q": "b"})
        ledger.end()
        if answer.status_code >= INTERNAL_ERROR and (rule, answer.status_code) not in AWAY:
            faults.append(f"{visitor.persona}: {address[:80]}: {answer.status_code}")
    assert not faults


ODD_TEXTS = ("", "a\x00b", "9" * 40, "-1", "{!frange l=0}x", "a" * 1_000_000)
FORMS = [
    route
    for route in ROUTES
    if route.startswith("POST") and (ROUTE_PARAMETERS.get(route) or {}).get("form")
]


@pytest.mark.parametrize("route", FORMS)
def test_odd_texts_in_forms_get_clear_answers(
    route: str, portal: world.World, visitors: dict[str, Visitor], ledger: Ledger
):
    method, rule = route.split(" ", 1)
    faults = []
    for text in ODD_TEXTS:
        parameters = portal.filled(ROUTE_PARAMETERS[route], "id")
        parameters["form"] = dict.fromkeys(parameters["form"], text)
        for persona in ("user", "sysadmin"):
            ledger.begin()
            status = calls.visit(visitors[persona], method, rule, parameters).status_code
            ledger.end()
            if status >= INTERNAL_ERROR:
                faults.append(f"{persona}: {text[:20]!r}: {status}")
    assert not faults


@pytest.mark.parametrize(
    "year", ["9999", "0", "-1", "1" + "0" * 30, "0000", "10000", "１９９９", "2026.5", "NaN", ""]
)
@pytest.mark.parametrize("address", ["/demandes/statistiques", "/demandes/statistiques.csv"])
def test_odd_years_get_clear_answers(address: str, year: str, visitors: dict[str, Visitor]):
    assert visitors["anonymous"].get(f"{address}?year={year}").status_code in CLEAR
    action = visitors["anonymous"].call("ecosphere_request_stats", {"year": year})
    assert action.status_code in CLEAR


HUGE = "1" + "0" * 400
RING = f"[[1, 1, {HUGE}], [2, 1, 1], [2, 2, 1], [1, 1, {HUGE}]]"
CREATED: dict[str, Any] = {
    "title": "Sonde",
    "notes": "Une sonde.",
    "owner_org": "ddt-42",
    "private": True,
}
SOURCE: dict[str, Any] = {"title": "Sonde", "owner_org": "ddt-42", "source_type": "ecosphere_udata"}
#: Values not covered by the general check of parameters: within JSON texts, and digits that `int`
#: rejects.
HIDDEN: list[tuple[str, dict[str, Any]]] = [
    ("package_create", {**CREATED, "territory": '[{"name": "a"}]'}),
    (
        "package_create",
        {
            **CREATED,
            "territory": '["\\ud800"]',
            "theme": '["\\u0000"]',
            "contact": '[{"name": "\\ud800"}]',
        },
    ),
    ("package_create", {**CREATED, "spatial": f'{{"type": "Polygon", "coordinates": [{RING}]}}'}),
    ("package_create", {**CREATED, "spatial_coverage": f'[{{"bbox": [{HUGE}, 1, 2, 3]}}]'}),
    (
        "package_create",
        {**CREATED, "issued": "２０２４", "modified": "9999-12-31", "scale_denominator": "9" * 400},
    ),
    ("harvest_source_create", {**SOURCE, "url": "http://["}),
    (
        "harvest_source_create",
        {**SOURCE, "url": "http://a.example/1", "config": '{"tag": "\\ud800"}'},
    ),
    (
        "harvest_source_create",
        {**SOURCE, "url": "http://a.example/2", "config": '{"tag": {"a": ["\\u0000"]}}'},
    ),
    ("harvest_source_create", {**SOURCE, "url": "http://a.example/3", "config": "[" * 50_000}),
    ("harvest_abort_failed_jobs", {"life_span": "9" * 5_000}),
    (
        "ecosphere_quality_preview",
        {"dataset": {"modified": "9999-12-31", "resources": "[" * 50_000}},
    ),
    ("ecosphere_quality_preview", {"dataset": {"resources": [{"url": "a"}] * 20_000}}),
    ("ecosphere_request_absence_create", {"first": "9999-12-30", "last": "9999-12-31"}),
]


def test_values_hidden_in_texts_get_clear_answers(visitors: dict[str, Visitor], ledger: Ledger):
    faults = []
    for number, (action, data) in enumerate(HIDDEN):
        named = (
            {"name": f"sonde-{number}"} if action.endswith("_create") and "title" in data else {}
        )
        ledger.begin()
        status = visitors["sysadmin"].call(action, {**data, **named}).status_code
        ledger.end()
        if status not in CLEAR:
            faults.append(f"{action} {str(data)[:80]}: {status}")
    assert not faults


AREAS = (
    f'{{"type": "Point", "coordinates": [{HUGE}, 1]}}',
    '{"type": "Point", "coordinates": [NaN, 1]}',
    '{"type": "FeatureCollection", "features": "abc"}',
    "POINT(1e999 1)",
)


def test_pages_answer_clearly_to_what_is_hidden(visitors: dict[str, Visitor], ledger: Ledger):
    statuses = []
    for area in AREAS:
        ledger.begin()
        statuses.append(visitors["anonymous"].post("/recherche/zone", {"area": area}).status_code)
        ledger.end()
    pages = [visitors["sysadmin"].get(f"/ecosphere/admin/journal?page={'9' * 5_000}").status_code]
    elsewhere = visitors["anonymous"].client.post(
        "/user/login", data={"login": "a"}, headers={"Origin": "http://["}
    )
    assert (set(statuses), pages, elsewhere.status_code) == ({400}, [200], 400)
