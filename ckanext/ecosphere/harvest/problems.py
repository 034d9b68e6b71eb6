"""Error and problem codes of records, with their messages.

Two kinds: a `RecordError` refuses the record; a `Problem` is reported while the record is imported. Both carry a code
and parameters; the messages stand in one table, marked for translation, so that a caller shows them in the reader's
language::

    sentence(problem, tk._)

The caller adds the record's identifier and its position in the source.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ckanext.ecosphere.shared.language import N_, size

FEATURE_CATALOGUE = "feature-catalogue"
"""Code of feature catalogues, which are no fault: they describe data, but are not datasets."""
MESSAGES: dict[str, str] = {
    # Refusals: the document
    "empty": N_("The document is empty."),
    "too-large": N_("The document is too large: {size}, {limit} allowed."),
    "too-many-elements": N_("The document has too many elements: {count}, {limit} allowed."),
    "tag-too-long": N_("The document has a tag of more than {limit} characters."),
    "too-deep": N_("The document is nested too deeply."),
    "doctype": N_("The document declares a DOCTYPE, which is refused for safety."),
    "html": N_("The server answered with a web page instead of a metadata record."),
    "encoding": N_("The document declares an encoding that is not supported: {encoding}."),
    "truncated": N_("The document stops before its end, at line {line}."),
    "not-well-formed": N_("The document is not well-formed XML, at line {line}: {detail}"),
    # Refusals: the record
    "exception": N_("The server answered with an error instead of a record: {text}"),
    "not-iso": N_("The document is not an ISO 19139 metadata record: its root is {root}."),
    "not-ogcapi": N_("This is neither an OGC API – Records record nor a STAC collection."),
    "not-udata": N_("The record is no dataset of udata."),
    "not-rdf": N_("The record is no dataset in RDF."),
    FEATURE_CATALOGUE: N_(
        "The record is a feature catalogue: no dataset is made of it; the datasets that name it "
        "show its attributes."
    ),
    "no-identification": N_(
        "The record does not describe any resource (no identification section)."
    ),
    "no-title": N_("The record has neither a title nor any text to make one from."),
    "record-fault": N_("The record could not be taken because of an unexpected fault: {detail}"),
    # Problems: reported, the record is imported
    "no-title-used": N_("The record has no title; this one was made from its other texts: {title}"),
    "title-of-copy": N_(
        "The title is the one that the catalogue gave to a copy; this was taken: {title}"
    ),
    "no-description": N_("The record has no description."),
    "text-cut": N_("A text is too long ({length} characters) and was cut (element {element})."),
    "too-many": N_("The record has {count} elements {element}; the first {limit} were kept."),
    "no-file-identifier": N_("The record has no identifier of its own."),
    "identifier-placeholder": N_("An identifier was never filled in: {value}"),
    "organisation-elsewhere": N_(
        "It names another service; the source publishes for its own only: {name}"
    ),
    "organisation-unknown": N_("No service of the registry is called: {name}"),
    "organisation-missing": N_("The record names no organisation."),
    "no-contact": N_("The record gives no e-mail address to write to."),
    "email": N_("This is not an e-mail address: {value}"),
    "code": N_("This value is in no list (element {field}): {value}"),
    "date": N_("This is not a date (element {field}): {value}"),
    "box-not-a-number": N_("A side of the bounding box is not a number: {box}"),
    "box-metres": N_("The bounding box was in metres and was converted to degrees: {box}"),
    "box-beyond-180": N_(
        "Longitudes of the bounding box beyond 180 degrees were brought between -180 and 180: {box}"
    ),
    "box-axes-swapped": N_(
        "Longitudes and latitudes of the bounding box were exchanged and put right: {box}"
    ),
    "box-outside-world": N_("The bounding box lies outside the world: {box}"),
    "box-south-north-swapped": N_(
        "South and north of the bounding box were exchanged and put right: {box}"
    ),
    "box-west-east-swapped": N_(
        "West and east of the bounding box were exchanged and put right: {box}"
    ),
    "box-zero": N_("The bounding box is empty: {box}"),
    "place-contradiction": N_(
        "Places were left out, since other parts of the record (bounding box, title, names, "
        "service) contradict them:"
        " {values}"
    ),
    "place-off-box": N_(
        "The bounding box lies elsewhere than the territories that the record names: {values}"
    ),
    "outside-france": N_("The data lie outside the territories of the list."),
    "reference-system": N_("The coordinate reference system is not recognised: {value}"),
    "scale": N_("This is not a scale: {value}"),
    "resolution": N_("This resolution cannot be given in metres: {value}"),
    "licence-version": N_(
        "The list does not have this licence, or the record does not name its version; {chosen} "
        "was taken: {value}"
    ),
    "licence-without-text": N_("The record says that there is a licence but not which one."),
    "licences-differ": N_(
        "The record names several licences ({values}); the first was kept: {chosen}"
    ),
    "anchor-contradiction": N_("A text and the address behind it contradict each other: {value}"),
    "access-contradiction": N_(
        "The record says that nothing limits public access and gives a reason for a limit "
        "({values}); the limit counts."
    ),
    "link-scheme": N_("A link was refused because it is not a web address: {url}"),
    "link-not-an-address": N_("A link was left out because it is not an address: {url}"),
    "link-too-long": N_("A link was left out because it is too long: {url}"),
    "link-credentials": N_(
        "A link to {host} holds a user name, a password or a token, which was taken out."
    ),
}


class RecordError(Exception):
    """A record or document that cannot be imported, with the reason.

    Args:
        code: key of `MESSAGES`.
        params: values for the fields of the message.
    """

    def __init__(self, code: str, **params: Any):
        self.code = code
        self.params = params
        super().__init__(code)

    def __str__(self) -> str:
        return sentence(self)

    def __reduce__(self):
        """Keep the parameters when pickled for background jobs."""
        return _rebuild, (self.code, self.params)


def _rebuild(code: str, params: dict[str, Any]) -> RecordError:
    return RecordError(code, **params)


@dataclass(slots=True, frozen=True)
class Problem:
    """A fault in a record that was repaired, cut or ignored, and is reported."""

    code: str
    params: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return sentence(self)


#: Codes whose numbers are bytes.
_OF_BYTES = ("too-large", "xml-too-large")


def sentence(problem: RecordError | Problem, translate: Callable[[str], str] = str) -> str:
    """Say what is wrong.

    Args:
        problem: a refusal or a problem.
        translate: gives the text of a message in the reader's language.
    """
    return translate(MESSAGES[problem.code]).format(
        **sizes(problem.code, problem.params, translate)
    )


def sizes(code: str, params: Mapping[str, Any], translate: Callable[[str], str]) -> dict[str, Any]:
    """Return the values of a message's fields, bytes as people write them."""
    if code not in _OF_BYTES:
        return dict(params)
    return {
        name: size(value, translate) if isinstance(value, int) else value
        for name, value in params.items()
    }


_DOCUMENT = N_("Validate the record against the schema of ISO 19139 and export it anew.")
_FILL = N_("Fill in the element in the catalogue.")
_LIST = N_("Choose a value of the list that the catalogue offers.")
_BOX = N_("Draw the extent anew, in decimal degrees (WGS 84): west, east, south, north.")
_LINK = N_(
    "Give an address that begins with http:// or https:// and answers outside of the service."
)
_LICENCE = N_("State one licence with its version and its address, such as “Licence Ouverte 2.0”.")
_TEXT = N_("Shorten the text, and put what is detailed into a linked document.")
OTHERWISE = N_("Look at the page of the record on the portal: it says what each rule did.")
_REACH = N_(
    "An administrator of the site can let the source publish for all services: write to them."
)

ADVICE: dict[str, str] = {
    **dict.fromkeys(
        (
            "empty", "too-large", "too-many-elements", "tag-too-long", "too-deep", "doctype",
            "html", "encoding", "truncated", "not-well-formed", "not-iso", "not-rdf", "not-udata",
            "not-ogcapi", "exception",
        ),
        _DOCUMENT,
    ),
    **dict.fromkeys(
        (
            "no-identification", "no-title", "no-title-used", "title-of-copy", "no-description",
            "no-file-identifier", "identifier-placeholder", "organisation-missing", "no-contact",
            "email",
        ),
        _FILL,
    ),
    **dict.fromkeys(
        ("code", "date", "scale", "resolution", "reference-system", "organisation-unknown"), _LIST
    ),
    **dict.fromkeys(
        (
            "box-not-a-number", "box-metres", "box-axes-swapped", "box-beyond-180",
            "box-outside-world", "box-south-north-swapped", "box-west-east-swapped", "box-zero",
            "place-contradiction", "place-off-box", "outside-france",
        ),
        _BOX,
    ),
    **dict.fromkeys(
        ("link-scheme", "link-not-an-address", "link-too-long", "link-credentials"), _LINK
    ),
    **dict.fromkeys(
        (
            "licence-version", "licence-without-text", "licences-differ", "anchor-contradiction",
            "access-contradiction",
        ),
        _LICENCE,
    ),
    **dict.fromkeys(("text-cut", "too-many"), _TEXT),
    "organisation-elsewhere": _REACH,
}  # fmt: skip


def advice_of(code: str) -> str:
    """Return the untranslated advice for a problem code, or the general advice if it has none of its own."""
    return ADVICE.get(code, OTHERWISE)
