"""Rule that takes over fields which only the ckanext-dcat profiles read from an RDF dataset."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.draft import Draft

_WEB = re.compile(r"https?://[^\s<>\"]+")
_BLANK_NODE = re.compile(r"N?[0-9a-f]{32}|_:\w+")
_NOT_TAKEN = {
    "author", "author_email", "catalog", "creator", "contact", "extras", "groups", "id", "identifier",
    "other_information", "maintainer", "maintainer_email",
    "metadata_created", "metadata_modified", "name", "notes", "notes_translated", "organization",
    "owner_org", "private", "provenance", "publisher", "qualified_attribution", "qualified_relation", "resources",
    "source_record", "spatial", "spatial_coverage", "state", "tag_string", "tags", "temporal_coverage", "territory",
    "theme", "title", "title_translated", "type", "uri", "use_conditions", "access_conditions", "license_id",
    "license_title",
    "license_url", "access_rights", "access_limitation", "in_series", "replaces", "replaced_by",
    "created", "issued", "modified", "next_update", "metadata_date", "preview_image",
}  # fmt: skip
"""Fields set by our rules or by CKAN itself: a value that a rule refused must not come back from the profiles."""


def _web(value: str) -> bool:
    return bool(_WEB.fullmatch(value))


def _of(vocabulary: str) -> Callable[[str], bool]:
    return lambda value: voc.get(vocabulary).get(value) is not None


_ZERO, _NOT_ZERO = re.compile(r"(?<![\d.])0+[YMDHS]"), re.compile(r"[1-9]")
_DURATION = re.compile(r"P(?=[\dT])(\d+Y)?(\d+M)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?")


CHECKS: dict[str, Callable[[str], bool]] = {
    "applicable_legislation": _web,
    "code_repository": _web,
    "documentation": _web,
    "endpoint_description": _web,
    "endpoint_url": _web,
    "is_referenced_by": _web,
    "url": _web,
    "scale_denominator": str.isdigit,
    "frequency": _of("frequency"),
    "hvd_category": lambda value: value.startswith("http://data.europa.eu/bna/c_"),
    "inspire_theme": _of("inspire-theme"),
    "language": _of("language"),
    "spatial_representation": _of("spatial-representation"),
    "status": _of("dataset-status"),
    "temporal_resolution": lambda value: bool(_DURATION.fullmatch(value)),
    "topic_category": _of("topic-category"),
}
"""Field → check of its values; others would make the whole dataset invalid."""


def _without_zeros(duration: str) -> str:
    """Return a duration without zero parts: "P7D" for "P0Y0M7DT0H0M0S"."""
    return _ZERO.sub("", duration).removesuffix("T") if _NOT_ZERO.search(duration) else duration


def checked(name: str, given: Any) -> list[str]:
    """Return the values of a field that are valid for it, as texts."""
    values = [str(each) for each in (given if isinstance(given, list) else [given]) if isinstance(each, str | int)]
    check = CHECKS.get(name, lambda value: True)
    return [value for value in values if value and not _BLANK_NODE.fullmatch(value) and check(value)]


def profile_fields(draft: Draft) -> None:
    """Take over fields from the profiles that no rule has set."""
    rows = draft.record.fields.get("quality_measure")
    if rows and not draft.dataset.get("quality_measure"):
        draft.set("quality_measure", [row for row in rows if isinstance(row, dict)])
    for name, given in draft.record.fields.items():
        if name in _NOT_TAKEN or draft.dataset.get(name):
            continue
        good = checked(name, given)
        if name == "temporal_resolution":
            good = [_without_zeros(value) for value in good]
        if not good:
            continue
        draft.set(name, good if isinstance(given, list) else good[0])
        if draft.record.standard == "dcat":  # its graph was noted before the profiles were applied
            draft.change(name, "profile of ckanext-dcat", good)
            draft.unread = [note for note in draft.unread if not any(value in note for value in good)]
