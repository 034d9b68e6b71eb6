"""Convert an OGC API – Records record (OGC 20-004r1) or a STAC collection (STAC 1.0, 1.1) to the neutral record.

Both are JSON; a value of another type than the standard's is ignored, and what has no place is noted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from ckanext.ecosphere.dataset.dates import is_stored_form
from ckanext.ecosphere.harvest.record import (
    Box,
    Constraint,
    Contact,
    Dated,
    Format,
    Graphic,
    Identifier,
    Keyword,
    Link,
    Period,
    Record,
    Term,
)
from ckanext.ecosphere.harvest.sources.json_values import day as _day
from ckanext.ecosphere.harvest.sources.json_values import list_ as _list
from ckanext.ecosphere.harvest.sources.json_values import megabytes
from ckanext.ecosphere.harvest.sources.json_values import object_ as _object
from ckanext.ecosphere.harvest.sources.json_values import text as _text

MAX_NOTE = 2_000
_OPEN = ("..", "")
_TYPES = {"service": "service", "series": "series", "collection": "series"}
_NAVIGATION = {
    "self", "root", "parent", "child", "item", "next", "prev", "collection", "conformance", "service-desc",
    "service-doc", "queryables", "http://www.opengis.net/def/rel/ogc/1.0/queryables",
}  # fmt: skip
"""Link relations for navigation in the catalogue, unrelated to the data."""
_RECORD = {"canonical", "alternate", "via"}
_INFORMATION = {"describedby", "about", "documentation", "help", "cite-as", "related", "metadata"}
_DATA = {"enclosure", "data", "item", "item-enclosure"}
_FEATURES = "OGC:API-FEATURES"
_ITEMS = re.compile(r"/collections/[^/?#]+/items\b")
_LOGOS = {"icon", "logo"}
_TOPICS = re.compile(r"topic_?category", re.IGNORECASE)
_TEMPLATED = re.compile(r"[?&]?\{[?&][^{}]{0,500}\}|[?&][^?&={}]{1,100}=\{[^{}]{1,100}\}")
"""RFC 6570 expressions in the query of a URL template: a list of parameters, or the value of one."""
_IMAGES = {"preview", "thumbnail", "icon", "overview"}
_PROVIDER_ROLES = {"licensor": "owner", "producer": "originator", "processor": "processor", "host": "distributor"}
_KNOWN = {
    "type", "title", "description", "keywords", "themes", "language", "created", "updated", "contacts", "formats",
    "license", "rights", "externalIds", "resourceLanguages", "distribution",
}  # fmt: skip
_KNOWN_OF_RECORD = {
    "type", "id", "properties", "geometry", "bbox", "time", "links", "linkTemplates", "distribution", "conformsTo",
}  # fmt: skip
_KNOWN_OF_STAC = {
    "type", "stac_version", "id", "title", "description", "keywords", "license", "providers", "extent", "links",
    "assets",
}  # fmt: skip


def is_record(value: Any) -> bool:
    """Tell whether a JSON value is a record or a STAC collection: an object with an identifier."""
    return isinstance(value, dict) and bool(identifier_of(value)) and value.get("type") in ("Feature", "Collection")


def identifier_of(value: dict[str, Any]) -> str:
    """Return the identifier of a record as text; empty without a usable one."""
    found = value.get("id")
    return found.strip() if isinstance(found, str) else str(found) if type(found) is int else ""


def record_of(value: dict[str, Any]) -> Record:
    """Read a record or a STAC collection."""
    return _collection(value) if value.get("type") == "Collection" else _feature(value)


def _feature(value: dict[str, Any]) -> Record:
    told = _object(value.get("properties"))
    record = Record(
        standard="ogcapi",
        file_identifier=identifier_of(value),
        identifiers=[
            Identifier(code=code, codespace=_text(each.get("scheme")))
            for each in _objects(told.get("externalIds"))
            if (code := _text(each.get("value")))
        ],
        title=_text(told.get("title")),
        abstract=_text(told.get("description")),
        hierarchy_level=_TYPES.get((_text(told.get("type")) or "").lower(), "dataset"),
        languages=[code for each in _objects(told.get("resourceLanguages")) if (code := _text(each.get("code")))],
        metadata_language=_text(_object(told.get("language")).get("code")) or _text(told.get("language")),
        keywords=[Keyword(text) for text in map(_text, _list(told.get("keywords"))) if text],
        dates=[
            Dated(day, kind)
            for kind, name in (("creation", "created"), ("revision", "updated"))
            if (day := _day(told.get(name)))
        ],
        metadata_date=_day(told.get("updated")) or None,
        contacts=[contact for each in _objects(told.get("contacts")) for contact in _contacts(each)],
        formats=[
            Format(name)
            for each in _list(told.get("formats"))
            if (name := _text(each) or _text(_object(each).get("name")) or _text(_object(each).get("mediaType")))
        ],
    )
    for theme in _objects(told.get("themes")):
        scheme = _text(theme.get("scheme"))
        for concept in _objects(theme.get("concepts")):
            text, address = _text(concept.get("title")) or _text(concept.get("id")), _text(concept.get("url"))
            if scheme and _TOPICS.search(scheme) and (code := _text(concept.get("id")) or text or address):
                record.topic_categories.append(re.split(r"[/#]", code.rstrip("/"))[-1])
            elif text:
                record.keywords.append(Keyword(text, address, thesaurus=scheme))
    _rights(record, _text(told.get("license")), _text(told.get("rights")))
    if not record.add_geometry(value.get("geometry")):
        _box(record, value.get("bbox"))
    _time(record, value.get("time"))
    _links(record, value)
    _link_templates(record, value)
    for each in _objects(told.get("contacts")):
        record.unread += _rest_of_contact(each)
    for each in (*_objects(told.get("distribution")), *_objects(value.get("distribution"))):
        _distribution(record, each)
    record.unread += _rest(told, _KNOWN)
    record.unread += _rest(value, _KNOWN_OF_RECORD)
    return record


def _collection(value: dict[str, Any]) -> Record:
    record = Record(
        standard="stac",
        file_identifier=identifier_of(value),
        title=_text(value.get("title")) or identifier_of(value),
        abstract=_text(value.get("description")),
        hierarchy_level="series" if value.get("item_assets") else "dataset",
        keywords=[Keyword(text) for text in map(_text, _list(value.get("keywords"))) if text],
    )
    for each in _objects(value.get("providers")):
        roles = [_PROVIDER_ROLES.get(role, role) for role in map(_text, _list(each.get("roles"))) if role]
        for role in roles or ["owner"]:
            record.contacts.append(Contact(_text(each.get("name")), role=role, url=_text(each.get("url"))))
        if description := _text(each.get("description")):
            record.unread.append(f"providers.description: {' '.join(description.split())[:MAX_NOTE]}")
    _rights(record, _text(value.get("license")), None)
    extent = _object(value.get("extent"))
    for bbox in _list(_object(extent.get("spatial")).get("bbox")):
        _box(record, bbox)
    for interval in _list(_object(extent.get("temporal")).get("interval")):
        _interval(record, interval)
    _links(record, value)
    for name, asset in _object(value.get("assets")).items():
        _asset(record, name, _object(asset))
    record.unread += _rest(value, _KNOWN_OF_STAC)
    return record


# --- parts -------------------------------------------------------------------------------------------


def _contacts(told: dict[str, Any]) -> Iterator[Contact]:
    """Yield a party once for each of its roles."""
    emails = [text for each in _list(told.get("emails")) if (text := _text(_object(each).get("value")))]
    phones, _faxes = _numbers(told)
    urls = [text for each in _objects(told.get("links")) if not _is_logo(each) and (text := _text(each.get("href")))]
    addresses = [_lines(each) for each in _objects(told.get("addresses"))]
    organisation, name = _text(told.get("organization")), _text(told.get("name"))
    roles = [_text(each) or _text(_object(each).get("name")) for each in _list(told.get("roles"))]
    for role in list(filter(None, roles)) or ["pointOfContact"]:
        yield Contact(
            # Many records have only the name, of an organisation.
            organisation=organisation or name,
            individual=name if organisation else None,
            position=_text(told.get("position")),
            role=_PROVIDER_ROLES.get(role, role),
            email=emails[0] if emails else None,
            other_emails=emails[1:],
            phone=phones[0] if phones else None,
            url=urls[0] if urls else None,
            address=addresses[0] if addresses else [],
        )


def _lines(address: dict[str, Any]) -> list[str]:
    parts = [*map(_text, _list(address.get("deliveryPoint")))]
    parts += [_text(address.get(name)) for name in ("city", "administrativeArea", "postalCode", "country")]
    return [part for part in parts if part]


def _numbers(told: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return the telephone numbers of a party, and its fax numbers."""
    phones: list[str] = []
    faxes: list[str] = []
    for each in _objects(told.get("phones")):
        roles = {(_text(role) or "").lower() for role in _list(each.get("roles"))}
        if number := _text(each.get("value")):
            (faxes if "fax" in roles else phones).append(number)
    return phones, faxes


def _is_logo(link: dict[str, Any]) -> bool:
    is_image = (_text(link.get("type")) or "").startswith("image/")
    return is_image or (_text(link.get("rel")) or "").lower() in _LOGOS


def _rest_of_contact(told: dict[str, Any]) -> Iterator[str]:
    """Yield notes on what a contact of the record cannot hold; logos are only noted."""
    phones, faxes = _numbers(told)
    yield from (f"contacts.facsimile: {number}" for number in faxes)
    yield from (f"contacts.telephone: {number}" for number in phones[1:])
    for each in _objects(told.get("addresses"))[1:]:
        if lines := _lines(each):
            yield f"contacts.otherAddress: {', '.join(lines)[:MAX_NOTE]}"
    for name in ("hoursOfService", "contactInstructions"):
        if text := _text(told.get(name)):
            yield f"contacts.{name}: {' '.join(text.split())[:MAX_NOTE]}"
    logos = [each for each in _objects(told.get("links")) if _is_logo(each)]
    yield from (f"contacts.url: {url[:MAX_NOTE]}" for each in logos if (url := _text(each.get("href"))))


def _rights(record: Record, licence: str | None, rights: str | None) -> None:
    terms = [Term(text) for text in (licence, rights) if text and text not in ("other", "various", "proprietary")]
    if licence in ("other", "various", "proprietary"):
        record.unread.append(f"license: {licence}")
    if terms:
        record.constraints.append(Constraint(kind="legal", use_limitations=terms))


def _box(record: Record, bbox: Any) -> None:
    numbers = [each for each in _list(bbox) if type(each) in (int, float)]
    if len(numbers) in (4, 6):
        half = len(numbers) // 2
        west, south, east, north = numbers[0], numbers[1], numbers[half], numbers[half + 1]
        record.boxes.append(Box(str(west), str(east), str(south), str(north)))


def _time(record: Record, told: Any) -> None:
    """Read an interval, a date or a timestamp, with a resolution (OGC 20-004r1, 7.2.1.3)."""
    time = _object(told)
    resolution = _text(time.get("resolution")) or ""
    if is_stored_form(resolution):
        record.fields["temporal_resolution"] = resolution
    elif resolution:
        record.unread.append(f"temporalResolution: {resolution[:MAX_NOTE]}")
    if isinstance(time.get("interval"), list):
        _interval(record, time["interval"])
    elif day := _text(time.get("date")) or _text(time.get("timestamp")):
        record.periods.append(Period(day, day))


def _interval(record: Record, interval: Any) -> None:
    ends = [None if end in _OPEN else end for end in map(_text, [*_list(interval), None, None][:2])]
    if any(ends):
        record.periods.append(Period(*ends))


def _links(record: Record, value: dict[str, Any]) -> None:
    for told in _objects(value.get("links")):
        url, relation = _text(told.get("href")), (_text(told.get("rel")) or "").lower()
        media = (_text(told.get("type")) or "json").lower()
        if not url or (relation in _NAVIGATION and (relation != "item" or "json" in media or media == "text/html")):
            continue  # an item that is a file leads to the data; any other is a page of the catalogue
        if relation == "license":
            record.constraints.append(
                Constraint(kind="legal", use_limitations=[Term(_text(told.get("title")) or "", url)])
            )
        elif relation in _IMAGES:
            record.graphics.append(Graphic(url, _text(told.get("title"))))
        else:
            record.links.append(_link(record, told, url, relation))


def _link(record: Record, told: dict[str, Any], url: str, relation: str) -> Link:
    """Return a link to the data, to a page about them, or to another view of the record.

    The link of a service has the name of its layer beside its title.
    """
    function = "completeMetadata" if relation in _RECORD else "information" if relation in _INFORMATION else None
    name, title, description = _text(told.get("name")), _text(told.get("title")), _text(told.get("description"))
    if name and name != title:
        if description and title:
            record.unread.append(f"links.description: {' '.join(description.split())[:MAX_NOTE]}")
        title, description = name, title or description
    if channel := _text(told.get("channel")):
        record.unread.append(f"links.channel: {channel[:MAX_NOTE]}")
    protocol = _text(told.get("protocol"))
    if relation == "items" and not protocol:
        protocol = _FEATURES if _ITEMS.search(url) else None
    return Link(
        url,
        protocol,
        title,
        description,
        function or ("download" if relation in _DATA else None),
        _text(told.get("type")),
        role="service" if relation == "items" else None,
        size_megabytes=megabytes(told.get("length")),
        issued=_day(told.get("created")) or None,
        modified=_day(told.get("updated")) or None,
    )


def _link_templates(record: Record, value: dict[str, Any]) -> None:
    """Read URL templates without their open parameters; one with an open path is unusable, and only noted."""
    for told in _objects(value.get("linkTemplates")):
        template, relation = _text(told.get("uriTemplate")) or "", (_text(told.get("rel")) or "").lower()
        if not template or relation in _NAVIGATION:
            continue
        url = _TEMPLATED.sub("", template[:MAX_NOTE])
        url = url if "?" in url else url.replace("&", "?", 1)
        if "{" in url:
            record.unread.append(f"linkTemplates: {template[:MAX_NOTE]}")
        else:
            record.links.append(_link(record, told, url, relation))


def _distribution(record: Record, told: dict[str, Any]) -> None:
    """Read a distribution, which some servers write as in DCAT."""
    file, page = _text(told.get("downloadURL")), _text(told.get("accessURL")) or _text(told.get("href"))
    if not (file or page):
        return
    link = Link(file or page, None, _text(told.get("title")) or _text(told.get("name")), _text(told.get("description")))
    link.function = "download" if file else None
    link.media_type = _text(told.get("mediaType")) or _text(told.get("type"))
    link.format = _text(told.get("format"))
    link.access_url = page if file else None
    link.size_megabytes = megabytes(told.get("byteSize"))
    record.links.append(link)


def _asset(record: Record, name: str, asset: dict[str, Any]) -> None:
    url = _text(asset.get("href"))
    roles = {text for each in _list(asset.get("roles")) if (text := _text(each))}
    if not url:
        return
    if roles & _IMAGES:
        record.graphics.append(Graphic(url, _text(asset.get("title"))))
        return
    function = "information" if roles & {"metadata", "documentation"} else "download"
    title, description = _text(asset.get("title")) or name, _text(asset.get("description"))
    size, day = megabytes(asset.get("file:size")), _day(asset.get("updated")) or None
    media = _text(asset.get("type"))
    record.links.append(Link(url, None, title, description, function, media, size_megabytes=size, modified=day))


def _rest(told: dict[str, Any], known: set[str]) -> Iterator[str]:
    for key, value in sorted(told.items()):
        if key not in known and value not in (None, "", [], {}):
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
            yield f"{key}: {' '.join(text.split())[:MAX_NOTE]}"


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in _list(value) if isinstance(each, dict)]
