"""Content of a YAML file or of an editor, read value by value.

What is wrong is noted with its place and what to do, and read as empty, so that all of it is told
at once. Everything is bounded: an editor's content is stored and shown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Container
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from ckanext.ecosphere.shared import characters
from ckanext.ecosphere.studies.wording import MESSAGES

LANGUAGES = ("fr", "en")
MOST_PROBLEMS = 50
SHORT, LONG = 200, 2_000
LONGEST_URL = 500
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+){0,20}")
_LONGEST_ID = 60

PROBLEMS = MESSAGES["contents"]


class Problem:
    """What is wrong with a content.

    Attributes:
        code: key of `contents` in `data/messages.yaml`, with `params`.
    """

    def __init__(self, code: str, **params: Any) -> None:
        self.code = code
        self.params = params

    def text(self, translate: Callable[[str], str] = str) -> str:
        """Return the sentence in the reader's language."""
        return translate(PROBLEMS[self.code]).format(**self.params)

    def __repr__(self) -> str:
        return self.text()


class ContentError(ValueError):
    """A content cannot be used.

    Attributes:
        problems: what is wrong with it, at most `MOST_PROBLEMS`.
    """

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(problems[:MOST_PROBLEMS])
        super().__init__("\n".join(problem.text() for problem in self.problems))


class Reader:
    """An object, read key by key.

    Args:
        content: the object; anything else is a problem, and read as an empty one.
        place: where it is, for people.
        problems: those of the whole content, to which its own are added.
    """

    def __init__(self, content: Any, place: str, problems: list[Problem] | None = None) -> None:
        self.place = place
        self.problems: list[Problem] = []
        if problems is not None:
            self.problems = problems
        self._values: dict[Any, Any] = {}
        self._read: set[Any] = set()
        if isinstance(content, dict):
            self._values = content
        else:
            self.note("object")

    def note(self, code: str, **params: Any) -> None:
        """Note a problem at this place."""
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(Problem(code, place=self.place, **params))

    def has(self, key: str) -> bool:
        """Return whether a key is given."""
        return key in self._values

    def value(self, key: str) -> Any:
        """Return a value as given, None if absent."""
        self._read.add(key)
        return self._values.get(key)

    def close(self) -> None:
        """Note the keys that nobody has read."""
        for key in list(self._values)[:MOST_PROBLEMS]:
            if key not in self._read:
                self.note("unknown-key", key=str(key)[:SHORT])

    def check(self) -> None:
        """Raise what was noted.

        Raises:
            ContentError: there are problems.
        """
        if self.problems:
            raise ContentError(self.problems)

    # --- one value

    def text(self, key: str, most: int = SHORT, required: bool = False) -> str:
        """Return a text without harmful characters."""
        value = self.value(key)
        if value in (None, ""):
            if required:
                self.note("missing", key=key)
            return ""
        text = self._text(value, most)
        if not text:
            self.note("text", key=key, most=most)
        return text

    def _text(self, value: Any, most: int) -> str:
        if not isinstance(value, str) or len(value) > most:
            return ""
        return characters.one_line(value)

    def languages(self, key: str, most: int = SHORT, required: bool = False) -> dict[str, str]:
        """Return a text by language; French is required of one that is."""
        texts: dict[str, str] = {}
        if not self.has(key) and not required:
            return texts
        inner = Reader(self.value(key) or {}, f"{self.place} > {key}", self.problems)
        for language in LANGUAGES:
            text = inner.text(language, most, required and language == LANGUAGES[0])
            if text:
                texts[language] = text
        inner.close()
        return texts

    def id(self, key: str) -> str:
        """Return an id, which is required."""
        text = self.text(key, _LONGEST_ID, required=True)
        return self._checked_id(key, text)

    def _checked_id(self, key: str, text: str) -> str:
        if text and (len(text) > _LONGEST_ID or not _ID.fullmatch(text)):
            self.note("id", key=key, value=text[:_LONGEST_ID])
            return ""
        return text

    def choice(self, key: str, choices: Container[str], listed: str = "") -> str:
        """Return a text that is one of the choices, "" if absent.

        Args:
            listed: the choices in words.
        """
        text = self.text(key)
        if text and text not in choices:
            self.note("choice", key=key, value=text, choices=listed)
            return ""
        return text

    def number(self, key: str, least: float, most: float) -> float:
        """Return a number, 0 if absent."""
        value = self.value(key)
        if value is None:
            return 0
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if is_number and math.isfinite(value) and least <= value <= most:
            return value
        self.note("number", key=key, least=least, most=most)
        return 0

    def flag(self, key: str) -> bool:
        """Return a truth value, False if absent."""
        value = self.value(key)
        if value is not None and not isinstance(value, bool):
            self.note("flag", key=key)
        return value is True

    def day(self, key: str) -> str:
        """Return an ISO day, "" if absent."""
        value = self.value(key)
        if value in (None, ""):
            return ""
        try:
            return date.fromisoformat(str(value)[:SHORT]).isoformat()
        except ValueError:
            self.note("day", key=key)
            return ""

    def url(self, key: str, required: bool = False) -> str:
        """Return a web address, which may contain places to fill."""
        text = self.text(key, LONGEST_URL, required)
        if not text:
            return ""
        try:
            parts = urlsplit(text)
        except ValueError:
            self.note("url", value=text)
            return ""
        if parts.scheme not in ("http", "https") or not parts.hostname or " " in text:
            self.note("url", value=text)
            return ""
        return text

    # --- several values

    def entries(self, key: str, most: int) -> list[Any]:
        """Return the entries of a list, none if absent."""
        value = self.value(key)
        if value is None:
            return []
        if not isinstance(value, (list, tuple)):
            self.note("list", key=key)
            return []
        if len(value) > most:
            self.note("too-many", key=key, count=len(value), most=most)
        return list(value[:most])

    def texts(self, key: str, most: int, longest: int = SHORT) -> tuple[str, ...]:
        """Return the distinct texts of a list."""
        texts: list[str] = []
        for entry in self.entries(key, most):
            text = self._text(entry, longest)
            if text:
                texts.append(text)
            else:
                self.note("text", key=key, most=longest)
        return tuple(dict.fromkeys(texts))

    def choices(self, key: str, most: int, choices: Container[str], listed: str) -> tuple[str, ...]:
        """Return the distinct texts of a list that are among the choices."""
        texts = []
        for text in self.texts(key, most):
            if text in choices:
                texts.append(text)
            else:
                self.note("choice", key=key, value=text, choices=listed)
        return tuple(texts)

    def rows(self, key: str, most: int, name: str = "id") -> list[Reader]:
        """Return readers of the objects of a list; `name` is the key by which people know one."""
        readers = []
        for number, row in enumerate(self.entries(key, most), 1):
            title = f"{key} {number}"
            if isinstance(row, dict) and row.get(name):
                title = str(row[name])[:_LONGEST_ID]
            readers.append(Reader(row, f"{self.place} > {title}", self.problems))
        return readers

    def objects(self, most: int) -> dict[str, Reader]:
        """Return readers of the objects that are the values of this one, by their ids."""
        if len(self._values) > most:
            self.note("too-many", key=self.place, count=len(self._values), most=most)
        readers = {}
        for key in list(self._values)[:most]:
            self._read.add(key)
            id_ = self._checked_id("id", str(key))
            if id_:
                place = f"{self.place} > {id_}"
                readers[id_] = Reader(self._values[key], place, self.problems)
        return readers
