"""Corrections that a producer can apply at the source: values that the current rules had to correct in records.

`proposals` finds them in an ISO 19139 document, `formats` writes them as CSV, XSLT and GeoNetwork batch edits, and
`listing` goes through the records of a source. The first two are pure, without CKAN.
"""
