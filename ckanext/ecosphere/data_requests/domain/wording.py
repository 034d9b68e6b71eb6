"""Display names of states, transitions, events, reasons and uses, in the reader's language.

The texts are in `data/messages.yaml`. Stating an intended use is optional, since no interest has to
be stated (directive 2003/4/EC, article 3(1)).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import ckan.plugins.toolkit as tk
from ckan.common import _

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.core import pages
from ckanext.ecosphere.data_requests.decisions import law
from ckanext.ecosphere.data_requests.domain import places
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.vocabularies import tables

USES = law.DATA / "uses.csv"
USE_VOCABULARY = "regulatory-use"
#: Fields of validation errors that hold data for programs, not messages.
ASIDE = ("current_version", "changes", "similar")


@cache
def _own_uses() -> Mapping[str, tuple[str, str]]:
    return {row["id"]: (row["label_fr"], row["label_en"]) for row in tables.rows(USES)}


def use(key: str) -> str:
    """Return the label of a use in the reader's language; "" when there is no such use."""
    if key not in _own_uses():
        return concept(USE_VOCABULARY, key)
    french, english = _own_uses()[key]
    if language.of_tables() == "en":
        return english
    return french


def use_choices() -> list[tuple[str, str]]:
    """Return the uses to choose from as (id, label): that of citizens first,
    “prefer not to say” last.
    """
    first, *last = _own_uses()
    ids = [first, *(concept.id for concept in voc.get(USE_VOCABULARY)), *last]
    return [(key, use(key)) for key in ids]


def find_use(value: str) -> str:
    """Return the id of a use named by id, URI or label, "" when there is none."""
    for key, labels in _own_uses().items():
        if voc.normalise(value) in (key, *(voc.normalise(label) for label in labels)):
            return key
    term = voc.get(USE_VOCABULARY).lookup(value)
    if term:
        return term.id
    return ""


#: Section → code → English text of the pages and e-mails (`data/messages.yaml`).
MESSAGES: Mapping[str, Mapping[str, str]] = law.read("messages.yaml")
#: Which details e-mails have, and which of them are urgent (`data/mails.yaml`).
MAILS: Row = law.read("mails.yaml")


def message(section: str, *codes: str, signal: bool = False) -> str:
    """Return the text of the first code that has one, in the reader's language; the last code when
    none has.

    Args:
        section: of `data/messages.yaml`.
        codes: the most specific first.
        signal: whether it is about a signal, for which some texts differ.
    """
    texts = MESSAGES[section]
    if signal:
        texts = {**texts, **MESSAGES[f"{section}_of_signals"]}
    for code in codes:
        if code in texts:
            return _(texts[code])
    return codes[-1]


def messages(section: str) -> dict[str, str]:
    """Return all texts of a section in the reader's language, by code."""
    return {code: _(text) for code, text in MESSAGES[section].items()}


def errors_of(error: tk.ValidationError) -> pages.Errors:
    """Return what a validation error says, by field."""
    errors: Any = {name: value for name, value in error.error_dict.items() if name not in ASIDE}
    return pages.messages(tk.ValidationError(errors))


def state(code: str, signal: bool = False) -> str:
    """Return the name of a state, of a request or a signal."""
    return message("states", code, signal=signal)


def author(code: str, service: str, signal: bool = False) -> str:
    """Return how the author of a message is named.

    Args:
        code: role.
        service: title of the service for which they write, "" for none.
        signal: whether they write about a signal.
    """
    if code in MESSAGES["authors"]:
        return message("authors", code, signal=signal)
    if service:
        return _("{service} (officer)").format(service=service)
    return _("Officer of a service")


def obstacle(code: str, current: str, signal: bool = False) -> str:
    """Return, as a sentence, what prevents a transition of a request or signal
    that is in the state `current`.
    """
    return message("obstacles", code, signal=signal).format(state=state(current, signal))


def concept(vocabulary: str, key: str, lang: str = "") -> str:
    """Return the label of a concept in a language, by default the reader's;
    "" when there is none.
    """
    return voc.get(vocabulary).label(key, lang or language.current())


def ground(key: str, other: str = "") -> str:
    """Return the name of a ground of refusal, with its articles."""
    entry = law.grounds().get(key)
    if entry is not None:
        return f"{entry.label(language.current())} ({entry.articles})"
    if key == law.PART_NOT_HELD:
        return other or _("The service does not hold this part")
    return other or key


def routing_reason(reason: Row) -> str:
    """Return why a service was proposed, as a sentence; "" when the reason is unknown."""
    if not reason:
        return ""
    return message("routing", reason["code"]).format(
        service=reason.get("service", ""),
        theme=concept("themes", reason.get("theme", "")),
        territory=concept("territories", reason.get("territory", "")),
    )


def flag(flag_: Row) -> str:
    """Return the text of a flag."""
    code = flag_["code"]
    if code == "unreachable" and not flag_.get("title"):
        code = "unnamed"
    other = flag_.get("other") or "–"
    return message("flags", code).format(title=flag_.get("title", ""), other=other)


def territory(request: Any, lang: str = "") -> str:
    """Return the place of a request: communes, territory, or both."""
    place = concept("territories", request.territory, lang)
    names = [commune.get("name") or commune["code"] for commune in request.communes or ()]
    if names and place:
        return f"{', '.join(names)} ({place})"
    if names:  # a draft: the territory that contains them is set on submission
        return ", ".join(places.commune_label(commune["code"]) for commune in request.communes)
    if request.bbox and not place:
        return _("Area drawn on the map")
    return place
