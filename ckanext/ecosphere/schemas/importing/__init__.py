"""A description taken over from elsewhere: ISO 19139, DCAT, publiccode.yml, codemeta.json."""
