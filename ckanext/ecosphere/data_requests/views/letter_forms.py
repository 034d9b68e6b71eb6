"""Forms of decisions: what their letter lacks, and the letter itself before it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk
from ckan import model

from ckanext.ecosphere.data_requests.decisions import authors, law, reasons
from ckanext.ecosphere.data_requests.decisions.compose import digest
from ckanext.ecosphere.data_requests.domain import states
from ckanext.ecosphere.data_requests.model import Request
from ckanext.ecosphere.data_requests.views.viewing import act
from ckanext.ecosphere.shared import language


def sends_letter(found: Mapping[str, Any], transition: str) -> bool:
    """Return whether a transition of a request sends a letter of decision."""
    return transition in states.LETTERS and not found["is_signal"]


def composed(found: Mapping[str, Any], transition: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the letter that a transition would send; `seen` stands for its text.

    Raises:
        ValidationError: what is missing or wrong, by field.
    """
    letter = act("ecosphere_request_letter_preview", id=found["id"], transition=transition, **data)
    for upload in data.get("files") or []:
        upload.stream.seek(0)  # was read to be checked; is read again when the form is sent
    return {**letter, "seen": digest(letter["html"], letter["plain"])}


def variables(found: Mapping[str, Any], transition: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a letter lacks: fields of its `author` to ask for, the `unnamed` service; and `ways` to pass on."""
    request = model.Session.get_one(Request, found["id"])
    faults = authors.faults_of(request, transition, tk.current_user.id, {})
    asked = any(values.get(name) for name in authors.NAMES) or any(name in faults for name in authors.NAMES)
    kept = authors.of(tk.current_user.id)
    group = authors.service_of(request, transition)
    unnamed = {"text": " ".join(faults.get("service", [])), "name": group.name if group else ""}
    return {
        "author": {name: values.get(name, getattr(kept, name)) for name in authors.NAMES} if asked else None,
        "unnamed": unnamed if "service" in faults else None,
        "ways": ways(),
    }


def ways() -> list[tuple[str, str]]:
    """Return the ways to pass a request on outside the portal, with their labels."""
    spoken = "en" if language.current().startswith("en") else "fr"
    return [(way, words[spoken]) for way, words in law.texts()["ways"].items()]


def rule() -> str:
    """Return the rule for reasons, shown before the user writes."""
    return tk._("In sentences, {number} different words at least.").format(number=reasons.FEWEST_WORDS)
