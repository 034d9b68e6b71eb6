"""Ask services of features (WFS, OGC API Features) how many objects are in a rectangle, and which.

Requests go through the guard. What a server answers is believed only if it can be true; anything
else is a `NoAnswer`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import shapely
from lxml import etree
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from ckanext.ecosphere.dataset import services
from ckanext.ecosphere.dataset.geometry import Box
from ckanext.ecosphere.dataset.services import ServiceAddress
from ckanext.ecosphere.shared import parsing
from ckanext.ecosphere.shared.http_guard import FetchError, GuardedSession

#: Objects that are fetched with one request.
MOST_FETCHED = 500
#: Degrees by which objects may lie outside the rectangle that was asked for: servers round.
_TOLERANCE = 0.01
_DIGITS = re.compile(r"\d{1,12}")
#: Status of a good answer, and the lowest that is a failure.
_OK, _FIRST_FAILURE = 200, 300


class NoAnswer(Exception):
    """The service did not answer as it should.

    Attributes:
        code: key of the sentence that says so (`studies.wording.SENTENCES`).
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Layer:
    """A layer that can be asked.

    Attributes:
        address: service, and the name of the layer.
        version: of a WFS, "" if not known.
        json_format: output format of a WFS for GeoJSON, "" if it is not known to have one.
        items: URL of the features of an OGC API, "" for the usual one.
        extent: box in degrees that its service states, None if not known.
    """

    address: ServiceAddress
    version: str = ""
    json_format: str = ""
    items: str = ""
    extent: Box | None = None

    @property
    def bare_name(self) -> str:
        """Its name without the workspace: that of the same data by WFS and by an OGC API."""
        return self.address.layer.rpartition(":")[2].lower()


@dataclass(frozen=True)
class Source:
    """A layer with the session in which it is asked; each kind of service has a subclass."""

    session: GuardedSession
    layer: Layer

    def hits(self, box: Box | None) -> int:
        """Return the number of objects in a rectangle in degrees; of all objects for None.

        Raises:
            NoAnswer: the service does not give a number that can be true.
            FetchError: the guard got no answer.
        """
        raise NotImplementedError

    def collection(self, box: Box) -> Any:
        """Return the first objects in a rectangle in degrees, as GeoJSON.

        Raises:
            NoAnswer: the service does not give GeoJSON.
            FetchError: the guard got no answer.
        """
        raise NotImplementedError

    def features(self, box: Box) -> list[BaseGeometry] | None:
        """Return the geometries of the first objects in a rectangle in degrees.

        None if the service does not give them, or not in degrees: they lie elsewhere.
        """
        try:
            shapes = _shapes(self.collection(box))
        except (NoAnswer, FetchError):
            return None
        around = shapely.box(*box).buffer(_TOLERANCE)
        if not all(around.intersects(geometry.envelope) for geometry in shapes):
            return None
        return shapes

    def body(self, url: str) -> bytes:
        """Return the body of an answer.

        Raises:
            NoAnswer: the answer is an error, empty, a page, or that of another layer, to which the
                server redirected.
            FetchError: the guard got none.
        """
        answer = self.session.get(url)
        if answer.status >= _FIRST_FAILURE:
            raise NoAnswer("status")
        if answer.status != _OK or not answer.body.strip():
            raise NoAnswer("empty-answer")
        head = answer.body[:300].lstrip().lower()
        if answer.content_type == "text/html" or head.startswith((b"<!doctype html", b"<html")):
            raise NoAnswer("html")
        name = self.layer.address.layer
        if name in unquote(url) and name not in unquote(answer.url):
            raise NoAnswer("broken-answer")  # redirected to another layer
        return answer.body


class Wfs(Source):
    """A feature type of a WFS 2.0 or 1.1."""

    def _url(self, box: Box | None, most: int | None = None, **more: str) -> str:
        """Return the URL of a request for the objects in a rectangle, at most so many."""
        if box is not None:
            # Latitude first, as the "urn" name demands (OGC 09-025r2 §7.9.2.4).
            west, south, east, north = (f"{side:.6f}" for side in box)
            more["BBOX"] = f"{south},{west},{north},{east},urn:ogc:def:crs:EPSG::4326"
        version = ""
        if self.layer.version.startswith("1."):
            version = "1.1.0"  # 1.0.0 has no `resultType`
        address = self.layer.address
        return services.feature_request(address.url, version, address.layer, most, **more)

    def hits(self, box: Box | None) -> int:
        """Return the number that a collection without members states (`resultType=hits`)."""
        root = _root(self.body(self._url(box, RESULTTYPE="hits")))
        if "featurecollection" not in parsing.local_name(root).lower():
            raise NoAnswer("broken-answer")
        # WFS 2.0, else WFS 1.1.
        number = root.get("numberMatched", root.get("numberOfFeatures", "unknown"))
        children = [parsing.local_name(child) for child in root]
        if "truncatedResponse" in children:
            raise NoAnswer("exception")
        # Some servers return members all the same: the number cannot be lower than theirs.
        returned = sum(name.startswith(("member", "featureMember")) for name in children)
        number_returned = root.get("numberReturned", "")
        if number_returned.isdecimal():
            returned = max(returned, int(number_returned))
        return _number(number, returned)

    def collection(self, box: Box) -> Any:
        """Return the first objects in a rectangle in degrees, as GeoJSON."""
        json_format = self.layer.json_format or "application/json"
        url = self._url(box, MOST_FETCHED, OUTPUTFORMAT=json_format, SRSNAME="EPSG:4326")
        return _collection(self.body(url))


class OgcApi(Source):
    """A collection of an OGC API – Features."""

    def collection(self, box: Box | None, limit: int = MOST_FETCHED) -> Any:
        """Return the first objects in a rectangle in degrees, of all for None, as GeoJSON."""
        parameters: dict[str, str | int] = {"limit": limit}
        if box is not None:
            parameters["bbox"] = ",".join(f"{side:.6f}" for side in box)
        address = self.layer.address
        url = services.items_request(address.url, address.layer, self.layer.items, **parameters)
        return _collection(self.body(url))

    def hits(self, box: Box | None) -> int:
        """Return the number of objects: as stated (`numberMatched`), else that of a single page."""
        document = self.collection(box, 1)
        if "numberMatched" not in document:
            document = self.collection(box)
        returned = len(document["features"])
        if "numberMatched" in document:
            number = _number(document["numberMatched"], returned)
            if number and not returned:
                raise NoAnswer("wrong-count")
            return number
        links = document.get("links") or []
        relations = [link.get("rel") for link in links if isinstance(link, dict)]
        if returned >= MOST_FETCHED or "next" in relations:
            raise NoAnswer("no-count")
        return returned


#: Kind of a service (`ServiceAddress.kind`) → how its layers are asked.
SOURCES: dict[str, type[Source]] = {"wfs": Wfs, "ogcapi": OgcApi}


def _collection(body: bytes) -> dict[str, Any]:
    """Return a collection of GeoJSON features.

    Raises:
        NoAnswer: the answer is something else.
    """
    if body.lstrip()[:1] == b"<":
        _root(body)  # raises a code of its own for an exception report
        raise NoAnswer("broken-answer")
    try:
        document = parsing.load_json(body)
    except (ValueError, RecursionError):
        raise NoAnswer("broken-answer") from None
    if isinstance(document, dict) and isinstance(document.get("features"), list):
        return document
    if isinstance(document, dict) and ("code" in document or "exceptions" in document):
        raise NoAnswer("exception")
    raise NoAnswer("broken-answer")


def _shapes(document: dict[str, Any]) -> list[BaseGeometry]:
    """Return the geometries of a collection; objects without one are left out.

    Raises:
        NoAnswer: one of them cannot be read.
    """
    try:
        geometries = [feature["geometry"] for feature in document["features"]]
        shapes = [shapely.force_2d(shape(geometry)) for geometry in geometries if geometry]
    except (ShapelyError, ValueError, TypeError, LookupError, AttributeError):
        raise NoAnswer("broken-answer") from None
    return [shapely.make_valid(geometry) for geometry in shapes]


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


def _number(text: Any, returned: int) -> int:
    """Return a number of objects as an integer.

    Args:
        text: as the service states it.
        returned: how many objects it returned.

    Raises:
        NoAnswer: it is no number, or fewer than were returned.
    """
    if text == "unknown":
        raise NoAnswer("no-count")
    is_number = _DIGITS.fullmatch(str(text)) and not isinstance(text, bool)
    if not is_number or int(text) < returned:
        raise NoAnswer("wrong-count")
    return int(text)
