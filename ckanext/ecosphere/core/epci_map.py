"""Outlines of the EPCI (intercommunalities) for maps, one département at a time."""

from __future__ import annotations

import json
from typing import Any

import ckan.plugins.toolkit as tk
from flask import Blueprint, Response

from ckanext.ecosphere.shared import language, web_guard
from ckanext.ecosphere.vocabularies import epcis, gazetteer

blueprint = Blueprint("ecosphere_epci_map", __name__)
web_guard.protect(blueprint)


@blueprint.route("/ecosphere/territoires/intercommunalites/<departement>")
def of_departement(departement: str) -> Any:
    """Return the EPCI of a département (INSEE code) with their simplified outlines, as JSON.

    The answer is a list: for each EPCI, the keys of `epci_outlines.described`, and `path`, the `d` attribute of an SVG
    path in thousandths of a degree (WGS 84), eastward and northward.
    """
    if departement not in gazetteer.departements():
        return tk.abort(404, tk._("Territory not found"))
    lang, outlines = language.current(), epcis.outlines()
    found = [
        {**epcis.described(each, lang), "path": outlines[each.code].path}
        for each in epcis.of_departement(departement)
        if each.code in outlines
    ]
    # `shared.web_guard.assets` sets how long browsers cache it.
    return Response(json.dumps(found, ensure_ascii=False), mimetype="application/json")


def ecosphere_map_departements() -> list[dict[str, Any]]:
    """Return the départements whose EPCI are shown on maps (`code`, `label`, `box`), by code."""
    lang = language.current()
    return [
        {"code": code, "label": f"{concept.label(lang)} ({code})", "box": concept.data["bbox"]}
        for code, concept in sorted(gazetteer.departements().items())
        if epcis.of_departement(code)
    ]


HELPERS = {"ecosphere_map_departements": ecosphere_map_departements}
