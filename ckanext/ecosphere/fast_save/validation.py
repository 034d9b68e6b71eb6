"""Validate many datasets of one type with CKAN's validators, preparing the schema only once.

`ckan.lib.navl` flattens the schema, sorts its fields and counts the arguments of its validators on each call, several
times over; with a hundred fields that costs more than the validators themselves. Here this is done once per form of a
schema. The portal's validators are called in the same order on the same data, with the same result; a test of the
harvest compares them.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, cast

import ckan.plugins.toolkit as tk
from ckan.lib import plugins as lib_plugins
from ckan.lib.navl import dictization_functions as navl
from ckan.types import Context, DataDict

Key = tuple[Any, ...]
"""A flattened key of navl: ``("resources", 0, "url")``, names at even places and positions in lists at
odd ones. ``key[::2]`` is thus the place in the schema, ``("resources", "url")``."""
Runs = tuple[tuple[str, bool, tuple[tuple[Callable[..., Any], int], ...]], ...]
"""Name of the field, whether to skip it if missing, and its validators with their numbers of
arguments."""
_BY_VALUE, _BY_VALUE_AND_CONTEXT, _BY_KEY = 1, 2, 4
_PHASES = ("__before", "", "__extras", "__after", "__junk")


@dataclass(slots=True)
class _Level:
    """Fields of the dataset, or of one of its subschemas, in the order of validation."""

    names: tuple[str, ...] = ()
    phases: dict[str, Runs] = field(default_factory=dict)


class CompiledSchema:
    """A prepared navl schema.

    Args:
        schema: field → validators, or subschema.
        without: validators to skip, since the caller knows their result.

    Raises:
        TypeError: navl cannot call one of the validators.
    """

    def __init__(self, schema: DataDict, without: Collection[Callable[..., Any]] = ()):
        self._ignore_missing = tk.get_validator("ignore_missing")
        self._names = list(schema)
        self._levels: dict[Key, _Level] = {}
        flat = navl.flatten_schema(schema)
        self._subschemas = {key[:-1] for key in flat}
        self._beginnings: set[Key] = set()
        """Places in the schema: each field, and the subschemas around it."""
        for key in flat:
            self._beginnings.update(key[:length] for length in range(1, len(key) + 1))
        self._add(schema, (), without)

    def _add(self, schema: DataDict, path: Key, without: Collection[Callable[..., Any]]) -> None:
        """Prepare a schema and its subschemas.

        Fields are in the order of their names, as in navl; those of `_PHASES` come before or after all others.
        """
        phases: dict[str, list[Any]] = {phase: [] for phase in _PHASES}
        names = [name for name, value in schema.items() if isinstance(value, list)]
        for name in sorted(names):
            if name.startswith("__") and name not in phases:
                continue
            validators = [validator for validator in schema[name] if validator not in without]
            is_optional = bool(validators) and validators[0] is self._ignore_missing
            runs = tuple((validator, _arguments(validator)) for validator in validators)
            phase = name if name in phases else ""
            phases[phase].append((name, is_optional, runs))
        frozen = {phase: tuple(runs) for phase, runs in phases.items()}
        self._levels[path] = _Level(tuple(names), frozen)
        for name, value in schema.items():
            if isinstance(value, dict):
                self._add(value, (*path, name), without)

    def run(self, data: DataDict, schema: DataDict, context: Context) -> tuple[DataDict, Any]:
        """Validate a dataset, as `ckan.lib.navl.dictization_functions.validate` does.

        Returns:
            the converted dataset, and errors by flattened key, empty if there are none.
        """
        places, errors, converted = self._spread(navl.flatten_dict(data, schema=schema))
        context = cast(Context, {**context, "schema_keys": list(self._names)})
        for phase in ("__before", "", "__extras"):
            for path, level in places:
                _run(level.phases[phase], path, converted, errors, context)
        for path, level in reversed(places):
            _run(level.phases["__after"], path, converted, errors, context)
        if places[0][0] == ():
            _run(places[0][1].phases["__junk"], (), converted, errors, context)
        result = nested(converted)
        for name, value in data.items():
            if value == [] and name not in result:
                result[name] = []
        return result, {key: value for key, value in errors.items() if value}

    def _spread(
        self, flat: dict[Key, Any]
    ) -> tuple[list[tuple[Key, _Level]], dict[Key, list[Any]], dict[Key, Any]]:
        """Find the subschemas used by the data, add missing fields, and move aside fields without a schema.

        Returns:
            the path of each part of the data with its level, outermost first; no errors for each of their fields; and
            the flattened data.
        """
        paths: set[Key] = {()}
        for path in sorted({key[:-1] for key in flat}, key=_order):
            if path[::2] in self._subschemas and (not path or path[:-2] in paths):
                paths.add(path)
        places = [(path, self._levels[path[::2]]) for path in sorted(paths, key=_order)]
        errors: dict[Key, list[Any]] = {}
        for path, level in places:
            errors |= {(*path, name): [] for name in level.names}
        converted = {key: value for key, value in flat.items() if key in errors}
        for key in flat.keys() - errors.keys():
            if key[::2] in self._beginnings and flat[key] != []:
                raise navl.DataError(f"Only lists of dicts can be placed against subschema {key}")
            if key[:-1] in paths:
                converted.setdefault((*key[:-1], "__extras"), {})[key[-1]] = flat[key]
            else:
                converted.setdefault(("__junk",), {})[key] = flat[key]
        for key in errors:
            if key not in converted and not key[-1].startswith("__"):
                converted[key] = navl.missing
        return places, errors, converted


class Validation:
    """Validation of datasets with the plugin of their type; prepared schemas are kept for the next ones."""

    def __init__(self) -> None:
        self._compiled: dict[tuple[int, str], CompiledSchema] = {}

    def validate(  # noqa: PLR0917 - the parameters of `plugin_validate`
        self,
        plugin: Any,
        context: Context,
        data: DataDict,
        schema: DataDict,
        action: str,
        without: Collection[Callable[..., Any]] = (),
    ) -> tuple[DataDict, Any]:
        """Validate a dataset, as `ckan.lib.plugins.plugin_validate` does.

        ckanext-scheming completes the schema and then calls navl: its own code runs here, with our navl in place of
        CKAN's. A plugin that validates in another way is called unchanged.

        Args:
            plugin: plugin of the type; an object without `validate` for CKAN's own schemas.
            context: the context.
            data: the dataset.
            schema: the plugin's schema for the action.
            action: `package_create` or `package_show`.
            without: validators to skip; must always be the same for an action.

        Returns:
            the converted dataset, and errors.
        """

        def run(data: DataDict, schema: DataDict, context: Context) -> tuple[DataDict, Any]:
            key = (0, action)
            if hasattr(plugin, "validate"):
                key = (id(plugin), action)
            compiled = self._compiled.get(key)
            if compiled is None:
                compiled = self._compiled[key] = CompiledSchema(schema, without)
            return compiled.run(data, schema, context)

        own = getattr(plugin, "validate", None)
        if own is None:
            return run(data, schema, context)
        function = getattr(own, "__func__", None)
        if function is None or function.__globals__.get("navl_validate") is not navl.validate:
            return lib_plugins.plugin_validate(plugin, context, data, schema, action)
        globals_ = {**function.__globals__, "unflatten": nested, "navl_validate": run}
        ours = types.FunctionType(
            function.__code__,
            globals_,
            function.__name__,
            function.__defaults__,
            function.__closure__,
        )
        return ours(plugin, context, data, schema, action)


def _arguments(validator: Callable[..., Any]) -> int:
    code = getattr(validator, "__code__", None)
    number = code.co_argcount if code else 0
    if number not in (_BY_VALUE, _BY_VALUE_AND_CONTEXT, _BY_KEY):
        raise TypeError(f"{validator!r} cannot be used as a validator")
    return number


def _run(
    fields: Runs, path: Key, data: dict[Key, Any], errors: dict[Key, list[Any]], context: Context
) -> None:
    missing = navl.missing
    for name, optional, validators in fields:
        key = (*path, name)
        value = data.get(key)
        if optional and (value is missing or value is None):  # true for most fields
            data.pop(key, None)
            continue
        for validator, arguments in validators:
            try:
                if arguments == _BY_VALUE:
                    data[key] = validator(data.get(key))
                elif arguments == _BY_KEY:
                    validator(key, data, errors, context)
                else:
                    data[key] = validator(data.get(key), context)
            except navl.StopOnError:
                break
            except navl.Invalid as error:
                errors[key].append(error.error)


def _order(key: Key) -> tuple[Any, ...]:
    return (len(key), *key)


def nested(flat: dict[Key, Any]) -> DataDict:
    """Unflatten keys (like `unflatten`); missing positions of a list are dropped."""
    result: DataDict = {}
    by_length: dict[int, list[Key]] = {}
    for key, value in flat.items():
        if len(key) == 1:
            result[key[0]] = value
        else:
            by_length.setdefault(len(key), []).append(key)
    lists = {key[0] for key in flat if len(key) > 1}
    if any(result.get(name, []) != [] for name in lists):  # both a value and parts: rare
        return navl.unflatten(flat)
    # Shorter keys first, so that a part exists before the parts within it.
    parts: dict[Key, DataDict] = {(): result}
    for length in sorted(by_length):
        for key in sorted(by_length[length]):
            path = key[:-1]
            part = parts.get(path)
            if part is None:
                parent = parts.get(path[:-2])
                if parent is None:
                    return navl.unflatten(flat)
                part = parts[path] = {}
                parent.setdefault(path[-2], []).append(part)
            part[key[-1]] = flat[key]
    return result
