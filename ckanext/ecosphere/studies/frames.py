"""Frames: ordered, grouped lists of the needs of a kind of study.

A frame is a YAML file of `data/frames`, or a version that editors made in the portal. It takes needs from
`data/needs.yaml` and says why this kind of study needs them. A frame of a region or département inherits from another.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

#: Where the data of a need are looked for, from the site outwards.
PLACES = ("site", "within", "epci", "departement", "catchment", "national")


@dataclass(frozen=True)
class Need:
    """What a study needs to know.

    Attributes:
        id: identifies it in `needs.yaml` and within a frame.
        label: name by language ("fr", "en").
        why: reason, by language, as a short sentence; `source` is the key of the source in the frame.
        words: words and phrases by which its data are searched, the best first.
        themes: ids of the vocabulary `themes`, any of which suits.
        place: one of `PLACES`; `distance` in kilometres, for "within".
        scale: denominator of the smallest suitable scale (25000), 0 for any.
        age: years after which data are too old, 0 for any.
        use: kind of use, key of `data/suitability.yaml`.
        mandatory: whether the study must have it; otherwise it is useful.
        call: whom to call, names of services ("DREAL", "OFB").
        references: keys of `data/references.yaml`.
    """

    id: str
    label: dict[str, str]
    why: dict[str, str] = field(default_factory=dict)
    source: str = ""
    words: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    place: str = "site"
    distance: float = 0.0
    scale: int = 0
    age: int = 0
    use: str = ""
    mandatory: bool = False
    call: tuple[str, ...] = ()
    references: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return the need as JSON values, as stored with a study."""
        raise NotImplementedError


@dataclass(frozen=True)
class Source:
    """A source of a frame.

    Attributes:
        key: by which needs refer to it.
        title: article or guide; `url` is its address.
        checked: ISO day on which the text was read, "" if it is quoted from memory.
    """

    key: str
    title: str
    url: str
    checked: str = ""


@dataclass(frozen=True)
class Group:
    """Needs that belong together.

    Attributes:
        label: title by language.
        needs: its needs, in order.
    """

    id: str
    label: dict[str, str]
    needs: tuple[Need, ...]


@dataclass(frozen=True)
class Frame:
    """A frame.

    Attributes:
        id: its file name, or its id in the portal.
        version: 0 for a file, else the version in the portal.
        title, description: by language.
        territory: id of the vocabulary `territories` to which it applies, "" for the whole country.
        inherits: id of the frame from which it inherits, "" for none.
        checked: ISO day on which the frame was checked.
    """

    id: str
    version: int
    title: dict[str, str]
    description: dict[str, str]
    territory: str
    inherits: str
    checked: str
    sources: tuple[Source, ...]
    groups: tuple[Group, ...]


def frames() -> tuple[Frame, ...]:
    """Return the frames in force, those of files and of the portal, inherited parts included."""
    raise NotImplementedError


def frame(id_: str) -> Frame | None:
    """Return a frame in force."""
    raise NotImplementedError
