"""Rules for coded fields: resource type, language, status, topic category, spatial representation."""

from __future__ import annotations

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.tables import by_label, is_placeholder, plain

MAX_TOPICS = 50

_SERVICE_LEVELS = {"application", "interactivemap", "software"}
_SERIES_MARK = "-ldd-"


def resource_type(draft: Draft) -> None:
    """Set the type: dataset, series or service; a Géo-IDE *lot* is a series, although declared as a dataset."""
    record = draft.record
    types = voc.get("resource-type")
    level, name = record.hierarchy_level or "", record.hierarchy_level_name or ""
    found = types.get(level) or types.find(level)
    if record.service is not None or plain(level).replace(" ", "") in _SERVICE_LEVELS:
        found = types["service"]
    elif _SERIES_MARK in (record.file_identifier or "") or plain(name).startswith("lot de donnees"):
        found = types["series"]
    if found is None:
        if level and not is_placeholder(level):
            draft.problem("code", field="hierarchyLevel", value=level)
        found = types["dataset"]
    if found.id == level:
        draft.set("dcat_type", found.uri)
    else:
        draft.set("dcat_type", found.uri, before=f"{level} {name}".strip())
    if not is_placeholder(name) and types.find(name) != found:
        draft.lost("hierarchy_level_name", name)


def languages(draft: Draft) -> None:
    """Set the language of the data, else that of the record."""
    record = draft.record
    vocabulary = voc.get("language")
    kept: list[str] = []
    for code in record.languages or [record.metadata_language or ""]:
        found = vocabulary.get(code) or vocabulary.get(code.upper()) or vocabulary.find(code)
        if found:
            kept.append(found.uri)
        elif code and not is_placeholder(code):
            draft.problem("code", field="language", value=code)
    draft.set("language", list(dict.fromkeys(kept)))


def status(draft: Draft) -> None:
    """Convert the ISO progress code to the equivalent EU status, if there is one; EU codes are kept."""
    code = draft.record.status
    if not code or is_placeholder(code):
        return
    if stated := voc.get("dataset-status").get(code):
        draft.set("status", stated.uri)
        return
    progress = voc.get("progress-code").get(code) or voc.get("progress-code").find(code)
    listed = by_label("progress-codes", "status", "codes")
    status_id = progress.data["eu_status"] if progress else listed.get(plain(code))
    if status_id is None:
        draft.problem("code", field="status", value=code)
    elif status_id:
        draft.set("status", voc.get("dataset-status")[status_id].uri, before=code)
    else:
        words = progress.label_fr if progress else code
        draft.change("status", code, words)
        draft.lost("status", words)


def topic_categories(draft: Draft) -> None:
    """Set topic categories by code or label; similar codes ("agriculture") are converted by a table."""
    vocabulary = voc.get("topic-category")
    other = by_label("topic-categories", "topic", "other_codes")
    kept: list[str] = []
    given = draft.record.topic_categories
    if len(given) > MAX_TOPICS:
        draft.too_many("topicCategory", len(given), MAX_TOPICS)
    for code in given[:MAX_TOPICS]:
        found = vocabulary.get(code) or vocabulary.find(code) or vocabulary.get(other.get(plain(code), ""))
        if found is None:
            draft.problem("code", field="topicCategory", value=code)
        else:
            kept.append(found.uri)
            if found.id != code:
                draft.change("topic_category", code, found.id)
    draft.set("topic_category", list(dict.fromkeys(kept)))


def spatial_representation(draft: Draft) -> None:
    """Set the first representation that is in the vocabulary; note further ones."""
    vocabulary = voc.get("spatial-representation")
    for code in dict.fromkeys(draft.record.spatial_representations):
        found = vocabulary.get(code) or vocabulary.find(code)
        if found is None:
            draft.problem("code", field="spatialRepresentationType", value=code)
        elif draft.dataset.get("spatial_representation"):
            draft.lost("spatialRepresentationType", code)
        else:
            draft.set("spatial_representation", found.uri)
