"""A study as its documents and files show it: plain data in the language of the reader, without
rows or rights.

`of_study` reads the rows of a study once; the annex, the tables, the project of QGIS and the
archive are written from what it returns.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import ckan.plugins.toolkit as tk
from pyproj import Geod
from shapely.geometry import mapping

from ckanext.ecosphere.core.pages import facts_of
from ckanext.ecosphere.dataset.view import Row, View
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.shared.characters import one_line
from ckanext.ecosphere.studies import candidates, frames, shown, store, suitability
from ckanext.ecosphere.studies.content import DATA, load
from ckanext.ecosphere.studies.frames import text_in
from ckanext.ecosphere.studies.model import Study

#: For how long a run counts as recent, as those of IPaC (U.S. Fish and Wildlife Service).
VALID = timedelta(days=90)
#: Proposals shown for a need of which no dataset was kept.
MOST_PROPOSED = 3
#: In a hectare.
SQUARE_METRES = 10_000


def of_study(study: Study, context: Any) -> dict[str, Any]:
    """Return a study as the user of a context may read it; whether they may read the study is
    checked by the caller.

    Returns:
        what `shown.full` returns, with the texts of groups and needs in the language of the page,
        and

        - `needs`: those of all groups. Each has `label`, `reason`, `mandatory`, `sentence` (what is
          known), `datasets` (kept and added ones, else the first proposals), `aside`, and `request`
          with `reference` and `link`. What `facts_of` says is added to each dataset that the reader
          may read, with `suitability` for this need.
        - `geometry` and `area` (with the buffer) as GeoJSON, `box` in degrees, and `hectares` on
          the ellipsoid.
        - `frame` (title) and its `sources`; `valid_until` (moment, None before the first run);
          `changes` since the run before, as `store.difference` returns them; `packages`: the
          readable datasets by id.
    """
    about = shown.full(study, context)
    needs = [need for group in about["groups"] for need in group["needs"]]
    ids = [row["package_id"] for need in needs for row in need["datasets"] if row["readable"]]
    packages = candidates.readable(ids, context)
    for group in about["groups"]:
        group["label"] = text_in(group["label"])
    for need in needs:
        _complete(need, packages)
    title, sources = study.frame_id, ()
    frame = frames.frame(study.frame_id)
    if frame is not None:
        title, sources = text_in(frame.title), frame.sources
    site = store.site_of(study)
    square_metres, _perimeter = Geod(ellps="WGS84").geometry_area_perimeter(site.geometry)
    return {
        **about,
        "needs": needs,
        "frame": title,
        "sources": sources,
        "geometry": mapping(site.geometry),
        "area": mapping(site.area),
        "box": site.box,
        "hectares": abs(square_metres) / SQUARE_METRES,
        "valid_until": study.run_at and study.run_at + VALID,
        "changes": _changes(study),
        "packages": packages,
    }


def content_of(name: str) -> Any:
    """Return the content of a file of `data/`, with its texts by language in that of the page."""
    return _in_language(load(DATA / name))


def _in_language(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_language(part) for part in value]
    if not isinstance(value, dict):
        return value
    if "fr" in value:
        return text_in(value)
    return {name: _in_language(part) for name, part in value.items()}


# --- parts of it ----------------------------------------------------------------------------------


def _complete(need: dict[str, Any], packages: Mapping[str, Row]) -> None:
    about = need["need"]
    use = about.get("use") or ""
    lines = [_line(row, packages.get(row["package_id"]), use) for row in need["datasets"]]
    chosen = [line for line in lines if line["decision"] in store.CHOSEN]
    proposed = [line for line in lines if line["decision"] == store.PROPOSED]
    need["label"] = text_in(about.get("label") or {})
    need["reason"] = text_in(about.get("why") or {})
    need["mandatory"] = bool(about.get("mandatory"))
    need["sentence"] = need["finding"]["evidence"]
    if not need["relevant"]:
        need["sentence"] = one_line(need["why"])
    need["datasets"] = chosen or proposed[:MOST_PROPOSED]
    need["aside"] = [line for line in lines if line["decision"] == store.ASIDE]
    if need["request"]:
        need["request"] = _request(need["request"])


def _line(row: Row, package: Row | None, use: str) -> dict[str, Any]:
    """Return a dataset; of one that the reader may not read, neither title nor producer."""
    title = one_line(row["title"]) or tk._("A dataset that you may not read")
    facts = {"title": title, "producer": one_line(row["organisation"])}
    if package:
        facts = facts_of(package)
        if use in suitability.uses():
            facts["suitability"] = _suitability(package, use)
    return {**row, **facts, "sentence": row["finding"].get("evidence", "")}


def _suitability(package: Row, use: str) -> str:
    """Return how suitable a dataset is for a kind of use, 0 to 5 with its sentence."""
    points, code, params = suitability.score(View(package), use)
    sentence = one_line(suitability.sentence(code, params, language.current()))
    words = tk._("{points} of {best}: {sentence}")
    return words.format(points=points, best=suitability.BEST, sentence=sentence)


def _request(request: Row) -> dict[str, Any]:
    """Return the request made for a need.

    Of one that the reader may not read, only that it was made.
    """
    if not request["id"]:
        return {"reference": tk._("A request that you may not read")}
    id_ = request["reference"] or request["id"]
    link = tk.h.url_for("ecosphere_requests.read", id=id_, qualified=True)
    return {**request, "reference": request["reference"] or tk._("Draft"), "link": link}


def _changes(study: Study) -> list[dict[str, Any]]:
    earlier = store.run_of(study, study.run - 1)
    last = store.run_of(study, study.run)
    if earlier is None or last is None:
        return []
    return store.difference(earlier.results, last.results)
