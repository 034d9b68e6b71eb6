"""`python3 -m dev.translations COMMAND`, run by `make i18n` in the project's environment.

update [FILE.po …]  extract all messages, take translations from the files, else keep the existing
                    ones, set their no-break spaces, compile
missing             list the messages without a French translation; exit code 1 if there are any

A test fails if a message is untranslated, a space is plain where French needs a no-break one, or a
compiled or extracted file is out of date (`problems`).
"""

from __future__ import annotations

import argparse
import configparser
import importlib.util
import io
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_file
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

from . import typography

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "ckanext" / "ecosphere"
I18N = PACKAGE / "i18n"
POT = I18N / "ckanext-ecosphere.pot"
PO = I18N / "fr" / "LC_MESSAGES" / "ckanext-ecosphere.po"
MO = PO.with_suffix(".mo")
HEADER = Path(__file__).with_name("header.po").read_text(encoding="utf-8")
#: Plural rule of CKAN's French catalogue: gettext applies a single rule to all merged catalogues.
PLURALS = "nplurals=3; plural=(n == 0 || n == 1) ? 0 : n != 0 && n % 1000000 == 0 ? 1 : 2;"
FORMS = 3


def read(path: Path) -> Catalog:
    """Read a .po file."""
    with path.open("rb") as stream:
        return read_po(stream, locale="fr")


def french(messages: Catalog, sources: list[Catalog]) -> Catalog:
    """Fill the messages with the translations of the first catalogue that has them.

    Messages that CKAN translates itself, listed here only for its scripts, keep CKAN's translation.
    """
    core = core_french()
    result = Catalog(locale="fr", project="ckanext-ecosphere", charset="utf-8", fuzzy=False)
    result.mime_headers = [("Plural-Forms", PLURALS)]
    for message in messages:
        if message.id:
            strings = (_translation(source, message) for source in sources)
            string = next(filter(None, strings), None)
            string = _typeset(string or _forms(message, core.get(_first(message))))
            result.add(message.id, string, message.locations, auto_comments=message.auto_comments)
    return result


def untranslated(catalogue: Catalog) -> list[Message]:
    """Return the messages of a French catalogue that lack a
    translation or one of its plural forms.
    """
    return [message for message in catalogue if message.id and not all(_strings(message))]


def as_po(catalogue: Catalog, what: str) -> bytes:
    """Write a catalogue as reproducible text: without dates, sorted by message."""
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=110, omit_header=True, sort_output=True, include_lineno=False)
    language = f'"Language: fr\\n"\n"Plural-Forms: {PLURALS}\\n"\n' if what.startswith("French") else ""
    return HEADER.format(what=what, language=language).encode() + buffer.getvalue()


def compile_catalogue() -> None:
    """Write the .mo file from the .po file."""
    catalogue = read(PO)
    for message in untranslated(catalogue):
        # Babel would use the English plural as the translation.
        catalogue.delete(message.id)
    with MO.open("wb") as stream:
        write_mo(stream, catalogue)


def update(files: list[Path]) -> None:
    """Extract and merge messages, set no-break spaces, and compile."""
    typography.typeset_data()
    messages = template()
    POT.write_bytes(as_po(messages, "Messages"))
    sources = [*(read(path) for path in files), read(PO)]
    PO.write_bytes(as_po(french(messages, sources), "French catalogue"))
    compile_catalogue()


def missing() -> list[str]:
    """Print the messages without a French translation and return them."""
    found = [_first(message) for message in untranslated(french(template(), [read(PO)]))]
    for text in found:
        print(repr(text))
    return found


def problems() -> list[str]:
    """Return sentences on what is missing, wrong or out of date."""
    messages = template()
    done = french(messages, [read(PO)])
    found = [f"not translated: {_first(message)!r}" for message in untranslated(done)]
    if POT.read_bytes() != as_po(messages, "Messages"):
        found.append("the extracted messages are not up to date")
    if PO.read_bytes() != as_po(done, "French catalogue"):
        found.append("the French catalogue is not up to date")
    with MO.open("rb") as stream:
        compiled = {_first(m): _strings(m) for m in read_mo(stream) if m.id}
    if compiled != {_first(m): _strings(m) for m in read(PO) if m.id and all(_strings(m))}:
        found.append("the compiled catalogue is not that of the French catalogue")
    found += [f"with a number and without one: {message!r}" for message in counted_or_not()]
    return [*found, *unlike(read(PO)), *badly_set(read(PO)), *typography.badly_set()]


def badly_set(catalogue: Catalog) -> list[str]:
    """Return sentences on translations with a plain space where French needs a no-break one."""
    strings = (string for message in catalogue if message.id for string in _strings(message))
    return [f"plain space at a mark: {string!r}" for string in strings if not typography.is_typeset(string)]


def unlike(catalogue: Catalog) -> list[str]:
    """Return sentences on translations with placeholders (`{name}`, `%s`,
    `%(name)s`) that the message lacks.
    """
    found = []
    for message in catalogue:
        if message.id:
            wanted = _places(message.id if isinstance(message.id, str) else message.id[1])
            for string in _strings(message):
                # A translation may lack one: a singular may spell out "one".
                if string and not _places(string) <= wanted | _places(_first(message)):
                    found.append(f"places differ: {_first(message)!r} → {string!r}")
    return found


def _places(text: str) -> set[str]:
    return set(re.findall(r"%\(\w+\)[sdr]|%[sdr]|\{\w*\}", text))


def _translation(source: Catalog, message: Message) -> Any:
    found = source.get(message.id)
    return _forms(message, found.string if found else None)


def _forms(message: Message, string: Any) -> Any:
    """Return a translation as string or tuple of plural forms, as the message needs.

    None if there is none.
    """
    # A file with fewer than three forms is read with empty ones: repeat the last form.
    forms = (string,) if isinstance(string, str) else tuple(form for form in string or () if form)
    if not any(forms):
        return None
    return forms[0] if isinstance(message.id, str) else (*forms, *(forms[-1],) * FORMS)[:FORMS]


def _typeset(string: Any) -> Any:
    if isinstance(string, str):
        return typography.written(string)
    return tuple(map(typography.written, string)) if string else string


def _first(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _strings(message: Message) -> tuple[str, ...]:
    string: Any = message.string
    return tuple(string) if isinstance(string, (tuple, list)) else (string or "",)


# --- extraction ---


UPSTREAM = Path(__file__).with_name("upstream.yaml")
DYNAMIC = Path(__file__).with_name("dynamic.yaml")
RETRANSLATED = Path(__file__).with_name("retranslated.yaml")
ADVISORIES = PACKAGE / "data" / "advisories.yaml"
HARVEST = PACKAGE / "harvest" / "data" / "messages.yaml"
STUDIES = PACKAGE / "studies" / "data" / "messages.yaml"
REQUESTS = PACKAGE / "data_requests" / "data" / "messages.yaml"

#: Suffix → babel extractor; CKAN's own one reads its template tags.
METHODS = {
    ".py": "python",
    ".html": "ckan.lib.extract:extract_ckan",
    ".txt": "ckan.lib.extract:extract_ckan",
    ".js": "javascript",
}
SKIPPED = {"tests", "vendor", "node_modules", "migration", "example_theme", "templates-midnight-blue"}


def keywords() -> dict[str, Any]:
    """Return the names of the functions that mark messages:
    babel's defaults and those of setup.cfg.
    """
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    extra = parser["extract_messages"]["keywords"].split()
    return DEFAULT_KEYWORDS | dict.fromkeys(extra)


def messages(files: Iterator[Path], base: Path) -> Iterator[Message]:
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
                yield Message(found, locations=[(str(path.relative_to(base)), line)], auto_comments=comments)


@cache
def every() -> tuple[Message, ...]:
    """Return all messages to translate, our own first."""
    return (*own(), *upstream())


def own() -> Iterator[Message]:
    """Yield the messages of this project, including those in its data."""
    yield from messages(PACKAGE.rglob("*"), ROOT)
    advisories = _data(ADVISORIES)
    yield from _of_groups(ADVISORIES, ([each["message"], each["meanwhile"], each["fixed_in"]] for each in advisories))
    sections = _data(HARVEST)
    advice = {item["text"]: item["text"] for item in sections.pop("advice")}
    yield from _of_groups(HARVEST, [*map(dict.values, sections.values()), advice])
    for path in (STUDIES, REQUESTS):
        yield from _of_groups(path, map(dict.values, _data(path).values()))


def _data(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _of_groups(path: Path, groups: Iterable[Iterable[str | None]]) -> Iterator[Message]:
    """Yield the texts of a data file; a number of the group stands for the line."""
    for number, texts in enumerate(groups, start=1):
        for text in filter(None, texts):
            yield Message(text, locations=[(str(path.relative_to(ROOT)), number)])


def upstream() -> Iterator[Message]:
    """Yield the messages of CKAN and its extensions that this project translates.

    These are the messages without a French translation upstream, those translated or spaced
    differently here, and those of scripts: CKAN passes scripts only the messages that a template
    catalogue (.pot) lists for them.
    """
    ours = set(_data(RETRANSLATED))
    badly_set = {first for first, string in core_french().items() if not typography.is_typeset(string)}
    yield from _of_groups(DYNAMIC, ([text] for text in _data(DYNAMIC)))
    for source in _data(UPSTREAM):
        folder = _folder(source["package"])
        translated = set(core_french())
        if source["catalogue"]:
            translated |= set(_translations(folder / source["catalogue"]))
        base = folder.parents[source["package"].count(".")]
        for part in source["files"]:
            place = folder / part
            for found in messages(place.rglob("*") if place.is_dir() else iter([place]), base):
                first = _first(found)
                suffix = Path(found.locations[0][0]).suffix
                if suffix == ".txt":  # e-mails, which this project writes itself
                    continue
                if first in ours or first not in translated or first in badly_set or suffix == ".js":
                    yield found


def template() -> Catalog:
    """Return the catalogue of all messages to translate, without translations."""
    catalogue = Catalog(domain="ckanext-ecosphere", project="ckanext-ecosphere", charset="utf-8", fuzzy=False)
    for message in every():
        catalogue.add(message.id, locations=message.locations, auto_comments=message.auto_comments)
    return catalogue


def counted_or_not() -> list[str]:
    """Return the messages that are used both with and without plural forms.

    A catalogue has a single entry for both, with plural forms. Without a number, Python 3.11.2
    (Debian 12) does not find it and shows the English text; later versions do.
    """
    counted = {_first(message) for message in every() if isinstance(message.id, tuple)}
    return sorted(counted & {message.id for message in every() if isinstance(message.id, str)})


@cache
def core_french() -> dict[str, Any]:
    """Return the translations shipped with CKAN: message → translation."""
    return _translations(_folder("ckan") / "i18n/fr/LC_MESSAGES/ckan.po")


def _translations(path: Path) -> dict[str, Any]:
    return {_first(message): message.string for message in read(path) if message.id and _complete(message.string)}


def _complete(string: Any) -> bool:
    return bool(string) and (isinstance(string, str) or all(string))


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec and spec.origin, f"{package} is not installed"
    return Path(spec.origin).parent


def main() -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["update", "missing"])
    parser.add_argument("files", nargs="*", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "update":
        update(arguments.files)
        return 0
    return int(bool(missing()))


if __name__ == "__main__":
    sys.exit(main())
