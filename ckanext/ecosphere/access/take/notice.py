"""Text that goes with an extract: what it was taken from, licence, dates, and what its measures no longer mean."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.shared import contact_details, dates, language

LONGEST = 300
"""Characters of a line."""


def of(dataset: dict[str, Any], asked: dict[str, Any], system: str) -> str:
    """Return the notice of an extract in the language of the page, one fact a line.

    Args:
        dataset: the dataset, from `package_show`.
        asked: result of `extract_form.checked`.
        system: name of the coordinate system.
    """
    updated = dataset.get("modified") or dataset.get("issued") or dataset.get("created")
    facts = {
        tk._("Dataset"): dataset.get("title") or dataset["name"],
        tk._("Producer"): ", ".join(contact_details.makers_of(dataset).names),
        tk._("Address"): tk.url_for("dataset.read", id=dataset["name"], qualified=True),
        tk._("Licence"): _licence(dataset) or tk._("not stated"),
        tk._("Data updated"): dates.day(updated) or tk._("on an unknown day"),
        tk._("Layer"): asked["layer_title"],
        tk._("Area"): asked["label"],
        tk._("Coordinate system"): system,
        tk._("Extract made on"): dates.day(dates.today()),
    }
    return "\n".join(f"{name}{tk._(': ')}{str(value)[:LONGEST]}" for name, value in facts.items() if value)


def warning() -> str:
    """Return the sentence about measures, with the placeholder `{names}`."""
    return tk._(
        "Objects were cut at the border of the area: {names} still tell the area or length of the whole object, not of"
        " the part in this file."
    )


def _licence(dataset: dict[str, Any]) -> str:
    identifier = str(dataset.get("license_id") or "")
    concept = voc.get("licences").get(identifier)
    return f"{concept.label(language.current())} {concept.uri}" if concept else identifier
