"""Suitability of a dataset for a kind of use, 0 to 5, by the limits that the ministry wrote in
`data/suitability.yaml`.

It is shown beside the badge, never in it: the badge says how well a dataset is described, this says
what it can be used for. A dataset is as suitable as its weakest property lets it be. People who
used it say whether it was suitable, once a person, dataset and use: everybody sees how many said
so, only those who edit it read why.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any

import sqlalchemy as sa
from ckan import model
from sqlalchemy.dialects.postgresql import insert

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import dates, links
from ckanext.ecosphere.dataset import fields as table
from ckanext.ecosphere.dataset.view import View
from ckanext.ecosphere.shared.columns import new_id, now
from ckanext.ecosphere.studies.content import DATA, checked, load
from ckanext.ecosphere.studies.frames import in_language, text_in
from ckanext.ecosphere.studies.model import Suitability

FILE = DATA / "suitability.yaml"

BEST = 5
#: Opinions on a dataset that its editors read.
MOST_READ = 100
LARGEST = 100_000_000
DAYS_OF_A_YEAR = 365.25

#: Protocols by which objects or values can be had, and those that only draw maps.
_GIVING = frozenset({"OGC:WFS", "OGC:WCS", "OGC:SOS", "OGC:API-FEATURES", "ATOM", "SPARQL"})
_DRAWING = frozenset({"OGC:WMS", "OGC:WMTS", "TMS"})


@cache
def uses() -> dict[str, dict[str, Any]]:
    """Return the kinds of use by id: `label`, `fits` (sentence of data that no limit concerns), and
    all `limits`.

    Raises:
        ContentError: the file is wrong.
    """
    table = checked(load(FILE), "suitability", FILE.name, {})
    common = table.get("common", [])
    rows = table["uses"].items()
    return {id_: {**row, "limits": row.get("limits", []) + common} for id_, row in rows}


# --- the score -----------------------------------------------------------------------------------


def score(view: View, use: str, today: date | None = None) -> tuple[int, str, dict[str, Any]]:
    """Return the suitability of a dataset for a use, 0 to 5, with the code and parameters of its
    sentence.

    Args:
        use: id of a kind of use.
        today: from which the age is counted.

    Raises:
        KeyError: there is no such use.
    """
    limits = uses()[use]["limits"]
    facts = properties(view, today or date.today())
    params = {name: facts[name] for name in ("scale", "resolution", "age")}
    filled = {name: value for name, value in params.items() if value is not None}
    applying = [limit for limit in limits if _applies(limit["when"], facts)]
    if not applying:
        return BEST, f"{use}.fits", filled
    lowest = min(applying, key=lambda limit: limit["at_most"])
    return lowest["at_most"], f"{use}.{lowest['id']}", filled


def _applies(conditions: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    return all(_holds(name, value, facts) for name, value in conditions.items())


def _holds(condition: str, value: Any, facts: Mapping[str, Any]) -> bool:
    """Return whether a condition holds: `age_over: 10`, `services: none`, `unknown: [scale]`…"""
    name, _underscore, comparison = condition.partition("_")
    fact = facts[name]
    if fact is None:
        return False
    if comparison == "over":
        return fact > value
    if comparison == "under":
        return fact < value
    if name == "unknown":
        return not fact.isdisjoint(value)
    if isinstance(value, list):
        return fact in value
    return fact == value


def sentence(code: str, params: Mapping[str, Any], spoken: str) -> str:
    """Return the sentence of a code of `score` in a language."""
    use, _dot, id_ = code.partition(".")
    kind = uses()[use]
    texts = {"fits": kind["fits"], **{limit["id"]: limit["text"] for limit in kind["limits"]}}
    numbers = {name: _number(value) for name, value in params.items()}
    return in_language(texts[id_], spoken).format_map(numbers)


def _number(value: Any) -> str:
    """Return a number with no-break spaces between thousands, as in 1/25 000."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"{value:,}".replace(",", "\u00a0")


def properties(view: View, today: date) -> dict[str, Any]:
    """Return what limits ask about a dataset; None where its metadata say nothing.

    Returns:
        `scale` (denominator of the finest one), `resolution` (metres), `age` (full years since it
        was last modified), `representation`, `services` ("none" or "view-only" if its objects
        cannot be had), `licence`, and `unknown`: which of scale, age and representation are not
        said.
    """
    natures = [links.nature(resource.values) for resource in view.resources]
    scale, resolution = table.with_fact("resolution")
    facts = {
        "scale": min(map(int, _numbers(view, scale)), default=None),
        "resolution": min(_numbers(view, resolution), default=None),
        "age": _age(view, today),
        "representation": _representation(view, natures),
    }
    unknown = {name for name in ("scale", "age", "representation") if facts[name] is None}
    if facts["resolution"] is not None:
        unknown.discard("scale")
    services, licence = _services(natures), _licence(view)
    return {**facts, "unknown": unknown, "services": services, "licence": licence}


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
    formats = [nature.format for nature in natures if nature.format is not None]
    kinds = [format_.data["kind"] for format_ in formats]
    for signs, column in ((codes, "codes"), (kinds, "formats")):
        for representation, row in load(FILE)["representations"].items():
            if not set(row[column]).isdisjoint(signs):
                return representation
    return None


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


# --- opinions ------------------------------------------------------------------------------------


def labels() -> dict[str, str]:
    """Return the kinds of use, and their names in the language of the page."""
    return {id_: text_in(use["label"]) for id_, use in uses().items()}


def save_opinion(package_id: str, user_id: str, use: str, fits: bool, why: str) -> None:
    """Store the opinion of a person, instead of an earlier one on the same dataset and use."""
    key = {"package_id": package_id, "use": use, "user_id": user_id}
    values = {"fits": fits, "why": why, "created": now()}
    statement = insert(Suitability).values(id=new_id(), **key, **values)
    model.Session.execute(statement.on_conflict_do_update(index_elements=list(key), set_=values))


def counts(package_id: str) -> list[dict[str, Any]]:
    """Return for each use about which somebody said something: `use`, `label`,
    `fits` and `not_fits` (numbers).
    """
    fits = sa.func.count().filter(Suitability.fits)
    not_fits = sa.func.count().filter(~Suitability.fits)
    columns = (Suitability.use, fits.label("fits"), not_fits.label("not_fits"))
    query = sa.select(*columns).where(Suitability.package_id == package_id)
    return _labelled(query.group_by(Suitability.use).order_by(Suitability.use))


def opinions(package_id: str) -> list[dict[str, Any]]:
    """Return the latest opinions on a dataset, with their reasons and without their authors."""
    columns = (Suitability.use, Suitability.fits, Suitability.why, Suitability.created)
    query = sa.select(*columns).where(Suitability.package_id == package_id)
    rows = _labelled(query.order_by(Suitability.created.desc()).limit(MOST_READ))
    return [{**row, "created": row["created"].isoformat()} for row in rows]


def _labelled(query: sa.Select[Any]) -> list[dict[str, Any]]:
    """Return the rows of a query with the names of their uses."""
    names = labels()
    rows = model.Session.execute(query).mappings()
    return [{**row, "label": names.get(row["use"], row["use"])} for row in rows]


def forget_person(user_id: str) -> None:
    """Delete the opinions of a person; the caller commits."""
    model.Session.execute(sa.delete(Suitability).where(Suitability.user_id == user_id))
