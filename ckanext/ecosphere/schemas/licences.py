"""Licences: CKAN's register of them, made from the vocabulary, and what licences of other lists
become.

CKAN reads its register, a JSON file, at start (``licenses_group_url``). After a change of the
vocabulary, regenerate it with ``python -m ckanext.ecosphere.schemas.licences``; a test fails if it
is outdated.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ckan.common import _
from ckan.model.license import DefaultLicense, License
from ckan.types import DataDict

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.shared import language
from ckanext.ecosphere.vocabularies import tables

REGISTER = Path(__file__).with_name("licences.json")


def register() -> list[DataDict]:
    """Return the licences in the format of CKAN's licence register."""
    return [
        {
            "id": concept.id,
            "title": concept.label_fr,
            "url": concept.data["url"],
            "family": concept.data["family"],
            "status": "active",
            "od_conformance": "approved" if concept.data["open"] else "not reviewed",
            "osd_conformance": "not reviewed",
            "domain_data": concept.data["family"] != "software",
            "domain_content": True,
            "domain_software": concept.data["family"] == "software",
            "is_generic": concept.id.startswith("other-"),
            "maintainer": "",
        }
        for concept in voc.get("licences")
    ]


def register_text() -> str:
    """Return the content of the JSON file."""
    return json.dumps(register(), ensure_ascii=False, indent=2) + "\n"


_VERSION = re.compile(r"(?<![\d.])\d{1,3}\.\d{1,3}(?!\d)")
LICENCES = Path(__file__).with_name("adopted_licences.csv")


@dataclass(frozen=True)
class Licence:
    """Conversion of a licence: `becomes` is an id of the vocabulary, or None;
    `reason` explains it to the user.
    """

    becomes: str | None
    reason: str = ""


@cache
def _table() -> dict[str, dict[str, str]]:
    return {row["licence"]: row for row in tables.rows(LICENCES)}


def licence(text: str) -> Licence:
    """Return the conversion of a licence of another list; versions are never guessed, unknown ones
    stay.

    >>> [licence(each).becomes for each in ("odc-odbl", "cc-by", "CC-BY-4.0", "uk-ogl")]
    ['odc-odbl', None, 'cc-by', 'uk-ogl']
    """
    row = _table().get(text)
    if row:
        return Licence(row["becomes"] or None, row[f"reason_{language.of_tables()}"])
    concept = voc.get("licences").lookup(text)
    if concept is None:
        return Licence(text)
    versions = set(_VERSION.findall(text))
    versions_of_list = set(_VERSION.findall(f"{concept.id} {concept.uri} {concept.label_en}"))
    if text == concept.id or not versions_of_list or versions & versions_of_list:
        return Licence(concept.id)
    return Licence(None, _("the version is not said"))


def is_unknown(licence_id: str) -> bool:
    """Return whether a licence is not in the list, under any of its names."""
    return voc.get("licences").lookup(licence_id) is None


def restate(licence_id: str, extras: DataDict) -> str | None:
    """Return the new id of a licence.

    Without one, add the former licence to the conditions of use in `extras`.
    """
    becomes = licence(licence_id).becomes
    if becomes is None:
        sentence = _("Licence stated before: {licence}").format(licence=stated(licence_id))
        before = extras.get("use_conditions") or ""
        if stated(licence_id) not in before:
            extras["use_conditions"] = "\n\n".join(filter(None, (before, sentence)))
    return becomes


def stated(licence_id: str) -> str:
    """Return the former licence for display: title in CKAN's own list, if known, and id."""
    licence = stock(licence_id)
    if licence:
        return f"{licence.title} ({licence_id})"
    return licence_id


def stock(licence_id: str) -> License | None:
    """Return a licence of CKAN's own list, which is not in use, or None."""
    return next((licence for licence in stock_licences() if licence.id == licence_id), None)


@cache
def stock_licences() -> tuple[License, ...]:
    """Return the licences of CKAN's own list."""
    return tuple(License(licence()) for licence in DefaultLicense.__subclasses__())


if __name__ == "__main__":
    REGISTER.write_text(register_text(), encoding="utf-8")
