"""What the test of a source found at its address instead of a source of the chosen type, and what to do."""

from __future__ import annotations

from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere.harvest.sources import recognise
from ckanext.ecosphere.harvest.sources.source_type import type_called
from ckanext.ecosphere.shared.messages import N_

ADVICE: dict[str, str] = {
    recognise.NOTHING: N_(
        "There is nothing at this address. Compare it with that of the catalogue, letter by letter; if it is the same, "
        "ask whoever runs the catalogue for its new address."
    ),
    recognise.FORBIDDEN: N_(
        "The server lets nobody in without an account. The portal reads public catalogues only: ask whoever runs this "
        "one for a public address."
    ),
    recognise.BROKEN: N_(
        "The server answered with an error. Test again later; if it stays, tell whoever runs the catalogue."
    ),
    recognise.SILENT: N_(
        "No server answers at this address. Compare the name of the server with that of the catalogue; if it is right, "
        "the server is away or does not let the portal in: ask whoever runs it."
    ),
    recognise.MAPS: N_(
        "This is a service of maps or data (WMS, WFS…), not a catalogue. Ask for the address of the catalogue that "
        "describes it; to describe this one service, start a dataset from its address."
    ),
    recognise.PAGE: N_(
        "This is a page for people, not a catalogue for programs. Look on it for the address of its service (CSW, "
        "DCAT, API), which often ends in “/csw”, or ask whoever runs it."
    ),
    recognise.UNKNOWN: N_(
        "What answers here is none of the types of source. Ask whoever runs the catalogue for the address and the type "
        "of its service."
    ),
}
"""Kind of `recognise` → what to do."""
OTHER_TYPE = N_("This is a source of another type: choose “{type}”, and test again.")
SAME_TYPE = N_("The address is one of the chosen type, but nothing could be read there. Test again later.")


def advice(kind: str, chosen: str) -> str:
    """Return what was found and what to do, in the user's language.

    Args:
        kind: what answers at the address, see `recognise`.
        chosen: the chosen type of source.
    """
    if kind == chosen:
        return tk._(SAME_TYPE)
    if kind in ADVICE:
        return tk._(ADVICE[kind])
    known: Any = type_called(kind)
    return tk._(OTHER_TYPE).format(type=tk._(known.title)) if known else tk._(ADVICE[recognise.UNKNOWN])
