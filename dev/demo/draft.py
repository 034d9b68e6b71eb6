"""Contents of demonstration records, drawn at random from subjects × services.

Templates write them as XML.
"""

from __future__ import annotations

import csv
import json
import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.vocabularies import Concept

VARIANTS = json.loads(Path(__file__).with_name("quirks.json").read_text(encoding="utf-8"))
"""Spellings of the same information in real catalogues, by kind."""

NAMES = json.loads(Path(__file__).with_name("places.json").read_text(encoding="utf-8"))
"""Articles of territories, and former names of régions."""
_VOWELS = "AÀÂEÉÈÊIÎOÔUYH"
_H_ASPIRATED = ("Haut", "Haute")

#: Latest date of any record, fixed so that the catalogue does not depend on the day it is written.
TODAY = date(2026, 6, 30)


@dataclass(frozen=True)
class Catalogue:
    """A platform of the demonstration.

    Attributes:
        shape: name of its template, `<shape>.xml`.
        title: name of the platform.
        host: made-up host name.
        kinds: kinds of services that publish on it.
        share: share of all records, from 0 to 1.
    """

    shape: str
    title: str
    host: str
    kinds: tuple[str, ...]
    share: float


CATALOGUES = {name: Catalogue(name, **values) for name, values in VARIANTS["catalogues"].items()}
#: One Prodige record in this many is a republished Géo-IDE record.
REPUBLISHED_EVERY = 12
#: One Géo-IDE record in LOT_EVERY is a lot (a series of datasets); the LOT_SIZE records before it
#: are its members.
LOT_EVERY, LOT_SIZE = 15, 3
#: Service of the demonstration's editor; at least one Géo-IDE record in SHOWN_EVERY is from it.
SHOWN_SERVICE, SHOWN_EVERY = "ddt-01053-01", 9


# --- services and territories, with the French grammar of their names ---


def of_place(name: str) -> str:
    """Return a territory's name with "de" and its article: "de l'Ain", "du Gard", "des Landes"."""
    for article, names in NAMES["articles"].items():
        if name in names:
            return article + name
    if name[0] in _VOWELS and not name.startswith(_H_ASPIRATED):
        return f"de l'{name}"
    return f"de la {name}"


@cache
def services(*kinds: str) -> tuple[Concept, ...]:
    """Return the services of these kinds that have a territory."""
    return tuple(c for c in voc.get("organisations") if c.data["kind"] in kinds and c.data["territory"])


def territory(service: Concept) -> Concept:
    """Return the territory that a service is in charge of."""
    return voc.get("territories")[service.data["territory"]]


def region(place: Concept) -> Concept | None:
    """Return the région of a territory; None if it is in none."""
    chain = (place, *voc.get("territories").ancestors(place.uri))
    return next((step for step in chain if step.data["type"] == "region"), None)


def spellings(service: Concept) -> tuple[str, ...]:
    """Return the spellings of a service's name found in catalogues."""
    place, short = territory(service), service.label_fr
    acronym = service.data["acronym"]
    full = service.data["long_label_fr"].split(" (")[0]
    return (
        short,
        service.data["long_label_fr"],
        f"{acronym} {of_place(place.label_fr)}",
        f"{short} ({full} {of_place(place.label_fr)})",
        f"{full} {of_place(place.label_fr)}",
        short.replace(" ", "-").upper(),
        f"{full.upper()} {of_place(place.label_fr).upper()}",
    )


# --- records ---


class Subject(SimpleNamespace):
    """A kind of dataset; its attributes are the columns of `subjects.csv`."""


@dataclass
class Draft:
    """Contents of a record before it is written as XML.

    Attributes:
        care: completeness, from 0 (hardly anything filled) to 3 (everything).
        rng: random generator for further choices of the shape.
        republished: the Géo-IDE draft that this one republishes.
    """

    catalogue: Catalogue
    index: int
    rng: random.Random
    subject: Subject
    service: Concept
    place: Concept
    care: int
    uuid: str
    resource_uuid: str
    title: str
    table: str
    abstract: str
    year: int
    stamp: date
    created: date
    published: date
    revised: date
    is_lot: bool = False
    members: list[str] = field(default_factory=list)
    republished: Draft | None = None

    def pick(self, *choices):
        """Return a random one of the choices."""
        return self.rng.choice(choices)

    def chance(self, share: float) -> bool:
        """Return True in this share of cases (0 to 1)."""
        return self.rng.random() < share

    def variant(self, kind: str) -> Any:
        """Return a random one of the spellings of a kind."""
        return self.rng.choice(VARIANTS[kind])

    def organisation(self) -> str:
        """Return the name of the service in a random spelling."""
        return self.rng.choice(spellings(self.service))

    @property
    def mailbox(self) -> str:
        """Mailbox of the service, in a reserved domain."""
        name = "-".join(voc.normalise(self.service.label_fr).split())
        return f"sig@{name}.example"

    @property
    def inspire_theme(self) -> str:
        """French label of the INSPIRE theme of the subject."""
        return voc.get("inspire-theme")[f"http://inspire.ec.europa.eu/theme/{self.subject.inspire}"].label_fr

    @property
    def keywords(self) -> list[str]:
        """Free keywords."""
        words = self.subject.keywords.split("|")
        return words if self.care else words[:1]


@cache
def subjects(level: str) -> tuple[Subject, ...]:
    """Return the subjects of one level: departement, littoral, region or mer."""
    with Path(__file__).with_name("subjects.csv").open(encoding="utf-8", newline="") as file:
        return tuple(Subject(**line) for line in csv.DictReader(file) if line["level"] == level)


#: Kind of service → levels of its subjects; any other kind has subjects of the level region.
_LEVELS = {"ddt": ("departement",), "ddtm": ("departement", "littoral"), "dirm": ("mer",)}


def _choices(service: Concept) -> list[Subject]:
    return [subject for level in _LEVELS.get(service.data["kind"], ("region",)) for subject in subjects(level)]


def draft(name: str, index: int, seed: int) -> Draft:
    """Draw record number `index` of a catalogue; the result depends only on the three arguments."""
    rng = random.Random(f"{seed}/{name}/{index}")
    catalogue = CATALOGUES[name]
    if name == "prodige" and index % REPUBLISHED_EVERY == REPUBLISHED_EVERY - 1:
        original = draft("geoide", index, seed)
        made = _compose(catalogue, index, rng, service=original.service, subject=original.subject, year=original.year)
        made.republished, made.resource_uuid = original, original.resource_uuid
        made.title, made.abstract, made.is_lot = original.title, original.abstract, False
        return made
    service, subject = _topic(catalogue, index, rng)
    year = rng.randint(2011, 2026)
    before_lot = LOT_EVERY - 1 - index % LOT_EVERY if name == "geoide" else LOT_EVERY
    if 0 < before_lot <= LOT_SIZE:
        lot = index + before_lot
        service, subject = _topic(catalogue, lot, random.Random(f"{seed}/{name}/{lot}"))
        year = 2026 - before_lot
    made = _compose(catalogue, index, rng, service=service, subject=subject, year=year, vintage=before_lot <= LOT_SIZE)
    if before_lot == 0:
        made.is_lot = True
        made.title = f"Lot : {made.title.removesuffix(f' – {year}')}"
        made.members = [draft(name, other, seed).uuid for other in range(index - LOT_SIZE, index)]
    return made


def _topic(catalogue: Catalogue, index: int, rng: random.Random) -> tuple[Concept, Subject]:
    """Choose the service and subject of a record."""
    service = _service(catalogue, index, rng)
    choices = _choices(service)
    # Cycle through the subjects rather than draw them, so that a small catalogue has all of them.
    return service, choices[(index * 7 + rng.randrange(3)) % len(choices)]


def _service(catalogue: Catalogue, index: int, rng: random.Random) -> Concept:
    choices: Sequence[Concept] = services(*catalogue.kinds)
    if catalogue.shape == "geoide" and index % SHOWN_EVERY == 0:
        return next(service for service in choices if service.id == SHOWN_SERVICE)
    return rng.choice(choices)


def _compose(
    catalogue: Catalogue,
    index: int,
    rng: random.Random,
    *,
    service: Concept,
    subject: Subject,
    year: int,
    vintage: bool = False,
) -> Draft:
    place = territory(service)
    code = place.data["code"]
    words = {"de": of_place(place.label_fr), "nom": place.label_fr, "code": code, "code3": code.zfill(3)}
    title, table = subject.title.format_map(words), subject.table.format_map(words)
    care = rng.choices((0, 1, 2, 3), (1, 3, 4, 3))[0]
    # Several vintages of a subject coexist; most of the first records carry no year.
    suffix = f" – {year}" if rng.random() < 0.35 or index > 400 or vintage else ""
    created = date(year, rng.randint(1, 6), rng.randint(1, 28))
    revised = min(TODAY, created + timedelta(days=rng.choice((20, 150, 400, 900))))
    return Draft(
        catalogue=catalogue,
        index=index,
        rng=rng,
        subject=subject,
        service=service,
        place=place,
        care=care,
        uuid=str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        resource_uuid=str(uuid.UUID(int=rng.getrandbits(128), version=4)),
        title=_as_title(title + suffix, table, care, rng),
        table=table,
        abstract=subject.abstract.format_map(words) if care else f"{title}.",
        year=year,
        stamp=min(TODAY, revised + timedelta(days=rng.randint(0, 200))),
        created=created,
        published=min(TODAY, created + timedelta(days=10)),
        revised=revised,
    )


def _as_title(title: str, table: str, care: int, rng: random.Random) -> str:
    """Return the title; in some careless records, the name of a table instead."""
    return table if care == 0 and rng.random() < 0.3 else title
