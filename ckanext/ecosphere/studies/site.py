"""The site of a study: its geometry, the buffer around it, and the territories in which it lies."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from ckanext.ecosphere.dataset import areas, places
from ckanext.ecosphere.dataset.geometry import Box
from ckanext.ecosphere.shared.confinement import geofiles, sandbox
from ckanext.ecosphere.shared.confinement.confine import MEGABYTE, FileError
from ckanext.ecosphere.studies import config
from ckanext.ecosphere.vocabularies import communes, epcis

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
        return areas.widened(self.geometry, width)

    @property
    def box(self) -> Box:
        """West, south, east and north of the area, in degrees."""
        return self.area.bounds

    @cached_property
    def shares(self) -> areas.Shares:
        """The parts of the area by commune, as `areas.shares` gives them."""
        if self.kind == COMMUNES and not self.buffer:
            return areas.shares_of_communes(self.codes)
        return areas.shares(self.area)

    @cached_property
    def territories(self) -> tuple[str, ...]:
        """Index values of the places in which it lies: communes, EPCI, départements, seas, regions,
        country.
        """
        return areas.by_size(chain.from_iterable(around for _share, around in self.shares))

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
    outline = shapely.union_all([_outline_of(commune) for commune in members])
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


def _outline_of(commune: communes.Commune) -> BaseGeometry:
    outline = areas.outline_of(commune)
    if outline is None:
        raise SiteError("no-outline", name=commune.label)
    return outline


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
    outline = areas.outline_of_epci(epci.code)
    return _checked(Site(epci.name, EPCI, (epci.code,), outline, buffer))


def of_geojson(text: str, label: str = "", buffer: int = 0) -> Site:
    """Return the site of a geometry, feature or collection of features (RFC 7946), bounded and
    repaired.

    Raises:
        SiteError: it is not GeoJSON, empty, too large, outside the world, self-crossing beyond
            repair…
    """
    if len(text) > MOST_BYTES:
        raise SiteError("too-large", megabytes=MOST_BYTES // MEGABYTE)
    try:
        geometry = geofiles.cleaned(geofiles.of_geojson(text), config.most_vertices())
    except FileError as error:
        raise _refused(error) from None
    return _checked(Site(label[:LONGEST_LABEL], DRAWN, (), geometry, buffer))


def of_file(name: str, content: bytes, buffer: int = 0) -> Site:
    """Return the site of a file: GeoJSON, KML, GeoPackage or zipped Shapefile; read in the confined
    process.

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
    if areas.to_metres(site.geometry)[0](site.area).area > MOST_AREA * 1e6:
        raise SiteError("too-wide", most=MOST_AREA)
    return site
