"""The editions of one dataset: what it replaces and what replaces it, as its record or another of its service says.

Where no record says anything, a dataset of the same title and territories with a later year (`around`) is named as what
it is: a more recent year.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ckanext.ecosphere.schemas.fields.values import as_list
from ckanext.ecosphere.schemas.rdf import relations

MOST_SHOWN = 10
#: How many editions a page follows to the newest.
MOST_STEPS = 10

Dataset = Mapping[str, Any]


def of(dataset: Dataset) -> dict[str, Any]:
    """Return the other editions of a dataset, as its reader may see them.

    Args:
        dataset: as `package_show` gives it.

    Returns:
        ``older`` and ``newer`` (lists of datasets, those next to this one first) and ``newest`` (the last of those that
        follow it, None when nothing does).
    """
    newer, older = _line(dataset, "newer"), _line(dataset, "older")
    return {"older": older[:MOST_SHOWN], "newer": newer[:MOST_SHOWN], "newest": newer[-1] if newer else None}


def _line(dataset: Dataset, direction: str) -> list[Dataset]:
    """Follow the editions of a dataset in one direction; a circle ends where it closes.

    An edition that several name stands after all of them that are followed: the last one is that which nothing follows.
    """
    found: dict[str, Dataset] = {}
    followed = {dataset["id"]}
    step = dataset
    for _number in range(MOST_STEPS):
        beside = [each for each in _beside(step)[direction] if each["id"] not in followed]
        if not beside:
            break
        for each in beside:
            found.pop(each["id"], None)
            found[each["id"]] = each
        step = beside[-1]
        followed.add(step["id"])
    return list(found.values())


def _beside(dataset: Dataset) -> dict[str, list[Dataset]]:
    """Return the editions before and after a dataset, whichever of the two records says it.

    That data are outdated is said by their own record or by one of the same service: no other service alone makes a
    page send its readers elsewhere.
    """
    own = set(relations.own_references(dataset))
    before, after = _texts(dataset, "replaces"), _texts(dataset, "replaced_by")
    older: list[Dataset] = []
    newer: list[Dataset] = []
    for other in relations.editions(dataset, before | after):
        names = set(relations.own_references(other))
        is_own = other.get("owner_org") == dataset.get("owner_org")
        if names & after or (is_own and own & _texts(other, "replaces")):
            newer.append(other)
        elif names & before or own & _texts(other, "replaced_by"):
            older.append(other)
    return {"older": older, "newer": newer}


def _texts(dataset: Dataset, field: str) -> set[str]:
    return {str(each) for each in as_list(dataset.get(field) or [])}
