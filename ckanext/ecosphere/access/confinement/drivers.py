"""The drivers of GDAL that may be used. No CKAN imports."""

from __future__ import annotations

import ctypes
from functools import cache

import pyogrio
from pyogrio import _ogr  # pyright: ignore[reportAttributeAccessIssue] - a compiled module

#: Read: the kinds of `kinds.sniff`; written: the formats of extracts.
ALLOWED = frozenset(
    {
        "ESRI Shapefile", "FlatGeobuf", "GeoJSON", "GML", "GPKG", "KML", "LIBKML", "ODS",
        "TopoJSON", "XLSX",
    }
)  # fmt: skip


@cache
def restrict() -> None:
    """Take all other drivers out of GDAL before a file is opened, whatever this build brings.

    Raises:
        RuntimeError: some remain.
    """
    gdal = ctypes.CDLL(_ogr.__file__)  # whose dependency GDAL is
    gdal.GDALGetDriver.restype = ctypes.c_void_p
    gdal.GDALGetDriverShortName.argtypes = [ctypes.c_void_p]
    gdal.GDALGetDriverShortName.restype = ctypes.c_char_p
    gdal.GDALDeregisterDriver.argtypes = [ctypes.c_void_p]
    for place in reversed(range(gdal.GDALGetDriverCount())):
        driver = gdal.GDALGetDriver(place)
        if gdal.GDALGetDriverShortName(driver).decode() not in ALLOWED:
            gdal.GDALDeregisterDriver(driver)
    remaining = set(pyogrio.list_drivers()) - ALLOWED
    if remaining:
        names = ", ".join(sorted(remaining))
        raise RuntimeError(f"GDAL keeps the drivers {names}")
