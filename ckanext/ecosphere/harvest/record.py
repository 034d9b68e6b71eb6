"""The neutral record: the content of a metadata record, independent of its format.

A reader (ISO, DCAT, OGC API, udata) fills a `Record` with the values as written. It trims texts and
interprets nothing: that is the job of the rules in ``normalise/``. Values that are often wrong in
real records (dates, coordinates, codes) therefore stay strings here.

The parts of a record come first, the record itself last. Most are named after their classes in
ISO 19115.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ckanext.ecosphere.dataset import geometry

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""A UUID, in an identifier or alone."""
Translations = dict[str, dict[str, str]]
"""Attribute → BCP 47 tag → text, in all known languages, including that of the attribute itself."""
Text = str | None
"""A text as written, None where the record has none."""


@dataclass(slots=True)
class Term:
    """A text with an optional link (``gmx:Anchor``, ``xlink:href``)."""

    text: str = ""
    href: Text = None


@dataclass(slots=True)
class Identifier:
    """An identifier of a resource, a place or a reference system (``MD_Identifier``)."""

    code: str = ""
    codespace: Text = None
    href: Text = None


@dataclass(slots=True)
class Keyword:
    """A keyword with the thesaurus and type of its group (``MD_Keywords``)."""

    text: str
    href: Text = None
    type: Text = None
    thesaurus: Text = None
    thesaurus_href: Text = None


@dataclass(slots=True)
class Box:
    """A geographic bounding box, as written; decimal degrees in correct records."""

    west: Text = None
    east: Text = None
    south: Text = None
    north: Text = None


@dataclass(slots=True)
class Extent:
    """The texts and boxes of one extent, which are also in the lists of the record."""

    texts: list[str]
    boxes: list[Box]


@dataclass(slots=True)
class Period:
    """A temporal extent.

    Either end may be missing, follow from a duration, or be indeterminate, as its position says
    (``now``, ``unknown``…).
    """

    start: Text = None
    end: Text = None
    start_position: Text = None
    end_position: Text = None
    duration: Text = None


@dataclass(slots=True)
class Dated:
    """A date and its type (``CI_DateTypeCode``)."""

    value: Text = None
    type: Text = None


@dataclass(slots=True)
class Contact:
    """A responsible party with its role (``CI_RoleCode``)."""

    organisation: Text = None
    organisation_href: Text = None
    individual: Text = None
    position: Text = None
    role: Text = None
    email: Text = None
    url: Text = None
    phone: Text = None
    address: list[str] = field(default_factory=list)
    other_emails: list[str] = field(default_factory=list)
    identifier: Text = None


@dataclass(slots=True)
class Constraint:
    """One block of constraints, whose texts and codes belong together.

    Attributes:
        kind: ``general``, ``legal`` or ``security``, as the ISO element says.
    """

    kind: str = "general"
    use_limitations: list[Term] = field(default_factory=list)
    access_codes: list[str] = field(default_factory=list)
    use_codes: list[str] = field(default_factory=list)
    other: list[Term] = field(default_factory=list)
    classification: Text = None


@dataclass(slots=True)
class Resolution:
    """A ground distance with its unit of measure, as written."""

    value: Text = None
    unit: Text = None


@dataclass(slots=True)
class Conformity:
    """A declared conformity; ``degree`` is None when it was not evaluated."""

    title: str = ""
    href: Text = None
    dates: list[Dated] = field(default_factory=list)
    degree: bool | None = None
    explanation: Text = None


@dataclass(slots=True)
class QualityMeasure:
    """A quality measure; ``element`` is the ISO element, which says what is measured."""

    element: str = ""
    name: str = ""
    value: str = ""
    unit: str = ""


@dataclass(slots=True)
class Link:
    """An online resource, with the properties of its transfer options.

    Attributes:
        role: its purpose, if the format states it in our own vocabulary (`resource-role`).
        encoding: its character set, as written.
        systems: URIs of its coordinate reference systems.
        access_url: page that leads to the file, if the link is the file itself.
        issued, modified: dates of the file, as written.
        documentation, standards: URLs of its pages, and of what it conforms to.
        licence: its own licence, by URI or name.
        translations: of name and description.
    """

    url: Text = None
    protocol: Text = None
    name: Text = None
    description: Text = None
    function: Text = None
    media_type: Text = None
    units_of_distribution: Text = None
    size_megabytes: Text = None
    format: Text = None
    role: Text = None
    encoding: Text = None
    systems: list[str] = field(default_factory=list)
    access_url: Text = None
    issued: Text = None
    modified: Text = None
    documentation: list[str] = field(default_factory=list)
    standards: list[str] = field(default_factory=list)
    licence: Text = None
    translations: Translations = field(default_factory=dict)


@dataclass(slots=True)
class Format:
    """A distribution format."""

    name: Text = None
    version: Text = None
    href: Text = None
    compression: Text = None
    compression_href: Text = None


@dataclass(slots=True)
class Member:
    """A related resource (``MD_AggregateInformation``): series, part, source…"""

    identifier: Text = None
    codespace: Text = None
    href: Text = None
    title: Text = None
    association: Text = None
    initiative: Text = None


@dataclass(slots=True)
class Graphic:
    """A preview image."""

    url: Text = None
    description: Text = None


@dataclass(slots=True)
class Operation:
    """An operation of a service with its connection points."""

    name: Text = None
    links: list[Link] = field(default_factory=list)


@dataclass(slots=True)
class Service:
    """The description of a service (``SV_ServiceIdentification``)."""

    type: Text = None
    versions: list[str] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    coupled: list[Term] = field(default_factory=list)
    layers: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Record:
    """One metadata record.

    Attributes:
        standard: format it was read from, e.g. ``iso19139``, ``iso19115-3``.
        published: whether ``fields`` is the dataset as another portal of this suite published it.
        uri: ``dataSetURI`` of ISO 19139.
        origin: identifier of the record, or of its resource, in the catalogue from which the
            source harvested it.
        fields: dataset fields that readers or the profiles of ckanext-dcat give as they are, for
            those that no rule sets.
        unread: paths of elements that have no place here, with their texts.
    """

    standard: str = "iso19139"
    published: bool = False
    uri: Text = None
    file_identifier: Text = None
    origin: Text = None
    # identification
    identifiers: list[Identifier] = field(default_factory=list)
    title: Text = None
    alternate_titles: list[str] = field(default_factory=list)
    edition: Text = None
    abstract: Text = None
    purpose: Text = None
    supplemental_information: Text = None
    hierarchy_level: Text = None
    hierarchy_level_name: Text = None
    parent_identifier: Text = None
    parent_codespace: Text = None  # reported as unread: no rule uses it
    parent_href: Text = None
    series: list[str] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    languages: list[str] = field(default_factory=list)
    metadata_language: Text = None
    keywords: list[Keyword] = field(default_factory=list)
    topic_categories: list[str] = field(default_factory=list)
    # extent in space and time
    boxes: list[Box] = field(default_factory=list)
    geographic_identifiers: list[Identifier] = field(default_factory=list)
    extent_descriptions: list[str] = field(default_factory=list)
    shapes: list[geometry.Geometry] = field(default_factory=list)
    extents: list[Extent] = field(default_factory=list)
    periods: list[Period] = field(default_factory=list)
    # dates and maintenance
    dates: list[Dated] = field(default_factory=list)
    frequency: Text = None
    frequency_period: Text = None
    frequency_notes: list[str] = field(default_factory=list)
    next_update: Text = None
    maintenance_dates: list[Dated] = field(default_factory=list)
    # responsible parties and constraints
    contacts: list[Contact] = field(default_factory=list)
    metadata_contacts: list[Contact] = field(default_factory=list)
    distributors: list[Contact] = field(default_factory=list)
    constraints: list[Constraint] = field(default_factory=list)
    # lineage, quality and content
    lineage: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    measures: list[QualityMeasure] = field(default_factory=list)
    scales: list[str] = field(default_factory=list)
    resolutions: list[Resolution] = field(default_factory=list)
    reference_systems: list[Identifier] = field(default_factory=list)
    conformity: list[Conformity] = field(default_factory=list)
    application_schemas: list[str] = field(default_factory=list)
    feature_catalogues: list[str] = field(default_factory=list)
    # distribution
    links: list[Link] = field(default_factory=list)
    formats: list[Format] = field(default_factory=list)
    # others
    metadata_date: Text = None
    service: Service | None = None
    graphics: list[Graphic] = field(default_factory=list)
    encodings: list[str] = field(default_factory=list)
    status: Text = None
    spatial_representations: list[str] = field(default_factory=list)
    translations: Translations = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)

    def add_geometry(self, value: Any) -> bool:
        """Add the boxes of a GeoJSON object, and as shapes its polygons that are not boxes.

        Returns:
            False if it has no positions, or too many.
        """
        if not isinstance(value, dict):
            return False
        parts = []
        for shape in geometry.geometries_in(value):
            parts_of_shape = geometry.parts_of(shape)
            parts += parts_of_shape
            is_polygon = shape.get("type") in ("Polygon", "MultiPolygon")
            if parts_of_shape and is_polygon and not geometry.is_box(parts_of_shape):
                self.shapes.append(shape)
        self.boxes += as_boxes(geometry.boxes_around(parts))
        return bool(parts)


def as_boxes(boxes: list[geometry.Box]) -> list[Box]:
    """Return boxes as a record has them: as texts, and as one if they meet at longitude 180."""
    return [
        Box(str(west), str(east), str(south), str(north))
        for west, south, east, north in geometry.joined_at_180(boxes)
    ]
