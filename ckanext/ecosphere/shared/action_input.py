"""Validate action parameters independently of schemas, and report errors by parameter before anything is looked up.

NUL characters, lone surrogates and integers beyond eight bytes cannot be stored, and JSON has no NaN; an identifier is
one text, not a list or an object. Callers in Python may pass a domain object as an identifier, as those of
ckanext-harvest do with `source`; JSON cannot.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.common import _
from ckan.lib.munge import munge_title_to_name
from ckan.model.domain_object import DomainObject
from ckan.types import Context, DataDict

#: Identifier parameters, besides those that end in "_id".
IDENTIFIERS = frozenset(
    {"id", "name", "owner_org", "organization", "user", "request", "source", "target", "transition"}
)
LONGEST_IDENTIFIER = 2_000
LARGEST_INTEGER = 2**63 - 1
DEEPEST = 20
MOST_OF_NAME, MOST_TRIED = 90, 100
"""Characters of a name that is made of a title, and numbers that are tried behind it."""
NAMELESS = "sans-titre"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

Action = Callable[..., Any]


def action(schema: Callable[[], Any]) -> Callable[[Action], Action]:
    """Make a function an action: its parameters are validated, then the auth function of its name decides.

    Args:
        schema: function that returns the schema of the parameters.
    """

    def decorate(function: Action) -> Action:
        @wraps(function)
        def allowed(context: Context, data_dict: DataDict) -> Any:
            tk.check_access(function.__name__, context, data_dict)
            return function(context, data_dict)

        vars(allowed)["checks_access"] = True
        return tk.validate_action_data(schema)(allowed)

    return decorate


def check(data: Any, identifiers: Iterable[str] = IDENTIFIERS, numbers: bool = False) -> None:
    """Refuse parameters that no action can handle.

    Args:
        data: parameters of an action.
        identifiers: names of parameters that must be a text of limited length.
        numbers: whether an identifier may be a number; CKAN's may not, since the database compares them with texts.

    Raises:
        ValidationError: errors by parameter.
    """
    if data is None:
        return
    if not isinstance(data, Mapping):
        raise tk.ValidationError({"message": [_("Give the parameters as an object.")]})
    errors: dict[str, list[str]] = {}
    for name, value in data.items():
        fault = next(_faults(name, 0), None) or next(_faults(value, 0), None)
        if fault is None and (name in identifiers or str(name).endswith("_id")):
            fault = _identifier_fault(value, numbers)
        if fault is not None:
            errors[_UNSTORABLE.sub("", str(name))[:100]] = [fault]
    if errors:
        raise refused(errors)


def refused(errors: Mapping[str, list[Any]]) -> tk.ValidationError:
    """Return a ValidationError; for `tags` CKAN expects each error as a dict with the key `name`."""
    summary = {name: list(faults) for name, faults in errors.items()}
    if "tags" in summary:
        summary["tags"] = [_of_a_tag(fault) for fault in summary["tags"]]
    return tk.ValidationError(summary)  # pyright: ignore[reportArgumentType]


def _of_a_tag(fault: Any) -> Any:
    if isinstance(fault, str):
        return {"name": [fault]}
    return fault


def checked(actions: Mapping[str, Action]) -> dict[str, Action]:
    """Return actions, chained or not, that check their parameters first."""
    return {name: _checked(action) for name, action in actions.items()}


def named(action: Action, name: str) -> Action:
    """Return an action under another name: CKAN identifies chained actions by name, and one may serve several."""

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return action(*args, **kwargs)

    wrapper.__name__ = wrapper.__qualname__ = name
    wrapper.__doc__ = action.__doc__
    return wrapper


def _checked(action: Action) -> Action:
    chained = getattr(action, "chained_action", False)

    @wraps(action)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        parameters = args[1:]
        if chained:
            parameters = args[2:]
        check(next(iter(parameters), kwargs.get("data_dict")))
        return action(*args, **kwargs)

    return wrapper


def _identifier_fault(value: Any, numbers: bool) -> str | None:
    if value is None or isinstance(value, DomainObject):
        return None
    if numbers and isinstance(value, int | float):
        return None
    if not isinstance(value, str):
        return _("Give one text here: a name or an identifier.")
    if len(value) > LONGEST_IDENTIFIER:
        return _("This is too long for a name or an identifier.")
    return None


def _faults(value: Any, depth: int) -> Iterator[str]:
    """Yield why a value, or a part of it, cannot be stored; a name of a parameter is such a value, too."""
    if isinstance(value, Mapping | list | tuple):
        if depth >= DEEPEST:
            yield _("This is nested too deeply.")
            return
        parts = list(value)
        if isinstance(value, Mapping):
            parts += value.values()
        for part in parts:
            yield from _faults(part, depth + 1)
    elif isinstance(value, str) and _UNSTORABLE.search(value):
        yield _(
            "This text has a character that cannot be stored (NUL, or half of a pair): remove it."
        )
    elif isinstance(value, float) and not math.isfinite(value):
        yield _("This is not a number.")
    elif isinstance(value, int | float) and abs(value) > LARGEST_INTEGER:
        yield _("This number is too large.")


def free_name(title: str, is_taken: Callable[[str], Any]) -> str:
    """Return an unused name made of the words of a title.

    Args:
        title: any text.
        is_taken: returns something true for a name that is in use.

    Returns:
        The name, with a number if the title alone is taken; empty if a hundred of them are.
    """
    stem = munge_title_to_name(re.sub(r"['’]", " ", title))[:MOST_OF_NAME].strip("-_") or NAMELESS
    for number in range(1, MOST_TRIED + 1):
        name = f"{stem}-{number}" if number > 1 else stem
        if not is_taken(name):
            return name
    return ""
