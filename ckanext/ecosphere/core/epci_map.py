"""Outlines of the intercommunalities for the maps, a département at a time."""

from __future__ import annotations

import json
from typing import Any

import ckan.plugins.toolkit as tk
from flask import Blueprint, Response

from ckanext.ecosphere.shared import language, web_guard
from ckanext.ecosphere.vocabularies import epci_outlines, gazetteer

blueprint = Blueprint("ecosphere_epci_map", __name__)
web_guard.protect(blueprint)


@blueprint.route("/ecosphere/territoires/intercommunalites/<departement>")
def of_departement(departement: str) -> Any:
    """Give the intercommunalities of a département (code of INSEE) with their outlines, which are approximate.

    JSON: a list of what `epci_outlines.described` tells of each, and `path`: as the `d` of an SVG path, in
    thousandths of a degree (WGS 84) eastward and northward.
    """
    if departement not in gazetteer.departements():
        return tk.abort(404, tk._("Territory not found"))
    lang, outlines = language.current(), epci_outlines.outlines()
    found = [
        {**epci_outlines.described(each, lang), "path": outlines[each.code].path}
        for each in epci_outlines.of_departement(departement)
        if each.code in outlines
    ]
    # Browsers keep it: `shared.web_guard.assets` says how long.
    return Response(json.dumps(found, ensure_ascii=False), mimetype="application/json")


def ecosphere_map_departements() -> list[dict[str, Any]]:
    """Return the départements whose intercommunalities are shown on maps: `code`, `label`, `box`, by their codes."""
    lang = language.current()
    return [
        {"code": code, "label": f"{concept.label(lang)} ({code})", "box": concept.data["bbox"]}
        for code, concept in sorted(gazetteer.departements().items())
        if epci_outlines.of_departement(code)
    ]


HELPERS = {"ecosphere_map_departements": ecosphere_map_departements}
