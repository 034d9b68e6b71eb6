"""Read ISO 19139 metadata records: hardened parsing, then conversion to the neutral record.

No CKAN.
"""
