"""Quality in the search index and in search results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.quality.reports import presentation
from ckanext.ecosphere.quality.storage import store

#: Plain string fields, not `vocab_…`, which CKAN copies into the full text: "bronze" is also a term of archaeology.
LEVEL_FIELD = LEVEL_KEY = "ecosphere_quality_level"
SCORE_FIELD = SCORE_KEY = "ecosphere_quality_score"


def complete(document: dict[str, Any], dataset: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """Add level and score to an index document.

    Args:
        document: index document, changed in place.
        dataset: returns the dataset dict; only called if no row is stored.
    """
    if not store.is_scored(document.get("dataset_type")):
        return document
    badge = store.badge_to_index(document["id"]) or store.quality_of_dict(dataset()).badge
    document[LEVEL_FIELD] = badge.level
    document[SCORE_FIELD] = f"{badge.score:03d}"  # zero-padded, so that it sorts correctly as text and as a number
    return document


def decorate(results: dict[str, Any]) -> dict[str, Any]:
    """Add the badges to the datasets found (one query), and the labels of the levels to the facet."""
    datasets = [d for d in results["results"] if isinstance(d, dict) and "id" in d and "type" in d]
    found = store.badges(datasets)
    for dataset in datasets:
        badge = found.get(dataset["id"])
        if badge:
            dataset[LEVEL_KEY], dataset[SCORE_KEY] = badge.level, badge.score
    for item in results.get("search_facets", {}).get(LEVEL_FIELD, {}).get("items", []):
        item["display_name"] = presentation.level_label(item["name"]) or item["name"]
    return results


def facets(existing: dict[str, Any]) -> dict[str, Any]:
    """Add the facet of levels."""
    existing[LEVEL_FIELD] = tk._("Metadata quality")
    return existing
