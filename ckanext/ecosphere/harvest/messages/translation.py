"""Translated labels for the rules, fields and fixed values in the rule log.

The log holds codes, so that it does not depend on the portal's language; pages show these labels instead. A code
without a label is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
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

VALUES: dict[str, str] = {
    "geographic identifier": N_("geographic identifier"),
    "place keyword": N_("place keyword"),
    "keyword": N_("keyword"),
    "extent description": N_("description of the extent"),
    "name of the document": N_("name of the urban planning document"),
    "locality": N_("commune or group of communes named in the title or as an organisation"),
    "box": N_("bounding box"),
    "area of the service": N_("area of the service"),
    "box outside France": N_("bounding box outside France"),
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
    "noLimitations": N_("no limit on public access"),
    "one keyword holding several": N_("one keyword holding several"),
    "separate keywords": N_("separate keywords"),
    "left out": N_("left out"),
    "protocol": N_("no protocol declared"),
    "view of the record": N_("view of the record"),
    "view of the record, left out": N_("view of the record, left out"),
    "view of the record on the intranet, left out": N_("view of the record on the intranet, left out"),
    "profile of ckanext-dcat": N_("profile of ckanext-dcat"),
}
"""Fixed values in the log → labels."""

DEDUCED: dict[str, str] = {
    "title": N_("from the title"),
    "name of the document": N_("from the name of the document"),
    "locality": N_("from a commune or a group of communes that the record names"),
    "box": N_("from the extent"),
    "box outside France": N_("from the extent"),
    "area of the service": N_("from the area of the service"),
}
"""Method by which unstated territories were deduced → its label; other methods read explicit statements."""

_BY_FIELD = {"theme", "territory", "eu_theme", "access_rights", "tags", "resources", "source_record"}
"""Fields whose values may be one of `VALUES`; values of other fields are texts of the record."""

PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^(?P<value>.*) \(e-mail\)$", re.DOTALL), N_("{value} (e-mail address)")),
    (re.compile(r"^(?P<value>.*) \(name of a person\)$", re.DOTALL), N_("{value} (name of a person)")),
    (re.compile(r"^(?P<value>.+) \(default\)$", re.DOTALL), N_("{value} (not recognised: the default service)")),
    (re.compile(r"^ \(default\)$"), N_("no organisation named: the default service")),
    (re.compile(r"^no point of contact; metadata contact$"), N_("no point of contact; contact of the record")),
    (re.compile(r"^no point of contact; (?P<value>.*)$", re.DOTALL), N_("no point of contact; role “{value}”")),
    (re.compile(r"^protocol (?P<value>.*)$", re.DOTALL), N_("protocol “{value}”")),
    (re.compile(r"^format of (?P<value>.*)$", re.DOTALL), N_("format of {value}")),
    (re.compile(r"^technical words: (?P<value>.*)$", re.DOTALL), N_("technical words: {value}")),
    (re.compile(r"^keyword: (?P<value>.*)$", re.DOTALL), N_("keyword: {value}")),
    (re.compile(r"^(?P<value>\d+) characters$"), N_("{value} characters")),
    (re.compile(r"^(?P<value>\d+) values$"), N_("{value} values")),
    (re.compile(r"^codes of places: (?P<value>.*)$", re.DOTALL), N_("codes of places: {value}")),
    (re.compile(r"^outline of (?P<value>.*)$", re.DOTALL), N_("approximate outline of {value}")),
    (re.compile(r"^by role: (?P<role>.*)$", re.DOTALL), N_("no author or owner named; role “{role}”")),
)
"""Patterns of log values that contain a text of the record."""
_MADE = {
    "owner_org": (0, 1, 2, 3),
    "contact": (4, 5),
    "resources": (6, 7),
    "tags": (8, 9, 12),
    "access_rights": (9,),
    "notes": (10,),
    "provenance": (10,),
    "spatial_coverage": (13,),
    "creator": (14,),
}
"""Field → indexes of the patterns that its values may match."""
_LENGTHS = (10, 11)
"""Indexes of the patterns of the rule `within-bounds`, for any field."""

VOCABULARIES: dict[str, str] = {
    "dcat_type": "resource-type",
    "status": "dataset-status",
    "frequency": "frequency",
    "owner_org": "organisations",
    "topic_category": "topic-category",
    "inspire_theme": "inspire-theme",
    "theme": "themes",
    "eu_theme": "eu-theme",
    "license_id": "licences",
    "access_rights": "access-right",
    "reference_system": "epsg",
}
"""Field → vocabulary of its new value."""


def rule(name: str) -> str:
    """Return the label of a rule."""
    return tk._(RULES[name]) if name in RULES else name


def field(name: str) -> str:
    """Return the label of a field, as in the dataset form if the portal has one."""
    if name in FIELDS:
        return tk._(FIELDS[name])
    return _form_labels().get(name, name)


def before(field_name: str, text: str) -> str:
    """Return the label of a value before a rule."""
    parts = text.split(", ") if field_name == "theme" else [text]  # themes are based on several values
    if field_name in _BY_FIELD and all(part in VALUES for part in parts):
        return ", ".join(tk._(VALUES[part]) for part in parts)
    if field_name == "access_rights" and text:
        return _concepts("access-limitation", text) or _concepts("licences", text) or _made(field_name, text)
    return _made(field_name, text)


def after(field_name: str, text: str) -> str:
    """Return the label of a value after a rule."""
    if field_name in _BY_FIELD and text in VALUES:
        return tk._(VALUES[text])
    name = VOCABULARIES.get(field_name)
    return (name and _concepts(name, text)) or _made(field_name, text)


def deduced_territory(way: str, said: str, uris: Iterable[str]) -> str:
    """Return what the territories of a dataset were deduced from.

    Args:
        way: the method by which the rule found them, as in its log.
        said: the territories that it found, as in its log.
        uris: the current territories of the dataset.

    Returns:
        a label; empty when the record states them, or they have been changed since.
    """
    if way not in DEDUCED:
        return ""
    found = [voc.get("territories").get(uri) for uri in uris]
    labels = ", ".join(each.label_fr for each in found if each)
    same = all(found) and (labels == said or (said.endswith("…") and labels.startswith(said[:-1])))
    return tk._(DEDUCED[way]) if same else ""


def concept(vocabulary: str, key: str | None) -> str:
    """Return the label of a concept, or the key if the vocabulary does not have it; empty without a key."""
    return (key and _concepts(vocabulary, key)) or key or ""


def change(told: Mapping[str, str]) -> dict[str, str]:
    """Return a decision of a rule with translated labels, and the code of the rule.

    Args:
        told: `rule`, `field`, `before` and `after` of the log.
    """
    name = told["field"]
    if told["rule"] == "within-bounds":
        values = {key: _follow(_LENGTHS, told[key]) for key in ("before", "after")}
    else:
        values = {"before": before(name, told["before"]), "after": after(name, told["after"])}
    return {
        "code": told["rule"],
        "rule": rule(told["rule"]),
        "field": field(name),
        **values,
    }


def _made(field_name: str, text: str) -> str:
    return _follow(_MADE.get(field_name, ()), text)


def _follow(numbers: Iterable[int], text: str) -> str:
    """Translate a value by the first of some patterns that it matches."""
    for number in numbers:
        pattern, words = PATTERNS[number]
        if match := pattern.match(text):
            values = match.groupdict()
            if "role" in values:
                values["role"] = concept("agent-role", values["role"])
            return tk._(words).format(**values)
    return text


def _concepts(vocabulary: str, text: str) -> str | None:
    """Return the labels of the concepts in a value, separated as in the log; None when one of them is unknown."""
    found = [voc.get(vocabulary).get(part.strip()) for part in re.split(r"[;,] ", text)]
    lang = language.current()
    labels = [each.label(lang) for each in found if each]
    return ", ".join(labels) if labels and len(labels) == len(found) else None


def _form_labels() -> dict[str, str]:
    """Return the labels of the fields of the dataset form; empty without ckanext-scheming."""
    get: Any = getattr(tk.h, "scheming_get_dataset_schema", None)
    schema = get("dataset") if get else None
    if not schema:
        return {}
    return {
        each["field_name"]: tk.h.scheming_language_text(each["label"])
        for each in schema["dataset_fields"]
        if "label" in each
    }
