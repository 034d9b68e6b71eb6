"""Import of descriptions: ISO 19139, DCAT, publiccode.yml, and capabilities of services."""
