"""RDF namespaces that rdflib lacks or has in an older version."""

from rdflib.namespace import Namespace

DCAT = Namespace("http://www.w3.org/ns/dcat#")
"""Version 3; rdflib only defines the terms of version 2."""
GEODCAT = Namespace("http://data.europa.eu/930/")
CNT = Namespace("http://www.w3.org/2011/content#")
DCATAP = Namespace("http://data.europa.eu/r5r/")
VCARD = Namespace("http://www.w3.org/2006/vcard/ns#")
ADMS = Namespace("http://www.w3.org/ns/adms#")
DQV = Namespace("http://www.w3.org/ns/dqv#")
ORG = Namespace("http://www.w3.org/ns/org#")
PROV = Namespace("http://www.w3.org/ns/prov#")
TIME = Namespace("http://www.w3.org/2006/time#")
SCHEMA = Namespace("http://schema.org/")
SCHEMAS = Namespace("https://schema.org/")
