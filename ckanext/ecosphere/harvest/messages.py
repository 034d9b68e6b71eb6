"""Messages of the harvest: labels of outcomes, errors of the form of a source, advice on it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.harvest.deduplication.decisions import REASONS as JOINING
from ckanext.ecosphere.harvest.problems import MESSAGES
from ckanext.ecosphere.harvest.sources import recognise
from ckanext.ecosphere.harvest.sources.source_type import type_called
from ckanext.ecosphere.shared.messages import N_

# --- outcomes of records ---------------------------------------------------------------------

JOINED = "joined-"

OUTCOMES = {
    "errored": N_("Records refused"),
    "added": N_("Records added"),
    "updated": N_("Records updated"),
    "deleted": N_("Records withdrawn"),
    "not modified": N_("Records unchanged"),
}
"""Outcome of ckanext-harvest → its label."""
_OUTCOME_OF_ONE = {
    "errored": N_("The record was refused"),
    "added": N_("A dataset was made of it"),
    "updated": N_("Its dataset was updated"),
    "deleted": N_("Its dataset was withdrawn"),
    "not modified": N_("Nothing had changed"),
}
_SET_ASIDE = {
    "not-valid": N_("The dataset made of it is not valid."),
    "fault": N_("It could not be saved because of an unexpected fault."),
    "copy": N_("The source had already given the record."),
    "same-identifiers": N_(
        "Another record of the source bears the same identifiers and the same title."
    ),
    "deleted-here": N_("Its dataset was deleted by hand and is not published again."),
}
"""Code of a record that became no dataset → reason, beside those of `problems`."""


def outcome_of_one(status: str | None) -> str:
    """Return the label for the outcome of one record."""
    if status not in _OUTCOME_OF_ONE:
        return tk._("It has not been imported yet")
    return tk._(_OUTCOME_OF_ONE[status])


def counted(stats: Mapping[str, int], facts: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """Return key, label and number of records for each outcome.

    Duplicates are separated from unchanged records.
    """
    counts = facts.get("counts") or {}
    numbers = {outcome: (counts or stats).get(outcome, 0) for outcome in OUTCOMES}
    copies = min(counts.get("duplicate", 0), numbers["not modified"])
    numbers["not modified"] -= copies
    rows = []
    for outcome, label in OUTCOMES.items():
        rows.append((outcome.replace(" ", "-"), tk._(label), numbers[outcome]))
    return [*rows, ("joined", tk._("Published from another source"), copies)]


def reasons(report: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """Return outcome, reason and number of the records that became no dataset."""
    rows = []
    for name, label in (("refused", tk._("Refused")), ("set_aside", tk._("Set aside"))):
        for code, number in (report.get(name) or {}).items():
            rows.append((label, reason(code), number))
    return rows


def reason(code: str) -> str:
    """Return the message of a code without the values of a single record."""
    if code in _SET_ASIDE:
        return tk._(_SET_ASIDE[code])
    if code.startswith(JOINED):
        text = tk._("Another source publishes the same dataset: {reason}")
        why = tk._(JOINING[code.removeprefix(JOINED)])
        return text.format(reason=_without_values(why))
    if code in MESSAGES:
        return _without_values(tk._(MESSAGES[code]))
    return code


def _without_values(text: str) -> str:
    inner = re.sub(r"\{\w{1,50}\}(?=\s{0,9}\S)", "…", text)
    return re.sub(r"\s{0,3}[:(]?\s{0,3}\{\w{1,50}\}\)?\.?$", "", inner).strip() or text


# --- errors of the form of a source ----------------------------------------------------------

LONGEST = 2_000
"""Characters of a message that are compared."""
_DETAIL = re.compile(r"Error parsing the configuration options: (?P<value>.+)", re.DOTALL)
"""Messages of our source types are translated already, behind this prefix."""
_ENGLISH = (
    (
        re.compile(r"There already is a Harvest Source for this URL .*", re.DOTALL),
        N_("Another source already has this address with the same configuration."),
    ),
    (
        re.compile(r"Frequency (?P<value>.*) not recognised", re.DOTALL),
        N_("“{value}” is no frequency of harvests."),
    ),
    (
        re.compile(r"Unknown harvester type: (?P<value>.*)\. Registered types: .*", re.DOTALL),
        N_("“{value}” is no type of source of this portal."),
    ),
)
"""Messages of `ckanext.harvest.logic.validators` 1.6.3, which has English only, and ours."""
_FIELDS = {
    "url": N_("Address"),
    "title": N_("Title"),
    "name": N_("Name in the address"),
    "notes": N_("Description"),
    "source_type": N_("Source type"),
    "frequency": N_("Update frequency"),
    "config": N_("Configuration"),
    "owner_org": N_("Service"),
    "state": N_("State"),
}


def form_error(text: str) -> str:
    """Translate an error message of the form of a source; unknown ones are unchanged."""
    detail = _DETAIL.fullmatch(text[:LONGEST])
    if detail:
        return detail["value"]
    for pattern, message in _ENGLISH:
        match = pattern.fullmatch(text[:LONGEST])
        if match:
            return tk._(message).format(**match.groupdict())
    return text


def form_errors(errors: Mapping[str, Any] | None) -> dict[str, list[str]]:
    """Return the error messages of a form by field."""
    by_field = {}
    for name, value in (errors or {}).items():
        messages = [value]
        if isinstance(value, list):
            messages = value
        by_field[name] = [form_error(str(message)) for message in messages]
    return by_field


def form_summary(errors: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the error messages of a form by field label, for the list above the form."""
    summary = {}
    for name, messages in form_errors(errors).items():
        if messages:
            label = _FIELDS.get(name)
            summary[tk._(label) if label else name] = " ".join(messages)
    return summary


# --- advice on the test of a source ----------------------------------------------------------

ADVICE: dict[str, str] = {
    recognise.NOTHING: N_(
        "There is nothing at this address. Compare it with that of the catalogue, letter by "
        "letter; if it is the same, ask whoever runs the catalogue for its new address."
    ),
    recognise.FORBIDDEN: N_(
        "The server lets nobody in without an account. The portal reads public catalogues only: "
        "ask whoever runs this one for a public address."
    ),
    recognise.BROKEN: N_(
        "The server answered with an error. Test again later; if it stays, tell whoever runs the "
        "catalogue."
    ),
    recognise.SILENT: N_(
        "No server answers at this address. Compare the name of the server with that of the "
        "catalogue; if it is right, the server is away or does not let the portal in: ask whoever"
        " runs it."
    ),
    recognise.MAPS: N_(
        "This is a service of maps or data (WMS, WFS…), not a catalogue. Ask for the address of "
        "the catalogue that describes it; to describe this one service, start a dataset from its "
        "address."
    ),
    recognise.PAGE: N_(
        "This is a page for people, not a catalogue for programs. Look on it for the address of "
        "its service (CSW, DCAT, API), which often ends in “/csw”, or ask whoever runs it."
    ),
    recognise.UNKNOWN: N_(
        "What answers here is none of the types of source. Ask whoever runs the catalogue for the"
        " address and the type of its service."
    ),
}
"""Kind of `recognise` → what to do."""
_OTHER_TYPE = N_("This is a source of another type: choose “{type}”, and test again.")
_SAME_TYPE = N_(
    "The address is one of the chosen type, but nothing could be read there. Test again later."
)


def advice(kind: str, chosen: str) -> str:
    """Return what was found at the address of a source and what to do.

    Args:
        kind: what answers at the address, see `recognise`.
        chosen: the chosen type of source.
    """
    if kind == chosen:
        return tk._(_SAME_TYPE)
    other = type_called(kind)
    if kind not in ADVICE and other:
        return tk._(_OTHER_TYPE).format(type=tk._(other.title))
    return tk._(ADVICE.get(kind, ADVICE[recognise.UNKNOWN]))
