"""Texts of the portal written by administrators, which replace the package's defaults or fill empty places.

They are Markdown (`shared.rich_text`), in French and in English, and stored like the other lists (`core.lists.store`):
in force in every process within seconds, recorded in the journal, and undone from there.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import ckan.plugins.toolkit as tk
from markupsafe import Markup

from ckanext.ecosphere.shared import characters, language, rich_text
from ckanext.ecosphere.vocabularies import local

AREA = "text:portal"
LANGUAGES = ("fr", "en")
MOST_RENDERED = 64
"""Cached renderings: more than there are texts, in both languages."""
_TABLE = Path(__file__).parents[2] / "data" / "portal_texts.csv"


@dataclass(frozen=True)
class Text:
    """An editable text.

    Attributes:
        key: identifies it.
        titles: its title, by language.
        places: where it is shown, by language.
        longest: maximum number of characters, in each language.
    """

    key: str
    titles: Mapping[str, str]
    places: Mapping[str, str]
    longest: int

    @property
    def title(self) -> str:
        """Return its title, in the language of the page."""
        return self.titles[_spoken()]

    @property
    def place(self) -> str:
        """Return where it is shown, in the language of the page."""
        return self.places[_spoken()]


@cache
def known() -> dict[str, Text]:
    """Return the editable texts by key, in order."""
    with _TABLE.open(encoding="utf-8", newline="") as file:
        return {
            row["key"]: Text(
                row["key"],
                {each: row[f"title_{each}"] for each in LANGUAGES},
                {each: row[f"where_{each}"] for each in LANGUAGES},
                int(row["longest"]),
            )
            for row in csv.DictReader(file)
        }


def title(key: str) -> str:
    """Return the title of a text in the language of the page; the key if the text no longer exists."""
    text = known().get(key)
    return text.title if text else key


def of(key: str) -> dict[str, str]:
    """Return the text written by administrators, by language; "" for none."""
    kept = local.of(AREA).get(key) or {}
    return {each: str(kept.get(each) or "") for each in LANGUAGES}


def html(key: str) -> Markup:
    """Return a text as sanitised HTML in the language of the page; empty where the default applies."""
    return _rendered(of(key)[_spoken()])


@lru_cache(maxsize=MOST_RENDERED)
def _rendered(text: str) -> Markup:
    return Markup(rich_text.to_html(text) if text else "")  # noqa: S704 - cleaned by nh3


def read(text: Text, form: Mapping[str, str]) -> dict[str, str] | None:
    """Return the value of a submitted form, ready to store; None for the default in both languages.

    Raises:
        ValidationError: errors by field.
    """
    value = {each: characters.clean(form.get(each, "")[: text.longest * 4]) for each in LANGUAGES}
    sentence = tk._("Too long: {number} characters at most.").format(number=text.longest)
    errors = {each: [sentence] for each, written in value.items() if len(written) > text.longest}
    if errors:
        raise tk.ValidationError(errors)  # pyright: ignore[reportArgumentType]
    return value if any(value.values()) else None


def _spoken() -> str:
    return "en" if language.current().startswith("en") else "fr"
