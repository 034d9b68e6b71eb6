"""Rules that take over fields which the ckanext-dcat profiles read from an RDF dataset: those that no other rule sets,
or all of them, if another portal of this suite published the dataset (`Record.published`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.dates import is_stored_form
from ckanext.ecosphere.harvest.normalise import tags
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.identity import provenance_of_record

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


_CHECKS: dict[str, Callable[[str], bool]] = {
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
    "temporal_resolution": is_stored_form,
    "topic_category": _of("topic-category"),
}
"""Field → check of its values; others would make the whole dataset invalid."""


def _without_zeros(duration: str) -> str:
    """Return a duration without zero parts: "P7D" for "P0Y0M7DT0H0M0S"."""
    return _ZERO.sub("", duration).removesuffix("T") if _NOT_ZERO.search(duration) else duration


def _checked(name: str, given: Any) -> list[str]:
    """Return the values of a field that are valid for it, as texts."""
    values = [str(each) for each in (given if isinstance(given, list) else [given]) if isinstance(each, str | int)]
    check = _CHECKS.get(name, lambda value: True)
    return [value for value in values if value and not _BLANK_NODE.fullmatch(value) and check(value)]


def profile_fields(draft: Draft) -> None:
    """Take over fields from the profiles that no rule has set."""
    rows = draft.record.fields.get("quality_measure")
    if rows and not draft.dataset.get("quality_measure"):
        draft.set("quality_measure", [row for row in rows if isinstance(row, dict)])
    for name, given in draft.record.fields.items():
        if name in _NOT_TAKEN or draft.dataset.get(name):
            continue
        good = _checked(name, given)
        if name == "temporal_resolution":
            good = [_without_zeros(value) for value in good]
        if not good:
            continue
        draft.set(name, good if isinstance(given, list) else good[0])
        if draft.record.standard == "dcat":  # its graph was noted before the profiles were applied
            draft.change(name, "profile of ckanext-dcat", good)
            draft.unread = [note for note in draft.unread if not any(value in note for value in good)]


# --- datasets that another portal of this suite published ------------------------------------------

_OF_THE_PORTAL = {
    "author", "author_email", "catalog", "extras", "groups", "homepage", "id", "maintainer", "maintainer_email",
    "metadata_created", "metadata_modified", "organization", "owner_org", "private", "sample", "state", "type",
}  # fmt: skip
"""Fields that CKAN sets itself, or that ckanext-dcat reads besides those of the schema."""


def as_published(draft: Draft) -> None:
    """Take over the fields of the other portal; report values that this one does not know, as of a list it extended."""
    draft.dataset.clear()
    draft.unread.clear()
    for name, given in draft.record.fields.items():
        if name in _OF_THE_PORTAL:
            continue
        value = given
        if name in _CHECKS:
            good = _checked(name, given)
            value = good if isinstance(given, list) else "".join(good)
            if value != given:
                draft.lost(name, given)
        draft.set(name, value)
    free = draft.context.free_tags
    words = [each["name"] for each in draft.record.fields.get("tags") or ()]
    kept = [(free and tags.verbatim(word)) or tags.clean(word, free) for word in words]
    draft.set("tags", [{"name": word} for word in dict.fromkeys(filter(None, kept))])


def provenance_of_published(draft: Draft) -> None:
    """Keep the original record that the other portal names; without any, that portal has the original."""
    if not (draft.dataset.get("source_record") or draft.dataset.get("source_catalogue")):
        provenance_of_record(draft)
