"""Build CSW 2.0.2 GetRecords requests, filters included, in the dialects that servers understand.

OGC 07-006r1 (CSW 2.0.2) §10.8; OGC 07-045 (ISO application profile) for the names of the queryables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from lxml import etree
from owslib import fes

from ckanext.ecosphere.harvest.sources.messages import ConfigError

CSW = "http://www.opengis.net/cat/csw/2.0.2"
OGC = "http://www.opengis.net/ogc"
GMD = "http://www.isotc211.org/2005/gmd"

# Short name in the configuration of a source → property of csw:Record, property of gmd:MD_Metadata.
QUERYABLES = {
    "identifier": ("dc:identifier", "apiso:Identifier"),
    "title": ("dc:title", "apiso:Title"),
    "abstract": ("dct:abstract", "apiso:Abstract"),
    "subject": ("dc:subject", "apiso:Subject"),
    "type": ("dc:type", "apiso:Type"),
    "organisation": ("apiso:OrganisationName", "apiso:OrganisationName"),
    "modified": ("dct:modified", "apiso:Modified"),
    "any": ("csw:AnyText", "apiso:AnyText"),
}
_COMPARISONS = {
    "like": lambda name, value: fes.PropertyIsLike(
        name, value, escapeChar="\\", wildCard="%", singleChar="_"
    ),
    "equals": fes.PropertyIsEqualTo,
    "since": fes.PropertyIsGreaterThanOrEqualTo,
    "until": fes.PropertyIsLessThanOrEqualTo,
}
_NAMESPACES = {
    "csw": CSW,
    "ogc": OGC,
    "gmd": GMD,
    "gml": "http://www.opengis.net/gml",
    "apiso": "http://www.opengis.net/cat/csw/apiso/1.0",
    "dc": "http://purl.org/dc/elements/1.1/",
    "dct": "http://purl.org/dc/terms/",
}
# Parameters that the URL of a source may contain because it was copied from a browser.
_PROTOCOL_PARAMETERS = {
    "service",
    "request",
    "version",
    "acceptversions",
    "elementsetname",
    "resulttype",
}
_PROPERTY = re.compile(r"[A-Za-z_][\w.:-]{0,80}")


@dataclass(frozen=True)
class Filter:
    """One condition, which compares a property with a value."""

    name: str
    comparison: str
    value: str
    negated: bool = False

    @property
    def needs_iso(self) -> bool:
        """Whether only the ISO profile defines the property."""
        return QUERYABLES.get(self.name, ("apiso",))[0].startswith("apiso")

    @classmethod
    def read(cls, condition: Any) -> Filter | AnyOf:
        """Read a condition such as ``{"property": "identifier", "like": "fr-120066022-%", "not": true}``.

        ``{"any": [[…], […]]}`` holds if all conditions of one of its lists do.

        Raises:
            ConfigError: it is not valid.
        """
        if not isinstance(condition, dict):
            raise ConfigError("filter-object", example='{"property": "type", "equals": "dataset"}')
        if set(condition) == {"any"}:
            return AnyOf.of(condition["any"])
        rest = dict(condition)
        name, negated = rest.pop("property", None), rest.pop("not", False)
        if not isinstance(name, str) or not _PROPERTY.fullmatch(name):
            raise ConfigError("filter-property", known=", ".join(QUERYABLES))
        if not isinstance(negated, bool):
            raise ConfigError("filter-not")
        comparison, value = next(iter(rest.items()), ("", None))
        if len(rest) != 1 or comparison not in _COMPARISONS:
            raise ConfigError("filter-comparison", known=", ".join(_COMPARISONS))
        if not isinstance(value, str) or not value.strip():
            raise ConfigError("filter-value", name=comparison)
        return cls(name, comparison, value, negated)

    def expression(self, iso: bool) -> Any:
        """Return the filter expression with the property names of one of the two record types."""
        name = self.name
        if name in QUERYABLES:
            name = QUERYABLES[name][iso]
        condition = _COMPARISONS[self.comparison](name, self.value)
        return fes.Not([condition]) if self.negated else condition


@dataclass(frozen=True)
class AnyOf:
    """Lists of conditions, one of which must hold entirely."""

    choices: tuple[tuple[Filter, ...], ...]

    @classmethod
    def of(cls, lists: Any) -> AnyOf:
        """Read the lists.

        Raises:
            ConfigError: they are not valid.
        """
        if not isinstance(lists, list) or not lists:
            raise ConfigError("filter-any")
        choices = []
        for conditions in lists:
            if not isinstance(conditions, list) or not conditions:
                raise ConfigError("filter-any")
            choice = tuple(map(Filter.read, conditions))
            if not all(isinstance(condition, Filter) for condition in choice):
                raise ConfigError("filter-any")
            choices.append(choice)
        return cls(tuple(choices))

    @property
    def needs_iso(self) -> bool:
        """Whether only the ISO profile defines one of the properties."""
        return any(condition.needs_iso for choice in self.choices for condition in choice)

    def expression(self, iso: bool) -> Any:
        """Return the filter expression with the property names of one of the two record types."""
        expressions = [_all_of(choice, iso) for choice in self.choices]
        return expressions[0] if len(expressions) == 1 else fes.Or(expressions)


def _all_of(filters: Iterable[Filter | AnyOf], iso: bool) -> Any:
    expressions = [condition.expression(iso) for condition in filters]
    return expressions[0] if len(expressions) == 1 else fes.And(expressions)


@dataclass(frozen=True)
class Dialect:
    """One form of request, which some servers understand and others do not.

    Attributes:
        iso: request gmd:MD_Metadata with the queryables of the ISO profile; else csw:Record.
        sorted: request an order, so that pages do not overlap.
        post: XML by POST; else key-value pairs by GET.
    """

    iso: bool = False
    sorted: bool = True
    post: bool = True

    @property
    def type_name(self) -> str:
        """Record type to request."""
        return "gmd:MD_Metadata" if self.iso else "csw:Record"

    @property
    def name(self) -> str:
        """Name for reports."""
        method = "POST" if self.post else "GET"
        order = "sorted" if self.sorted else "unsorted"
        return f"{method}, {self.type_name}, {order}"


DIALECTS = (
    Dialect(),
    Dialect(iso=True),
    Dialect(sorted=False),
    Dialect(iso=True, sorted=False),
    Dialect(post=False),
    Dialect(iso=True, post=False, sorted=False),
)
"""Dialects in the order in which they are tried; the first that the server understands is kept."""


def dialects(filters: tuple[Filter | AnyOf, ...]) -> tuple[Dialect, ...]:
    """Return the dialects in order; those of the ISO profile first if the filters need it."""
    if any(condition.needs_iso for condition in filters):
        return tuple(sorted(DIALECTS, key=lambda dialect: not dialect.iso))
    return DIALECTS


def base_url(url: str) -> str:
    """Return the URL of the server without request parameters."""
    parts = urlsplit(url.strip())
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    query = [(name, value) for name, value in pairs if name.lower() not in _PROTOCOL_PARAMETERS]
    return urlunsplit((parts.scheme, parts.netloc, parts.path, urlencode(query), ""))


def record_url(url: str, identifier: str) -> str:
    """Return the URL of one record (GetRecordById)."""
    parameters = {
        "service": "CSW",
        "version": "2.0.2",
        "request": "GetRecordById",
        "elementSetName": "full",
        "outputSchema": GMD,
        "id": identifier,
    }
    return with_query(base_url(url), parameters)


def with_query(url: str, parameters: dict[str, str]) -> str:
    """Add parameters to a URL that may already have some."""
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, urlencode(parameters))))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def get_records(
    dialect: Dialect, filters: tuple[Filter | AnyOf, ...], start: int, size: int
) -> tuple[bytes | None, dict[str, str]]:
    """Build a GetRecords request for full ISO records.

    Args:
        dialect: form of the request.
        filters: conditions that must all hold.
        start: position of the first record, from 1.
        size: number of records.

    Returns:
        the body of a POST, or None and the parameters of a GET.
    """
    values = {
        "service": "CSW",
        "version": "2.0.2",
        "resultType": "results",
        "startPosition": str(start),
        "maxRecords": str(size),
        "outputFormat": "application/xml",
        "outputSchema": GMD,
    }
    if dialect.post:
        return _as_xml(dialect, filters, values), {}
    return None, _as_pairs(dialect, filters, values)


def _filter_element(dialect: Dialect, filters: tuple[Filter | AnyOf, ...]) -> etree._Element:
    # Prefixes in property names are plain text in XML: declare them, although no element uses them.
    element = etree.Element(f"{{{OGC}}}Filter", nsmap=_NAMESPACES)
    element.append(_all_of(filters, dialect.iso).toXML())
    return element


def _as_xml(dialect: Dialect, filters: tuple[Filter | AnyOf, ...], values: dict[str, str]) -> bytes:
    root = etree.Element(f"{{{CSW}}}GetRecords", values, nsmap=_NAMESPACES)
    query = etree.SubElement(root, f"{{{CSW}}}Query", typeNames=dialect.type_name)
    etree.SubElement(query, f"{{{CSW}}}ElementSetName").text = "full"
    if filters:
        constraint = etree.SubElement(query, f"{{{CSW}}}Constraint", version="1.1.0")
        constraint.append(_filter_element(dialect, filters))
    if dialect.sorted:
        order = fes.SortBy([fes.SortProperty(QUERYABLES["identifier"][dialect.iso], "ASC")])
        query.append(order.toXML())
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _as_pairs(
    dialect: Dialect, filters: tuple[Filter | AnyOf, ...], values: dict[str, str]
) -> dict[str, str]:
    pairs = {
        **values,
        "request": "GetRecords",
        "typeNames": dialect.type_name,
        "elementSetName": "full",
    }
    if filters:
        element = _filter_element(dialect, filters)
        pairs["constraintLanguage"] = "FILTER"
        pairs["constraint_language_version"] = "1.1.0"
        pairs["constraint"] = etree.tostring(element, encoding="unicode")
    if dialect.sorted:
        pairs["sortBy"] = f"{QUERYABLES['identifier'][dialect.iso]}:A"
    return pairs
