"""Are there objects of a dataset on a site? Asked in the background, through the guard, bounded in
time and bytes.

Absence is never concluded from an empty or failed answer. A count of 0 is believed only if the same
question, asked for a wide rectangle around the site, finds something: a server that reads the axes
in another order finds nothing anywhere. A count above 0 is believed only if the same question finds
another number far away: some servers ignore the rectangle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

import shapely
from shapely.geometry.base import BaseGeometry

from ckanext.ecosphere.dataset import areas, links
from ckanext.ecosphere.dataset.geometry import Box
from ckanext.ecosphere.dataset.services import ServiceAddress, json_format, service_at
from ckanext.ecosphere.shared.feature_services import (
    MOST_FETCHED,
    SOURCES,
    Layer,
    NoAnswer,
    Source,
)
from ckanext.ecosphere.shared.http_guard import Budget, FetchError, GuardedSession, StoppedError
from ckanext.ecosphere.studies import config, states
from ckanext.ecosphere.studies.site import Site
from ckanext.ecosphere.studies.states import COVERS, COVERS_PART, NO_ANSWER, NOT_MAPPED, Finding

#: Bounds of the questions about one dataset: layers, requests, and megabytes of one answer and of
#: all.
MOST_LAYERS, MOST_REQUESTS, ANSWER_MEGABYTES, ALL_MEGABYTES = 4, 12, 6, 16
#: Metres within which the nearest object is looked for.
NEAR = 20_000
#: Degrees around the site in which a working service finds something, if it has anything here.
WIDE = 5.0
WORLD = shapely.box(-180, -90, 180, 90)
#: A place in the Atlantic without any data.
FAR_AWAY: Box = (-30.5, 30.0, -30.4, 30.1)
#: Share of the site from which a dataset covers the whole of it: outlines are some hundred metres
#: off.
WHOLE = 0.95
#: Extents by which it is sure that the place was mapped.
SURE = ("territory", "geometry")
#: Failures of the guard → code of `wording.SENTENCES`.
FAILURES = {
    "timeout": "timeout",
    "seconds": "timeout",
    "requests": "timeout",
    "too-large": "too-large",
    "bytes": "too-large",
    "compression": "broken-answer",
}
#: Lower the rank, better the state of a need; a coverage that nothing proves comes after a proved
#: absence.
_RANKS = {state: rank for rank, state in enumerate((COVERS, COVERS_PART, states.NOTHING_HERE))}
_RANKS |= {NO_ANSWER: 5, states.RESTRICTED: 6, NOT_MAPPED: 7}
_UNPROVED = 3


@dataclass(frozen=True)
class Count:
    """What a service has on a site.

    Attributes:
        number: its objects on the site.
        code: counted; counted-rectangle or at-least if they could not all be compared with the
            outline; outside if there is none, and the layer itself says that it ends before the
            site.
        nearest: metres to the nearest one if there is none on the site, None if not known.
    """

    number: int
    code: str = "counted"
    nearest: float | None = None


def moment() -> str:
    """Return the present moment as ISO 8601 (UTC)."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def count(dataset: dict[str, Any], site: Site, finding: Finding) -> Finding:
    """Ask the service of a dataset how many of its objects are on a site, and how far the nearest
    is.

    WFS (`resultType=hits`, OGC 09-025r2 §11.1) or OGC API Features (`numberMatched`, OGC 17-069r4
    §7.15). A slow, empty, wrong, partial or dead server gives `NO_ANSWER`, never `NOTHING_HERE`.
    Restricted data are not counted: a public service may show only the part of them that is public.

    Args:
        dataset: as `package_show` gives it; `ecosphere_service` of a resource may hold its service,
            as `ecosphere_access_service_show` gives it.
        finding: what is known so far (`candidates.Candidate.finding`).
    """
    if finding.state == states.RESTRICTED:
        return finding
    asked = replace(finding, at=moment(), attempts=finding.attempts + 1, count=None, nearest=None)
    try:
        return _concluded(asked, _counted(layers_of(dataset), site))
    except NoAnswer as error:
        code = error.code
    except StoppedError as error:
        code = FAILURES.get(error.code, "timeout")
    except FetchError as error:
        code = "connection"
        if error.refused:
            code = "refused"
        code = FAILURES.get(error.code, code)
    return unanswered(finding, code)


def unanswered(finding: Finding, code: str) -> Finding:
    """Return what is known of a dataset after its service, or the portal itself, failed to count
    its objects.

    Of data of another territory, a failure says nothing about this site: the finding stays as it
    was.
    """
    if finding.extent not in ("", "unknown") and not finding.share:
        return finding
    silent = replace(finding, state=NO_ANSWER, code=code, count=None, nearest=None)
    return replace(silent, at=moment(), attempts=finding.attempts + 1)


def _concluded(asked: Finding, counted: Count) -> Finding:
    """Return what a count says, of a dataset whose extent is known as the finding says."""
    is_whole = asked.share >= WHOLE
    if counted.code == "counted-rectangle" and not asked.share:
        # Objects beside the site, of a dataset that is made for elsewhere.
        code = "unknown"
        if asked.extent != code:
            code = f"{asked.extent}-elsewhere"
        return replace(asked, state=NOT_MAPPED, code=code)
    asked = replace(asked, count=counted.number, nearest=counted.nearest)
    if counted.number and is_whole:
        return replace(asked, state=COVERS, code=counted.code)
    if counted.number:
        code = counted.code
        if code == "counted" and asked.share:
            code = "counted-part"
        return replace(asked, state=COVERS_PART, code=code)
    if asked.extent not in SURE or not asked.share or counted.code == "outside":
        return replace(asked, state=NOT_MAPPED, code="nothing-unproven")
    if is_whole:
        return replace(asked, state=states.NOTHING_HERE, code="nothing")
    return replace(asked, state=COVERS_PART, code="nothing-on-part")


# --- layers ----------------------------------------------------------------------------------


def layers_of(dataset: dict[str, Any]) -> list[Layer]:
    """Return the layers of a dataset that can be asked for a count, those of an OGC API last."""
    layers: dict[ServiceAddress, Layer] = {}
    for resource in dataset.get("resources") or []:
        for layer in _layers_at(resource):
            layers.setdefault(layer.address, layer)
    return sorted(layers.values(), key=_last_resort)


def _last_resort(layer: Layer) -> tuple[bool, bool]:
    return layer.address.kind != "wfs", not layer.json_format


def _layers_at(resource: dict[str, Any]) -> Iterator[Layer]:
    url, protocol = str(resource.get("url") or ""), str(resource.get("protocol") or "")
    address = service_at(url, str(resource.get("format") or ""), protocol)
    if address is None or address.kind not in SOURCES or links.is_internal(resource):
        return
    service = resource.get("ecosphere_service") or {}
    for described in service.get("layers") or []:
        formats = [*described.get("formats", []), *service.get("formats", [])]
        yield Layer(
            replace(address, layer=str(described["name"])),
            version=str(service.get("version") or ""),
            json_format=json_format(formats),
            items=str((described.get("details") or {}).get("items") or ""),
            extent=described.get("extent"),
        )
    if not service.get("layers"):
        names = address.layer or str(resource.get("layer_name") or "").strip("[]")
        for name in names.split(","):
            yield Layer(replace(address, layer=name.strip(" \"'")[:300]))


def server_of(dataset: dict[str, Any]) -> str:
    """Return the server that can be asked for a count of a dataset, "" for none."""
    layers = layers_of(dataset)
    if not layers:
        return ""
    return urlsplit(layers[0].address.url).hostname or ""


# --- what they have --------------------------------------------------------------------------


def _counted(layers: Sequence[Layer], site: Site) -> Count:
    """Return what the layers of a dataset have on a site; nothing only if each of them has nothing.

    Raises:
        NoAnswer: one of them does not tell, and no other has an object.
        FetchError: its server did not answer.
        StoppedError: it took too long.
    """
    if not layers:
        raise NoAnswer("no-service")
    by_name: dict[str, list[Layer]] = defaultdict(list)
    for layer in layers:
        by_name[layer.bare_name].append(layer)
    by_name.pop("", None)
    if not by_name:
        raise NoAnswer("no-layer")
    size = ALL_MEGABYTES * config.MEGABYTE
    budget = Budget(requests=MOST_REQUESTS, size=size, seconds=config.seconds())
    settings = config.guard_settings(config.seconds(), ANSWER_MEGABYTES)
    session = GuardedSession(settings, budget=budget)
    empty: list[Count] = []
    failure: Exception | None = None
    if len(by_name) > MOST_LAYERS:
        failure = NoAnswer("no-layer")
    for same in list(by_name.values())[:MOST_LAYERS]:
        try:
            counted = _first_answer(session, same[:2], site)
        except (NoAnswer, FetchError) as error:
            failure = error
            continue
        if counted.number and len(by_name) > 1:
            return replace(counted, code="at-least")
        if counted.number:
            return counted
        empty.append(counted)
    if failure:
        raise failure
    if len(empty) > 1:
        return replace(max(empty, key=lambda counted: counted.code == "outside"), nearest=None)
    return empty[0]


def _first_answer(session: GuardedSession, layers: Sequence[Layer], site: Site) -> Count:
    """Return what the first of several ways to the same objects answers.

    Raises:
        NoAnswer: none of them does as it should.
        FetchError: nor does its server.
    """
    *others, last = layers
    for layer in others:
        try:
            return _asked(SOURCES[layer.address.kind](session, layer), site)
        except (NoAnswer, FetchError):
            continue
    return _asked(SOURCES[last.address.kind](session, last), site)


def _asked(source: Source, site: Site) -> Count:
    """Return what a layer has on a site.

    Raises:
        NoAnswer: it does not answer as it should.
    """
    number = source.hits(site.box)
    if not number:
        return _nothing(source, site)
    if source.hits(FAR_AWAY) >= number:
        raise NoAnswer("ignores-place")
    if shapely.box(*site.box).equals(site.area):
        return Count(number)
    shapes = source.features(site.box)
    if shapes is None:
        return Count(number, "counted-rectangle")
    shapely.prepare(site.area)
    on_site = int(site.area.intersects(shapes).sum())
    if on_site and len(shapes) == number:
        return Count(on_site)
    if on_site:
        return Count(on_site, "at-least")
    if len(shapes) == number:
        return _nothing(source, site)
    raise NoAnswer("too-many")


def _nothing(source: Source, site: Site) -> Count:
    """Return that a layer has nothing on a site, and the metres to its nearest object if that can
    be told.

    Raises:
        NoAnswer: it has none far around either, so that its answer proves nothing.
    """
    nothing = Count(0)
    extent = source.layer.extent
    if extent and not site.area.intersects(shapely.box(*extent)):
        nothing = Count(0, "outside")
    around: Box = areas.widened(site.area, NEAR).bounds
    number = source.hits(around)
    if number > MOST_FETCHED:
        return nothing
    if number:
        shapes = source.features(around)
        # The nearest of some is not the nearest of all.
        if shapes is None or len(shapes) != number:
            return nothing
        return replace(nothing, nearest=_distance(shapes, site))
    wide = shapely.box(*around).buffer(WIDE, join_style="mitre").intersection(WORLD)
    if source.hits(wide.bounds):
        return nothing
    if source.hits(None):
        raise NoAnswer("axes-unclear")
    raise NoAnswer("empty-layer")


def _distance(shapes: Sequence[BaseGeometry], site: Site) -> float | None:
    forth, _back = areas.to_metres(site.area)
    area = forth(site.area)
    nearest = min(area.distance(forth(geometry)) for geometry in shapes)
    if nearest > NEAR:
        return None
    return float(nearest)


# --- the state of a need ---------------------------------------------------------------------


def conclude(
    findings: Sequence[Finding], requested: bool, relevant: bool, at: str | None = None
) -> Finding:
    """Return the state of a need from those of its kept or proposed datasets, the request made and
    its relevance.

    Args:
        findings: those of the datasets, the best dataset first: that a lesser one has nothing here
            says nothing of a better one which did not answer, or is restricted.
        at: ISO moment at which datasets were looked for, if not now.
    """
    at = at or moment()
    if not relevant:
        return Finding(states.NOT_RELEVANT, "not-relevant", at=at)
    nobody = Finding(states.NOBODY, "nobody", at=at)
    best = min(findings, key=_worth, default=nobody)
    if best.state == states.NOTHING_HERE:
        better = findings[: findings.index(best)]
        silent = [one for one in better if one.state in (NO_ANSWER, states.RESTRICTED)]
        best = next(iter(silent), best)
    is_met = best.state in (COVERS, COVERS_PART, states.NOTHING_HERE)
    if requested and not is_met:
        return replace(best, state=states.REQUESTED, code="requested", count=None, nearest=None)
    return best


def _worth(finding: Finding) -> tuple[int, float]:
    """Return the rank of a finding among those of a need:
    what is proved comes before what is likely.
    """
    rank = _RANKS.get(finding.state, len(_RANKS) + _UNPROVED)
    is_proved = bool(finding.count) and finding.code != "counted-rectangle"
    if finding.state in (COVERS, COVERS_PART) and not (is_proved or finding.extent in SURE):
        rank += _UNPROVED
    return rank, -finding.share
