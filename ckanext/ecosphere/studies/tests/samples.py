"""A study as its outline, with texts of outsiders in it, for the tests of what is taken away."""

from __future__ import annotations

from datetime import datetime, timezone

from shapely.geometry import box, mapping

from ckanext.ecosphere.studies import states
from ckanext.ecosphere.studies.frames import Source
from ckanext.ecosphere.studies.outline import AskedLine, DatasetLine, GroupLine, NeedLine, Outline

HOSTILE = "<script>alert(1)</script> & \x00\u202e\"'=HYPERLINK(1)"
SITE = (5.20, 46.19, 5.25, 46.22)
#: Half an hour before midnight UTC: the next day in Paris.
MOMENT = datetime(2026, 3, 10, 23, 30, tzinfo=timezone.utc)
KEPT = DatasetLine(
    id="a",
    name="zones-humides",
    title=HOSTILE,
    decision="kept",
    producer="DDT 01",
    licence="Licence Ouverte 2.0",
    date="2025-06-01",
    link="https://portal.example/dataset/zones-humides",
    citation="DDT 01, Zones humides",
    quality="Or",
    state="Covers the site",
    sentence="Covers the site",
    count=12,
)
ASIDE = DatasetLine(id="b", name="", title="Ancien zonage", decision="aside", why="trop ancien")
ASKED = AskedLine("D-2026-0007", "2026-03-01", "2026-04-01", "", "Open", "javascript:alert(1)")
WETLANDS = NeedLine(
    id="n1",
    label="Zones humides",
    why="L’étude les décrit.",
    mandatory=True,
    state=states.COVERS,
    state_label="Covers the site",
    sentence="Covers the site",
    at="2026-03-10T23:30:00+00:00",
    datasets=(KEPT,),
    aside=(ASIDE,),
)
BATS = NeedLine(id="n2", label="Chiroptères", state=states.REQUESTED, state_label="Requested", asked=ASKED)
OUTLINE = Outline(
    id="e1",
    title=f"Parc {HOSTILE}",
    site="Bourg-en-Bresse",
    geometry=mapping(box(*SITE)),
    area=mapping(box(*SITE).buffer(0.01)),
    box=SITE,
    buffer=500,
    hectares=1282.4,
    frame="Étude d’impact",
    sources=(Source("r122-5", "Code de l’environnement, R. 122-5", "https://law.example/", ""),),
    run=2,
    run_at=MOMENT,
    groups=(GroupLine("Milieux", (WETLANDS, BATS)),),
    changes=("Zones humides: new dataset: ZH 2025",),
)
