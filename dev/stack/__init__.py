"""Embedded development stack: PostgreSQL, Redis, Solr, pycsw and CKAN private to this checkout,
under `.local/`.

Needs only the standard library of Python ≥ 3.10. See `python3 -m dev.stack --help` or, better,
`make help`.
"""
