"""Mapping tables for parts used in several places of a record: dates, identifiers, contacts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from lxml import etree

from ckanext.ecosphere.harvest import record as r
from ckanext.ecosphere.harvest.iso.handlers import (
    by_type,
    code,
    identifiers,
    note,
    skip,
    text,
    text_and_href,
    texts,
    within,
)
from ckanext.ecosphere.harvest.iso.walk import Table, Walk, code_of, one_line

# --- dates, citations --------------------------------------------------------------------

DATE: Table = {"date": text("value"), "dateType": code("type")}


def identifier_code(field_name: str) -> Any:
    """Set a field to the code of an identifier or to its ``uuidref``, and sibling fields to its code space and link.

    ISO 19115-3 has a citation where ISO 19139 has the identifier alone.
    """
    beside = field_name.removesuffix("identifier")

    def handler(walk: Walk, element: etree._Element, target: Any) -> None:
        found: list[r.Identifier] = []
        holder = Identifiers(found)
        cited = element.findall("{*}CI_Citation/{*}identifier")
        for each in cited or [element]:
            identifiers("found")(walk, each, holder)
        if cited and (len(found) > 1 or len(element[0]) > len(cited)):
            walk.unread(element)  # title and dates of the citation
        named = found[0] if found else r.Identifier()
        holds = hasattr(target, f"{beside}codespace")
        if (named.codespace or named.href) and not holds:
            walk.unread(element)
        value = named.code or named.href if found else element.get("uuidref") or one_line(walk.text(element).text)
        if value and not getattr(target, field_name):
            setattr(target, field_name, value)
            if holds:
                setattr(target, f"{beside}codespace", named.codespace)
                setattr(target, f"{beside}href", named.href)

    return handler


@dataclass(slots=True)
class Identifiers:
    """Collector for the identifiers of one property."""

    found: list[r.Identifier]


# --- contacts (CI_ResponsibleParty; CI_Responsibility in 19115-3) --------------------------


def _add_email(walk: Walk, element: etree._Element, contact: r.Contact) -> None:
    value = one_line(walk.text(element).text)
    if not value:
        return
    if not contact.email:
        contact.email = value
    elif value not in (contact.email, *contact.other_emails):
        contact.other_emails.append(value)


_TELEPHONE = within({"voice": text("phone"), "number": text("phone"), "facsimile": note, "numberType": skip})


def _phone(walk: Walk, element: etree._Element, contact: r.Contact) -> None:
    """Read a voice number; ISO 19115-3 states the type of each number (CI_TelephoneTypeCode)."""
    kinds = {code_of(each).lower() for each in element.iter("{*}numberType")}
    (note if kinds - {"", "voice"} else _TELEPHONE)(walk, element, contact)


_CONTACT_INFO: Table = {
    "phone": _phone,
    "address": within(
        {
            "deliveryPoint": texts("address"),
            "city": texts("address"),
            "administrativeArea": texts("address"),
            "postalCode": texts("address"),
            "country": texts("address"),
            "electronicMailAddress": _add_email,
        }
    ),
    "onlineResource": within(
        {
            "linkage": text("url"),
            "protocol": skip,  # a web page, as the URL shows
            "applicationProfile": skip,
            "name": note,
            "description": note,
            "function": skip,
        }
    ),
    "hoursOfService": note,
    "contactInstructions": note,
}
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def party_identifier(walk: Walk, element: etree._Element, contact: r.Contact) -> None:
    """Read the identifier of a party; a UUID only identifies the entry in a contact directory."""
    named = (element.get("uuid") or "").strip()
    contact.identifier = None if _UUID.fullmatch(named) else named or None


CONTACT: Table = {
    "individualName": text("individual"),
    "organisationName": text_and_href("organisation", "organisation_href"),
    "positionName": text("position"),
    "contactInfo": within(_CONTACT_INFO),
    "role": code("role"),
}
CONTACT["party"] = by_type(
    {
        "CI_Organisation": lambda walk, element, contact: walk.children(element, _ORGANISATION, contact),
        "CI_Individual": lambda walk, element, contact: walk.children(element, _INDIVIDUAL, contact),
    }
)
_ORGANISATION: Table = {
    "name": text_and_href("organisation", "organisation_href"),
    "contactInfo": within(_CONTACT_INFO),
    "individual": by_type(
        {"CI_Individual": lambda walk, element, contact: walk.children(element, _INDIVIDUAL, contact)}
    ),
    "positionName": text("position"),
    "logo": note,
}
_INDIVIDUAL: Table = {
    "name": text("individual"),
    "positionName": text("position"),
    "contactInfo": within(_CONTACT_INFO),
}
