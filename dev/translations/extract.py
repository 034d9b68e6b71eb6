"""Extraction of the messages of this project, and of those that CKAN and its extensions lack in French."""

from __future__ import annotations

import configparser
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_file
from babel.messages.pofile import read_po

from . import typography

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "ckanext" / "ecosphere"
UPSTREAM = Path(__file__).with_name("upstream.yaml")
DYNAMIC = Path(__file__).with_name("dynamic.yaml")
RETRANSLATED = Path(__file__).with_name("retranslated.yaml")
ADVISORIES = PACKAGE / "data" / "advisories.yaml"
HARVEST = PACKAGE / "harvest" / "data" / "messages.yaml"

#: Suffix → babel extractor; CKAN's own one reads its template tags.
METHODS = {
    ".py": "python",
    ".html": "ckan.lib.extract:extract_ckan",
    ".txt": "ckan.lib.extract:extract_ckan",
    ".js": "javascript",
}
SKIPPED = {"tests", "vendor", "node_modules", "migration", "example_theme", "templates-midnight-blue"}


@dataclass(frozen=True)
class Found:
    """A message with its place in a source file.

    Attributes:
        id: the message; (singular, plural) for one with plural forms.
        file: path relative to the folder that contains the package.
        line: line number.
        comments: developers' comments for translators.
    """

    id: str | tuple[str, ...]
    file: str
    line: int
    comments: tuple[str, ...] = ()


def keywords() -> dict[str, Any]:
    """Return the names of the functions that mark messages: babel's defaults and those of setup.cfg."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    extra = parser["extract_messages"]["keywords"].split()
    return DEFAULT_KEYWORDS | dict.fromkeys(extra)


def messages(files: Iterator[Path], base: Path) -> Iterator[Found]:
    """Extract messages from source files.

    Args:
        files: files to read; those that are not Python, templates or scripts are skipped.
        base: folder to which their paths are made relative.
    """
    for path in sorted(files):
        method = METHODS.get(path.suffix)
        if not method or SKIPPED & set(path.relative_to(base).parts):
            continue
        options = {"encoding": "utf-8", "silent": "true", "trimmed": "true"}
        for line, found, comments, _context in extract_from_file(
            method, path, keywords=keywords(), comment_tags=("TRANSLATORS:",), options=options
        ):
            texts = found if isinstance(found, tuple) else (found,)
            if all(isinstance(text, str) and text.strip() for text in texts):
                yield Found(found, str(path.relative_to(base)), line, tuple(comments))


@cache
def every() -> tuple[Found, ...]:
    """Return all messages to translate, our own first."""
    return (*own(), *upstream())


def own() -> Iterator[Found]:
    """Yield the messages of this project, including those in its data."""
    yield from messages(PACKAGE.rglob("*"), ROOT)
    for number, advisory in enumerate(yaml.safe_load(ADVISORIES.read_text(encoding="utf-8")), start=1):
        for text in filter(None, (advisory["message"], advisory["meanwhile"], advisory["fixed_in"])):
            yield Found(text, str(ADVISORIES.relative_to(ROOT)), number)
    sections = yaml.safe_load(HARVEST.read_text(encoding="utf-8"))
    advice = {item["text"]: item["text"] for item in sections.pop("advice")}
    for number, sentences in enumerate((*sections.values(), advice), start=1):
        for text in sentences.values():
            yield Found(text, str(HARVEST.relative_to(ROOT)), number)


def upstream() -> Iterator[Found]:
    """Yield the messages of CKAN and its extensions that this project translates.

    These are the messages without a French translation upstream, those translated or spaced differently here, and
    those of scripts: CKAN passes scripts only the messages that a template catalogue (.pot) lists for them.
    """
    ours = set(yaml.safe_load(RETRANSLATED.read_text(encoding="utf-8")))
    core = _translated(_folder("ckan") / "i18n/fr/LC_MESSAGES/ckan.po")
    badly_set = {first for first, string in core_french().items() if not typography.is_typeset(string)}
    for number, text in enumerate(yaml.safe_load(DYNAMIC.read_text(encoding="utf-8")), start=1):
        yield Found(text, str(DYNAMIC.relative_to(ROOT)), number)
    for source in yaml.safe_load(UPSTREAM.read_text(encoding="utf-8")):
        folder = _folder(source["package"])
        known = core
        if source["catalogue"]:
            known = known | _translated(folder / source["catalogue"])
        base = folder.parents[source["package"].count(".")]
        for part in source["files"]:
            place = folder / part
            for found in messages(place.rglob("*") if place.is_dir() else iter([place]), base):
                first = _first(found.id)
                if found.file.endswith(".txt"):  # e-mails, which this project writes itself
                    continue
                if first in ours or first not in known or first in badly_set or found.file.endswith(".js"):
                    yield found


def template() -> Catalog:
    """Return the catalogue of all messages to translate, without translations."""
    catalogue = Catalog(domain="ckanext-ecosphere", project="ckanext-ecosphere", charset="utf-8", fuzzy=False)
    for found in every():
        catalogue.add(found.id, locations=[(found.file, found.line)], auto_comments=found.comments)
    return catalogue


def counted_or_not() -> list[str]:
    """Return the messages that are used both with and without plural forms.

    A catalogue has a single entry for both, with plural forms. Without a number, Python 3.11.2 (Debian 12) does not
    find it and shows the English text; later versions do.
    """
    counted = {_first(message.id) for message in every() if isinstance(message.id, tuple)}
    return sorted(counted & {message.id for message in every() if isinstance(message.id, str)})


@cache
def core_french() -> dict[str, Any]:
    """Return the translations shipped with CKAN: message → translation."""
    with (_folder("ckan") / "i18n/fr/LC_MESSAGES/ckan.po").open("rb") as stream:
        return {_first(m.id): m.string for m in read_po(stream) if m.id and _complete(m.string)}


def _translated(path: Path) -> set[str]:
    with path.open("rb") as stream:
        return {_first(message.id) for message in read_po(stream) if message.id and _complete(message.string)}


def _first(message: Any) -> str:
    return message if isinstance(message, str) else message[0]


def _complete(string: Any) -> bool:
    return bool(string) and (isinstance(string, str) or all(string))


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec and spec.origin, f"{package} is not installed"
    return Path(spec.origin).parent
