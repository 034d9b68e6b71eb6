"""What can be wrong with a record, in plain words.

Two kinds: a `RecordError` refuses the record; a `Problem` is reported while the record goes on
into the catalogue. Both carry a code and parameters; the sentences stand in one table, marked
for translation, so that a caller shows them in the reader's language::

    tk._(MESSAGES[problem.code]).format(**problem.params)

The caller adds the record's identifier and its position in the source.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


def _N(message: str) -> str:
    """Mark a message for translation; it is translated when it is shown."""
    return message


MESSAGES: dict[str, str] = {
    # Refusals: the document
    "empty": _N("The document is empty."),
    "too-large": _N("The document is too large: {size} bytes, {limit} allowed."),
    "too-many-elements": _N("The document has too many elements: {count}, {limit} allowed."),
    "tag-too-long": _N("The document has a tag of more than {limit} characters."),
    "too-deep": _N("The document is nested too deeply."),
    "doctype": _N("The document declares a DOCTYPE, which is refused for safety."),
    "html": _N("The server answered with a web page instead of a metadata record."),
    "encoding": _N("The document declares an encoding that is not supported: {encoding}."),
    "truncated": _N("The document stops before its end, at line {line}."),
    "not-well-formed": _N("The document is not well-formed XML, at line {line}: {detail}"),
    # Refusals: the record
    "exception": _N("The server answered with an error instead of a record: {text}"),
    "not-iso": _N("The document is not an ISO 19139 metadata record: its root is {root}."),
    "not-ogcapi": _N("The record is none of OGC API – Records and no collection of STAC."),
    "not-udata": _N("The record is no dataset of udata."),
    "not-rdf": _N("The record is no dataset in RDF."),
    "no-identification": _N("The record does not describe any resource (no identification section)."),
    "no-title": _N("The record has neither a title nor any text to make one from."),
    "record-fault": _N("The record could not be taken because of an unexpected fault: {detail}"),
    # Reported, the record goes on
    "no-title-used": _N("The record has no title; this one was made from its other texts: {title}"),
    "no-description": _N("The record has no description."),
    "text-cut": _N("A text is too long ({length} characters) and was cut (element {element})."),
    "too-many": _N("The record has {count} elements {element}; the first {limit} were kept."),
    "no-file-identifier": _N("The record has no identifier of its own."),
    "identifier-placeholder": _N("An identifier was never filled in: {value}"),
    "organisation-unknown": _N("No service of the registry is called: {name}"),
    "organisation-missing": _N("The record names no organisation."),
    "no-contact": _N("The record gives no e-mail address to write to."),
    "email": _N("This is not an e-mail address: {value}"),
    "code": _N("This value is in no list (element {field}): {value}"),
    "date": _N("This is not a date (element {field}): {value}"),
    "box-not-a-number": _N("A side of the bounding box is not a number: {box}"),
    "box-metres": _N("The bounding box was in metres and was converted to degrees: {box}"),
    "box-axes-swapped": _N("Longitudes and latitudes of the bounding box were exchanged and put right: {box}"),
    "box-outside-world": _N("The bounding box lies outside the world: {box}"),
    "box-south-north-swapped": _N("South and north of the bounding box were exchanged and put right: {box}"),
    "box-west-east-swapped": _N("West and east of the bounding box were exchanged and put right: {box}"),
    "box-zero": _N("The bounding box is empty: {box}"),
    "place-contradiction": _N(
        "Places that lie off the bounding box, the title and the service were left out: {values}"
    ),
    "outside-france": _N("The data lie outside the territories of the list."),
    "reference-system": _N("The coordinate reference system is not recognised: {value}"),
    "scale": _N("This is not a scale: {value}"),
    "resolution": _N("This resolution cannot be given in metres: {value}"),
    "licence-version": _N(
        "The list does not have this licence, or the record does not name its version; {chosen} was taken: {value}"
    ),
    "licence-without-text": _N("The record says that there is a licence but not which one."),
    "licences-differ": _N("The record names several licences ({values}); the first was kept: {chosen}"),
    "anchor-contradiction": _N("A text and the address behind it contradict each other: {value}"),
    "access-contradiction": _N(
        "The record says that nothing limits public access and gives a reason for a limit ({values}); the limit counts."
    ),
    "link-scheme": _N("A link was refused because it is not a web address: {url}"),
    "link-not-an-address": _N("A link was left out because it is not an address: {url}"),
    "link-too-long": _N("A link was left out because it is too long: {url}"),
    "link-credentials": _N("A link to {host} holds a user name and a password; they were taken out."),
}


class RecordError(Exception):
    """A record or a document that cannot be taken, with its reason.

    Args:
        code: key of `MESSAGES`.
        params: values for the message's fields.
    """

    def __init__(self, code: str, **params: Any):
        self.code = code
        self.params = params
        super().__init__(code)

    def __str__(self) -> str:
        return MESSAGES[self.code].format(**self.params)

    def __reduce__(self):
        """Survive the pickling of background jobs with its parameters."""
        return _rebuild, (self.code, self.params)


def _rebuild(code: str, params: dict[str, Any]) -> RecordError:
    return RecordError(code, **params)


@dataclass(slots=True, frozen=True)
class Problem:
    """Something in a record that was repaired, bounded or left aside, worth reporting."""

    code: str
    params: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return MESSAGES[self.code].format(**self.params)
