"""Legal reference data: grounds of refusal, remedies, courts, texts of letters. Pure.

Each entry has the day of its last check and whether a jurist has yet to confirm it
(`data/SOURCES.md`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from operator import itemgetter
from pathlib import Path
from typing import Any

import yaml

from ckanext.ecosphere.data_requests.domain import clock
from ckanext.ecosphere.dataset.view import Row
from ckanext.ecosphere.vocabularies import tables

DATA = Path(__file__).parents[1] / "data"
#: A ground that is not in the table; the agent names it in the letter.
OTHER = "other"
#: Ground for partial answers only: the service does not hold the rest.
PART_NOT_HELD = "part-not-held"
DATA_KIND, SERVICE_KIND = "data", "service"
#: Answers to a question of fact that only the agent can answer.
YES, NO = "yes", "no"


@dataclass(frozen=True)
class Ground:
    """A ground on which a request may be refused.

    Attributes:
        ground: id, in the vocabulary `access-limitation` where it has the ground.
        label_fr, label_en: label in letters.
        applies_to: data, or service (access to spatial data services, directive 2007/2/EC, article
            13).
        usable: whether L. 124-4 allows it for environmental information.
        emissions: whether it also applies to information on emissions (L. 124-5, II).
        articles: articles of law that provide for it.
        needs: invitation (the requester was invited to specify the request), completion (when the
            document will be finished), or "".
        basis: text, or jurist when a jurist has to confirm it.
        checked: day of the last check, ISO 8601.
    """

    ground: str
    label_fr: str
    label_en: str
    applies_to: str
    usable: bool
    emissions: bool
    articles: str
    needs: str
    basis: str
    checked: str

    def label(self, lang: str) -> str:
        """Return the label in English or, for any other language, in French."""
        if lang.startswith("en"):
            return self.label_en
        return self.label_fr


@cache
def grounds() -> Mapping[str, Ground]:
    """Read the table of grounds (`data/grounds.csv`), in its order."""
    return {
        row["ground"]: Ground(
            **{**row, "usable": row["usable"] == YES, "emissions": row["emissions"] == YES}
        )
        for row in tables.rows(DATA / "grounds.csv")
    }


def usable(kind: str) -> list[Ground]:
    """Return the grounds on which `data`, or access to a spatial data `service`, may be refused."""
    return [ground for ground in grounds().values() if ground.usable and ground.applies_to == kind]


@dataclass(frozen=True)
class Interest:
    """Interest that is weighed against that of a communication.

    Attributes:
        fr, en: as it follows "ne l'emporte pas sur".
        source: article that asks for the balance.
        basis: text, memory; checked: day of the last check, ISO 8601.
    """

    fr: str
    en: str
    source: str
    basis: str
    checked: str


@cache
def interests() -> Mapping[str, Interest]:
    """Read the interests to be weighed, by ground (`data/balance.csv`).

    Grounds without one need no balance.
    """
    rows = tables.rows(DATA / "balance.csv")
    columns = itemgetter("interest_fr", "interest_en", "source", "basis", "checked")
    return {row["ground"]: Interest(*columns(row)) for row in rows}


@cache
def words_of_grounds() -> Mapping[str, tuple[str, re.Pattern[str]]]:
    """Read the group of each ground and the words by which reasons speak of it
    (`data/ground-words.csv`).
    """
    return {
        row["ground"]: (row["group"], _beginnings(row["words"]))
        for row in tables.rows(DATA / "ground-words.csv")
    }


@cache
def unnamed_words() -> re.Pattern[str]:
    """Return a pattern for reasons with which a decision may have to leave its
    author unnamed (`data/law.yaml`).
    """
    return _beginnings(remedies()["unnamed"]["words"])


def _beginnings(words: str) -> re.Pattern[str]:
    """Return a pattern for words or phrases that begin like these, in a text without case,
    accents or punctuation.
    """
    return re.compile(rf"\b(?:{'|'.join(re.escape(word) for word in words.split(';'))})")


@cache
def delegations() -> Mapping[str, Mapping[str, str]]:
    """Read in whose name the agents of a service sign,
    by kind of service (`data/delegations.csv`).
    """
    return {row["kind"]: row for row in tables.rows(DATA / "delegations.csv")}


@cache
def courts() -> Mapping[str, str]:
    """Read the administrative courts by place of the seat (`data/courts.csv`)."""
    return {row["place"]: row["court"] for row in tables.rows(DATA / "courts.csv")}


@cache
def texts() -> Row:
    """Read the texts of letters (`data/letters.yaml`)."""
    return read("letters.yaml")


@cache
def remedies() -> Row:
    """Read the remedies and their periods (`data/law.yaml`)."""
    return read("law.yaml")


def months(period: str) -> int:
    """Return the length of a period of `data/law.yaml`, in months."""
    return remedies()["periods"][period]["months"]


def last_day(
    period: str, since: date, zone: str = clock.METROPOLE, months: int | None = None
) -> date:
    """Return the last day of a period of `data/law.yaml`, counted as its row says.

    Args:
        period: its name.
        since: day of the event from which it is counted.
        zone: zone of public holidays (`clock.holiday_zone`).
        months: its length, where an option of the portal sets it.
    """
    row = remedies()["periods"][period]
    return clock.last_day(
        since, months or row["months"], franc=row["franc"], moves=row["moves"], zone=zone
    )


def read(name: str) -> Any:
    """Read a YAML file of `data/`."""
    return yaml.safe_load((DATA / name).read_text(encoding="utf-8"))
