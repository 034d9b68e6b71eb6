"""Addresses of routes, with the objects of the stage in the place of their variables."""

from __future__ import annotations

import re

from dev.attack.stage import Stage
from dev.attack.tables import table

_VARIABLE = re.compile(r"<(?:[^:<>]*(?:\([^)]*\))?:)?(\w+)>")


def filled_route(stage: Stage, rule: str, **values: str) -> str:
    """The address of a route; what each variable is depends on the beginning of the address (table `routes`)."""
    words = next(words for begin, words in table("routes").items() if rule.startswith(begin))
    return _VARIABLE.sub(lambda match: str(values.get(match[1]) or _value(stage, words, match[1])), rule)


def _value(stage: Stage, words: dict[str, str], variable: str) -> str:
    word = words.get(variable, variable)
    return str(stage.objects.get(word, word))


def variables(rule: str) -> list[str]:
    """Names of the variables of a route."""
    return _VARIABLE.findall(rule)
