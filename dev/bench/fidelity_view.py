"""Views of a normalised record – dataset and log – in which facts are looked up. See `fidelity`."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cached_property
from typing import Any
from urllib.parse import unquote

from ckanext.ecosphere.harvest.normalise import Reason, Result


def plain(text: Any) -> str:
    """Return a text without markup, case, accents and punctuation, with a space at either end."""
    bare = re.sub(r"<[a-zA-Z/][^<>]*>", " ", str(text)).replace("œ", "oe").replace("Œ", "oe").replace("&amp;", "&")
    bare = re.sub(r"&[a-z]{2,8};|&#\d+;", " ", bare)
    bare = "".join(c for c in unicodedata.normalize("NFKD", bare.casefold()) if not unicodedata.combining(c))
    return f" {' '.join(re.split(r'[^0-9a-z]+', bare)).strip()} "


def strings(value: Any) -> Iterator[str]:
    """Yield every scalar of a nested value, as a string."""
    if isinstance(value, dict):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from strings(each)
    elif value is not None:
        yield str(value)


class View:
    """A normalisation result, indexed for looking up facts."""

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
        """Every text of the log, the problems and the list of unmapped content."""
        log = [text for change in self.result.log for text in change.texts()]
        return [*log, *(str(v) for p in self.result.problems for v in p.params.values()), *self.result.unread]

    @cached_property
    def said(self) -> str:
        """All texts of the dataset in plain form, joined for substring search."""
        return "|".join(map(plain, self.texts))

    @cached_property
    def exact(self) -> set[str]:
        """The texts of the dataset in plain form, for exact comparison."""
        return set(map(plain, self.texts))

    @cached_property
    def told(self) -> str:
        """All reported texts in plain form, joined for substring search."""
        return "|".join(map(plain, self.told_texts))

    @cached_property
    def converted(self) -> str:
        """Original values that the log shows as converted into a field of the dataset, in plain form."""
        kept = [c for c in self.result.log if self.dataset.get(c.field) and c.after != Reason("left out")]
        return "|".join(plain(text) for change in kept for text in change.texts())

    @cached_property
    def addresses(self) -> set[str]:
        """URLs of the dataset, in comparable form."""
        return {address(text) for text in self.texts if ":" in text}

    @cached_property
    def told_addresses(self) -> str:
        """Reported URLs in comparable form, joined for substring search."""
        return " ".join(address(text) for text in self.told_texts if "/" in text or ":" in text)

    def beside(self, subject: str) -> str:
        """Return the texts on a subject from the field `other_information`."""
        rows = self.dataset.get("other_information", ())
        return "|".join(plain(row["text"]) for row in rows if row["subject"] == subject)

    def of_link(self, url: str) -> list[dict[str, Any]]:
        """Return the resources made from a link: those with the same URL, else with the same URL without query."""
        whole, base = address(url), address(url.partition("?")[0])
        same = [r for r in self.resources if address(r["url"]) == whole]
        return same or [r for r in self.resources if address(r["url"].partition("?")[0]) == base]


def address(url: str) -> str:
    """Return a URL in comparable form: without scheme, credentials, `www.`, escapes, case and trailing punctuation."""
    text = url
    for _round in range(2):
        text = unquote(text)
    text = "".join(text.replace("&amp;", "&").split()).casefold().strip("<>\"'")
    return re.sub(r"^[a-z]+://([^/@]{1,100}@)?(www\.)?", "", text).rstrip("/?&#.")
