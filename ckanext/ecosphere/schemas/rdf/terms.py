"""Namespaces and addresses that the RDF profile writes and reads."""

from __future__ import annotations

from rdflib import Namespace, URIRef

PROV = Namespace("http://www.w3.org/ns/prov#")
DQV = Namespace("http://www.w3.org/ns/dqv#")
GEODCAT = Namespace("http://data.europa.eu/930/")
SCHEMA = Namespace("https://schema.org/")
#: Representing Content in RDF, of which GeoDCAT-AP takes the character encoding.
CNT = Namespace("http://www.w3.org/2011/content#")
#: Unit of a measurement, a term of SDMX that the Data Quality Vocabulary uses.
UNIT = URIRef("http://purl.org/linked-data/sdmx/2009/attribute#unitMeasure")
PREFIXES = {"prov": PROV, "dqv": DQV, "geodcat": GEODCAT, "schema": SCHEMA, "cnt": CNT}
IANA = "https://www.iana.org/assignments/media-types/"
CONFORMITY = "http://inspire.ec.europa.eu/metadata-codelist/DegreeOfConformity/"
AGENT_ROLE = "http://inspire.ec.europa.eu/metadata-codelist/ResponsiblePartyRole/"
#: What a statement of rights is about: who may have access, or how the data may be used.
ACCESS_STATEMENT = URIRef("http://inspire.ec.europa.eu/metadata-codelist/LimitationsOnPublicAccess")
USE_STATEMENT = URIRef("http://inspire.ec.europa.eu/metadata-codelist/ConditionsApplyingToAccessAndUse")
#: The law under which data with a category of high value come (DCAT-AP HVD wants it named).
HIGH_VALUE_REGULATION = "http://data.europa.eu/eli/reg_impl/2023/138/oj"
