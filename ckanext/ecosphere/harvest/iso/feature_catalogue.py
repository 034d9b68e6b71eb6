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
    inside = {each for attribute in attributes for each in attribute.iter(etree.Element)}
    inside.update(each for abstract in element.iter("{*}isAbstract") for each in abstract.iter(etree.Element))
    inside.update(each for person in _people(element) for each in person.iter(etree.Element))
    of_itself = sample(each for each in element.iter(etree.Element) if each not in inside)
    lines = [of_itself, *map(_line, attributes[:MOST_ATTRIBUTES])]
    if len(attributes) > MOST_ATTRIBUTES:
        lines.append(f"…: {len(attributes) - MOST_ATTRIBUTES}")
    return "\n".join(filter(None, lines))


def _people(element: etree._Element) -> list[etree._Element]:
    return list(element.iter("{*}individualName", "{*}CI_Individual"))


def _line(attribute: etree._Element) -> str:
    """Return name, type and definition of an attribute, then its other properties."""
    said: dict[str, list[str]] = {}
    for prop in attribute:
        kind = local_name(prop)
        text = _listed(prop) if kind == "listedValue" else one_line(" ".join(_texts(prop)))
        if text and text not in said.setdefault(kind, []):
            said[kind].append(text)
    name = " ".join(said.pop("memberName", []) or said.pop("code", []))
    kind = " ".join(said.pop("valueType", []))
    said["cardinality"] = _occurrences(" ".join(said.pop("cardinality", [])))
    told = [text for each in ("definition", *said) for text in said.get(each, []) if text != name]
    return f"{name}{f' ({kind})' if kind else ''}{' : ' if told else ''}{' ; '.join(dict.fromkeys(told))}".strip()


def _occurrences(cardinality: str) -> list[str]:
    """Return a cardinality in words: "0..1", "0 1", "1..*"; one value, which is usual, needs none."""
    least, *most = re.findall(r"\d+|[*n]|unbounded|true", cardinality) or ["1"]
    is_many = bool(most) and most[-1] not in ("0", "1")
    words = ["facultatif"] if least == "0" else []
    return [*words, *(["plusieurs valeurs"] if is_many else [])]


def _listed(prop: etree._Element) -> str:
    """Return a listed value as ``code = label``."""
    parts = {local_name(each): one_line(" ".join(_texts(each))) for value in prop for each in value}
    return " = ".join(dict.fromkeys(filter(None, (parts.pop("code", ""), parts.pop("label", ""), *parts.values()))))


def _texts(element: etree._Element) -> list[str]:
    return [str(text) for text in element.itertext() if str(text).strip()]
