"""Convert an ISO 19139 or ISO 19115-3 element to the neutral record."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from ckanext.ecosphere.dataset.geometry import boxes_around, parts_of
from ckanext.ecosphere.harvest.iso import feature_catalogue
from ckanext.ecosphere.harvest.iso.tables import METADATA
from ckanext.ecosphere.harvest.iso.walk import FRENCH, Walk, code_of, one_line
from ckanext.ecosphere.harvest.problems import FEATURE_CATALOGUE, RecordError
from ckanext.ecosphere.harvest.record import Record, as_boxes
from ckanext.ecosphere.shared.hardened_xml import local_name

ROOTS = {"MD_Metadata", "MI_Metadata"}
ISO_19139 = "http://www.isotc211.org/"
ISO_19115_3 = "http://standards.iso.org/iso/19115/-3/"
_EXCEPTIONS = {"ExceptionReport", "ServiceExceptionReport", "Exception"}


def records_in(root: etree._Element) -> Iterator[etree._Element]:
    """Yield the metadata records of a document in order: the document itself, or those of a CSW response."""
    if local_name(root) in ROOTS:
        yield root
        return
    yield from root.iter("{*}MD_Metadata", "{*}MI_Metadata")


def kept_in(root: etree._Element) -> Iterator[etree._Element]:
    """Yield the parts of a document that a source stores: metadata records, or a standalone feature catalogue."""
    if local_name(root) == feature_catalogue.ROOT:
        yield root
        return
    yield from records_in(root)


def read_record(element: etree._Element) -> Record:
    """Read one metadata record.

    Args:
        element: ``gmd:MD_Metadata``, ``gmi:MI_Metadata`` or ``mdb:MD_Metadata``.

    Raises:
        RecordError: it is not such a record, or it describes no resource.
    """
    record = Record(standard=_standard(element))
    locales = _languages(element, record)
    french_first = bool(record.metadata_language) and record.metadata_language not in FRENCH
    Walk(record, locales, french_first).children(element, METADATA, record)
    systems = record.reference_systems
    record.reference_systems = [system for system in systems if system.code or system.href]
    if not any(local_name(child) == "identificationInfo" for child in element):
        raise RecordError("no-identification")
    if not record.boxes:
        parts = []
        for shape in record.shapes:
            parts += parts_of(shape.geometry)
        record.boxes += as_boxes(boxes_around(parts))
    return record


def _standard(element: etree._Element) -> str:
    name = local_name(element)
    if name in _EXCEPTIONS:
        text = one_line(" ".join(str(part) for part in element.itertext()))
        raise RecordError("exception", text=text[:200])
    if name == "html":
        raise RecordError("html")
    if name == feature_catalogue.ROOT:
        raise RecordError(FEATURE_CATALOGUE)
    namespace = str(element.tag).partition("}")[0].lstrip("{")
    if name in ROOTS and namespace.startswith(ISO_19139):
        return "iso19139"
    if name in ROOTS and namespace.startswith(ISO_19115_3):
        return "iso19115-3"
    raise RecordError("not-iso", root=name[:80])


def _languages(element: etree._Element, record: Record) -> dict[str, str]:
    """Read the language and the locales of the record, which are needed before any text."""
    locales: dict[str, str] = {}
    for child in element:
        name = local_name(child)
        if name == "language":
            record.metadata_language = code_of(child).lower() or None
        elif name in ("locale", "defaultLocale", "otherLocale"):
            for locale in child.iter("{*}PT_Locale"):
                language = _language_of(locale).lower()
                if language:
                    locales[locale.get("id") or ""] = language
                if name == "defaultLocale":
                    record.metadata_language = language or None
    return locales


def _language_of(locale: etree._Element) -> str:
    for child in locale:
        if local_name(child) in ("languageCode", "language"):
            return code_of(child)
    return ""
