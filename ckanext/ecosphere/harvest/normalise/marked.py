"""Rules for marked records, whose elements state the field they stand for (see ``xlink_roles``): nothing is guessed.

Each replaces the rule of the same name. URLs, concepts and lengths are held to the same limits.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise import conformance, contacts, identity, tags, themes
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.geography import extent
from ckanext.ecosphere.harvest.normalise.information import marked_information
from ckanext.ecosphere.harvest.normalise.links import marked as marked_links
from ckanext.ecosphere.harvest.normalise.reference import MAX_SYSTEMS
from ckanext.ecosphere.harvest.normalise.tables import MAX_KEYWORDS
from ckanext.ecosphere.harvest.normalise.texts import bounded, cut, one_line, plain_text
from ckanext.ecosphere.harvest.record import Contact, Extent, Keyword, QualityMeasure
from ckanext.ecosphere.shared import xlink_roles

_URI = ("http://", "https://", "urn:")
MAX_WORD = 500


def _identifiers(draft: Draft) -> None:
    record = draft.record
    own = identity.clean_identifier(record.file_identifier)
    draft.set("metadata_identifier", own or "")
    given = [(each.mark.arc, identity.full_identifier(each) or "") for each in record.identifiers]
    draft.set("identifier", next((name for arc, name in given if arc == xlink_roles.IDENTIFIER), ""))
    others = [name for arc, name in given if arc == xlink_roles.ALTERNATE_IDENTIFIER]
    draft.set("alternate_identifier", others[: identity.MAX_IDENTIFIERS])
    if record.uri and record.uri.startswith(_URI):
        draft.set("uri", record.uri)


def _resource_type(draft: Draft) -> None:
    types = voc.get("resource-type")
    level = draft.record.hierarchy_level or ""
    draft.set("dcat_type", (types.get(level) or types.find(level) or types["dataset"]).uri)


def _contacts(draft: Draft) -> None:
    found: dict[str, list[Any]] = {"contact": [], "publisher": [], "creator": [], "qualified_attribution": []}
    for contact in draft.record.contacts[: contacts.MAX_CONTACTS]:
        field = _PARTIES.get(contact.mark.arc)
        make = contacts.point_of_contact if field == "contact" else contacts.agent
        party = make(draft, contact) if field else {}
        if party:
            found[str(field)].append(_attribution(contact, party) if field == "qualified_attribution" else party)
    if len(draft.record.contacts) > contacts.MAX_CONTACTS:
        draft.too_many("pointOfContact", len(draft.record.contacts), contacts.MAX_CONTACTS)
    for name, rows in found.items():
        draft.set(name, rows)


_PARTIES = {
    xlink_roles.CONTACT: "contact",
    xlink_roles.PUBLISHER: "publisher",
    xlink_roles.CREATOR: "creator",
    xlink_roles.ATTRIBUTION: "qualified_attribution",
}


def _attribution(contact: Contact, party: dict[str, Any]) -> dict[str, Any]:
    return {"agent": [party], "role": contact.mark.role}


# --- where -------------------------------------------------------------------------------------------


def _boxes(draft: Draft) -> None:
    draft.boxes = extent.usable_boxes(draft)
    places = [each for each in draft.record.extents if each.mark.arc == xlink_roles.PLACE][: extent.MAX_BOXES]
    draft.set("spatial_coverage", [_coverage(each) for each in places])


def _coverage(place: Extent) -> dict[str, str]:
    row = {"text": one_line(" ".join(place.texts))}
    uris = [each.href for each in place.identifiers if each.href and each.href.startswith(_URI)]
    if uris:
        row["uri"] = uris[0]
    boxes = [degrees for box in place.boxes if box.mark.arc == xlink_roles.BOX and (degrees := extent.repair(box)[0])]
    if len(boxes) == 1:
        row["bbox"] = extent.polygon(boxes[0])
    elif boxes:
        parts = [json.loads(extent.polygon(box))["coordinates"] for box in boxes]
        row["bbox"] = json.dumps({"type": "MultiPolygon", "coordinates": parts})
    for shape in place.shapes:
        if shape.mark.arc in _SHAPES:
            row[_SHAPES[shape.mark.arc]] = json.dumps(shape.geometry)
    return row


_SHAPES = {xlink_roles.GEOMETRY: "geom", xlink_roles.CENTROID: "centroid"}


def _territory(draft: Draft) -> None:
    named = [
        each.href
        for place in draft.record.extents
        if place.mark.arc == xlink_roles.TERRITORY
        for each in place.identifiers
        if each.href and each.href.startswith(_URI)
    ]
    draft.set("territory", list(dict.fromkeys(named)))


# --- keywords ----------------------------------------------------------------------------------------


def _concepts(draft: Draft, field: str, vocabulary: str, keep: str = "uri") -> list[str]:
    """Return the concepts of a vocabulary that keywords name by URI; their labels are logged."""
    found: list[str] = []
    for keyword in _keywords(draft):
        concept = voc.get(vocabulary).get(keyword.href or "")
        if concept:
            found.append(getattr(concept, keep))
            draft.change(field, keyword.text, concept.id)
    return list(dict.fromkeys(found))


def _of_list(field: str, vocabulary: str) -> Callable[[Draft], None]:
    return lambda draft: draft.set(field, _concepts(draft, field, vocabulary))


def _keywords(draft: Draft) -> list[Keyword]:
    return draft.record.keywords[:MAX_KEYWORDS]


def _inspire_themes(draft: Draft) -> None:
    draft.set("inspire_theme", _concepts(draft, "inspire_theme", "inspire-theme"))
    draft.set("development_status", next(iter(_concepts(draft, "development_status", "development-status", "id")), ""))
    for field, vocabulary, keep in themes.NAMED:
        draft.set(field, _concepts(draft, field, vocabulary, keep))
    marked = [(keyword.mark.arc, keyword) for keyword in _keywords(draft)]
    hrefs = {xlink_roles.LEGISLATION: "applicable_legislation", xlink_roles.HVD: "hvd_category"}
    for arc, field in hrefs.items():
        given = [keyword.href for mark, keyword in marked if mark == arc and keyword.href]
        draft.set(field, list(dict.fromkeys(uri for uri in given if uri.startswith(_URI))))
    languages = [cut(keyword.text, MAX_WORD) for mark, keyword in marked if mark == xlink_roles.PROGRAMMING_LANGUAGE]
    draft.set("programming_language", languages)


def _tags(draft: Draft) -> None:
    words = [keyword.text for keyword in draft.record.keywords if keyword.mark.arc == xlink_roles.KEYWORD]
    free = draft.context.free_tags
    found = [(free and tags.verbatim(word)) or tags.clean(word, free) for word in words]
    kept = list(dict.fromkeys(filter(None, found)))
    if len(kept) > tags.MAX_TAGS:
        draft.too_many("keyword", len(kept), tags.MAX_TAGS)
    draft.set("tags", [{"name": tag} for tag in kept[: tags.MAX_TAGS]])


# --- conditions, quality -----------------------------------------------------------------------------


def _constraints(draft: Draft) -> None:
    for block in draft.record.constraints:
        right = voc.get("access-right").get(block.mark.role)
        if right:
            draft.set("access_rights", right.uri)
        if block.mark.arc == xlink_roles.ACCESS:
            grounds = [voc.get("access-limitation").get(term.href or "") for term in block.other]
            draft.set("access_limitation", [ground.uri for ground in grounds if ground])
            _text(draft, "access_conditions", [term.text for term in block.other if not term.href])
        elif block.mark.arc == xlink_roles.USE:
            licence = voc.get("licences").get(block.mark.role)
            draft.set("license_id", licence.id if licence else "")
            _text(draft, "use_conditions", [term.text for term in block.use_limitations])


def _text(draft: Draft, field: str, texts: list[str]) -> None:
    draft.set(field, bounded(draft, field, "\n\n".join(map(plain_text, texts))))


def _reference_systems(draft: Draft) -> None:
    given = [each.href or each.code for each in draft.record.reference_systems[:MAX_SYSTEMS]]
    draft.set("reference_system", [uri for uri in given if uri.startswith(_URI)])


def _conformity(draft: Draft) -> None:
    kept: list[dict[str, Any]] = []
    followed: list[str] = []
    for report in draft.record.conformity[: conformance.MAX_REPORTS]:
        href = report.href if report.href and report.href.startswith(_URI) else ""
        if report.mark.arc == xlink_roles.SPECIFICATION and href:
            followed.append(href)
        elif report.mark.arc == xlink_roles.CONFORMITY:
            item = conformance.report_of(report)
            degree = voc.get("conformity-degree").get(report.mark.role)
            named = "" if report.title == href and not report.mark.title else item["specification"]
            kept.append({**item, "specification": named, "uri": href, "degree": degree.uri if degree else ""})
    if len(draft.record.conformity) > conformance.MAX_REPORTS:
        draft.too_many("report", len(draft.record.conformity), conformance.MAX_REPORTS)
    draft.set("conformity", kept)
    draft.set("conforms_to", followed)


def _quality_measures(draft: Draft) -> None:
    def dimension(measure: QualityMeasure) -> str:
        known = voc.get("quality-dimension").get(measure.mark.role)
        return known.id if known else ""

    conformance.quality_measures(draft, dimension)


def _nothing(draft: Draft) -> None:
    """Do nothing: the meaning of the element is known from its mark."""


MARKED: dict[str, Callable[[Draft], None]] = {
    "identifiers": _identifiers,
    "resource-type": _resource_type,
    "contacts": _contacts,
    "boxes": _boxes,
    "territory": _territory,
    "inspire-themes": _inspire_themes,
    "themes": _of_list("theme", "themes"),
    "eu-themes": _of_list("eu_theme", "eu-theme"),
    "constraints": _constraints,
    "restriction-codes": _nothing,
    "tags": _tags,
    "reference-systems": _reference_systems,
    "conformity": _conformity,
    "quality-measures": _quality_measures,
    "links": marked_links.links,
    "what-is-left": _nothing,
    "texts-without-a-place": _nothing,
    "other-information": marked_information,
}
"""Name of a rule → its replacement for marked records."""
