"""Import of descriptions: ISO 19139, DCAT, publiccode.yml, codemeta.json, and capabilities of services."""
