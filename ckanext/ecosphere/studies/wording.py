"""Sentences of codes: what is known of a site, why a dataset is proposed, why a site is refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import yaml

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.shared import dates, language
from ckanext.ecosphere.studies import states
from ckanext.ecosphere.studies.states import NO_ANSWER, Finding
from ckanext.ecosphere.vocabularies import gazetteer

FILE = Path(__file__).with_name("data") / "messages.yaml"
#: Section → code → sentence in English.
MESSAGES: dict[str, dict[str, str]] = yaml.safe_load(FILE.read_text(encoding="utf-8"))
STATES, SENTENCES, REASONS = MESSAGES["states"], MESSAGES["findings"], MESSAGES["reasons"]
_FAR = 5_000

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


def sentence(finding: Finding) -> str:
    """Return what is known of a dataset or need on a site,
    and when and how often its service was asked.
    """
    return " ".join(filter(None, (evidence(finding), _asked(finding))))


def evidence(finding: Finding) -> str:
    """Return what is known of a dataset or need on a site; "" if nothing is."""
    if not finding.code:
        return ""
    number = finding.count or 0
    objects = tk.ungettext("{number} object", "{number} objects", number)
    params = {
        **finding.params,
        "share": percent(finding.share),
        "place": place(str(finding.params.get("place") or "")),
        "objects": objects.format(number=number),
    }
    sentences = [_sentence("findings", finding.code, "unknown", params)]
    if finding.nearest:
        nearest = tk._("The nearest one is {distance} away.")
        sentences.append(nearest.format(distance=distance(finding.nearest)))
    return " ".join(sentences)


def _asked(finding: Finding) -> str:
    if not (finding.attempts and finding.at):
        return ""
    asked = tk._("Asked on {day}.")
    if finding.state == NO_ANSWER:
        asked = tk.ungettext(
            "Asked once, on {day}.", "Asked {number} times, last on {day}.", finding.attempts
        )
    return asked.format(day=dates.day(finding.at), number=finding.attempts)


def reason(code: str, params: Mapping[str, Any]) -> str:
    """Return why a dataset is proposed for a need."""
    values = dict(params)
    if "place" in values:
        values["place"] = place(str(values["place"]))
    if "theme" in values:
        theme = str(values["theme"])
        values["theme"] = voc.get("themes").label(theme, language.current()) or theme
    if "distance" in values:
        values["distance"] = distance(1000 * values["distance"])
    return _sentence("reasons", code, code, values)


def state(id_: str) -> str:
    """Return the name of a state; "" for an unknown one."""
    if id_ in STATES:
        return tk._(STATES[id_])
    return ""


def columns(table: str) -> list[str]:
    """Return the columns of a table, a section of the file."""
    return [tk._(text) for text in MESSAGES[table].values()]


def site_error(code: str, params: Mapping[str, Any]) -> str:
    """Return why a site cannot be used, and what to do."""
    return _sentence("sites", code, "unreadable", params)


def _sentence(section: str, code: str, default: str, params: Mapping[str, Any]) -> str:
    sentences = MESSAGES[section]
    text = sentences.get(code) or sentences[default]
    return tk._(text).format_map(_Params(params))


class _Params(dict[str, Any]):
    """Parameters of a sentence, none of which may be missing:
    stored findings may be older than the sentence.
    """

    def __missing__(self, key: str) -> str:
        return "…"


def percent(share: float) -> str:
    """Return a share as a percentage; never "0 %" or "100 %" for a part."""
    number = round(share * 100)
    if 0 < share < 1:
        number = min(99, max(1, number))
    return f"{number}\u00a0%"


def distance(metres: float) -> str:
    """Return a distance, to some ten metres, or to a kilometre from five on."""
    if metres >= _FAR:
        return f"{round(metres / 1000)}\u00a0km"
    return f"{max(10, round(metres, -1)):.0f}\u00a0m"


def place(value: str) -> str:
    """Return the name of a place, given as an index value."""
    known = gazetteer.of_id(value)
    if known is None:
        return value
    if known.kind in ("commune", "epci"):
        return known.label
    return voc.get("territories").label(value, language.current()) or known.label
