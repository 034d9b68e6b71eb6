"""`python3 -m dev.translations COMMAND`, run by `make i18n` in the project's environment.

update [FILE.po …]  extract all messages, take translations from the files, else keep the existing ones, set their
                    no-break spaces, compile
missing             list the messages without a French translation; exit code 1 if there are any
check               fail if a message is untranslated, a space is plain where French needs a no-break one, or a
                    compiled or extracted file is out of date
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po, write_po

from . import typography
from .extract import PACKAGE, core_french, counted_or_not, template

I18N = PACKAGE / "i18n"
POT = I18N / "ckanext-ecosphere.pot"
PO = I18N / "fr" / "LC_MESSAGES" / "ckanext-ecosphere.po"
MO = PO.with_suffix(".mo")
HEADER = "# {what} of ckanext-ecosphere. Written by `make i18n`; translations are edited in the .po file only.\n#"
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
    """Return the messages of a French catalogue that lack a translation or one of its plural forms."""
    return [message for message in catalogue if message.id and not all(_strings(message))]


def as_po(catalogue: Catalog, what: str) -> bytes:
    """Write a catalogue as reproducible text: without dates, sorted by message."""
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=110, omit_header=True, sort_output=True, include_lineno=False)
    language = "Language: fr\\n" if what.startswith("French") else ""
    head = [
        HEADER.format(what=what),
        'msgid ""',
        'msgstr ""',
        '"Project-Id-Version: ckanext-ecosphere\\n"',
        *([f'"{language}"', f'"Plural-Forms: {PLURALS}\\n"'] if language else []),
        '"MIME-Version: 1.0\\n"',
        '"Content-Type: text/plain; charset=utf-8\\n"',
        '"Content-Transfer-Encoding: 8bit\\n"',
    ]
    return "\n".join([*head, "", ""]).encode() + buffer.getvalue()


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
    """Return sentences on translations with placeholders (`{name}`, `%s`, `%(name)s`) that the message lacks."""
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
    """Return a translation as string or tuple of plural forms, as the message needs; None if there is none."""
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


def main() -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["update", "missing", "check"])
    parser.add_argument("files", nargs="*", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "update":
        update(arguments.files)
        return 0
    found = missing() if arguments.command == "missing" else problems()
    if arguments.command == "check":
        print("\n".join(found) or "The French catalogue is complete.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
