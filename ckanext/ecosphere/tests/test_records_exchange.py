"""Real records of every origin: harvested, exported as DCAT-AP, checked with the published shapes, harvested again."""

from __future__ import annotations

from pathlib import Path

from ckanext.ecosphere.tests.round_trip import feed

RECORDS = Path(__file__).parents[4] / "shared" / "records"
SHAPES = Path(__file__).parents[4] / "shared" / "reference" / "shacl"
GRAPHS = {".rdf": "application/rdf+xml", ".ttl": "text/turtle", ".jsonld": "application/ld+json"}
OWNER = "administration-centrale-ou-ministere_172120"
PROFILES = ["ecosphere_dcat_ap"]
__all__ = ["feed"]
