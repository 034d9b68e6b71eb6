"""Interpretation of search queries, and the Solr queries that answer them.

Only `search.py` depends on CKAN actions.
"""
