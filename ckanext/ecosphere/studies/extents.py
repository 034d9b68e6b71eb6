"""How much of a site a dataset covers, as its record says.

The record says it by its territories, its geometry or its title. No service is asked: `presence`
does that afterwards.
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
#: Most declared départements among whose communes those of the title are looked for: many communes
#: have the same name.
MOST_DEPARTEMENTS = 3
#: Index value of the metropolis, and the beginning of those of the maritime zones.
_METROPOLIS, _SEA = "pays-fxx", "zone-maritime"


class Ground:
    """The places in which a site lies, by index value (`places.index_value`).

    Those of the vocabulary are corrected: there, a coastal département also lies in its sea, and
    all of France in the metropolis. A site inland does not lie in the sea, nor one overseas in the
    metropolis.
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
        """Place → its rank, 0 for the smallest."""
        return {value: rank for rank, value in enumerate(self.values)}

    def share(self, value: str) -> float:
        """Return the share of the site that lies in a place."""
        if value not in self.order:
            return 0.0
        if value.startswith(_SEA):
            return self.at_sea
        return self.site.share_in([value])

    def share_of(self, values: Iterable[str]) -> float:
        """Return the share of the site that lies in any of several places."""
        own = [value for value in values if value in self.order]
        on_land = [value for value in own if not value.startswith(_SEA)]
        if not on_land:
            return max(map(self.share, own), default=0.0)
        share = self.site.share_in(on_land)
        if len(on_land) < len(own) and not set(on_land).intersection(gazetteer.COUNTRIES):
            share += self.at_sea
        return min(1.0, share)

    def closest(self, values: Sequence[str]) -> str:
        """Return the place that holds most of the site, the smallest of equals; else the first."""
        own = [value for value in values if value in self.order]
        if not own:
            return values[0]
        return max(own, key=lambda value: (self.share(value), -self.order[value]))


def _at_sea(site: Site) -> float:
    """Return the share of a site that lies at sea, without that in a neighbouring country."""
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
        ground: the places of the site.
    """
    extent, place, share = _extent(View(dataset), ground)
    state, code = COVERS, extent
    params: dict[str, Any] = {}
    if place:
        params["place"] = place
    if extent == "unknown":
        state = NOT_MAPPED
    elif not share:
        state, code = NOT_MAPPED, f"{extent}-elsewhere"
    elif share < presence.WHOLE:
        state, code = COVERS_PART, f"{extent}-part"
    if share and reach.ways(dataset) == [reach.RESERVED]:
        state, code = RESTRICTED, "restricted"
    return Finding(state, code, params, extent, share, at=presence.moment())


def _extent(view: View, ground: Ground) -> tuple[str, str, float]:
    """Return how the extent of a dataset is known, and how it covers a site.

    Returns:
        `Finding.extent`; the place of the dataset that fits the site best, "" if only an area is
        known; the share of the site.
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
    of_area, share_of_area = "geometry", ground.site.share_of(area)
    if is_box:
        of_area = "box"
    # Services that declare France, or a département, may have data of a part of it.
    is_of_a_part = share_of_area < min(share, presence.WHOLE) and _lies_in(area, declared)
    if not declared or is_of_a_part:
        return of_area, "", share_of_area
    # On the coast, data of the sea count by their rectangle: their outline may end off the land.
    if not share and ground.is_coastal and any(value.startswith(_SEA) for value in declared):
        return "box", "", ground.site.share_of(area.envelope)
    return "territory", ground.closest(declared), share


def _lies_in(area: BaseGeometry, territories: Iterable[str]) -> bool:
    """Return whether a point of an area lies in the rectangle around one of the territories."""
    around = [_around(value) for value in territories]
    return any(box is not None and box.covers(area.representative_point()) for box in around)


def _around(territory: str) -> BaseGeometry | None:
    """Return the rectangle around a territory in degrees; None for a commune."""
    concept = voc.get("territories").get(territory)
    if concept is None or not concept.data.get("bbox"):
        return None
    return shapely.box(*concept.data["bbox"])


def _title_places(view: View, declared: Sequence[str], area: BaseGeometry | None) -> list[str]:
    """Return the places in a title that are believed rather than the declared territories.

    Args:
        declared: index values of the declared territories.
        area: geometry of the dataset in degrees, None if not known.
    """
    title = view.title
    if any(value.startswith("commune-") for value in declared):
        return []  # no title says it more exactly
    if not declared:
        # Only places where the data lie: "Crues de la Loire" is not about the département Loire.
        named = [concept.id for concept in (*places.coded_in(title), *places.in_text(title))]
        boxes = {value: _around(value) for value in named}
        return [
            value
            for value, box in boxes.items()
            if area is None or box is None or box.intersects(area)
        ]
    own = territory_of_service(view.values)
    if own and own not in declared and _are_of_kind(own, declared):
        # The service's own territory: another one was declared by mistake.
        named = [concept.id for concept in places.in_text(title, common_words=True)]
        if own in named and not set(named).intersection(declared):
            return [own]
    # Else an EPCI or a commune of the declared départements.
    codes = [code for code, concept in gazetteer.departements().items() if concept.id in declared]
    if not codes or len(codes) > MOST_DEPARTEMENTS:
        return []
    epcis = [epci for epci in places.epcis_in(title) if set(epci.departements).intersection(codes)]
    if epcis:
        return [f"epci-{epci.code}" for epci in epcis]
    return [f"commune-{commune.code}" for commune in gazetteer.communes_in(title, tuple(codes))]


def _are_of_kind(own: str, declared: Sequence[str]) -> bool:
    """Return whether all declared territories are of the kind of a service's: départements, say."""
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
    """Return the geometry of a dataset in degrees, and whether it consists of rectangles.

    Args:
        value: GeoJSON, as text or object. Without a valid area, the geometry is None.
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
