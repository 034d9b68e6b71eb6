"""Requests treated together, on the form of a step and after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.data_requests.domain import states


def of_step(found: Mapping[str, Any], transition: str) -> list[dict[str, Any]]:
    """Return the requests to which a step of the work also goes."""
    if transition not in states.SHARED:
        return []
    return [each for each in found["joined"] if each["state"] in states.ACTIVE]


def tell(together: Mapping[str, Any]) -> None:
    """Say for which of the requests treated together the transition was done, and why not for the others."""
    if together["done"]:
        tk.h.flash_success(tk._("It was also done for {references}.").format(references=", ".join(together["done"])))
    for each in together["left_out"]:
        tk.h.flash_error(tk._("It was not done for {reference}: {reason}").format(**each))
