"""Calls of the lines of the access tables: the suite's actions and routes,
and one call as one persona.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import ckan.plugins as p

from ckanext.ecosphere.tests.access import tables, world


def suite_actions() -> set[str]:
    """Return the names of the actions that the plugins of the suite register,
    including chained ones.
    """
    plugins = [
        each for each in p.PluginImplementations(p.IActions) if each.name.startswith("ecosphere")
    ]
    return {name for plugin in plugins for name in plugin.get_actions()}


def suite_routes(app: Any) -> set[str]:
    """Return the routes of the suite, each as "METHOD rule"."""
    blueprints = {
        blueprint.name
        for plugin in p.PluginImplementations(p.IBlueprint)
        if plugin.name.startswith("ecosphere")
        for blueprint in _listed(plugin.get_blueprint())
    }
    return {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        if rule.endpoint.split(".")[0] in blueprints
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def ways(portal: world.World, parameters: Any) -> Iterator[tuple[str, Any]]:
    """Yield the parameters filled in with ids and, where they differ, with names."""
    by_id, by_name = (portal.filled(parameters, by) for by in ("id", "name"))
    yield "id", by_id
    if by_name != by_id:
        yield "name", by_name


def visit(visitor: Any, method: str, rule: str, parameters: dict[str, Any]) -> Any:
    """Request a page or submit a form."""
    data = dict(parameters)
    query, form = data.pop("query", {}), data.pop("form", {})
    address = with_each(rule, data)
    if query:
        address += f"?{urlencode(query)}"
    return visitor.get(address) if method == "GET" else visitor.post(address, form)


def called(visitor: Any, row: tables.Row, parameters: Any) -> Any:
    """Call the action or route of a line."""
    if row.method:
        return visit(visitor, row.method, row.name, parameters)
    return visitor.call(row.name, parameters)


def with_parts(rule: str, part: str) -> str:
    """Return the path of a route with the same text, already quoted, for each variable part."""
    return re.sub(r"<[^>]+>", lambda _match: part, rule)


def with_each(rule: str, parts: dict[str, Any]) -> str:
    """Return the path of a route with a value for each variable part."""
    address = rule
    for name, value in parts.items():
        address = address.replace(f"<{name}>", quote(str(value), safe=""))
    return address
