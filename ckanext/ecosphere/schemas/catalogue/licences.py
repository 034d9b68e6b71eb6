"""Generate CKAN's register of licences from the vocabulary of licences.

CKAN reads a JSON file at start (``licenses_group_url``). After a change of the vocabulary, regenerate it with
``python -m ckanext.ecosphere.schemas.catalogue.licences``; a test fails if it is outdated.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ckanext.ecosphere import vocabularies as voc

PATH = Path(__file__).parents[1] / "licences.json"


def register() -> list[dict[str, Any]]:
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


def text() -> str:
    """Return the content of the JSON file."""
    return json.dumps(register(), ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
