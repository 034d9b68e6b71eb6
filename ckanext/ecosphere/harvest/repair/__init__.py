"""Corrections that a producer can apply at the source: what today's rules had to put right in records, value by value.

`proposals` finds them in an ISO 19139 document, `formats` writes them as CSV, XSLT and batch edits of GeoNetwork, and
`listing` goes through the records of a source. The first two are pure: no CKAN.
"""
