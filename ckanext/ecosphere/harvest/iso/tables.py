"""Mapping table from ISO 19139 properties to the neutral record.

Keys are local names of properties, in the order of the standard (ISO/TS 19139:2007, schemas of 2005-2007). The names of
ISO 19115-3 stand beside them where they differ; the French profile (``fra:``) only adds types, which are passed
through. Read a table as: under this element, this property fills that field.
"""

from __future__ import annotations

from lxml import etree

from ckanext.ecosphere.harvest import record as r
from ckanext.ecosphere.harvest.iso.feature_catalogue import read_feature_catalogue
from ckanext.ecosphere.harvest.iso.handlers import (
    code,
    identifiers,
    new,
    note,
    reference,
    skip,
    text,
    text_and_href,
    texts,
    within,
)
from ckanext.ecosphere.harvest.iso.table_distribution import DISTRIBUTION, LINEAGE, LINK, QUALITY
from ckanext.ecosphere.harvest.iso.table_identification import read_identification
from ckanext.ecosphere.harvest.iso.table_parts import CONTACT, DATE, Identifiers, identifier_code, party_identifier
from ckanext.ecosphere.harvest.iso.walk import XLINK_HREF, Table, Walk, one_line
from ckanext.ecosphere.shared.hardened_xml import local_name


def _reference_system(walk: Walk, element: etree._Element, system: r.ReferenceSystem) -> None:
    """Read the identifier of a reference system; without one it is meaningless."""
    found: list[r.Identifier] = []
    for child in element:
        if local_name(child) == "referenceSystemIdentifier":
            identifiers("found")(walk, child, Identifiers(found))
    if found:
        system.code, system.codespace, system.href = found[0].code, found[0].codespace, found[0].href


def _metadata_date(walk: Walk, element: etree._Element, record: r.Record) -> None:
    """Read the record's date (ISO 19115-3), preferably a revision; all dates are read at the first ``dateInfo``."""
    parent = element.getparent()
    every = parent.findall("{*}dateInfo") if parent is not None else [element]
    if every[0] is not element:
        return
    found = []
    for child in (each for own in every for each in own):
        dated = r.Dated()
        walk.children(child, DATE, dated)
        found += [dated] if dated.value else []
    taken = next((dated for dated in reversed(found) if dated.type == "revision"), found[0] if found else r.Dated())
    record.metadata_date = record.metadata_date or taken.value
    others = dict.fromkeys(
        f"{dated.type or ''} {dated.value}" for dated in found if dated.value != record.metadata_date
    )
    record.unread += [f"dateInfo: {other}" for other in others]


def _to_record(walk: Walk, element: etree._Element, link: r.Link) -> None:
    """Mark a link to the record itself (ISO 19115-3), whatever its function."""
    link.function = "completeMetadata"


def _data_set_uri(walk: Walk, element: etree._Element, record: r.Record) -> None:
    record.uri = one_line(walk.text(element).text) or None


def _parent_identifier(walk: Walk, element: etree._Element, record: r.Record) -> None:
    """Read the identifier of the parent record (ISO 19139) and its link; the first one wins."""
    if record.parent_identifier or record.parent_href:
        walk.unread(element)
    else:
        text_and_href("parent_identifier", "parent_href")(walk, element, record)


_PARENT = within({"title": note, "identifier": identifier_code("parent_identifier")})


def _parent(walk: Walk, element: etree._Element, record: r.Record) -> None:
    """Read the citation of the parent record (ISO 19115-3), or a mere reference to it."""
    reference_to = (element.get("uuidref") or "").strip()
    if len(element):
        _PARENT(walk, element, record)
    elif not reference_to or element.get(XLINK_HREF):
        walk.unread(element)
    record.parent_identifier = record.parent_identifier or reference_to or None


METADATA: Table = {
    "fileIdentifier": text("file_identifier"),
    "metadataIdentifier": identifier_code("file_identifier"),
    "language": skip,  # read before the walk, with the locales
    "defaultLocale": skip,
    "locale": skip,
    "otherLocale": skip,
    "characterSet": skip,
    "parentIdentifier": _parent_identifier,
    "parentMetadata": _parent,
    "hierarchyLevel": code("hierarchy_level"),
    "hierarchyLevelName": text("hierarchy_level_name"),
    "metadataScope": within({"resourceScope": code("hierarchy_level"), "name": text("hierarchy_level_name")}),
    "contact": new(r.Contact, "metadata_contacts", CONTACT, finish=party_identifier),
    "dateStamp": text("metadata_date"),
    "dateInfo": _metadata_date,
    "metadataStandardName": skip,
    "metadataStandardVersion": skip,
    "metadataStandard": skip,
    "metadataProfile": skip,
    "metadataLinkage": new(r.Link, "links", LINK, finish=_to_record),
    "dataSetURI": _data_set_uri,
    "spatialRepresentationInfo": note,
    "referenceSystemInfo": new(
        r.ReferenceSystem,
        "reference_systems",
        {"referenceSystemIdentifier": skip, "referenceSystemType": note},  # read by _reference_system
        finish=_reference_system,
    ),
    "identificationInfo": read_identification,
    "contentInfo": within(
        {
            "includedWithDataset": note,
            "complianceCode": note,
            "language": note,
            "featureTypes": note,
            "featureCatalogueCitation": reference("feature_catalogues"),
            "featureCatalogue": read_feature_catalogue,
        }
    ),
    "distributionInfo": within(DISTRIBUTION),
    "dataQualityInfo": within(QUALITY),
    "resourceLineage": within(LINEAGE),
    "applicationSchemaInfo": within(
        {
            "name": within({"title": texts("application_schemas"), "date": note}),
            "schemaLanguage": note,
            "constraintLanguage": note,
            "schemaAscii": note,
            "graphicsFile": note,
            "softwareDevelopmentFile": note,
            "softwareDevelopmentFileFormat": note,
        }
    ),
    "metadataMaintenance": note,
    "metadataConstraints": note,
}
