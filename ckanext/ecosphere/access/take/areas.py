"""The area of an extract: a territory, a commune, or a rectangle."""

from __future__ import annotations

import json
import math
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.access import config
from ckanext.ecosphere.access.preview.errors import PreviewError
from ckanext.ecosphere.access.take.request import Box
from ckanext.ecosphere.shared import language, strict_json
from ckanext.ecosphere.shared.http_guard import FetchError, GuardedSession
from ckanext.ecosphere.vocabularies import communes

OUTLINE_MEGABYTES = 4
SECONDS = 20


def parse(written: dict[str, str]) -> dict[str, Any]:
    """Read the area of a form.

    Args:
        written: `territory` (id in the vocabulary), `commune` (code of INSEE or name), `box` (west,south,east,north);
            the first that is filled in counts, none for everything.

    Returns:
        `label` and `box`, or `commune` (its code) in the place of `box`.

    Raises:
        ValidationError: by field, what is wrong.
    """
    if text := written.get("commune", "").strip():
        return _commune(text)
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
    found = communes.of_code(text.upper()) or next(
        (
            each
            for each in communes.suggest(text[:100], 20)
            if voc.normalise(text) in (voc.normalise(each.name), voc.normalise(each.label))
        ),
        None,
    )
    if found is None:
        raise tk.ValidationError({"commune": [tk._("No commune has this name or code.")]})
    return {"label": found.label, "commune": found.code, "box": None}


def _box(text: str) -> list[float]:
    wrong = tk.ValidationError({"box": [tk._("Give the box as west,south,east,north in degrees.")]})
    try:
        west, south, east, north = (float(side) for side in text[:200].replace(";", ",").split(","))
    except ValueError:
        raise wrong from None
    sides = [west, south, east, north]
    if not all(map(math.isfinite, sides)) or not (-180 <= west < east <= 180 and -90 <= south < north <= 90):  # noqa: PLR2004
        raise wrong
    return sides


def outline(code: str, session: GuardedSession) -> tuple[dict[str, Any], Box]:
    """Return the outline of a commune and its rectangle, from the address that the administrator has chosen.

    Raises:
        PreviewError: it could not be had.
    """
    from shapely.errors import ShapelyError
    from shapely.geometry import mapping, shape

    try:
        answer = session.get(
            config.communes_url().replace("{code}", code), max_bytes=OUTLINE_MEGABYTES * config.MEGABYTE
        )
        found = strict_json.loads(answer.body)
        geometry = shape(found.get("geometry") or found)
        if answer.status != 200 or geometry.is_empty or geometry.geom_type not in ("Polygon", "MultiPolygon"):  # noqa: PLR2004
            raise PreviewError("no-outline")
        west, south, east, north = geometry.bounds
        return json.loads(json.dumps(mapping(geometry))), (west, south, east, north)
    except (FetchError, ShapelyError, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise PreviewError("no-outline") from error
