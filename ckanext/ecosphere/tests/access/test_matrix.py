"""Access matrix over HTTP: every action and every route of the suite as each persona, by id and by name.

The tables (`actions.csv`, `routes.csv`) list the expected outcomes; each call is rolled back. A refused call must not
have written anything, and no call may fail with an internal error.
"""

from __future__ import annotations

from typing import Any

import pytest

from ckanext.ecosphere.tests.access import calls, tables, world
from ckanext.ecosphere.tests.access.conftest import Ledger, Visitor

ACTIONS, ROUTES = tables.read("actions"), tables.read("routes")
PARAMETERS = {**tables.parameters("actions"), **tables.parameters("routes")}
#: ckanext-harvest clears a source in its own transaction (`BEGIN; …; COMMIT;`), which cannot be rolled back.
NOT_UNDONE = "$new_source"


def test_every_action_of_the_suite_is_in_the_table(portal: world.World):
    assert calls.suite_actions() <= {row.name for row in ACTIONS}


def test_every_route_of_the_suite_is_in_the_table(portal: world.World, made_app: Any):
    assert calls.suite_routes(made_app._wsgi_app) == {f"{row.method} {row.name}" for row in ROUTES}


def test_the_parameters_are_those_of_lines_of_the_tables():
    assert set(PARAMETERS) <= {row.key for row in (*ACTIONS, *ROUTES)}


@pytest.mark.parametrize("row", [*ACTIONS, *ROUTES], ids=lambda row: row.key)
def test_outcome(row: tables.Row, portal: world.World, visitors: dict[str, Visitor], ledger: Ledger):
    parameters = PARAMETERS.get(row.key) or {}
    faults, rendered = [], False
    for persona, visitor in visitors.items():
        expected = row.outcomes[persona]
        if NOT_UNDONE in str(parameters) and expected == "done":
            faults += _committed(row, portal, visitor, ledger, parameters)
            continue
        for by, filled in calls.ways(portal, parameters):
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
    row: tables.Row, portal: world.World, visitor: Visitor, ledger: Ledger, parameters: dict[str, Any]
) -> list[str]:
    """Make a call that cannot be rolled back, on a source created for it."""
    faults = []
    for by in ("id", "name"):
        with ledger.committing():
            world.make_source(portal)
            outcome = tables.outcome(visitor.call(row.name, portal.filled(parameters, by)))
        if outcome != "done":
            faults.append(f"{visitor.persona} by {by}: {outcome}, not done")
    return faults
