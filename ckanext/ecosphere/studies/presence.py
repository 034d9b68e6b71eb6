"""Are there objects of a dataset on a site? Asked in the background, through the guard, bounded in time and bytes.

Absence is never concluded from an empty or failed answer. A count of 0 is believed only if the same question, asked for
a wide rectangle around the site, finds something: a server that reads the axes in another order finds nothing anywhere.
A count above 0 is believed only if the same question finds another number far away: some servers ignore the rectangle.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, Protocol

import shapely
from lxml import etree
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from ckanext.ecosphere.dataset import links
from ckanext.ecosphere.dataset.geometry import Box
from ckanext.ecosphere.dataset.services import ServiceAddress, service_at, with_parameters
from ckanext.ecosphere.shared import parsing
from ckanext.ecosphere.shared.http_guard import Budget, FetchError, GuardedSession, StoppedError
from ckanext.ecosphere.studies import config
from ckanext.ecosphere.studies.site import Site, to_metres, widened
from ckanext.ecosphere.studies.states import (
    COVERS,
    COVERS_PART,
    NO_ANSWER,
    NOBODY,
    NOT_MAPPED,
    NOT_RELEVANT,
    NOTHING_HERE,
    REQUESTED,
    RESTRICTED,
    Finding,
)

#: Bounds of the questions about one dataset: requests, and megabytes of one answer and of all.
MOST_REQUESTS, ANSWER_MEGABYTES, ALL_MEGABYTES = 12, 6, 16
#: Objects that are fetched to be compared with the outline of the site.
MOST_FETCHED = 500
#: Metres within which the nearest object is looked for.
NEAR = 20_000
#: Degrees around the site in which a working service finds something, if it has anything here.
WIDE = 5.0
#: A place in the Atlantic without any data.
FAR_AWAY: Box = (-30.5, 30.0, -30.4, 30.1)
#: Share of the site from which a dataset covers the whole of it: outlines are some hundred metres off.
WHOLE = 0.95
#: Extents by which it is sure that the place was mapped.
SURE = ("territory", "geometry")
_DIGITS = re.compile(r"\d{1,12}")
_OK = 200


class NoAnswer(Exception):
    """The service did not answer as it should.

    Attributes:
        code: key of `wording.SENTENCES`.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Count:
    """What a service has on a site.

    Attributes:
        number: its objects on the site.
        code: counted; counted-rectangle or at-least if they could not all be compared with the outline.
        nearest: metres to the nearest one if there is none on the site, None if not known.
    """

    number: int
    code: str = "counted"
    nearest: float | None = None


def moment() -> str:
    """Return the present moment as ISO 8601 (UTC)."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def count(dataset: dict[str, Any], site: Site, finding: Finding) -> Finding:
    """Ask the service of a dataset how many of its objects are on a site, and how far the nearest is.

    WFS (`resultType=hits`, OGC 09-025r2 §11.1), OGC API Features (`numberMatched`, OGC 17-069r4 §7.15) or the features
    of a sample. A slow, empty, wrong, partial or dead server gives `NO_ANSWER`, never `NOTHING_HERE`.

    Args:
        dataset: as `package_show` gives it; `ecosphere_sample` of a resource may hold its preview as a collection of
            GeoJSON features, if that is all of them.
        finding: what is known so far (`candidates.Candidate.finding`).
    """
    asked = replace(finding, at=moment(), attempts=finding.attempts + 1, count=None, nearest=None)
    try:
        counted = _counted(dataset, site)
    except NoAnswer as error:
        return replace(asked, state=NO_ANSWER, code=error.code)
    except FetchError as error:
        return replace(asked, state=NO_ANSWER, code=_failure(error))
    except StoppedError:
        return replace(asked, state=NO_ANSWER, code="timeout")
    return _concluded(asked, counted)


def _failure(error: FetchError) -> str:
    if error.code in ("timeout", "too-large"):
        return error.code
    if error.code == "compression":
        return "broken-answer"
    if error.refused:
        return "refused"
    return "connection"


def _concluded(finding: Finding, counted: Count) -> Finding:
    """Return what a count says, of a dataset whose extent is known as the finding says."""
    asked = replace(finding, count=counted.number, nearest=counted.nearest)
    is_whole = finding.share >= WHOLE
    is_sure = finding.extent in SURE
    if counted.number:
        if is_whole:
            return replace(asked, state=COVERS, code=counted.code)
        code = counted.code
        if code == "counted" and finding.share > 0:
            code = "counted-part"
        return replace(asked, state=COVERS_PART, code=code)
    if is_sure and is_whole:
        return replace(asked, state=NOTHING_HERE, code="nothing")
    if is_sure and finding.share > 0:
        return replace(asked, state=COVERS_PART, code="nothing-on-part")
    return replace(asked, state=NOT_MAPPED, code="nothing-unproven")


# --- services --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Layer:
    """A layer that can be asked.

    Attributes:
        address: service, and the name of the layer.
        version: of a WFS, "" if not known.
        json_format: output format of a WFS for GeoJSON, "" if it is not known to have one.
        items: URL of the features of an OGC API, "" for the usual one.
    """

    address: ServiceAddress
    version: str = ""
    json_format: str = ""
    items: str = ""


def layers_of(dataset: dict[str, Any]) -> list[Layer]:
    """Return the layers of a dataset that can be asked for a count, those of an OGC API last.

    Args:
        dataset: as `package_show` gives it; `ecosphere_service` of a resource may hold its service, as
            `ecosphere_access_service_show` gives it.
    """
    layers: dict[tuple[str, str, str], Layer] = {}
    for resource in dataset.get("resources") or []:
        layer = _layer_of(resource)
        if layer is not None:
            address = layer.address
            layers.setdefault((address.kind, address.url, address.layer), layer)
    return sorted(
        layers.values(), key=lambda layer: (layer.address.kind != "wfs", not layer.json_format)
    )


def is_countable(dataset: dict[str, Any]) -> bool:
    """Return whether a service of a dataset can be asked for a count."""
    return bool(layers_of(dataset)) or bool(_samples_of(dataset))


def _layer_of(resource: dict[str, Any]) -> Layer | None:
    if links.is_internal(resource):
        return None
    url, protocol = str(resource.get("url") or ""), str(resource.get("protocol") or "")
    address = service_at(url, str(resource.get("format") or ""), protocol)
    if address is None or address.kind not in ("wfs", "ogcapi"):
        return None
    service = resource.get("ecosphere_service") or {}
    known = next(iter(service.get("layers") or []), None)
    if known is None:
        name = address.layer or _first_name(resource.get("layer_name"))
        return Layer(replace(address, layer=name))
    formats = [*known.get("formats", []), *service.get("formats", [])]
    names = [
        name for name in formats if "json" in name.lower() and "javascript" not in name.lower()
    ]
    items = str((known.get("details") or {}).get("items") or "")
    named = replace(address, layer=str(known["name"]))
    return Layer(named, str(service.get("version") or ""), min(names, key=len, default=""), items)


def _first_name(names: Any) -> str:
    if not isinstance(names, list):
        names = str(names or "").strip("[]").split(",")
    plain = [str(name).strip(" \"'") for name in names]
    return next(filter(None, plain), "")[:300]


def _samples_of(dataset: dict[str, Any]) -> list[dict[str, Any]]:
    samples = [resource.get("ecosphere_sample") for resource in dataset.get("resources") or []]
    return [sample for sample in samples if isinstance(sample, dict)]


def _counted(dataset: dict[str, Any], site: Site) -> Count:
    """Return the count of the first layer that answers.

    Raises:
        NoAnswer: none does.
        FetchError: its server did not answer.
        StoppedError: it took too long.
    """
    for sample in _samples_of(dataset):
        return _of_sample(_shapes(sample), site)
    layers = layers_of(dataset)
    if not layers:
        raise NoAnswer("no-service")
    named = [layer for layer in layers if layer.address.layer]
    if not named:
        raise NoAnswer("no-layer")
    budget = Budget(
        requests=MOST_REQUESTS, size=ALL_MEGABYTES * config.MEGABYTE, seconds=config.seconds()
    )
    session = GuardedSession(
        config.guard_settings(config.seconds(), ANSWER_MEGABYTES), budget=budget
    )
    error: NoAnswer | FetchError = NoAnswer("no-service")
    for layer in named[:2]:
        try:
            return _asked(_source(session, layer), site)
        except (NoAnswer, FetchError) as failure:
            error = failure
    raise error


class Source(Protocol):
    """A layer of a service, as it is asked."""

    def hits(self, box: Box | None) -> int:
        """Return the number of objects in a rectangle in degrees, of all objects for None."""
        ...

    def within(self, area: BaseGeometry) -> int | None:
        """Return the number of objects on an area, None if the service cannot tell."""
        ...

    def features(self, box: Box) -> list[BaseGeometry] | None:
        """Return the first objects in a rectangle in degrees, None if their form is not known."""
        ...


def _source(session: GuardedSession, layer: Layer) -> Source:
    if layer.address.kind == "wfs":
        return Wfs(session, layer)
    return OgcApi(session, layer)


def _asked(source: Source, site: Site) -> Count:
    """Return what a layer has on a site.

    Raises:
        NoAnswer: it does not answer as it should.
    """
    number = source.hits(site.box)
    if not number:
        return Count(0, nearest=_nearest(source, site))
    _refuse_placeless(source, number)
    if shapely.box(*site.box).equals(site.area):
        return Count(number)
    if number > MOST_FETCHED:
        inside = source.within(site.area)
        if inside:
            return Count(min(inside, number))
    shapes = source.features(site.box)
    if shapes is None:
        return _counted_roughly(source, site, number)
    compared = _compared(shapes, site)
    if len(shapes) == number:
        return compared
    if not compared.number:
        raise NoAnswer("too-many")
    return Count(compared.number, "at-least")


def _counted_roughly(source: Source, site: Site, number: int) -> Count:
    # A filter that finds nothing proves nothing: the service may read its axes in another order.
    inside = source.within(site.area)
    if inside:
        return Count(min(inside, number))
    return Count(number, "counted-rectangle")


def _refuse_placeless(source: Source, number: int) -> None:
    """Refuse a service that counts the same number far away, since it ignores the rectangle.

    Raises:
        NoAnswer: it does.
    """
    if source.hits(FAR_AWAY) >= number:
        raise NoAnswer("ignores-place")


def _nearest(source: Source, site: Site) -> float | None:
    """Return the metres to the nearest object, of a layer that has none on the site.

    Raises:
        NoAnswer: it has none far around either, so that its answer proves nothing.
    """
    around = widened(site.area, NEAR)
    west, south, east, north = around.bounds
    number = source.hits((west, south, east, north))
    if number:
        _refuse_placeless(source, number)
        shapes = None
        if number <= MOST_FETCHED:
            shapes = source.features((west, south, east, north))
        # The nearest of some is not the nearest of all.
        if shapes is None or len(shapes) != number:
            return None
        return _distance(shapes, site)
    if source.hits(_wide((west, south, east, north))):
        return None
    if not source.hits(None):
        raise NoAnswer("empty-layer")
    raise NoAnswer("axes-unclear")


def _wide(box: Box) -> Box:
    west, south, east, north = box
    return (
        max(-180, west - WIDE),
        max(-90, south - WIDE),
        min(180, east + WIDE),
        min(90, north + WIDE),
    )


def _of_sample(shapes: list[BaseGeometry], site: Site) -> Count:
    """Return what all objects of a dataset say of a site.

    Raises:
        NoAnswer: there are none, or none far around the site, so that they may be in other coordinates.
    """
    if not shapes:
        raise NoAnswer("empty-layer")
    around = shapely.box(*_wide(site.box))
    if not any(around.intersects(geometry) for geometry in shapes):
        raise NoAnswer("axes-unclear")
    return _compared(shapes, site)


def _distance(shapes: Iterable[BaseGeometry], site: Site) -> float | None:
    forth, _back = to_metres(site.area)
    area = forth(site.area)
    distances = [area.distance(forth(geometry)) for geometry in shapes]
    nearest = min(distances, default=None)
    if nearest is None or nearest > NEAR:
        return None
    return float(nearest)


def _compared(shapes: list[BaseGeometry], site: Site) -> Count:
    """Return how many geometries lie on a site, or how far the nearest is."""
    area = site.area
    shapely.prepare(area)
    number = sum(1 for geometry in shapes if area.intersects(geometry))
    if number:
        return Count(number)
    return Count(0, nearest=_distance(shapes, site))


def _shapes(document: Any) -> list[BaseGeometry]:
    """Return the geometries of a collection of GeoJSON features.

    Raises:
        NoAnswer: it is none, or one of them cannot be read.
    """
    if not isinstance(document, dict) or not isinstance(document.get("features"), list):
        raise NoAnswer("broken-answer")
    shapes: list[BaseGeometry] = []
    for feature in document["features"]:
        if not isinstance(feature, dict):
            raise NoAnswer("broken-answer")
        if feature.get("geometry") is None:
            continue
        try:
            geometry = shapely.force_2d(shape(feature["geometry"]))
        except (ShapelyError, ValueError, TypeError, LookupError, AttributeError):
            raise NoAnswer("broken-answer") from None
        if not geometry.is_valid:
            geometry = geometry.envelope
        shapes.append(geometry)
    return shapes


def _in_degrees(shapes: list[BaseGeometry], box: Box) -> list[BaseGeometry] | None:
    """Return geometries if they lie around the rectangle that was asked for, None if they are in other coordinates."""
    if not shapes:
        return shapes
    around = shapely.box(*box).buffer(0.01)
    if any(around.intersects(geometry) for geometry in shapes):
        return shapes
    return None


# --- requests --------------------------------------------------------------------------------


def _body(session: GuardedSession, url: str) -> bytes:
    """Return the whole answer.

    Raises:
        NoAnswer: it is an error, or empty.
        FetchError: there is none.
    """
    answer = session.get(url)
    if answer.status != _OK:
        if 200 < answer.status < 300:  # noqa: PLR2004 - 204 No Content and the like
            raise NoAnswer("empty-answer")
        raise NoAnswer("status")
    if not answer.body.strip():
        raise NoAnswer("empty-answer")
    head = answer.body[:300].lstrip().lower()
    if answer.content_type == "text/html" or head.startswith((b"<!doctype html", b"<html")):
        raise NoAnswer("html")
    return answer.body


def _json(body: bytes) -> Any:
    if body.lstrip()[:1] == b"<":
        _root(body)  # says why: an exception report, mostly
        raise NoAnswer("broken-answer")
    try:
        return parsing.load_json(body)
    except (ValueError, RecursionError):
        raise NoAnswer("broken-answer") from None


def _root(body: bytes) -> etree._Element:
    """Return the root of an answer in XML.

    Raises:
        NoAnswer: it is not well-formed, declares entities, or is an exception report.
    """
    try:
        root = etree.fromstring(body, parsing.xml_parser())
    except (etree.XMLSyntaxError, ValueError):
        raise NoAnswer("broken-answer") from None
    if root.getroottree().docinfo.doctype:
        raise NoAnswer("broken-answer")
    if "exception" in parsing.local_name(root).lower():
        raise NoAnswer("exception")
    return root


def _number(text: Any) -> int:
    """Return a number of objects.

    Raises:
        NoAnswer: it is none.
    """
    if isinstance(text, bool) or not _DIGITS.fullmatch(str(text)):
        raise NoAnswer("wrong-count")
    return int(text)


@dataclass(frozen=True)
class Wfs:
    """A feature type of a WFS 2.0 or 1.1."""

    session: GuardedSession
    layer: Layer

    @property
    def is_old(self) -> bool:
        """Whether the service speaks WFS 1.1 at most."""
        return self.layer.version.startswith("1.")

    def _url(self, **more: str | int) -> str:
        name_of_types, version = "TYPENAMES", "2.0.0"
        if self.is_old:
            name_of_types, version = "TYPENAME", "1.1.0"
        parameters: dict[str, str | int] = {
            "SERVICE": "WFS",
            "VERSION": version,
            "REQUEST": "GetFeature",
        }
        parameters[name_of_types] = self.layer.address.layer
        return with_parameters(self.layer.address.url, **parameters, **more)

    def hits(self, box: Box | None) -> int:
        """Return the number of objects (`resultType=hits`)."""
        more: dict[str, str | int] = {"RESULTTYPE": "hits"}
        if box is not None:
            more["BBOX"] = _wfs_box(box)
        return _hits_in(_body(self.session, self._url(**more)))

    def within(self, area: BaseGeometry) -> int | None:
        """Return the number of objects on an area (Intersects, OGC 09-026r2 §7.8), None if the service cannot tell."""
        try:
            return _hits_in(
                _body(self.session, self._url(RESULTTYPE="hits", FILTER=_filter(area, self.is_old)))
            )
        except (NoAnswer, FetchError):
            return None

    def features(self, box: Box) -> list[BaseGeometry] | None:
        """Return the first objects as GeoJSON in degrees, None if the service does not give them so."""
        name_of_count = "COUNT"
        if self.is_old:
            name_of_count = "MAXFEATURES"
        more: dict[str, str | int] = {
            "OUTPUTFORMAT": self.layer.json_format or "application/json",
            "SRSNAME": "EPSG:4326",
            "BBOX": _wfs_box(box),
            name_of_count: MOST_FETCHED,
        }
        try:
            shapes = _shapes(_json(_body(self.session, self._url(**more))))
        except (NoAnswer, FetchError):
            return None
        return _in_degrees(shapes, box)


def _wfs_box(box: Box) -> str:
    """Return a BBOX parameter: latitude first, as the "urn" name demands (OGC 09-025r2 §7.9.2.4)."""
    west, south, east, north = (f"{side:.6f}" for side in box)
    return f"{south},{west},{north},{east},urn:ogc:def:crs:EPSG::4326"


def _hits_in(body: bytes) -> int:
    """Return the number of objects that a collection without members states.

    Raises:
        NoAnswer: it is no collection, or states none that can be true.
    """
    root = _root(body)
    if "featurecollection" not in parsing.local_name(root).lower():
        raise NoAnswer("broken-answer")
    stated = root.get("numberMatched", root.get("numberOfFeatures"))
    if stated is None or stated == "unknown":
        raise NoAnswer("no-count")
    number = _number(stated)
    members = ("member", "featureMember", "featureMembers")
    returned = sum(1 for child in root if parsing.local_name(child) in members)
    if returned > number:
        raise NoAnswer("wrong-count")
    return number


#: Places of an outline that fit into the address of a request.
_MOST_PLACES = 60


def _filter(area: BaseGeometry, is_old: bool) -> str:
    """Return a filter for the objects that intersect an area."""
    outline = area
    tolerance = 0.0005
    while shapely.get_num_coordinates(outline) > _MOST_PLACES and tolerance < 1:
        outline = area.simplify(tolerance)
        tolerance *= 2
    parts = "".join(_member(part) for part in shapely.get_parts(outline))
    namespace, reference = "http://www.opengis.net/fes/2.0", "<fes:ValueReference/>"
    if is_old:
        namespace, reference = "http://www.opengis.net/ogc", "<fes:PropertyName/>"
    crs = "urn:ogc:def:crs:EPSG::4326"
    surface = f'<gml:MultiSurface gml:id="a" srsName="{crs}">{parts}</gml:MultiSurface>'
    gml = "http://www.opengis.net/gml/3.2"
    if is_old:
        gml = "http://www.opengis.net/gml"
    names = f'xmlns:fes="{namespace}" xmlns:gml="{gml}"'
    inside = f"<fes:Intersects>{reference}{surface}</fes:Intersects>"
    return f"<fes:Filter {names}>{inside}</fes:Filter>"


def _member(part: BaseGeometry) -> str:
    places = shapely.get_coordinates(shapely.get_exterior_ring(part))
    written = " ".join(f"{y:.5f} {x:.5f}" for x, y in places)
    ring = f"<gml:LinearRing><gml:posList>{written}</gml:posList></gml:LinearRing>"
    polygon = f"<gml:Polygon><gml:exterior>{ring}</gml:exterior></gml:Polygon>"
    return f"<gml:surfaceMember>{polygon}</gml:surfaceMember>"


@dataclass(frozen=True)
class OgcApi:
    """A collection of an OGC API – Features."""

    session: GuardedSession
    layer: Layer

    def _document(self, box: Box | None, limit: int) -> dict[str, Any]:
        url = self.layer.items
        if not url:
            url = f"{self.layer.address.url}/collections/{self.layer.address.layer}/items"
        more: dict[str, str | int] = {"limit": limit}
        if "f=" not in url:
            more["f"] = "json"
        if box is not None:
            more["bbox"] = ",".join(f"{side:.6f}" for side in box)
        document = _json(_body(self.session, with_parameters(url, **more)))
        if not isinstance(document, dict) or not isinstance(document.get("features"), list):
            if isinstance(document, dict) and ("code" in document or "exceptions" in document):
                raise NoAnswer("exception")
            raise NoAnswer("broken-answer")
        return document

    def hits(self, box: Box | None) -> int:
        """Return the number of objects (`numberMatched`), counted if they all fit on one page."""
        document = self._document(box, 1)
        if "numberMatched" not in document:
            document = self._document(box, MOST_FETCHED)
        returned = len(document["features"])
        if "numberMatched" not in document:
            if returned >= MOST_FETCHED or _has_more(document):
                raise NoAnswer("no-count")
            return returned
        number = _number(document["numberMatched"])
        if returned > number or (number and not returned):
            raise NoAnswer("wrong-count")
        return number

    def within(self, area: BaseGeometry) -> int | None:
        """Return None: a filter by area is another part of the standard (OGC 19-079r2)."""
        return None

    def features(self, box: Box) -> list[BaseGeometry] | None:
        """Return the first objects in degrees, None if the service does not give them."""
        try:
            return _in_degrees(_shapes(self._document(box, MOST_FETCHED)), box)
        except (NoAnswer, FetchError):
            return None


def _has_more(document: dict[str, Any]) -> bool:
    known = [link for link in document.get("links") or [] if isinstance(link, dict)]
    return any(link.get("rel") == "next" for link in known)


# --- the state of a need ---------------------------------------------------------------------


def conclude(findings: list[Finding], requested: bool, relevant: bool) -> Finding:
    """Return the state of a need from those of its kept or proposed datasets, the request made and its relevance."""
    if not relevant:
        return Finding(NOT_RELEVANT, "not-relevant", at=moment())
    best = min(findings, key=_worth, default=Finding(NOBODY, "nobody", at=moment()))
    is_met = best.state in (COVERS, COVERS_PART, NOTHING_HERE)
    if requested and not is_met:
        return replace(best, state=REQUESTED, code="requested", count=None, nearest=None)
    return best


def _worth(finding: Finding) -> tuple[int, float]:
    """Return the rank of a finding among those of a need: what is proved comes before what is likely."""
    is_proved = bool(finding.count) or finding.extent in SURE
    ranks = {
        COVERS: 0,
        COVERS_PART: 1,
        NOTHING_HERE: 2,
        NO_ANSWER: 5,
        RESTRICTED: 6,
        NOT_MAPPED: 7,
    }
    rank = ranks.get(finding.state, 8)
    if finding.state in (COVERS, COVERS_PART) and not is_proved:
        rank += 3
    return rank, -finding.share
