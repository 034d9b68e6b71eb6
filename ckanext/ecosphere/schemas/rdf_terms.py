"""Namespaces and addresses that the RDF profile writes and reads."""

from __future__ import annotations

from rdflib import Namespace, URIRef

PROV = Namespace("http://www.w3.org/ns/prov#")
DQV = Namespace("http://www.w3.org/ns/dqv#")
GEODCAT = Namespace("http://data.europa.eu/930/")
SCHEMA = Namespace("https://schema.org/")
#: Unit of a measurement, a term of SDMX that the Data Quality Vocabulary uses.
UNIT = URIRef("http://purl.org/linked-data/sdmx/2009/attribute#unitMeasure")
PREFIXES = {"prov": PROV, "dqv": DQV, "geodcat": GEODCAT, "schema": SCHEMA}
IANA = "https://www.iana.org/assignments/media-types/"
CONFORMITY = "http://inspire.ec.europa.eu/metadata-codelist/DegreeOfConformity/"
AGENT_ROLE = "http://inspire.ec.europa.eu/metadata-codelist/ResponsiblePartyRole/"
#: What a statement of rights is about: who may have access, or how the data may be used.
ACCESS_STATEMENT = URIRef("http://inspire.ec.europa.eu/metadata-codelist/LimitationsOnPublicAccess")
USE_STATEMENT = URIRef("http://inspire.ec.europa.eu/metadata-codelist/ConditionsApplyingToAccessAndUse")
