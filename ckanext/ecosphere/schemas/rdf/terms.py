"""Namespaces and URIs of the RDF profile."""

from __future__ import annotations

from rdflib import Namespace, URIRef

from ckanext.ecosphere.shared.rdf import TERM

PROV = Namespace("http://www.w3.org/ns/prov#")
DQV = Namespace("http://www.w3.org/ns/dqv#")
GEODCAT = Namespace("http://data.europa.eu/930/")
SCHEMA = Namespace("https://schema.org/")
#: Representing Content in RDF, from which GeoDCAT-AP takes the character encoding.
CNT = Namespace("http://www.w3.org/2011/content#")
#: Unit of a measurement, an SDMX term used by the Data Quality Vocabulary.
UNIT = URIRef("http://purl.org/linked-data/sdmx/2009/attribute#unitMeasure")
PREFIXES = {"prov": PROV, "dqv": DQV, "geodcat": GEODCAT, "schema": SCHEMA, "cnt": CNT, "ecosphere": TERM}
IANA = "https://www.iana.org/assignments/media-types/"
CONFORMITY = "http://inspire.ec.europa.eu/metadata-codelist/DegreeOfConformity/"
AGENT_ROLE = "http://inspire.ec.europa.eu/metadata-codelist/ResponsiblePartyRole/"
#: Types of rights statements: limitations on access, conditions of use.
ACCESS_STATEMENT = URIRef("http://inspire.ec.europa.eu/metadata-codelist/LimitationsOnPublicAccess")
USE_STATEMENT = URIRef("http://inspire.ec.europa.eu/metadata-codelist/ConditionsApplyingToAccessAndUse")
#: Applicable legislation of high-value datasets, required by DCAT-AP HVD.
HIGH_VALUE_REGULATION = "http://data.europa.eu/eli/reg_impl/2023/138/oj"
