"""Parameters of the actions, read one by one; all that is wrong is told at once, by parameter."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import ckan.plugins.toolkit as tk

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.shared import characters
from ckanext.ecosphere.studies import site as sites
from ckanext.ecosphere.studies import wording
from ckanext.ecosphere.studies.site import Site, SiteError

LONGEST_LINE = 200
LONGEST_TEXT = 5_000
LONGEST_GEOMETRY = 4_000_000
LARGEST_FILE = 10_000_000
"""Bytes of the file of a site."""
MOST_COMMUNES = 200
LARGEST_BUFFER = 20_000
"""Metres."""
MOST_ROWS = 100
KINDS = ("communes", "epci", "geojson", "file")


class Given:
    """The parameters of an action.

    Attributes:
        errors: what is wrong, by parameter.
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data
        self.errors: dict[str, list[str]] = {}

    def has(self, name: str) -> bool:
        """Return whether a parameter is given."""
        return self.data.get(name) not in (None, "", [])

    def note(self, name: str, message: str) -> None:
        """Note what is wrong with a parameter."""
        self.errors.setdefault(name, []).append(message)

    def check(self) -> None:
        """Raise if anything is wrong.

        Raises:
            ValidationError: what is wrong, by parameter.
        """
        if self.errors:
            raise tk.ValidationError(dict(self.errors))

    def line(self, name: str, *, required: bool = False, most: int = LONGEST_LINE) -> str:
        """Return a text on one line."""
        return self._text(name, required, most, one_line=True)

    def text(self, name: str, *, required: bool = False) -> str:
        """Return a text of several lines."""
        return self._text(name, required, LONGEST_TEXT, one_line=False)

    def _text(self, name: str, required: bool, most: int, *, one_line: bool) -> str:
        value = self.data.get(name)
        if value is None:
            value = ""
        if not isinstance(value, str):
            self.note(name, tk._("Give one text here."))
            return ""
        if len(value) > 2 * most:
            self.note(name, tk._("Too long: {number} characters at most.").format(number=most))
            return ""
        text = characters.clean(value)
        if one_line:
            text = characters.one_line(value)
        if len(text) > most:
            self.note(name, tk._("Too long: {number} characters at most.").format(number=most))
        if required and not text:
            self.note(name, tk._("Missing value"))
        return text

    def texts(self, name: str, most: int) -> list[str]:
        """Return a list of texts, given as such or as one text with commas."""
        value = self.data.get(name) or []
        if isinstance(value, str):
            value = value[: most * LONGEST_LINE].split(",")
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            self.note(name, tk._("Give a list of texts here."))
            return []
        texts = [characters.one_line(part[:LONGEST_LINE]) for part in value]
        texts = [text for text in texts if text]
        if len(texts) > most:
            self.note(name, tk._("Too many values: {number} at most.").format(number=most))
        return texts[:most]

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a yes or no."""
        value = self.data.get(name)
        if value in (None, ""):
            return default
        try:
            return tk.asbool(value)
        except (TypeError, ValueError):
            self.note(name, tk._("Answer yes or no."))
            return default

    def number(self, name: str, most: int, default: int = 0) -> int:
        """Return a whole number from 0."""
        value = self.data.get(name)
        if value in (None, ""):
            return default
        try:
            number = int(str(value)[:20])
        except ValueError:
            number = -1
        if not 0 <= number <= most:
            message = tk._("Give a whole number from 0 to {most}.").format(most=most)
            self.note(name, message)
            return default
        return number

    def choice(self, name: str, choices: Sequence[str], default: str = "") -> str:
        """Return one of several values."""
        value = self.data.get(name)
        if value in (None, ""):
            if not default:
                self.note(name, tk._("Missing value"))
            return default
        if value not in choices:
            message = tk._("Choose one of: {choices}.").format(choices=", ".join(choices))
            self.note(name, message)
            return default
        return str(value)

    def concept(self, name: str, vocabulary: str) -> str:
        """Return the id of a concept, "" for none."""
        value = self.line(name)
        if value and voc.get(vocabulary).get(value) is None:
            self.note(name, tk._("This is not in the list: choose one of its entries."))
            return ""
        return value

    def day(self, name: str) -> date | None:
        """Return a day, given as YYYY-MM-DD."""
        value = self.line(name)
        if not value:
            return None
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.note(name, tk._("Give a day as YYYY-MM-DD."))
            return None

    def site(self) -> Site:
        """Return the site: `communes`, `epci`, `geojson` or `file`, and `buffer`.

        Raises:
            ValidationError: it cannot be used, or something before it was wrong.
        """
        buffer = self.number("buffer", LARGEST_BUFFER)
        kinds = [kind for kind in KINDS if self.has(kind)]
        if len(kinds) != 1:
            message = tk._(
                "Say where in one way: communes, an intercommunality, a drawing or a file."
            )
            self.note("site", message)
        self.check()
        kind = kinds[0]
        try:
            return self._site_of(kind, buffer)
        except SiteError as error:
            self.note(kind, site_error(error))
            raise tk.ValidationError(dict(self.errors)) from None

    def _site_of(self, kind: str, buffer: int) -> Site:
        if kind == "communes":
            codes = self.texts("communes", MOST_COMMUNES)
            self.check()
            return sites.of_communes(codes, buffer)
        if kind == "epci":
            return sites.of_epci(self.line("epci"), buffer)
        if kind == "file":
            return self._of_file(buffer)
        return self._of_geojson(buffer)

    def _of_geojson(self, buffer: int) -> Site:
        text = self.data["geojson"]
        if not isinstance(text, str):
            text = json.dumps(text)
        if len(text) > LONGEST_GEOMETRY:
            message = tk._("Too long: {number} characters at most.")
            self.note("geojson", message.format(number=LONGEST_GEOMETRY))
            self.check()
        return sites.of_geojson(text, self.line("label"), buffer)

    def _of_file(self, buffer: int) -> Site:
        upload = self.data["file"]
        content = b""
        if hasattr(upload, "stream"):
            content = upload.stream.read(LARGEST_FILE + 1)
        else:
            self.note("file", tk._("Send a file here."))
        if len(content) > LARGEST_FILE:
            size = tk.h.ecosphere_size_text(LARGEST_FILE)
            self.note("file", tk._("The file is too large: {size} at most.").format(size=size))
        self.check()
        name = characters.one_line(str(upload.filename or ""))[:LONGEST_LINE]
        return sites.of_file(name, content, buffer)


def site_error(error: SiteError) -> str:
    """Return the sentence that says why a site cannot be used, and what to do."""
    sentence = wording.SITE_ERRORS.get(error.code)
    if sentence is None:
        return tk._("This site cannot be used.")
    return tk._(sentence).format(**error.params)
