"""RDF of datasets and vocabularies: DCAT-AP, GeoDCAT-AP, schema.org, SKOS."""
