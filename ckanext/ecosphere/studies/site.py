"""The site of a study: its geometry, the buffer around it, and the territories in which it lies."""

from __future__ import annotations

import json
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy
import shapely
from pyproj import Transformer
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import geometry as boxes
from ckanext.ecosphere.dataset import places
from ckanext.ecosphere.dataset.geometry import Box
from ckanext.ecosphere.shared.confinement import coordinates, sandbox
from ckanext.ecosphere.shared.confinement.confine import MEGABYTE, FileError
from ckanext.ecosphere.studies import config, geofiles
from ckanext.ecosphere.vocabularies import communes, epcis, gazetteer

COMMUNES, EPCI, DRAWN, FILE = "communes", "epci", "drawn", "file"
MOST_COMMUNES = 60
#: Square kilometres of a site with its buffer: more than any maritime façade.
MOST_AREA = 300_000
MOST_BYTES = 10 * MEGABYTE
LONGEST_LABEL = 200
FILE_SECONDS, FILE_MEGABYTES = 20, 900
#: Metres by which a point or a line is widened.
WIDTH = 10
DECIMALS = 6
#: Share of the site that a commune must hold to count, or of itself that must lie in the site.
LEAST_SHARE = 0.005
#: Communes that begin in a site and whose outlines are compared with it; a larger site is known by their départements.
MOST_COMPARED = 150
#: Degrees from a corner of a commune's outline to its farthest point; in Guyane, communes are larger than départements.
REACH, REACH_IN_GUYANE = 0.35, 3.0
_GUYANE: Box = (-55, 2, -51, 6)


class SiteError(ValueError):
    """A site cannot be used.

    Attributes:
        code: key of the sentence that says so and what to do (`sites` in `data/messages.yaml`).
        params: its parameters.
    """

    def __init__(self, code: str, /, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


@dataclass(frozen=True)
class Site:
    """A site.

    Attributes:
        label: its name for people.
        kind: communes, epci, drawn or file.
        codes: INSEE codes of the communes, or SIREN of the EPCI, by which it was given.
        geometry: valid geometry in degrees (WGS 84, longitude first).
        buffer: metres around it that belong to the studied area.
    """

    label: str
    kind: str
    codes: tuple[str, ...]
    geometry: BaseGeometry
    buffer: int = 0

    @cached_property
    def area(self) -> BaseGeometry:
        """The geometry with its buffer, in degrees."""
        width = self.buffer
        if not self.geometry.area:
            width = max(width, WIDTH)
        return widened(self.geometry, width)

    @property
    def box(self) -> Box:
        """West, south, east and north of the area, in degrees."""
        return self.area.bounds

    @cached_property
    def shares(self) -> tuple[tuple[float, tuple[str, ...]], ...]:
        """The parts of the area by commune, the largest first: share of the area, and the index values around it.

        The sea is a part of its own. The shares add up to 1.
        """
        if self.kind == COMMUNES and not self.buffer:
            return _of_codes(self.codes)
        return _shares(self.area)

    @cached_property
    def territories(self) -> tuple[str, ...]:
        """Index values of the places in which it lies: communes, EPCI, départements, seas, regions, country."""
        values = [value for _share, around in self.shares for value in around]
        return tuple(sorted(dict.fromkeys(values), key=_rank))

    def share_in(self, values: Iterable[str]) -> float:
        """Return the share of the area that lies in territories, given as index values."""
        wanted = set(values)
        return min(1.0, sum(share for share, around in self.shares if wanted.intersection(around)))

    def share_of(self, extent: BaseGeometry) -> float:
        """Return the share of the area that a geometry in degrees holds."""
        if not self.area.intersects(extent):
            return 0.0
        return min(1.0, self.area.intersection(extent).area / self.area.area)

    def as_dict(self) -> dict[str, Any]:
        """Return the site as JSON values, as stored with a study."""
        return {
            "label": self.label,
            "kind": self.kind,
            "codes": list(self.codes),
            "geometry": json.loads(json.dumps(mapping(_rounded(self.geometry)))),
            "buffer": self.buffer,
        }

    @classmethod
    def of_dict(cls, data: dict[str, Any]) -> Site:
        """Return a stored site."""
        geometry = shape(data["geometry"])
        if not geometry.is_valid:  # its coordinates were rounded
            geometry = shapely.make_valid(geometry)
        codes = tuple(data.get("codes") or ())
        return cls(data["label"], data["kind"], codes, geometry, data.get("buffer", 0))

    def widened_by(self, kilometres: float) -> Site:
        """Return the site with a wider buffer."""
        return replace(self, buffer=self.buffer + round(kilometres * 1000))


def _rounded(geometry: BaseGeometry) -> BaseGeometry:
    return shapely.transform(geometry, lambda places: places.round(DECIMALS))


# --- sites as they are given -----------------------------------------------------------------


def of_communes(names: Iterable[str], buffer: int = 0) -> Site:
    """Return the site of communes, by INSEE codes or names.

    Raises:
        SiteError: there is no such commune, several are meant, or they are too many.
    """
    names = list(dict.fromkeys(names))
    if len(names) > MOST_COMMUNES:
        raise SiteError("too-many-communes", most=MOST_COMMUNES)
    members = list(dict.fromkeys(map(_commune, names)))
    label = ", ".join(commune.label for commune in members)[:LONGEST_LABEL]
    outline = shapely.union_all([outline_of(commune) for commune in members])
    codes = tuple(commune.code for commune in members)
    return _checked(Site(label, COMMUNES, codes, outline, buffer))


def _commune(name: str) -> communes.Commune:
    exact = communes.of_code(name)
    if exact:
        return exact
    matches = communes.named(name)
    if name[:1].isdigit():
        matches = []  # a postal code is no code of a commune
    if not matches:
        raise SiteError("no-commune", name=name[:80])
    _refuse_several("several-communes", [f"{match.label}, {match.code}" for match in matches])
    return matches[0]


def _refuse_several(code: str, names: list[str]) -> None:
    if len(names) > 1:
        raise SiteError(code, names=", ".join(names[:5]))


def of_epci(name: str, buffer: int = 0) -> Site:
    """Return the site of an intercommunality, by SIREN or name.

    Raises:
        SiteError: there is none of this name, or several are meant.
    """
    matches = epcis.epcis_named(name)
    if not matches:
        raise SiteError("no-epci")
    _refuse_several("several-epcis", [f"{match.name} ({match.code})" for match in matches])
    [epci] = matches
    outline = _outline_of_epci(epci.code)
    return _checked(Site(epci.name, EPCI, (epci.code,), outline, buffer))


def of_geojson(text: str, label: str = "", buffer: int = 0) -> Site:
    """Return the site of a geometry, feature or collection of features (RFC 7946), bounded and repaired.

    Raises:
        SiteError: it is not GeoJSON, empty, too large, outside the world, self-crossing beyond repair…
    """
    if len(text) > MOST_BYTES:
        raise SiteError("too-large", megabytes=MOST_BYTES // MEGABYTE)
    try:
        geometry = geofiles.cleaned(geofiles.of_geojson(text), config.most_vertices())
    except FileError as error:
        raise _refused(error) from None
    return _checked(Site(label[:LONGEST_LABEL], DRAWN, (), geometry, buffer))


def of_file(name: str, content: bytes, buffer: int = 0) -> Site:
    """Return the site of a file: GeoJSON, KML, GeoPackage or zipped Shapefile; read in the confined process.

    Raises:
        SiteError: it cannot be read, has no CRS, no geometry, too many vertices…
    """
    if len(content) > MOST_BYTES:
        raise SiteError("too-large", megabytes=MOST_BYTES // MEGABYTE)
    if not content.strip():
        raise SiteError("empty")
    with tempfile.TemporaryDirectory() as folder:
        given, written = Path(folder) / "in", Path(folder) / "out"
        given.write_bytes(content)
        job = {
            "module": geofiles.MODULE,
            "task": "site",
            "input": str(given),
            "output": str(written),
            "most_vertices": config.most_vertices(),
        }
        try:
            sandbox.run(job, FILE_SECONDS, FILE_MEGABYTES)
            # The process may have been taken over: its geometry is as foreign as the file.
            with written.open("rb") as file:
                text = file.read(MOST_BYTES + 1).decode(errors="replace")
        except FileError as error:
            raise _refused(error) from None
    site = of_geojson(text, Path(name).stem, buffer)
    return replace(site, kind=FILE)


def _refused(error: FileError) -> SiteError:
    limits = {"too-many-vertices": config.most_vertices(), "too-many-parts": geofiles.MOST_PARTS}
    return SiteError(error.code, most=limits.get(error.code))


def _checked(site: Site) -> Site:
    """Return a site that lies in France, and is not too large.

    Raises:
        SiteError: it does not, or is.
    """
    if places.has_swapped_axes(site.geometry.bounds):
        raise SiteError("swapped-axes")
    if not places.touches_france(site.geometry.bounds, widest=False):
        raise SiteError("outside-france")
    if to_metres(site.geometry)[0](site.area).area > MOST_AREA * 1e6:
        raise SiteError("too-wide", most=MOST_AREA)
    return site


# --- metres ----------------------------------------------------------------------------------

Move = Callable[[BaseGeometry], BaseGeometry]


def to_metres(geometry: BaseGeometry) -> tuple[Move, Move]:
    """Return functions that move geometries from degrees to metres near a geometry, and back.

    The projection is azimuthal equidistant: within 300 km of its centre, lengths are true to 0.1 %.
    """
    centre = geometry.centroid
    return _moves(round(centre.x, 1), round(centre.y, 1))


@lru_cache(maxsize=200)
def _moves(x: float, y: float) -> tuple[Move, Move]:
    crs = f"+proj=aeqd +lat_0={y} +lon_0={x} +datum=WGS84 +units=m"
    forth = Transformer.from_crs("OGC:CRS84", crs, always_xy=True)
    back = Transformer.from_crs(crs, "OGC:CRS84", always_xy=True)
    return _move(forth), _move(back)


def _move(transformer: Transformer) -> Move:
    return lambda geometry: shapely.transform(geometry, coordinates.mover(transformer))


def widened(geometry: BaseGeometry, metres: float) -> BaseGeometry:
    """Return a geometry in degrees with a buffer in metres."""
    if not metres:
        return geometry
    forth, back = to_metres(geometry)
    # Detail far below the width of the buffer costs much time, and does not show.
    plain = forth(geometry).simplify(metres / 100)
    return back(plain.buffer(metres, quad_segs=12))


# --- outlines --------------------------------------------------------------------------------

_NUMBERS = re.compile(r"-?\d+")


@cache
def polygons(path: str) -> BaseGeometry:
    """Return an SVG path of moves and relative lines, in thousandths of a degree, as areas in degrees."""
    whole = shapely.Polygon()
    for ring in path.split("M")[1:]:
        steps = numpy.array(_NUMBERS.findall(ring), dtype=float).reshape(-1, 2)
        area = shapely.make_valid(shapely.Polygon(steps.cumsum(axis=0) / 1000))
        whole = whole.symmetric_difference(area)  # a ring within another is a hole
    return whole


def outline_of(commune: communes.Commune) -> BaseGeometry:
    """Return the approximate outline of a commune, else of what contains it.

    Raises:
        SiteError: the outline is not known, nor that of anything about as small.
    """
    path = communes.outlines().get(commune.code)
    if path:
        return polygons(path)
    if commune.epci in epcis.outlines():
        return polygons(epcis.outlines()[commune.epci].path)
    departement = gazetteer.departements().get(commune.departement)
    if departement is None or boxes.area(departement.data["bbox"]) > 1:
        raise SiteError("no-outline", name=commune.label)
    return shapely.box(*departement.data["bbox"])


def _outline_of_epci(code: str) -> BaseGeometry:
    members = [commune for commune in communes.by_population() if commune.epci == code]
    if members and all(commune.code in communes.outlines() for commune in members):
        return shapely.union_all([outline_of(commune) for commune in members])
    return polygons(epcis.outlines()[code].path)


# --- territories -----------------------------------------------------------------------------

_KINDS = ("commune", "epci", "departement", "outre-mer", "zone-maritime", "region")


def _rank(value: str) -> int:
    ranks = [rank for rank, kind in enumerate(_KINDS) if value.startswith(kind)]
    return next(iter(ranks), len(_KINDS))


def _around(code: str) -> tuple[str, ...]:
    commune = communes.of_code(code)
    if commune is None:
        return ()
    place = gazetteer.of_commune(commune)
    return (*place.ids, *place.around)


def _of_codes(codes: tuple[str, ...]) -> tuple[tuple[float, tuple[str, ...]], ...]:
    sizes: dict[str, float] = {}
    for code in codes:
        commune = communes.of_code(code)
        if commune:
            sizes[code] = outline_of(commune).area
    total = sum(sizes.values())
    ordered = sorted(sizes.items(), key=lambda item: -item[1])
    return tuple((size / total, _around(code)) for code, size in ordered)


@cache
def _corners() -> tuple[tuple[str, ...], Any]:
    """Return the codes of communes, and one corner of the outline of each, in degrees."""
    first = {code: _NUMBERS.findall(path[:30])[:2] for code, path in communes.outlines().items()}
    return tuple(first), numpy.array(list(first.values()), dtype=float) / 1000


def _shares(area: BaseGeometry) -> tuple[tuple[float, tuple[str, ...]], ...]:
    west, south, east, north = area.bounds
    reach = REACH
    if boxes.meet(area.bounds, _GUYANE):
        reach = REACH_IN_GUYANE
    codes, corners = _corners()
    x, y = corners[:, 0], corners[:, 1]
    is_near = (x >= west - reach) & (x <= east + reach)
    is_near &= (y >= south - reach) & (y <= north + reach)
    is_inside = is_near.copy()
    is_inside[is_near] = shapely.contains_xy(area, corners[is_near])
    if is_inside.sum() > MOST_COMPARED:
        shares = _wide_shares(area, is_inside)
    else:
        shares = _exact_shares(area, [codes[place] for place in numpy.flatnonzero(is_near)])
    on_land = sum(share for share, _around in shares)
    shares.sort(key=lambda part: -part[0])
    if on_land > 1:
        shares = [(share / on_land, around) for share, around in shares]
    at_sea = 1 - on_land
    # Outlines are some hundred metres off: what is left between them is no sea.
    if not shares or at_sea > 0.05:  # noqa: PLR2004
        shares.append((max(0.0, at_sea), _at_sea(area)))
    elif at_sea > 0:
        shares = [(share / on_land, around) for share, around in shares]
    return tuple(shares)


def _exact_shares(area: BaseGeometry, codes: list[str]) -> list[tuple[float, tuple[str, ...]]]:
    shares: list[tuple[float, tuple[str, ...]]] = []
    shapely.prepare(area)
    for code in codes:
        commune = communes.of_code(code)
        if commune is None:
            continue
        outline = outline_of(commune)
        if not area.intersects(outline):
            continue
        common = area.intersection(outline).area
        if common > LEAST_SHARE * min(area.area, outline.area):
            shares.append((common / area.area, _around(code)))
    return shares


def _wide_shares(area: BaseGeometry, is_inside: Any) -> list[tuple[float, tuple[str, ...]]]:
    """Return the shares of a wide site by département: by the communes whose corner lies in it."""
    codes, _corners_of_communes = _corners()
    sizes: dict[tuple[str, ...], float] = defaultdict(float)
    for place in numpy.flatnonzero(is_inside):
        commune = communes.of_code(codes[place])
        if commune:
            around = gazetteer.of_commune(commune).around
            above = tuple(value for value in around if not value.startswith("epci"))
            sizes[above] += outline_of(commune).area
    return [(size / area.area, above) for above, size in sizes.items()]


def _at_sea(area: BaseGeometry) -> tuple[str, ...]:
    """Return the index values of the sea in which a site lies: its maritime zones, and the country."""
    zones: list[tuple[float, str]] = []
    for concept in voc.get("territories"):
        west, south, east, north = concept.data["bbox"]
        if concept.data["type"] != "zone-maritime" or west > east:
            continue
        common = area.intersection(shapely.box(west, south, east, north)).area
        if common > 0:
            zones.append((common, concept.id))
    values = [value for _common, value in sorted(zones, reverse=True)]
    return (*values, *gazetteer.COUNTRIES)
