"""Decisions of the rules in the words of the reader.

Rules log codes and values (`normalise.draft.Reason`), so that the log depends on no language. Here
are the sentences of the codes, and the labels of rules, fields and values. What has no label is
shown as it is: codes of somebody else's rules, and the sentences in logs of earlier versions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset import fields
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.shared.messages import N_

RULES: dict[str, str] = {
    "title": N_("Title"),
    "alternate-titles": N_("Other titles"),
    "description": N_("Description"),
    "translations": N_("Texts in other languages"),
    "lineage": N_("Lineage"),
    "version": N_("Version"),
    "identifiers": N_("Identifiers"),
    "resource-type": N_("Kind of resource"),
    "relations": N_("Links to a series and its members"),
    "languages": N_("Languages"),
    "status": N_("Status"),
    "spatial-representation": N_("Spatial representation"),
    "dates": N_("Dates of the data"),
    "metadata-date": N_("Date of the record"),
    "periods": N_("Periods covered"),
    "frequency": N_("Frequency of updates"),
    "organisation": N_("Service responsible"),
    "contacts": N_("Contacts and roles"),
    "boxes": N_("Bounding boxes"),
    "territory": N_("Territories"),
    "topic-categories": N_("ISO topic categories"),
    "inspire-themes": N_("INSPIRE themes"),
    "themes": N_("Themes of the ministry"),
    "eu-themes": N_("EU themes"),
    "constraints": N_("Licence and limits on access"),
    "restriction-codes": N_("Codes of restrictions"),
    "tags": N_("Keywords"),
    "reference-systems": N_("Coordinate reference systems"),
    "scale": N_("Scale"),
    "resolution": N_("Ground resolution"),
    "conformity": N_("Conformity to specifications"),
    "quality-measures": N_("Measurements of quality"),
    "links": N_("Links and resources"),
    "preview": N_("Preview image"),
    "record-provenance": N_("Catalogue of origin"),
    "texts-without-a-place": N_("Texts without a field"),
    "profile-fields": N_("Fields of RDF profiles"),
    "what-is-left": N_("Everything else"),
    "other-information": N_("Other information"),
    "within-bounds": N_("Longest texts and lists"),
}
"""Rule → its label."""

FIELDS: dict[str, str] = {
    "tags": N_("Keywords"),
    "resources": N_("Resources"),
    "url": N_("Home page"),
    "creation": N_("Date of creation"),
    "publication": N_("Date of publication"),
    "revision": N_("Date of revision"),
    "date": N_("Date"),
    "temporalElement": N_("Period covered"),
}
"""Field names in the log that are not fields of the form."""

REASONS: dict[str, str] = {
    # Evidence of a territory
    "geographic identifier": N_("geographic identifier"),
    "place keyword": N_("place keyword"),
    "keyword": N_("keyword"),
    "extent description": N_("description of the extent"),
    "name of the document": N_("name of the urban planning document"),
    "locality": N_("commune or group of communes named in the title or as an organisation"),
    "box": N_("bounding box"),
    "area of the service": N_("area of the service"),
    "box outside France": N_("bounding box outside France"),
    "outline-of": N_("approximate outline of {value}"),
    # Evidence of a theme
    "evidence": "{kinds}",
    "keywords (addresses)": N_("keywords (by their addresses)"),
    "keyword (label)": N_("keyword (label of a theme)"),
    "keywords": N_("keywords"),
    "title": N_("title"),
    "INSPIRE theme": N_("INSPIRE theme"),
    "description": N_("description"),
    "INSPIRE theme (wide)": N_("INSPIRE theme (of many meanings)"),
    "keywords (wide terms)": N_("keywords (words of many meanings)"),
    "topic category": N_("ISO topic category"),
    "title (wide terms)": N_("title (words of many meanings)"),
    "derived": N_("from the themes above"),
    # Organisation and contacts
    "by-email": N_("{value} (e-mail address)"),
    "by-person": N_("{value} (name of a person)"),
    "own-service": N_("{value} (the source publishes for its own service only)"),
    "default-service": N_("{value} (not recognised: the default service)"),
    "no-organisation": N_("no organisation named: the default service"),
    "contact-of-record": N_("no point of contact; contact of the record"),
    "contact-of-role": N_("no point of contact; role “{value}”"),
    "maker-by-role": N_("no author or owner named; role “{role}”"),
    "no-telephone": N_("no telephone number"),
    # Access
    "noLimitations": N_("no limit on public access"),
    "access right": N_("access right given by its address"),
    # Keywords
    "keyword-named": N_("keyword: {value}"),
    "technical-words": N_("technical words: {value}"),
    "codes-of-places": N_("codes of places: {value}"),
    "one keyword holding several": N_("one keyword holding several"),
    "separate keywords": N_("separate keywords"),
    "left out": N_("left out"),
    # Links
    "protocol": N_("no protocol declared"),
    "protocol-named": N_("protocol “{value}”"),
    "format-of": N_("format of {value}"),
    "view of the record": N_("view of the record"),
    "view of the record, left out": N_("view of the record, left out"),
    "view of the record on the intranet, left out": N_(
        "view of the record on the intranet, left out"
    ),
    # Others
    "profile of ckanext-dcat": N_("profile of ckanext-dcat"),
    "characters": N_("{value} characters"),
    "values": N_("{value} values"),
}
"""Code of a reason → its sentence, with the params of the reason."""

DEDUCED: dict[str, str] = {
    "title": N_("from the title"),
    "name of the document": N_("from the name of the document"),
    "locality": N_("from a commune or a group of communes that the record names"),
    "box": N_("from the extent"),
    "box outside France": N_("from the extent"),
    "area of the service": N_("from the area of the service"),
}
"""Evidence of territories that the record does not state → its label."""

_BEFORE = {"access_rights": ("access-limitation", "licences")}
"""Field → vocabularies of its value before."""

Value = str | Mapping[str, Any]
"""A text, or a reason as stored: `code` and `params`."""


def rule(name: str) -> str:
    """Return the label of a rule."""
    if name in RULES:
        return tk._(RULES[name])
    return name


def field(name: str) -> str:
    """Return the label of a field, as in the dataset form if the portal has one."""
    if name in FIELDS:
        return tk._(FIELDS[name])
    return _form_labels().get(name, name)


def text_of(value: Value) -> str:
    """Return a value of the log as text, a reason as its sentence in the reader's language."""
    if isinstance(value, str):
        return value
    params = dict(value["params"])
    if "role" in params:
        params["role"] = concept("agent-role", params["role"])
    if "kinds" in params:
        params["kinds"] = ", ".join(_sentence(kind) for kind in params["kinds"])
    return _sentence(value["code"]).format(**params)


def _sentence(code: str) -> str:
    return tk._(REASONS.get(code, code))


def in_words(change: Mapping[str, Any]) -> dict[str, str]:
    """Return a decision with its reasons as sentences, and its values as they are.

    Args:
        change: `rule`, `field`, `before` and `after` of the log.
    """
    sides = {side: text_of(change[side]) for side in ("before", "after")}
    return {"rule": change["rule"], "field": change["field"], **sides}


def labelled(change: Mapping[str, str]) -> dict[str, str]:
    """Return a decision with labels for rule, field and values, and the code of the rule.

    Args:
        change: a decision `in_words`.
    """
    name = change["field"]
    before, after = change["before"], change["after"]
    for vocabulary in _BEFORE.get(name, ()):
        before = _labels(vocabulary, before) or before
    vocabulary = _vocabulary_of(name)
    if vocabulary:
        after = _labels(vocabulary, after) or after
    return {
        "code": change["rule"],
        "rule": rule(change["rule"]),
        "field": field(name),
        "before": before,
        "after": after,
    }


def _vocabulary_of(name: str) -> str:
    """Return the vocabulary of a field's values; empty without one."""
    if name == "owner_org":
        return "organisations"
    by_name = {field.name: field.vocabulary for field in fields.fields()}
    return by_name.get(name, "")


def deduced_territory(evidence: str, labels: str, uris: Iterable[str]) -> str:
    """Return what the territories of a dataset were deduced from.

    Args:
        evidence: code of the reason of the rule, as in its log.
        labels: the territories that it found, as in its log.
        uris: the current territories of the dataset.

    Returns:
        a label; empty when the record states them, or they have been changed since.
    """
    concepts = [voc.get("territories").get(uri) for uri in uris]
    present = ", ".join(concept.label_fr for concept in concepts if concept)
    if labels.endswith("…"):
        present = present[: len(labels) - 1] + "…"
    if evidence not in DEDUCED or not all(concepts) or present != labels:
        return ""
    return tk._(DEDUCED[evidence])


def concept(vocabulary: str, key: str | None) -> str:
    """Return the label of a concept, or the key if the vocabulary does not have it."""
    if not key:
        return ""
    return _labels(vocabulary, key) or key


def _labels(vocabulary: str, text: str) -> str:
    """Return the labels of the concepts in a list of the log; empty if one of them is unknown."""
    keys = [key.strip() for key in re.split(r"[;,] ", text)]
    concepts = [voc.get(vocabulary).get(key) for key in keys]
    reader = language.current()
    labels = [item.label(reader) for item in concepts if item]
    if len(labels) < len(keys):
        return ""
    return ", ".join(labels)


def _form_labels() -> dict[str, str]:
    """Return the labels of the fields of the dataset form; empty without ckanext-scheming."""
    get_schema: Any = getattr(tk.h, "scheming_get_dataset_schema", None)
    schema = get_schema and get_schema("dataset")
    if not schema:
        return {}
    fields = [item for item in schema["dataset_fields"] if "label" in item]
    return {item["field_name"]: tk.h.scheming_language_text(item["label"]) for item in fields}
