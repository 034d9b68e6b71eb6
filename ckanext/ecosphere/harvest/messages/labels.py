"""Labels for outcomes and reasons on the harvest pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.harvest.deduplication.decisions import REASONS
from ckanext.ecosphere.harvest.problems import MESSAGES as RECORD

JOINED = "joined-"


def outcomes() -> dict[str, str]:
    """Return the labels of ckanext-harvest's outcomes."""
    return {
        "errored": tk._("Records refused"),
        "added": tk._("Records added"),
        "updated": tk._("Records updated"),
        "deleted": tk._("Records withdrawn"),
        "not modified": tk._("Records unchanged"),
    }


def of_one(status: str | None) -> str:
    """Return the label for the outcome of one record."""
    labels = {
        "errored": tk._("The record was refused"),
        "added": tk._("A dataset was made of it"),
        "updated": tk._("Its dataset was updated"),
        "deleted": tk._("Its dataset was withdrawn"),
        "not modified": tk._("Nothing had changed"),
    }
    return labels.get(status or "", tk._("It has not been imported yet"))


def counted(stats: Mapping[str, int], facts: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """Return key, label and number of records for each outcome; duplicates are separated from unchanged records."""
    counts = facts.get("counts") or {}
    numbers = {outcome: (counts or stats).get(outcome, 0) for outcome in outcomes()}
    copies = min(counts.get("duplicate", 0), numbers["not modified"])
    numbers["not modified"] -= copies
    found = [(outcome.replace(" ", "-"), label, numbers[outcome]) for outcome, label in outcomes().items()]
    return [*found, ("joined", tk._("Published from another source"), copies)]


def reasons(report: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """Return outcome, reason and number of the records that became no dataset."""
    found = [(tk._("Refused"), of_code(code), number) for code, number in (report.get("refused") or {}).items()]
    found += [(tk._("Set aside"), of_code(code), number) for code, number in (report.get("set_aside") or {}).items()]
    return found


def of_code(code: str) -> str:
    """Return the message of a code without the values of a single record."""
    own = {
        "not-valid": tk._("The dataset made of it is not valid."),
        "fault": tk._("It could not be saved because of an unexpected fault."),
        "copy": tk._("The source had already given the record."),
        "same-identifiers": tk._("Another record of the source bears the same identifiers and the same title."),
        "deleted-here": tk._("Its dataset was deleted by hand and is not published again."),
    }
    if code in own:
        return own[code]
    if code.startswith(JOINED):
        text = tk._(REASONS[code.removeprefix(JOINED)])
        return tk._("Another source publishes the same dataset: {reason}").format(reason=_without_values(text))
    return _without_values(tk._(RECORD[code])) if code in RECORD else code


def _without_values(text: str) -> str:
    inner = re.sub(r"\{\w{1,50}\}(?=\s{0,9}\S)", "…", text)
    return re.sub(r"\s{0,3}[:(]?\s{0,3}\{\w{1,50}\}\)?\.?$", "", inner).strip() or text
