"""Validate action parameters independently of schemas, and report errors by parameter before
anything is looked up.

NUL characters, lone surrogates and integers beyond eight bytes cannot be stored, and JSON has no
NaN; an identifier is one text, not a list or an object. Callers in Python may pass a domain object
as an identifier, as those of ckanext-harvest do with `source`; JSON cannot.
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
from ckan.types import Context, DataDict, Schema

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.shared import characters

#: Identifier parameters, besides those that end in "_id".
IDENTIFIERS = frozenset(
    {"id", "name", "owner_org", "organization", "user", "request", "source", "target", "transition"}
)
LONGEST_IDENTIFIER = 2_000
LARGEST_INTEGER = 2**63 - 1
DEEPEST = 20
LONGEST_LINE = 200
#: Characters of a name that is made of a title, and numbers that are tried behind it.
MOST_OF_NAME, MOST_TRIED = 90, 100
NAMELESS = "sans-titre"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

Action = Callable[..., Any]


def action(schema: Callable[[], Any]) -> Callable[[Action], Action]:
    """Make a function an action: its parameters are validated, then the auth function of its name
    decides.

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
        numbers: whether an identifier may be a number; CKAN's may not, since the database compares
            them with texts.

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
    """Return a ValidationError.

    For `tags` CKAN expects each error as a dict with the key `name`.
    """
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
    """Return an action under another name: CKAN identifies chained actions by name,
    and one may serve several.
    """

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
    """Yield why a value, or a part of it, cannot be stored.

    A name of a parameter is such a value, too.
    """
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
    stem = munge_title_to_name(re.sub(r"['’]", " ", title))[:MOST_OF_NAME].rstrip("-")
    if not stem.strip("-_"):  # CKAN pads short names with "_"
        stem = NAMELESS
    numbered = [f"{stem}-{number}" for number in range(2, MOST_TRIED + 1)]
    return next((name for name in (stem, *numbered) if not is_taken(name)), "")


# --- schemas of parameters ------------------------------------------------------------------------


def get(name: str) -> Any:
    """Return a validator of CKAN, or a function that makes one."""
    return tk.get_validator(name)


def one_of(*values: str) -> Any:
    """Return the validator of a choice."""
    return get("one_of")(list(values))


def bounded(most: int, clean: Callable[[str], str]) -> Callable[[Any], str]:
    """Return the validator of a text of so many characters at most, which it cleans."""

    def validator(value: Any) -> str:
        if not isinstance(value, str):
            raise tk.Invalid(tk._("Give one text here."))
        if len(value) > most:
            raise tk.Invalid(tk._("Too long: {number} characters at most.").format(number=most))
        return clean(value)

    return validator


#: Validator of a text on one line.
LINE = bounded(LONGEST_LINE, characters.one_line)


def texts(most: int) -> Callable[[Any], list[str]]:
    """Return the validator of a list of texts, given as such or as
    one text with commas or on lines.
    """

    def validator(value: Any) -> list[str]:
        parts = value
        if isinstance(value, str):
            parts = re.split("[,;\n]", value[: most * LONGEST_LINE])
        if not isinstance(parts, list) or len(parts) > most:
            raise tk.Invalid(tk._("Give a list of {number} texts at most.").format(number=most))
        return list(filter(None, map(LINE, parts)))

    return validator


def whole_number(most: int, least: int = 0) -> Callable[[Any], int]:
    """Return the validator of a whole number."""

    def validator(value: Any) -> int:
        text = str(value)[:20]
        if not text.isascii() or not text.isdecimal() or not least <= int(text) <= most:
            message = tk._("Give a whole number from {least} to {most}.")
            raise tk.Invalid(message.format(least=least, most=most))
        return int(text)

    return validator


def flag(value: Any) -> bool:
    """Validate an answer: yes or no."""
    try:
        return tk.asbool(value)
    except (TypeError, ValueError):
        raise tk.Invalid(tk._("Answer yes or no.")) from None


def concept(vocabulary: str) -> Callable[[Any], str]:
    """Return the validator of the id of a concept, or of nothing."""

    def validator(value: Any) -> str:
        if value and voc.get(vocabulary).get(LINE(value)) is None:
            raise tk.Invalid(tk._("This is not in the list: choose one of its entries."))
        return value

    return validator


def required(*validators: Any) -> list[Any]:
    """Return the validators of a value that must be given, and not be empty once it is cleaned."""
    return [get("not_empty"), *validators, get("not_empty")]


def optional(default: Any, *validators: Any) -> list[Any]:
    """Return the validators of a value that has a default."""
    return [get("default")(default), *validators]


def if_given(*validators: Any) -> list[Any]:
    """Return the validators of a value that may be left out, or empty."""
    return [get("ignore_empty"), *validators]


def unless_missing(*validators: Any) -> list[Any]:
    """Return the validators of a value that stays as it is if it is left out,
    and may be emptied.
    """
    return [get("ignore_missing"), *validators]


def of(**parameters: list[Any]) -> Callable[[], Schema]:
    """Return a function that returns the schema of these parameters; others are ignored."""
    return lambda: {"__extras": [get("ignore")], **parameters}


def validated(schema: Callable[[], Schema], data: DataDict, context: Any) -> DataDict:
    """Return validated parameters.

    Raises:
        ValidationError: what is wrong, by parameter.
    """
    values, errors = tk.navl_validate(data, schema(), context)
    if errors:
        raise refused(errors)
    return values
