"""How a value of a field becomes elements of ISO 19139: the functions named by ``write`` in the
table of fields.

Each takes the dataset and the field, and yields elements, named after the end of the field's path.
No CKAN imports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.dataset.fields import Field
from ckanext.ecosphere.dataset.view import Row, View
from ckanext.ecosphere.schemas.iso import xml
from ckanext.ecosphere.schemas.iso.xml import Element, el, prefixed
from ckanext.ecosphere.vocabularies import information
from ckanext.ecosphere.vocabularies.languages import FRENCH, SUFFIX

_ISO_639_2 = 3
"""Letters of its codes."""


class Reader(View):
    """A dataset, with what the exports ask besides.

    Args:
        dataset: the dataset, from ``package_show``.
        organisation: name of the service, used where no party is named.
        members: record identifiers of the members of a series.
        records: URLs of the records of referenced datasets, by the reference used in the dataset.
    """

    def __init__(
        self,
        dataset: Row,
        organisation: str = "",
        members: Iterable[str] = (),
        records: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(dataset)
        self.dataset = dataset
        self.organisation = organisation
        self.members = tuple(members)
        self.records = records or {}

    @property
    def kind(self) -> str:
        """Dataset, series, service or SoftwareSourceCode; a dataset if not stated."""
        return super().kind or "dataset"

    def translations(self, name: str, row: Row | None = None) -> dict[str, str]:
        """Return the translations of a text of the dataset, or of one of its rows, by language."""
        owner = self.dataset
        if row is not None:
            owner = row
        value = owner.get(f"{name}{SUFFIX}")
        if not isinstance(value, Mapping):
            return {}
        return {str(tag): str(text) for tag, text in value.items()}

    def languages(self) -> list[str]:
        """Return the languages other than French that texts are translated into."""
        tags = {*self.translations("title"), *self.translations("notes")}
        for row in self.rows("resources"):
            tags.update(self.translations("name", row), self.translations("description", row))
        return sorted(tags - {FRENCH})

    def concept(self, vocabulary: str, name: str) -> str:
        """Return the French label of a field's concept, or the value itself without one."""
        value = self.text(name)
        return voc.get(vocabulary).label(value) or value


Writer = Callable[[Reader, Field], Iterable[Element]]


def _name(field: Field) -> str:
    return prefixed(field.iso["path"].rpartition("/")[2])


def _code(uri: str) -> str:
    return uri.rsplit("/", 1)[-1]


def text(dataset: Reader, field: Field) -> Iterable[Element]:
    """Write a text."""
    yield xml.text(_name(field), dataset.text(field.name))


def texts(dataset: Reader, field: Field) -> Iterable[Element]:
    """Write each text."""
    return xml.texts(_name(field), dataset.texts(field.name))


def labels(dataset: Reader, field: Field) -> Iterable[Element]:
    """Write each value with a link: a concept by its French label and URI, an address as it is."""
    for value in dataset.texts(field.name):
        yield label(_name(field), field.vocabulary, value)


def label(name: str, vocabulary: str, value: str) -> Element:
    """Return a value with a link, as `labels` writes it."""
    concept = voc.get(vocabulary).get(value) if vocabulary else None
    if concept is None:
        return xml.label(name, value, value)
    return xml.label(name, concept.label_fr, concept.uri)


def translated(dataset: Reader, field: Field) -> Iterable[Element]:
    """Write a text in all its languages."""
    translations = dataset.translations(field.name)
    yield xml.in_languages(_name(field), dataset.text(field.name), translations)


def code(dataset: Reader, field: Field) -> Iterable[Element]:
    """Write each code of an ISO code list: the last part of the concept's URI."""
    for value in dataset.texts(field.name):
        yield xml.code(_name(field), field.iso["list"], _code(value))


def enumeration(dataset: Reader, field: Field) -> Iterable[Element]:
    """Write each value of an ISO enumeration: the last part of the concept's URI."""
    for value in dataset.texts(field.name):
        yield el(_name(field), el(f"gmd:{field.iso['list']}", text=_code(value)))


def integer(dataset: Reader, field: Field) -> Iterable[Element]:
    """Write a whole number; other texts are left out."""
    value = dataset.text(field.name)
    if value.isdigit():
        yield xml.number(_name(field), value, "Integer")


def metres(dataset: Reader, field: Field) -> Iterable[Element]:
    """Write a distance."""
    value = dataset.text(field.name)
    if value:
        yield el(_name(field), el("gco:Distance", text=value, uom="m"))


def date(dataset: Reader, field: Field) -> Iterable[Element]:
    """Write a date."""
    value = dataset.text(field.name)
    if value:
        yield xml.date(_name(field), value)


def dated(dataset: Reader, field: Field) -> Iterable[Element]:
    """Write a date of the citation with its type."""
    value = dataset.text(field.name)
    if value:
        yield xml.dated(value, field.iso["date_type"])


def keywords(dataset: Reader, field: Field) -> Iterable[Element]:
    """Write the values as one group of keywords, with the thesaurus if there is one."""
    words = [label("gmd:keyword", field.vocabulary, value) for value in dataset.texts(field.name)]
    if not words:
        return
    thesaurus = None
    if "thesaurus" in field.iso:
        title = xml.text("gmd:title", field.iso["thesaurus"])
        published = xml.dated(field.iso["thesaurus_date"], "publication")
        thesaurus = el("gmd:thesaurusName", el("gmd:CI_Citation", title, published))
    yield keyword_group(words, thesaurus)


def tags(dataset: Reader, _field: Field) -> Iterable[Element]:
    """Write the free keywords as one group."""
    rows = [tag for tag in dataset.rows("tags") if tag.get("name")]
    words = xml.texts("gmd:keyword", [tag.get("display_name") or tag["name"] for tag in rows])
    if words:
        yield keyword_group(words)


def keyword_group(words: list[Element], thesaurus: Element | None = None) -> Element:
    """Return a group of keywords."""
    kind = xml.code("gmd:type", "MD_KeywordTypeCode", "theme")
    return el("gmd:descriptiveKeywords", el("gmd:MD_Keywords", words, kind, thesaurus))


def related(dataset: Reader, field: Field) -> Iterable[Element]:
    """Write each related resource with the kind of the relation."""
    for name in dataset.texts(field.name):
        yield related_resource(name, field.iso["association"])


def related_resource(name: str, association: str) -> Element:
    """Return a related resource, named by its identifier."""
    identifier = el("gmd:MD_Identifier", xml.text("gmd:code", name))
    kind = xml.code("gmd:associationType", "DS_AssociationTypeCode", association)
    target = el("gmd:aggregateDataSetIdentifier", identifier)
    return el("gmd:aggregationInfo", el("gmd:MD_AggregateInformation", target, kind))


def status(dataset: Reader, field: Field) -> Iterable[Element]:
    """Write the ISO code of a status; a withdrawn dataset has none."""
    value = _code(dataset.text(field.name))
    for concept in voc.get("progress-code"):
        if value and concept.data["eu_status"] == value:
            yield xml.code(_name(field), "MD_ProgressCode", concept.id)
            return


def frequency(dataset: Reader, field: Field) -> Iterable[Element]:
    """Write the ISO code of a frequency; one without a code is written in a maintenance note."""
    concept = voc.get(field.vocabulary).get(dataset.text(field.name))
    if concept is None:
        return
    codes = [label for label in concept.alt_labels if label in voc.get("maintenance-frequency")]
    written = codes[0] if codes else "unknown"
    yield xml.code(_name(field), "MD_MaintenanceFrequencyCode", written)
    if not codes:
        yield xml.anchor("gmd:maintenanceNote", concept.label_fr, concept.uri)


def languages(dataset: Reader, field: Field) -> Iterable[Element]:
    """Write each language by its code of ISO 639-2."""
    for uri in dataset.texts(field.name):
        yield xml.language(_name(field), _language(uri))


def _language(uri: str) -> str:
    concept = voc.get("language").get(uri)
    codes = concept.alt_labels if concept else ()
    return next((code for code in codes if len(code) == _ISO_639_2), _code(uri).lower())


def encodings(dataset: Reader, field: Field) -> Iterable[Element]:
    """Write the character sets of the files, by their ISO codes."""
    encodings_of_files = [
        str(row[field.name]) for row in dataset.rows("resources") if row.get(field.name)
    ]
    for name in dict.fromkeys(encodings_of_files):
        concept = voc.get(field.vocabulary).get(name)
        if concept:
            yield xml.code(_name(field), "MD_CharacterSetCode", _character_set(concept))


def _character_set(concept: voc.Concept) -> str:
    """Return the label that is an ISO code: "8859part1" rather than "ISO-8859-1"."""
    codes: Iterator[str] = (
        label for label in concept.alt_labels if label.islower() and label.isalnum()
    )
    return next(codes, "utf8")


def further(dataset: Reader, field: Field) -> Iterable[Element]:
    """Write rows of further information as one text."""
    yield xml.text(_name(field), information.joined(dataset.rows(field.name)))


WRITERS: dict[str, Writer] = {
    "text": text,
    "texts": texts,
    "labels": labels,
    "translated": translated,
    "code": code,
    "enumeration": enumeration,
    "integer": integer,
    "metres": metres,
    "date": date,
    "dated": dated,
    "keywords": keywords,
    "tags": tags,
    "related": related,
    "status": status,
    "frequency": frequency,
    "languages": languages,
    "encodings": encodings,
    "information": further,
}
"""``write`` of the table of fields → function."""


def elements(dataset: Reader, field: Field) -> list[Any]:
    """Return the elements of a field; none if code writes it with its neighbours."""
    write = WRITERS.get(field.iso.get("write", ""))
    if write is None:
        return []
    return [element for element in write(dataset, field) if element is not None]
