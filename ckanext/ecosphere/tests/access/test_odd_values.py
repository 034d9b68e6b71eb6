"""Odd values in every parameter of every action of the suite: a clear refusal for each persona, no internal error."""

from __future__ import annotations

import json
from typing import Any

import pytest

from . import calls, tables, world
from .conftest import Ledger, Visitor

PARAMETERS = {key: value for key, value in tables.parameters("actions").items() if " " not in key}
ODD: dict[str, str] = {
    "null": "null",
    "empty": '""',
    "list": '["a", "b"]',
    "list of objects": '[{"a": 1}]',
    "object": '{"a": {"b": []}}',
    "huge integer": "1" + "0" * 30,
    "negative": "-1",
    "not a number": "NaN",
    "infinity": "Infinity",
    "true": "true",
    "NUL": '"a\\u0000b"',
    "half of a pair": '"a\\ud800"',
    "megabyte": '"' + "a" * 1_000_000 + '"',
    "deep": "[" * 500 + "]" * 500,
    "query parser": '"{!frange l=0}x"',
}
CLEAR = {200, 400, 403, 404, 409, 413}
#: Tried with one odd parameter among good ones as well; the others, mostly refused before, with all of them odd.
INSIDE = ("sysadmin",)
#: Not undone when it succeeds (see `test_matrix`), and nothing in it is ours.
COMMITTING = ("harvest_source_clear", "harvest_source_job_history_clear")


def _sent(visitor: Visitor, action: str, parameters: dict[str, Any], odd: dict[str, str]) -> int:
    """Send JSON that Python would not write; returns the status."""
    parts = {name: json.dumps(value) for name, value in parameters.items()} | odd
    body = "{" + ", ".join(f"{json.dumps(name)}: {text}" for name, text in parts.items()) + "}"
    return visitor.send(action, body).status_code


@pytest.mark.parametrize("action", sorted(PARAMETERS))
def test_odd_values_get_clear_answers(action: str, portal: world.World, visitors: dict[str, Visitor], ledger: Ledger):
    if action in COMMITTING:
        world.make_source(portal)
    parameters = portal.filled(PARAMETERS[action], "id") or {"id": ""}
    faults = []
    for persona, visitor in visitors.items():
        for odd, text in ODD.items():
            sets = [dict.fromkeys(parameters, text)]
            if persona in INSIDE:
                sets += [{name: text} for name in parameters]
            for values in sets:
                ledger.begin()
                status = _sent(visitor, action, parameters, values)
                ledger.end()
                if status not in CLEAR:
                    faults.append(f"{persona}: {odd} in {', '.join(values)}: {status}")
    assert not faults


@pytest.mark.parametrize("body", ["[" * 100_000, '{"id": ' * 5_000, "[]", "1", '"a"', "", "\x00", "\ud800"])
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
def test_searches_in_the_language_of_solr_get_clear_answers(name: str, value: Any, visitors: dict[str, Visitor]):
    assert visitors["user"].call("package_search", {name: value}).status_code in CLEAR


ODD_PARTS = ["%ED%A0%80", "a" * 5_000, "..", "%7B!frange%20l=0%7Dx", "9" * 40, "-1", "%5B%5D", "null", "a%0Ab", "a%00b"]
ODD_NAMES = ("q", "year", "page", "id", "bbox", "organization", "title", "uri", "table", "sort")
INTERNAL_ERROR = 500
ROUTES = sorted({f"{row.method} {row.name}" for row in tables.read("routes")})


@pytest.mark.parametrize("route", ROUTES)
def test_odd_addresses_get_clear_answers(route: str, visitors: dict[str, Visitor], ledger: Ledger):
    method, rule = route.split(" ", 1)
    faults = []
    for persona in ("anonymous", "sysadmin"):
        visitor = visitors[persona]
        for part in ODD_PARTS:
            query = "&".join(f"{name}={part}" for name in ODD_NAMES)
            address = f"{calls.with_parts(rule, part)}?{query}"
            ledger.begin()
            answer = visitor.get(address) if method == "GET" else visitor.post(address, {"q": "b"})
            ledger.end()
            if answer.status_code >= INTERNAL_ERROR:
                faults.append(f"{persona}: {address[:80]}: {answer.status_code}")
    assert not faults


@pytest.mark.parametrize("year", ["9999", "0", "-1", "1" + "0" * 30, "0000", "10000", "１９９９", "2026.5", "NaN", ""])
@pytest.mark.parametrize("address", ["/demandes/statistiques", "/demandes/statistiques.csv"])
def test_odd_years_get_clear_answers(address: str, year: str, visitors: dict[str, Visitor]):
    assert visitors["anonymous"].get(f"{address}?year={year}").status_code in CLEAR
    action = visitors["anonymous"].call("ecosphere_request_stats", {"year": year})
    assert action.status_code in CLEAR
