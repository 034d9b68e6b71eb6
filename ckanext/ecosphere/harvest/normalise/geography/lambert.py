"""Convert French Lambert coordinates in metres to degrees, for boxes and geometries written in metres.

Inverse of the Lambert conformal conic projection on the ellipsoid, with the constants of EPSG:2154 (RGF93 v1 /
Lambert-93, GRS 80, two standard parallels) and of the older Lambert II étendu (EPSG:27572, Clarke 1880 IGN, meridian of
Paris; its datum shift of some tens of metres is ignored, which does not matter for a box). IGN, note technique NTG 71.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Cone:
    """Constants of a Lambert conic: exponent, constant, pole, meridian of origin, eccentricity, and area of use."""

    n: float
    c: float
    x_pole: float
    y_pole: float
    longitude: float
    e: float
    x: tuple[float, float]
    y: tuple[float, float]

    def holds(self, x: float, y: float) -> bool:
        """Tell whether a point in metres lies in the area of use."""
        return self.x[0] <= x <= self.x[1] and self.y[0] <= y <= self.y[1]

    def to_degrees(self, x: float, y: float) -> tuple[float, float]:
        """Return longitude and latitude in degrees of a point in metres."""
        dx, dy = x - self.x_pole, self.y_pole - y
        radius = math.hypot(dx, dy)
        longitude = self.longitude + math.degrees(math.atan2(dx, dy) / self.n)
        isometric = -math.log(radius / self.c) / self.n
        latitude = 2 * math.atan(math.exp(isometric)) - math.pi / 2
        for _step in range(6):
            sine = self.e * math.sin(latitude)
            latitude = 2 * math.atan(((1 + sine) / (1 - sine)) ** (self.e / 2) * math.exp(isometric)) - math.pi / 2
        return longitude, math.degrees(latitude)


LAMBERT_93 = Cone(
    n=0.7256077650,
    c=11754255.426,
    x_pole=700000.0,
    y_pole=12655612.050,
    longitude=3.0,
    e=0.08181919112,
    x=(80_000, 1_300_000),
    y=(6_000_000, 7_200_000),
)
LAMBERT_2_EXTENDED = Cone(
    n=0.7289686274,
    c=11745793.393,
    x_pole=600000.0,
    y_pole=8199695.768,
    longitude=2.337229167,
    e=0.08248325676,
    x=(0, 1_250_000),
    y=(1_600_000, 2_750_000),
)
CONES = (LAMBERT_93, LAMBERT_2_EXTENDED)
