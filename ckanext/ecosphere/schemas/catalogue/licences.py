"""CKAN's register of licences, written from the vocabulary of licences.

CKAN reads a JSON file at start (``licenses_group_url``). ``python -m ckanext.ecosphere.schemas.licences``
writes it anew after the vocabulary has changed; a test tells when that was forgotten.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ckanext.ecosphere import vocabularies as voc

PATH = Path(__file__).parents[1] / "licences.json"


def register() -> list[dict[str, Any]]:
    """Return the licences as CKAN's licence register wants them."""
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


def text() -> str:
    """Return the content of the file."""
    return json.dumps(register(), ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
