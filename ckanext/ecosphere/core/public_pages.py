"""Pages about the portal itself: accessibility statement, interfaces for programs, outlines of the EPCI for maps.

The statement is required of French public websites (law 2005-102, article 47; RGAA 4.1).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ckan.plugins.toolkit as tk
import yaml
from ckan.lib.search import SearchError
from ckan.types import DataDict
from flask import Blueprint, Response

from ckanext.ecosphere import config
from ckanext.ecosphere.shared import dates, language, web_guard
from ckanext.ecosphere.vocabularies import epcis, gazetteer

KNOWN_FAULTS = Path(__file__).parents[1] / "data/accessibility.yaml"

accessibility = Blueprint("ecosphere_accessibility", __name__)
interfaces = Blueprint("ecosphere_api", __name__)
epci_map = Blueprint("ecosphere_epci_map", __name__)
BLUEPRINTS = (accessibility, interfaces, epci_map)
for blueprint in BLUEPRINTS:
    web_guard.protect(blueprint)


@accessibility.route("/accessibilite")
def statement() -> str:
    """Show the accessibility statement: what an audit found, and what the developers know."""
    audit = config.accessibility()
    known = yaml.safe_load(KNOWN_FAULTS.read_text(encoding="utf-8"))
    variables = {
        "audit": {**audit, "date": dates.day(audit["date"])},
        "known": {**known, "checked": dates.day(known["checked"].isoformat())},
        "contact": config.contact(),
    }
    return tk.render("ecosphere/accessibility.html", variables)


@interfaces.route("/api", strict_slashes=False)
def page() -> str:
    """Show the portal's interfaces for programs, with examples to follow."""
    return tk.render("ecosphere/api.html", {"name": _example(), "csw": config.csw_url()})


def _example() -> str:
    """Return the name of the latest public dataset, "" if there is none."""
    query = {
        "rows": 1,
        "sort": "metadata_modified desc",
        "fq": "+dataset_type:dataset",
        "facet": "false",
    }
    try:
        datasets = tk.get_action("package_search")({"user": ""}, query)["results"]
    except SearchError:
        return ""
    return next((dataset["name"] for dataset in datasets), "")


@epci_map.route("/ecosphere/territoires/intercommunalites/<departement>")
def of_departement(departement: str) -> Any:
    """Return the EPCI of a département (INSEE code) with their simplified outlines, as JSON.

    The answer is a list: for each EPCI, the keys of `epcis.described`, and `path`, the `d` attribute of an SVG
    path in thousandths of a degree (WGS 84), eastward and northward.
    """
    if departement not in gazetteer.departements():
        return tk.abort(404, tk._("Territory not found"))
    lang, outlines = language.current(), epcis.outlines()
    shapes = [
        {**epcis.described(epci, lang), "path": outlines[epci.code].path}
        for epci in epcis.of_departement(departement)
        if epci.code in outlines
    ]
    # `hardening.web.cookies` sets how long browsers cache it.
    return Response(json.dumps(shapes, ensure_ascii=False), mimetype="application/json")


def ecosphere_map_departements() -> list[DataDict]:
    """Return the départements whose EPCI are shown on maps (`code`, `label`, `box`), by code."""
    lang = language.current()
    return [
        {"code": code, "label": f"{concept.label(lang)} ({code})", "box": concept.data["bbox"]}
        for code, concept in sorted(gazetteer.departements().items())
        if epcis.of_departement(code)
    ]


HELPERS = {"ecosphere_map_departements": ecosphere_map_departements}
