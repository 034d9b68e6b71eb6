"""Advice to producers for each problem code that a harvest reports."""

from __future__ import annotations

from ckanext.ecosphere.shared.messages import N_

_DOCUMENT = N_("Validate the record against the schema of ISO 19139 and export it anew.")
_FILL = N_("Fill in the element in the catalogue.")
_LIST = N_("Choose a value of the list that the catalogue offers.")
_BOX = N_("Draw the extent anew, in decimal degrees (WGS 84): west, east, south, north.")
_LINK = N_("Give an address that begins with http:// or https:// and answers outside of the service.")
_LICENCE = N_("State one licence with its version and its address, such as “Licence Ouverte 2.0”.")
_TEXT = N_("Shorten the text, and put what is detailed into a linked document.")
OTHERWISE = N_("Look at the page of the record on the portal: it says what each rule did.")
_REACH = N_("An administrator of the site can let the source publish for all services: write to them.")

ADVICE: dict[str, str] = {
    **dict.fromkeys(
        (
            "empty", "too-large", "too-many-elements", "tag-too-long", "too-deep", "doctype", "html", "encoding",
            "truncated", "not-well-formed", "not-iso", "not-rdf", "not-udata", "not-ogcapi", "exception",
        ),
        _DOCUMENT,
    ),
    **dict.fromkeys(
        (
            "no-identification", "no-title", "no-title-used", "title-of-copy", "no-description", "no-file-identifier",
            "identifier-placeholder", "organisation-missing", "no-contact", "email",
        ),
        _FILL,
    ),
    **dict.fromkeys(("code", "date", "scale", "resolution", "reference-system", "organisation-unknown"), _LIST),
    **dict.fromkeys(
        (
            "box-not-a-number", "box-metres", "box-axes-swapped", "box-beyond-180", "box-outside-world",
            "box-south-north-swapped", "box-west-east-swapped", "box-zero", "place-contradiction", "place-off-box",
            "outside-france",
        ),
        _BOX,
    ),
    **dict.fromkeys(("link-scheme", "link-not-an-address", "link-too-long", "link-credentials"), _LINK),
    **dict.fromkeys(
        ("licence-version", "licence-without-text", "licences-differ", "anchor-contradiction", "access-contradiction"),
        _LICENCE,
    ),
    **dict.fromkeys(("text-cut", "too-many"), _TEXT),
    "organisation-elsewhere": _REACH,
}  # fmt: skip


def advice_of(code: str) -> str:
    """Return the untranslated advice for a problem code, or the general advice if it has none of its own."""
    return ADVICE.get(code, OTHERWISE)
