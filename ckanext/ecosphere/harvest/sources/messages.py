"""Messages about failures of a source and its configuration; translated when shown or stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ckanext.ecosphere.harvest.problems import MESSAGES as XML_MESSAGES
from ckanext.ecosphere.harvest.problems import sizes
from ckanext.ecosphere.shared.http_guard import MESSAGES as FETCH_MESSAGES
from ckanext.ecosphere.shared.http_guard import in_language
from ckanext.ecosphere.shared.messages import N_

ONE = N_("Record {first} could not be read: {detail}.")
SEVERAL = N_("Records {first} to {last} could not be read: {detail}.")
REST = N_("From record {first} on, the source could not be read: {detail}.")
ALL = N_("The source could not be read: {detail}.")
FOLDER = N_("The folder {folder} could not be read: {detail}.")
FILE = N_("Record {first} (file {file}) could not be read: {detail}.")

DETAILS: dict[str, str] = {
    "status": N_("the server answered with HTTP {status}"),
    "exception": N_("the server answered “{text}”"),
    "not-csw": N_("the answer is no page of a catalogue, its root is {root}"),
    "not-iso": N_("the server gave {root} instead of ISO 19139 records"),
    "empty": N_("the server gave an empty page"),
    "repeated": N_("the server gave only records that it had already given"),
    "not-listing": N_("the answer is no listing of a folder"),
    "no-file": N_("the folder names no XML file"),
    "not-json": N_("the answer is no JSON document ({url})"),
    "not-ogcapi": N_(
        "the answer is no list of records of OGC API – Records or of collections of STAC"
    ),
    "not-udata": N_("the answer is no list of datasets of udata"),
    "udata-unknown": N_("the portal knows no organisation or topic named “{name}”"),
    "not-rdf": N_("the answer is no RDF that can be read: {detail}"),
    "remote-context": N_(
        "the JSON-LD refers to a context elsewhere ({context}), which is refused for safety"
    ),
    "no-dataset": N_("the RDF describes no dataset"),
    "too-many-resources": N_(
        "the dataset has more resources than can be asked for one after the other"
    ),
    "page-loop": N_("a page names as the next one a page that was already read ({url})"),
    **{f"fetch-{code}": text for code, text in FETCH_MESSAGES.items()},
    **{f"xml-{code}": text for code, text in XML_MESSAGES.items()},
}
"""Reasons why a part of the source could not be read, inserted into the sentences above."""

WHOLE: dict[str, str] = {
    "more-failures": N_("Other parts of the source that could not be read: {number}."),
    "gave-up": N_(
        "The reading was given up at record {first}: the server did not answer properly any more."
    ),
    "bound-requests": N_(
        "The reading was stopped after {limit} requests, the most that one harvest may send."
    ),
    "bound-records": N_(
        "The reading was stopped after {limit} records, the most that one harvest may take."
    ),
    "bound-bytes": N_(
        "The reading was stopped after {limit} MB, the most that one harvest may receive."
    ),
    "bound-seconds": N_(
        "The reading was stopped after {limit} seconds, the longest that it may take."
    ),
    "bound-memory": N_(
        "The reading was stopped because it would have taken more than {limit} MB of memory."
    ),
    "bound-cancelled": N_("The reading was stopped because the harvest was aborted."),
    "reading-fault": N_("The reading stopped because of an unexpected fault: {detail}"),
    "incomplete": N_(
        "The source was not read completely: nothing is withdrawn after this harvest."
    ),
    "count-short": N_("The server announces {announced} records and gave {received}."),
    "count-over": N_("The server announces {announced} records and gave more: {received}."),
    "count-unknown": N_("The server does not say how many records it has."),
    "too-many-files": N_("The folder holds more than {limit} files; the others were not read."),
    "too-deep-folder": N_("The folder {url} lies too deep and was not read."),
    "count-changed": N_(
        "The server announced {before} records, then {after}: its catalogue changed while it was "
        "read."
    ),
    "hold-fewer": N_(
        "Records have come back: {absent} withdrawals wait for a person, {before} did before."
    ),
    "hold-empty": N_(
        "All records whose withdrawal was held have come back: nothing waits for a person any more."
    ),
    "hold-below": N_(
        "Records have come back: {absent} of {known} are missing, no more than the {limit} that "
        "are withdrawn without "
        "asking; nothing waits for a person any more."
    ),
    "renamed": N_(
        "Records with another identifier than before, recognised by that of their resource: "
        "{number}. Their datasets "
        "keep their addresses."
    ),
    "dialect": N_(
        "The server did not understand the usual question; it was asked in another way ({dialect})."
    ),
}
"""Messages about the reading as a whole."""

REPEATS: dict[str, str] = {
    "copy": N_(
        "Record {position} ({guid}): the source had already given this record, which was taken "
        "once."
    ),
    "same-identifiers": N_(
        "Record {position} ({guid}): another record of the source bears the same identifiers and "
        "the same title, and "
        "was taken: {title}"
    ),
}
"""Reasons why a record was read but not taken."""

CONFIG: dict[str, str] = {
    "config-json": N_("The configuration is not valid JSON: {detail}."),
    "config-object": N_("The configuration must be a JSON object."),
    "config-unknown": N_("Unknown option “{name}”; known ones are {known}."),
    "config-page-size": N_("The page size must be a whole number from 1 to {limit}."),
    "config-priority": N_("The priority must be a whole number from -{limit} to {limit}."),
    "config-organisation": N_("No organisation is named “{name}”."),
    "config-flag": N_("The option “{name}” must be true or false."),
    "config-text": N_("The option “{name}” must be a text."),
    "config-filters": N_("The filters must be a list."),
    "config-udata": N_(
        "Name an organisation, a topic or a tag: otherwise the whole portal would be harvested."
    ),
    "config-api": N_("The version of the API must be 1 or 2."),
    "filter-object": N_("A filter must be an object such as {example}."),
    "filter-any": N_("The “any” of a filter must be a list of lists of conditions."),
    "filter-property": N_("A filter needs a property, one of {known}."),
    "filter-not": N_("The “not” of a filter must be true or false."),
    "filter-comparison": N_("A filter needs exactly one of {known}."),
    "filter-value": N_("The value of “{name}” must be a text that is not empty."),
}
"""Errors in the configuration of a source."""


def sentence(
    code: str,
    params: Mapping[str, Any],
    first: int = 0,
    last: int = 0,
    translate: Callable[[str], str] = str,
) -> str:
    """Return a message as one sentence.

    Args:
        code: key of `DETAILS`, `WHOLE`, `REPEATS` or `CONFIG`.
        params: values of its fields; also `folder` or `file`, if that is what could not be read.
        first: position of the first record concerned, 0 for the whole source.
        last: position of the last one, 0 for all after the first.
        translate: translates a message into the reader's language.
    """
    if code not in DETAILS:
        message = {**WHOLE, **REPEATS, **CONFIG}[code]
        return translate(message).format(first=first, last=last, **params)
    values = sizes(code, in_language(params, translate), translate)
    detail = translate(DETAILS[code]).format(**values).rstrip(".")
    if detail[:1].isupper() and not detail[1:2].isupper():
        detail = detail[0].lower() + detail[1:]
    places = {**params, "first": first, "last": last, "detail": detail}
    return translate(_frame(params, first, last)).format(**places)


def _frame(params: Mapping[str, Any], first: int, last: int) -> str:
    """Return the message that says what could not be read."""
    if "folder" in params:
        return FOLDER
    if "file" in params:
        return FILE
    if not first:
        return ALL
    if not last:
        return REST
    return ONE if first == last else SEVERAL


class ConfigError(ValueError):
    """The configuration of a source is not valid.

    Args:
        code: key of `CONFIG`.
        params: values for the fields of the message.
    """

    def __init__(self, code: str, **params: object):
        self.code = code
        self.params = params
        super().__init__(code)

    def __str__(self) -> str:
        return sentence(self.code, self.params)
