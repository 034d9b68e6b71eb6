"""Access matrix over HTTP: every action and every route of the suite as each persona, by id and by
name.

The tables (`actions.csv`, `routes.csv`) list the expected outcomes; each call is rolled back. A
refused call must not have written anything, and no call may fail with an internal error.
"""

from __future__ import annotations

from typing import Any

import pytest

from ckanext.ecosphere.tests.access import calls, tables, world
from ckanext.ecosphere.tests.access.conftest import Ledger, Visitor

ACTIONS, ROUTES = tables.read("actions"), tables.read("routes")
PARAMETERS = {**tables.parameters("actions"), **tables.parameters("routes")}
#: ckanext-harvest clears a source in its own transaction (`BEGIN; …; COMMIT;`), which cannot be
#: rolled back.
NOT_UNDONE = "$new_source"


def test_every_action_of_the_suite_is_in_the_table(portal: world.World):
    assert calls.suite_actions() <= {row.name for row in ACTIONS}


def test_every_route_of_the_suite_is_in_the_table(portal: world.World, made_app: Any):
    assert calls.suite_routes(made_app._wsgi_app) == {f"{row.method} {row.name}" for row in ROUTES}


def test_the_parameters_are_those_of_lines_of_the_tables():
    assert set(PARAMETERS) <= {row.key for row in (*ACTIONS, *ROUTES)}


def nearest(row: tables.Row) -> set[str]:
    """Return the personas next to where the outcome changes.

    Of those who get an outcome other than "done", the one with most rights; of those who get it,
    the one with fewest.
    """
    personas: dict[str, str] = {}
    for persona, outcome in row.outcomes.items():
        if outcome != "done" or "done" not in personas:
            personas[outcome] = persona
    return set(personas.values())


@pytest.mark.parametrize("row", [*ACTIONS, *ROUTES], ids=lambda row: row.key)
@pytest.mark.parametrize(
    "extent", ["nearest by id", pytest.param("all others", marks=pytest.mark.slow("personas"))]
)
def test_outcome(
    row: tables.Row, extent: str, portal: world.World, visitors: dict[str, Visitor], ledger: Ledger
):
    parameters = PARAMETERS.get(row.key) or {}
    next_to_a_change = nearest(row)
    faults, rendered = [], False
    for persona, visitor in visitors.items():
        expected = row.outcomes[persona]
        for by, filled in calls.ways(portal, parameters):
            is_nearest_by_id = by == "id" and persona in next_to_a_change
            if is_nearest_by_id != (extent == "nearest by id"):
                continue
            if NOT_UNDONE in str(parameters) and expected == "done":
                faults += _committed(row, portal, visitor, ledger, by)
                continue
            if by == "name" and row.method == "GET" and expected == "done" and rendered:
                continue  # the page was rendered for this persona by id; by name, only for the first one with access
            portal.put_file_back()
            ledger.begin()
            answer = calls.called(visitor, row, filled)
            written = ledger.end()
            outcome = tables.outcome(answer)
            rendered |= by == "name" and outcome == "done"
            if outcome != expected:
                faults.append(f"{persona} by {by}: {outcome}, not {expected}")
            if outcome != "done" and written:
                faults.append(f"{persona} by {by}: {outcome}, yet written: {sorted(written)}")
    assert not faults


def _committed(
    row: tables.Row, portal: world.World, visitor: Visitor, ledger: Ledger, by: str
) -> list[str]:
    """Make a call that cannot be rolled back, on a source created for it."""
    with ledger.committing():
        world.make_source(portal)
        outcome = tables.outcome(visitor.call(row.name, portal.filled(PARAMETERS[row.key], by)))
    return [] if outcome == "done" else [f"{visitor.persona} by {by}: {outcome}, not done"]
