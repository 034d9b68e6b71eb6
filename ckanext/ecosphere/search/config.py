"""Typed access to the options of the search room."""

from __future__ import annotations

import ckan.plugins.toolkit as tk

QUEUE = "ecosphere:search"
"""Queue of this room's background jobs."""
QUERY_FIELDS = "ecosphere.search.query_fields"
MINIMUM_MATCH = "ecosphere.search.minimum_match"
TIE = "ecosphere.search.tie"
SUGGESTIONS = "ecosphere.search.suggestions"
WITHOUT = "ecosphere.search.without"
FACET_LIMIT = "ecosphere.search.facet_limit"
MAP_BACKGROUND = "ecosphere.search.map_background"


def query_fields() -> str:
    """Solr's qf for the queries of people."""
    return " ".join(tk.config[QUERY_FIELDS].split())


def minimum_match() -> str:
    """Solr's mm: how many words of a query must match."""
    return tk.config[MINIMUM_MATCH]


def tie() -> str:
    """Solr's tie breaker, as text since pysolr sends it so."""
    return tk.config[TIE]


def suggestions() -> int:
    """Number of datasets proposed while typing."""
    return tk.config[SUGGESTIONS]


def facet_limit() -> int:
    """Number of values counted per facet."""
    return tk.config[FACET_LIMIT]


def without() -> frozenset[str]:
    """Features of the search that are switched off."""
    return frozenset(tk.config[WITHOUT])


def map_background() -> str:
    """Address of a picture behind the map, with {bbox}, {width} and {height}; empty without one."""
    address = tk.config[MAP_BACKGROUND].strip()
    return address if address.startswith(("https://", "http://", "/")) else ""
