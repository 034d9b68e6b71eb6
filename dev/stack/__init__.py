"""The embedded stack: private PostgreSQL, Redis, Solr, pycsw and CKAN under `.local/`, for this checkout only.

Needs nothing but the standard library of Python ≥ 3.10. `python3 -m dev.stack --help`, or better `make help`.
"""
