"""Error and problem codes of records, with their messages.

Two kinds: a `RecordError` refuses the record; a `Problem` is reported while the record is imported.
Both carry a code and parameters; the messages stand in one table, `data/messages.yaml`, so that a
caller shows them in the reader's language::

    sentence(problem, tk._)

The caller adds the record's identifier and its position in the source.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ckanext.ecosphere.shared.language import size

Params = dict[str, Any]
"""Values for the fields of a message."""
FEATURE_CATALOGUE = "feature-catalogue"
"""Code of feature catalogues, which are no fault: they describe data, but are not datasets."""
SENTENCES: dict[str, Any] = yaml.load(
    (Path(__file__).parent / "data" / "messages.yaml").read_text("utf-8"), Loader=yaml.CSafeLoader
)
"""Section → code → text of all messages of the harvest that depend on a code."""
MESSAGES: dict[str, str] = SENTENCES["problems"]


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


def _rebuild(code: str, params: Params) -> RecordError:
    return RecordError(code, **params)


@dataclass(slots=True, frozen=True)
class Problem:
    """A fault in a record that was repaired, cut or ignored, and is reported."""

    code: str
    params: Params = field(default_factory=dict)

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


def sizes(code: str, params: Params, translate: Callable[[str], str]) -> Params:
    """Return the values of a message's fields, bytes as people write them."""
    if code not in _OF_BYTES:
        return dict(params)
    return {
        name: size(value, translate) if isinstance(value, int) else value
        for name, value in params.items()
    }


def advice_of(code: str) -> str:
    """Return the untranslated advice for a problem code,
    or the general advice if it has none of its own.
    """
    of_code = (item["text"] for item in SENTENCES["advice"] if code in item["codes"])
    return next(of_code, SENTENCES["advice"][-1]["text"])
