"""Test whether a box lies in France, for boxes that may have their axes swapped.

Pure functions; the boxes of the territories come from the vocabulary `territories`.
"""

from __future__ import annotations

from functools import cache

from ckanext.ecosphere import vocabularies as voc

Degrees = tuple[float, float, float, float]
"""West, south, east, north in WGS 84 degrees."""
_MAINLAND = "pays-fxx"
_TOO_WIDE = "outre-mer-atf"
"""The French Southern Lands, whose box extends from Mayotte to Kerguelen: too wide to mean anything."""
_WITHIN = 0.5
"""Degrees by which a box may extend beyond a territory that it was drawn around."""


@cache
def _territories() -> dict[str, Degrees]:
    """Return the boxes of the mainland and of the overseas territories."""
    return {
        c.id: c.data["bbox"]
        for c in voc.get("territories")
        if c.id == _MAINLAND or c.data["type"] == "outre-mer"
    }


def lies_in_france(box: Degrees) -> bool:
    """Tell whether a box lies in the mainland or in one overseas territory."""
    return any(_holds(around, box) for name, around in _territories().items() if name != _TOO_WIDE)


def touches_france(box: Degrees, widest: bool = True) -> bool:
    """Tell whether a box overlaps a French territory.

    Args:
        box: a box that does not cross the 180th meridian.
        widest: whether to include the box of the southern lands, which is mostly sea.
    """
    west, south, east, north = box
    around = (each for name, each in _territories().items() if widest or name != _TOO_WIDE)
    return any(w <= east and e >= west and s <= north and n >= south for w, s, e, n in around)


def _holds(outer: Degrees, inner: Degrees) -> bool:
    low = outer[0] - _WITHIN <= inner[0] and outer[1] - _WITHIN <= inner[1]
    return low and outer[2] + _WITHIN >= inner[2] and outer[3] + _WITHIN >= inner[3]
