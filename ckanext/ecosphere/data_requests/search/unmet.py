"""Most wanted data: themes × départements whose requests without data have the most supporters.

A request on a région, or on communes of several départements, counts in each of these départements, so the rows do not
add up to the number of requests. Départements with exactly the same requests share a row. A request on the whole
country or on a sea area has no département and a row of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from ckan import model

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.data_requests.domain import communes as registry
from ckanext.ecosphere.data_requests.domain import routing, states, wording
from ckanext.ecosphere.data_requests.model import Request
from ckanext.ecosphere.shared import language

MOST = 20
#: States in which the need is met or no longer exists.
MET = (states.FULFILLED, states.DUPLICATE, states.WITHDRAWN)


@dataclass(frozen=True)
class Ask:
    """Requests for one theme in one place.

    Attributes:
        theme: id in the vocabulary.
        places: ids of the départements concerned; a single id of a country or sea area when there are none.
        people: number of requesters and supporters.
        count: number of requests.
    """

    theme: str
    places: tuple[str, ...]
    people: int
    count: int


@dataclass
class _Cell:
    people: int = 0
    count: int = 0
    wide: int = 0
    asks: list[int] = field(default_factory=list)


def rank(asks: Sequence[Ask], most: int = MOST) -> list[dict[str, Any]]:
    """Return the rows of the table, those with the most support first. Pure.

    Args:
        asks: requests by theme and place.
        most: maximum number of rows.

    Returns:
        theme, places (ids), support (people), count (requests), wide (how many of these requests concern several
        départements).
    """
    cells: dict[tuple[str, str], _Cell] = {}
    for number, ask in enumerate(asks):
        for place in ask.places:
            cell = cells.setdefault((ask.theme, place), _Cell())
            cell.people += ask.people
            cell.count += ask.count
            cell.wide += ask.count if len(ask.places) > 1 else 0
            cell.asks.append(number)
    rows: dict[tuple[str, tuple[int, ...]], dict[str, Any]] = {}
    for (theme, place), cell in cells.items():
        values = {"support": cell.people, "count": cell.count, "wide": cell.wide}
        row = rows.setdefault((theme, tuple(cell.asks)), {"theme": theme, "places": [], **values})
        row["places"].append(place)
    return sorted(rows.values(), key=lambda row: (-row["support"], row["wide"], row["theme"], row["places"]))[:most]


def places_of(territory: str, communes: Iterable[Mapping[str, str]] = ()) -> tuple[str, ...]:
    """Return the départements (or overseas territories) of a place; the place itself when it has none."""
    named = sorted({registry.territory_of(each["code"]) for each in communes or ()})
    if named:
        return tuple(named)
    territories = voc.get("territories")
    place = territories.get(territory) if territory else None
    if place is not None and place.data.get("type") == "region":
        return tuple(each.id for each in territories.children(place.uri)) or (place.id,)
    return (place.id if place else routing.WHOLE_COUNTRY,)


def table(where: list[Any]) -> list[dict[str, Any]]:
    """Return the rows for the public requests of a selection, with labels of themes and places."""
    where = [*where, Request.listed, Request.state.not_in(MET)]
    return [_named(row) for row in rank([*_by_territory(where), *_by_communes(where)])]


def _several_departements() -> Any:
    """Return the SQL condition for communes of several départements: the territory is then a région or the country."""
    return sa.and_(sa.func.jsonb_array_length(Request.communes) > 0, Request.territory.op("~")("^(region|pays)-"))


def _by_territory(where: list[Any]) -> list[Ask]:
    people = sa.func.sum(Request.support_count + 1)
    query = (
        sa.select(Request.theme, Request.territory, people, sa.func.count())
        .where(*where, ~_several_departements())
        .group_by(Request.theme, Request.territory)
        .order_by(Request.theme, Request.territory)
    )
    return [Ask(theme, places_of(place), int(n), count) for theme, place, n, count in model.Session.execute(query)]


def _by_communes(where: list[Any]) -> list[Ask]:
    query = (
        sa.select(Request.theme, Request.territory, Request.communes, Request.support_count + 1)
        .where(*where, _several_departements())
        .order_by(Request.id)
    )
    return [
        Ask(theme, places_of(place, communes), people, 1)
        for theme, place, communes, people in model.Session.execute(query)
    ]


def _named(row: dict[str, Any]) -> dict[str, Any]:
    known, lang = voc.get("territories"), language.current()
    places = [known[each] for each in row.pop("places") if each in known]
    return {
        **row,
        "theme_label": wording.concept("themes", row["theme"]),
        "departements": [{"id": each.id, "label": each.label(lang)} for each in places],
    }
