"""RDF of contacts: telephone and unit in vCard terms, which ckanext-dcat leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rdflib import Graph, Literal, URIRef

from ckanext.dcat.profiles import VCARD
from ckanext.ecosphere.shared import contact_details

#: ``vcard:organization-unit``; not an attribute because of the hyphen.
UNIT = VCARD["organization-unit"]


def write(graph: Graph, node: Any, contact: Mapping[str, Any]) -> None:
    """Complete a contact.

    Args:
        graph: receives the triples.
        node: the contact.
        contact: a row of the field ``contact``.
    """
    if contact.get("unit"):
        graph.add((node, UNIT, Literal(contact["unit"])))
    if contact.get("telephone"):
        try:
            graph.add((node, VCARD.hasTelephone, URIRef(contact_details.telephone_uri(str(contact["telephone"])))))
        except ValueError:  # accepted by an earlier version of the schema
            graph.add((node, VCARD.hasTelephone, Literal(contact["telephone"])))


def read(graph: Graph, node: Any, contact: dict[str, Any]) -> None:
    """Read unit and telephone; invalid telephone numbers are left out.

    Args:
        graph: the whole graph.
        node: the contact.
        contact: changed in place.
    """
    unit = graph.value(node, UNIT)
    if unit is not None:
        contact["unit"] = str(unit)
    for given in sorted(graph.objects(node, VCARD.hasTelephone), key=str):
        value = graph.value(given, VCARD.hasValue)
        try:
            contact["telephone"] = contact_details.international(str(value if value is not None else given))
        except ValueError:
            continue
        break
