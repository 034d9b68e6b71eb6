"""Other editions of a dataset, from `replaces` and `replaced_by` of its record or of records of the same service.

Without such statements, a dataset of the same title and territories with a later year (`around`) is shown, but only as
a more recent year.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ckanext.ecosphere.schemas.fields.values import as_list
from ckanext.ecosphere.schemas.rdf import relations

MOST_SHOWN = 10
#: Maximum number of steps followed towards the newest or oldest edition.
MOST_STEPS = 10

Dataset = Mapping[str, Any]


def of(dataset: Dataset) -> dict[str, Any]:
    """Return the other editions of a dataset that the current user may see.

    Args:
        dataset: the dataset, from `package_show`.

    Returns:
        ``older`` and ``newer`` (lists of datasets, nearest first) and ``newest`` (the last newer one, or None).
    """
    newer, older = _line(dataset, "newer"), _line(dataset, "older")
    return {"older": older[:MOST_SHOWN], "newer": newer[:MOST_SHOWN], "newest": newer[-1] if newer else None}


def _line(dataset: Dataset, direction: str) -> list[Dataset]:
    """Follow the editions of a dataset in one direction; cycles are cut.

    An edition that several others refer to is placed after the last of them, so that the final one has no successor.
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
    """Return the editions directly before and after a dataset, from its own record or those that refer to it.

    A dataset is replaced only if its own record or one of the same service says so: another service cannot declare it
    outdated and redirect its readers.
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
