"""Territories and licences assigned by the harvest, compared with those assigned by a person: see `normalise`.

One of several right answers is enough. A territory counts as found if it is assigned itself, or a right one below it
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
from ckanext.ecosphere.harvest.record import Box, Constraint, Contact, Identifier, Keyword, Record, Term

DATA = Path(__file__).parent / "data"
CONTEXT = Context(fallback_organisation="administration-centrale-ou-ministere_172120")
_ADDRESS = re.compile(r"\s*<([^<>]+)>$")


@dataclass(frozen=True)
class Case:
    """A judged record.

    Attributes:
        title: title of the record.
        aside: whether the case is held out.
        source: origin of the record.
        must: values that must be assigned.
        right: values that may be assigned.
        given: assigned value → rule.
        below: returns the ancestors of a value, which count as found with it.
    """

    title: str
    aside: bool
    source: str
    must: frozenset[str]
    right: frozenset[str]
    given: dict[str, str]
    below: Callable[[str], set[str]] = lambda _id: set()

    @property
    def missing(self) -> list[str]:
        """Required values that are not assigned, neither themselves nor a right one below them."""
        right = self.given.keys() & self.right
        return sorted(self.must - right - {above for each in right for above in self.below(each)})


def rows(name: str) -> list[dict[str, str]]:
    """Return the rows of a judged table."""
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def places() -> list[Case]:
    """Return the judged places."""
    return [_place(row) for row in rows("judged_places")]


def _place(row: dict[str, str]) -> Case:
    boxes = [Box(west, east, south, north) for west, south, east, north in map(str.split, _parts(row["boxes"], ";"))]
    record = Record(
        title=row["title"],
        file_identifier=row["file"] or None,
        contacts=[Contact(row["organisation"], role="pointOfContact")] if row["organisation"] else [],
        keywords=[Keyword(text, type="place") for text in _parts(row["keywords"])],
        geographic_identifiers=[Identifier(code, href=code) for code in _parts(row["identifiers"])],
        extent_descriptions=_parts(row["descriptions"]),
        topic_categories=_parts(row["topics"]),
        boxes=boxes,
    )
    result = normalise(record, CONTEXT)
    rule = next((c.before for c in result.log if c.rule == "territory" and c.field == "territory"), "")
    given = {voc.get("territories")[uri].id: rule for uri in result.dataset.get("territory", [])}
    must = frozenset(_parts(row["territories"]))
    return Case(
        row["title"], row["aside"] == "yes", row["source"], must, must | frozenset(_parts(row["also"])), given, _above
    )


def _above(territory: str) -> set[str]:
    return {above.id for above in voc.get("territories").ancestors(voc.get("territories")[territory].uri)}


def licences() -> list[Case]:
    """Return the judged licences, for which one of the right answers must be found."""
    return [_licence(row) for row in rows("judged_licences")]


def _licence(row: dict[str, str]) -> Case:
    terms = []
    for text in _parts(row["texts"], "¦"):
        address = _ADDRESS.search(text)
        terms.append(Term(_ADDRESS.sub("", text), address[1] if address else None))
    block = Constraint(kind="legal", access_codes=["otherRestrictions"], use_codes=["license"], other=terms)
    result = normalise(Record(title="Un jeu de données", constraints=[block]), CONTEXT)
    licence = result.dataset.get("license_id", "")
    answers = row["licence"].split("|")
    must = frozenset() if licence in answers or "" in answers else frozenset(answers[:1])
    given = {licence: "from its text"} if licence else {}
    if licence and licence in answers:
        must = frozenset([licence])
    return Case(row["texts"], row["aside"] == "yes", row["source"], must, frozenset(filter(None, answers)), given)


def _parts(text: str, separator: str = "|") -> list[str]:
    return [part.strip() for part in text.split(separator) if part.strip()]
