"""Suitability of a dataset for a kind of use, 0 to 5, by the limits that the ministry wrote in `data/suitability.yaml`.

It is shown beside the badge, never in it: the badge says how well a dataset is described, this says
what it can be used for. A dataset is as suitable as its weakest property lets it be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import dates, links
from ckanext.ecosphere.dataset import fields as table
from ckanext.ecosphere.dataset.view import View
from ckanext.ecosphere.studies.content import DATA, checked, load
from ckanext.ecosphere.studies.frames import in_language

FILE = DATA / "suitability.yaml"

BEST = 5
LARGEST = 100_000_000
DAYS_OF_A_YEAR = 365.25

REPRESENTATIONS = ("vector", "grid", "table")
_REPRESENTATION_OF = {
    "vector": "vector",
    "tin": "vector",
    "grid": "grid",
    "stereoModel": "grid",
    "textTable": "table",
}
_REPRESENTATION_OF_FORMAT = {
    "vector": "vector",
    "database": "vector",
    "raster": "grid",
    "table": "table",
}
#: Protocols by which objects or values can be had, and those that only draw maps.
_GIVING = frozenset({"OGC:WFS", "OGC:WCS", "OGC:SOS", "OGC:API-FEATURES", "ATOM", "SPARQL"})
_DRAWING = frozenset({"OGC:WMS", "OGC:WMTS", "TMS"})


@dataclass(frozen=True)
class Properties:
    """What limits ask about a dataset; None where its metadata say nothing.

    Attributes:
        scale: denominator of the finest scale; `resolution` in metres.
        age: full years since it was last modified.
        services: "none" or "view-only" if its objects cannot be had, else "".
    """

    representation: str | None
    scale: int | None
    resolution: float | None
    age: int | None
    services: str
    licence: str

    @property
    def unknown(self) -> frozenset[str]:
        """What the metadata do not say."""
        missing = set()
        if self.scale is None and self.resolution is None:
            missing.add("scale")
        if self.age is None:
            missing.add("age")
        if self.representation is None:
            missing.add("representation")
        return frozenset(missing)


@dataclass(frozen=True)
class Limit:
    """A limit: `at_most` this score, because of `text`, when all conditions hold."""

    id: str
    at_most: int
    when: Mapping[str, Any]
    text: Mapping[str, str]


@dataclass(frozen=True)
class Use:
    """A kind of use; `fits` is the sentence of a dataset that no limit concerns."""

    id: str
    label: Mapping[str, str]
    fits: Mapping[str, str]
    limits: tuple[Limit, ...] = field(default=())


# --- the table -----------------------------------------------------------------------------------


#: Condition → whether it holds for a dataset.
_HOLDS: dict[str, Callable[[Properties, Any], bool]] = {
    "representation": lambda facts, value: facts.representation in value,
    "scale_over": lambda facts, value: facts.scale is not None and facts.scale > value,
    "scale_under": lambda facts, value: facts.scale is not None and facts.scale < value,
    "resolution_over": lambda facts, value: (
        facts.resolution is not None and facts.resolution > value
    ),
    "age_over": lambda facts, value: facts.age is not None and facts.age > value,
    "services": lambda facts, value: facts.services == value,
    "licence": lambda facts, value: facts.licence == value,
    "unknown": lambda facts, value: not facts.unknown.isdisjoint(value),
}


@cache
def uses() -> dict[str, Use]:
    """Return the kinds of use by id, each with the limits of all.

    Raises:
        ContentError: the file is wrong.
    """
    table = checked(load(FILE), "suitability", FILE.name, {})
    common = table.get("common", [])
    by_id = {}
    for id_, row in table["uses"].items():
        limits = tuple(Limit(**limit) for limit in row.get("limits", []) + common)
        by_id[id_] = Use(id_, row["label"], row["fits"], limits)
    return by_id


# --- the score -----------------------------------------------------------------------------------


def score(view: View, use: str, today: date | None = None) -> tuple[int, str, dict[str, Any]]:
    """Return the suitability of a dataset for a use, 0 to 5, with the code and parameters of its sentence.

    Args:
        use: id of a kind of use.
        today: from which the age is counted.

    Raises:
        KeyError: there is no such use.
    """
    kind = uses()[use]
    facts = properties(view, today or date.today())
    params = {"scale": facts.scale, "resolution": facts.resolution, "age": facts.age}
    filled = {name: value for name, value in params.items() if value is not None}
    applying = [limit for limit in kind.limits if _applies(limit, facts)]
    if not applying:
        return BEST, f"{use}.fits", filled
    lowest = min(applying, key=lambda limit: limit.at_most)
    return lowest.at_most, f"{use}.{lowest.id}", filled


def _applies(limit: Limit, facts: Properties) -> bool:
    return all(_HOLDS[name](facts, value) for name, value in limit.when.items())


def sentence(code: str, params: Mapping[str, Any], language: str) -> str:
    """Return the sentence of a code of `score` in a language; "" if the table no longer has it."""
    use, _dot, id_ = code.partition(".")
    kind = uses().get(use)
    if kind is None:
        return ""
    text = ""
    if id_ == "fits":
        text = in_language(kind.fits, language)
    for limit in kind.limits:
        if limit.id == id_:
            text = in_language(limit.text, language)
    try:
        return text.format_map({name: _number(value) for name, value in params.items()})
    except KeyError:
        return text


def _number(value: Any) -> str:
    """Return a number with no-break spaces between thousands, as in 1/25 000."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"{value:,}".replace(",", "\u00a0")


def properties(view: View, today: date) -> Properties:
    """Return what limits ask about a dataset."""
    natures = [links.nature(resource.values) for resource in view.resources]
    scale, resolution = table.with_fact("resolution")
    scales = [int(number) for number in _numbers(view, scale)]
    return Properties(
        representation=_representation(view, natures),
        scale=min(scales, default=None),
        resolution=min(_numbers(view, resolution), default=None),
        age=_age(view, today),
        services=_services(natures),
        licence=_licence(view),
    )


def _licence(view: View) -> str:
    concept = voc.get("licences").get(view.licence)
    if concept is not None and concept.data["open"]:
        return "open"
    return "closed"


def _numbers(view: View, name: str) -> list[float]:
    numbers = []
    for text in view.many(name):
        try:
            number = float(text.replace(",", "."))
        except ValueError:
            continue
        if 0 < number < LARGEST:
            numbers.append(number)
    return numbers


def _representation(view: View, natures: list[links.Nature]) -> str | None:
    """Return the most usable representation: that stated, else that of the formats."""
    (name,) = table.with_fact("representation")
    codes = [uri.rsplit("/", 1)[-1] for uri in view.many(name)]
    kinds = {_REPRESENTATION_OF.get(code) for code in codes} - {None}
    if not kinds:
        formats = [nature.format for nature in natures if nature.format is not None]
        kinds = {_REPRESENTATION_OF_FORMAT.get(format_.data["kind"]) for format_ in formats}
    return next((kind for kind in REPRESENTATIONS if kind in kinds), None)


def _age(view: View, today: date) -> int | None:
    """Return the full years since the last date of the dataset itself, 0 for a date to come."""
    for name in ("modified", "issued", "created"):
        days = dates.days_of(view.text(name))
        if days:
            return max(0, int((today - days[1]).days / DAYS_OF_A_YEAR))
    return None


def _services(natures: list[links.Nature]) -> str:
    """Return how little of the data can be had: "none", "view-only", or "" if they can."""
    protocols = {nature.protocol for nature in natures if nature.kind == links.SERVICE}
    if protocols & _GIVING or any(nature.kind == links.DATA for nature in natures):
        return ""
    if protocols & _DRAWING:
        return "view-only"
    return "none"
