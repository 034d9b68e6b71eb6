"""Namespaces and URIs of the RDF profile."""

from __future__ import annotations

from rdflib import URIRef

from ckanext.ecosphere.shared.rdf import NAMESPACES, TERM

CNT = NAMESPACES["cnt"]
DQV = NAMESPACES["dqv"]
GEODCAT = NAMESPACES["geodcat"]
PROV = NAMESPACES["prov"]
SCHEMA = NAMESPACES["schema"]
#: Unit of a measurement, an SDMX term used by the Data Quality Vocabulary.
UNIT = URIRef("http://purl.org/linked-data/sdmx/2009/attribute#unitMeasure")
#: Prefixes of graphs beside those of ckanext-dcat.
PREFIXES = {
    "prov": PROV,
    "dqv": DQV,
    "geodcat": GEODCAT,
    "schema": SCHEMA,
    "cnt": CNT,
    "ecosphere": TERM,
}
IANA = "https://www.iana.org/assignments/media-types/"
_INSPIRE = "http://inspire.ec.europa.eu/metadata-codelist"
CONFORMITY = f"{_INSPIRE}/DegreeOfConformity/"
AGENT_ROLE = f"{_INSPIRE}/ResponsiblePartyRole/"
#: Prefix of the types of rights statements: limitations on access, conditions of use.
STATEMENTS = f"{_INSPIRE}/"
#: Applicable legislation of high-value datasets, required by DCAT-AP HVD.
HIGH_VALUE_REGULATION = "http://data.europa.eu/eli/reg_impl/2023/138/oj"


def uri(name: str) -> URIRef:
    """Return the URI of a property or class of the table of fields, such as ``dct:title``."""
    prefix, _colon, local = name.partition(":")
    return NAMESPACES[prefix][local]
