"""Detection of English messages of the translation catalogues on French pages."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import ckan
from babel.messages.pofile import read_po
from lxml import html

from dev.translations import __main__ as catalogue

READ_ATTRIBUTES = (
    "aria-label",
    "title",
    "alt",
    "placeholder",
    "data-bs-title",
    "data-module-content",
)
PLACE = re.compile(r"%\\\(\w+\\\)[sdr]|%[sdr]|\\\{\w*\\\}")
#: English messages that are French words as well, and may appear on French pages.
FRENCH_TOO = {"Public", "Services"}
#: Minimum number of letters of a message with placeholders besides them, as anything would match a
#: shorter one.
ENOUGH_LETTERS = 10


@cache
def english() -> tuple[dict[str, str], list[tuple[re.Pattern[str], str]]]:
    """Return the messages whose French differs: plain ones as message → French,
    those with placeholders as patterns.
    """
    plain, patterns = {}, []
    for path in (Path(ckan.__file__).parent / "i18n/fr/LC_MESSAGES/ckan.po", catalogue.PO):
        with path.open("rb") as stream:
            for message in read_po(stream):
                ids = message.id if isinstance(message.id, tuple) else (message.id,)
                strings = message.string if isinstance(message.string, tuple) else (message.string,)
                for text, french in zip(map(str, ids), strings, strict=False):
                    flat = " ".join(re.sub(r"<[^>]*>", "", text).split())
                    if not re.search("[A-Za-z]", flat):
                        continue
                    if not text or not french or text == french or "<" in text:
                        continue
                    if "{" in text or "%" in text:
                        pattern = PLACE.sub(".+", re.escape(flat))
                        if (
                            len(re.sub(r"[^A-Za-z]", "", re.sub(r"%\(\w+\)s|\{\w*\}", "", flat)))
                            >= ENOUGH_LETTERS
                        ):
                            patterns.append((re.compile(pattern), text))
                    else:
                        plain[flat] = french
    # The same word may be the French of another message ("Service", "Date").
    french_words = set(plain.values())
    return {
        text: french for text, french in plain.items() if text not in french_words | FRENCH_TOO
    }, patterns


@cache
def is_english(text: str) -> bool:
    """Return whether a text is an English message, with or without placeholders filled in."""
    plain, patterns = english()
    return text in plain or any(pattern.fullmatch(text) for pattern, _message in patterns)


def english_texts(page: str) -> list[str]:
    """Return the texts of a page, and attributes read by screen readers,
    that are an English message.
    """
    tree = html.fromstring(page)
    for element in tree.xpath("//script | //style | //*[@lang='en'] | //code | //meta"):
        if element.getparent() is not None:
            element.drop_tree()
    texts = map(
        str, tree.xpath(" | ".join(["//text()", *(f"//@{name}" for name in READ_ATTRIBUTES)]))
    )
    found = []
    for raw in texts:
        text = " ".join(raw.split())
        if is_english(text):
            found.append(text)
    return sorted(set(found))
