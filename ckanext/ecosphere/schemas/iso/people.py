"""Parties of a record (``CI_ResponsibleParty``). Pure, no CKAN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import xml
from .reading import Reader
from .xml import el


def party(name: str, row: Mapping[str, Any], role: str, organisation: str = "") -> Any:
    """Return a party under the element ``name``.

    Args:
        name: ``gmd:contact``, ``gmd:pointOfContact``…
        row: ``name``, ``email``, ``url``, ``uri``, ``unit``, ``telephone``, all optional.
        role: code of ``CI_RoleCode``.
        organisation: stands for a missing name.
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
    return el(name, inside)


def parties(dataset: Reader) -> list[Any]:
    """Return everyone that a dataset names, with the role of each; the service itself when it names nobody."""
    found = [
        *((row, "pointOfContact") for row in dataset.rows("contact")),
        *((row, "publisher") for row in dataset.rows("publisher")),
        *((row, "owner") for row in dataset.rows("creator")),
    ]
    for row in dataset.rows("qualified_attribution"):
        role = str(row.get("role") or "custodian").rsplit("/", 1)[-1]
        found += [(agent, role) for agent in row.get("agent") or () if isinstance(agent, Mapping)]
    if not found:
        found = [({}, "pointOfContact")]
    return [party("gmd:pointOfContact", row, role, dataset.organisation) for row, role in found]
