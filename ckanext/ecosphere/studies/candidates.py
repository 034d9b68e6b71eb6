"""Datasets for a need on a site: the best of the catalogue, and why; what is known of their extent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ckanext.ecosphere.studies.frames import Need
from ckanext.ecosphere.studies.site import Site
from ckanext.ecosphere.studies.states import Finding


@dataclass(frozen=True)
class Candidate:
    """A dataset for a need.

    Attributes:
        package_id, title, organisation: of the dataset; `name` is the last part of its address.
        reasons: codes and parameters (`wording.REASONS`): words, theme, producer, scale, age, suitability…
        finding: what is known without asking a service: extent, share of the site, restriction.
        countable: whether a service can be asked for a count (`presence.count`).
    """

    package_id: str
    name: str
    title: str
    organisation: str
    reasons: tuple[tuple[str, dict[str, Any]], ...]
    finding: Finding
    countable: bool


def look(needs: list[Need], site: Site, context: dict[str, Any]) -> dict[str, list[Candidate]]:
    """Return the best datasets of each need, best first, at most five, by id of the need.

    Only what the user of the context may read. One question to Solr a need, in at most 3 seconds for 60 needs.
    """
    raise NotImplementedError
