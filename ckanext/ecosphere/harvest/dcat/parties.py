"""Read the parties of an RDF dataset or catalogue record, with their ISO 19115 roles (GeoDCAT-AP properties, PROV)."""

from __future__ import annotations

import re
from urllib.parse import unquote

from rdflib import DCTERMS, RDF, RDFS, SKOS, Graph, Literal, URIRef
from rdflib.namespace import FOAF
from rdflib.term import Node

from ckanext.ecosphere.harvest.dcat.namespaces import DCAT, GEODCAT, ORG, PROV, VCARD
from ckanext.ecosphere.harvest.dcat.values import address_of, first_of, in_order, label_of, last_part, text_of
from ckanext.ecosphere.harvest.record import Contact, Record

ROLES = (
    "author",
    "custodian",
    "distributor",
    "originator",
    "owner",
    "pointOfContact",
    "principalInvestigator",
    "processor",
    "publisher",
    "resourceProvider",
    "user",
)
"""ISO 19115 role codes. GeoDCAT-AP 2 and 3 define a property of the same name for most; feeds use one for any."""
AGENTS = (
    ("publisher", DCTERMS.publisher),
    ("originator", DCTERMS.creator),
    ("owner", DCTERMS.rightsHolder),
    ("owner", URIRef(f"{DCTERMS}rights_holder")),  # CKAN portals that export their field name
    *((role, GEODCAT[role]) for role in ROLES),
    ("pointOfContact", DCAT.contactPoint),
)
_ORGANISATION = re.compile(r"/metadata/+organizations/([^/?#]+)$")


def add_parties(record: Record, graph: Graph, subject: Node) -> None:
    """Add the parties of a dataset or of its catalogue record, including those of qualified attributions."""
    for role, predicate in AGENTS:
        _parties(record, graph, subject, role, predicate)
    _attributions(record, graph, subject)


def _parties(record: Record, graph: Graph, subject: Node, role: str, predicate: URIRef) -> None:
    found: list[Contact] = []
    for node in graph.objects(subject, predicate):
        name = text_of(graph, node, FOAF.name, VCARD["organization-name"], VCARD.fn, RDFS.label, SKOS.prefLabel)
        of = first_of(graph, node, ORG.memberOf) if (node, RDF.type, FOAF.Person) in graph else ()
        service = next(filter(None, (label_of(graph, each) for each in of)), None)
        mail = next(first_of(graph, node, VCARD.hasEmail, FOAF.mbox, VCARD.email), None)
        if mail is None:  # older GeoNetwork states it on the members of an organisation
            mail = next(
                (each for one in first_of(graph, node, FOAF.member) for each in first_of(graph, one, FOAF.mbox)), None
            )
        mail = text_of(graph, mail, VCARD.value) or mail if mail is not None else None
        phone = next(first_of(graph, node, VCARD.hasTelephone, FOAF.phone), None)
        phone = (text_of(graph, phone, VCARD.hasValue) or phone) if phone is not None else None
        home = next(first_of(graph, node, FOAF.homepage, VCARD.hasURL, FOAF.workplaceHomepage), None)
        found.append(
            Contact(
                organisation=str(node) if isinstance(node, Literal) else service or name or _name_in(node),
                organisation_href=address_of(node),
                individual=name if service else None,
                role=role,
                email=re.sub(r"^.*?(?:mailto:|/(?=[^/]*@))", "", str(mail)) if mail is not None else None,
                url=str(home) if home is not None else None,
                position=text_of(graph, node, VCARD["organization-unit"]),
                phone=str(phone) if phone is not None else None,
            )
        )
    # Sorted by content: the labels of blank nodes change at each parse.
    record.contacts += sorted(found, key=_sort_key)


def _name_in(node: Node) -> str | None:
    """Return the name in the URI of an organisation without a description (older GeoNetwork)."""
    found = _ORGANISATION.search(str(node)) if isinstance(node, URIRef) else None
    return unquote(found.group(1)).strip() or None if found else None


def _attributions(record: Record, graph: Graph, subject: Node) -> None:
    """Add the parties of qualified attributions (PROV) with their roles."""
    for node in in_order(graph, graph.objects(subject, PROV.qualifiedAttribution)):
        role = next((last_part(each) for each in first_of(graph, node, DCAT.hadRole, PROV.hadRole)), None)
        parties = Record()
        _parties(parties, graph, node, role or "", PROV.agent)
        record.contacts += parties.contacts


def _sort_key(contact: Contact) -> tuple[str, ...]:
    return tuple(part or "" for part in (contact.organisation_href, contact.organisation, contact.email, contact.url))
