"""Convert RDF (DCAT, DCAT-AP, GeoDCAT-AP) to the neutral record."""
