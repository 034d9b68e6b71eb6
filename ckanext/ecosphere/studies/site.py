"""The site of a study: its geometry, the buffer around it, and the territories in which it lies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from shapely.geometry.base import BaseGeometry

from ckanext.ecosphere.dataset.geometry import Box


class SiteError(ValueError):
    """A site cannot be used.

    Attributes:
        code: key of the sentence that says so and what to do (`wording.SITE_ERRORS`).
        params: its parameters.
    """

    def __init__(self, code: str, **params: Any) -> None:
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
        approximate: whether the geometry is only an outline that is kilometres off (communes, EPCI).
    """

    label: str
    kind: str
    codes: tuple[str, ...]
    geometry: BaseGeometry
    buffer: int = 0
    approximate: bool = False

    @cached_property
    def area(self) -> BaseGeometry:
        """The geometry with its buffer, in degrees."""
        raise NotImplementedError

    @property
    def box(self) -> Box:
        """West, south, east and north of the area, in degrees."""
        raise NotImplementedError

    @cached_property
    def territories(self) -> tuple[str, ...]:
        """Index values of the places in which it lies, nearest first: communes, EPCI, départements, regions, country."""
        raise NotImplementedError

    def as_dict(self) -> dict[str, Any]:
        """Return the site as JSON values, as stored with a study."""
        raise NotImplementedError

    @classmethod
    def of_dict(cls, data: dict[str, Any]) -> Site:
        """Return a stored site."""
        raise NotImplementedError


def of_communes(codes: list[str], buffer: int = 0) -> Site:
    """Return the site of communes, by INSEE codes.

    Raises:
        SiteError: there is no such commune, or they are too many.
    """
    raise NotImplementedError


def of_epci(code: str, buffer: int = 0) -> Site:
    """Return the site of an intercommunality, by SIREN."""
    raise NotImplementedError


def of_geojson(text: str, label: str = "", buffer: int = 0) -> Site:
    """Return the site of a geometry, feature or collection of features (RFC 7946), bounded and repaired.

    Raises:
        SiteError: it is not GeoJSON, empty, too large, outside the world, self-crossing beyond repair…
    """
    raise NotImplementedError


def of_file(name: str, content: bytes, buffer: int = 0) -> Site:
    """Return the site of a file: GeoJSON, KML, GeoPackage or zipped Shapefile; read in the confined process.

    Raises:
        SiteError: it cannot be read, has no CRS, no geometry, too many vertices…
    """
    raise NotImplementedError
