"""Initial values of a new dataset: a copy of another one, or the usual values of a service."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

#: Fields specific to one dataset: its identity, its records in other catalogues, fields set by CKAN.
OWN = frozenset(
    (
        "id", "name", "state", "type", "resources", "extras", "groups", "organization", "creator_user_id", "isopen",
        "identifier", "alternate_identifier", "metadata_identifier", "source_record", "source_catalogue",
        "metadata_date", "uri", "metadata_created", "metadata_modified", "num_resources", "num_tags", "license_title",
        "license_url", "relationships_as_object", "relationships_as_subject", "revision_id",
        "replaces", "replaced_by",
    )
)  # fmt: skip
LEAST_SHARE = 0.5


def copy(dataset: Mapping[str, Any], title: str) -> dict[str, Any]:
    """Return a copy of ``dataset`` as a draft with another title, without the fields of `OWN`."""
    kept = {key: value for key, value in dataset.items() if key not in OWN and value not in (None, "", [])}
    return {**kept, "title": title, "private": True}


def usual(datasets: Iterable[Mapping[str, Any]], fields: Iterable[str]) -> dict[str, Any]:
    """Return the value of each field that at least half of the datasets share.

    Args:
        datasets: datasets of one service.
        fields: names of the fields to compare.
    """
    listed = list(datasets)
    least = max(1, len(listed) * LEAST_SHARE)
    found = {}
    for name in fields:
        values = [each[name] for each in listed if each.get(name) not in (None, "", [])]
        common = Counter(map(_identity, values)).most_common(1)
        if common and common[0][1] >= least:
            same = [value for value in values if _identity(value) == common[0][0]]
            found[name] = json.loads(Counter(map(_written, same)).most_common(1)[0][0])
    return found


def _written(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _identity(value: Any) -> str:
    """Return what makes two values the same: of people, their mailboxes, since the rest is spelt in many ways."""
    rows = value if isinstance(value, list) else []
    mailboxes = [str(row.get("email") or "").lower() for row in rows if isinstance(row, Mapping)]
    return _written(sorted(mailboxes)) if mailboxes and all(mailboxes) else _written(value)
