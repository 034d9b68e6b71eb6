"""Link texts of URLs: the name of the law or specification, else the URL itself or its host."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ckanext.ecosphere.schemas import wording
from ckanext.ecosphere.shared.http_guard import taken_apart
from ckanext.ecosphere.vocabularies import tables

SPECIFICATIONS = Path(__file__).parents[1] / "specifications.csv"
LONGEST = 70
LONGEST_TITLE = 160


def ecosphere_address_text(address: str, dataset: Mapping[str, Any] | None = None) -> str:
    """Return the link text of a URL.

    Args:
        address: a web address.
        dataset: a dataset whose conformity reports may name the specification at this address.
    """
    known = _names().get(address.rstrip("/"))
    if known:
        return known["fr" if wording.page_language().startswith("fr") else "en"]
    for report in (dataset or {}).get("conformity") or ():
        if isinstance(report, Mapping) and report.get("uri") == address and report.get("specification"):
            title = str(report["specification"])
            return title if len(title) <= LONGEST_TITLE else f"{title[:LONGEST_TITLE].rstrip()}…"
    return address if len(address) <= LONGEST else f"{taken_apart(address).hostname or address[:LONGEST]}/…"


@cache
def _names() -> dict[str, dict[str, str]]:
    return {row["uri"]: row for row in tables.rows(SPECIFICATIONS)}
