"""Area of an extract: a territory, a commune, an intercommunality, or a rectangle."""

from __future__ import annotations

import json
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.access import config
from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.take.request import Box
from ckanext.ecosphere.shared import language, strict_json
from ckanext.ecosphere.shared.http_guard import FetchError, GuardedSession
from ckanext.ecosphere.vocabularies import communes, coordinates, epcis

OUTLINE_MEGABYTES = 4
SECONDS = 20
MOST_PROPOSED = 5
LONGEST_NAME = 100
MARGIN = 0.1
"""Degrees by which the box of an intercommunality is enlarged, as its outline is accurate to kilometres only."""
FIELDS = ("commune", "epci", "territory", "box")
"""Form fields of the area."""


def parse(written: dict[str, str]) -> dict[str, Any]:
    """Parse the area of a form.

    Args:
        written: `commune` (INSEE code or name), `epci` (SIREN code or name), `territory` (id in the vocabulary),
            `box` (west,south,east,north); the first non-empty one in this order is used, none means no limit.

    Returns:
        `label` and `box`; for a commune or intercommunality, `box` is None and its code is in `commune` or `epci`.

    Raises:
        ValidationError: a field is invalid.
    """
    if text := written.get("commune", "").strip():
        return _commune(text)
    if text := written.get("epci", "").strip():
        return _epci(text)
    if text := written.get("territory", "").strip():
        concept = voc.get("territories").get(text)
        if concept is None or not concept.data.get("bbox"):
            raise tk.ValidationError({"territory": [tk._("This territory is not known.")]})
        west, south, east, north = concept.data["bbox"]
        return {"label": concept.label(language.current()), "box": [west, south, max(west, east), north]}
    if text := written.get("box", "").strip():
        return {"label": text[:100], "box": _box(text)}
    return {"label": "", "box": None}


def _commune(text: str) -> dict[str, Any]:
    if not config.communes_url():
        raise tk.ValidationError({"commune": [tk._("This portal does not clip to communes: draw a rectangle.")]})
    found = communes.named(text[:LONGEST_NAME])
    if len(found) == 1:
        return {"label": found[0].label, "commune": found[0].code, "box": None}
    if not found:
        raise tk.ValidationError({"commune": [tk._("No commune has this name or code.")]})
    labels = "; ".join(f"{each.label}, {each.code}" for each in found[:MOST_PROPOSED])
    raise tk.ValidationError({"commune": [tk._("Several communes are meant: {names}").format(names=labels)]})


def _epci(text: str) -> dict[str, Any]:
    if not config.epci_url():
        raise tk.ValidationError({"epci": [tk._("This portal does not clip to intercommunalities: draw a rectangle.")]})
    found = epcis.epcis_like(text[:LONGEST_NAME])
    if len(found) == 1:
        return {"label": found[0].name, "epci": found[0].code, "box": None}
    if not found:
        raise tk.ValidationError({"epci": [tk._("No intercommunality has this name or code.")]})
    names = "; ".join(f"{each.name} ({each.code})" for each in found[:MOST_PROPOSED])
    raise tk.ValidationError({"epci": [tk._("Several intercommunalities are meant: {names}").format(names=names)]})


def _box(text: str) -> list[float]:
    sides = list(coordinates.read(text[:200]))
    if len(sides) != 4:  # noqa: PLR2004 - of a rectangle
        message = tk._("Give a rectangle (west,south,east,north) or a point in degrees, or in metres (Lambert-93).")
        raise _wrong(message)
    west, south, east, north = sides
    if (west, south) == (east, north) and max(abs(west), abs(south)) <= 90:  # noqa: PLR2004 - a point
        return list(coordinates.enlarged((west, south, east, north)))
    if max(abs(west), abs(east)) > 180 or max(abs(south), abs(north)) > 90:  # noqa: PLR2004
        raise _wrong(tk._("A side of the rectangle is no place on Earth: west,south,east,north in degrees."))
    if west >= east:
        raise _wrong(
            tk._("The west side of the rectangle must lie west of its east side: {west} is not less than {east}."),
            west=west,
            east=east,
        )
    if south >= north:
        raise _wrong(
            tk._("The south side of the rectangle must lie south of its north side: {south} is not less than {north}."),
            south=south,
            north=north,
        )
    return sides


def _wrong(sentence: str, **sides: float) -> tk.ValidationError:
    written = {name: f"{side:g}" for name, side in sides.items()}
    return tk.ValidationError({"box": [sentence.format(**written)]})


def around(asked: dict[str, Any]) -> tuple[Box, str] | None:
    """Return the box around the area of an extract, for services, which cannot filter by outlines.

    For a commune it is that of its intercommunality, since boxes of communes are not available. Overseas, where
    outlines are too rough, there is none.

    Args:
        asked: area as returned by `parse`.

    Returns:
        the box, and the name of the intercommunality that it surrounds ("" for a given box); None if there is no box.
    """
    if asked.get("box"):
        west, south, east, north = asked["box"]
        return (west, south, east, north), ""
    commune = communes.of_code(asked.get("commune") or "")
    epci = epcis.epcis().get(commune.epci if commune else asked.get("epci") or "")
    known = epcis.outlines().get(epci.code) if epci else None
    if epci is None or known is None or any(each.startswith("97") for each in epci.departements):
        return None
    west, south, east, north = known.box
    return (west - MARGIN, south - MARGIN, east + MARGIN, north + MARGIN), epci.name


def outline(address: str, code: str, session: GuardedSession) -> tuple[dict[str, Any], Box]:
    """Fetch an outline from the URL configured by the administrator; return it as GeoJSON geometry, with its box.

    Args:
        address: the URL, with the placeholder `{code}`.
        code: code of the commune or intercommunality.
        session: session for the request.

    Raises:
        PreviewError: the outline could not be fetched.
    """
    from shapely.errors import ShapelyError
    from shapely.geometry import mapping, shape

    try:
        answer = session.get(address.replace("{code}", code), max_bytes=OUTLINE_MEGABYTES * config.MEGABYTE)
        found = strict_json.loads(answer.body)
        geometry = shape(found.get("geometry") or found)
        if answer.status != 200 or geometry.is_empty or geometry.geom_type not in ("Polygon", "MultiPolygon"):  # noqa: PLR2004
            raise PreviewError("no-outline")
        west, south, east, north = geometry.bounds
        return json.loads(json.dumps(mapping(geometry))), (west, south, east, north)
    except (FetchError, ShapelyError, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise PreviewError("no-outline") from error
