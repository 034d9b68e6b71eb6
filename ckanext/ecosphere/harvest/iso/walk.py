"""Walk an ISO metadata tree with mapping tables: element name → handler.

ISO 19139 alternates properties and types (``gmd:citation/gmd:CI_Citation/gmd:title``). The tables in `tables.py` name
the properties; the types between them are passed through. Elements are matched by local name, since the same property
exists in several namespaces (gmd, gmi, srv, fra, two of GML, the many of ISO 19115-3). One pass over the children does
it all; elements that no table names are noted in ``record.unread``, so that nothing is lost silently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lxml import etree

from ckanext.ecosphere.harvest.record import Record, Term
from ckanext.ecosphere.shared import characters
from ckanext.ecosphere.shared.hardened_xml import local_name
from ckanext.ecosphere.vocabularies import languages

XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
MAX_UNREAD = 200
"""Maximum notes per record; one that exceeds it is hardly ISO any more."""
MAX_SAMPLE = 4_000
"""Maximum characters noted of an unmapped element."""
MAX_NOTED = 150_000
"""Maximum characters of all notes of a record; beyond it, notes are cut to their beginning."""
_BEGINNING = 100
_NEAR = 20
"""Number of recent notes among which a repetition is dropped: groups of keywords often share a thesaurus."""
PEOPLE = {"individualName", "CI_Individual"}
"""Elements with names of persons."""
_TELLING = ("codeListValue", XLINK_HREF, "uuidref")
FRENCH = {"fr", "fre", "fra", "fr-fr", "fr_fr", "french", "francais", "français"}


class Walk:
    """The reading of one record.

    Args:
        record: the record to fill.
        locales: language code of each ``PT_Locale`` id, for localised texts.
        french_first: whether a French localised text takes precedence over the main one.
    """

    __slots__ = ("_left", "_noted", "french_first", "locales", "record")

    def __init__(self, record: Record, locales: dict[str, str], french_first: bool):
        self.record = record
        self.locales = locales
        self.french_first = french_first
        self._left = 0
        self._noted = 0

    def children(self, parent: etree._Element, table: Table, target: Any) -> None:
        """Call the handler of each child; note children without one."""
        for child in parent:
            name = local_name(child)
            if not name:
                continue
            handler = table.get(name)
            if handler is not None:
                handler(self, child, target)
            else:
                self.unread(child)

    def unread(self, element: etree._Element) -> None:
        """Note an element without a handler, if it has any content; names of persons are noted separately."""
        people = list(element.iter("{*}individualName", "{*}CI_Individual"))
        self.note(element, sample(_without_people(element) if people else element.iter(etree.Element)))
        for person in people:
            if name := one_line(" ".join(map(str, person.itertext()))):
                self._append(f"{path(person)}: {name[:MAX_SAMPLE]}")

    def note(self, element: etree._Element, text: str) -> None:
        """Note a text under the path of an element."""
        text = self._bounded(text)
        if text and (note := f"{path(element)}: {text}") not in self.record.unread[-_NEAR:]:
            self._append(note)

    def _append(self, note: str) -> None:
        """Note something; beyond `MAX_UNREAD` notes, the last one states how many others there are."""
        found = self.record.unread
        if len(found) < MAX_UNREAD:
            found.append(note)
            return
        self._left += 1
        found[MAX_UNREAD:] = [f"…: {self._left}"]

    def _bounded(self, text: str) -> str:
        self._noted += len(text)
        return text if self._noted <= MAX_NOTED or len(text) <= _BEGINNING else f"{text[:_BEGINNING]}…"

    def text(self, prop: etree._Element, target: Any = None, field: str = "") -> Term:
        """Return the text of a property with its link; the French text if there are several languages.

        Texts in other languages are kept in the translations of the target, if it has such a field, else noted.

        Args:
            prop: the property.
            target: the object being filled.
            field: attribute of the target that receives the text.
        """
        term, localised = _main_and_localised(prop)
        if localised:
            return self._choose(prop, target, field, term, localised)
        return term

    def _choose(
        self, prop: etree._Element, target: Any, field: str, main: Term, localised: list[tuple[str, str]]
    ) -> Term:
        named = ((self.locales.get(locale, locale).lower(), text) for locale, text in localised if text)
        given = [(languages.FRENCH if language in FRENCH else language, text) for language, text in named]
        texts, left = languages.by_tag(given)
        french = texts.get(languages.FRENCH)
        first = main.text
        if french and (self.french_first or not first):
            main = Term(french, main.href)
        elif not first and given:
            main = Term(texts.get(languages.best(texts)) or given[0][1], main.href)
        if first and first not in texts.values():
            self._place_first(first, texts, left)
        kept = getattr(target, "translations", None)
        if kept is None or field in kept:
            left += texts.items()
        elif any(text != main.text for text in texts.values()):
            kept[field] = texts
        for language, text in left:
            if text != main.text:
                self._note_other(prop, language, text)
        return main

    def _place_first(self, first: str, texts: dict[str, str], left: list[tuple[str, str]]) -> None:
        """Assign the main text, outside of the localised ones, to the language of the record."""
        own = languages.tag(self.record.metadata_language or "")
        if own in texts:
            left.append((own, texts[own]))
        if own:
            texts[own] = first
        else:
            left.append(("", first))

    def _note_other(self, prop: etree._Element, language: str, text: str) -> None:
        self._append(f"{path(prop)}[{language}]: {self._bounded(one_line(text)[:MAX_SAMPLE])}")


Handler = Callable[[Walk, etree._Element, Any], None]
Table = dict[str, Handler]


# --- reading one property ----------------------------------------------------------------


def path(element: etree._Element) -> str:
    """Return the path of an element by local names, without the root."""
    names = [local_name(element)]
    names += [local_name(ancestor) for ancestor in element.iterancestors()]
    for root in ("MD_Metadata", "MI_Metadata"):
        if root in names:
            names = names[: names.index(root)]
    return "/".join(reversed(names))


def one_line(text: str | None) -> str:
    """Trim a text and collapse its white space to single spaces."""
    return " ".join(text.split()) if text else ""


def block(text: str | None) -> str:
    """Trim a text of several lines, keeping line breaks and single empty lines."""
    if not text:
        return ""
    lines: list[str] = []
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        stripped = line.strip()
        if stripped or (lines and lines[-1]):
            lines.append(stripped)
    return "\n".join(lines).strip()


def code_of(prop: etree._Element) -> str:
    """Return the code of a property: ``codeListValue`` (its fragment if it is a URI), else the text."""
    for child in prop:
        value = (child.get("codeListValue") or "").strip() or one_line(child.text)
        if value:
            return value.rpartition("#")[2] if "#" in value else value
    return one_line(prop.text)


def _main_and_localised(prop: etree._Element) -> tuple[Term, list[tuple[str, str]]]:
    main = Term(prop.text or "", None)
    localised: list[tuple[str, str]] = []
    for child in prop:
        name = local_name(child)
        if name == "PT_FreeText":
            localised += [
                ((text.get("locale") or "").lstrip("#"), characters.mended((text.text or "").strip()))
                for text in child.iter("{*}LocalisedCharacterString")
            ]
        elif name:
            main = Term(child.text or "", child.get(XLINK_HREF) or child.get("src"))
    main.text = characters.mended(main.text.strip())
    return main, localised


def _without_people(element: etree._Element) -> Iterator[etree._Element]:
    """Iterate over an element in document order, except names of persons, which are noted separately."""
    if local_name(element) not in PEOPLE:
        yield element
        for child in element:
            yield from _without_people(child)


def sample(nodes: Iterable[etree._Element]) -> str:
    """Return the texts, codes and references of elements, at most `MAX_SAMPLE` characters."""
    parts: list[str] = []
    length = 0
    for node in nodes:
        text, code = one_line(node.text), node.get("codeListValue")  # the label of a code may be in any language
        for value in (text, code if code != text else None, node.get(XLINK_HREF), node.get("uuidref")):
            if not value:
                continue
            parts.append(value[:MAX_SAMPLE])
            length += len(parts[-1]) + 1
        if length >= MAX_SAMPLE:
            break
    return " ".join(parts)[:MAX_SAMPLE]
