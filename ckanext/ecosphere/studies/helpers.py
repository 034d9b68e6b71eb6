"""Template helpers of studies: sentences, labels and the map."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ckanext.ecosphere.shared import dates, language
from ckanext.ecosphere.studies import frames, states, store, wording

#: State → symbol of the icon font; the word beside it says the same.
ICONS = {
    states.COVERS: "circle-check",
    states.COVERS_PART: "circle-half-stroke",
    states.NOTHING_HERE: "circle-minus",
    states.NOT_MAPPED: "map",
    states.RESTRICTED: "lock",
    states.NO_ANSWER: "plug-circle-xmark",
    states.NOBODY: "circle-question",
    states.REQUESTED: "envelope-open-text",
    states.NOT_RELEVANT: "ban",
}


def ecosphere_study_text(texts: Mapping[str, str] | None) -> str:
    """Return a text by language in the language of the page."""
    if not texts:
        return ""
    return frames.in_language(texts, language.current())


def ecosphere_study_states() -> list[dict[str, str]]:
    """Return the states of a need: id, label and symbol, in the order of the list."""
    return [{"id": id_, "label": wording.state(id_), "icon": icon} for id_, icon in ICONS.items()]


def ecosphere_study_icon(state: str) -> str:
    """Return the symbol of a state."""
    return ICONS.get(state, "circle-question")


def ecosphere_study_sentence(finding: Mapping[str, Any]) -> str:
    """Return the sentence that says why a need or a dataset is in its state; "" for none."""
    stored = store.finding_of(dict(finding))
    if stored is None or not stored.code:
        return ""
    return wording.sentence(stored)


def ecosphere_study_reasons(reasons: Iterable[Any]) -> list[str]:
    """Return why a dataset was proposed, in words; reasons of an older version are left out."""
    return [wording.reason(code, params) for code, params in reasons if code in wording.REASONS]


ecosphere_study_moment = dates.moment
ecosphere_study_day = dates.day
HELPERS = {name: value for name, value in globals().items() if name.startswith("ecosphere_study_")}
