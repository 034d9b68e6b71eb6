"""How the lines of the tables are called: what the suite registers, and one call as one persona."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import ckan.plugins as p

from ckanext.ecosphere.tests.access import tables, world


def suite_actions() -> set[str]:
    """Names of the actions that the plugins of the suite register, chained ones included."""
    plugins = [each for each in p.PluginImplementations(p.IActions) if each.name.startswith("ecosphere")]
    return {name for plugin in plugins for name in plugin.get_actions()}


def suite_routes(app: Any) -> set[str]:
    """Routes of the suite, each as "METHOD rule"."""
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
    """Fill parameters in by id and, where it differs, by name."""
    by_id, by_name = (portal.filled(parameters, by) for by in ("id", "name"))
    yield "id", by_id
    if by_name != by_id:
        yield "name", by_name


def visit(visitor: Any, method: str, rule: str, parameters: dict[str, Any]) -> Any:
    """Open a page or send a form."""
    data = dict(parameters)
    query, form = data.pop("query", {}), data.pop("form", {})
    address = with_each(rule, data)
    if query:
        address += f"?{urlencode(query)}"
    return visitor.get(address) if method == "GET" else visitor.post(address, form)


def called(visitor: Any, row: tables.Row, parameters: Any) -> Any:
    """Call what a line is about."""
    if row.method:
        return visit(visitor, row.method, row.name, parameters)
    return visitor.call(row.name, parameters)


def with_parts(rule: str, part: str) -> str:
    """Return the address of a route with the same text, already quoted, in the place of each part."""
    return re.sub(r"<[^>]+>", lambda _match: part, rule)


def with_each(rule: str, parts: dict[str, Any]) -> str:
    """Return the address of a route with each of its parts."""
    address = rule
    for name, value in parts.items():
        address = address.replace(f"<{name}>", quote(str(value), safe=""))
    return address
