"""Suitability of a dataset for a kind of use, 0 to 5, by the limits that the ministry wrote in `data/suitability.yaml`.

It is shown beside the badge, never in it: the badge says how well a dataset is described, this says
what it can be used for. A dataset is as suitable as its weakest property lets it be.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import dates, links
from ckanext.ecosphere.dataset.view import View
from ckanext.ecosphere.studies.content import LONG, SHORT, Reader
from ckanext.ecosphere.studies.frames import in_language, load

FILE = Path(__file__).with_name("data") / "suitability.yaml"

BEST = 5
MOST_USES, MOST_LIMITS = 60, 30
COARSEST, OLDEST, WIDEST = 10_000_000, 1_000, 1_000_000
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


#: Condition → how it is read, and whether it holds for a dataset.
_READ: dict[str, Callable[[Reader], Any]] = {
    "representation": lambda reader: reader.choices(
        "representation", len(REPRESENTATIONS), REPRESENTATIONS, ", ".join(REPRESENTATIONS)
    ),
    "scale_over": lambda reader: reader.number("scale_over", 1, COARSEST),
    "scale_under": lambda reader: reader.number("scale_under", 1, COARSEST),
    "resolution_over": lambda reader: reader.number("resolution_over", 0, WIDEST),
    "age_over": lambda reader: reader.number("age_over", 0, OLDEST),
    "services": lambda reader: reader.choice("services", ("none", "view-only"), "none, view-only"),
    "licence": lambda reader: reader.choice("licence", ("closed",), "closed"),
    "unknown": lambda reader: reader.choices(
        "unknown", 3, ("scale", "age", "representation"), "scale, age, representation"
    ),
}
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
#: What a sentence may take, and the conditions of which one must be there.
_TAKEN = {
    "scale": {"scale_over", "scale_under"},
    "resolution": {"resolution_over"},
    "age": {"age_over"},
}


@cache
def uses() -> dict[str, Use]:
    """Return the kinds of use by id, each with the limits of all.

    Raises:
        ContentError: the file is wrong.
    """
    reader = Reader(load(FILE), FILE.name)
    common = _limits(reader, "common")
    inner = Reader(reader.value("uses"), f"{FILE.name} > uses", reader.problems)
    table = {}
    for id_, row in inner.objects(MOST_USES).items():
        label = row.languages("label", SHORT, required=True)
        fits = row.languages("fits", LONG, required=True)
        table[id_] = Use(id_, label, fits, _limits(row, "limits") + common)
        row.close()
    reader.close()
    reader.check()
    return table


def _limits(reader: Reader, key: str) -> tuple[Limit, ...]:
    limits = []
    for row in reader.rows(key, MOST_LIMITS):
        when = Reader(row.value("when"), f"{row.place} > when", row.problems)
        conditions = {name: read(when) for name, read in _READ.items() if when.has(name)}
        when.close()
        at_most = int(row.number("at_most", 0, BEST - 1))
        limit = Limit(row.id("id"), at_most, conditions, row.languages("text", LONG, required=True))
        _check_sentences(row, limit)
        row.close()
        limits.append(limit)
    return tuple(limits)


def _check_sentences(row: Reader, limit: Limit) -> None:
    """Note the braces of sentences that could not be filled."""
    if not limit.when:
        row.note("missing", key="when")
    fillable = {name for name, conditions in _TAKEN.items() if conditions & set(limit.when)}
    for text in limit.text.values():
        for _literal, name, _spec, _form in string.Formatter().parse(text):
            if name is not None and name not in fillable:
                row.note("template", value=name, choices=", ".join(sorted(fillable)) or "–")


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
    scales = [int(number) for number in _numbers(view, "scale_denominator")]
    return Properties(
        representation=_representation(view, natures),
        scale=min(scales, default=None),
        resolution=min(_numbers(view, "spatial_resolution_in_meters"), default=None),
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
        if 0 < number < COARSEST * 10:
            numbers.append(number)
    return numbers


def _representation(view: View, natures: list[links.Nature]) -> str | None:
    """Return the most usable representation: that stated, else that of the formats."""
    codes = [uri.rsplit("/", 1)[-1] for uri in view.many("spatial_representation")]
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
