"""Themes, territories and licences that the harvest assigns to cases of `judged`, beside those that
a person assigned.

A third of the cases is held out (`aside`): rules are written on the others. One of several right
answers is enough. A territory counts as found if it is assigned itself, or a right one below it
that the judgement allows.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.harvest.normalise import Context, normalise
from ckanext.ecosphere.harvest.record import (
    Box,
    Constraint,
    Contact,
    Identifier,
    Keyword,
    Record,
    Term,
)

DATA = Path(__file__).parent / "judged"
CONTEXT = Context(fallback_organisation="administration-centrale-ou-ministere_172120")
_ADDRESS = re.compile(r"\s*<([^<>]+)>$")


@dataclass(frozen=True)
class Case:
    """A judged record.

    Attributes:
        title: title of the record.
        aside: whether the case is held out.
        must: values that must be assigned.
        right: values that may be assigned.
        assigned: values that the harvest assigns.
        above: returns the ancestors of a value, which count as found with it.
    """

    title: str
    aside: bool
    must: frozenset[str]
    right: frozenset[str]
    assigned: frozenset[str]
    above: Callable[[str], set[str]] = lambda _value: set()

    @property
    def missing(self) -> list[str]:
        """Required values that are not assigned, neither themselves nor a right one below them."""
        reached = set(self.assigned & self.right)
        for value in list(reached):
            reached |= self.above(value)
        return sorted(self.must - reached)


def rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a judged table."""
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def themes() -> list[Case]:
    """Return the judged titles."""
    return [_theme(row) for row in rows("judged_themes")]


def _theme(row: dict[str, str]) -> Case:
    keywords = [Keyword(text) for text in _parts(row["keywords"])]
    dataset = normalise(
        Record(title=row["title"], keywords=keywords, abstract=row["abstract"]), CONTEXT
    ).dataset
    assigned = frozenset(voc.get("themes")[uri].id for uri in dataset.get("theme", []))
    must = frozenset(_parts(row["themes"]))
    return Case(
        row["title"],
        row["aside"] == "yes",
        must,
        must | frozenset(_parts(row["also"])),
        assigned,
        _above_theme,
    )


def _above_theme(theme: str) -> set[str]:
    return {concept.id for concept in voc.get("themes").ancestors(theme)}


def places() -> list[Case]:
    """Return the judged places."""
    return [_place(row) for row in rows("judged_places")]


def _place(row: dict[str, str]) -> Case:
    boxes = [
        Box(west, east, south, north)
        for west, south, east, north in map(str.split, _parts(row["boxes"], ";"))
    ]
    record = Record(
        title=row["title"],
        file_identifier=row["file"] or None,
        contacts=[Contact(row["organisation"], role="pointOfContact")]
        if row["organisation"]
        else [],
        keywords=[Keyword(text, type="place") for text in _parts(row["keywords"])],
        geographic_identifiers=[Identifier(code, href=code) for code in _parts(row["identifiers"])],
        extent_descriptions=_parts(row["descriptions"]),
        topic_categories=_parts(row["topics"]),
        boxes=boxes,
    )
    dataset = normalise(record, CONTEXT).dataset
    assigned = frozenset(voc.get("territories")[uri].id for uri in dataset.get("territory", []))
    must = frozenset(_parts(row["territories"]))
    return Case(
        row["title"],
        row["aside"] == "yes",
        must,
        must | frozenset(_parts(row["also"])),
        assigned,
        _above_place,
    )


def _above_place(territory: str) -> set[str]:
    return {
        concept.id
        for concept in voc.get("territories").ancestors(voc.get("territories")[territory].uri)
    }


def licences() -> list[Case]:
    """Return the judged licences, for which one of the right answers must be found."""
    return [_licence(row) for row in rows("judged_licences")]


def _licence(row: dict[str, str]) -> Case:
    terms = []
    for text in _parts(row["texts"], "¦"):
        address = _ADDRESS.search(text)
        terms.append(Term(_ADDRESS.sub("", text), address[1] if address else None))
    block = Constraint(
        kind="legal", access_codes=["otherRestrictions"], use_codes=["license"], other=terms
    )
    licence = normalise(
        Record(title="Un jeu de données", constraints=[block]), CONTEXT
    ).dataset.get("license_id", "")
    answers = row["licence"].split("|")
    must = frozenset() if licence in answers or "" in answers else frozenset(answers[:1])
    if licence and licence in answers:
        must = frozenset([licence])
    assigned = frozenset(filter(None, [licence]))
    return Case(
        row["texts"], row["aside"] == "yes", must, frozenset(filter(None, answers)), assigned
    )


def _parts(text: str, separator: str = "|") -> list[str]:
    return [part.strip() for part in text.split(separator) if part.strip()]
