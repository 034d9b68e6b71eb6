"""Validate the configured query options (fields, weights, minimum match) before Solr refuses them in each query."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.search import config

_ = tk._

#: Solr's mm: "2", "-1", "75%", or conditions such as "3<-1 6<75%".
_SHARE = re.compile(r"-?\d+%?")
_CONDITION = re.compile(r"\d+<-?\d+%?")


def problems(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield problems of the options, with remedies.

    Args:
        schema: the schema in force, as Solr returns it.
    """
    option = config.QUERY_FIELDS
    names = {field["name"] for field in schema["fields"]}
    patterns = [field["name"] for field in schema["dynamicFields"]]
    for word in config.query_fields().split():
        field, _hat, weight = word.partition("^")
        if field not in names and not any(fnmatchcase(field, pattern) for pattern in patterns if pattern != "*"):
            message = _("{option}: Solr has no field {field}, and refuses every search that asks for it")
            remedy = _("Write fields of Solr's schema with their weights, such as {example}").format(
                example="title^4 text"
            )
            yield message.format(option=option, field=field), remedy
        elif "^" in word and not _is_weight(weight):
            message = _("{option}: {word} has a weight that is no number").format(option=option, word=word)
            yield message, _("Write for instance {example}").format(example=f"{field}^2")
    words = config.minimum_match().split()
    if not (len(words) == 1 and _SHARE.fullmatch(words[0])) and not all(map(_CONDITION.fullmatch, words)):
        message = _("{option} = {value}: neither a number, a percentage, nor conditions")
        remedy = _("Write for instance {example}").format(example="3<-1 6<75%")
        yield message.format(option=config.MINIMUM_MATCH, value=config.minimum_match()), remedy


def _is_weight(text: str) -> bool:
    try:
        return float(text) > 0
    except ValueError:
        return False
