"""Distribution information (``MD_Distribution``): files, services and pages of a dataset. No CKAN imports.

Each resource has its own transfer options. Formats are placed as INSPIRE requires (TG 2.0.1).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ckanext.ecosphere.schemas.iso import xml
from ckanext.ecosphere.schemas.iso.reading import Reader
from ckanext.ecosphere.schemas.iso.xml import el

FUNCTIONS = {"documentation": "information", "metadata": "information", "data": "download", "sample": "download"}
MEDIA_TYPES = "http://www.iana.org/assignments/media-types/"
MEGABYTE = 1_000_000

Row = Mapping[str, Any]


def distribution(dataset: Reader, elsewhere: Iterable[Mapping[str, str]]) -> Any:
    """Return ``gmd:distributionInfo`` with the resources, formats and pages of a dataset, or None.

    Args:
        dataset: the dataset.
        elsewhere: its records in other catalogues, see `writer.record`.
    """
    resources = [row for row in dataset.rows("resources") if row.get("url")]
    transfers = [_transfer(dataset, row) for row in resources]
    transfers += [el("gmd:transferOptions", el("gmd:MD_DigitalTransferOptions", p)) for p in _pages(dataset, elsewhere)]
    if not transfers:
        return None
    return el("gmd:distributionInfo", el("gmd:MD_Distribution", _formats(resources), transfers))


# --- formats -----------------------------------------------------------------------------------------


def _formats(resources: list[Row]) -> list[Any]:
    """Return the distinct formats of the resources."""
    formats: dict[tuple[str, ...], None] = {}
    for row in resources:
        name, media_type, compression, package = (
            str(row.get(field) or "") for field in ("format", "mimetype", "compress_format", "package_format")
        )
        if not package.startswith(xml.ADDRESSES):
            package = ""
        if name or media_type or compression or package:
            formats[name, media_type, compression, package] = None
    return [_format(*parts) for parts in formats]


def _format(name: str, media_type: str, compression: str, package: str) -> Any:
    media = f"{MEDIA_TYPES}{media_type}" if media_type else ""
    unpacked = xml.label("gmd:fileDecompressionTechnique", compression or package, package)
    inside = el(
        "gmd:MD_Format",
        xml.label("gmd:name", name or media, media),
        xml.missing("gmd:version", "unknown"),
        unpacked if compression or package else None,
    )
    return el("gmd:distributionFormat", inside)


# --- links -------------------------------------------------------------------------------------------


def _transfer(dataset: Reader, row: Row) -> Any:
    """Return the transfer options of a resource: its size, and its URLs, the main one first."""
    size = _bytes(row.get("size")) / MEGABYTE
    inside = el(
        "gmd:MD_DigitalTransferOptions",
        xml.number("gmd:transferSize", f"{size:.6f}", "Real") if size else None,
        _resource(dataset, row),
        [_link(address, role="documentation") for address in _further(row)],
    )
    return el("gmd:transferOptions", inside)


def _bytes(value: Any) -> float:
    """Return a size in bytes as a number (large ones are stored with a decimal point); 0 when invalid."""
    try:
        number = float(value or 0)
    except (TypeError, ValueError, OverflowError):
        return 0
    return number if 0 < number < float("inf") else 0


def _resource(dataset: Reader, row: Row) -> Any:
    role = str(row.get("resource_role") or "")
    name = str(row.get("name") or "")
    given: Any = row.get("layer_name") or []
    layers = ",".join([given] if isinstance(given, str) else map(str, given))
    own = str(row.get("description") or "")
    told = {"protocol": str(row.get("protocol") or ""), "name": layers or name}
    told["description"] = own or (name if layers else "")  # the layers take the place of the name
    names, descriptions = dataset.translations("name", row), dataset.translations("description", row)
    translations = {"name": {} if layers else names, "description": descriptions if own else names if layers else {}}
    return _link(str(row["url"]), translations, role=role or "data", **told)


def _further(row: Row) -> Iterator[str]:
    """Yield the URLs of the further links of a resource."""
    if row.get("access_url"):
        yield str(row["access_url"])
    if row.get("download_url") and row["download_url"] != row["url"]:
        yield str(row["download_url"])
    for address in row.get("documentation") or ():
        yield str(address)


def _pages(dataset: Reader, elsewhere: Iterable[Mapping[str, str]]) -> Iterator[Any]:
    """Yield the links of the dataset as a whole."""
    pages = [(address, "", "") for address in dataset.texts("documentation")]
    pages.append((dataset.text("url"), "WWW:LINK-1.0-http--landing", ""))
    pages.append((dataset.text("code_repository"), "", "Dépôt du code source"))
    for other in elsewhere:
        pages.append((other["record"], "", f"Fiche du même jeu de données : {other['title']}"))
    for address, protocol, name in pages:
        if address:
            yield _link(address, role="documentation", protocol=protocol, name=name)
    if dataset.text("source_record"):
        told = {"protocol": "WWW:LINK-1.0-http--metadata-URL", "name": dataset.text("source_catalogue")}
        if dataset.text("metadata_date"):
            told["description"] = f"Fiche d'origine, du {dataset.text('metadata_date')}"
        yield _link(dataset.text("source_record"), role="metadata", **told)


def _link(
    address: str,
    translations: Mapping[str, Mapping[str, str]] | None = None,
    /,
    *,
    role: str,
    **told: str,
) -> Any:
    """Return a ``gmd:onLine`` element.

    Args:
        address: the URL.
        translations: translations of ``name`` and ``description``, each by language.
        role: id in the vocabulary `resource-role`; determines the function code.
        told: ``protocol``, ``name``, ``description``.
    """
    inside = el(
        "gmd:CI_OnlineResource",
        xml.url("gmd:linkage", address),
        [
            xml.in_languages(f"gmd:{name}", told[name], (translations or {}).get(name, {}))
            for name in ("protocol", "name", "description")
            if told.get(name)
        ],
        xml.code("gmd:function", "CI_OnLineFunctionCode", FUNCTIONS[role]) if role in FUNCTIONS else None,
    )
    return el("gmd:onLine", inside)
