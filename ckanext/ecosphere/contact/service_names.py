"""Search for organisations by the words of their names, whatever separates them ("DDT de l’Ain", "ddt01").

CKAN 2.12.0 only looks for the whole text within name, title or description.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import ckan.plugins.toolkit as tk
import sqlalchemy as sa
from ckan import model
from ckan.types import Context, DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.shared import action_input
from ckanext.ecosphere.shared.organisations import TERRITORY

LONGEST, MOST_WORDS = 200, 12
#: Stop words of names, in French and English, without accents.
_BETWEEN = frozenset(
    ["a", "au", "aux", "d", "de", "des", "du", "en", "et", "l", "la", "le", "les", "of", "the", "for", "and"]
)
_FIGURES = re.compile(r"(?<=[a-z])(?=[0-9])|(?<=[0-9])(?=[a-z])")


@tk.side_effect_free
@tk.chained_action
def organization_list(original: Any, context: Context, data_dict: DataDict) -> Any:
    """List services, or those matching a text by its words."""
    return original(context, by_words(data_dict))


def by_words(data_dict: DataDict) -> DataDict:
    """Replace the text of a search by the names of the matching organisations; keep the text when there are none.

    Args:
        data_dict: parameters of `organization_list`; `q` is the text, `organizations` the names to choose from, if any.
    """
    text = data_dict.get("q")
    if not isinstance(text, str) or not text.strip() or data_dict.get("organizations"):
        return data_dict
    names = found(text)
    return {**data_dict, "q": "", "organizations": names} if names else data_dict


def found(text: str) -> list[str]:
    """Return the names of the organisations that match all words of a text; all of them for a text without words."""
    wanted = [word for word in _words([text[:LONGEST]]) if word not in _BETWEEN][:MOST_WORDS]
    return [name for name, words in _services() if all(_begins(word, words) for word in wanted)]


def _services() -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the name of each organisation with the words of its titles, here and in the registry, and of its place."""
    group: Any = model.Group
    services = sa.select(group.name, group.title, group.description, group.extras).where(
        group.is_organization.is_(True), group.state == "active"
    )
    registry, places = voc.get("organisations"), voc.get("territories")
    for name, title, description, extras in model.Session.execute(services):
        called = [name, title or "", (description or "")[:LONGEST]]
        if known := registry.get(name):
            called += [known.label_fr, known.label_en, *known.alt_labels, str(known.data.get("long_label_en") or "")]
        if place := places.get((extras or {}).get(TERRITORY) or ""):
            called += [place.label_fr, str(place.data.get("code") or "")]
        yield name, frozenset(_words(called))


def _words(texts: Iterable[str]) -> list[str]:
    """Split texts into words without accents; letters and adjacent figures are separate words."""
    return [word for text in texts for word in _FIGURES.sub(" ", voc.normalise(text)).split()]


def _begins(word: str, words: frozenset[str]) -> bool:
    """Return whether a set contains a word or a longer word starting with it; numbers have to match exactly."""
    return word in words or (not word.isdigit() and any(each.startswith(word) for each in words))


def get_actions() -> dict[str, Any]:
    """Return the chained action."""
    return action_input.checked({"organization_list": organization_list})
