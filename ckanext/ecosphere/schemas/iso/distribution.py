"""Distribution information (``MD_Distribution``): files, services and pages of a dataset. No CKAN imports.

Each resource has its own transfer options. Formats are placed as INSPIRE requires (TG 2.0.1) and refer to their
transfer options as in ISO 19115:2003 (``MD_Format.formatDistributor``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ckanext.ecosphere import vocabularies as voc
from ckanext.ecosphere.schemas.iso import xml
from ckanext.ecosphere.schemas.iso.reading import Reader
from ckanext.ecosphere.schemas.iso.xml import el
from ckanext.ecosphere.shared import xlink_roles

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
    transfers = [_transfer(dataset, row, f"transfer-{number}") for number, row in enumerate(resources, 1)]
    transfers += [el("gmd:transferOptions", el("gmd:MD_DigitalTransferOptions", p)) for p in _pages(dataset, elsewhere)]
    if not transfers:
        return None
    return el("gmd:distributionInfo", el("gmd:MD_Distribution", _formats(resources), transfers))


# --- formats -----------------------------------------------------------------------------------------


def _formats(resources: list[Row]) -> list[Any]:
    """Return the distinct formats, each with references to its transfer options."""
    found: dict[tuple[str, ...], list[str]] = {}
    for number, row in enumerate(resources, 1):
        key = tuple(str(row.get(name) or "") for name in ("format", "mimetype", "compress_format", "package_format"))
        key = (*key[:3], key[3] if key[3].startswith(xml.ADDRESSES) else "")
        found.setdefault(key, []).append(f"transfer-{number}")
    return [_format(key, names) for key, names in found.items() if any(key)]


def _format(told: tuple[str, ...], transfers: list[str]) -> Any:
    name, media_type, compression, package = told
    media = f"{MEDIA_TYPES}{media_type}" if media_type else ""
    unpacked = xml.label("gmd:fileDecompressionTechnique", compression or package, package)
    inside = el(
        "gmd:MD_Format",
        xml.label("gmd:name", name or media, media),
        xml.missing("gmd:version", "unknown"),
        unpacked if compression or package else None,
        el(
            "gmd:formatDistributor",
            el(
                "gmd:MD_Distributor",
                xml.missing("gmd:distributorContact"),
                [el("gmd:distributorTransferOptions", xlink_href=f"#{each}") for each in transfers],
            ),
        ),
    )
    return el("gmd:distributionFormat", inside)


# --- links -------------------------------------------------------------------------------------------


def _transfer(dataset: Reader, row: Row, name: str) -> Any:
    """Return the transfer options of a resource: its size, and its URLs, the main one first."""
    size = _bytes(row.get("size")) / MEGABYTE
    inside = el(
        "gmd:MD_DigitalTransferOptions",
        xml.number("gmd:transferSize", f"{size:.6f}", "Real") if size else None,
        _resource(dataset, row),
        [_link(address, {"xlink_arcrole": arc}, role="documentation") for arc, address in _further(row)],
        id=name,
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
    known = voc.get("resource-role").get(role)
    marks = {
        "xlink_arcrole": xlink_roles.DOWNLOAD_URL
        if row.get("download_url") == row["url"]
        else xlink_roles.DISTRIBUTION,
        "xlink_role": known.uri if known else "",
        "xlink_title": (name or layers) if layers else "",
    }
    own = str(row.get("description") or "")
    told = {"protocol": str(row.get("protocol") or ""), "name": layers or name}
    told["description"] = own or (name if layers else "")  # the layers take the place of the name
    names, descriptions = dataset.translations("name", row), dataset.translations("description", row)
    translations = {"name": {} if layers else names, "description": descriptions if own else names if layers else {}}
    return _link(str(row["url"]), marks, translations, role=role or "data", **told)


def _further(row: Row) -> Iterator[tuple[str, str]]:
    """Yield the arcrole and URL of the further links of a resource."""
    if row.get("access_url"):
        yield xlink_roles.ACCESS_URL, str(row["access_url"])
    if row.get("download_url") and row["download_url"] != row["url"]:
        yield xlink_roles.DOWNLOAD_URL, str(row["download_url"])
    for address in row.get("documentation") or ():
        yield xlink_roles.PAGE, str(address)


def _pages(dataset: Reader, elsewhere: Iterable[Mapping[str, str]]) -> Iterator[Any]:
    """Yield the links of the dataset as a whole."""
    pages = [(xlink_roles.PAGE, address, "", "") for address in dataset.texts("documentation")]
    pages.append((xlink_roles.LANDING_PAGE, dataset.text("url"), "WWW:LINK-1.0-http--landing", ""))
    pages.append((xlink_roles.REPOSITORY, dataset.text("code_repository"), "", "Dépôt du code source"))
    for other in elsewhere:
        name = f"Fiche du même jeu de données : {other['title']}"
        pages.append((xlink_roles.REFERENCED_BY, other["record"], "", name))
    for arc, address, protocol, name in pages:
        if address:
            yield _link(address, {"xlink_arcrole": arc}, role="documentation", protocol=protocol, name=name)
    if dataset.text("source_record"):
        told = {"protocol": "WWW:LINK-1.0-http--metadata-URL", "name": dataset.text("source_catalogue")}
        if dataset.text("metadata_date"):
            told["description"] = f"Fiche d'origine, du {dataset.text('metadata_date')}"
        yield _link(dataset.text("source_record"), {"xlink_arcrole": xlink_roles.SOURCE}, role="metadata", **told)


def _link(
    address: str,
    marks: Mapping[str, str],
    translations: Mapping[str, Mapping[str, str]] | None = None,
    /,
    *,
    role: str,
    **told: str,
) -> Any:
    """Return a ``gmd:onLine`` element.

    Args:
        address: the URL.
        marks: XLink attributes, see ``xlink_roles``.
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
    return el("gmd:onLine", inside, **marks)
