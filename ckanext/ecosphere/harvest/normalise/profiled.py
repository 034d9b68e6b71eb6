"""Rules that take over fields which the ckanext-dcat profiles read from an RDF dataset.

Those that no other rule sets, or all of them, if another portal of this suite published the dataset
(`Record.published`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.dates import is_stored_form
from ckanext.ecosphere.harvest.normalise import tags
from ckanext.ecosphere.harvest.normalise.draft import Draft, reason
from ckanext.ecosphere.harvest.normalise.identity import provenance_of_record

_WEB = re.compile(r"https?://[^\s<>\"]+")
_BLANK_NODE = re.compile(r"N?[0-9a-f]{32}|_:\w+")
_ZERO, _NOT_ZERO = re.compile(r"(?<![\d.])0+[YMDHS]"), re.compile(r"[1-9]")
_NOT_TAKEN = {
    "author", "author_email", "catalog", "creator", "contact", "extras", "groups", "id",
    "identifier", "other_information", "maintainer", "maintainer_email", "metadata_created",
    "metadata_modified", "name", "notes", "notes_translated", "organization", "owner_org",
    "private", "provenance", "publisher", "qualified_attribution", "qualified_relation",
    "resources", "source_record", "spatial", "spatial_coverage", "state", "tag_string", "tags",
    "temporal_coverage", "territory", "theme", "title", "title_translated", "type", "uri",
    "use_conditions", "access_conditions", "license_id", "license_title", "license_url",
    "access_rights", "access_limitation", "in_series", "replaces", "replaced_by", "created",
    "issued", "modified", "next_update", "metadata_date", "preview_image",
}  # fmt: skip
"""Fields set by our rules or by CKAN itself: a value that a rule refused must not come back."""


def _web(value: str) -> bool:
    return bool(_WEB.fullmatch(value))


def _of(vocabulary: str) -> Callable[[str], bool]:
    return lambda value: voc.get(vocabulary).get(value) is not None


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
    if not _NOT_ZERO.search(duration):
        return duration
    return _ZERO.sub("", duration).removesuffix("T")


def _checked(name: str, value: Any) -> list[str]:
    """Return the values of a field that are valid for it, as texts."""
    values = value
    if not isinstance(value, list):
        values = [value]
    texts = [str(item) for item in values if isinstance(item, str | int)]
    texts = [text for text in texts if text and not _BLANK_NODE.fullmatch(text)]
    if name in _CHECKS:
        texts = list(filter(_CHECKS[name], texts))
    return texts


def profile_fields(draft: Draft) -> None:
    """Take over fields from the profiles that no rule has set."""
    measures = draft.record.fields.get("quality_measure")
    if measures and not draft.dataset.get("quality_measure"):
        draft.set("quality_measure", [row for row in measures if isinstance(row, dict)])
    for name, value in draft.record.fields.items():
        if name in _NOT_TAKEN or draft.dataset.get(name):
            continue
        texts = _checked(name, value)
        if name == "temporal_resolution":
            texts = list(map(_without_zeros, texts))
        if not texts:
            continue
        if isinstance(value, list):
            draft.set(name, texts)
        else:
            draft.set(name, texts[0])
        if draft.record.standard == "dcat":  # its graph was noted before the profiles were applied
            draft.change(name, reason("profile of ckanext-dcat"), texts)
            _forget(draft, texts)


def _forget(draft: Draft, texts: list[str]) -> None:
    """Remove the notes on texts that have a field now."""
    draft.unread = [note for note in draft.unread if not any(text in note for text in texts)]


# --- datasets that another portal of this suite published ------------------------------------

_OF_THE_PORTAL = {
    "author", "author_email", "catalog", "extras", "groups", "homepage", "id", "maintainer",
    "maintainer_email", "metadata_created", "metadata_modified", "organization", "owner_org",
    "private", "sample", "state", "type",
}  # fmt: skip
"""Fields that CKAN sets itself, or that ckanext-dcat reads besides those of the schema."""


def as_published(draft: Draft) -> None:
    """Take over the fields of the other portal.

    Values that this one does not know, as of a list it extended, are reported.
    """
    draft.dataset.clear()
    draft.unread.clear()
    fields = draft.record.fields
    for name, value in fields.items():
        if name in _OF_THE_PORTAL:
            continue
        valid: Any = value
        if name in _CHECKS:
            valid = _checked(name, value)
            if not isinstance(value, list):
                valid = "".join(valid)
        if valid != value:
            draft.lost(name, value)
        draft.set(name, valid)
    words = [row["name"] for row in fields.get("tags") or ()]
    names = dict.fromkeys(_tag(word, draft.context.free_tags) for word in words)
    draft.set("tags", [{"name": name} for name in names if name])


def _tag(word: str, free: bool) -> str | None:
    if free and tags.verbatim(word):
        return word
    return tags.clean(word, free)


def provenance_of_published(draft: Draft) -> None:
    """Keep the original record that the other portal names; else that portal has the original."""
    if not (draft.dataset.get("source_record") or draft.dataset.get("source_catalogue")):
        provenance_of_record(draft)
