"""What rules, fields and fixed values are called where people read what the rules decided.

The log of the rules holds codes, so that it stays the same whatever the language of the portal; the pages show
these words instead. A code without words is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.shared import language


def _N(message: str) -> str:
    """Mark a message for translation; it is translated when it is shown."""
    return message


RULES: dict[str, str] = {
    "title": _N("Title"),
    "alternate-titles": _N("Other titles"),
    "description": _N("Description"),
    "lineage": _N("Lineage"),
    "version": _N("Version"),
    "identifiers": _N("Identifiers"),
    "resource-type": _N("Kind of resource"),
    "relations": _N("Links to a series and its members"),
    "languages": _N("Languages"),
    "status": _N("Status"),
    "spatial-representation": _N("Spatial representation"),
    "dates": _N("Dates of the data"),
    "metadata-date": _N("Date of the record"),
    "periods": _N("Periods covered"),
    "frequency": _N("Frequency of updates"),
    "organisation": _N("Service responsible"),
    "contacts": _N("Contacts and roles"),
    "boxes": _N("Bounding boxes"),
    "territory": _N("Territories"),
    "topic-categories": _N("ISO topic categories"),
    "inspire-themes": _N("INSPIRE themes"),
    "themes": _N("Themes of the ministry"),
    "eu-themes": _N("EU themes"),
    "constraints": _N("Licence and limits on access"),
    "restriction-codes": _N("Codes of restrictions"),
    "tags": _N("Keywords"),
    "reference-systems": _N("Coordinate reference systems"),
    "scale": _N("Scale"),
    "resolution": _N("Ground resolution"),
    "conformity": _N("Conformity to specifications"),
    "quality-measures": _N("Measurements of quality"),
    "links": _N("Links and resources"),
    "preview": _N("Preview image"),
    "record-provenance": _N("Catalogue of origin"),
    "texts-without-a-place": _N("Texts without a field"),
    "profile-fields": _N("Fields of RDF profiles"),
    "what-is-left": _N("Everything else"),
    "other-information": _N("Other information"),
    "within-bounds": _N("Longest texts and lists"),
}
"""Rule → what it looks after."""

FIELDS: dict[str, str] = {
    "tags": _N("Keywords"),
    "resources": _N("Resources"),
    "url": _N("Home page"),
    "creation": _N("Date of creation"),
    "publication": _N("Date of publication"),
    "revision": _N("Date of revision"),
    "date": _N("Date"),
    "temporalElement": _N("Period covered"),
}
"""Names in the log that are no field of the form."""

VALUES: dict[str, str] = {
    "geographic identifier": _N("geographic identifier"),
    "place keyword": _N("place keyword"),
    "keyword": _N("keyword"),
    "extent description": _N("description of the extent"),
    "name of the document": _N("name of the urban planning document"),
    "locality": _N("commune or group of communes named in the title or as an organisation"),
    "box": _N("bounding box"),
    "area of the service": _N("area of the service"),
    "box outside France": _N("bounding box outside France"),
    "keywords (addresses)": _N("keywords (by their addresses)"),
    "keyword (label)": _N("keyword (label of a theme)"),
    "keywords": _N("keywords"),
    "title": _N("title"),
    "INSPIRE theme": _N("INSPIRE theme"),
    "description": _N("description"),
    "INSPIRE theme (wide)": _N("INSPIRE theme (of many meanings)"),
    "keywords (wide terms)": _N("keywords (words of many meanings)"),
    "topic category": _N("ISO topic category"),
    "title (wide terms)": _N("title (words of many meanings)"),
    "derived": _N("from the themes above"),
    "noLimitations": _N("no limit on public access"),
    "one keyword holding several": _N("one keyword holding several"),
    "separate keywords": _N("separate keywords"),
    "left out": _N("left out"),
    "protocol": _N("no protocol declared"),
    "view of the record": _N("view of the record"),
    "view of the record, left out": _N("view of the record, left out"),
    "view of the record on the intranet, left out": _N("view of the record on the intranet, left out"),
    "profile of ckanext-dcat": _N("profile of ckanext-dcat"),
}
"""Fixed values of the log."""

_BY_FIELD = {"theme", "territory", "eu_theme", "access_rights", "tags", "resources", "source_record"}
"""Fields whose values before may be one of `VALUES`; elsewhere the words are those of the record."""

PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^(?P<value>.*) \(e-mail\)$", re.DOTALL), _N("{value} (e-mail address)")),
    (re.compile(r"^(?P<value>.*) \(name of a person\)$", re.DOTALL), _N("{value} (name of a person)")),
    (re.compile(r"^(?P<value>.+) \(default\)$", re.DOTALL), _N("{value} (not recognised: the default service)")),
    (re.compile(r"^ \(default\)$"), _N("no organisation named: the default service")),
    (re.compile(r"^no point of contact; metadata contact$"), _N("no point of contact; contact of the record")),
    (re.compile(r"^no point of contact; (?P<value>.*)$", re.DOTALL), _N("no point of contact; role “{value}”")),
    (re.compile(r"^protocol (?P<value>.*)$", re.DOTALL), _N("protocol “{value}”")),
    (re.compile(r"^format of (?P<value>.*)$", re.DOTALL), _N("format of {value}")),
    (re.compile(r"^technical words: (?P<value>.*)$", re.DOTALL), _N("technical words: {value}")),
    (re.compile(r"^keyword: (?P<value>.*)$", re.DOTALL), _N("keyword: {value}")),
    (re.compile(r"^(?P<value>\d+) characters$"), _N("{value} characters")),
    (re.compile(r"^(?P<value>\d+) values$"), _N("{value} values")),
    (re.compile(r"^codes of places: (?P<value>.*)$", re.DOTALL), _N("codes of places: {value}")),
)
"""Values of the log that hold a text of the record."""
_MADE = {
    "owner_org": (0, 1, 2, 3),
    "contact": (4, 5),
    "resources": (6, 7),
    "tags": (8, 9, 12),
    "access_rights": (9,),
    "notes": (10,),
    "provenance": (10,),
}
"""Field → patterns that its values may follow."""
_LENGTHS = (10, 11)
"""Patterns of the rule `within-bounds`, whatever the field."""

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
"""Field → list that its value after comes from."""


def rule(name: str) -> str:
    """What a rule is called."""
    return tk._(RULES[name]) if name in RULES else name


def field(name: str) -> str:
    """What a field is called: as the form of datasets does, when the portal has one."""
    if name in FIELDS:
        return tk._(FIELDS[name])
    return _form_labels().get(name, name)


def before(field_name: str, text: str) -> str:
    """What a rule started from."""
    parts = text.split(", ") if field_name == "theme" else [text]  # themes rest on several things
    if field_name in _BY_FIELD and all(part in VALUES for part in parts):
        return ", ".join(tk._(VALUES[part]) for part in parts)
    if field_name == "access_rights" and text:
        return _concepts("access-limitation", text) or _concepts("licences", text) or _made(field_name, text)
    return _made(field_name, text)


def after(field_name: str, text: str) -> str:
    """What a rule came to."""
    if field_name in _BY_FIELD and text in VALUES:
        return tk._(VALUES[text])
    name = VOCABULARIES.get(field_name)
    return (name and _concepts(name, text)) or _made(field_name, text)


def concept(vocabulary: str, key: str | None) -> str:
    """Label of a concept, or its key when the list has none of that name; empty without a key."""
    return (key and _concepts(vocabulary, key)) or key or ""


def change(told: Mapping[str, str]) -> dict[str, str]:
    """A decision of a rule in words, with its codes.

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
    """Say a value in the words of the first of some patterns that it follows."""
    for number in numbers:
        pattern, words = PATTERNS[number]
        if match := pattern.match(text):
            return tk._(words).format(**match.groupdict())
    return text


def _concepts(vocabulary: str, text: str) -> str | None:
    """Labels of the concepts that a value names, separated as in the log; None when one of them is none."""
    found = [voc.get(vocabulary).get(part.strip()) for part in re.split(r"[;,] ", text)]
    lang = language.current()
    labels = [each.label(lang) for each in found if each]
    return ", ".join(labels) if labels and len(labels) == len(found) else None


def _form_labels() -> dict[str, str]:
    """Fields of the form of datasets → their labels; empty without ckanext-scheming."""
    get: Any = getattr(tk.h, "scheming_get_dataset_schema", None)
    schema = get("dataset") if get else None
    if not schema:
        return {}
    return {
        each["field_name"]: tk.h.scheming_language_text(each["label"])
        for each in schema["dataset_fields"]
        if "label" in each
    }
