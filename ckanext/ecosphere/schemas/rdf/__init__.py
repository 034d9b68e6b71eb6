"""Datasets in RDF: DCAT-AP, GeoDCAT-AP, schema.org, SKOS."""
