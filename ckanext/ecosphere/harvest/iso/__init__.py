"""Reading ISO 19139 metadata records: hardened parsing, then a neutral record. No CKAN here."""
