"""Give a record that names an intercommunality and has no extent the bounding box of that intercommunality.

It would otherwise be located by its département, about ten times as large. The outlines are accurate to a few
kilometres: the box carries the name of the intercommunality, and the log states where it comes from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ckanext.ecosphere.harvest.normalise.draft import Draft
from ckanext.ecosphere.harvest.normalise.geography import extent, localities, places
from ckanext.ecosphere.vocabularies import Concept
from ckanext.ecosphere.vocabularies.epcis import Epci, outlines

LOCALITY = "locality"
"""Method that finds territories from a title or an organisation."""


def surround(draft: Draft, how: str, kept: list[Concept], told: Iterable[str]) -> None:
    """Set the box of a record without extent to that of the only intercommunality that it names.

    Args:
        draft: the draft, whose territories are known.
        how: the method that found them.
        told: identifiers, descriptions and keywords given as places.
        kept: the territories; if they include others than those of the intercommunality, nothing is set.
    """
    rows = draft.dataset.get("spatial_coverage") or []
    if draft.boxes or draft.record.shapes or any(row.get("bbox") or row.get("geom") for row in rows):
        return
    named = dict.fromkeys(_named(draft, how, told))
    epci = named.popitem()[0] if len(named) == 1 else None
    outline = outlines().get(epci.code) if epci else None
    if epci is None or outline is None or not _lies_in(epci, kept):
        return
    own = [row for row in rows if localities.epci_called(row.get("uri") or "") == epci]
    if any(row.get("uri") for row in rows if row not in own):
        return  # another place, such as a commune
    row = own[0] if own else {}
    row |= {"text": row.get("text") or epci.name, "bbox": extent.polygon(outline.box)}
    draft.dataset["spatial_coverage"] = rows if own else [*rows, row]
    draft.change("spatial_coverage", f"outline of {epci.name}", ", ".join(map(str, outline.box)))


def _lies_in(epci: Epci, kept: list[Concept]) -> bool:
    own = {concept for code in epci.departements if (concept := places.departement(code))}
    return bool(kept) and own.issuperset(kept)


def _named(draft: Draft, how: str, told: Iterable[str]) -> Iterator[Epci]:
    """Yield the intercommunalities given as places, or else named by the title or an organisation."""
    record = draft.record
    given = [epci for text in told if (epci := localities.epci_called(text))]
    if given:
        yield from given
    elif how == LOCALITY:
        texts = (record.title or "", *(contact.organisation or "" for contact in record.contacts[:20]))
        # Only the first text that names a place, since it determined the territory.
        yield from localities.epcis_in(next((text for text in texts if localities.named_in(text)), ""))
    elif not places.in_text(record.title or ""):
        yield from localities.epcis_in(record.title or "")
