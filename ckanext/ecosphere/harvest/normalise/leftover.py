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
"""Texts of one record that are noted; beyond it only their number."""
MAX_LOOKED_FOR = 2_000
"""Texts of one record that are looked for; real records have some hundreds, and rules tell of what is too many."""
MAX_SEARCHED = 500_000_000
"""Characters among which the texts of one record are looked for, one after the other; the others are only counted."""
_SHORT = 12
"""Length up to which a text must stand by itself to be found."""
_BETWEEN = " zzzz "
"""A word between two texts: no text is found in the end of one and the beginning of the next."""
_COMPARED = 120
"""Characters of a text that are looked for: rules cut long texts at their end."""
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
    "marked", "extents", "shapes", "uri", "links.transfer", "formats.transfers",
    "spatial_representations", "measures.element", "links.role", "links.encoding", "links.systems",
}  # fmt: skip
"""Parts of the record that rules interpret: their values need not be found again as they were written.

What cannot be interpreted in them is a problem, told by the rule concerned."""
_WORDS_OF_RULES = {
    "unclassified", "utf8", "thumbnail", "large thumbnail", "pointofcontact", "publisher", "distributor",
    "partofseamlessdatabase", "iscomposedof",
}  # fmt: skip
"""Values that say what is understood anyway."""


def what_is_left(draft: Draft) -> None:
    """Note each text that is neither in the dataset nor told by a rule, under the name of its part of the record."""
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
            continue  # as most are; comparing without accents and signs costs more
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
    """Path and text of everything that a record says and that rules do not interpret."""
    for field in _names(type(value)):
        inner = getattr(value, field)
        if not inner:
            continue
        name = f"{path}.{field}" if path else field
        if name in USED or field == "mark":
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
