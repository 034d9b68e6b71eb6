"""Conversion of ISO 19139 records to ISO 19115-3, equivalent to the export of GeoNetwork 4.

Follows the changes of ISO/TS 19115-3:2016 and GeoNetwork's own conversion: organisations nested in
responsibilities, formats as citations, measures by reference, lineage outside of data quality,
locales, a single type of identifier.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

_BASE = "http://standards.iso.org/iso/19115/-3/"
_NAMESPACES = {
    "mdb": f"{_BASE}mdb/2.0", "cit": f"{_BASE}cit/2.0", "mcc": f"{_BASE}mcc/1.0", "mri": f"{_BASE}mri/1.0",
    "mrs": f"{_BASE}mrs/1.0", "mrd": f"{_BASE}mrd/1.0", "mco": f"{_BASE}mco/1.0", "mmi": f"{_BASE}mmi/1.0",
    "mrc": f"{_BASE}mrc/2.0", "mrl": f"{_BASE}mrl/2.0", "msr": f"{_BASE}msr/2.0", "gex": f"{_BASE}gex/1.0",
    "lan": f"{_BASE}lan/1.0", "srv": f"{_BASE}srv/2.1", "gcx": f"{_BASE}gcx/1.0", "gco": f"{_BASE}gco/1.0",
    "mac": f"{_BASE}mac/2.0", "mdq": "http://standards.iso.org/iso/19157/-2/mdq/1.0", "gml": "http://www.opengis.net/gml/3.2",
    "xlink": "http://www.w3.org/1999/xlink",
}  # fmt: skip
_OF_TYPES = (
    ("MD_Metadata", "mdb"), ("MI_Metadata", "mdb"), ("MD_MetadataScope", "mdb"), ("CI_", "cit"), ("EX_", "gex"),
    ("PT_", "lan"), ("Language", "lan"), ("MD_CharacterSetCode", "lan"), ("LI_", "mrl"), ("DQ_", "mdq"), ("SV_", "srv"),
    ("MD_Identifier", "mcc"), ("MD_BrowseGraphic", "mcc"), ("MD_Scope", "mcc"), ("MD_ProgressCode", "mcc"),
    ("MD_SpatialRepresentation", "mcc"), ("MD_ReferenceSystem", "mrs"), ("MD_Dist", "mrd"), ("MD_Format", "mrd"),
    ("MD_Digital", "mrd"), ("MD_Medium", "mrd"), ("MD_Standard", "mrd"), ("MD_Legal", "mco"), ("MD_Constraints", "mco"),
    ("MD_Security", "mco"), ("MD_Rest", "mco"), ("MD_Class", "mco"), ("MD_Maint", "mmi"), ("MD_Feature", "mrc"),
    ("MD_Vector", "msr"), ("MD_Geo", "msr"), ("MD_Topo", "msr"), ("MI_", "mac"), ("MD_", "mri"),
)  # fmt: skip
"""Beginning of a type's name → prefix of its namespace."""
_GCO = "http://www.isotc211.org/2005/gco"
_RENAMED = {
    "RS_Identifier": "MD_Identifier",
    "locale": "otherLocale",
    "languageCode": "language",
    "DCP": "distributedComputingPlatform",
    "restrictions": "resourceConstraints",
}
_PROFILE = {
    "FRA_DataIdentification": "MD_DataIdentification",
    "FRA_DirectReferenceSystem": "MD_ReferenceSystem",
    "FRA_LegalConstraints": "MD_LegalConstraints",
    "FRA_Constraints": "MD_Constraints",
}


def twin(root: etree._Element) -> etree._Element:
    """Return the record in ISO 19115-3."""
    made = etree.Element(f"{{{_NAMESPACES['mdb']}}}MD_Metadata", nsmap=_NAMESPACES)
    for child in _elements(root):
        made.extend(_top(child))
    return made


def _top(child: etree._Element) -> Iterator[etree._Element]:
    name = _name(child)
    if name == "fileIdentifier":
        yield _in(
            "mdb",
            "metadataIdentifier",
            _in("mcc", "MD_Identifier", _in("mcc", "code", *_content(child))),
        )
    elif name == "parentIdentifier":
        code = _in("mcc", "MD_Identifier", _in("mcc", "code", *_content(child)))
        yield _in(
            "mdb", "parentMetadata", _in("cit", "CI_Citation", _in("cit", "identifier", code))
        )
    elif name == "language":
        yield _locale("defaultLocale", child, _next(child, "characterSet"))
    elif name == "hierarchyLevel":
        parts = [_in("mdb", "resourceScope", *_content(child))]
        if (called := _next(child, "hierarchyLevelName")) is not None:
            parts.append(_in("mdb", "name", *_content(called)))
        yield _in("mdb", "metadataScope", _in("mdb", "MD_MetadataScope", *parts))
    elif name == "dateStamp":
        yield _in("mdb", "dateInfo", _date(child, "revision"))
    elif name == "dataQualityInfo":
        yield from _quality(child)
    elif name not in (
        "characterSet",
        "hierarchyLevelName",
        "metadataStandardName",
        "metadataStandardVersion",
    ):
        yield _made(child, "mdb")


def _quality(child: etree._Element) -> Iterator[etree._Element]:
    made = _made(child, "mdb")
    for lineage in list(made.iter("{*}lineage")):
        lineage.getparent().remove(lineage)  # type: ignore[union-attr]
        yield _in("mdb", "resourceLineage", *lineage)
    if next(made.iter("{*}report"), None) is not None:
        yield made


def _made(element: etree._Element, package: str) -> etree._Element:
    """Return an element and its descendants under their ISO 19115-3 names."""
    name = _PROFILE.get(_name(element), _RENAMED.get(_name(element), _name(element)))
    namespace = etree.QName(element).namespace or ""
    if "gml" in namespace:
        made = etree.Element(f"{{{_NAMESPACES['gml']}}}{name}")
    elif namespace == _GCO:
        made = etree.Element(f"{{{_NAMESPACES['gco']}}}{name}")
    elif name in ("Anchor", "FileName", "MimeFileType"):
        made = etree.Element(f"{{{_NAMESPACES['gcx']}}}{name}")
    elif name == "URL":
        made = etree.Element(f"{{{_NAMESPACES['gco']}}}CharacterString")
    else:
        package = next((prefix for start, prefix in _OF_TYPES if name.startswith(start)), package)
        made = etree.Element(f"{{{_NAMESPACES[package]}}}{name}")
    made.text = element.text
    for key, value in element.attrib.items():
        made.set(
            key if not str(key).startswith(f"{{{_GCO}}}") else etree.QName(key).localname, value
        )
    for child in _elements(element):
        made.extend(_child(child, package))
    return _CHANGED[name](made) if name in _CHANGED else made


def _child(child: etree._Element, package: str) -> Iterator[etree._Element]:
    name, parent = _name(child), child.getparent()
    within = _name(parent) if parent is not None else ""
    if "Identification" in within and name == "language":
        yield _locale("defaultLocale", child, _next(child, "characterSet"), "mri")
    elif (
        "Identification" in within
        and name == "characterSet"
        and _previous(child, "language") is not None
    ):
        return
    elif name == "aggregationInfo":
        yield _in("mri", "associatedResource", *(_associated(each) for each in _elements(child)))
    elif name == "dateOfNextUpdate":
        yield _in("mmi", "maintenanceDate", _date(child, "nextUpdate"))
    elif within == "SV_CoupledResource" and name == "ScopedName":
        yield _in("srv", "scopedName", _made(child, "gco"))
    else:
        yield _made(child, package)


def _associated(element: etree._Element) -> etree._Element:
    parts = []
    for child in _elements(element):
        if _name(child) == "aggregateDataSetName":
            parts.append(_in("mri", "name", *_content(child)))
        elif _name(child) == "aggregateDataSetIdentifier":
            identifier = _in("cit", "identifier", *_content(child))
            parts.append(_in("mri", "metadataReference", _in("cit", "CI_Citation", identifier)))
        else:
            parts.append(_made(child, "mri"))
    return _in("mri", "MD_AssociatedResource", *parts)


def _responsibility(made: etree._Element) -> etree._Element:
    parts = {_name(each): each for each in made}
    person = [parts[each] for each in ("individualName", "positionName") if each in parts]
    for each in person:
        each.tag = f"{{{_NAMESPACES['cit']}}}" + (
            "name" if _name(each) == "individualName" else "positionName"
        )
    inside = []
    if "organisationName" in parts:
        parts["organisationName"].tag = f"{{{_NAMESPACES['cit']}}}name"
        inside.append(parts["organisationName"])
    if "contactInfo" in parts:
        inside.append(parts["contactInfo"])
    if person:
        inside.append(_in("cit", "individual", _in("cit", "CI_Individual", *person)))
    role = [parts["role"]] if "role" in parts else []
    party = _in("cit", "party", _in("cit", "CI_Organisation", *inside))
    return _in("cit", "CI_Responsibility", *role, party)


def _format(made: etree._Element) -> etree._Element:
    citation = _in("cit", "CI_Citation")
    rest = []
    for child in list(made):
        if _name(child) in ("name", "version"):
            child.tag = (
                f"{{{_NAMESPACES['cit']}}}" + {"name": "title", "version": "edition"}[_name(child)]
            )
            citation.append(child)
        else:
            rest.append(child)
    return _in("mrd", "MD_Format", _in("mrd", "formatSpecificationCitation", citation), *rest)


def _measured(made: etree._Element) -> etree._Element:
    """Move name and description of a measure into a measure reference, as in ISO 19157."""
    of_measure = [
        each
        for each in made
        if _name(each) in ("nameOfMeasure", "measureDescription", "measureIdentification")
    ]
    if of_measure:
        made.insert(0, _in("mdq", "measure", _in("mdq", "DQ_MeasureReference", *of_measure)))
    return made


def _telephone(made: etree._Element) -> etree._Element:
    found = [(kind, each) for each in made if (kind := _name(each)) in ("voice", "facsimile")]
    kind, number = found[0] if found else ("voice", made)
    code = etree.Element(
        f"{{{_NAMESPACES['cit']}}}CI_TelephoneTypeCode", codeList="", codeListValue=kind
    )
    return _in("cit", "CI_Telephone", _in("cit", "number", *number), _in("cit", "numberType", code))


_CHANGED = {"CI_ResponsibleParty": _responsibility, "MD_Format": _format} | dict.fromkeys(
    (
        "DQ_DomainConsistency", "DQ_AbsoluteExternalPositionalAccuracy", "DQ_QuantitativeAttributeAccuracy",
        "DQ_CompletenessOmission", "DQ_CompletenessCommission", "DQ_ConceptualConsistency", "DQ_TopologicalConsistency",
    ),
    _measured,
)  # fmt: skip


def _locale(
    name: str, language: etree._Element, charset: etree._Element | None, package: str = "mdb"
) -> etree._Element:
    code = next(_elements(language), None)
    value = (
        (code.get("codeListValue") or code.text or "") if code is not None else language.text or ""
    )
    made = etree.Element(f"{{{_NAMESPACES['lan']}}}LanguageCode", codeList="", codeListValue=value)
    parts = [_in("lan", "language", made)]
    if charset is not None:
        parts.append(_in("lan", "characterEncoding", *_content(charset)))
    return _in(package, name, _in("lan", "PT_Locale", *parts))


def _date(element: etree._Element, kind: str) -> etree._Element:
    code = etree.Element(
        f"{{{_NAMESPACES['cit']}}}CI_DateTypeCode", codeList="", codeListValue=kind
    )
    return _in(
        "cit", "CI_Date", _in("cit", "date", *_content(element)), _in("cit", "dateType", code)
    )


def _in(package: str, name: str, *children: etree._Element) -> etree._Element:
    made = etree.Element(f"{{{_NAMESPACES[package]}}}{name}")
    made.extend(children)
    return made


def _content(element: etree._Element) -> list[etree._Element]:
    return [_made(child, "mcc") for child in _elements(element)]


def _elements(element: etree._Element) -> Iterator[etree._Element]:
    return (child for child in element if isinstance(child.tag, str))


def _next(element: etree._Element, name: str) -> etree._Element | None:
    return next(
        (
            each
            for each in element.itersiblings()
            if isinstance(each.tag, str) and _name(each) == name
        ),
        None,
    )


def _previous(element: etree._Element, name: str) -> etree._Element | None:
    before = element.itersiblings(preceding=True)
    return next(
        (each for each in before if isinstance(each.tag, str) and _name(each) == name), None
    )


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname
