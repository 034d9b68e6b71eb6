"""Coordinate systems that a file of others names: none that makes PROJ read files. Confined."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from ckanext.ecosphere.shared.confinement.confine import FileError

#: Parameters of PROJ and of WKT whose value is a file.
_FILES_OF_CRS = re.compile(r"(grids|file|init)\s*=|PARAMETERFILE", re.IGNORECASE)
#: Codes of degrees: WGS 84, ETRS89 and RGF93; on a map of the web there is no difference.
_DEGREES = (4326, 4258, 4171, None)


def to_degrees(crs: str | None) -> Callable[[Any], Any] | None:
    """Return a function that transforms coordinates to degrees.

    Returns:
        None if they are in degrees, or the CRS is missing.

    Raises:
        FileError: the CRS is unknown.
    """
    if not crs:
        return None
    declared = system(crs)
    if declared.is_geographic and declared.to_epsg() in _DEGREES:
        return None
    return mover(Transformer.from_crs(declared, "OGC:CRS84", always_xy=True))


def system(crs: str) -> CRS:
    """Return a CRS by its code or definition; of one that is bound to another, the CRS itself.

    Raises:
        FileError: it is unknown, or names files: grids, or the initialisation files of old PROJ.
    """
    if _FILES_OF_CRS.search(crs):
        raise FileError("no-crs")
    try:
        declared = CRS.from_user_input(crs)
    except CRSError as error:
        raise FileError("no-crs") from error
    if declared.is_bound and declared.source_crs:
        declared = declared.source_crs
    if any(part.is_bound for part in declared.sub_crs_list):
        raise FileError("no-crs")  # bound by a transformation, which may read a grid
    return declared


def mover(transformer: Transformer) -> Callable[[Any], Any]:
    """Return a transformer as a function for `shapely.transform`."""
    return lambda points: numpy.column_stack(transformer.transform(points[:, 0], points[:, 1]))
