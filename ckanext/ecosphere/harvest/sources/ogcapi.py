"""Source type `ecosphere_ogcapi`: OGC API – Records catalogues, and the collections of a STAC API.

Records follow OGC 20-004r1, collections STAC 1.0 or 1.1. Both are JSON; a value of another type
than the standard's is ignored, and what has no place is noted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from ckanext.ecosphere.dataset.dates import is_stored_form
from ckanext.ecosphere.harvest.config import Settings
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
from ckanext.ecosphere.harvest.sources.base import (
    COMMON_OPTIONS,
    MAX_NOTE,
    LinkedReader,
    Object,
    PageError,
    RawRecord,
    SourceType,
    count_of,
    day_in,
    default_page_size,
    identifier_in,
    list_in,
    megabytes_in,
    noted,
    object_in,
    objects_in,
    read_record,
    text_in,
    text_of,
    texts_in,
)
from ckanext.ecosphere.shared.http_guard import GuardedSession, joined
from ckanext.ecosphere.shared.language import N_

MAX_STEPS = 3
"""Maximum number of requests for the first records: landing page, collection, its items."""
_TO_RECORDS = ("items", "http://www.opengis.net/def/rel/ogc/1.0/records", "data")
"""Link relations that lead to records, in order of preference."""
_OPEN = ("..", "")
"""What stands for the open end of an interval."""
_TYPES = {"service": "service", "series": "series", "collection": "series"}
"""Type of a record → hierarchy level of ISO 19115."""
_NAVIGATION = {
    "self", "root", "parent", "child", "item", "next", "prev", "collection", "conformance",
    "service-desc", "service-doc", "queryables",
    "http://www.opengis.net/def/rel/ogc/1.0/queryables",
}  # fmt: skip
"""Link relations for navigation in the catalogue, unrelated to the data."""
_FUNCTIONS = {
    **dict.fromkeys(("canonical", "alternate", "via"), "completeMetadata"),
    **dict.fromkeys(
        ("describedby", "about", "documentation", "help", "cite-as", "related", "metadata"),
        "information",
    ),
    **dict.fromkeys(("enclosure", "data", "item", "item-enclosure"), "download"),
}
"""Link relation → function of the link."""
_ROLES = {"items": "service"}
"""Link relation → role of the link."""
_FEATURES = "OGC:API-FEATURES"
_ITEMS = re.compile(r"/collections/[^/?#]+/items\b")
_LOGOS = {"icon", "logo"}
"""Link relations of pictures of a party."""
_TOPICS = re.compile(r"topic_?category", re.IGNORECASE)
_IMAGES = {"preview", "thumbnail", "icon", "overview"}
"""Link relations and roles of pictures of the data."""
_PROVIDER_ROLES = {
    "licensor": "owner", "producer": "originator", "processor": "processor", "host": "distributor",
}  # fmt: skip
"""Role of a party in STAC → role in ISO 19115."""
_NO_LICENCES = ("other", "various", "proprietary")
# Names of the values that are read; a note is made of any other.
_READ_PROPERTIES = {
    "type", "title", "description", "keywords", "themes", "language", "created", "updated",
    "contacts", "formats", "license", "rights", "externalIds", "resourceLanguages", "distribution",
}  # fmt: skip
_READ_OF_RECORD = {
    "type", "id", "properties", "geometry", "bbox", "time", "links", "distribution", "conformsTo",
}  # fmt: skip
_READ_OF_STAC = {
    "type", "stac_version", "id", "title", "description", "keywords", "license", "providers",
    "extent", "links", "assets",
}  # fmt: skip


# --- the catalogue, page by page ---


class OgcApiReader(LinkedReader):
    """Reads records page by page, following the links "next".

    Args:
        url: URL of a collection of records, of its items, or of the collections of a STAC API.
        session: the guarded HTTP session.
        size: records per request.
    """

    def __init__(self, url: str, session: GuardedSession, size: int):
        super().__init__(url, session)
        self._size = size

    def _read_page(self, url: str) -> tuple[list[RawRecord], str | None]:
        answer = self._answer(url)
        items = _items(answer)
        steps = 0
        while items is None:
            steps += 1
            if steps >= MAX_STEPS:
                raise PageError("not-ogcapi")
            url = self._url_of_records(answer, url)
            answer = self._answer(url)
            items = _items(answer)
        records = list(filter(None, map(self._record, items)))
        return records, _linked(answer, url, ("next",))

    def _answer(self, url: str) -> Object:
        answer = self._fetch_json(url)
        if not isinstance(answer, dict):
            raise PageError("not-ogcapi")
        if self.reading.announced is None:
            self.reading.announced = count_of(answer.get("numberMatched"))
        return answer

    def _url_of_records(self, answer: Object, url: str) -> str:
        """Return the URL of the records that a landing page or a collection links to.

        Raises:
            PageError: it links to none.
        """
        target = _linked(answer, url, _TO_RECORDS)
        if target is None:
            raise PageError("not-ogcapi")
        parts = urlsplit(target)
        if parts.query:
            return target
        return urlunsplit(parts._replace(query=urlencode({"f": "json", "limit": self._size})))

    def _record(self, item: Any) -> RawRecord | None:
        """Return a record of a page.

        None for a repetition, and for one that cannot be read, which is noted.
        """
        self._position += 1
        if not is_record(item):
            self.reading.fail("not-ogcapi", self._position, self._position)
            return None
        identifier = identifier_in(item)
        if not self._is_new(identifier, self._position, identifier):
            return None
        return self._json_record(item, self._position, "not-ogcapi")


def _items(answer: Object) -> list[Any] | None:
    """Return the records of a page: items of a collection, or STAC collections.

    None for other pages.
    """
    features = answer.get("features")
    if isinstance(features, list):
        return features
    if any(collection.get("stac_version") for collection in objects_in(answer, "collections")):
        return answer["collections"]
    return None


def _linked(answer: Object, url: str, relations: Iterable[str]) -> str | None:
    """Return the URL of the first link to JSON with one of some relations,
    in their order of preference.
    """
    links = objects_in(answer, "links")
    for relation in relations:
        for link in links:
            href = link.get("href")
            is_json = "json" in str(link.get("type") or "json")
            if link.get("rel") == relation and is_json and isinstance(href, str) and href.strip():
                return joined(url, href)
    return None


class OgcApiSource(SourceType):
    """Source type for OGC API – Records and STAC."""

    type_name = "ecosphere_ogcapi"
    title = N_("OGC API – Records, STAC")
    description = N_(
        "A collection of records of an OGC API – Records server, or the collections of a STAC API."
    )
    options = (*COMMON_OPTIONS, "page_size")

    def make_reader(self, url: str, settings: Settings, session: GuardedSession) -> OgcApiReader:
        """Create a reader for one reading of the catalogue."""
        return OgcApiReader(url, session, default_page_size(settings))

    def read(self, content: str) -> Record:
        """Read a record of the API.

        Raises:
            RecordError: it is not valid.
        """
        return read_record(content, record_of, "not-ogcapi")


# --- from a record to the neutral record ---


def is_record(value: Any) -> bool:
    """Tell whether a JSON value is a record or a STAC collection: an object with an identifier."""
    return bool(identifier_in(value)) and value.get("type") in ("Feature", "Collection")


def record_of(value: Object) -> Record:
    """Read a record or a STAC collection.

    Raises:
        ValueError: it is neither.
    """
    if not is_record(value):
        raise ValueError("neither a record nor a collection")
    if value.get("type") == "Collection":
        return _of_collection(value)
    return _of_feature(value)


def _of_feature(value: Object) -> Record:
    properties = object_in(value, "properties")
    created, updated = day_in(properties, "created"), day_in(properties, "updated")
    record = Record(
        standard="ogcapi",
        file_identifier=identifier_in(value),
        title=text_in(properties, "title"),
        abstract=text_in(properties, "description"),
        hierarchy_level=_TYPES.get((text_in(properties, "type") or "").lower(), "dataset"),
        metadata_language=text_in(object_in(properties, "language"), "code")
        or text_in(properties, "language"),
        keywords=[Keyword(text) for text in texts_in(properties, "keywords")],
        metadata_date=updated,
    )
    for external in objects_in(properties, "externalIds"):
        code = text_in(external, "value")
        if code:
            record.identifiers.append(Identifier(code, codespace=text_in(external, "scheme")))
    for language in objects_in(properties, "resourceLanguages"):
        code = text_in(language, "code")
        if code:
            record.languages.append(code)
    for day, kind in ((created, "creation"), (updated, "revision")):
        if day:
            record.dates.append(Dated(day, kind))
    contacts = objects_in(properties, "contacts")
    for contact in contacts:
        record.contacts += _contacts(contact)
    _add_formats(record, properties)
    for theme in objects_in(properties, "themes"):
        _add_theme(record, theme)
    _add_rights(record, text_in(properties, "license"), text_in(properties, "rights"))
    if not record.add_geometry(value.get("geometry")):
        _add_box(record, value.get("bbox"))
    _add_time(record, object_in(value, "time"))
    _add_links(record, value)
    for contact in contacts:
        record.unread += _rest_of_contact(contact)
    for holder in (properties, value):
        for distribution in objects_in(holder, "distribution"):
            _add_distribution(record, distribution)
    record.unread += _rest(properties, _READ_PROPERTIES)
    record.unread += _rest(value, _READ_OF_RECORD)
    return record


def _of_collection(value: Object) -> Record:
    level = "dataset"
    if value.get("item_assets"):
        level = "series"
    record = Record(
        standard="stac",
        file_identifier=identifier_in(value),
        title=text_in(value, "title") or identifier_in(value),
        abstract=text_in(value, "description"),
        hierarchy_level=level,
        keywords=[Keyword(text) for text in texts_in(value, "keywords")],
    )
    for provider in objects_in(value, "providers"):
        for role in texts_in(provider, "roles") or ["licensor"]:
            record.contacts.append(
                Contact(
                    text_in(provider, "name"),
                    role=_PROVIDER_ROLES.get(role, role),
                    url=text_in(provider, "url"),
                )
            )
        description = text_in(provider, "description")
        if description:
            record.unread.append(f"providers.description: {noted(description)}")
    _add_rights(record, text_in(value, "license"), None)
    extent = object_in(value, "extent")
    for bbox in list_in(object_in(extent, "spatial"), "bbox"):
        _add_box(record, bbox)
    for interval in list_in(object_in(extent, "temporal"), "interval"):
        _add_interval(record, interval)
    _add_links(record, value)
    assets = object_in(value, "assets")
    for name in assets:
        _add_asset(record, name, object_in(assets, name))
    record.unread += _rest(value, _READ_OF_STAC)
    return record


def _rest(values: Object, read: set[str]) -> Iterator[str]:
    """Yield notes on the values whose names are not among those read."""
    for key, value in sorted(values.items()):
        if key in read or value in (None, "", [], {}):
            continue
        text = value
        if not isinstance(value, str):
            text = json.dumps(value, ensure_ascii=False, sort_keys=True)
        yield f"{key}: {noted(text)}"


def _add_formats(record: Record, properties: Object) -> None:
    for value in list_in(properties, "formats"):
        name = text_of(value)
        if isinstance(value, dict):
            name = text_in(value, "name") or text_in(value, "mediaType")
        if name:
            record.formats.append(Format(name))


def _add_theme(record: Record, theme: Object) -> None:
    """Read concepts as topic categories or keywords, by the address of their scheme."""
    scheme = text_in(theme, "scheme")
    are_topics = bool(_TOPICS.search(scheme or ""))
    for concept in objects_in(theme, "concepts"):
        code, address = text_in(concept, "id"), text_in(concept, "url")
        text = text_in(concept, "title") or code
        code = code or text or address
        if are_topics and code:
            record.topic_categories.append(re.split(r"[/#]", code.rstrip("/"))[-1])
        elif text:
            record.keywords.append(Keyword(text, address, thesaurus=scheme))


# --- parties ---


def _contacts(party: Object) -> Iterator[Contact]:
    """Yield a party once for each of its roles.

    Of several numbers, pages and addresses, it has the first.
    """
    organisation, individual = text_in(party, "organization"), text_in(party, "name")
    if not organisation:  # many records have only a name, that of an organisation
        organisation, individual = individual, None
    values = [text_in(email, "value") for email in objects_in(party, "emails")]
    emails = [email for email in values if email]
    phones, _faxes = _numbers(party)
    urls = [text_in(link, "href") for link in objects_in(party, "links") if not _is_logo(link)]
    addresses = [_lines(address) for address in objects_in(party, "addresses")]
    for role in _roles(party) or ["pointOfContact"]:
        yield Contact(
            organisation=organisation,
            individual=individual,
            position=text_in(party, "position"),
            role=_PROVIDER_ROLES.get(role, role),
            email=next(iter(emails), None),
            other_emails=emails[1:],
            phone=next(iter(phones), None),
            url=next(filter(None, urls), None),
            address=next(iter(addresses), []),
        )


def _roles(party: Object) -> list[str]:
    """Return the roles of a party: texts, or objects with a name."""
    roles = []
    for value in list_in(party, "roles"):
        role = text_of(value)
        if isinstance(value, dict):
            role = text_in(value, "name")
        if role:
            roles.append(role)
    return roles


def _lines(address: Object) -> list[str]:
    names = ("city", "administrativeArea", "postalCode", "country")
    others = [text_in(address, name) for name in names]
    return [*texts_in(address, "deliveryPoint"), *filter(None, others)]


def _numbers(party: Object) -> tuple[list[str], list[str]]:
    """Return the telephone numbers of a party, and its fax numbers."""
    phones: list[str] = []
    faxes: list[str] = []
    for phone in objects_in(party, "phones"):
        number = text_in(phone, "value")
        if number and "fax" in map(str.lower, texts_in(phone, "roles")):
            faxes.append(number)
        elif number:
            phones.append(number)
    return phones, faxes


def _is_logo(link: Object) -> bool:
    is_image = (text_in(link, "type") or "").startswith("image/")
    return is_image or (text_in(link, "rel") or "").lower() in _LOGOS


def _rest_of_contact(party: Object) -> Iterator[str]:
    """Yield notes on what a contact of the record has no place for: further numbers and addresses,
    logos.
    """
    phones, faxes = _numbers(party)
    for number in faxes:
        yield f"contacts.facsimile: {number}"
    for number in phones[1:]:
        yield f"contacts.telephone: {number}"
    for address in objects_in(party, "addresses")[1:]:
        lines = _lines(address)
        if lines:
            yield f"contacts.otherAddress: {', '.join(lines)[:MAX_NOTE]}"
    for name in ("hoursOfService", "contactInstructions"):
        text = text_in(party, name)
        if text:
            yield f"contacts.{name}: {noted(text)}"
    for link in objects_in(party, "links"):
        url = text_in(link, "href")
        if url and _is_logo(link):
            yield f"contacts.url: {url[:MAX_NOTE]}"


# --- rights, places and times ---


def _add_rights(record: Record, licence: str | None, rights: str | None) -> None:
    terms = [Term(text) for text in (licence, rights) if text and text not in _NO_LICENCES]
    if licence in _NO_LICENCES:
        record.unread.append(f"license: {licence}")
    if terms:
        record.constraints.append(Constraint(kind="legal", use_limitations=terms))


def _add_box(record: Record, bbox: Any) -> None:
    if not isinstance(bbox, list):
        return
    numbers = [number for number in bbox if type(number) in (int, float)]
    if len(numbers) in (4, 6):
        half = len(numbers) // 2
        west, south, *_height = map(str, numbers[:half])
        east, north, *_height = map(str, numbers[half:])
        record.boxes.append(Box(west, east, south, north))


def _add_time(record: Record, time: Object) -> None:
    """Read an interval, a date or a timestamp, with a resolution (OGC 20-004r1, 7.2.1.3)."""
    resolution = text_in(time, "resolution") or ""
    if is_stored_form(resolution):
        record.fields["temporal_resolution"] = resolution
    elif resolution:
        record.unread.append(f"temporalResolution: {resolution[:MAX_NOTE]}")
    day = text_in(time, "date") or text_in(time, "timestamp")
    if isinstance(time.get("interval"), list):
        _add_interval(record, time["interval"])
    elif day:
        record.periods.append(Period(day, day))


def _end(value: Any) -> str | None:
    """Return an end of an interval, None if it is open."""
    text = text_of(value)
    if text in _OPEN:
        return None
    return text


def _add_interval(record: Record, interval: Any) -> None:
    if not isinstance(interval, list):
        return
    start, end = map(_end, (*interval, None, None)[:2])
    if start or end:
        record.periods.append(Period(start, end))


# --- links ---


def _add_links(record: Record, value: Object) -> None:
    for link in objects_in(value, "links"):
        url, relation = text_in(link, "href"), (text_in(link, "rel") or "").lower()
        if not url or _is_navigation(link, relation):
            continue
        if relation == "license":
            term = Term(text_in(link, "title") or "", url)
            record.constraints.append(Constraint(kind="legal", use_limitations=[term]))
        elif relation in _IMAGES:
            record.graphics.append(Graphic(url, text_in(link, "title")))
        else:
            record.links.append(_link(record, link, url, relation))


def _is_navigation(link: Object, relation: str) -> bool:
    """Tell whether a link leads to a page of the catalogue.

    An item that is a file leads to the data.
    """
    if relation != "item":
        return relation in _NAVIGATION
    media = (text_in(link, "type") or "json").lower()
    return "json" in media or media == "text/html"


def _link(record: Record, link: Object, url: str, relation: str) -> Link:
    """Return a link to the data, to a page about them, or to another view of the record."""
    name, title = text_in(link, "name"), text_in(link, "title")
    description = text_in(link, "description")
    if name and name != title:
        # The link of a service: the name of the layer, and its title in place of a description.
        if description and title:
            record.unread.append(f"links.description: {noted(description)}")
        title, description = name, title or description
    channel = text_in(link, "channel")
    if channel:
        record.unread.append(f"links.channel: {channel[:MAX_NOTE]}")
    protocol = text_in(link, "protocol")
    if not protocol and relation == "items" and _ITEMS.search(url):
        protocol = _FEATURES
    return Link(
        url,
        protocol,
        title,
        description,
        _FUNCTIONS.get(relation),
        text_in(link, "type"),
        role=_ROLES.get(relation),
        size_megabytes=megabytes_in(link, "length"),
        issued=day_in(link, "created"),
        modified=day_in(link, "updated"),
    )


def _add_distribution(record: Record, distribution: Object) -> None:
    """Read a distribution, which some servers write as in DCAT."""
    file = text_in(distribution, "downloadURL")
    page = text_in(distribution, "accessURL") or text_in(distribution, "href")
    if not (file or page):
        return
    link = Link(
        file or page,
        name=text_in(distribution, "title") or text_in(distribution, "name"),
        description=text_in(distribution, "description"),
        media_type=text_in(distribution, "mediaType") or text_in(distribution, "type"),
        format=text_in(distribution, "format"),
        size_megabytes=megabytes_in(distribution, "byteSize"),
    )
    if file:
        link.function = "download"
        link.access_url = page
    record.links.append(link)


def _add_asset(record: Record, name: str, asset: Object) -> None:
    url, title = text_in(asset, "href"), text_in(asset, "title")
    roles = set(texts_in(asset, "roles"))
    if not url:
        return
    if roles & _IMAGES:
        record.graphics.append(Graphic(url, title))
        return
    link = Link(
        url,
        name=title or name,
        description=text_in(asset, "description"),
        function="download",
        media_type=text_in(asset, "type"),
        size_megabytes=megabytes_in(asset, "file:size"),
        modified=day_in(asset, "updated"),
    )
    if roles & {"metadata", "documentation"}:
        link.function = "information"
    record.links.append(link)
