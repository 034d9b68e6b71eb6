"""Responsible parties of a record (``CI_ResponsibleParty``). No CKAN imports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ckanext.ecosphere.schemas.iso import xml
from ckanext.ecosphere.schemas.iso.reading import Reader
from ckanext.ecosphere.schemas.iso.xml import el

#: (field, code of ``CI_RoleCode``); rows of ``qualified_attribution`` have their own role.
PARTIES = (("contact", "pointOfContact"), ("publisher", "publisher"), ("creator", "owner"))


def party(name: str, row: Mapping[str, Any], role: str, organisation: str = "") -> Any:
    """Return a party in an element ``name``; its ``identifier`` becomes the object's ``uuid`` (ISO 19118).

    Args:
        name: name of the element: ``gmd:contact``, ``gmd:pointOfContact``…
        row: ``name``, ``email``, ``url``, ``uri``, ``unit``, ``telephone``, ``identifier``, all optional.
        role: code of ``CI_RoleCode``.
        organisation: used if the name is missing.
    """
    called = str(row.get("name") or organisation or row.get("email") or "Non renseigné")
    phone = address = None
    if row.get("telephone"):
        phone = el("gmd:phone", el("gmd:CI_Telephone", xml.text("gmd:voice", row["telephone"])))
    if row.get("email"):
        mail = xml.text("gmd:electronicMailAddress", row["email"])
        address = el("gmd:address", el("gmd:CI_Address", mail))
    online = None
    if row.get("url"):
        online = el("gmd:onlineResource", el("gmd:CI_OnlineResource", xml.url("gmd:linkage", str(row["url"]))))
    found = [part for part in (phone, address, online) if part is not None]
    info = el("gmd:contactInfo", el("gmd:CI_Contact", found)) if found else None
    inside = el(
        "gmd:CI_ResponsibleParty",
        xml.label("gmd:organisationName", called, str(row.get("uri") or "")),
        xml.text("gmd:positionName", row.get("unit")),
        info,
        xml.code("gmd:role", "CI_RoleCode", role),
    )
    if row.get("identifier"):
        inside.set("uuid", xml.clean(row["identifier"]))
    return el(name, inside)


def parties(dataset: Reader) -> list[Any]:
    """Return all parties of a dataset with their roles; the service if there are none."""
    named = [(row, role) for field, role in PARTIES for row in dataset.rows(field)]
    for row in dataset.rows("qualified_attribution"):
        role = str(row.get("role") or "").rsplit("/", 1)[-1] or "custodian"
        named += [(agent, role) for agent in row.get("agent") or () if isinstance(agent, Mapping)]
    if not named:
        named = [({}, "pointOfContact")]
    return [party("gmd:pointOfContact", row, role, dataset.organisation) for row, role in named]
