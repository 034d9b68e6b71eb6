"""Template helpers of studies: sentences, labels and the map."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ckanext.ecosphere.shared import dates
from ckanext.ecosphere.studies import frames, wording


def ecosphere_study_states() -> list[dict[str, str]]:
    """Return the states of a need: id, label and symbol, in the order of the list."""
    icons = wording.ICONS.items()
    return [{"id": id_, "label": wording.state(id_), "icon": icon} for id_, icon in icons]


def ecosphere_study_reasons(reasons: Iterable[Any]) -> list[str]:
    """Return why a dataset was proposed, in words; reasons of an older version are left out."""
    return [wording.reason(code, params) for code, params in reasons if code in wording.REASONS]


ecosphere_study_text = frames.text_in
ecosphere_study_moment = dates.moment
ecosphere_study_day = dates.day
HELPERS = {name: value for name, value in globals().items() if name.startswith("ecosphere_study_")}
