"""The embedded stack: PostgreSQL, Redis, Solr, pycsw and CKAN of this checkout's own, under `.local/`.

Needs nothing but the standard library of Python ≥ 3.10. `python3 -m dev.stack --help`, or better `make help`.
"""
