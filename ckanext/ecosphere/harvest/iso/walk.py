"""Walk an ISO metadata tree with mapping tables: element name → handler.

A handler is called with the walk, an element, and the object that it fills (the target): the record
or a part of it. The functions from `skip` on make handlers for the tables in `reader.py` and
`parts.py`.

ISO 19139 alternates properties and types (``gmd:citation/gmd:CI_Citation/gmd:title``). The tables
name the properties; the types between them are passed through. Elements are matched by local name,
since the same property exists in several namespaces (gmd, gmi, srv, fra, two of GML, the many of
ISO 19115-3).

Each element is read once. Those that no table names are noted in ``record.unread``, so that nothing
is lost silently.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any

from lxml import etree

from ckanext.ecosphere.dataset import fields
from ckanext.ecosphere.harvest.record import Identifier, Record, Term
from ckanext.ecosphere.shared import characters
from ckanext.ecosphere.shared.parsing import Element, local_name
from ckanext.ecosphere.vocabularies import languages

XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
MAX_UNREAD = 200
"""Maximum number of notes per record; one that exceeds it is hardly ISO any more."""
MAX_SAMPLE = 4_000
"""Maximum number of characters noted of an element."""
MAX_NOTED = 150_000
"""Maximum number of characters of all notes of a record; further notes are shortened."""
_BEGINNING = 100
"""Number of characters that remain of a note that is shortened."""
_NEAR = 20
"""Number of last notes among which a repetition is dropped: keywords often share a thesaurus."""
PEOPLE = {"individualName", "CI_Individual"}
"""Elements with names of persons."""
FRENCH = {"fr", "fre", "fra", "fr-fr", "fr_fr", "french", "francais", "français"}
"""Codes and names of French that records have."""


class Walk:
    """The reading of one record.

    Args:
        record: the record to fill.
        locales: id of each ``PT_Locale``, to which localised texts refer → its language code.
        french_first: whether a French localised text takes precedence over the main one.
    """

    __slots__ = ("_left_out", "_length_of_notes", "french_first", "locales", "record")

    def __init__(self, record: Record, locales: dict[str, str], french_first: bool):
        self.record = record
        self.locales = locales
        self.french_first = french_first
        self._left_out = 0
        self._length_of_notes = 0

    def children(self, parent: Element, table: Table, target: Any) -> None:
        """Call the handler of each child; note children without one."""
        for child in parent:
            self.child(child, table, target)

    def child(self, element: Element, table: Table, target: Any) -> None:
        """Call the handler of an element; note an element without one."""
        name = local_name(element)
        if name in table:
            table[name](self, element, target)
        elif name:
            self.unread(element)

    def unread(self, element: Element) -> None:
        """Note the content of an element; names of persons are notes of their own."""
        people = _people(element)
        elements: Iterable[Element] = element.iter(etree.Element)
        if people:
            elements = _without_people(element)
        self.note(element, sample(elements))
        for person in people:
            name = one_line(" ".join(map(str, person.itertext())))
            if name:
                self._add_note(f"{path(person)}: {name[:MAX_SAMPLE]}")

    def note(self, element: Element, text: str) -> None:
        """Note a text, which may be empty, under the path of an element."""
        text = self._shortened(text)
        if not text:
            return
        line = f"{path(element)}: {text}"
        if line not in self.record.unread[-_NEAR:]:
            self._add_note(line)

    def _add_note(self, line: str) -> None:
        """Add a line to the notes; a last one counts those that exceed `MAX_UNREAD`."""
        notes = self.record.unread
        if len(notes) < MAX_UNREAD:
            notes.append(line)
            return
        self._left_out += 1
        notes[MAX_UNREAD:] = [f"…: {self._left_out}"]

    def _shortened(self, text: str) -> str:
        """Return a text to be noted, cut if the record has too many notes."""
        self._length_of_notes += len(text)
        if self._length_of_notes <= MAX_NOTED or len(text) <= _BEGINNING:
            return text
        return f"{text[:_BEGINNING]}…"

    def text(self, prop: Element, target: Any = None, field: str = "") -> Term:
        """Return the text of a property with its link.

        Of several languages, French may take precedence; the texts in other languages are kept in
        the translations of the target, if it has any, else noted.

        Args:
            prop: the property.
            target: the object being filled.
            field: attribute of the target that receives the text.
        """
        term, localised = _main_and_localised(prop)
        if localised:
            return self._choose_text(prop, target, field, term, localised)
        return term

    def _choose_text(
        self,
        prop: Element,
        target: Any,
        field: str,
        main: Term,
        localised: list[tuple[str, str]],
    ) -> Term:
        """Return the main text of a property or a localised one; keep or note the others.

        Args:
            prop: the property.
            target: the object being filled.
            field: attribute of the target that receives the text.
            main: the text outside of the localised ones, which may be empty.
            localised: locale and text of each localised text.
        """
        tagged: list[tuple[str, str]] = []
        for locale, text in localised:
            language = self.locales.get(locale, locale).lower()
            if language in FRENCH:
                language = languages.FRENCH
            if text:
                tagged.append((language, text))
        texts, others = languages.by_tag(tagged)
        french = texts.get(languages.FRENCH)
        main_text = main.text
        chosen = main
        if french and (self.french_first or not main_text):
            chosen = Term(french, main.href)
        elif not main_text and tagged:
            chosen = Term(texts.get(languages.best(texts)) or tagged[0][1], main.href)
        if main_text and main_text not in texts.values():
            self._add_main_text(main_text, texts, others)
        translations = getattr(target, "translations", None)
        if translations is None or field in translations:
            others += texts.items()
        elif any(text != chosen.text for text in texts.values()):
            translations[field] = texts
        for language, text in others:
            if text != chosen.text:
                note = self._shortened(one_line(text)[:MAX_SAMPLE])
                self._add_note(f"{path(prop)}[{language}]: {note}")
        return chosen

    def _add_main_text(
        self, main_text: str, texts: dict[str, str], others: list[tuple[str, str]]
    ) -> None:
        """Add the main text in the language of the record, or to the others if that is unknown."""
        language = languages.tag(self.record.metadata_language or "")
        if language in texts:
            others.append((language, texts[language]))
        if language:
            texts[language] = main_text
        else:
            others.append(("", main_text))


Handler = Callable[[Walk, Element, Any], None]
Trim = Callable[[str], str]
Table = dict[str, Handler]


# --- reading one property ----------------------------------------------------------------


def path(element: Element) -> str:
    """Return the path of an element by local names, without the root."""
    names = [local_name(element)]
    names += [local_name(ancestor) for ancestor in element.iterancestors()]
    for root in ("MD_Metadata", "MI_Metadata"):
        if root in names:
            names = names[: names.index(root)]
    return "/".join(reversed(names))


def one_line(text: str | None) -> str:
    """Trim a text and collapse its white space to single spaces."""
    return " ".join((text or "").split())


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


def code_of(prop: Element) -> str:
    """Return the code of a property: ``codeListValue``, else the text; of a URI, the fragment."""
    for child in prop:
        value = (child.get("codeListValue") or "").strip() or one_line(child.text)
        if value:
            return value.rpartition("#")[2]
    return one_line(prop.text)


def _main_and_localised(prop: Element) -> tuple[Term, list[tuple[str, str]]]:
    """Return the text of a property with its link, and locale and text of its localised texts."""
    main = Term(prop.text or "", None)
    localised: list[tuple[str, str]] = []
    for child in prop:
        name = local_name(child)
        if name == "PT_FreeText":
            for text in child.iter("{*}LocalisedCharacterString"):
                locale = (text.get("locale") or "").lstrip("#")
                localised.append((locale, characters.mended((text.text or "").strip())))
        elif name:
            main = Term(child.text or "", child.get(XLINK_HREF) or child.get("src"))
    main.text = characters.mended(main.text.strip())
    return main, localised


def _people(element: Element) -> list[Element]:
    return list(element.iter("{*}individualName", "{*}CI_Individual"))


def _without_people(element: Element) -> Iterator[Element]:
    """Iterate over an element in document order, except names of persons."""
    if local_name(element) not in PEOPLE:
        yield element
        for child in element:
            yield from _without_people(child)


def sample(nodes: Iterable[Element]) -> str:
    """Return the texts, codes and references of elements, at most `MAX_SAMPLE` characters."""
    parts: list[str] = []
    length = 0
    for node in nodes:
        text = one_line(node.text)
        code = node.get("codeListValue")
        if code == text:  # the label of a code may be in any language
            code = None
        for value in (text, code, node.get(XLINK_HREF), node.get("uuidref")):
            if value:
                parts.append(value[:MAX_SAMPLE])
                length += len(parts[-1]) + 1
        if length >= MAX_SAMPLE:
            break
    return " ".join(parts)[:MAX_SAMPLE]


# --- handlers that the tables assign to properties ----------------------------------------


def skip(walk: Walk, element: Element, target: Any) -> None:
    """Ignore a property that is read elsewhere or does not describe the resource.

    `docs/harvest-rules.md` names those that do not.
    """


def text(attribute: str, trim: Trim = one_line) -> Handler:
    """Set an attribute to the trimmed text of the property, else its link; the first one wins."""

    def handler(walk: Walk, element: Element, target: Any) -> None:
        term = walk.text(element, target, attribute)
        value = trim(term.text)
        before = getattr(target, attribute)
        if not before:
            setattr(target, attribute, value or term.href or before)
        if value and (term.href or before not in (None, value)):
            walk.unread(element)  # a link beside its text, or a second text

    return handler


def long_text(attribute: str) -> Handler:
    """Set an attribute to the text of the property, keeping line breaks."""
    return text(attribute, block)


def texts(attribute: str, trim: Trim = one_line) -> Handler:
    """Append the trimmed text of the property to a list; note its link, if any."""

    def handler(walk: Walk, element: Element, target: Any) -> None:
        term = walk.text(element)
        _append_to(target, attribute, trim(term.text))
        if term.href:
            walk.unread(element)

    return handler


def long_texts(attribute: str) -> Handler:
    """Append the text of the property, keeping line breaks, to a list."""
    return texts(attribute, block)


def codes(attribute: str) -> Handler:
    """Append the code of the property to a list."""

    def handler(_walk: Walk, element: Element, target: Any) -> None:
        _append_to(target, attribute, code_of(element))

    return handler


def _append_to(target: Any, attribute: str, value: Any) -> None:
    if value:
        getattr(target, attribute).append(value)


def terms(attribute: str) -> Handler:
    """Append the text of the property with its link to a list."""

    def handler(walk: Walk, element: Element, target: Any) -> None:
        term = walk.text(element)
        term = Term(block(term.text), term.href or element.get(XLINK_HREF))
        if term.text or term.href:
            getattr(target, attribute).append(term)

    return handler


def text_and_href(attribute: str, href_attribute: str) -> Handler:
    """Set one attribute to the text of the property and another to its link."""

    def handler(walk: Walk, element: Element, target: Any) -> None:
        term = walk.text(element)
        if term.text and not getattr(target, attribute):
            setattr(target, attribute, one_line(term.text))
        href = term.href or element.get(XLINK_HREF)
        if href and not getattr(target, href_attribute):
            setattr(target, href_attribute, href.strip())

    return handler


def code(attribute: str) -> Handler:
    """Set an attribute to the code of the property; the first code wins."""

    def handler(walk: Walk, element: Element, target: Any) -> None:
        value = code_of(element)
        before = getattr(target, attribute)
        if value and not before:
            setattr(target, attribute, value)
        elif value and before != value:
            walk.unread(element)

    return handler


def reference(attribute: str) -> Handler:
    """Append the ``uuidref`` (else the link, else the text) of the property to a list."""

    def handler(walk: Walk, element: Element, target: Any) -> None:
        uuid = element.get("uuidref")
        href = element.get(XLINK_HREF)
        value = uuid or href or one_line(walk.text(element).text)
        _append_to(target, attribute, value.strip())
        if len(element) or (uuid and href):
            walk.unread(element)  # whatever else it states

    return handler


def identifiers(attribute: str) -> Handler:
    """Append each ``MD_Identifier`` or ``RS_Identifier`` of the property to a list."""

    def handler(walk: Walk, element: Element, target: Any) -> None:
        for child in element:
            identifier = Identifier()
            for part in child:
                name = local_name(part)
                if name == "code":
                    term = walk.text(part)
                    identifier.code = one_line(term.text)
                    identifier.href = term.href
                elif name == "codeSpace":
                    identifier.codespace = one_line(walk.text(part).text) or None
                else:  # authority, version, description
                    walk.unread(part)
            if identifier.code or identifier.href:
                getattr(target, attribute).append(identifier)

    return handler


# --- handlers of what is inside a property -------------------------------------------------


def within(table: Table) -> Handler:
    """Descend into the types within the property, filling the same target."""

    def handler(walk: Walk, element: Element, target: Any) -> None:
        for child in _types(walk, element):
            walk.children(child, table, target)

    return handler


def _types(walk: Walk, element: Element) -> list[Element]:
    """Return the types within a property; note a property without any."""
    types = [child for child in element if local_name(child)]
    if not types:
        walk.unread(element)
    return types


def by_type(types: dict[str, Handler | Table]) -> Handler:
    """Read the property by the type within it.

    Args:
        types: name of each type → its handler, or the table of what is inside.
    """
    handlers: Table = {}
    for name, reader in types.items():
        handlers[name] = _inside(reader) if isinstance(reader, dict) else reader
    return _inside(handlers)


def _inside(table: Table) -> Handler:
    """Read what is inside of an element, filling the same target."""

    def handler(walk: Walk, element: Element, target: Any) -> None:
        walk.children(element, table, target)

    return handler


def new(
    factory: Callable[[], Any], attribute: str, table: Table, finish: Handler | None = None
) -> Handler:
    """Create an object for each type within the property, fill it, and append it to a list.

    Args:
        factory: creates the object.
        attribute: list of the target that receives it.
        table: table that fills it.
        finish: called with the element of the type and the object before it is appended.
    """
    fill = in_place_of_property(factory, attribute, table, finish)

    def handler(walk: Walk, element: Element, target: Any) -> None:
        for child in _types(walk, element):
            fill(walk, child, target)

    return handler


def in_place_of_property(
    factory: Callable[[], Any], attribute: str, table: Table, finish: Handler | None = None
) -> Handler:
    """Create an object for a type that stands where its property should; arguments as of ``new``.

    One catalogue's own conversion writes such records.
    """

    def handler(walk: Walk, element: Element, target: Any) -> None:
        item = factory()
        walk.children(element, table, item)
        if finish is not None:
            finish(walk, element, item)
        getattr(target, attribute).append(item)

    return handler


# --- the table of fields -------------------------------------------------------------------

READERS: dict[str, Callable[[str], Handler]] = {
    "text": text,
    "long_text": long_text,
    "texts": texts,
    "long_texts": long_texts,
    "code": code,
    "codes": codes,
}
"""``read`` of the table of fields → function that makes the handler."""


def of_fields(path: str) -> Table:
    """Return the handlers of the fields that stand directly below a path of properties.

    Args:
        path: names of the properties, with slashes between them; "" for the root.
    """
    table: Table = {}
    for field in fields.read_in_iso(path):
        name = field.iso["path"].rpartition("/")[2]
        if field.record:
            table[name] = READERS[field.iso["read"]](field.record)
        else:
            table[name] = _into_field(field)
    return table


def _into_field(field: fields.Field) -> Handler:
    """Read a property straight into a field of the dataset, which no rule judges."""
    # Handlers fill attributes, but `record.fields` is a dict: a holder lends its attribute `value`.
    read = READERS[field.iso["read"]]("value")

    def handler(walk: Walk, element: Element, _target: Any) -> None:
        values = walk.record.fields
        holder = SimpleNamespace(value=values.get(field.name, [] if field.has_several else None))
        read(walk, element, holder)
        if holder.value:
            values[field.name] = holder.value

    return handler


# --- feature catalogues ---
#
# Convert feature catalogues (ISO 19110:2005 and 2016), standalone or within a record, to one line
# per attribute.

CATALOGUE_ROOT = "FC_FeatureCatalogue"
MOST_ATTRIBUTES = 500
"""Maximum number of attributes of a catalogue that are noted; a last line counts the others."""
ATTRIBUTE = "FC_FeatureAttribute"


def read_feature_catalogue(walk: Walk, element: Element, target: Any) -> None:
    """Note a feature catalogue, see `catalogue_text`; one without attributes like other elements.

    A dataset has no field for it, so it becomes further information on the content.
    """
    if next(element.iter(f"{{*}}{ATTRIBUTE}"), None) is None:
        walk.unread(element)
    else:
        walk.note(element, catalogue_text(element))
        for person in _people(element):
            walk.note(person, " ".join(_texts(person)))


def catalogue_text(element: Element) -> str:
    """Return a catalogue as readable text: about itself and its types, then a line per attribute.

    Names of persons are left out. An attribute is described by name, type, definition and values:
    ``nature (texte) : type de zone humide ; T = tourbière ; M = marais``.
    """
    attributes = list(element.iter(f"{{*}}{ATTRIBUTE}"))
    inside: set[Element] = set()
    for part in (*attributes, *element.iter("{*}isAbstract"), *_people(element)):
        inside.update(part.iter(etree.Element))
    others = [part for part in element.iter(etree.Element) if part not in inside]
    lines = [sample(others), *map(_attribute_line, attributes[:MOST_ATTRIBUTES])]
    if len(attributes) > MOST_ATTRIBUTES:
        lines.append(f"…: {len(attributes) - MOST_ATTRIBUTES}")
    return "\n".join(filter(None, lines))


def _attribute_line(attribute: Element) -> str:
    """Return an attribute as a line: name, type, definition, then its other properties."""
    texts: dict[str, list[str]] = defaultdict(list)
    for prop in attribute:
        prop_name = local_name(prop)
        text = one_line(" ".join(_texts(prop)))
        if prop_name == "listedValue":
            text = _listed_value(prop)
        if text:
            texts[prop_name].append(text)
    name = " ".join(texts.pop("memberName", []) or texts.pop("code", []))
    value_type = " ".join(texts.pop("valueType", []))
    occurrences = _occurrences(" ".join(texts.pop("cardinality", [])))
    details = texts.pop("definition", [])
    for others in texts.values():
        details += others
    details = [detail for detail in dict.fromkeys([*details, *occurrences]) if detail != name]
    line = name
    if value_type:
        line = f"{name} ({value_type})"
    if details:
        line = f"{line} : {' ; '.join(details)}"
    return line.strip()


def _occurrences(cardinality: str) -> list[str]:
    """Return a cardinality ("0..1", "0 1", "1..*") in words; exactly one value needs none."""
    least, *most = re.findall(r"\d+|[*n]|unbounded|true", cardinality) or ["1"]
    words = []
    if least == "0":
        words.append("facultatif")
    if most and most[-1] not in ("0", "1"):
        words.append("plusieurs valeurs")
    return words


def _listed_value(prop: Element) -> str:
    """Return a listed value as ``code = label``, followed by its definition, if any."""
    texts = {}
    for value in prop:
        for part in value:
            texts[local_name(part)] = one_line(" ".join(_texts(part)))
    parts = (texts.pop("code", ""), texts.pop("label", ""), *texts.values())
    return " = ".join(dict.fromkeys(filter(None, parts)))


def _texts(element: Element) -> list[str]:
    return [str(text) for text in element.itertext() if str(text).strip()]
