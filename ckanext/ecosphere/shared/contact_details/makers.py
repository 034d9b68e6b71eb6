"""Who made a dataset, apart from the service that publishes it on the portal. No CKAN imports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ckanext.ecosphere import vocabularies as voc

_SMALL_WORDS = frozenset(["de", "des", "du", "la", "le", "les", "l", "d", "et", "en"])


@dataclass(frozen=True)
class Makers:
    """Who made a dataset.

    Attributes:
        names: names of organisations, each once; empty if the dataset does not say who made it.
        others: those that are not the service that publishes the dataset.
        made_here: whether that service made the dataset, alone or with others.
    """

    names: tuple[str, ...]
    others: tuple[str, ...]
    made_here: bool


def of(dataset: Mapping[str, Any]) -> Makers:
    """Return who made a dataset.

    Its creators did; else its publishers, if it was read from a catalogue; else the service that wrote it here. A
    dataset from a catalogue that names neither was made by somebody unknown.

    Args:
        dataset: the dataset, from `package_show` or `package_search`.
    """
    service = dataset.get("organization") or {}
    is_read = bool(dataset.get("source_record") or dataset.get("source_catalogue"))
    named = _names(dataset, "creator") or (_names(dataset, "publisher") if is_read else [])
    own = _title(service)
    if not named and not is_read:
        return Makers((own,) if own else (), (), True)
    others = tuple(name for name in named if not _is_called(service, name))
    return Makers(tuple(named), others, len(others) < len(named))


def _names(dataset: Mapping[str, Any], field: str) -> list[str]:
    rows = dataset.get(field) or ()
    named = [str(row.get("name") or "").strip() for row in rows if isinstance(row, Mapping)]
    return list(dict.fromkeys(filter(None, named)))


def _title(service: Mapping[str, Any]) -> str:
    return str(service.get("title") or service.get("name") or "")


def _is_called(service: Mapping[str, Any], name: str) -> bool:
    """Tell whether a name has all words of one of the names of a service: "DDTM 80 (Direction…)" of "DDTM 80"."""
    labels = [_title(service), *_registered(str(service.get("name") or ""))]
    words = _words(name)
    return any(_words(label) <= words or _joined(label) == _joined(name) for label in labels if _words(label))


def _registered(service: str) -> list[str]:
    """Return the names of a service in the registry, also acronym and territory, and the long name without acronym.

    "DDT Ain" and "Direction départementale des territoires - Ain" are names of "DDT 01".
    """
    known = voc.get("organisations").get(service)
    if known is None:
        return []
    without_acronym = known.data["long_label_fr"].replace(f"({known.data['acronym']})", "")
    labels = [known.label_fr, *known.alt_labels, without_acronym]
    territory = voc.get("territories").get(known.data["territory"])
    if territory and known.data["acronym"]:
        labels.append(f"{known.data['acronym']} {territory.label_fr}")
    return labels


def _words(text: str) -> set[str]:
    return set(voc.normalise(text).split()) - _SMALL_WORDS


def _joined(text: str) -> str:
    return voc.normalise(text).replace(" ", "")
