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
    "no-identification": _N("The record does not describe any resource (no identification section)."),
    "no-title": _N("The record has neither a title nor any text to make one from."),
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
