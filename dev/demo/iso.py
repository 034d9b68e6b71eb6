"""Builders of ISO 19139 elements, as strings.

A record consists of some 200 elements; building a tree would take three times as long, and benchmarks write tens of
thousands of records.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.sax.saxutils import escape, quoteattr

NAMESPACES = {
    "gmd": "http://www.isotc211.org/2005/gmd",
    "gco": "http://www.isotc211.org/2005/gco",
    "gmx": "http://www.isotc211.org/2005/gmx",
    "gts": "http://www.isotc211.org/2005/gts",
    "srv": "http://www.isotc211.org/2005/srv",
    "gml": "http://www.opengis.net/gml",
    "xlink": "http://www.w3.org/1999/xlink",
    "xsi": "http://www.w3.org/2001/XMLSchema-instance",
}
#: The second GML namespace found in catalogues, besides that of `NAMESPACES`.
GML_32 = "http://www.opengis.net/gml/3.2"
FRA = "http://www.cnig.gouv.fr/2005/fra"
CODELISTS = (
    "http://standards.iso.org/ittf/PubliclyAvailableStandards/ISO_19139_Schemas/resources/codelist/ML_gmxCodelists.xml"
)


def tag(name: str, *content: str, **attributes: str) -> str:
    """Return an element; `_` in an attribute's name stands for the colon after its prefix."""
    named = "".join(f" {key.replace('_', ':')}={quoteattr(value)}" for key, value in attributes.items())
    inside = "".join(content)
    return f"<{name}{named}>{inside}</{name}>" if inside else f"<{name}{named}/>"


def text(name: str, value: str) -> str:
    """Return an element with a gco:CharacterString."""
    return tag(name, tag("gco:CharacterString", escape(value)))


def missing(name: str) -> str:
    """Return an empty element with a gco:nilReason."""
    return f'<{name} gco:nilReason="missing"><gco:CharacterString/></{name}>'


def anchor(name: str, value: str, href: str) -> str:
    """Return an element with a gmx:Anchor."""
    return tag(name, tag("gmx:Anchor", escape(value), xlink_href=href))


def code(name: str, codelist: str, value: str) -> str:
    """Return an element with a code of an ISO code list."""
    return tag(name, tag(f"gmd:{codelist}", value, codeList=f"{CODELISTS}#{codelist}", codeListValue=value))


def root(*content: str, gml: str = NAMESPACES["gml"], fra: bool = False) -> str:
    """Return the record, gmd:MD_Metadata, with its namespaces."""
    namespaces = {**NAMESPACES, "gml": gml, **({"fra": FRA} if fra else {})}
    declared = "".join(f' xmlns:{prefix}="{uri}"' for prefix, uri in namespaces.items())
    return f"<gmd:MD_Metadata{declared}>{''.join(content)}</gmd:MD_Metadata>"


def dated(kind: str, value: str, *, with_time: bool = False) -> str:
    """Return a date of a citation: creation, publication or revision."""
    moment = tag("gco:DateTime", f"{value}T00:00:00") if with_time else tag("gco:Date", escape(value))
    return tag("gmd:date", tag("gmd:CI_Date", tag("gmd:date", moment), code("gmd:dateType", "CI_DateTypeCode", kind)))


def citation(title: str, *content: str, href: str = "") -> str:
    """Return a citation, as used for specifications and thesauri."""
    named = anchor("gmd:title", title, href) if href else text("gmd:title", title)
    return tag("gmd:CI_Citation", named, *content)


def party(name: str, organisation: str, email: str, role: str, *, position: str = "") -> str:
    """Return a responsible party; without contact information if `email` is empty."""
    mailbox = tag("gmd:address", tag("gmd:CI_Address", text("gmd:electronicMailAddress", email)))
    contact = tag("gmd:contactInfo", tag("gmd:CI_Contact", mailbox)) if email else ""
    return tag(
        name,
        tag(
            "gmd:CI_ResponsibleParty",
            text("gmd:organisationName", organisation),
            text("gmd:positionName", position) if position else "",
            contact,
            code("gmd:role", "CI_RoleCode", role),
        ),
    )


def keywords(words: Iterable[str], *, kind: str = "", thesaurus: str = "", published: str = "", href: str = "") -> str:
    """Return a group of keywords of one type and thesaurus; an empty string if there is no word."""
    terms = "".join(text("gmd:keyword", word) for word in words)
    if not terms:
        return ""
    source = ""
    if thesaurus:
        source = tag("gmd:thesaurusName", citation(thesaurus, dated("publication", published), href=href))
    typed = code("gmd:type", "MD_KeywordTypeCode", kind) if kind else ""
    return tag("gmd:descriptiveKeywords", tag("gmd:MD_Keywords", terms, typed, source))


def box(west: str, east: str, south: str, north: str) -> str:
    """Return a bounding box with the values as given, since some platforms swap them."""
    sides = {
        "westBoundLongitude": west,
        "eastBoundLongitude": east,
        "southBoundLatitude": south,
        "northBoundLatitude": north,
    }
    values = "".join(tag(f"gmd:{side}", tag("gco:Decimal", value)) for side, value in sides.items())
    return tag("gmd:geographicElement", tag("gmd:EX_GeographicBoundingBox", values))


def period(begin: str, end: str | None, *, indeterminate: str = "") -> str:
    """Return a temporal extent; `end` None leaves the end out, "" writes it empty."""
    closing = (
        ""
        if end is None
        else tag("gml:endPosition", end, **({"indeterminatePosition": indeterminate} if indeterminate else {}))
    )
    inside = tag("gml:TimePeriod", tag("gml:beginPosition", begin), closing, gml_id=f"p{begin.replace('-', '')}")
    return tag("gmd:temporalElement", tag("gmd:EX_TemporalExtent", tag("gmd:extent", inside)))


def extent(*elements: str) -> str:
    """Return the extent of a dataset."""
    return tag("gmd:extent", tag("gmd:EX_Extent", *elements))


def online(url: str, protocol: str | None = None, name: str = "", description: str = "", function: str = "") -> str:
    """Return an online resource; `protocol` None leaves the protocol out, "" writes it empty."""
    return tag(
        "gmd:onLine",
        tag(
            "gmd:CI_OnlineResource",
            tag("gmd:linkage", tag("gmd:URL", escape(url))),
            "" if protocol is None else text("gmd:protocol", protocol),
            text("gmd:name", name) if name else "",
            text("gmd:description", description) if description else "",
            code("gmd:function", "CI_OnLineFunctionCode", function) if function else "",
        ),
    )


def transfer(*links: str, units: str = "") -> str:
    """Return transfer options with links; Géo-IDE names the group in `units`."""
    heading = text("gmd:unitsOfDistribution", units) if units else ""
    return tag("gmd:transferOptions", tag("gmd:MD_DigitalTransferOptions", heading, *links))


def fmt(name: str, version: str) -> str:
    """Return a distribution format."""
    return tag("gmd:distributionFormat", tag("gmd:MD_Format", text("gmd:name", name), text("gmd:version", version)))


def legal(*content: str) -> str:
    """Return legal constraints."""
    return tag("gmd:resourceConstraints", tag("gmd:MD_LegalConstraints", *content))


def reference_system(value: str, *, href: str = "", space: str = "EPSG") -> str:
    """Return a reference system."""
    named = anchor("gmd:code", value, href) if href else text("gmd:code", value)
    identifier = tag("gmd:RS_Identifier", named, text("gmd:codeSpace", space))
    return tag(
        "gmd:referenceSystemInfo", tag("gmd:MD_ReferenceSystem", tag("gmd:referenceSystemIdentifier", identifier))
    )


def quality(lineage: str, *reports: str) -> str:
    """Return lineage and conformity; an empty string if there is neither."""
    origin = tag("gmd:lineage", tag("gmd:LI_Lineage", text("gmd:statement", lineage))) if lineage else ""
    if not origin and not any(reports):
        return ""
    scope = tag("gmd:scope", tag("gmd:DQ_Scope", code("gmd:level", "MD_ScopeCode", "dataset")))
    return tag("gmd:dataQualityInfo", tag("gmd:DQ_DataQuality", scope, *reports, origin))


def conformity(specification: str, published: str, passed: bool | None) -> str:
    """Return a statement of conformity; `passed` None means "not evaluated"."""
    verdict = (
        '<gmd:pass gco:nilReason="unknown"/>'
        if passed is None
        else tag("gmd:pass", tag("gco:Boolean", str(passed).lower()))
    )
    result = tag(
        "gmd:DQ_ConformanceResult",
        tag("gmd:specification", citation(specification, dated("publication", published))),
        text("gmd:explanation", "Voir la spécification citée"),
        verdict,
    )
    return tag("gmd:report", tag("gmd:DQ_DomainConsistency", tag("gmd:result", result)))


def resolution(denominator: str) -> str:
    """Return an equivalent scale."""
    fraction = tag("gmd:MD_RepresentativeFraction", tag("gmd:denominator", tag("gco:Integer", denominator)))
    return tag("gmd:spatialResolution", tag("gmd:MD_Resolution", tag("gmd:equivalentScale", fraction)))


def maintenance(frequency: str) -> str:
    """Return a maintenance frequency."""
    inside = tag(
        "gmd:MD_MaintenanceInformation",
        code("gmd:maintenanceAndUpdateFrequency", "MD_MaintenanceFrequencyCode", frequency),
    )
    return tag("gmd:resourceMaintenance", inside)
