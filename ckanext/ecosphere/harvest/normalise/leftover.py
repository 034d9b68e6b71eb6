"""Rule that notes every text of the record that no other rule used, so that nothing is lost silently."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Any

from ckanext.ecosphere.harvest.normalise.constraints import limits_of_text
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.tables import is_placeholder, plain

MAX_LEFT = 100
"""Maximum number of texts noted per record; of the others, only the number."""
MAX_LOOKED_FOR = 2_000
"""Maximum number of texts checked per record; real records have some hundreds, and rules report longer lists."""
MAX_SEARCHED = 500_000_000
"""Maximum characters searched per record, over all its texts; further texts are only counted."""
_SHORT = 12
"""Maximum length of a text that must match whole words."""
_BETWEEN = " zzzz "
"""Separator word, so that no text matches across two others."""
_COMPARED = 120
"""Characters of a text that are compared: rules cut long texts at their end."""
USED = {
    "standard", "unread", "translations", "links.translations", "service.operations.links.translations",
    "fields", "hierarchy_level", "languages", "metadata_language",
    "metadata_date", "boxes", "periods", "status", "frequency", "frequency_period", "next_update", "topic_categories",
    "keywords.type", "keywords.thesaurus", "keywords.thesaurus_href", "dates.type", "dates.value", "maintenance_dates",
    "scales",
    "resolutions", "reference_systems", "formats.name", "constraints.kind", "constraints.access_codes",
    "constraints.use_codes", "links.function",
    "links.protocol", "links.size_megabytes",
    "service.operations.links.function", "service.operations.links.protocol", "service.type", "conformity.dates",
    "published", "extents", "shapes", "uri",
    "spatial_representations", "measures.element", "links.role", "links.encoding", "links.systems",
}  # fmt: skip
"""Parts of the record that rules interpret, so that their values need not recur as written.

Values that cannot be interpreted are reported as problems by the rule concerned."""
_WORDS_OF_RULES = {
    "unclassified", "utf8", "thumbnail", "large thumbnail", "pointofcontact", "publisher", "distributor",
    "partofseamlessdatabase", "iscomposedof",
}  # fmt: skip
"""Values that add no information."""


def what_is_left(draft: Draft) -> None:
    """Note each text that is neither in the dataset nor noted by a rule, under its path in the record."""
    told = [
        *_strings(draft.dataset),
        *(text for change in draft.log for text in (change.before, change.after)),
        *(text for problem in draft.problems for text in problem.params.values()),
        *draft.unread,
    ]
    written = "\n".join(map(str, told))
    exact = set(map(str, told))
    whole = ""
    left: dict[str, list[str]] = {}
    number = searched = 0
    for path, text in islice(_texts(draft.record, ""), MAX_LOOKED_FOR):
        if text in exact:
            continue
        searched += len(written)
        if searched > MAX_SEARCHED:
            number += 1
            continue
        if len(text) > _SHORT and text.strip() in written:
            continue  # the usual case, and cheaper than comparing without accents and punctuation
        whole = whole or f" {plain(_BETWEEN.join(map(str, told)))} "
        sought = plain(text)[:_COMPARED].strip()
        found = f" {sought} " in whole if len(sought) <= _SHORT else sought in whole  # "PAU" is not in "Pauillac"
        if not sought or found or sought in _WORDS_OF_RULES or (is_placeholder(text) and len(sought) <= _SHORT):
            continue
        if path.startswith("constraints.") and limits_of_text(text):
            continue
        known = left.setdefault(path, [])
        if text not in known:
            number += 1
            if number <= MAX_LEFT:
                known.append(text)
    for path, texts in left.items():
        for text in texts:
            draft.lost(path, " ".join(text.split()))
    if number > MAX_LEFT:
        draft.lost("…", number - MAX_LEFT)


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield path and text of all content of a record that rules do not interpret."""
    for field in _names(type(value)):
        inner = getattr(value, field)
        if not inner:
            continue
        name = f"{path}.{field}" if path else field
        if name in USED:
            continue
        for each in inner if isinstance(inner, list) else [inner]:
            if isinstance(each, str):
                yield name, each
            elif not isinstance(each, bool):
                yield from _texts(each, name)


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _strings(each)
    elif value is not None:
        yield str(value)
