"""URLs of routes, with the objects of the stage filled in for their variables."""

from __future__ import annotations

import re

from dev.attack.stage import Stage
from dev.attack.tables import table

_VARIABLE = re.compile(r"<(?:[^:<>]*(?:\([^)]*\))?:)?(\w+)>")


def filled_route(stage: Stage, rule: str, **values: str) -> str:
    """Return the path of a route; the table `routes` gives the object of each variable by prefix of the path."""
    words = next(words for begin, words in table("routes").items() if rule.startswith(begin))
    return _VARIABLE.sub(lambda match: str(values.get(match[1]) or _value(stage, words, match[1])), rule)


def _value(stage: Stage, words: dict[str, str], variable: str) -> str:
    word = words.get(variable, variable)
    return str(stage.objects.get(word, word))
