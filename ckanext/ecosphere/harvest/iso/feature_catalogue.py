"""Convert feature catalogues (ISO 19110:2005 and 2016), standalone or within a record, to one line per attribute."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from ckanext.ecosphere.harvest.iso.walk import Walk, one_line, sample
from ckanext.ecosphere.shared.hardened_xml import local_name

ROOT = "FC_FeatureCatalogue"
MOST_ATTRIBUTES = 500
ATTRIBUTE = "FC_FeatureAttribute"


def read_feature_catalogue(walk: Walk, element: etree._Element, target: Any) -> None:
    """Note the text of a catalogue about itself and its feature types, then its attributes.

    A dataset has no field for them, so they become further information on its content:
    ``nature (texte) : type de zone humide ; T = tourbière ; M = marais``.
    """
    if next(element.iter(f"{{*}}{ATTRIBUTE}"), None) is None:
        walk.unread(element)
    else:
        walk.note(element, told_by(element))
        for person in _people(element):
            walk.note(person, " ".join(_texts(person)))


def told_by(element: etree._Element) -> str:
    """Return a catalogue as readable text: about itself and its feature types, then one line per attribute."""
    attributes = list(element.iter(f"{{*}}{ATTRIBUTE}"))
    inside: set[etree._Element] = set()
    for part in (*attributes, *element.iter("{*}isAbstract"), *_people(element)):
        inside.update(part.iter(etree.Element))
    others = [part for part in element.iter(etree.Element) if part not in inside]
    lines = [sample(others), *map(_line, attributes[:MOST_ATTRIBUTES])]
    if len(attributes) > MOST_ATTRIBUTES:
        lines.append(f"…: {len(attributes) - MOST_ATTRIBUTES}")
    return "\n".join(filter(None, lines))


def _people(element: etree._Element) -> list[etree._Element]:
    return list(element.iter("{*}individualName", "{*}CI_Individual"))


def _line(attribute: etree._Element) -> str:
    """Return name, type and definition of an attribute, then its other properties."""
    texts: dict[str, list[str]] = {}
    for prop in attribute:
        kind = local_name(prop)
        text = _listed(prop) if kind == "listedValue" else one_line(" ".join(_texts(prop)))
        if text and text not in texts.setdefault(kind, []):
            texts[kind].append(text)
    name = " ".join(texts.pop("memberName", []) or texts.pop("code", []))
    value_type = " ".join(texts.pop("valueType", []))
    texts["cardinality"] = _occurrences(" ".join(texts.pop("cardinality", [])))
    details = texts.pop("definition", [])
    for others in texts.values():
        details += others
    details = [detail for detail in dict.fromkeys(details) if detail != name]
    line = name
    if value_type:
        line = f"{name} ({value_type})"
    if details:
        line = f"{line} : {' ; '.join(details)}"
    return line.strip()


def _occurrences(cardinality: str) -> list[str]:
    """Return a cardinality in words: "0..1", "0 1", "1..*"; one value, which is usual, needs none."""
    least, *most = re.findall(r"\d+|[*n]|unbounded|true", cardinality) or ["1"]
    words = []
    if least == "0":
        words.append("facultatif")
    if most and most[-1] not in ("0", "1"):
        words.append("plusieurs valeurs")
    return words


def _listed(prop: etree._Element) -> str:
    """Return a listed value as ``code = label``."""
    texts = {}
    for value in prop:
        for part in value:
            texts[local_name(part)] = one_line(" ".join(_texts(part)))
    parts = (texts.pop("code", ""), texts.pop("label", ""), *texts.values())
    return " = ".join(dict.fromkeys(filter(None, parts)))


def _texts(element: etree._Element) -> list[str]:
    return [str(text) for text in element.itertext() if str(text).strip()]
