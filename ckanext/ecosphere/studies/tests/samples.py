"""A study as its outline, with texts of outsiders in it, for the tests of what is taken away."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from shapely.geometry import box, mapping

from ckanext.ecosphere.studies import states
from ckanext.ecosphere.studies.frames import Source
from ckanext.ecosphere.studies.publications.outline import VALID

HOSTILE = "<script>alert(1)</script> & \x00\u202e\"'=HYPERLINK(1)"
SITE = (5.20, 46.19, 5.25, 46.22)
#: Half an hour before midnight UTC: the next day in Paris.
MOMENT = datetime(2026, 3, 10, 23, 30, tzinfo=timezone.utc)
KEPT = {
    "package_id": "a",
    "name": "zones-humides",
    "title": HOSTILE,
    "decision": "kept",
    "why": "",
    "producer": "DDT 01",
    "licence": "Licence Ouverte 2.0",
    "date": "2025-06-01",
    "link": "https://portal.example/dataset/zones-humides",
    "citation": "DDT 01, Zones humides",
    "quality": "Or",
    "finding": {"state": states.COVERS, "label": "Covers the site", "count": 12},
    "sentence": "Covers the site",
}
ASIDE = {
    "package_id": "b",
    "name": "",
    "title": "Ancien zonage",
    "decision": "aside",
    "why": "trop ancien",
}
REQUEST = {
    "reference": "D-2026-0007",
    "submitted": "2026-03-01",
    "due": "2026-04-01",
    "closed": None,
    "state_label": "Open",
    "link": "javascript:alert(1)",
}
WETLANDS = {
    "label": "Zones humides",
    "reason": "L’étude les décrit.",
    "mandatory": True,
    "finding": {
        "state": states.COVERS,
        "label": "Covers the site",
        "at": "2026-03-10T23:30:00+00:00",
    },
    "sentence": "Covers the site",
    "datasets": [KEPT],
    "aside": [ASIDE],
    "request": None,
}
BATS = {
    "label": "Chiroptères",
    "reason": "",
    "mandatory": False,
    "finding": {"state": states.REQUESTED, "label": "Requested"},
    "sentence": "",
    "datasets": [],
    "aside": [],
    "request": REQUEST,
}
CHANGE = {
    "need": "n1",
    "label": {"fr": "Zones humides"},
    "before": states.NOBODY,
    "after": states.COVERS,
    "came": ["ZH 2025"],
    "went": [],
    "counts": [{"title": "ZH 2024", "before": None, "after": 3}],
}
OUTLINE: dict[str, Any] = {
    "id": "e1",
    "title": f"Parc {HOSTILE}",
    "site_label": "Bourg-en-Bresse",
    "geometry": mapping(box(*SITE)),
    "area": mapping(box(*SITE).buffer(0.01)),
    "box": SITE,
    "buffer": 500,
    "hectares": 1282.4,
    "frame": "Étude d’impact",
    "frame_version": 0,
    "sources": (Source("r122-5", "Code de l’environnement, R. 122-5", "https://law.example/", ""),),
    "run": 2,
    "run_at": MOMENT,
    "valid_until": MOMENT + VALID,
    "groups": [{"label": "Milieux", "needs": [WETLANDS, BATS]}],
    "needs": [WETLANDS, BATS],
    "changes": [CHANGE],
    "packages": {},
    "extracts": [],
}
