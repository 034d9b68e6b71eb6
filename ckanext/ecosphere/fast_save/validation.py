"""Validate many datasets of one type with CKAN's validators, preparing the schema only once.

`ckan.lib.navl` flattens the schema, sorts its fields and counts the arguments of its validators on
each call, several times over; with a hundred fields that costs more than the validators themselves.
Here this is done once per form of a schema. The portal's validators are called in the same order on
the same data, with the same result; a test of the harvest compares them.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import ckan.plugins.toolkit as tk
from ckan.lib import plugins as lib_plugins
from ckan.lib.navl import dictization_functions as navl
from ckan.types import Context, DataDict

Key = tuple[Any, ...]
"""A flattened key of navl: names and positions in turn, ``("resources", 0, "url")``. Its parent
without positions is ``key[:-1][::2]``, ``("resources",)``."""
Errors = dict[Key, list[Any]]
_BY_VALUE, _BY_VALUE_AND_CONTEXT, _BY_KEY = 1, 2, 4
"""Possible numbers of arguments of a validator, by which navl decides how to call it."""
_PHASES = ("__before", "", "__extras", "__after", "__junk")
"""Fields that navl validates at a time of their own; all others ("" here) after the first."""


class _Field(NamedTuple):
    """A field with its validators.

    Attributes:
        name: its name.
        is_optional: whether it is left out if missing, by its first validator.
        validators: each with its number of arguments.
    """

    name: str
    is_optional: bool
    validators: tuple[tuple[Callable[..., Any], int], ...]


@dataclass(slots=True)
class _Level:
    """The dataset, or one of its subschemas: its names, and its fields by phase, both in order."""

    names: tuple[str, ...] = ()
    phases: dict[str, tuple[_Field, ...]] = field(default_factory=dict)


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
        self._prefixes = {key[:-1] for key in flat}
        self._beginnings = {key[:length] for key in flat for length in range(1, len(key) + 1)}
        self._add_level(schema, (), without)

    def _add_level(
        self, schema: DataDict, path: Key, without: Collection[Callable[..., Any]]
    ) -> None:
        """Prepare a schema and its subschemas, which are at a path of names."""
        phases: dict[str, list[_Field]] = {phase: [] for phase in _PHASES}
        names = [name for name, value in schema.items() if isinstance(value, list)]
        for name in sorted(names):
            if name.startswith("__") and name not in phases:
                continue
            validators = [validator for validator in schema[name] if validator not in without]
            is_optional = bool(validators) and validators[0] is self._ignore_missing
            counted = tuple((validator, _arguments(validator)) for validator in validators)
            phase = name if name in phases else ""
            phases[phase].append(_Field(name, is_optional, counted))
        frozen = {phase: tuple(fields) for phase, fields in phases.items()}
        self._levels[path] = _Level(tuple(names), frozen)
        for name, value in schema.items():
            if isinstance(value, dict):
                self._add_level(value, (*path, name), without)

    def run(self, data: DataDict, schema: DataDict, context: Context) -> tuple[DataDict, Any]:
        """Validate a dataset, as `ckan.lib.navl.dictization_functions.validate` does.

        Returns:
            the converted dataset, and errors by flattened key, empty if there are none.
        """
        flat = navl.flatten_dict(data, schema=schema)
        levels = self._levels_in(flat)
        errors: Errors = {}
        for path, level in levels.items():
            errors |= {(*path, name): [] for name in level.names}
        converted = self._with_all_fields(flat, levels, errors)
        context = cast(Context, {**context, "schema_keys": list(self._names)})
        for phase in ("__before", "", "__extras"):
            for path, level in levels.items():
                _validate(level.phases[phase], path, converted, errors, context)
        for path, level in reversed(levels.items()):
            _validate(level.phases["__after"], path, converted, errors, context)
        _validate(levels[()].phases["__junk"], (), converted, errors, context)
        result = nested(converted)
        for name, value in data.items():
            if value == [] and name not in result:
                result[name] = []
        return result, {key: value for key, value in errors.items() if value}

    def _levels_in(self, flat: dict[Key, Any]) -> dict[Key, _Level]:
        """Return the dataset and the parts of it that have a subschema, outer ones first,
        by path.
        """
        paths: set[Key] = {()}
        for path in sorted({key[:-1] for key in flat}, key=_order):
            if path and path[::2] in self._prefixes and path[:-2] in paths:
                paths.add(path)
        return {path: self._levels[path[::2]] for path in sorted(paths, key=_order)}

    def _with_all_fields(
        self, flat: dict[Key, Any], levels: Collection[Key], known: Collection[Key]
    ) -> dict[Key, Any]:
        """Return the data with missing fields added, and those without a schema moved aside.

        Args:
            flat: the data.
            levels: paths of its parts that have a schema.
            known: keys of all fields of these schemas.
        """
        data = {key: value for key, value in flat.items() if key in known}
        for key in flat.keys() - known:
            if key[::2] in self._beginnings and flat[key] != []:
                raise navl.DataError(f"Only lists of dicts can be placed against subschema {key}")
            if key[:-1] in levels:
                data.setdefault((*key[:-1], "__extras"), {})[key[-1]] = flat[key]
            else:
                data.setdefault(("__junk",), {})[key] = flat[key]
        for key in known:
            if key not in data and not key[-1].startswith("__"):
                data[key] = navl.missing
        return data


class Validation:
    """Validation of datasets with the plugin of their type.

    Prepared schemas are kept for the next ones.
    """

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

        ckanext-scheming completes the schema and then calls navl: its own code runs here, with our
        navl in place of CKAN's. A plugin that validates in another way is called unchanged.

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

        own = getattr(plugin, "validate", None)
        key = (0, action)  # the schemas of CKAN are the same for all objects without `validate`
        if own is not None:
            key = (id(plugin), action)

        def navl_validate(
            data: DataDict, schema: DataDict, context: Context
        ) -> tuple[DataDict, Any]:
            compiled = self._compiled.get(key)
            if compiled is None:
                compiled = self._compiled[key] = CompiledSchema(schema, without)
            return compiled.run(data, schema, context)

        if own is None:
            return navl_validate(data, schema, context)
        method = getattr(own, "__func__", None)
        if method is None or method.__globals__.get("navl_validate") is not navl.validate:
            return lib_plugins.plugin_validate(plugin, context, data, schema, action)
        # A copy of the method, in which the names of two functions of CKAN stand for ours.
        names = {**method.__globals__, "unflatten": nested, "navl_validate": navl_validate}
        ours = types.FunctionType(
            method.__code__, names, method.__name__, method.__defaults__, method.__closure__
        )
        return ours(plugin, context, data, schema, action)


def _arguments(validator: Callable[..., Any]) -> int:
    """Return the number of arguments of a validator.

    Raises:
        TypeError: navl cannot call it.
    """
    code = getattr(validator, "__code__", None)
    number = code.co_argcount if code else 0
    if number not in (_BY_VALUE, _BY_VALUE_AND_CONTEXT, _BY_KEY):
        raise TypeError(f"{validator!r} cannot be used as a validator")
    return number


def _validate(
    fields: tuple[_Field, ...], path: Key, data: dict[Key, Any], errors: Errors, context: Context
) -> None:
    """Convert the values of fields in the data, and add their errors."""
    missing = navl.missing
    for name, is_optional, validators in fields:
        key = (*path, name)
        value = data.get(key)
        if is_optional and (value is missing or value is None):  # true for most fields
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
    """Unflatten keys, as navl's `unflatten` does; missing positions of a list are dropped.

    Keys are taken by length, so that each part of the result exists before its own parts; data in
    which one does not are left to `unflatten`.
    """
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
