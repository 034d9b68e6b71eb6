"""What the record of a dataset says of a site: by declared territory, geometry, box or title.

No service is asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import geometry, places
from ckanext.ecosphere.dataset.view import View
from ckanext.ecosphere.shared import reach
from ckanext.ecosphere.studies import presence
from ckanext.ecosphere.studies.site import Site
from ckanext.ecosphere.studies.states import COVERS, COVERS_PART, NOT_MAPPED, RESTRICTED, Finding
from ckanext.ecosphere.vocabularies import gazetteer

#: Kilometres from the sea within which data of the sea are of use on land.
COAST = 2
#: Declared départements of which the title may name a commune.
MOST_DEPARTEMENTS = 3
_METROPOLIS, _SEA = "pays-fxx", "zone-maritime"


class Ground:
    """The places in which a site lies, by index value.

    Départements are linked with the seas at their coasts, and all of France with its metropolis:
    neither means that a site on land lies in the sea, nor one overseas in the metropolis.
    """

    def __init__(self, site: Site) -> None:
        self.site = site

    @cached_property
    def at_sea(self) -> float:
        """Share of the site that lies at sea."""
        return _at_sea(self.site)

    @cached_property
    def is_coastal(self) -> bool:
        """Whether a part of the site lies at sea, or the sea is near."""
        if self.at_sea:
            return True
        if not any(value.startswith(_SEA) for value in self.site.territories):
            return False
        return _at_sea(self.site.widened_by(COAST)) > 0

    @cached_property
    def values(self) -> tuple[str, ...]:
        """The places, the smallest first."""
        values = self.site.territories
        if any(value.startswith("outre-mer") for value in values):
            values = tuple(value for value in values if value != _METROPOLIS)
        if not self.is_coastal:
            values = tuple(value for value in values if not value.startswith(_SEA))
        return values

    @cached_property
    def order(self) -> dict[str, int]:
        """The places by their rank."""
        return {value: rank for rank, value in enumerate(self.values)}

    def share(self, value: str) -> float:
        """Return the share of the site that lies in a place."""
        if value not in self.order:
            return 0.0
        if value.startswith(_SEA):
            return self.at_sea
        return self.site.share_in([value])

    def share_of(self, values: Iterable[str]) -> float:
        """Return the share of the site that lies in any of the places."""
        own = [value for value in values if value in self.order]
        on_land = [value for value in own if not value.startswith(_SEA)]
        if not on_land:
            return max(map(self.share, own), default=0.0)
        share = self.site.share_in(on_land)
        if len(on_land) < len(own) and not set(on_land).intersection(gazetteer.COUNTRIES):
            share += self.at_sea
        return min(1.0, share)

    def closest(self, values: Sequence[str]) -> str:
        """Return the place that holds most of the site, the smallest of several.

        The first if none does.
        """
        own = [value for value in values if value in self.order]
        if not own:
            return values[0]
        return max(own, key=lambda value: (self.share(value), -self.order[value]))


def _at_sea(site: Site) -> float:
    """Return the share of a site that lies at sea, not in a neighbouring country."""
    land = ("commune-", "departement-", "outre-mer-")
    share_at_sea = 0.0
    for share, around in site.shares:
        is_land = any(value.startswith(land) for value in around)
        if not is_land and any(value.startswith(_SEA) for value in around):
            share_at_sea += share
    return share_at_sea


def finding_of(dataset: dict[str, Any], ground: Ground) -> Finding:
    """Return what the record of a dataset says of a site.

    Args:
        dataset: as `package_show` gives it.
    """
    view = View(dataset)
    extent, place, share = _extent(view, ground)
    code, state = extent, COVERS
    params: dict[str, Any] = {}
    if place:
        params["place"] = place
    if extent == "unknown":
        state = NOT_MAPPED
    elif not share:
        code, state = f"{extent}-elsewhere", NOT_MAPPED
    elif share < presence.WHOLE:
        code, state = f"{extent}-part", COVERS_PART
    if share and reach.ways(dataset) == [reach.RESERVED]:
        code, state = "restricted", RESTRICTED
    return Finding(state, code, params, extent, share, at=presence.moment())


Extent = tuple[str, str, float]


def _extent(view: View, ground: Ground) -> Extent:
    """Return how the extent of a dataset is known, its place that fits the site best,
    and its share of the site.
    """
    declared = list(filter(None, map(places.index_value, view.territories)))
    area, is_box = _geometry(view.values.get("spatial"))
    titled = _title_places(view, declared, area)
    if titled:
        return "title", ground.closest(titled), ground.share_of(titled)
    share = ground.share_of(declared)
    if area is None:
        if declared:
            return "territory", ground.closest(declared), share
        return "unknown", "", 0.0
    of_area: Extent = ("geometry", "", ground.site.share_of(area))
    if is_box:
        of_area = ("box", "", of_area[2])
    # Who declares France, or a département, may have data of a part of it.
    is_of_a_part = of_area[2] < min(share, presence.WHOLE) and _lies_in(area, declared)
    if not declared or is_of_a_part:
        return of_area
    if not share and ground.is_coastal and any(value.startswith(_SEA) for value in declared):
        return "box", "", ground.site.share_of(area.envelope)
    return "territory", ground.closest(declared), share


def _lies_in(area: BaseGeometry, territories: Iterable[str]) -> bool:
    """Return whether an area lies in the rectangle around territories, more or less.

    Not, if it touches none.
    """
    around = [_around(value) for value in territories]
    return any(box is not None and box.covers(area.representative_point()) for box in around)


def _around(territory: str) -> BaseGeometry | None:
    """Return the rectangle around a territory in degrees; None of a commune."""
    concept = voc.get("territories").get(territory)
    if concept is None or not concept.data.get("bbox"):
        return None
    return shapely.box(*concept.data["bbox"])


def _title_places(view: View, declared: Sequence[str], area: BaseGeometry | None) -> list[str]:
    """Return the places that a title names and that are to be believed rather than what is
    declared.

    These are communes and EPCI of the declared départements; the territory of the service itself,
    if the title names it and another was declared by mistake; without any declared territory, all
    that the title names where the data lie ("Crues de la Loire" are not of the département of this
    name).
    """
    title = view.title
    if any(value.startswith("commune-") for value in declared):
        return []
    if not declared:
        named = [concept.id for concept in (*places.coded_in(title), *places.in_text(title))]
        boxes = {value: _around(value) for value in named}
        return [value for value, box in boxes.items() if not (area and box) or box.intersects(area)]
    own = territory_of_service(view.values)
    if own and own not in declared and _is_level_with(own, declared):
        named = [concept.id for concept in places.in_text(title, common_words=True)]
        if own in named and not set(named).intersection(declared):
            return [own]
    codes = [code for code, concept in gazetteer.departements().items() if concept.id in declared]
    if not codes or len(codes) > MOST_DEPARTEMENTS:
        return []
    epcis = [epci for epci in places.epcis_in(title) if set(epci.departements).intersection(codes)]
    if epcis:
        return [f"epci-{epci.code}" for epci in epcis]
    return [f"commune-{commune.code}" for commune in gazetteer.communes_in(title, tuple(codes))]


def _is_level_with(own: str, declared: Sequence[str]) -> bool:
    kind = own.partition("-")[0]
    return all(value.partition("-")[0] == kind for value in declared)


def territory_of_service(dataset: Mapping[str, Any]) -> str:
    """Return the territory of the service that publishes a dataset, "" if it is not known."""
    organization = dataset.get("organization") or {}
    service = voc.get("organisations").get(str(organization.get("name") or ""))
    if service is None:
        return ""
    return places.index_value(str(service.data.get("territory") or ""))


def _geometry(value: Any) -> tuple[BaseGeometry | None, bool]:
    """Return the geometry of a dataset in degrees, None without a valid one,
    and whether it consists of rectangles.
    """
    try:
        if isinstance(value, str):
            value = json.loads(value)
        shapes = [shapely.make_valid(shape(item)) for item in geometry.geometries_in(value)]
    except (ShapelyError, ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return None, False
    whole: BaseGeometry = shapely.union_all(shapes)
    if not whole.area:  # a point says where data are, not where they end
        return None, False
    parts = shapely.get_parts(shapes)
    return whole, all(part.equals(part.envelope) for part in parts)
