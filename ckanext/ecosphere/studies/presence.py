"""Are there objects of a dataset on a site? Asked in the background, through the guard, bounded in time and bytes."""

from __future__ import annotations

from typing import Any

from ckanext.ecosphere.studies.site import Site
from ckanext.ecosphere.studies.states import Finding


def count(dataset: dict[str, Any], site: Site, finding: Finding) -> Finding:
    """Ask the service of a dataset how many of its objects are on a site, and how far the nearest is.

    WFS (`resultType=hits`, OGC 09-025r2 §11.1), OGC API Features (`numberMatched`, OGC 17-069r4 §7.15) or the features of
    a sample. A slow, empty, wrong, partial or dead server gives `NO_ANSWER`, never `NOTHING_HERE`.

    Args:
        dataset: as `package_show` gives it.
        finding: what is known so far (`candidates.Candidate.finding`).
    """
    raise NotImplementedError


def conclude(findings: list[Finding], requested: bool, relevant: bool) -> Finding:
    """Return the state of a need from those of its kept or proposed datasets, the request made and its relevance."""
    raise NotImplementedError
