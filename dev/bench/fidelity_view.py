"""The dataset and the log that became of a record, in the forms in which facts are looked for. See `fidelity`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from ckanext.ecosphere.harvest.normalise import Result


def plain(text: Any) -> str:
    """A text without markup, case, accents and punctuation, with spaces around."""
    bare = re.sub(r"<[a-zA-Z/][^<>]*>", " ", str(text)).replace("œ", "oe").replace("Œ", "oe").replace("&amp;", "&")
    bare = re.sub(r"&[a-z]{2,8};|&#\d+;", " ", bare)
    bare = "".join(c for c in unicodedata.normalize("NFKD", bare.casefold()) if not unicodedata.combining(c))
    return f" {' '.join(re.split(r'[^0-9a-z]+', bare)).strip()} "


def strings(value: Any) -> Iterator[str]:
    """Every text of a value of a dataset."""
    if isinstance(value, dict):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from strings(each)
    elif value is not None:
        yield str(value)


class View:
    """A result in the forms in which facts are looked for."""

    def __init__(self, result: Result):
        self.result = result
        self.dataset = result.dataset
        self.resources: list[dict[str, Any]] = result.dataset.get("resources", [])

    @cached_property
    def texts(self) -> list[str]:
        """Every text of the dataset."""
        return list(strings(self.dataset))

    @cached_property
    def told_texts(self) -> list[str]:
        """Every text of the log, the problems and the list of what has no place."""
        log = [text for change in self.result.log for text in (change.before, change.after)]
        return [*log, *(str(v) for p in self.result.problems for v in p.params.values()), *self.result.unread]

    @cached_property
    def said(self) -> str:
        """All texts of the dataset, to be searched."""
        return "|".join(map(plain, self.texts))

    @cached_property
    def exact(self) -> set[str]:
        """Each text of the dataset."""
        return set(map(plain, self.texts))

    @cached_property
    def told(self) -> str:
        """All that is told, to be searched."""
        return "|".join(map(plain, self.told_texts))

    @cached_property
    def converted(self) -> str:
        """What the log says was brought to the value of a field that the dataset has."""
        kept = [c for c in self.result.log if self.dataset.get(c.field) and "left out" not in c.after]
        return "|".join(plain(change.before) for change in kept)

    @cached_property
    def addresses(self) -> set[str]:
        """Addresses of the dataset."""
        return {address(text) for text in self.texts if ":" in text}

    @cached_property
    def told_addresses(self) -> str:
        """Addresses that are told."""
        return " ".join(address(text) for text in self.told_texts if "/" in text or ":" in text)

    def beside(self, subject: str) -> str:
        """What the dataset says about a subject beside its fields."""
        rows = self.dataset.get("other_information", ())
        return "|".join(plain(row["text"]) for row in rows if row["subject"] == subject)

    def of_link(self, url: str) -> list[dict[str, Any]]:
        """The resources that a link became."""
        whole, base = address(url), address(url.partition("?")[0])
        same = [r for r in self.resources if address(r["url"]) == whole]
        return same or [r for r in self.resources if address(r["url"].partition("?")[0]) == base]


def address(url: str) -> str:
    """An address in the form in which it is compared: without scheme, password, escapes, case and what ends it."""
    text = url
    for _round in range(2):
        text = unquote(text)
    text = "".join(text.replace("&amp;", "&").split()).casefold().strip("<>\"'")
    return re.sub(r"^[a-z]+://([^/@]{1,100}@)?(www\.)?", "", text).rstrip("/?&#.")
