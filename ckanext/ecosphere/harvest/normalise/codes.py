"""Rules for coded fields: resource type, language, status, topic category, representation."""

from __future__ import annotations

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.draft import (
    Draft,
    by_label,
    distinct,
    is_placeholder,
    plain,
)

MAX_TOPICS = 50

_SERVICE_LEVELS = {"application", "interactivemap", "software"}
_SERIES_MARK = "-ldd-"


def resource_type(draft: Draft) -> None:
    """Set the type: dataset, series or service.

    A Géo-IDE *lot* is a series, although declared as a dataset.
    """
    record = draft.record
    types = voc.get("resource-type")
    level, name = record.hierarchy_level or "", record.hierarchy_level_name or ""
    concept = types.lookup(level)
    if record.service is not None or plain(level).replace(" ", "") in _SERVICE_LEVELS:
        concept = types["service"]
    elif _SERIES_MARK in (record.file_identifier or "") or _is_lot(name):
        concept = types["series"]
    elif concept is None:
        if level and not is_placeholder(level):
            draft.problem("code", field="hierarchyLevel", value=level)
        concept = types["dataset"]
    before = None
    if concept.id != level:
        before = f"{level} {name}".strip()
    draft.set("dcat_type", concept.uri, before)
    if not is_placeholder(name) and types.find(name) != concept:
        draft.lost("hierarchy_level_name", name)


def _is_lot(name: str) -> bool:
    return plain(name).startswith("lot de donnees")


def languages(draft: Draft) -> None:
    """Set the language of the data, else that of the record."""
    record = draft.record
    uris: list[str] = []
    vocabulary = voc.get("language")
    for code in record.languages or [record.metadata_language or ""]:
        concept = vocabulary.get(code) or vocabulary.lookup(code.upper())
        if concept:
            uris.append(concept.uri)
        elif not is_placeholder(code):
            draft.problem("code", field="language", value=code)
    draft.set("language", distinct(uris))


def status(draft: Draft) -> None:
    """Convert the ISO progress code to the equivalent EU status, if any; EU codes are kept."""
    code = draft.record.status
    if not code or is_placeholder(code):
        return
    concept = voc.get("dataset-status").get(code)
    if concept:
        draft.set("status", concept.uri)
        return
    progress = voc.get("progress-code").lookup(code)
    words = code
    status_id = by_label("progress-codes", "status", "codes").get(plain(code))
    if progress:
        words, status_id = progress.label_fr, progress.data["eu_status"]
    if status_id is None:
        draft.problem("code", field="status", value=code)
    elif status_id:
        draft.set("status", voc.get("dataset-status")[status_id].uri, before=code)
    else:
        draft.change("status", code, words)
        draft.lost("status", words)


def topic_categories(draft: Draft) -> None:
    """Set topic categories by code or label; similar codes ("agriculture") are converted."""
    similar = by_label("topic-categories", "topic", "other_codes")
    uris: list[str] = []
    for code in draft.first("topicCategory", draft.record.topic_categories, MAX_TOPICS):
        concept = voc.get("topic-category").lookup(code)
        concept = concept or voc.get("topic-category").get(similar.get(plain(code), ""))
        if concept is None:
            draft.problem("code", field="topicCategory", value=code)
            continue
        uris.append(concept.uri)
        if concept.id != code:
            draft.change("topic_category", code, concept.id)
    draft.set("topic_category", distinct(uris))


def representation(draft: Draft) -> None:
    """Set the first representation that is in the vocabulary; note further ones."""
    for code in distinct(draft.record.spatial_representations):
        concept = voc.get("spatial-representation").lookup(code)
        if concept is None:
            draft.problem("code", field="spatialRepresentationType", value=code)
        elif draft.dataset.get("spatial_representation"):
            draft.lost("spatialRepresentationType", code)
        else:
            draft.set("spatial_representation", concept.uri)
